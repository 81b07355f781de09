"""ScatterUpdate, ScatterElementsUpdate, ScatterNDUpdate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.ops import factories
from ovlite.types import Type

from .support import check, fixed
from .test_shape import numbers, tensor

F = factories(16)


def ints(*values: Any) -> np.ndarray:
    return np.array(values, np.int64)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("indices", [ints(2, 0), ints([1, 0], [2, 2]), np.array(1), np.array([0, 1], np.int32)])
def test_scatter_update(axis: int, indices: np.ndarray) -> None:
    data = numbers(3, 3, 3)
    place = axis % 3
    updates = -1 - numbers(*data.shape[:place], *indices.shape, *data.shape[place + 1 :])
    if indices.ndim == 2:  # two updates of one slice: equal ones, as their order is anybody's
        updates[(slice(None),) * place + (1, 0)] = updates[(slice(None),) * place + (1, 1)]
    expected = data.copy()
    expected[(slice(None),) * place + (indices,)] = updates
    peer = "cpu" if indices.ndim else ""  # OpenVINO refuses a scalar index
    check("scatter_update", data, indices, updates, fixed(np.array(axis)), expected=expected, peer=peer)


def test_scatter_update_refuses() -> None:
    with pytest.raises(ModelError, match=r"updates to have shape \[2,4\], got \[2,5\]"):
        F["scatter_update"](tensor("3,4"), tensor("2", Type.i64), tensor("2,5"), 0)
    with pytest.raises(ModelError, match="data and updates to have one element type, got f32, i32"):
        F["scatter_update"](tensor("3,4"), tensor("2", Type.i64), tensor("2,4", Type.i32), 0)
    op = F["scatter_update"](tensor("3"), tensor("1", Type.i64), tensor("1"), 0).op
    for index in (-1, 3):
        with pytest.raises(
            ModelError, match=f"index {index} is out of range for dimension 0 of length 3: indices are 0 to 2"
        ):
            op.evaluate(numbers(3), ints(index), numbers(1), np.array(0))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("opset", [3, 12])
@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_scatter_elements_update(axis: int, opset: int, dtype: type) -> None:
    data, updates = numbers(3, 4, dtype=dtype), -1 - numbers(2, 3, dtype=dtype)
    indices = ints([0, 1, 2], [-2, 0, -1]) if axis == 0 else ints([0, 3, 1], [-1, 1, 0])
    expected = data.copy()
    np.put_along_axis(expected[: 2 if axis else 3, : 4 if axis else 3], indices, updates, axis)
    check("scatter_elements_update", data, indices, updates, fixed(np.array(axis)), opset=opset, expected=expected)


REDUCED: dict[str, Any] = {"sum": np.sum, "prod": np.prod, "min": np.min, "max": np.max, "mean": np.mean}


@pytest.mark.parametrize("reduction", list(REDUCED))
@pytest.mark.parametrize("use_init_val", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_scatter_elements_update_reduces(reduction: str, use_init_val: bool, dtype: type) -> None:
    data, updates = np.array([1, 2, 3, 4], dtype), np.array([9, 7, -5, 3], dtype)
    expected = data.copy()
    old = [1] if use_init_val else []
    expected[0] = (
        np.floor(REDUCED[reduction]([*old, 9, 7, -5])) if dtype == np.int32 else REDUCED[reduction]([*old, 9, 7, -5])
    )
    expected[2] = REDUCED[reduction]([3, 3] if use_init_val else [3])
    arguments = data, ints(0, 0, 0, -2), updates, fixed(np.array(0)), reduction, use_init_val
    check("scatter_elements_update", *arguments, expected=expected)


def test_a_mean_of_integers_is_rounded_down() -> None:
    op = F["scatter_elements_update"](
        tensor("1", Type.i32), tensor("2", Type.i64), tensor("2", Type.i32), 0, "mean", False
    ).op
    found = op.evaluate(np.array([5], np.int32), ints(0, 0), np.array([-3, -4], np.int32), np.array(0))[0]
    np.testing.assert_array_equal(found, [-4])


@pytest.mark.parametrize(("reduction", "expected"), [("sum", True), ("prod", False), ("min", False), ("max", True)])
def test_booleans_reduce_as_logic(reduction: str, expected: bool) -> None:
    data, updates = np.array([True, False]), np.array([False, True])
    for use_init_val in (True, False):
        check(
            "scatter_elements_update",
            data,
            ints(0, 0),
            updates,
            fixed(np.array(0)),
            reduction,
            use_init_val,
            expected=[np.array([expected, False])],
            peer="",
        )


def test_scatter_elements_update_refuses() -> None:
    data = tensor("3,4")
    with pytest.raises(ModelError, match="have one shape"):
        F["scatter_elements_update"](data, tensor("2,4", Type.i64), tensor("2,3"), 0)
    with pytest.raises(ModelError, match="have the rank of data"):
        F["scatter_elements_update"](data, tensor("2", Type.i64), tensor("2"), 0)
    with pytest.raises(ModelError, match="reduction to be one of none, sum, prod, min, max, mean, got 'odd'"):
        F["scatter_elements_update"](data, tensor("2,4", Type.i64), tensor("2,4"), 0, "odd")
    op = F["scatter_elements_update"](tensor("3"), tensor("1", Type.i64), tensor("1"), 0).op
    for index in (-4, 3):
        with pytest.raises(ModelError, match=f"index {index} is out of range"):
            op.evaluate(numbers(3), ints(index), numbers(1), np.array(0))
    op = F["scatter_elements_update"](data, tensor("2,5", Type.i64), tensor("2,5"), 0).op
    with pytest.raises(ModelError, match="reach beyond data"):
        op.evaluate(numbers(3, 4), np.zeros((2, 5), np.int64), numbers(2, 5), np.array(0))


TUPLES = [
    ((4, 3), ints([1], [-1])),
    ((4, 3), ints([0, 2], [3, -3])),
    ((2, 3, 4), ints([[0, 1], [1, 2]])),
]


@pytest.mark.parametrize(("shape", "indices"), TUPLES)
@pytest.mark.parametrize("opset", [4, 15])
def test_scatter_nd_update(shape: tuple[int, ...], indices: np.ndarray, opset: int) -> None:
    data = numbers(*shape)
    updates = -1 - numbers(*indices.shape[:-1], *shape[indices.shape[-1] :])
    expected = data.copy()
    for place in np.ndindex(indices.shape[:-1]):
        expected[tuple(indices[place])] = updates[place]
    check("scatter_nd_update", data, indices, updates, opset=opset, expected=expected)


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        ("sum", [1, 18, 3]),
        ("sub", [1, -14, 3]),
        ("prod", [1, 126, 3]),
        ("min", [1, 2, 3]),
        ("max", [1, 9, 3]),
        ("none", [1, 7, 3]),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_scatter_nd_update_reduces(reduction: str, expected: list[int], dtype: type) -> None:
    data, updates = np.array([1, 2, 3], dtype), np.array([9, 7], dtype)
    check("scatter_nd_update", data, ints([1], [1]), updates, reduction, expected=np.array(expected, dtype))


def test_scatter_nd_update_refuses() -> None:
    data = tensor("3,4")
    with pytest.raises(ModelError, match=r"updates to have shape \[2,4\], got \[2,3\]"):
        F["scatter_nd_update"](data, tensor("2,1", Type.i64), tensor("2,3"))
    with pytest.raises(ModelError, match="tuples of 1 to 2 indices .*, got 3"):
        F["scatter_nd_update"](data, tensor("2,3", Type.i64), tensor("2"))
    with pytest.raises(ModelError, match="reduction to be one of"):
        F["scatter_nd_update"](data, tensor("2,1", Type.i64), tensor("2,4"), "mean")
    op = F["scatter_nd_update"](data, tensor("1,2", Type.i64), tensor("1")).op
    for index in (-5, 4):
        with pytest.raises(ModelError, match=f"index {index} is out of range for dimension 1 of length 4"):
            op.evaluate(numbers(3, 4), ints([0, index]), numbers(1))
