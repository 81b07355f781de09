"""SegmentMax and SparseFillEmptyRows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.ops import factories
from ovlite.types import Type

from .support import check, fixed
from .test_shape import numbers, shape_of, tensor

F = factories(16)
SEGMENTS = np.array([0, 0, 2, 2, 2])


@pytest.mark.parametrize("fill_mode", ["ZERO", "LOWEST"])
@pytest.mark.parametrize("count", [None, 2, 3, 5])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_segment_max(fill_mode: str, count: int | None, known: bool, dtype: Any) -> None:
    data = np.array([[-3, -2], [-1, 0], [1, 9], [3, 4], [5, 6]], dtype)
    lowest = np.finfo(dtype).min if dtype is np.float32 else np.iinfo(dtype).min
    empty = [0 if fill_mode == "ZERO" else lowest] * 2
    expected = np.array([[-1, 0], empty, [5, 9], empty, empty][: count or 3], dtype)
    number = None if count is None else np.array(count)
    given = [fixed(SEGMENTS), None if count is None else fixed(number)] if known else [SEGMENTS, number]
    check("segment_max", data, *given, fill_mode, expected=expected)


def test_segment_max_refuses() -> None:
    assert shape_of(F["segment_max"](tensor("5,2"), tensor("5", Type.i64), fill_mode="ZERO")) == "[?,2]"
    with pytest.raises(ValueError, match="fill_mode must be given"):
        F["segment_max"](tensor("5,2"), SEGMENTS)
    with pytest.raises(ModelError, match="fill_mode to be one of zero, lowest, got 'odd'"):
        F["segment_max"](tensor("5,2"), SEGMENTS, fill_mode="odd")
    with pytest.raises(ModelError, match=r"segment_ids to ascend from 0, got \[0, 1, 0\]"):
        F["segment_max"](tensor("3,2"), [0, 1, 0], fill_mode="ZERO")
    with pytest.raises(ModelError, match="one element for each row"):
        F["segment_max"](tensor("4,2"), SEGMENTS, fill_mode="ZERO")


@pytest.mark.parametrize(
    ("indices", "filled", "order", "empty"),
    [
        ([[0, 1], [0, 3], [2, 0]], [[0, 1], [0, 3], [1, 0], [2, 0], [3, 0]], [1, 2, 9, 3, 9], [0, 1, 0, 1]),
        ([[2, 1], [0, 3], [2, 0]], [[0, 3], [1, 0], [2, 0], [2, 1], [3, 0]], [2, 9, 3, 1, 9], [0, 1, 0, 1]),
        ([], [[0, 0], [1, 0], [2, 0], [3, 0]], [9, 9, 9, 9], [1, 1, 1, 1]),
    ],
)
def test_sparse_fill_empty_rows(indices: Any, filled: Any, order: Any, empty: Any) -> None:
    values, default = numbers(len(indices)) + 1, np.array(9, np.float32)
    given = np.array([4, 5]), np.array(indices, np.int64).reshape(-1, 2)
    expected = [np.array(filled), np.array(order, np.float32), np.array(empty, bool)]
    check("sparse_fill_empty_rows", values, *given, default, expected=expected)


def test_sparse_fill_empty_rows_counts_what_is_known() -> None:
    default = np.array(0, np.float32)
    node = F["sparse_fill_empty_rows"](tensor("3"), [4, 5], [[0, 1], [0, 3], [2, 0]], default)
    assert [str(output.partial_shape) for output in node.outputs()] == ["[5,2]", "[5]", "[4]"]
    node = F["sparse_fill_empty_rows"](tensor("3"), [4, 5], tensor("3,2", Type.i64), default)
    assert [str(output.partial_shape) for output in node.outputs()] == ["[?,2]", "[?]", "[4]"]


def test_sparse_fill_empty_rows_refuses() -> None:
    default = np.array(0, np.float32)
    with pytest.raises(ModelError, match=r"index \[4, 0\] is outside of a matrix of shape \[4, 5\]"):
        F["sparse_fill_empty_rows"](tensor("1"), [4, 5], [[4, 0]], default)
    with pytest.raises(ModelError, match="one index for each value"):
        F["sparse_fill_empty_rows"](tensor("2"), [4, 5], [[1, 0]], default)
    with pytest.raises(ModelError, match="dense_shape has 2 elements"):
        F["sparse_fill_empty_rows"](tensor("1"), [4, 5, 6], [[1, 0]], default)
