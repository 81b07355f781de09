"""Slots for what the graph asks of rooms above it, such as the node that `left + right` stands for.

The classes of the graph call hooks().<slot>(...). What fills the slots stands in runtime/graph_hooks.py, whose
install() runs when the first slot is asked for, so that a graph alone loads none of those rooms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..imports import forks_wait
from ..records import dataclass
from ..types import Type
from .operator import Array

if TYPE_CHECKING:
    from .constants import Constant
    from .model import Model
    from .node import Node
    from .ports import Output


@dataclass(frozen=True)
class Hooks:
    """The slots."""

    # The node of an operator on two operands, by the name of its factory in the newest opset.
    arithmetic: Callable[[str, Any, Any], Node]
    # Node.evaluate() and Model.evaluate(): from input tensors into output tensors.
    evaluate_node: Callable[[Node, Sequence[Any], Sequence[Any]], bool]
    evaluate_model: Callable[[Model, Sequence[Any], Sequence[Any]], None]
    # An array on the memory of what shows its elements, and its element type where that is not the dtype's; or None.
    read_elements: Callable[[Any], tuple[Array, Type | None] | None]
    # The Tensor on a constant's memory.
    tensor_of: Callable[[Constant], Any]
    # DescriptorTensor: Tensors of the least and the greatest that elements can be, and those that are set.
    bounds: Callable[[Output], tuple[Any, Any]]
    set_bound: Callable[[Output, bool, Any], None]
    # Model.__reduce__().
    pickled: Callable[[Model], tuple[Any, ...]]


_slots: Hooks | None = None


def install(slots: Hooks) -> None:
    """Fills the slots, for all graphs of the process."""
    global _slots
    _slots = slots


def hooks() -> Hooks:
    """The slots, filled."""
    if _slots is None:
        with forks_wait():
            from ..runtime import graph_hooks

            graph_hooks.install()
    assert _slots is not None
    return _slots
