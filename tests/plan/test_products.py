"""Products by way of bf16 in plans, on kernels that emulate what the processor lacks."""

from __future__ import annotations

import numpy as np
import pytest

from ovlite.plan import Precision

from ..data import normal
from .support import compiled, ops, parameter, run, step_names

THREE = Precision(winograd=True, products="bf16x3", emulated=True, flush_denormals=True)
SIX = Precision(winograd=True, products="bf16x6", emulated=True, flush_denormals=True)
ONE = Precision(winograd=True, products="bf16", emulated=True, flush_denormals=True)
EXACT = Precision(flush_denormals=True)
BOUNDS = {"bf16x6": 1e-6, "bf16x3": 1e-5, "bf16": 1e-2}


def matrix(weights):
    x = parameter([64, 64])
    return [x], [ops["relu"](ops["add"](ops["matmul"](x, weights, False, False), normal(1, 80)))]


def image():
    x = parameter([1, 32, 20, 20])
    y = ops["convolution"](x, normal(64, 32, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])
    return [x], [ops["convolution"](ops["relu"](y), normal(80, 64, 1, 1), [2, 2], [0, 0], [0, 0], [1, 1])]


def pair():
    a, b = parameter([2, 64, 64]), parameter([2, 64, 80])
    return [a, b], [ops["matmul"](a, b, False, False)]


@pytest.mark.parametrize("precision", [SIX, THREE, ONE])
@pytest.mark.parametrize("make", [lambda: matrix(normal(64, 80)), image, pair], ids=["matrix", "image", "pair"])
def test_products_are_of_parts(precision, make):
    inputs, outputs = make()
    arrays = [normal(*[int(size.get_length()) for size in x.output(0).partial_shape]) for x in inputs]
    executable = compiled(outputs, inputs, precision=precision)
    names = [name for name in step_names(executable, *(array.shape for array in arrays)) if precision.products in name]
    assert names and all(f"{precision.products} emulated" in name for name in names)
    expected = run(compiled(outputs, inputs, precision=EXACT), arrays)[0]
    for threads in (1, 2, 5):
        found = run(executable, arrays, threads)[0]
        assert np.abs(found - expected).max() <= BOUNDS[precision.products] * np.abs(expected).max()
        np.testing.assert_array_equal(found, run(executable, arrays)[0])


def test_f32_stays_f32_bit_for_bit():
    inputs, outputs = matrix(normal(64, 80))
    array = normal(64, 64)
    plain = run(compiled(outputs, inputs, precision=EXACT), [array])[0]
    named = compiled(outputs, inputs, precision=EXACT)
    assert not any("bf16" in name for name in step_names(named, array.shape))
    np.testing.assert_array_equal(run(named, [array])[0], plain)


def test_a_row_alone_is_computed_in_f32():
    x = parameter([1, 64])
    executable = compiled([ops["matmul"](x, normal(64, 48), False, False)], [x], precision=THREE)
    assert step_names(executable, (1, 64)) == ["MatMul"]


def test_weights_that_are_not_finite():
    weights = normal(64, 48)
    weights[3, 4], weights[5, 6] = np.inf, np.nan
    x, array = parameter([40, 64]), normal(64, 64)
    outputs = [ops["matmul"](x, weights, False, False)]
    expected = run(compiled(outputs, [x], precision=EXACT), [array])[0]
    for precision in (SIX, THREE, ONE):
        found = run(compiled(outputs, [x], precision=precision), [array])[0]
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
        np.testing.assert_array_equal(found[:, 4], expected[:, 4])
