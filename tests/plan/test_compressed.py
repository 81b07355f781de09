"""Compressed weights in plans: which kernels read them, and that real ones are not held."""

from __future__ import annotations

import numpy as np
import pytest

from ovlite import Type, opset13
from ovlite.plan import Precision

from ..data import normal
from .support import compiled, ops, parameter, run, step_names

GROUPS, GROUP, COLUMNS = 3, 16, 40


def weights(kind="u4"):
    """Real weights (COLUMNS, 48) by Convert, Subtract, Multiply and Reshape; and the same as an array."""
    rng = np.random.default_rng(0)
    codes, zeros = (rng.integers(0, 16, (COLUMNS, GROUPS, size)) for size in (GROUP, 1))
    scales = rng.uniform(0.5, 1, (COLUMNS, GROUPS, 1)).astype(np.float32)
    real = ops["convert"](opset13.constant(codes, getattr(Type, kind)), np.float32)
    real = ops["multiply"](ops["subtract"](real, zeros.astype(np.float32)), scales)
    array = ((codes - zeros) * scales).reshape(COLUMNS, -1)
    return ops["reshape"](real, [COLUMNS, GROUPS * GROUP], False), array


@pytest.mark.parametrize("rows", [1, 2, 5, 40])
@pytest.mark.parametrize("precision", [Precision(), Precision(integers=True, winograd=True)])
def test_products_read_the_codes(rows, precision):
    real, array = weights()
    x, given = parameter([-1, GROUPS * GROUP]), normal(rows, GROUPS * GROUP)
    executable = compiled([ops["matmul"](x, real, False, True)], [x], precision=precision)
    assert step_names(executable, given.shape) == ["MatMul of 4 bits"]
    np.testing.assert_allclose(run(executable, [given])[0], given @ array.T, rtol=1e-5, atol=1e-4)


def test_a_vector_is_a_row():
    real, array = weights()
    x, given = parameter([GROUPS * GROUP]), normal(GROUPS * GROUP)
    executable = compiled([ops["matmul"](x, real, False, True)], [x])
    assert step_names(executable, given.shape) == ["MatMul of 4 bits"]
    np.testing.assert_allclose(run(executable, [given])[0], given @ array.T, rtol=1e-5, atol=1e-4)


def test_many_rows_in_bf16_have_real_weights(emulating_level):
    real, array = weights()
    x, given = parameter([40, GROUPS * GROUP]), normal(40, GROUPS * GROUP)
    precision = Precision(products="bf16", emulated=True, flush_denormals=True)
    executable = compiled([ops["matmul"](x, real, False, True)], [x], precision=precision)
    (name,) = step_names(executable, given.shape)
    assert "bf16" in name and "bits" not in name
    np.testing.assert_allclose(run(executable, [given])[0], given @ array.T, rtol=0.02, atol=1)


def test_gathered_rows_are_decompressed():
    real, array = weights("u8")
    indices = parameter([5], Type.i64)
    executable = compiled([ops["gather"](real, indices, 0)], [indices])
    given = np.array([0, -1, 7, 7, COLUMNS - 1])
    assert step_names(executable, given.shape)[-1] == "Decompress"
    np.testing.assert_array_equal(run(executable, [given])[0], array[given].astype(np.float32))
