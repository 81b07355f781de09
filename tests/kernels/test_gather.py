import numpy as np
import pytest

from ovlite import kernels
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.failures import StepError
from ovlite.kernels.runtime.step import View

from .layouts import view_of


@pytest.mark.parametrize("index_dtype", ["int32", "int64"])
@pytest.mark.parametrize("dtype", ["float32", "uint8", "float16", "int64"])
@pytest.mark.parametrize(
    "shape, axis, chosen",
    [
        ((50, 16), 0, (2, 9)),
        ((50, 16), 1, (30,)),
        ((50, 16), -1, ()),
        ((7,), 0, (3, 3)),
        ((3, 4, 5, 6), 2, (2, 2)),
        ((100, 300), 0, (400,)),
        ((5, 4), 0, (0,)),
        ((0, 4), 1, (2,)),
        ((4, 3), 0, (5,)),
        ((6, 5), 0, (1,)),
        ((9, 1, 1), 0, (4, 1)),
    ],
)
def test_gather(level, threads, shape, axis, chosen, dtype, index_dtype):
    rng = np.random.default_rng(6)
    x = rng.integers(0, 100, shape).astype(dtype)
    indices = rng.integers(-shape[axis], shape[axis], chosen).astype(index_dtype).reshape(chosen)
    expected = np.take(x, indices, axis)
    y = np.zeros_like(expected)
    step = kernels.family("gather").Gather(view_of(0, x), view_of(1, indices), view_of(2, y), axis)
    run_steps([step], [x, indices, y], threads)
    np.testing.assert_array_equal(y, expected)


def test_batch_dims(level, threads):
    rng = np.random.default_rng(7)
    x = rng.standard_normal((3, 2, 10, 5), np.float32)
    indices = rng.integers(-10, 10, (3, 4))
    expected = np.stack([np.take(x[b], indices[b], 1) for b in range(3)])
    y = np.zeros_like(expected)
    step = kernels.family("gather").Gather(view_of(0, x), view_of(1, indices), view_of(2, y), 2, batch_dims=1)
    run_steps([step], [x, indices, y], threads)
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("bad", [10, -11, 2**31 - 1])
def test_index_out_of_range(level, threads, bad):
    x, y = np.zeros((10, 4000), np.float32), np.zeros((90, 4000), np.float32)
    indices = np.zeros(90, np.int32)
    indices[80] = bad
    step = kernels.family("gather").Gather(view_of(0, x), view_of(1, indices), view_of(2, y), 0)
    with pytest.raises(StepError, match="an index is out of range"):
        run_steps([step], [x, indices, y], threads)


def test_errors():
    gather = kernels.family("gather").Gather
    x, indices = View(0, "f4", (5, 6)), View(1, "i8", (3,))
    with pytest.raises(ValueError, match=r"expected y of float32 and shape \(3, 6\), got float32 \(3, 5\)"):
        gather(x, indices, View(2, "f4", (3, 5)), 0)
    with pytest.raises(ValueError, match="expected indices of int32 or int64, got uint8"):
        gather(x, View(1, "u1", (3,)), View(2, "f4", (3, 6)), 0)
    with pytest.raises(ValueError, match="expected an axis .*, got axis 2 and 0 batch dimensions"):
        gather(x, indices, View(2, "f4", (3, 6)), 2)
    with pytest.raises(ValueError, match="expected contiguous tensors, got strides"):
        gather(View(0, "f4", (5, 6), (1, 5)), indices, View(2, "f4", (3, 6)), 0)
