"""How operands of different shapes are combined: the `auto_broadcast` attribute.

none    all shapes are equal
numpy   shapes are aligned at their last axes; a length of 1 stretches to any other
pdpd    the right shape is aligned at the left one's first axis, its trailing ones dropped, and
        stretches to the left shape, which is the result's (PaddlePaddle's rule with axis 0)
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

from ..errors import ModelError
from ..graph.operator import Array
from ..types import Dimension, PartialShape
from .axes import one_of, require

MODES = ("none", "numpy", "pdpd")


def broadcast(left: PartialShape, right: PartialShape) -> PartialShape:
    """The shape of a numpy broadcast. Raises ModelError when the shapes don't fit."""
    if not left.has_rank or not right.has_rank:
        return PartialShape.dynamic()
    rank = max(len(left), len(right))
    one = [Dimension(1)]
    dims = []
    for a, b in zip(one * (rank - len(left)) + [*left], one * (rank - len(right)) + [*right], strict=True):
        dim = a.broadcast(b)
        if dim is None:
            raise ModelError(f"shapes {left} and {right} can't be broadcast together")
        dims.append(dim)
    return PartialShape(dims)


def broadcast_sizes(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape of a numpy broadcast of tensors of these shapes, None when they don't fit."""
    if left == right:
        return left
    rank = max(len(left), len(right))
    left, right = (1,) * (rank - len(left)) + left, (1,) * (rank - len(right)) + right
    found = tuple([a if b == 1 else b for a, b in zip(left, right, strict=True)])
    unfit = [a for a, size in zip(left, found, strict=True) if a not in (1, size)]
    return None if unfit else found


def merged(left: PartialShape, right: PartialShape) -> PartialShape:
    """Merges two equal shapes, each known in part. Raises ModelError when they can't be equal."""
    if not left.has_rank or not right.has_rank:
        return left if left.has_rank else right
    require(left.compatible(right), f"shapes {left} and {right} differ, and nothing is broadcast")
    return PartialShape([a.intersect(b) for a, b in zip(left, right, strict=True)])


def stretched(left: PartialShape, right: PartialShape, what: str = "shape") -> PartialShape:
    """`left`, to which `right` broadcasts as numpy does. Raises ModelError when that would change `left`."""
    if not left.has_rank or not right.has_rank:
        return left
    require(len(right) <= len(left), f"{what} {right} can't be broadcast to {left}")
    dims = list(left)
    for i, dim in enumerate(right, len(left) - len(right)):
        if not dim.relaxes(Dimension(1)):
            equal = dims[i].intersect(dim)
            if equal is None:
                raise ModelError(f"{what} {right} can't be broadcast to {left}")
            dims[i] = equal
    return PartialShape(dims)


def combined_shape(shapes: Iterable[PartialShape], mode: str) -> PartialShape:
    """The shape of an element-wise result. Raises ModelError for an unknown mode or shapes that don't fit."""
    one_of(mode, MODES, "auto_broadcast")
    if mode == "numpy":
        return reduce(broadcast, shapes)
    if mode == "none":
        return reduce(merged, shapes)
    left, *others = shapes
    for right in others:
        if left.has_rank and right.has_rank:
            left = stretched(left, PartialShape(_from_the_front(right, len(left))))
    return left


def aligned(arrays: Iterable[Array], mode: str) -> list[Array]:
    """The operands with their axes so that numpy's broadcast does what `mode` says."""
    first, *others = arrays
    if mode == "pdpd":
        others = [array.reshape(_from_the_front(array.shape, first.ndim)) for array in others]
    return [first, *others]


def _from_the_front(dims: Iterable[Any], rank: int) -> list[Any]:
    """The dimensions of a right operand without trailing ones, filled up with ones behind."""
    found = list(dims)
    require(len(found) <= rank, f"an operand of rank {len(found)} can't be broadcast to rank {rank}")
    while found and found[-1] == 1:
        found.pop()
    return found + [1] * (rank - len(found))
