"""Operators that pick elements or slices by indices."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import ClassVar

import numpy as np

from ..errors import ModelError
from ..graph import Argument, TensorType
from ..graph.operator import Array, Sizes
from ..records import dataclass
from ..types import Dimension, PartialShape
from .axes import (
    elements,
    integer,
    known_integers,
    merged_type,
    normalized,
    require,
    require_integers,
    require_rank,
    static_shapes,
)
from .declare import Declared


def checked_indices(indices: Array, length: int, axis: int, negative: bool = True) -> Array:
    """Indices counted from the front. Raises ModelError for one that is out of range.

    negative: whether indices below 0 count from the end.
    """
    lowest = -length if negative else 0
    wrong = (indices < lowest) | (indices >= length)
    if wrong.any():
        raise ModelError(
            f"index {indices[wrong].flat[0]} is out of range for dimension {axis} of length {length}: "
            f"indices are {lowest} to {length - 1}"
        )
    return np.where(indices < 0, indices + length, indices)


@dataclass(frozen=True)
class Gather(Declared):
    """The slices of `data` along `axis` that indices name; negative indices count from the end.

    The output has the indices' shape in place of the axis. An index out of range raises ModelError.
    """

    type = "Gather"
    factory = "gather"
    signature = "data, indices, axis"
    inputs = ("data", "indices", "axis")
    until = 6
    value_inputs: ClassVar[tuple[int, ...]] = (2,)
    moved_inputs: ClassVar[Sequence[int]] = (0,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, indices, axis = inputs
        require_integers(indices, "indices")
        require_integers(axis, "axes")
        require_rank(axis, (0, 1), "the axis")
        return [TensorType(data.element_type, self._output(data.shape, indices.shape, integer(axis, "the axis")))]

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        axis, rank = known_integers(values[2]), len(shapes[0])
        if axis is None or len(axis) != 1 or not -rank <= axis[0] < rank or self._batch(PartialShape.dynamic()) != 0:
            return None
        place = axis[0] % rank
        return (*shapes[0][:place], *shapes[1], *shapes[0][place + 1 :])

    def _output(self, data: PartialShape, indices: PartialShape, axis: int | None) -> PartialShape:
        ranked = data.has_rank and indices.has_rank
        batch = self._batch(indices)
        if axis is not None and data.has_rank:
            axis = normalized(axis, len(data))
        if batch is not None and batch > 0:
            require(not data.has_rank or batch < len(data), f"batch_dims {batch} is too large for data of shape {data}")
            require(axis is None or axis < 0 or batch <= axis, f"batch_dims {batch} is beyond the axis {axis}")
        if not ranked or batch is None:
            return PartialShape.dynamic()
        if axis is None:
            return PartialShape.dynamic(len(data) + len(indices) - 1 - batch)
        shared = []
        for i in range(batch):
            common = data[i].intersect(indices[i])
            if common is None:
                raise ModelError(f"the first {batch} dimensions of data {data} and indices {indices} differ")
            shared.append(common)
        return PartialShape([*shared, *data[batch:axis], *indices[batch:], *data[axis + 1 :]])

    def _batch(self, indices: PartialShape) -> int | None:
        """batch_dims counted from the front, None when the rank of the indices is needed and not known."""
        return 0

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, indices, place = inputs
        shape = static_shapes(self, *inputs)[0]
        axis = normalized(int(place.item()), data.ndim)
        batch = self._batch(PartialShape(indices.shape)) or 0
        places = checked_indices(indices.astype(np.int64), data.shape[axis], axis)
        return [_taken(data, places, axis, batch).reshape(shape)]


def _taken(data: Array, indices: Array, axis: int, batch: int) -> Array:
    """np.take along `axis`, apart for each element of the first `batch` dimensions."""
    if batch == 0:
        return np.asarray(np.take(data, indices, axis))
    groups = data.shape[:batch]
    pieces = [np.take(data[place], indices[place], axis - batch) for place in np.ndindex(*groups)]
    if not pieces:
        return np.zeros(0, data.dtype)
    return np.stack(pieces).reshape(groups + pieces[0].shape)


@dataclass(frozen=True)
class Gather7(Gather):
    """The slices of `data` along `axis` that indices name; negative indices count from the end.

    The first batch_dims dimensions belong together in data and indices. The output has the indices'
    other dimensions in place of the axis. An index out of range raises ModelError.
    """

    batch_dims: int = 0

    type = "Gather"
    opset = "opset7"
    factory = "gather"
    signature = "data, indices, axis, batch_dims=0"
    since = 7
    until = 7

    def _batch(self, indices: PartialShape) -> int | None:
        if not indices.has_rank:
            return self.batch_dims if self.batch_dims == 0 else None
        rank = len(indices)
        require(
            -rank <= self.batch_dims <= rank,
            f"batch_dims {self.batch_dims} is out of range for indices of shape {indices}",
        )
        return self.batch_dims + rank if self.batch_dims < 0 else self.batch_dims


class Gather8(Gather7):
    """The slices of `data` along `axis` that indices name; negative indices count from the end.

    The first batch_dims dimensions belong together in data and indices. The output has the indices'
    other dimensions in place of the axis. An index out of range raises ModelError.
    """

    type = "Gather"
    opset = "opset8"
    factory = "gather"
    signature = "data, indices, axis, batch_dims=0"
    since = 8
    until = 16


@dataclass(frozen=True)
class GatherElements(Declared):
    """output[i, j, ...] = data[i, indices[i, j, ...], ...] for axis 1, and so on for other axes.

    Negative indices count from the end; one that is out of range raises ModelError.
    """

    axis: int = 0

    type = "GatherElements"
    opset = "opset6"
    factory = "gather_elements"
    signature = "data, indices, axis=0"
    inputs = ("data", "indices")
    since = 6
    moved_inputs: ClassVar[Sequence[int]] = (0,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, indices = inputs
        require_integers(indices, "indices")
        return [TensorType(data.element_type, self._output(data.shape, indices.shape))]

    def _output(self, data: PartialShape, indices: PartialShape) -> PartialShape:
        if not data.has_rank:
            return indices
        axis = normalized(self.axis, len(data))
        if not indices.has_rank:
            return PartialShape([Dimension() if i == axis else dim for i, dim in enumerate(data)])
        require(len(data) == len(indices), f"data of shape {data} and indices of shape {indices} have one rank")
        dims = []
        for i in range(len(data)):
            common = indices[i] if i == axis else data[i].intersect(indices[i])
            if common is None:
                raise ModelError(
                    f"data of shape {data} and indices of shape {indices} differ in dimension {i}, not the axis"
                )
            dims.append(common)
        return PartialShape(dims)

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, indices = inputs
        static_shapes(self, data, indices)
        axis = normalized(self.axis, data.ndim)
        places = checked_indices(indices.astype(np.int64), data.shape[axis], axis)
        return [np.take_along_axis(data, places, axis)]


@dataclass(frozen=True)
class GatherND(Declared):
    """Slices of `data` that index tuples name: the last dimension of `indices` holds tuples for data's leading axes.

    The first batch_dims dimensions belong together in data and indices; the output has them as one.
    Negative indices count from the end; one that is out of range raises ModelError.
    """

    batch_dims: int = 0

    type = "GatherND"
    opset = "opset5"
    factory = "gather_nd"
    signature = "data, indices, batch_dims=0"
    inputs = ("data", "indices")
    since = 5
    until = 7
    moved_inputs: ClassVar[Sequence[int]] = (0,)
    flat_batch: ClassVar[bool] = True

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, indices = inputs
        require_integers(indices, "indices")
        require(self.batch_dims >= 0, f"expected batch_dims to be 0 or more, got {self.batch_dims}")
        return [TensorType(data.element_type, self._output(data.shape, indices.shape))]

    def _output(self, data: PartialShape, indices: PartialShape) -> PartialShape:
        batch = self.batch_dims
        for what, shape in (("data", data), ("indices", indices)):
            require(
                not shape.has_rank or len(shape) > batch, f"batch_dims {batch} is too large for {what} of shape {shape}"
            )
        if not data.has_rank or not indices.has_rank or indices[-1].is_dynamic:
            return PartialShape.dynamic()
        count = indices[-1].get_length()
        require(count + batch <= len(data), f"index tuples of {count} elements are too long for data of shape {data}")
        shared = []
        for i in range(batch):
            common = data[i].intersect(indices[i])
            if common is None:
                raise ModelError(f"the first {batch} dimensions of data {data} and indices {indices} differ")
            shared.append(common)
        if self.flat_batch and batch > 1:
            shared = [elements(shared)]
        return PartialShape([*shared, *indices[batch:-1], *data[batch + count :]])

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, indices = inputs
        shape = static_shapes(self, data, indices)[0]
        batch, count = self.batch_dims, indices.shape[-1]
        groups, each = prod(data.shape[:batch]), prod(indices.shape[batch:-1])
        tuples = indices.astype(np.int64).reshape(groups, each, count)
        places = [checked_indices(tuples[..., i], data.shape[batch + i], batch + i) for i in range(count)]
        group = np.broadcast_to(np.arange(groups)[:, np.newaxis], (groups, each))
        return [data.reshape(groups, *data.shape[batch:])[(group, *places)].reshape(shape)]


class GatherND8(GatherND):
    """Slices of `data` that index tuples name: the last dimension of `indices` holds tuples for data's leading axes.

    The first batch_dims dimensions belong together in data and indices, and stay in the output.
    Negative indices count from the end; one that is out of range raises ModelError.
    """

    type = "GatherND"
    opset = "opset8"
    factory = "gather_nd"
    since = 8
    until = 16
    flat_batch: ClassVar[bool] = False


@dataclass(frozen=True)
class GatherTree(Declared):
    """Full beams from the steps of a beam search.

    step_ids, parent_idx: [time, batch, beam]; max_seq_len: [batch]; end_token: a scalar. Beams are
    followed back from their last step through their parents. What lies behind the first end_token, or
    behind max_seq_len, is end_token.
    """

    type = "GatherTree"
    factory = "gather_tree"
    signature = "step_ids, parent_idx, max_seq_len, end_token"
    inputs = ("step_ids", "parent_idx", "max_seq_len", "end_token")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        steps, parents, lengths, end = inputs
        element_type = merged_type(inputs, "the four inputs")
        for name, argument, rank in (
            ("step_ids", steps, 3),
            ("parent_idx", parents, 3),
            ("max_seq_len", lengths, 1),
            ("end_token", end, 0),
        ):
            require_rank(argument, rank, name)
        require(
            steps.shape.compatible(parents.shape),
            f"step_ids {steps.shape} and parent_idx {parents.shape} have one shape",
        )
        if not steps.shape.has_rank or not parents.shape.has_rank:
            return [TensorType(element_type, parents.shape if parents.shape.has_rank else _ranked(steps.shape))]
        dims = [a.intersect(b) or a for a, b in zip(steps.shape, parents.shape, strict=True)]
        if lengths.shape.has_rank:
            common = dims[1].intersect(lengths.shape[0])
            if common is None:
                raise ModelError(f"max_seq_len {lengths.shape} has one element for each of {dims[1]} batches")
            dims[1] = common
        return [TensorType(element_type, PartialShape(dims))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        steps, parents, lengths, end = inputs
        static_shapes(self, *inputs)
        time, batches, beams = steps.shape
        output = np.full(steps.shape, end.item(), steps.dtype)
        for batch in range(batches):
            last = min(time, int(lengths[batch])) - 1
            beam = np.arange(beams)
            for step in range(last, -1, -1):
                output[step, batch] = steps[step, batch, beam]
                beam = checked_indices(parents[step, batch, beam].astype(np.int64), beams, 2, negative=False)
        ended = np.maximum.accumulate(output == end, axis=0)
        return [np.where(ended, end, output)]


def _ranked(shape: PartialShape) -> PartialShape:
    return shape if shape.has_rank else PartialShape.dynamic(3)
