"""Operators that look up rows of a table and combine those of each bag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..errors import ModelError
from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape
from .axes import (
    inferred,
    integer,
    known_length,
    merged_type,
    one_of,
    require,
    require_integers,
    require_rank,
    static_shapes,
)
from .declare import Declared, as_output
from .gather import checked_indices


def _table(table: Argument, indices: Argument, rank: int) -> None:
    """Checks a table of rows and the indices into it."""
    require(not table.shape.has_rank or len(table.shape) > 0, "the table has at least one dimension")
    require_integers(indices, "indices")
    require_rank(indices, rank, "indices")


def _weighted(table: Argument, indices: Argument, weights: Argument, mean: bool = False) -> None:
    """Checks per-sample weights."""
    require(not mean, "per_sample_weights need the reduction 'sum'")
    merged_type((table, weights), "the table and the weights")
    require(
        weights.shape.compatible(indices.shape),
        f"per_sample_weights {weights.shape} have the indices' shape {indices.shape}",
    )


def _with_rows(table: PartialShape, count: Dimension) -> PartialShape:
    return PartialShape([count, *table[1:]]) if table.has_rank else PartialShape.dynamic()


def _rows(table: Array, indices: Array, weights: Array | None) -> Array:
    """The rows that indices name, each times its weight."""
    rows = table[checked_indices(indices.astype(np.int64), table.shape[0], 0, negative=False)]
    if weights is not None:
        rows = rows * weights.reshape(weights.shape + (1,) * (table.ndim - 1))
    return rows


def _combined(table: Array, rows: Array, bags: Array, count: int, default: int, mean: bool) -> Array:
    """Sums (or means) of the rows of each bag; bag numbers beyond `count` are left out.

    default: the row of a bag that has none; -1 for zeros.
    """
    inside = bags < count
    output = np.zeros((count, *table.shape[1:]), table.dtype)
    np.add.at(output, bags[inside], rows[inside])
    sizes = np.bincount(bags[inside], minlength=count)
    if mean:
        divisor = np.maximum(sizes, 1).reshape((-1,) + (1,) * (table.ndim - 1))
        output = (output / divisor).astype(table.dtype)
    if default >= 0:
        output[sizes == 0] = table[checked_indices(np.array(default), table.shape[0], 0)]
    return output


def _scalar(values: Sequence[Array], place: int, default: int) -> int:
    return int(values[place].item()) if len(values) > place else default


@dataclass(frozen=True)
class EmbeddingBagOffsetsSum(Declared):
    """Sums of table rows. Bag i holds the rows of indices[offsets[i] : offsets[i + 1]].

    A bag without rows is row default_index, or zeros when that is -1 or missing.
    """

    type = "EmbeddingBagOffsetsSum"
    opset = "opset3"
    factory = "embedding_bag_offsets_sum"
    signature = "emb_table, indices, offsets, default_index=None, per_sample_weights=None"
    inputs = ("emb_table", "indices", "offsets", "default_index", "per_sample_weights")
    since = 3

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        missing = given["default_index"] is None and given["per_sample_weights"] is not None
        return given | {"default_index": minus_one(given["indices"])} if missing else given

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        table, indices, offsets = inputs[:3]
        _table(table, indices, 1)
        merged_type((indices, offsets), "indices and offsets")
        require_rank(offsets, 1, "offsets")
        if len(inputs) > 3:
            merged_type((indices, inputs[3]), "indices and default_index")
            require_rank(inputs[3], 0, "default_index")
        mean = self._mean
        if len(inputs) > 4:
            _weighted(table, indices, inputs[4], mean)
        count = offsets.shape[0] if offsets.shape.has_rank else Dimension()
        return [TensorType(table.element_type, _with_rows(table.shape, count))]

    @property
    def _mean(self) -> bool:
        return False

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        table, indices, offsets = inputs[:3]
        static_shapes(self, *inputs)
        starts = offsets.astype(np.int64)
        valid = bool((np.diff(starts) >= 0).all() and (starts >= 0).all() and (starts <= len(indices)).all())
        require(
            valid, f"expected offsets to ascend from 0 to the number of indices, {len(indices)}, got {starts.tolist()}"
        )
        bags = np.searchsorted(starts, np.arange(len(indices)), "right") - 1
        rows = _rows(table, indices, inputs[4] if len(inputs) > 4 else None)
        kept = bags >= 0
        return [_combined(table, rows[kept], bags[kept], len(starts), _scalar(inputs, 3, -1), self._mean)]


def minus_one(indices: Any) -> Array:
    """-1 in the type of a factory's `indices`: the default_index that stands for none."""
    return np.array(-1, as_output(indices).element_type.to_dtype())


@dataclass(frozen=True)
class EmbeddingBagOffsets(EmbeddingBagOffsetsSum):
    """Sums or means of table rows. Bag i holds the rows of indices[offsets[i] : offsets[i + 1]].

    A bag without rows is row default_index, or zeros when that is -1 or missing. Weights need the sum.
    """

    reduction: str = "sum"

    type = "EmbeddingBagOffsets"
    opset = "opset15"
    factory = "embedding_bag_offsets"
    signature = "emb_table, indices, offsets, default_index=None, per_sample_weights=None, reduction='sum'"
    since = 15

    @property
    def _mean(self) -> bool:
        one_of(self.reduction, ("sum", "mean"), "reduction")
        return self.reduction == "mean"


@dataclass(frozen=True)
class EmbeddingBagPackedSum(Declared):
    """Sums of table rows: indices [batch, n] hold the rows of each bag."""

    type = "EmbeddingBagPackedSum"
    opset = "opset3"
    factory = "embedding_bag_packed_sum"
    signature = "emb_table, indices, per_sample_weights=None"
    inputs = ("emb_table", "indices", "per_sample_weights")
    since = 3

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        table, indices = inputs[:2]
        _table(table, indices, 2)
        mean = self._mean
        if len(inputs) > 2:
            _weighted(table, indices, inputs[2], mean)
        batches = [argument.shape[0] for argument in inputs[1:] if argument.shape.has_rank]
        count = next((dim for dim in batches if dim.is_static), batches[0] if batches else Dimension())
        return [TensorType(table.element_type, _with_rows(table.shape, count))]

    @property
    def _mean(self) -> bool:
        return False

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        table, indices = inputs[:2]
        static_shapes(self, *inputs)
        rows = _rows(table, indices, inputs[2] if len(inputs) > 2 else None)
        output = rows.sum(1, dtype=table.dtype)
        return [(output / max(indices.shape[1], 1)).astype(table.dtype) if self._mean else output]


@dataclass(frozen=True)
class EmbeddingBagPacked(EmbeddingBagPackedSum):
    """Sums or means of table rows: indices [batch, n] hold the rows of each bag. Weights need the sum."""

    reduction: str = "sum"

    type = "EmbeddingBagPacked"
    opset = "opset15"
    factory = "embedding_bag_packed"
    signature = "emb_table, indices, per_sample_weights=None, reduction='sum'"
    since = 15

    @property
    def _mean(self) -> bool:
        one_of(self.reduction, ("sum", "mean"), "reduction")
        return self.reduction == "mean"


@dataclass(frozen=True)
class EmbeddingSegmentsSum(Declared):
    """Sums of table rows: segment_ids, ascending, say which bag each index belongs to.

    num_segments: how many bags there are; by default the last segment id + 1. A bag without rows is row
    default_index, or zeros when that is -1 or missing.
    """

    type = "EmbeddingSegmentsSum"
    opset = "opset3"
    factory = "embedding_segments_sum"
    signature = "emb_table, indices, segment_ids, num_segments=None, default_index=None, per_sample_weights=None"
    inputs = ("emb_table", "indices", "segment_ids", "num_segments", "default_index", "per_sample_weights")
    since = 3
    value_inputs: ClassVar[tuple[int, ...]] = (3,)

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        if given["per_sample_weights"] is not None and given["default_index"] is None:
            given = given | {"default_index": minus_one(given["indices"])}
        if given["default_index"] is not None and given["num_segments"] is None:
            raise ModelError("default_index and per_sample_weights need num_segments")
        return given

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        table, indices, segments = inputs[:3]
        _table(table, indices, 1)
        merged_type((indices, segments), "indices and segment_ids")
        require(
            segments.shape.compatible(indices.shape),
            f"segment_ids {segments.shape} have the indices' shape {indices.shape}",
        )
        count = Dimension()
        if len(inputs) > 3:
            require_rank(inputs[3], 0, "num_segments")
            count = known_length(integer(inputs[3], "num_segments"))
        if len(inputs) > 4:
            require_rank(inputs[4], 0, "default_index")
        if len(inputs) > 5:
            _weighted(table, indices, inputs[5])
        return [TensorType(table.element_type, _with_rows(table.shape, count))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        table, indices, segments = inputs[:3]
        inferred(self, *inputs)
        bags = segments.astype(np.int64)
        ascending = bool((np.diff(bags) >= 0).all() and (bags >= 0).all())
        require(ascending, f"expected segment_ids to ascend from 0, got {bags.tolist()}")
        count = _scalar(inputs, 3, int(bags[-1]) + 1 if len(bags) else 0)
        rows = _rows(table, indices, inputs[5] if len(inputs) > 5 else None)
        return [_combined(table, rows, bags, count, _scalar(inputs, 4, -1), False)]
