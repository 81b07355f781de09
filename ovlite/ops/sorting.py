"""Operators that look for elements, or find the distinct ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape, Type
from .axes import (
    elements,
    index_type,
    inferred,
    integer,
    merged_type,
    normalized,
    require,
    require_integers,
    require_rank,
    static_shapes,
    upper,
)
from .declare import Declared


@dataclass(frozen=True)
class NonZero(Declared):
    """The places of all elements other than 0, in row-major order: [rank, count]; a scalar counts as 1-D."""

    output_type: Type = Type.i64

    type = "NonZero"
    opset = "opset3"
    factory = "non_zero"
    signature = "data, output_type='i64'"
    inputs = ("data",)
    since = 3

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        index_type(self.output_type, "output_type")
        shape, value = inputs[0].shape, inputs[0].value
        if not shape.has_rank:
            return [TensorType(self.output_type, PartialShape([-1, -1]))]
        count = upper(elements(shape)) if value is None else Dimension(int(np.count_nonzero(value)))
        return [TensorType(self.output_type, PartialShape([max(1, len(shape)), count]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        places = np.nonzero(np.atleast_1d(inputs[0]))
        return [np.array(places, self.output_type.to_dtype())]


@dataclass(frozen=True)
class Unique(Declared):
    """The distinct elements, or slices along `axis`.

    Outputs: the distinct ones (1-D without an axis), the index at which each first occurs, the index of
    its distinct one for each element, and how often each occurs. sorted: in ascending order, slices by
    their elements in turn; else in order of their first occurrence.
    """

    sorted: bool = True
    index_element_type: Type = Type.i64
    count_element_type: Type = Type.i64

    type = "Unique"
    opset = "opset10"
    factory = "unique"
    signature = "data, axis=None, sorted=True, index_element_type='i64', count_element_type='i64'"
    inputs = ("data", "axis")
    since = 10
    value_inputs: ClassVar[tuple[int, ...]] = (1,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        index_type(self.index_element_type, "index_element_type")
        index_type(self.count_element_type, "count_element_type")
        data = inputs[0]
        place = None
        if len(inputs) > 1:
            require_integers(inputs[1], "axes")
            require_rank(inputs[1], (0, 1), "the axis")
            place = integer(inputs[1], "the axis")
        shape, total, found = self._shapes(data.shape, len(inputs) > 1, place)
        types = (data.element_type, self.index_element_type, self.index_element_type, self.count_element_type)
        shapes = (shape, PartialShape([found]), PartialShape([total]), PartialShape([found]))
        return [TensorType(*pair) for pair in zip(types, shapes, strict=True)]

    def _shapes(self, shape: PartialShape, along: bool, place: int | None) -> tuple[PartialShape, Dimension, Dimension]:
        """The shape of the distinct ones, how many are looked at, and how many are found."""
        if not shape.has_rank or (along and place is None):
            return PartialShape.dynamic(shape.rank if along else 1), Dimension(), Dimension()
        axis = normalized(place, len(shape)) if place is not None else None
        total = elements(shape) if axis is None else shape[axis]
        found = Dimension(min(1, total.min_length), total.max_length)
        return (
            (PartialShape([found]) if axis is None else PartialShape([*shape[:axis], found, *shape[axis + 1 :]])),
            total,
            found,
        )

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data = inputs[0]
        tensors = inferred(self, *inputs)
        axis = int(inputs[1].item()) if len(inputs) > 1 else None
        values, first, inverse, counts = np.unique(data, True, True, True, axis)
        inverse = inverse.ravel()
        if not self.sorted:
            order = np.argsort(first, kind="stable")
            rank = np.empty_like(order)
            rank[order] = np.arange(len(order))
            values = np.take(values, order, 0 if axis is None else axis)
            first, inverse, counts = first[order], rank[inverse], counts[order]
        indices = [
            array.astype(tensor.element_type.to_dtype())
            for array, tensor in zip((first, inverse, counts), tensors[1:], strict=True)
        ]
        return [values, *indices]


@dataclass(frozen=True)
class Bucketize(Declared):
    """The index of the bucket of each element; `buckets` are ascending bounds.

    with_right_bound: a bucket holds its right bound (and not its left one).
    """

    output_type: Type = Type.i64
    with_right_bound: bool = True

    type = "Bucketize"
    opset = "opset3"
    factory = "bucketize"
    signature = "data, buckets, output_type='i64', with_right_bound=True"
    inputs = ("data", "buckets")
    since = 3

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        index_type(self.output_type, "output_type")
        require_rank(inputs[1], 1, "buckets")
        return [TensorType(self.output_type, inputs[0].shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, buckets = inputs
        found = np.searchsorted(buckets, data, "left" if self.with_right_bound else "right")
        return [np.asarray(found, self.output_type.to_dtype())]


@dataclass(frozen=True)
class SearchSorted(Declared):
    """SearchSorted: the index at which each value would be inserted into an ascending sequence.

    sorted_sequence: [..., n], one sequence for each row of `values` ([..., m]), or 1-D for all values.
    right_mode: behind equal elements, else before them.
    """

    right_mode: bool = False
    output_type: Type = Type.i64

    type = "SearchSorted"
    opset = "opset15"
    factory = "search_sorted"
    signature = "sorted_sequence, values, right_mode=False"
    inputs = ("sorted_sequence", "values")
    since = 15

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        sequence, values = inputs
        index_type(self.output_type, "output_type")
        merged_type(inputs, "sorted_sequence and values")
        require(not sequence.shape.has_rank or len(sequence.shape) > 0, "sorted_sequence has at least one dimension")
        if not sequence.shape.has_rank or len(sequence.shape) == 1:
            return [TensorType(self.output_type, values.shape)]
        if not values.shape.has_rank:
            return [TensorType(self.output_type, PartialShape([*sequence.shape[:-1], -1]))]
        fits = len(values.shape) == len(sequence.shape) and values.shape[:-1].compatible(sequence.shape[:-1])
        require(fits, f"sorted_sequence {sequence.shape} and values {values.shape} agree but in their last dimension")
        dims = [a.intersect(b) or a for a, b in zip(values.shape[:-1], sequence.shape[:-1], strict=True)]
        return [TensorType(self.output_type, PartialShape([*dims, values.shape[-1]]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        sequence, values = inputs
        static_shapes(self, sequence, values)
        side: Any = "right" if self.right_mode else "left"
        if sequence.ndim == 1:
            found = np.asarray(np.searchsorted(sequence, values, side))
        else:
            found = np.zeros(values.shape, np.int64)
            for row in np.ndindex(*values.shape[:-1]):
                found[row] = np.searchsorted(sequence[row], values[row], side)
        return [found.astype(self.output_type.to_dtype())]
