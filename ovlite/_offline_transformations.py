"""Changes of models that programs make through openvino._offline_transformations, optimum-intel and nncf among them.

Each changes a model in place. Those that prepare weights or caches for openvino's own kernels are not here.
"""

from __future__ import annotations

from typing import Any

from .frontend.ir.writing import DECOMPRESSION, halves
from .graph import Constant, Model
from .ops import NEWEST_OPSET, factories
from .passes.folding import fold_constants
from .passes.states import LowLatency2, MakeStateful, Pairs
from .types import Type


def apply_moc_transformations(model: Model, cf: bool, smart_reshape: bool = False) -> None:
    """Folds what is constant; what else makes a model faster is done when it is compiled."""
    fold_constants(model)


def compress_model_transformation(model: Model) -> None:
    """Keeps f32 constants as f16, with a Convert back to f32 behind each, where f16 holds their values."""
    convert = factories(NEWEST_OPSET)["convert"]
    for node in model.get_ordered_ops():
        half = halves(node)
        if half is None:
            continue
        name = node.friendly_name
        back = convert(Constant.of(half, Type.f16, name=f"{name}_compressed"), "f32", name=name)
        back.info.update(DECOMPRESSION)
        node.output(0).replace(back.output(0))


def apply_make_stateful_transformation(model: Model, *pairs: Pairs, **named: Pairs) -> None:
    """Makes variables of pairs of parameters and results; pairs are nodes, or a dict of names."""
    MakeStateful(*pairs, *named.values()).run_on_model(model)


def apply_low_latency_transformation(model: Model, use_const_initializer: bool = True) -> None:
    """Makes loops and sequences go on where the last inference ended."""
    LowLatency2(use_const_initializer).run_on_model(model)


def apply_fused_names_cleanup(model: Model) -> None:
    """Forgets which nodes others were made of. ovlite doesn't note that."""


def __getattr__(name: str) -> Any:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            f"ovlite has no {name}; run it with openvino itself, save the model as an IR and read that"
        )

    if name.endswith(("_transformation", "_transformations")):
        return refuse
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
