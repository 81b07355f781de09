"""What is done to a model before plans are made of it: small rewrites, in this order.

Each pass takes a model that is its own to change and keeps what it computes.

The names of openvino.passes, for users who write passes of their own, are here too; they come from the
modules manager, graph_rewrite, patterns, predicates, builtin and states when they are first used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

from ..graph import Model
from .activations import recognize_activations
from .affine import fold_affine
from .bodies import take_constants
from .epilogues import fuse_epilogues
from .folding import fold_constants
from .normalization import recognize_normalization
from .precision import compute_in_f32
from .simplify import simplify

PASSES: tuple[Callable[[Model], None], ...] = (
    compute_in_f32,
    fold_constants,
    simplify,
    fold_constants,
    recognize_normalization,
    recognize_activations,
    fold_affine,
    fuse_epilogues,
)


def run_passes(model: Model, upto: int | None = None) -> None:
    """Applies the passes, or the first `upto` of them, to the model and to the bodies of its operators."""
    for change in PASSES[:upto]:
        change(model)
    for node in model.get_ordered_ops():
        bodies = {name: value.clone() for name, value in node.op.attributes().items() if isinstance(value, Model)}
        for body in bodies.values():
            take_constants(node, body)
            run_passes(body, upto)
        if bodies:
            node.op = replace(node.op, **bodies)  # type: ignore[type-var]


_MODULES = {
    "builtin": ("ConstantFolding", "ConvertFP32ToFP16", "Serialize", "Version", "VisualizeTree"),
    "graph_rewrite": ("BackwardGraphRewrite", "GraphRewrite", "MatcherPass"),
    "manager": ("Manager", "ModelPass", "PassBase"),
    "patterns": ("AnyInput", "Matcher", "Optional", "Or", "WrapType"),
    "predicates": (
        "Predicate", "attrs_match", "consumers_count", "has_static_dim", "has_static_dims", "has_static_rank",
        "has_static_shape", "rank_equals", "shape_matches", "type_matches", "type_matches_any",
    ),
    "states": ("LowLatency2", "MakeStateful"),
}  # fmt: skip
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = ["PASSES", "run_passes", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
