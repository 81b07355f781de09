"""Implementations of the slots of graph/hooks.py."""

from __future__ import annotations

from typing import Any

from ..graph import Model, hooks
from ..ops.evaluation import evaluate_node, evaluate_tensors
from ..ops.families import arithmetic
from .arrays import read_elements
from .tensor import tensor_of
from .value_bounds import bounds, set_bound


def install() -> None:
    """Fills the slots."""
    hooks.install(
        hooks.Hooks(
            arithmetic=arithmetic,
            evaluate_node=evaluate_node,
            evaluate_model=evaluate_tensors,
            read_elements=read_elements,
            tensor_of=tensor_of,
            bounds=bounds,
            set_bound=set_bound,
            pickled=_pickled,
        )
    )


def _pickled(model: Model) -> tuple[Any, ...]:
    """A model is pickled as an IR."""
    from ..frontend.ir import read_bytes, to_bytes

    return read_bytes, to_bytes(model)
