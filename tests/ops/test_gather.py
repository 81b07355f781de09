"""Gather, GatherElements, GatherND, GatherTree."""

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


def ints(*values: Any) -> np.ndarray:
    return np.array(values, np.int64)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize(
    "indices", [np.array(1), ints(0, 2, 1), ints([0, 1], [2, 0]), np.array([], np.int64), np.array([1, 1], np.int32)]
)
@pytest.mark.parametrize("opset", [1, 7, 16])
def test_gather(axis: int, indices: np.ndarray, opset: int) -> None:
    data = numbers(3, 3, 3) + 1
    peer = "cpu" if indices.size else ""  # OpenVINO's process dies of an empty gather
    check("gather", data, indices, fixed(np.array(axis)), opset=opset, expected=np.take(data, indices, axis), peer=peer)


@pytest.mark.parametrize(("batch_dims", "axis"), [(1, 1), (1, 2), (2, 2), (0, 1)])
def test_gather_in_batches(batch_dims: int, axis: int) -> None:
    data, indices = numbers(2, 3, 4), ints([[0, 1], [2, 0], [1, 1]], [[1, 0], [0, 2], [2, 2]])
    check("gather", data, indices, fixed(np.array(axis)), batch_dims)


def test_gather_in_batches_counts_batch_dims_in_the_indices() -> None:
    node = F["gather"](tensor("2,3,4"), tensor("2,5", Type.i64), 1, -1)
    assert shape_of(node) == "[2,5,4]"
    assert node.op.evaluate(numbers(2, 3, 4), np.zeros((2, 5), np.int64), np.array(1))[0].shape == (2, 5, 4)


@pytest.mark.parametrize("opset", [1, 7, 8])
def test_gather_counts_negative_indices_from_the_end(opset: int) -> None:
    data, indices = numbers(2, 3), ints(-1, 0, -3)
    peer = (
        "cpu" if opset == 8 else ""
    )  # OpenVINO's older gathers give zeros, or what this one gives when they are folded
    check("gather", data, indices, fixed(np.array(1)), opset=opset, expected=data[:, [2, 0, 0]], peer=peer)


@pytest.mark.parametrize("index", [-4, 3])
def test_gather_refuses_indices_out_of_range(index: int) -> None:
    op = F["gather"](tensor("2,3"), tensor("2", Type.i64), np.array(1)).op
    with pytest.raises(
        ModelError, match=f"index {index} is out of range for dimension 1 of length 3: indices are -3 to 2"
    ):
        op.evaluate(numbers(2, 3), ints(0, index), np.array(1))


@pytest.mark.parametrize(
    ("data", "indices", "axis", "batch_dims", "message"),
    [
        ("2,3", tensor("2", Type.f32), 0, 0, "indices to be integers, got f32"),
        ("2,3", tensor("2", Type.i64), 2, 0, "axis 2 is out of range"),
        ("2,3", tensor("2", Type.i64), [0, 1], 0, "the axis to be a single number"),
        ("2,3", tensor("2", Type.i64), 0, 1, "batch_dims 1 is beyond the axis 0"),
        ("2,3", tensor("2", Type.i64), 1, 2, "batch_dims 2 is too large|batch_dims 2 is out of range"),
        ("2,3", tensor("4,2", Type.i64), 1, 1, "the first 1 dimensions of data"),
    ],
)
def test_gather_refuses(data: str, indices: Any, axis: Any, batch_dims: int, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        F["gather"](tensor(data), indices, axis, batch_dims)


def test_gather_of_unknown_shapes() -> None:
    assert shape_of(F["gather"](tensor("?,3,4"), tensor("2,5", Type.i64), 1)) == "[?,2,5,4]"
    assert shape_of(F["gather"](tensor("?,3,4"), tensor("2,5", Type.i64), 1, 1)) == "[2,5,4]"
    assert shape_of(F["gather"](tensor("2,3"), tensor("5", Type.i64), tensor("", Type.i64))) == "[?,?]"


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_gather_elements(axis: int, dtype: type) -> None:
    data = numbers(2, 3, 4)
    indices = np.random.default_rng(axis).integers(-data.shape[axis], data.shape[axis], (2, 3, 4)).astype(dtype)
    check("gather_elements", data, indices, axis, expected=np.take_along_axis(data, indices, axis))
    fewer = np.take(indices, [0, 1, 0, 1, 0], axis)
    check("gather_elements", data, fewer, axis, expected=np.take_along_axis(data, fewer, axis))


def test_gather_elements_refuses() -> None:
    with pytest.raises(ModelError, match="have one rank"):
        F["gather_elements"](tensor("2,3"), tensor("2", Type.i64))
    with pytest.raises(ModelError, match="differ in dimension 1, not the axis"):
        F["gather_elements"](tensor("2,3"), tensor("5,4", Type.i64))
    op = F["gather_elements"](tensor("3"), tensor("2", Type.i64)).op
    for index in (3, -4):
        with pytest.raises(
            ModelError, match=f"index {index} is out of range for dimension 0 of length 3: indices are -3 to 2"
        ):
            op.evaluate(numbers(3), ints(0, index))


ND = [
    ((2, 3, 4), ints([0, 1], [1, -1]), 0),
    ((2, 3, 4), ints([0, 1, 2], [1, 2, -4]), 0),
    ((2, 3, 4), ints([[1]], [[0]]), 0),
    ((2, 3, 4), ints([1], [2]), 1),
    ((2, 3, 4), ints([[1, 0]], [[2, 3]]), 1),
    ((2, 3, 4), np.arange(6).reshape(2, 3, 1) % 4, 2),
]


@pytest.mark.parametrize(("shape", "indices", "batch_dims"), ND)
@pytest.mark.parametrize("opset", [5, 8])
def test_gather_nd(shape: tuple[int, ...], indices: np.ndarray, batch_dims: int, opset: int) -> None:
    data = numbers(*shape) + 1
    groups = list(np.ndindex(*shape[:batch_dims]))
    rows = np.stack(
        [
            np.array([data[group][tuple(index)] for index in indices[group].reshape(-1, indices.shape[-1])])
            for group in groups
        ]
    )
    flat = (len(groups),) if opset == 5 and batch_dims > 1 else shape[:batch_dims]
    expected = rows.reshape(*flat, *indices.shape[batch_dims:-1], *shape[batch_dims + indices.shape[-1] :])
    check("gather_nd", data, indices, batch_dims, opset=opset, expected=expected)


@pytest.mark.parametrize("index", [-4, 3])
def test_gather_nd_refuses_indices_out_of_range(index: int) -> None:
    op = F["gather_nd"](tensor("2,3"), tensor("2,1", Type.i64), 1).op
    with pytest.raises(ModelError, match=f"index {index} is out of range for dimension 1 of length 3"):
        op.evaluate(numbers(2, 3), ints([0], [index]))


def test_gather_nd_by_empty_tuples_repeats_the_data() -> None:
    op = F["gather_nd"](tensor("2,3"), tensor("4,0", Type.i64)).op
    found = op.evaluate(numbers(2, 3), np.zeros((4, 0), np.int64))[0]
    np.testing.assert_array_equal(found, np.broadcast_to(numbers(2, 3), (4, 2, 3)))


@pytest.mark.parametrize(
    ("data", "indices", "batch_dims", "message"),
    [
        ("2,3", "4,3", 0, "index tuples of 3 elements are too long"),
        ("2,3", "4,2", 1, "too long"),
        ("2,3", "4,1", 2, "batch_dims 2 is too large"),
        ("2,3", "3,1", 1, "the first 1 dimensions of data"),
        ("2,3", "3,1", -1, "to be 0 or more"),
    ],
)
def test_gather_nd_refuses(data: str, indices: str, batch_dims: int, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        F["gather_nd"](tensor(data), tensor(indices, Type.i64), batch_dims)


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_gather_tree(dtype: type) -> None:
    steps = np.array([[[1, 2, 3]], [[4, 5, 6]], [[7, 8, 9]], [[10, 10, 1]]], dtype)
    parents = np.array([[[0, 0, 0]], [[1, 1, 0]], [[2, 0, 1]], [[0, 2, 1]]], dtype)
    full = np.array([[[1, 2, 2]], [[6, 5, 4]], [[7, 9, 8]], [[10, 10, 1]]])
    end = np.array(10, dtype)
    check("gather_tree", steps, parents, np.array([4], dtype), end, expected=full.astype(dtype))
    check("gather_tree", steps, parents, np.array([2], dtype), end)
    check("gather_tree", steps, parents, np.array([4], dtype), np.array(5, dtype))
