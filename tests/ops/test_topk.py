"""The largest and smallest elements along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.ops import factories
from ovlite.types import Type

from .support import check, compare, fixed
from .test_shape import shapes_of, tensor

F = factories(16)


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
