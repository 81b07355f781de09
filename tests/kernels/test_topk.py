import numpy as np
import pytest

from ovlite import kernels
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View

from .layouts import channels_last, view_of


def expected(x, k, axis, mode, sort):
    """Stable: of equal elements the first come first; numpy, too, orders NaN behind all numbers."""
    if mode == "min":
        order = np.argsort(x, axis, kind="stable")
    else:
        order = x.shape[axis] - 1 - np.flip(np.argsort(np.flip(x, axis), axis, kind="stable"), axis)
    order = np.take(order, np.arange(k), axis)
    if sort == "index":
        order = np.sort(order, axis)
    return np.take_along_axis(x, order, axis), order


def check(x, k, axis, mode, sort, threads, index_dtype="int64", memory=None):
    values_expected, indices_expected = expected(x, k, axis, mode, sort)
    values, indices = np.zeros(values_expected.shape, x.dtype), np.zeros(values_expected.shape, index_dtype)
    memory = x if memory is None else memory
    step = kernels.family("topk").TopK(view_of(0, x, memory), view_of(1, values), view_of(2, indices), axis, mode, sort)
    run_steps([step], [memory, values, indices], threads)
    np.testing.assert_array_equal(indices, indices_expected)
    np.testing.assert_array_equal(values, values_expected)


@pytest.mark.parametrize("mode", ["max", "min"])
@pytest.mark.parametrize("sort", ["value", "index"])
@pytest.mark.parametrize("dtype, index_dtype", [("float32", "int32"), ("float32", "int64"), ("int32", "int64")])
@pytest.mark.parametrize(
    "shape, axis, k",
    [
        ((1000,), 0, 1),
        ((1000,), 0, 300),
        ((64,), 0, 64),
        ((65,), 0, 7),
        ((1,), 0, 1),
        ((3, 500), 1, 20),
        ((40, 5), 0, 6),
        ((2, 21, 9, 13), 1, 1),
        ((2, 9, 130), 1, 1),
        ((2, 3, 4, 5), -2, 2),
        ((4, 0), 0, 2),
        ((4, 6), 1, 0),
        ((3, 1, 70), 1, 1),
    ],
)
def test_top(level, threads, shape, axis, k, dtype, index_dtype, mode, sort):
    x = np.random.default_rng(9).integers(-50, 50, shape).astype(dtype)
    check(x, k, axis, mode, sort, threads, index_dtype)


@pytest.mark.parametrize("mode", ["max", "min"])
@pytest.mark.parametrize("k", [1, 5])
def test_special_values(level, mode, k):
    x = np.zeros((9, 70), np.float32)
    x[1::2] = -0.0
    x[3, ::3], x[4, ::5], x[7, ::3] = np.nan, -np.nan, np.nan
    x[5, ::2], x[6, ::2] = np.inf, -np.inf
    for axis in (0, 1):
        check(x, k, axis, mode, "value", 1)
        check(np.asfortranarray(x), k, axis, mode, "value", 1)


@pytest.mark.parametrize("k", [1, 3])
def test_channels_last(level, threads, k):
    memory, image = channels_last((2, 21, 17, 19), pixel_pad=3, border=1, fill=9)
    image[...] = np.random.default_rng(10).standard_normal(image.shape)
    check(image, k, 1, "max", "value", threads, memory=memory)
    check(image, k, 3, "max", "value", threads, memory=memory)


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_sorted_lines(level, order):
    x = np.arange(5000, dtype=np.float32)
    check(x if order == "ascending" else x[::-1].copy(), 100, 0, "max", "value", 1)


def test_one_result_alone(level):
    x = np.random.default_rng(11).standard_normal((5, 30), np.float32)
    indices, values = np.zeros((5, 1), np.int64), np.zeros((5, 2), np.float32)
    top = kernels.family("topk").TopK
    run_steps(
        [top(view_of(0, x), None, view_of(1, indices), 1), top(view_of(0, x), view_of(2, values), None, 1)],
        [x, indices, values],
    )
    np.testing.assert_array_equal(indices[:, 0], x.argmax(1))
    np.testing.assert_array_equal(values, np.sort(x)[:, :-3:-1])


def test_errors():
    top = kernels.family("topk").TopK
    x, values, indices = View(0, "f4", (3, 9)), View(1, "f4", (3, 2)), View(2, "i8", (3, 2))
    with pytest.raises(ValueError, match="expected a mode of max or min and a sort of value or index, got 'most'"):
        top(x, values, indices, 1, "most")
    with pytest.raises(ValueError, match="expected x of float32 or int32, got float64"):
        top(View(0, "f8", (3, 9)), values, indices, 1)
    with pytest.raises(ValueError, match="expected values of float32, got int32"):
        top(x, View(1, "i4", (3, 2)), indices, 1)
    with pytest.raises(
        ValueError, match=r"expected results of shape \(3, 9\), but at most as long along axis 1, got \(3, 10\)"
    ):
        top(x, View(1, "f4", (3, 10)), None, 1)
    with pytest.raises(
        ValueError, match=r"expected results of shape \(3, 9\), but at most as long along axis 1, got \(4, 2\)"
    ):
        top(x, View(1, "f4", (4, 2)), None, 1)
    with pytest.raises(ValueError, match="expected an axis of 2 dimensions, got 2"):
        top(x, values, indices, 2)
