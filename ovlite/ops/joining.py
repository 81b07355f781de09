"""Operators that join tensors along an axis, and that cut one into pieces."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import ClassVar

import numpy as np

from ..errors import ModelError
from ..graph import Argument, TensorType
from ..graph.operator import Array, Sizes
from ..records import dataclass
from ..types import Dimension, PartialShape
from .axes import (
    MOST_STEERING,
    inferred,
    integer,
    integers,
    length_of,
    merged_type,
    normalized,
    require,
    require_integers,
    require_rank,
    shifted,
    static_shapes,
)
from .declare import Declared
from .views import Viewing


@dataclass(frozen=True)
class Concat(Declared):
    """Joins tensors along `axis`; all other dimensions are equal."""

    axis: int = 0

    type = "Concat"
    factory = "concat"
    signature = "nodes, axis"
    inputs = ("*nodes",)
    moved_inputs: ClassVar[Sequence[int]] = range(2**31)  # however many there are

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        require(bool(inputs), "concat needs at least one tensor")
        element_type = merged_type(inputs, "the joined tensors")
        shapes = [argument.shape for argument in inputs if argument.shape.has_rank]
        if not shapes:
            return [TensorType(element_type, PartialShape.dynamic())]
        rank = len(shapes[0])
        axis = normalized(self.axis, rank)
        length = sum((shape[axis] for shape in shapes if len(shape) == rank), Dimension(0))
        dims = list(shapes[0])
        for shape in shapes[1:]:
            for i in range(rank):
                common = dims[i].intersect(shape[i]) if len(shape) == rank else None
                if common is None and (i != axis or len(shape) != rank):
                    raise ModelError(f"shapes {shapes[0]} and {shape} can't be joined along axis {axis}")
                dims[i] = common or dims[i]
        dims[axis] = length if len(shapes) == len(inputs) else Dimension(length.min_length, -1)
        return [TensorType(element_type, PartialShape(dims))]

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        rank = len(shapes[0]) if shapes else 0
        if not -rank <= self.axis < rank:
            return None
        axis = self.axis % rank
        front, behind = shapes[0][:axis], shapes[0][axis + 1 :]
        if any(len(shape) != rank or shape[:axis] != front or shape[axis + 1 :] != behind for shape in shapes):
            return None
        return (*front, sum([shape[axis] for shape in shapes]), *behind)

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        alike = len({array.dtype for array in inputs}) == 1
        (static_shapes if alike else inferred)(self, *inputs)
        return [np.concatenate(inputs, self.axis)]


def _axis_of(argument: Argument, shape: PartialShape) -> int | None:
    """The axis that an input names, counted from the front; None when it or the rank is not known."""
    require_integers(argument, "axes")
    require_rank(argument, (0, 1), "the axis")
    axis = integer(argument, "the axis")
    return None if axis is None or not shape.has_rank else normalized(axis, len(shape))


@dataclass(frozen=True)
class Split(Viewing):
    """Cuts a tensor along an axis into num_splits pieces of one length."""

    num_splits: int = 1

    type = "Split"
    factory = "split"
    signature = "data, axis, num_splits"
    inputs = ("data", "axis")
    value_inputs: ClassVar[tuple[int, ...]] = (1,)
    moved_inputs: ClassVar[tuple[int, ...]] = (0,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data = inputs[0]
        require(self.num_splits > 0, f"expected num_splits to be positive, got {self.num_splits}")
        require(self.num_splits <= MOST_STEERING, f"expected at most {MOST_STEERING} pieces, got {self.num_splits}")
        axis = _axis_of(inputs[1], data.shape)
        if axis is None:
            shape = PartialShape.dynamic(data.shape.rank)
        else:
            dims = list(data.shape)
            length = dims[axis]
            if length.is_static and length.get_length() % self.num_splits:
                raise ModelError(
                    f"dimension {axis} of length {length} can't be cut into {self.num_splits} equal pieces"
                )
            low = Dimension(-(-length.min_length // self.num_splits), -1)
            dims[axis] = (length // self.num_splits).intersect(low) or Dimension()
            shape = PartialShape(dims)
        return [TensorType(data.element_type, shape)] * self.num_splits

    def views(self, shapes: Sequence[tuple[int, ...]], data: Array, *steering: Array) -> Sequence[Array]:
        return list(np.split(data, self.num_splits, int(steering[0].item())))


@dataclass(frozen=True)
class VariadicSplit(Viewing):
    """Cuts a tensor along an axis into pieces of given lengths, one of which may be -1: what the others leave."""

    type = "VariadicSplit"
    factory = "variadic_split"
    signature = "data, axis, split_lengths"
    inputs = ("data", "axis", "split_lengths")
    value_inputs: ClassVar[tuple[int, ...]] = (1, 2)
    moved_inputs: ClassVar[tuple[int, ...]] = (0,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, _, split_lengths = inputs
        require_integers(split_lengths, "split lengths")
        require_rank(split_lengths, 1, "split_lengths")
        count = length_of(split_lengths)
        if count is None:
            raise ModelError(f"split_lengths needs a known number of elements, its shape is {split_lengths.shape}")
        axis = _axis_of(inputs[1], data.shape)
        lengths = integers(split_lengths)
        if axis is None:
            return [TensorType(data.element_type, PartialShape.dynamic(data.shape.rank))] * count
        pieces = [Dimension()] * count if lengths is None else _pieces(data.shape[axis], lengths)
        shapes = [PartialShape([piece if i == axis else dim for i, dim in enumerate(data.shape)]) for piece in pieces]
        return [TensorType(data.element_type, shape) for shape in shapes]

    def views(self, shapes: Sequence[tuple[int, ...]], data: Array, *steering: Array) -> Sequence[Array]:
        place = normalized(int(steering[0].item()), data.ndim)
        lengths = [shape[place] for shape in shapes]
        return list(np.split(data, list(accumulate(lengths))[:-1], place))


def _pieces(whole: Dimension, lengths: Sequence[int]) -> list[Dimension]:
    """The lengths of the pieces, with -1 replaced by what is left of `whole`."""
    require(all(length >= -1 for length in lengths), f"split lengths {list(lengths)} hold a negative length")
    require(list(lengths).count(-1) <= 1, f"split lengths {list(lengths)} hold more than one -1")
    total = sum(length for length in lengths if length != -1)
    fits = total <= whole.get_length() if whole.is_static and -1 in lengths else whole.compatible(Dimension(total))
    require(
        fits or (-1 in lengths and whole.is_dynamic),
        f"split lengths {list(lengths)} don't sum up to the dimension {whole}",
    )
    return [shifted(whole, -total) if length == -1 else Dimension(length) for length in lengths]


PAD_MODES = ("constant", "edge", "reflect", "symmetric")


@dataclass(frozen=True)
class Pad(Declared):
    """Adds pads_begin and pads_end elements before and after each dimension.

    pad_mode: constant (arg_pad_value, or 0), edge (the outermost element), reflect and symmetric (the
    tensor mirrored, without and with its outermost element). Negative pads crop, after the others have padded.
    """

    pad_mode: str = "constant"

    type = "Pad"
    factory = "pad"
    signature = "arg, pads_begin, pads_end, pad_mode, arg_pad_value=None"
    inputs = ("arg", "pads_begin", "pads_end", "arg_pad_value")
    until = 11
    value_inputs: ClassVar[tuple[int, ...]] = (1, 2)
    moved_inputs: ClassVar[tuple[int, ...]] = (0, 3)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, begin, end = inputs[:3]
        require(
            self.pad_mode in PAD_MODES, f"expected pad_mode to be one of {', '.join(PAD_MODES)}, got {self.pad_mode!r}"
        )
        for pads in (begin, end):
            require_integers(pads, "pads")
            require_rank(pads, 1, "pads")
        if len(inputs) > 3:
            require_rank(inputs[3], 0, "the pad value")
            merged_type((data, inputs[3]), "the tensor and the pad value")
        return [TensorType(data.element_type, self._output(data.shape, begin, end))]

    def _output(self, shape: PartialShape, begin: Argument, end: Argument) -> PartialShape:
        if not shape.has_rank:
            return PartialShape.dynamic(length_of(begin) or length_of(end))
        for pads in (begin, end):
            require(length_of(pads) in (None, len(shape)), f"pads have one element for each dimension of shape {shape}")
        befores = integers(begin)
        afters = integers(end)
        if befores is None or afters is None:
            return PartialShape.dynamic(len(shape))
        return PartialShape([self._padded(*place) for place in zip(shape, befores, afters, strict=True)])

    def _padded(self, dim: Dimension, before: int, after: int) -> Dimension:
        if self.pad_mode != "constant" and dim.is_static:
            most = dim.get_length() - (self.pad_mode == "reflect")
            limited = self.pad_mode in ("reflect", "symmetric")
            require(
                not limited or max(before, after) <= most, f"{self.pad_mode} pads a dimension {dim} by at most {most}"
            )
            require(
                dim.get_length() > 0 or max(before, after) <= 0,
                f"a dimension of no elements can't be padded in mode {self.pad_mode}",
            )
        require(
            dim.is_dynamic or dim.get_length() + before + after >= 0,
            f"pads {before} and {after} crop more than dimension {dim}",
        )
        return shifted(dim, before + after)

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, begin, end = inputs[:3]
        static_shapes(self, *inputs)
        pads = np.stack([begin, end], 1).astype(np.int64)
        added = np.maximum(pads, 0)
        if self.pad_mode == "constant":
            value = inputs[3] if len(inputs) > 3 else 0
            padded = np.pad(data, added, constant_values=value)
        else:
            padded = np.pad(data, added, mode=self.pad_mode)  # type: ignore[call-overload]  # one of PAD_MODES
        kept = [
            slice(max(0, -int(a)), length - max(0, -int(b))) for (a, b), length in zip(pads, padded.shape, strict=True)
        ]
        return [np.asarray(padded[tuple(kept)], order="C")]


class Pad12(Pad):
    """Pad of opset12: what opset1 has, with negative pads by specification."""

    type = "Pad"
    opset = "opset12"
    factory = "pad"
    since = 12
    until = 16


@dataclass(frozen=True)
class Roll(Declared):
    """Shifts elements along axes; those that leave at one end come in at the other."""

    type = "Roll"
    opset = "opset7"
    factory = "roll"
    signature = "data, shift, axes"
    inputs = ("data", "shift", "axes")
    since = 7
    moved_inputs: ClassVar[tuple[int, ...]] = (0,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, shift, axes = inputs
        for argument, what in ((shift, "shifts"), (axes, "axes")):
            require_integers(argument, what)
            require_rank(argument, (0, 1), what)
        given = integers(axes)
        if given is not None and data.shape.has_rank:
            for axis in given:
                normalized(axis, len(data.shape))
        shifts, places = length_of(shift), length_of(axes)
        require(shifts in (None, 1) or places is None or shifts == places, f"{shifts} shifts for {places} axes")
        return [TensorType(data.element_type, data.shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, shift, axes = inputs
        static_shapes(self, *inputs)
        places = [int(axis) for axis in axes.ravel()]
        shifts = np.broadcast_to(shift.ravel(), (len(places),)).tolist()
        return [np.roll(data, shifts, places)]
