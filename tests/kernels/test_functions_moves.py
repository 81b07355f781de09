"""The functions on numpy arrays that move elements, beside numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ovlite import kernels

pytestmark = pytest.mark.usefixtures("level")

LENGTHS = [0, 1, 7, 8, 9, 15, 16, 17, 33]
DTYPES = ["bool", "uint8", "float16", "int32", "float32", "float64", "int64", "complex64", "datetime64[s]"]


def numbers(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    return np.random.default_rng(sum(shape)).integers(0, 100, shape).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("length", LENGTHS)
def test_copy_and_transpose(dtype: str, length: int) -> None:
    x = numbers(3, length, 17, dtype=dtype)
    np.testing.assert_array_equal(kernels.copy(x), x)
    np.testing.assert_array_equal(kernels.copy(x[::-1, ::2, ::-3]), x[::-1, ::2, ::-3])
    np.testing.assert_array_equal(kernels.transpose(x), x.T)
    found = kernels.transpose(x, (1, 2, 0))
    np.testing.assert_array_equal(found, x.transpose(1, 2, 0))
    assert found.flags.c_contiguous and not np.shares_memory(found, x)


def test_copy_into_a_part_of_an_array() -> None:
    x, memory = numbers(5, 6), np.full((6, 20), -1, np.float32)
    out = memory[:, 1:11:2]
    assert kernels.transpose(x, out=out) is out
    expected = np.full((6, 20), -1, np.float32)
    expected[:, 1:11:2] = x.T
    np.testing.assert_array_equal(memory, expected)


def test_copy_of_a_scalar_and_of_repeated_elements() -> None:
    np.testing.assert_array_equal(kernels.copy(np.array(3.0)), 3.0)
    x = np.broadcast_to(numbers(5, 1), (3, 5, 9))
    np.testing.assert_array_equal(kernels.copy(x), x)


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric", "wrap"])
@pytest.mark.parametrize("length", [4, 15, 16, 17])
def test_pad(mode: Any, length: int) -> None:
    x = numbers(4, length, 2)[:, ::-1].transpose(2, 1, 0)
    options = {"constant_values": 7} if mode == "constant" else {}
    expected = np.pad(x, [(1, 0), (2, 3), (0, 0)], mode, **options)
    np.testing.assert_array_equal(kernels.pad(x, (1, 2, 0), (0, 3, 0), mode=mode, value=7), expected)


def test_pad_crops() -> None:
    x = numbers(6, 7, dtype=np.int64)
    np.testing.assert_array_equal(kernels.pad(x, (-1, 2), (-2, -3), value=9), np.pad(x[1:4, :4], [(0, 0), (2, 0)],
                                  constant_values=9))  # fmt: skip
    assert kernels.pad(x, (-3, 0), (-3, 0)).shape == (0, 7)


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "int64"])
@pytest.mark.parametrize("inner", LENGTHS)
def test_gather(index: Any, dtype: str, inner: int) -> None:
    x, indices = numbers(2, 5, inner, dtype=dtype), np.array([[0, 4, -1], [-5, 2, 2]], index)
    np.testing.assert_array_equal(kernels.gather(x, indices, 1), np.take(x, indices, 1))
    np.testing.assert_array_equal(kernels.gather(x, indices[:, :0], -2), np.take(x, indices[:, :0], 1))
    expected = np.stack([np.take(part, chosen, 0) for part, chosen in zip(x, indices, strict=True)])
    np.testing.assert_array_equal(kernels.gather(x, indices, 1, batch_dims=1), expected)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("length", LENGTHS[1:])
def test_gather_and_scatter_elements(axis: int, length: int) -> None:
    x, rng = numbers(3, length, 4), np.random.default_rng(length)
    indices = np.stack([rng.permutation(x.shape[axis]) for _ in range(x.size // x.shape[axis])])
    indices = np.moveaxis(indices.reshape(*np.moveaxis(x, axis, -1).shape), -1, axis).copy() - x.shape[axis] * (
        axis > 0
    )
    found = kernels.gather_elements(x, indices, axis)
    np.testing.assert_array_equal(found, np.take_along_axis(x, indices, axis))
    np.testing.assert_array_equal(kernels.scatter_elements(np.zeros_like(x), indices, found, axis), x)
    total = kernels.scatter_elements(x, np.zeros_like(indices), x, axis, reduction="sum")
    expected = x.copy()
    first = (slice(None),) * (axis % 3) + (0,)
    expected[first] += x.sum(axis)
    np.testing.assert_array_equal(total, expected)


@pytest.mark.parametrize("length", LENGTHS)
def test_gather_and_scatter_nd(length: int) -> None:
    x, indices = numbers(4, 5, length), np.array([[0, 1], [3, -1], [-4, 2]])
    places = tuple(indices.T)
    np.testing.assert_array_equal(kernels.gather_nd(x, indices), x[places])
    updates, expected = numbers(3, length) + 1000, x.copy()
    expected[places] = updates
    np.testing.assert_array_equal(kernels.scatter_nd(x, indices, updates), expected)
    expected[places] = x[places] - updates
    np.testing.assert_array_equal(kernels.scatter_nd(x, indices, updates, reduction="sub"), expected)


def test_gather_nd_with_batches() -> None:
    x, indices = numbers(2, 5, 3), np.array([[[1], [4]], [[0], [-2]]])
    expected = np.stack([part[chosen[:, 0]] for part, chosen in zip(x, indices, strict=True)])
    np.testing.assert_array_equal(kernels.gather_nd(x, indices, batch_dims=1), expected)


def test_scatter_update_in_place() -> None:
    x, indices, updates = numbers(2, 5, 3), np.array([4, 0], np.int32), numbers(2, 2, 3) + 1000
    expected = x.copy()
    expected[:, indices] = updates
    untouched = x.copy()
    np.testing.assert_array_equal(kernels.scatter_update(x, indices, updates, 1), expected)
    np.testing.assert_array_equal(x, untouched)
    assert kernels.scatter_update(x, indices, updates, 1, x) is x
    np.testing.assert_array_equal(x, expected)


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@pytest.mark.parametrize("mode", ["max", "min"])
@pytest.mark.parametrize("length", LENGTHS[1:])
def test_topk(dtype: str, mode: Any, length: int) -> None:
    x = np.random.default_rng(length).permutation(6 * length).reshape(2, length, 3).astype(dtype)[::-1, :, ::2]
    order = np.argsort(-x if mode == "max" else x, 1)
    for k in {0, 1, length // 2, length}:
        values, indices = kernels.topk(x, k, 1, mode=mode)
        np.testing.assert_array_equal(indices, order[:, :k])
        np.testing.assert_array_equal(values, np.take_along_axis(x, order[:, :k], 1))
        values, indices = kernels.topk(x, k, -2, mode=mode, sort="index", index_type=np.int32)
        assert indices.dtype == np.int32
        np.testing.assert_array_equal(indices, np.sort(order[:, :k], 1))


def test_topk_into_arrays() -> None:
    x = np.random.default_rng(5).permutation(30).reshape(3, 10).astype(np.float32)
    memory, places = np.full((3, 8), -1, np.float32), np.full((3, 4), -1, np.int32)
    values, indices = kernels.topk(x, 4, out=(memory[:, ::2], places))
    assert indices is places and np.shares_memory(values, memory)
    np.testing.assert_array_equal(values, -np.sort(-x, 1)[:, :4])
    assert (memory[:, 1::2] == -1).all()


@pytest.mark.parametrize("rows, length, count", [(0, 3, 4), (3, 0, 4), (3, 4, 0), (5, 1, 17), (65, 3, 16), (2, 33, 15)])
def test_squared_distance(rows: int, length: int, count: int) -> None:
    x, points = numbers(rows, length), numbers(length, count)
    expected = ((x[:, :, None].astype(float) - points) ** 2).sum(1)
    np.testing.assert_array_equal(kernels.squared_distance(x, points), expected)
    out = np.empty((rows, count), np.float32)
    assert np.shares_memory(kernels.squared_distance(x, points, out), out) or not out.size
    np.testing.assert_array_equal(out, expected)


X, PLACES = numbers(3, 4), np.array([0, 2])
REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: kernels.copy(X, [1, 2]), TypeError, "expected out to be a numpy array, got list"),
    (lambda: kernels.copy(np.array([None])), TypeError, "expected x of numbers, got object"),
    (lambda: kernels.copy(X.astype(">f4")), TypeError, "expected x in this processor's byte order, got >f4"),
    (lambda: kernels.copy(X.astype(complex)), ValueError, "elements of 1, 2, 4 or 8 bytes, got complex128"),
    (lambda: kernels.copy(np.zeros(9, np.uint8)[1:].view(np.float32)), ValueError, "of x at multiples of"),
    (lambda: kernels.copy(np.zeros((1,) * 9)), ValueError, "expected at most 8 dimensions, got 9"),
    (lambda: kernels.copy(X, X.T.copy()), ValueError, r"shape \(3, 4\), got \(4, 3\)"),
    (lambda: kernels.copy(X, X.astype(int)), TypeError, "expected out of float32, got int64"),
    (lambda: kernels.copy(X, [1.0]), TypeError, "expected out to be a numpy array, got list"),
    (lambda: kernels.copy(X, np.broadcast_to(X[0], (3, 4))), ValueError, "that can be written to"),
    (lambda: kernels.pad(X, (1,), (1, 1)), ValueError, r"expected begin and end of 2 numbers, got \(1,\)"),
    (lambda: kernels.pad(X, (-2, 0), (-2, 0)), ValueError, "at least as many elements as are cropped"),
    (lambda: kernels.pad(X, (4, 0), (0, 0), mode="reflect"), ValueError, "expected at most 2 elements"),
    (lambda: kernels.gather(X, PLACES.astype(np.uint8)), ValueError, "expected indices of int32 or int64, got uint8"),
    (lambda: kernels.gather(X, PLACES, 2), ValueError, "expected an axis of x .*, got axis 2"),
    (lambda: kernels.gather(X.T, PLACES), ValueError, r"expected contiguous tensors, got strides \(1, 4\)"),
    (lambda: kernels.gather(X, PLACES + 1), RuntimeError, "Gather: an index is out of range"),
    (lambda: kernels.gather_elements(X, PLACES), ValueError, r"expected indices of the rank of \(3, 4\)"),
    (lambda: kernels.gather_nd(X, PLACES[None, [0, 1, 1]]), ValueError, "expected tuples of 1 to 2 indices"),
    (lambda: kernels.gather_nd(X, PLACES[None] + 2), RuntimeError, "GatherND: an index is out of range"),
    (lambda: kernels.scatter_nd(X, PLACES[:, None], X), ValueError, r"expected updates of shape \(2, 4\)"),
    (lambda: kernels.scatter_update(X, PLACES, X[:2].astype(int)), ValueError, "expected float32, got int64"),
    (lambda: kernels.topk(X, 5), ValueError, "got axis -1 and k 5 for shape"),
    (lambda: kernels.topk(X, 1, 2), ValueError, "got axis 2 and k 1 for shape"),
    (lambda: kernels.topk(X.astype(float), 1), ValueError, "expected x of float32 or int32, got float64"),
    (lambda: kernels.squared_distance(X, X), ValueError, r"expected x \(rows, length\), points \(length, count\)"),
]  # fmt: skip


@pytest.mark.parametrize("call, kind, text", REFUSED)
def test_what_does_not_fit_is_refused(call: Callable[[], Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        call()
