"""NonZero, Unique, Bucketize, SearchSorted."""

from __future__ import annotations

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.ops import factories

from .support import check, fixed
from .test_shape import shape_of, shapes_of, tensor

F = factories(16)


@pytest.mark.parametrize("output_type", ["i32", "i64"])
@pytest.mark.parametrize(
    "data",
    [
        np.float32([[0, 1, np.nan], [-0.0, 2, 0]]),
        np.zeros((2, 2), np.int32),
        np.array([[[True], [False]]]),
        np.float32(3).reshape(()),
        np.float32([]),
    ],
)
def test_non_zero(data: np.ndarray, output_type: str) -> None:
    check("non_zero", data, output_type, expected=np.array(np.nonzero(np.atleast_1d(data))))


def test_non_zero_bounds_its_count() -> None:
    assert shape_of(F["non_zero"](tensor("2,3"))) == "[2,..6]"
    assert shape_of(F["non_zero"](tensor("2,?"))) == "[2,?]"
    assert shape_of(F["non_zero"](np.array([0, 1, 2]))) == "[1,2]"


def test_unique() -> None:
    data = np.array([3, 1, 3, 2, 1], np.int32)
    ascending = [np.array([1, 2, 3]), np.array([1, 3, 0]), np.array([2, 0, 2, 1, 0]), np.array([2, 1, 2])]
    by_occurrence = [np.array([3, 1, 2]), np.array([0, 1, 3]), np.array([0, 1, 0, 2, 1]), np.array([2, 2, 1])]
    check("unique", data, expected=ascending)
    check("unique", data, None, False, "i32", "i32", expected=by_occurrence)
    check("unique", data.reshape(5, 1).astype(np.float32), expected=ascending)
    check("unique", np.array(5, np.int32), expected=[np.array([5]), np.array([0]), np.array([0]), np.array([1])])


def test_unique_slices() -> None:
    data = np.array([[3, 1], [3, 1], [0, 1]], np.int32)
    rows = [data[[2, 0]], np.array([2, 0]), np.array([1, 1, 0]), np.array([1, 2])]
    check("unique", data, fixed(np.array(0)), expected=rows)
    check(
        "unique",
        data,
        fixed(np.array(0)),
        False,
        expected=[data[[0, 2]], np.array([0, 2]), np.array([0, 0, 1]), np.array([2, 1])],
    )
    check(
        "unique",
        data,
        fixed(np.array([1])),
        expected=[data[:, [1, 0]], np.array([1, 0]), np.array([1, 0]), np.array([1, 1])],
    )


def test_unique_bounds_its_counts() -> None:
    assert shapes_of(F["unique"](tensor("2,3"))) == ["[1..6]", "[1..6]", "[6]", "[1..6]"]
    assert shapes_of(F["unique"](tensor("2,3"), 1)) == ["[2,1..3]", "[1..3]", "[3]", "[1..3]"]
    with pytest.raises(ModelError, match="axis 2 is out of range"):
        F["unique"](tensor("2,3"), 2)


@pytest.mark.parametrize("with_right_bound", [True, False])
@pytest.mark.parametrize("buckets", [[1, 2], [], [1, 1, 4]])
def test_bucketize(with_right_bound: bool, buckets: list[float]) -> None:
    data = np.array([[0, 1, 1.5], [2, 9, -1]], np.float32)
    expected = [[sum(bound < x if with_right_bound else bound <= x for bound in buckets) for x in row] for row in data]
    check("bucketize", data, np.array(buckets, np.float32), "i32", with_right_bound, expected=np.array(expected))


@pytest.mark.parametrize("right", [True, False])
def test_search_sorted(right: bool) -> None:
    values = np.array([[2, 0], [1, 9]], np.float32)
    rows = np.array([[1, 2, 2, 3], [0, 1, 2, 3]], np.float32)

    def places(row: np.ndarray, values: np.ndarray) -> list[int]:
        return [int(sum(x <= value if right else x < value for x in row)) for value in values]

    check(
        "search_sorted",
        rows,
        values,
        right,
        expected=np.array([places(*pair) for pair in zip(rows, values, strict=True)]),
    )
    check("search_sorted", rows[0], values, right, expected=np.array([places(rows[0], row) for row in values]))


def test_search_sorted_refuses() -> None:
    with pytest.raises(ModelError, match="agree but in their last dimension"):
        F["search_sorted"](tensor("2,4"), tensor("3,1"))
    with pytest.raises(ModelError, match="at least one dimension"):
        F["search_sorted"](tensor(""), tensor("3"))
