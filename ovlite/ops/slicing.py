"""Operators that read or overwrite regular parts of a tensor: start, stop and step along axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..errors import ModelError
from ..graph import Argument, TensorType
from ..graph.operator import Array, Sizes
from ..records import dataclass
from ..types import UNBOUNDED, Dimension, PartialShape
from .axes import (
    integers,
    known_integers,
    length_of,
    merged_type,
    require,
    require_integers,
    require_rank,
    static_shapes,
    unique_axes,
    upper,
)
from .declare import Declared
from .views import Viewing

ENDLESS = 2**62  # stands for the length of a dimension without an upper bound


def sliced(dim: Dimension, start: int | None, stop: int | None, step: int) -> Dimension:
    """How many elements start:stop:step takes of a dimension, by the rules of Python's slices.

    As the dimension grows the count grows too, but where start and stop count from different ends it
    rises to a peak and falls again.
    """
    start = None if start is not None and abs(start) > ENDLESS and (start < 0) == (step > 0) else start
    stop = None if stop is not None and abs(stop) > ENDLESS and (stop < 0) == (step < 0) else stop
    lengths = [ENDLESS if length == UNBOUNDED else length for length in (dim.min_length, dim.max_length)]
    counts = [len(range(*slice(start, stop, step).indices(length))) for length in lengths]
    low, high = min(counts), max(counts)
    peak = _peak(start, stop, step)
    if dim.is_dynamic and peak is not None:
        high = max(high, -(-min(peak, lengths[1]) // abs(step)))
    return Dimension(low, UNBOUNDED if high * abs(step) > ENDLESS // 2 else high)


def _peak(start: int | None, stop: int | None, step: int) -> int | None:
    """The most elements between start and stop, where they approach each other as the dimension grows; else None."""
    if start is None or stop is None or (start < 0) == (stop < 0) or (start < 0) != (step > 0):
        return None
    return min(-start, stop) if step > 0 else min(start + 1, -stop - 1)


def _steering(data: Argument, parts: Sequence[Argument]) -> None:
    """Checks the inputs start, stop, step and axes."""
    names = ("start", "stop", "step", "axes")
    lengths = {}
    for name, argument in zip(names, parts, strict=False):
        require_integers(argument, f"the elements of {name}")
        require_rank(argument, 1, name)
        lengths[name] = length_of(argument)
    known = {length for length in lengths.values() if length is not None}
    require(len(known) <= 1, f"expected start, stop, step and axes to have one length, got {lengths}")
    if known and data.shape.has_rank:
        require(
            max(known) <= len(data.shape), f"a tensor of rank {len(data.shape)} can't be sliced along {max(known)} axes"
        )


def _places(data: Argument, parts: Sequence[Argument]) -> list[int] | None:
    """The sliced axes, counted from the front; None when they are not known."""
    rank = len(data.shape)
    if len(parts) > 3:
        axes = integers(parts[3])
        return None if axes is None else unique_axes(axes, rank)
    lengths = [length_of(part) for part in parts]
    count = next((length for length in lengths if length is not None), None)
    return None if count is None else list(range(count))


def _sliced_shape(data: Argument, parts: Sequence[Argument]) -> PartialShape:
    """The shape of a slice of `data`; parts: start, stop, step and perhaps axes."""
    _steering(data, parts)
    if not data.shape.has_rank:
        return PartialShape.dynamic()
    places = _places(data, parts)
    if places is None:
        return PartialShape([upper(dim) for dim in data.shape])
    starts, stops, steps = (_elements(part, len(places)) for part in parts[:3])
    require(0 not in steps, "a step is 0")
    dims = list(data.shape)
    for axis, start, stop, step in zip(places, starts, stops, steps, strict=True):
        if start is None or stop is None or step is None:
            dims[axis] = upper(dims[axis])
        else:
            dims[axis] = sliced(dims[axis], start, stop, step)
    return PartialShape(dims)


def _index(data: Array, parts: Sequence[Array]) -> tuple[slice, ...]:
    """numpy's index of the slice."""
    starts, stops, steps = (part.tolist() for part in parts[:3])
    axes = parts[3].tolist() if len(parts) > 3 else range(len(starts))
    index = [slice(None)] * data.ndim
    for axis, start, stop, step in zip(axes, starts, stops, steps, strict=True):
        index[axis] = slice(start, stop, step)
    return tuple(index)


@dataclass(frozen=True)
class Slice(Viewing):
    """data[start:stop:step] along `axes` (the first ones by default), by the rules of Python's slices."""

    type = "Slice"
    opset = "opset8"
    factory = "slice"
    signature = "data, start, stop, step, axes=None"
    inputs = ("data", "start", "stop", "step", "axes")
    since = 8
    value_inputs: ClassVar[tuple[int, ...]] = (1, 2, 3, 4)
    moved_inputs: ClassVar[Sequence[int]] = (0,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(inputs[0].element_type, _sliced_shape(inputs[0], inputs[1:]))]

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        data, parts = shapes[0], [known_integers(value) for value in values[1:]]
        starts, stops, steps, axes = parts if len(parts) > 3 else (*parts, [*range(len(parts[0] or ()))])
        if starts is None or stops is None or steps is None or axes is None or 0 in steps:
            return None
        fits = len(starts) == len(stops) == len(steps) == len(axes) and all(len(shape) == 1 for shape in shapes[1:])
        if not fits or not all(-len(data) <= axis < len(data) for axis in axes):
            return None
        places = [axis % len(data) for axis in axes]
        if len(places) != len(set(places)):
            return None
        found = list(data)
        for axis, start, stop, step in zip(places, starts, stops, steps, strict=True):
            found[axis] = len(range(data[axis])[start:stop:step])
        return tuple(found)

    def views(self, shapes: Sequence[tuple[int, ...]], data: Array, *steering: Array) -> Sequence[Array]:
        return [data[_index(data, steering)]]


@dataclass(frozen=True)
class SliceScatter(Declared):
    """`data` with its slice start:stop:step along `axes` replaced by `updates`."""

    type = "SliceScatter"
    opset = "opset15"
    factory = "slice_scatter"
    signature = "data, updates, start, stop, step, axes=None"
    inputs = ("data", "updates", "start", "stop", "step", "axes")
    since = 15
    moved_inputs: ClassVar[Sequence[int]] = (0, 1)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, updates = inputs[:2]
        wanted = _sliced_shape(data, inputs[2:])
        require(
            updates.shape.compatible(wanted),
            f"the updates of shape {updates.shape} don't fit the slice of shape {wanted}",
        )
        shape = data.shape if data.shape.has_rank else PartialShape.dynamic(updates.shape.rank)
        return [TensorType(merged_type((data, updates), "data and updates"), shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, updates = inputs[:2]
        static_shapes(self, *inputs)
        output = data.copy()
        output[_index(data, inputs[2:])] = updates
        return [output]


@dataclass(frozen=True)
class StridedSlice(Viewing):
    """A slice as TensorFlow has it: begin:end:strides for the leading axes, refined by masks.

    Each mask has a 1 for the elements of `begin` that it concerns:
    begin_mask, end_mask    ignore begin or end: take all to that side
    new_axis_mask           a new dimension of length 1; begin, end and stride are ignored
    shrink_axis_mask        one index, `begin` (0 where begin_mask is set), whose dimension is dropped
    ellipsis_mask           all dimensions that the others leave; at most one
    """

    begin_mask: tuple[int, ...] = ()
    end_mask: tuple[int, ...] = ()
    new_axis_mask: tuple[int, ...] = ()
    shrink_axis_mask: tuple[int, ...] = ()
    ellipsis_mask: tuple[int, ...] = ()

    type = "StridedSlice"
    factory = "strided_slice"
    signature = (
        "data, begin, end, strides, begin_mask, end_mask, new_axis_mask=None, shrink_axis_mask=None, ellipsis_mask=None"
    )
    inputs = ("data", "begin", "end", "strides")
    value_inputs: ClassVar[tuple[int, ...]] = (1, 2, 3)
    moved_inputs: ClassVar[Sequence[int]] = (0,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data = inputs[0]
        for name, argument in zip(("begin", "end", "strides"), inputs[1:], strict=False):
            require_integers(argument, f"the elements of {name}")
            require_rank(argument, 1, name)
        counts = {count for count in map(length_of, inputs[1:]) if count is not None}
        require(len(counts) <= 1, f"expected begin, end and strides to have one length, got {sorted(counts)}")
        if not data.shape.has_rank or not counts:
            return [TensorType(data.element_type, PartialShape.dynamic())]
        count = counts.pop()
        known = [_elements(argument, count) for argument in inputs[1:]]
        begin, end, strides = known if len(known) > 2 else [*known, [1] * count]
        require(0 not in strides, "a stride is 0")
        dims = []
        for kind, i, axis in self._entries(count, len(data.shape)):
            if kind == "new":
                dims.append(Dimension(1))
            elif kind == "whole":
                dims.append(data.shape[axis])
            elif kind == "range":
                dims.append(self._range(data.shape[axis], i, begin[i], end[i], strides[i]))
            else:
                _check_index(0 if _set(self.begin_mask, i) else begin[i], data.shape[axis], axis)
        return [TensorType(data.element_type, PartialShape(dims))]

    def _range(self, dim: Dimension, i: int, begin: int | None, end: int | None, stride: int | None) -> Dimension:
        open_begin, open_end = _set(self.begin_mask, i), _set(self.end_mask, i)
        if stride is None or (begin is None and not open_begin) or (end is None and not open_end):
            return upper(dim)
        return sliced(dim, None if open_begin else begin, None if open_end else end, stride)

    def _entries(self, count: int, rank: int) -> list[tuple[str, int, int]]:
        """The action on each dimension, in turn: (new, whole, range or index; element of begin; axis of the data)."""
        ellipses = [i for i in range(count) if _set(self.ellipsis_mask, i)]
        require(len(ellipses) <= 1, "at most one element of ellipsis_mask can be set")
        named = sum(not _set(self.new_axis_mask, i) for i in range(count) if i not in ellipses)
        require(named <= rank, f"begin names {named} dimensions of a tensor of rank {rank}")
        entries: list[tuple[str, int, int]] = []
        axis = 0
        for i in range(count):
            if i in ellipses:
                entries += [("whole", i, axis + k) for k in range(rank - named)]
                axis += rank - named
            elif _set(self.new_axis_mask, i):
                entries.append(("new", i, axis))
            else:
                entries.append(("index" if _set(self.shrink_axis_mask, i) else "range", i, axis))
                axis += 1
        return entries + [("whole", count, i) for i in range(axis, rank)]

    def views(self, shapes: Sequence[tuple[int, ...]], data: Array, *steering: Array) -> Sequence[Array]:
        begin, end = steering[0].tolist(), steering[1].tolist()
        strides = steering[2].tolist() if len(steering) > 2 else [1] * len(begin)
        index: list[Any] = []
        for kind, i, _ in self._entries(len(begin), data.ndim):
            if kind == "range":
                start = None if _set(self.begin_mask, i) else begin[i]
                stop = None if _set(self.end_mask, i) else end[i]
                index.append(slice(start, stop, strides[i]))
            elif kind == "index":
                index.append(0 if _set(self.begin_mask, i) else begin[i])
            else:
                index.append(None if kind == "new" else slice(None))
        return [data[tuple(index)].reshape(shapes[0])]


def _set(mask: Sequence[int], i: int) -> bool:
    return i < len(mask) and bool(mask[i])


def _elements(argument: Argument, count: int) -> Sequence[int | None]:
    """The elements of a 1-D input, None for those that are not known."""
    if argument.partial is None:
        return [None] * count
    pairs = zip(argument.partial.array.tolist(), argument.partial.known.tolist(), strict=True)
    return [int(value) if known else None for value, known in pairs]


def _check_index(index: int | None, dim: Dimension, axis: int) -> None:
    if index is not None and dim.is_static and not -dim.get_length() <= index < dim.get_length():
        raise ModelError(f"index {index} is out of range for dimension {axis} of length {dim}")
