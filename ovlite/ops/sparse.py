"""Operators on segments of rows and on sparse matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..errors import ModelError
from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape, Type
from .axes import (
    inferred,
    integer,
    integers,
    known_length,
    merged_type,
    one_of,
    require,
    require_integers,
    require_rank,
)
from .declare import Declared


@dataclass(frozen=True)
class SegmentMax(Declared):
    """The largest elements of the rows of each segment; segment_ids, ascending, say which one a row belongs to.

    num_segments: how many segments there are; by default the last segment id + 1. fill_mode: what a
    segment without rows holds: zero, or the lowest number of the element type.
    """

    fill_mode: str = "zero"

    type = "SegmentMax"
    opset = "opset16"
    factory = "segment_max"
    signature = "data, segment_ids, num_segments=None, fill_mode=None"
    inputs = ("data", "segment_ids", "num_segments")
    since = 16
    value_inputs: ClassVar[tuple[int, ...]] = (2,)

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        if given["fill_mode"] is None:
            raise ValueError("fill_mode must be given: 'ZERO' or 'LOWEST'")
        return given

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, segments = inputs[:2]
        one_of(self.fill_mode, ("zero", "lowest"), "fill_mode")
        require(not data.shape.has_rank or len(data.shape) > 0, "the data have at least one dimension")
        require_integers(segments, "segment_ids")
        require_rank(segments, 1, "segment_ids")
        if data.shape.has_rank and segments.shape.has_rank:
            fits = data.shape[0].compatible(segments.shape[0])
            require(fits, f"segment_ids {segments.shape} have one element for each row of data {data.shape}")
        ids = integers(segments)
        count = Dimension()
        if ids is not None:
            require(
                ids == sorted(ids) and min(ids, default=0) >= 0, f"expected segment_ids to ascend from 0, got {ids}"
            )
            count = Dimension(ids[-1] + 1 if ids else 0)
        if len(inputs) > 2:
            require_integers(inputs[2], "numbers of segments")
            require_rank(inputs[2], 0, "num_segments")
            count = known_length(integer(inputs[2], "num_segments"))
        shape = PartialShape([count, *data.shape[1:]]) if data.shape.has_rank else PartialShape.dynamic()
        return [TensorType(data.element_type, shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, segments = inputs[:2]
        shape = inferred(self, *inputs)[0].shape.to_shape()
        bounds = np.finfo(data.dtype) if data.dtype.kind == "f" else np.iinfo(data.dtype)
        output = np.full(tuple(shape), bounds.min, data.dtype)
        inside = segments < shape[0]
        np.maximum.at(output, segments[inside], data[inside])
        if self.fill_mode == "zero":
            output[np.bincount(segments[inside], minlength=shape[0]) == 0] = 0
        return [output]


@dataclass(frozen=True)
class SparseFillEmptyRows(Declared):
    """Gives each empty row of a sparse matrix the element default_value in its first column.

    values: [n]; dense_shape: [rows, columns]; indices: [n, 2], row and column of each value. Outputs:
    the indices and values of the filled matrix, by row and column, and for each row whether it was empty.
    """

    type = "SparseFillEmptyRows"
    opset = "opset16"
    factory = "sparse_fill_empty_rows"
    signature = "values, dense_shape, indices, default_value"
    inputs = ("values", "dense_shape", "indices", "default_value")
    since = 16

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        values, dense, indices, default = inputs
        for name, argument, rank in zip(self.inputs, inputs, (1, 1, 2, 0), strict=True):
            require_rank(argument, rank, name)
        element_type = merged_type((values, default), "values and default_value")
        index_type = merged_type((dense, indices), "dense_shape and indices")
        require_integers(indices, "indices")
        for argument, axis, length in ((dense, 0, 2), (indices, 1, 2)):
            fits = not argument.shape.has_rank or argument.shape[axis].compatible(Dimension(length))
            require(fits, "dense_shape has 2 elements, and each of the indices too")
        if values.shape.has_rank and indices.shape.has_rank and not values.shape[0].compatible(indices.shape[0]):
            raise ModelError(
                f"expected one index for each value, got indices {indices.shape} for values {values.shape}"
            )
        size, places = integers(dense), indices.value
        rows = Dimension() if size is None else Dimension(size[0])
        count = Dimension()
        if size is not None and places is not None:
            _check_places(places, size)
            count = Dimension(len(places) + size[0] - len(np.unique(places[:, 0])))
        return [
            TensorType(index_type, PartialShape([count, 2])),
            TensorType(element_type, PartialShape([count])),
            TensorType(Type.boolean, PartialShape([rows])),
        ]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        values, dense, indices, default = inputs
        inferred(self, *inputs)
        empty = np.ones(int(dense[0]), bool)
        empty[indices[:, 0]] = False
        rows = np.flatnonzero(empty)
        places = np.concatenate([indices, np.stack([rows, np.zeros_like(rows)], 1).astype(indices.dtype)])
        filled = np.concatenate([values, np.full(len(rows), default, values.dtype)])
        order = np.lexsort((places[:, 1], places[:, 0]))
        return [places[order], filled[order], empty]


def _check_places(places: Array, size: Sequence[int]) -> None:
    wrong = ((places < 0) | (places >= np.array(size))).any(1)
    if wrong.any():
        raise ModelError(f"index {places[wrong][0].tolist()} is outside of a matrix of shape {list(size)}")
