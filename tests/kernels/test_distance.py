import numpy as np
import pytest

from ovlite import kernels
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View


@pytest.mark.parametrize("rows", [0, 1, 65])
@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 200])
@pytest.mark.parametrize("length", [0, 1, 7])
def test_squared_distance(level, threads, rows, count, length):
    rng = np.random.default_rng(rows + count)
    x, points = (rng.normal(size=(n, length)).astype(np.float32) for n in (rows, count))
    y = np.full((rows, count), np.nan, np.float32)
    step = kernels.family("distance").SquaredDistance(View(0, "f4", x.shape), View(1, "f4", y.shape), points.T)
    run_steps([step], [x, y], threads)
    expected = ((x[:, None].astype(float) - points[None]) ** 2).sum(2)
    np.testing.assert_allclose(y, expected, 1e-5, 1e-6)


def test_errors():
    step = kernels.family("distance").SquaredDistance
    x, points = View(0, "f4", (5, 3)), np.zeros((3, 4), np.float32)
    with pytest.raises(ValueError, match=r"got \(5, 3\), \(3, 4\) and \(5, 5\)"):
        step(x, View(1, "f4", (5, 5)), points)
    with pytest.raises(ValueError, match="expected contiguous x and y of float32, got float64"):
        step(View(0, "f8", (5, 3)), View(1, "f4", (5, 4)), points)
