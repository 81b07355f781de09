"""TopK, NonZero, Unique, Bucketize, SearchSorted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.ops import factories
from ovlite.types import Type

from .support import check, compare, fixed
from .test_shape import shape_of, tensor

F = factories(16)


def shapes_of(node: Any) -> list[str]:
    return [str(output.partial_shape) for output in node.outputs()]


@pytest.mark.parametrize("k", [1, 2, 4])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("mode", ["max", "min"])
@pytest.mark.parametrize("sort", ["value", "index"])
@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_topk(k: int, axis: int, mode: str, sort: str, dtype: type) -> None:
    data = np.random.default_rng(k).permutation(4 * 5).reshape(4, 5).astype(dtype) - 9
    order = np.argsort(-data if mode == "max" else data, axis).take(range(k), axis)
    order = np.sort(order, axis) if sort == "index" else order
    expected = [np.take_along_axis(data, order, axis), order]
    for opset in (1, 3, 11):
        check("topk", data, fixed(np.array(k)), axis, mode, sort, opset=opset, expected=expected)


@pytest.mark.parametrize("mode", ["max", "min"])
@pytest.mark.parametrize("sort", ["value", "index"])
def test_topk_takes_the_first_of_equal_elements(mode: str, sort: str) -> None:
    data = np.array([3, 1, 3, 2, 1, 3], np.float32)
    first = {"max": [0, 2, 5, 3], "min": [1, 4, 3, 0]}[mode]
    order = np.array(sorted(first) if sort == "index" else first)
    check("topk", data, fixed(np.array(4)), 0, mode, sort, "i64", True, expected=[data[order], order])


def test_topk_ranks_nan_above_all_numbers() -> None:
    data = np.array([1, np.nan, np.inf, 2], np.float32)
    for mode, expected in (("max", [1, 2, 3, 0]), ("min", [0, 3, 2, 1])):
        op = F["topk"](tensor("4"), np.array(4), 0, mode, "value").op
        compare(op.evaluate(data, np.array(4)), [data[expected], np.array(expected)])


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64])
def test_topk_of_the_extremes_of_integers(dtype: Any) -> None:
    data = np.array([np.iinfo(dtype).min, 5, np.iinfo(dtype).max], dtype)
    op = F["topk"](tensor("3", Type(dtype)), np.array(3), 0, "max", "value").op
    np.testing.assert_array_equal(op.evaluate(data, np.array(3))[1], [2, 1, 0])


def test_topk_of_unknown_counts() -> None:
    k = tensor("", Type.i64)
    assert shapes_of(F["topk"](tensor("2,5"), k, -1, "max", "none")) == ["[2,..5]"] * 2
    assert shapes_of(F["topk"](tensor("?,5"), np.array(0), 1, "max", "none")) == ["[?,0]"] * 2


@pytest.mark.parametrize(
    ("k", "arguments", "message"),
    [
        (9, (0, "max", "value"), "k is 9, dimension 0 has 3 elements"),
        (-1, (0, "max", "value"), "k to be 0 or more, got -1"),
        ([1], (0, "max", "value"), "k to have rank 0"),
        (1, (1, "max", "value"), "axis 1 is out of range"),
        (1, (0, "odd", "value"), "mode to be one of max, min, got 'odd'"),
        (1, (0, "max", "odd"), "sort to be one of value, index, none"),
        (1, (0, "max", "none", "i32", True), "a stable order needs sort"),
        (1, (0, "max", "value", "f32"), "index_element_type to be i32 or i64, got f32"),
    ],
)
def test_topk_refuses(k: Any, arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        F["topk"](tensor("3"), np.array(k), *arguments)


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
