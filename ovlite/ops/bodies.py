"""How the inputs and outputs of an operator with bodies meet the parameters and results of a body.

Indices count the operator's inputs and outputs, and the body's parameters and results, from 0.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ModelError
from ..graph import Argument, DiscreteTypeInfo, Model
from ..graph.operator import Array
from ..records import dataclass
from ..types import UNBOUNDED, Dimension, PartialShape


class _Description:
    """What all descriptions share."""

    def get_type_info(self) -> DiscreteTypeInfo:
        return DiscreteTypeInfo(type(self).__name__, "util")

    def copy(self) -> Any:
        return copy.copy(self)


@dataclass(frozen=True)
class InvariantInputDescription(_Description):
    """An input that every iteration is given as it is."""

    input_index: int = 0
    body_parameter_index: int = 0


@dataclass(frozen=True)
class MergedInputDescription(_Description):
    """A parameter that the first iteration takes from an input, later ones from a result of the one before."""

    input_index: int = 0
    body_parameter_index: int = 0
    body_value_index: int = 0


@dataclass(frozen=True)
class SliceInputDescription(_Description):
    """An input of which each iteration is given the next part.

    Parts are `part_size` elements of an axis, `stride` apart, from `start` to `end`. Negative bounds
    count from behind, -1 being the end of the axis. A negative stride goes from behind to the front.
    """

    input_index: int = 0
    body_parameter_index: int = 0
    start: int = 0
    stride: int = 1
    part_size: int = 1
    end: int = -1
    axis: int = 0

    def count(self, length: int) -> int:
        """The number of parts of an axis; the last one may be cut, see check()."""
        return -(-self._reach(length) // abs(self.stride))

    def check(self, length: int) -> None:
        """ModelError when the parts do not fill what lies between start and end of an axis."""
        if self._reach(length) % abs(self.stride):
            raise ModelError(
                f"parts {self.stride} apart do not fill an axis of {length} elements from {self.start} to {self.end}; "
                "choose an end that leaves a multiple of the stride"
            )

    def _reach(self, length: int) -> int:
        """How many elements lie between start and end."""
        start, end = (bound + length + 1 if bound < 0 else bound for bound in (self.start, self.end))
        return abs(end - start)

    def part(self, array: Array, index: int) -> Array:
        """Part number `index`, a view."""
        length = array.shape[self.axis]
        first = (self.start + length + 1 if self.start < 0 else self.start) + index * self.stride
        if self.stride < 0:
            first -= self.part_size
        if not 0 <= first <= first + self.part_size <= length:
            raise ModelError(
                f"part {index} of {self.part_size} elements is outside axis {self.axis} of {length} elements"
            )
        axis = self.axis % array.ndim
        return array[(slice(None),) * axis + (slice(first, first + self.part_size),)]


@dataclass(frozen=True)
class BodyOutputDescription(_Description):
    """An output that is a body's result of one iteration; -1 is the last."""

    body_value_index: int = 0
    output_index: int = 0
    iteration: int = -1


@dataclass(frozen=True)
class ConcatOutputDescription(_Description):
    """An output that is a body's results of all iterations, joined along an axis; a negative stride reverses them."""

    body_value_index: int = 0
    output_index: int = 0
    start: int = 0
    stride: int = 1
    part_size: int = 1
    end: int = -1
    axis: int = 0


InputDescription = InvariantInputDescription | MergedInputDescription | SliceInputDescription
OutputDescription = BodyOutputDescription | ConcatOutputDescription


def union(left: PartialShape, right: PartialShape) -> PartialShape:
    """A shape that allows both; unequal ranks give an unknown one."""
    if not left.has_rank or not right.has_rank or len(left) != len(right):
        return PartialShape.dynamic()
    return PartialShape([_union(a, b) for a, b in zip(left, right, strict=True)])


def _union(left: Dimension, right: Dimension) -> Dimension:
    high = UNBOUNDED if UNBOUNDED in (left.max_length, right.max_length) else max(left.max_length, right.max_length)
    return Dimension(min(left.min_length, right.min_length), high)


def widened(left: PartialShape, right: PartialShape) -> PartialShape:
    """As `union`, with dimensions that differ unbounded, so that repeating it comes to an end."""
    if not left.has_rank or not right.has_rank or len(left) != len(right):
        return PartialShape.dynamic()
    return PartialShape([a if a == b else Dimension() for a, b in zip(left, right, strict=True)])


def declared(model: Model) -> list[Argument]:
    """The types and shapes that the body's own parameters declare."""
    return [Argument(port.element_type, port.partial_shape) for port in model.inputs]


def joined(parts: Sequence[Array], axis: int, reverse: bool, shape: PartialShape) -> Array:
    """Results joined along an axis. shape: of a result, used when there is none; unknown lengths are then 0."""
    if parts:
        return np.concatenate(parts[::-1] if reverse else parts, axis)
    dims = [dim.get_length() if dim.is_static else 0 for dim in shape] if shape.has_rank else [0] * (axis + 1)
    dims[axis] = 0
    return np.zeros(dims)
