"""Constant weights: what plans hold of them beside their packed form."""

import tracemalloc

import numpy as np
import pytest

from ovlite.graph import Model
from ovlite.ops.interpreter import evaluate_model
from ovlite.plan import Executable, Options
from ovlite.types import Type

from .support import compiled, noise, ops, parameter, run

CHANNELS = 256  # whose weights are scaled when they are packed


def scaled_convolution(x, *, seed=0):
    y = ops["convolution"](x, noise(CHANNELS, CHANNELS, 3, 3, seed=seed), [1, 1], [1, 1], [1, 1], [1, 1])
    return ops["add"](ops["multiply"](y, noise(1, CHANNELS, 1, 1, seed=1)), noise(1, CHANNELS, 1, 1, seed=2))


def check(model, arrays):
    """A plan's outputs, near those of the model as it was."""
    found = run(Executable(model, Options()), arrays)
    for one, other in zip(found, evaluate_model(model.clone(), arrays), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-6 * np.abs(other).max())


@pytest.fixture
def traced():
    """A function that gives the bytes which numpy and Python have taken since the one before."""
    tracemalloc.start()
    last = [tracemalloc.get_traced_memory()[0]]

    def taken():
        now = tracemalloc.get_traced_memory()[0]
        found, last[0] = now - last[0], now
        return found

    yield taken
    tracemalloc.stop()


def test_scaled_weights_do_not_lie_beside_the_packed_ones(traced):
    x = parameter([1, CHANNELS, -1, 8])
    model = Model([scaled_convolution(x)], [x])
    traced()
    executable = Executable(model, Options())
    weights = 4 * 9 * CHANNELS**2
    assert traced() < weights // 2
    for height in (8, 20):
        executable.plan(((1, CHANNELS, height, 8),))
    assert traced() < weights // 2


@pytest.mark.parametrize("shape", [(1, CHANNELS, 1, 1), (2, CHANNELS, 9, 7)])
def test_scaled_weights_are_those_of_the_model(shape):
    x = parameter([-1, CHANNELS, -1, -1])
    check(Model([ops["relu"](scaled_convolution(x))], [x]), [noise(*shape, seed=3)])


def test_scaled_weights_of_a_later_stage():
    x, shape = parameter([-1]), parameter([4], Type.i64)
    model = Model([scaled_convolution(ops["reshape"](x, shape, False))], [x, shape])
    check(model, [noise(CHANNELS * 12), np.array([1, CHANNELS, 3, 4])])


def test_scaled_weights_of_a_product_that_a_residual_repeats():
    x, other = parameter([1, CHANNELS, -1, 4]), parameter([1, CHANNELS, -1, 4])
    model = Model([ops["add"](scaled_convolution(x), other)], [x, other])
    check(model, [noise(1, CHANNELS, 1, 4), noise(1, CHANNELS, 5, 4, seed=4)])


def test_weights_that_a_scale_makes_infinite_stay():
    x = parameter([1, CHANNELS, 2, 2])
    y = ops["convolution"](x, noise(CHANNELS, CHANNELS, 1, 1) * np.float32(1e30), [1, 1], [0, 0], [0, 0], [1, 1])
    y = ops["multiply"](y, np.full((1, CHANNELS, 1, 1), 1e10, np.float32))
    (found,) = run(compiled([y], [x]), [np.full((1, CHANNELS, 2, 2), 1e-20, np.float32)])
    assert np.isfinite(found).all()


def test_scaled_weights_may_be_too_small_for_f32():
    x = parameter([1, CHANNELS, -1, 1])
    y = ops["convolution"](x, np.full((CHANNELS, CHANNELS, 1, 1), 1e-30, np.float32), [1, 1], [0, 0], [0, 0], [1, 1])
    y = ops["multiply"](y, np.full((1, CHANNELS, 1, 1), 1e-30, np.float32))
    with np.errstate(all="raise"):
        (found,) = run(compiled([y], [x]), [np.ones((1, CHANNELS, 2, 1), np.float32)])
    assert (found == 0).all()


def test_plans_share_biases():
    columns = 50_001  # of no whole panels
    x = parameter([-1, 4])
    y = ops["add"](ops["matmul"](x, noise(4, columns), False, False), noise(columns))
    executable = compiled([y], [x])
    executable.plan(((3, 4),))
    tracemalloc.start()
    try:
        for rows in (5, 7):
            executable.plan(((rows, 4),))
        assert tracemalloc.get_traced_memory()[0] < 4 * columns
    finally:
        tracemalloc.stop()
