"""Nodes that several passes put into the graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...graph import Constant, Output
from ...graph.operator import Array
from ...ops import NEWEST_OPSET, factories
from .match import constant, is_op


def literal(array: Array) -> Output:
    """A constant of these elements, of any strides."""
    return Constant.of(np.asarray(array, order="C")).output(0)


def transposed(output: Output, order: Sequence[int], name: str | None = None) -> Output:
    """The tensor with its axes in this order: made of what a Transpose reads, if one made it, and by none where the
    axes stay."""
    if is_op(output, "Transpose"):
        inner = constant(output.node.sources[1])
        if inner is not None and inner.size == len(order):
            order, output = [int(inner[axis]) for axis in order], output.node.sources[0]
    if list(order) == list(range(len(order))):
        return output
    return factories(NEWEST_OPSET)["transpose"](output, np.array(order), name=name).output(0)
