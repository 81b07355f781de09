import numpy as np
import pytest

from ovlite import kernels
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View

from .layouts import view_of


def expected(x, axis, exclusive, reverse):
    x = np.flip(x, axis) if reverse else x
    sums = np.cumsum(x, axis, dtype=x.dtype)
    if exclusive:
        sums = np.roll(sums, 1, axis)
        np.moveaxis(sums, axis, 0)[:1] = 0
    return np.flip(sums, axis) if reverse else sums


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "int32", "int64"])
@pytest.mark.parametrize(
    "shape, axis",
    [
        ((9,), 0),
        ((3, 4), 0),
        ((3, 4), 1),
        ((2, 3, 5), -2),
        ((40, 500), 1),
        ((1,), 0),
        ((0, 3), 0),
        ((3, 0), 0),
    ],
)
def test_cumsum(level, threads, shape, axis, dtype, exclusive, reverse):
    x = np.random.default_rng(13).integers(-9, 9, shape).astype(dtype)
    y = np.full_like(x, 77)
    step = kernels.family("scan").CumSum(view_of(0, x), view_of(1, y), axis, exclusive, reverse)
    run_steps([step], [x, y], threads)
    np.testing.assert_array_equal(y, expected(x, axis, exclusive, reverse))


def test_strides(level):
    x = np.arange(24, dtype=np.float32).reshape(4, 6)
    y = np.zeros((6, 4), np.float32)
    step = kernels.family("scan").CumSum(view_of(0, x[:, ::2], x), view_of(1, y.T[:, 1::2], y), 0)
    run_steps([step], [x, y])
    np.testing.assert_array_equal(y.T[:, 1::2], np.cumsum(x[:, ::2], 0))
    assert not y.T[:, ::2].any()


def test_errors():
    cumsum = kernels.family("scan").CumSum
    x = View(0, "f4", (3, 4))
    with pytest.raises(ValueError, match=r"float32\[3, 4\] to float32\[4, 3\]"):
        cumsum(x, View(1, "f4", (4, 3)), 0)
    with pytest.raises(ValueError, match="expected axes of 2 dimensions, got 2"):
        cumsum(x, View(1, "f4", (3, 4)), 2)
    with pytest.raises(ValueError, match="expected float32, int32 or int64, got float64"):
        cumsum(View(0, "f8", (3, 4)), View(1, "f8", (3, 4)), 0)
