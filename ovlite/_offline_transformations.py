"""Changes of models that programs make through openvino._offline_transformations, optimum-intel and nncf among them.

Each changes a model in place. Those that prepare caches for openvino's own kernels are not here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .frontend.ir.writing import DECOMPRESSION, halves
from .graph import Constant, Model, Output
from .graph.constants import constant_array
from .graph.operator import Array
from .ops import NEWEST_OPSET, factories
from .passes.pipeline.folding import fold_constants
from .passes.states import LowLatency2, MakeStateful, Pairs
from .types import Type


def apply_moc_transformations(model: Model, cf: bool, smart_reshape: bool = False) -> None:
    """Folds what is constant; what else makes a model faster is done when it is compiled."""
    fold_constants(model)


def compress_model_transformation(model: Model) -> None:
    """Keeps f32 and f64 constants as f16, with a Convert back behind each, where f16 holds most of their values."""
    convert = factories(NEWEST_OPSET)["convert"]
    for node in model.get_ordered_ops():
        half = halves(node)
        if half is None:
            continue
        name = node.friendly_name
        wide = node.output(0).element_type
        back = convert(Constant.of(half, Type.f16, name=f"{name}_compressed"), wide, name=name)
        back.info.update(DECOMPRESSION)
        node.output(0).replace(back.output(0))


def compress_quantize_weights_transformation(model: Model) -> None:
    """Keeps weights that a FakeQuantize of at most 256 levels reads as i8, with what makes them f32 again behind.

    q = FakeQuantize(w) onto the integers from -(levels // 2); w is (q - zero) * scale, with
    scale = (output high - output low) / (levels - 1) and zero = -(levels // 2) - output low / scale.
    """
    ops = factories(NEWEST_OPSET)
    for node in model.get_ordered_ops():
        arrays = [array for source in node.sources if (array := _value(source)) is not None]
        levels = node.op.attributes().get("levels", 0)
        if node.get_type_name() != "FakeQuantize" or levels > 256 or len(arrays) < len(node.sources):
            continue
        weights, low, high, first, last = arrays
        lowest = np.asarray(-(levels // 2), np.float32)
        scale = ((last - first) / (levels - 1)).astype(np.float32)
        zero = np.where(scale == 0, 0, lowest - first / np.where(scale == 0, 1, scale)).astype(np.float32)
        (integers,) = node.op.evaluate(weights, low, high, lowest, lowest + (levels - 1))
        name = node.friendly_name
        stored = Constant.of(np.rint(integers).astype(np.int8), Type.i8, name=f"{name}/quantized_weights")
        result = ops["convert"](stored, "f32")
        if np.abs(zero).max(initial=0) > 1e-4:
            result = ops["subtract"](result, zero, name=f"{name}/zero_point")
        node.output(0).replace(ops["multiply"](result, scale, name=name).output(0))


def _value(tensor: Output) -> Array | None:
    """A constant's elements, also behind the Convert of a compressed one; None for what is no constant."""
    node = tensor.node
    if node.get_type_name() == "Convert" and isinstance(node.sources[0].node, Constant):
        return constant_array(node.sources[0].node).astype(np.float32)
    return constant_array(node) if isinstance(node, Constant) else None


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
