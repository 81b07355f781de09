"""Operators that make a tensor larger, or make one up from a few numbers."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, isfinite
from typing import Any, ClassVar

import numpy as np

from ..errors import ModelError
from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass, replace
from ..types import Dimension, PartialShape, Type
from .axes import (
    integer,
    integers,
    known_length,
    length_of,
    merged_type,
    normalized,
    one_of,
    require,
    require_integers,
    require_rank,
    static_shapes,
)
from .declare import Declared


def _dims(argument: Argument) -> list[Dimension] | None:
    """A target shape; None when its rank is not known. A negative element counts as 0."""
    if argument.partial is None:
        count = length_of(argument)
        return None if count is None else [Dimension()] * count
    return replace(argument.partial, array=np.maximum(argument.partial.array, 0)).dimensions()


@dataclass(frozen=True)
class Broadcast(Declared):
    """Repeats a tensor along dimensions of length 1 and new ones, to a target shape.

    mode: numpy (dimensions are aligned at the end), explicit (axes_mapping[i] is the place of
    dimension i in the target) or pdpd (as numpy).
    """

    mode: str = "numpy"

    type = "Broadcast"
    factory = "broadcast"
    signature = "data, target_shape, axes_mapping=None, mode='NUMPY'"
    inputs = ("data", "target_shape", "axes_mapping")
    until = 2
    value_inputs: ClassVar[tuple[int, ...]] = (1, 2)
    moved_inputs: ClassVar[Sequence[int]] = (0,)
    modes: ClassVar[tuple[str, ...]] = ("numpy", "explicit", "pdpd")

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        mode = str(given["mode"]).lower()
        require(mode != "explicit" or given["axes_mapping"] is not None, "mode 'explicit' needs axes_mapping")
        return given | {"mode": mode, "axes_mapping": given["axes_mapping"] if mode == "explicit" else None}

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, target = inputs[:2]
        one_of(self.mode, self.modes, "mode")
        require_integers(target, "the elements of the target shape")
        require_rank(target, 1, "the target shape")
        wanted = _dims(target)
        if wanted is None or (self.mode == "bidirectional" and not data.shape.has_rank):
            return [TensorType(data.element_type, PartialShape.dynamic())]
        if self.mode == "explicit":
            require(len(inputs) == 3, "mode 'explicit' needs a third input, axes_mapping")
            shape = _mapped(data.shape, wanted, inputs[2])
        elif self.mode == "bidirectional":
            shape = _both_ways(list(data.shape), wanted)
        else:
            shape = _one_way(data.shape, wanted)
        return [TensorType(data.element_type, shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data = inputs[0]
        shape = static_shapes(self, *inputs)[0]
        if self.mode == "explicit":
            places = inputs[2].tolist()
            data = data.reshape([data.shape[places.index(i)] if i in places else 1 for i in range(len(shape))])
        return [np.array(np.broadcast_to(data, shape), order="C")]


def _one_way(shape: PartialShape, wanted: list[Dimension]) -> PartialShape:
    """The target, when `shape` can be repeated to it."""
    if shape.has_rank:
        require(
            len(shape) <= len(wanted), f"shape {shape} can't be broadcast to fewer dimensions, {PartialShape(wanted)}"
        )
        pairs = zip(reversed(shape.dims), reversed(wanted), strict=False)
        fits = all(dim.compatible(Dimension(1)) or dim.compatible(target) for dim, target in pairs)
        require(fits, f"shape {shape} can't be broadcast to {PartialShape(wanted)}")
        wanted = [_no_less(target, dim) for target, dim in zip(wanted, _padded(shape, len(wanted)), strict=True)]
    return PartialShape(wanted)


def _no_less(target: Dimension, dim: Dimension) -> Dimension:
    """An unknown target dimension is that of the data where this is longer than 1."""
    return dim if target.is_dynamic and dim.min_length > 1 and dim.is_static else target


def _padded(shape: PartialShape, rank: int) -> list[Dimension]:
    return [Dimension(1)] * (rank - len(shape)) + list(shape)


def _both_ways(dims: list[Dimension], wanted: list[Dimension]) -> PartialShape:
    rank = max(len(dims), len(wanted))
    pairs = zip([Dimension(1)] * (rank - len(dims)) + dims, [Dimension(1)] * (rank - len(wanted)) + wanted, strict=True)
    output = [common for dim, target in pairs if (common := dim.broadcast(target)) is not None]
    fits = len(output) == rank
    require(fits, f"shapes {PartialShape(dims)} and {PartialShape(wanted)} can't be broadcast together")
    return PartialShape(output)


def _mapped(shape: PartialShape, wanted: list[Dimension], mapping: Argument) -> PartialShape:
    """The target, when `shape` fits it at the places of an axes_mapping."""
    require_integers(mapping, "the elements of axes_mapping")
    require_rank(mapping, 1, "axes_mapping")
    places = integers(mapping)
    if places is not None:
        require(places == sorted(set(places)), f"expected axes_mapping to be in ascending order, got {places}")
        require(
            all(0 <= i < len(wanted) for i in places), f"axes_mapping {places} names axes beyond {PartialShape(wanted)}"
        )
        require(
            not shape.has_rank or len(places) == len(shape),
            f"axes_mapping {places} has one element for each of {shape}",
        )
        for place, dim in zip(places, shape if shape.has_rank else (), strict=False):
            if not dim.compatible(Dimension(1)) and not dim.compatible(wanted[place]):
                raise ModelError(f"dimension {dim} can't be broadcast to dimension {place} of {PartialShape(wanted)}")
    return PartialShape(wanted)


class Broadcast3(Broadcast):
    """Repeats a tensor along dimensions of length 1 and new ones, to a target shape.

    mode: numpy (dimensions are aligned at the end), explicit (axes_mapping[i] is the place of
    dimension i in the target), pdpd (as numpy), or bidirectional (the target is repeated too).
    """

    type = "Broadcast"
    opset = "opset3"
    factory = "broadcast"
    signature = "data, target_shape, axes_mapping=None, broadcast_spec='NUMPY'"
    since = 3
    until = 16
    modes: ClassVar[tuple[str, ...]] = ("numpy", "explicit", "pdpd", "bidirectional")

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        return super().arguments(given | {"mode": given["broadcast_spec"]})


@dataclass(frozen=True)
class Tile(Declared):
    """Repeats the whole tensor along each dimension; a shorter `repeats` or shape gets ones in front."""

    type = "Tile"
    factory = "tile"
    signature = "data, repeats"
    inputs = ("data", "repeats")
    value_inputs: ClassVar[tuple[int, ...]] = (1,)
    moved_inputs: ClassVar[Sequence[int]] = (0,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, repeats = inputs
        require_integers(repeats, "repeats")
        require_rank(repeats, 1, "repeats")
        counts = _dims(repeats)
        if counts is None or not data.shape.has_rank:
            return [TensorType(data.element_type, PartialShape.dynamic())]
        rank = max(len(counts), len(data.shape))
        counts = [Dimension(1)] * (rank - len(counts)) + counts
        dims = [dim * count for dim, count in zip(_padded(data.shape, rank), counts, strict=True)]
        return [TensorType(data.element_type, PartialShape(dims))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        static_shapes(self, *inputs)
        return [np.tile(inputs[0], np.maximum(inputs[1], 0).tolist())]


@dataclass(frozen=True)
class Range(Declared):
    """start, start + step, ... up to but without stop, in the element type of the three."""

    type = "Range"
    factory = "range"
    signature = "start, stop, step"
    inputs = ("start", "stop", "step")
    until = 11
    value_inputs: ClassVar[tuple[int, ...]] = (0, 1, 2)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        for name, argument in zip(("start", "stop", "step"), inputs, strict=True):
            require_rank(argument, 0, name)
        values = [argument.value for argument in inputs]
        step = values[2]
        require(
            step is None or (isfinite(step.item()) and step.item() != 0),
            f"expected step to be a finite number other than 0, got {step}",
        )
        dim = Dimension()
        if all(value is not None for value in values):
            dim = Dimension(_count(*[value.item() for value in values if value is not None]))
        return [TensorType(self._type(inputs), PartialShape([dim]))]

    def _type(self, inputs: Sequence[Argument]) -> Type:
        return merged_type(inputs, "start, stop and step")

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        start, stop, step = inputs
        count = _count(start.item(), stop.item(), step.item())
        wide = np.result_type(start, stop, step)
        return [(np.arange(count).astype(wide) * step.astype(wide) + start.astype(wide)).astype(self._dtype(wide))]

    def _dtype(self, wide: np.dtype[Any]) -> np.dtype[Any]:
        return wide


def _count(start: float, stop: float, step: float) -> int:
    """How many numbers a range has."""
    require(
        isfinite(start) and isfinite(stop) and isfinite(step) and step != 0, f"range from {start} to {stop} by {step}"
    )
    if isinstance(start, int) and isinstance(stop, int) and isinstance(step, int):
        return len(range(start, stop, step))
    return max(0, ceil((stop - start) / step))


@dataclass(frozen=True)
class Range4(Range):
    """start, start + step, ... up to but without stop, each converted to output_type."""

    output_type: Type = Type.i64

    type = "Range"
    opset = "opset4"
    factory = "range"
    signature = "start, stop, step, output_type"
    since = 12
    until = 16

    def _type(self, inputs: Sequence[Argument]) -> Type:
        return self.output_type

    def _dtype(self, wide: np.dtype[Any]) -> np.dtype[Any]:
        return (
            np.dtype(np.float32) if self.output_type.real and self.output_type.size < 4 else self.output_type.to_dtype()
        )


@dataclass(frozen=True)
class OneHot(Declared):
    """A new dimension `axis` of length `depth`: on_value at the place that each index names, else off_value.

    An index outside of 0 to depth - 1 names no place.
    """

    axis: int = -1

    type = "OneHot"
    factory = "one_hot"
    signature = "indices, depth, on_value, off_value, axis"
    inputs = ("indices", "depth", "on_value", "off_value")
    until = 15
    value_inputs: ClassVar[tuple[int, ...]] = (1,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        indices, depth, on_value, off_value = inputs
        require_integers(indices, "indices")
        require_integers(depth, "depths")
        for name, argument in (("depth", depth), ("on_value", on_value), ("off_value", off_value)):
            require_rank(argument, 0, name)
        element_type = merged_type((on_value, off_value), "on_value and off_value")
        length = integer(depth, "depth")
        require(length is None or length >= 0, f"expected depth to be 0 or more, got {length}")
        if not indices.shape.has_rank:
            return [TensorType(element_type, PartialShape.dynamic())]
        axis = normalized(self.axis, len(indices.shape) + 1)
        dims = list(indices.shape)
        return [TensorType(element_type, PartialShape([*dims[:axis], known_length(length), *dims[axis:]]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        indices, depth, on_value, off_value = inputs
        static_shapes(self, *inputs)
        axis = normalized(self.axis, indices.ndim + 1)
        places = np.arange(int(depth.item())).reshape([-1] + [1] * (indices.ndim - axis))
        chosen = np.expand_dims(self._places(indices.astype(np.int64), int(depth.item())), axis) == places
        return [np.where(chosen, on_value, off_value)]

    def _places(self, indices: Array, depth: int) -> Array:
        return indices


@dataclass(frozen=True)
class OneHot16(OneHot):
    """A new dimension `axis` of length `depth`: on_value at the place that each index names, else off_value.

    negative_indices_mode: ignore_negative (a negative index names no place) or normalize (it counts
    from the end). An index out of range names no place.
    """

    negative_indices_mode: str = "ignore_negative"

    type = "OneHot"
    opset = "opset16"
    factory = "one_hot"
    signature = "indices, depth, on_value, off_value, axis, negative_indices_mode=None"
    since = 16
    until = 16

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        one_of(self.negative_indices_mode, ("ignore_negative", "normalize"), "negative_indices_mode")
        return super().infer(inputs)

    def _places(self, indices: Array, depth: int) -> Array:
        normalize = self.negative_indices_mode == "normalize"
        return np.where(indices < 0, indices + depth, indices) if normalize else indices


@dataclass(frozen=True)
class Eye(Declared):
    """Matrices of shape [*batch_shape, num_rows, num_columns] with ones on one diagonal.

    diagonal_index: 0 for the main diagonal, positive for one above it.
    """

    output_type: Type = Type.f32

    type = "Eye"
    opset = "opset9"
    factory = "eye"
    signature = "num_rows, num_columns, diagonal_index, output_type, batch_shape=None"
    inputs = ("num_rows", "num_columns", "diagonal_index", "batch_shape")
    since = 9
    value_inputs: ClassVar[tuple[int, ...]] = (0, 1, 3)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        for name, argument in zip(("num_rows", "num_columns", "diagonal_index"), inputs, strict=False):
            require_integers(argument, name)
            require_rank(argument, (0, 1), name)
        sizes = [integer(argument, "the size of a matrix") for argument in inputs[:2]]
        require(
            all(size is None or size >= 0 for size in sizes),
            f"expected the sizes of a matrix to be 0 or more, got {sizes}",
        )
        batch: list[Dimension] | None = []
        if len(inputs) > 3:
            require_integers(inputs[3], "the elements of batch_shape")
            require_rank(inputs[3], 1, "batch_shape")
            batch = _dims(inputs[3])
        shape = PartialShape.dynamic() if batch is None else PartialShape([*batch, *map(known_length, sizes)])
        return [TensorType(self.output_type, shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        rows, columns, diagonal = (int(value.item()) for value in inputs[:3])
        small = self.output_type.real and self.output_type.size < 4
        matrix = np.eye(rows, columns, diagonal, dtype=np.float32 if small else self.output_type.to_dtype())
        return [np.array(np.broadcast_to(matrix, static_shapes(self, *inputs)[0]), order="C")]
