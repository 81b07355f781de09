"""Operations that few models have: signs convolved, and those of opset17."""

import math

import numpy as np
import pytest

F32 = np.float32


def correlated(data, filters, pad_value):
    padded = np.pad(data, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=pad_value)
    result = np.zeros((data.shape[0], filters.shape[0], *data.shape[2:]))
    for i, j in np.ndindex(data.shape[2:]):
        result[..., i, j] = np.einsum("nchw,ochw->no", padded[:, :, i : i + 3, j : j + 3], filters)
    return result


@pytest.mark.parametrize("pad_value", [0.0, 1.0])
def test_binary_convolution(lab, pad_value):
    random = np.random.default_rng(0)
    data = random.integers(0, 2, (1, 32, 5, 5)).astype(F32)
    codes = random.integers(0, 256, 8 * 32 * 9 // 8).astype(np.uint8)
    shape = [8, 32, 3, 3]
    filters = lab.submodule("op").Constant(lab.ov.Tensor(codes, lab.ov.Shape(shape), lab.ov.Type.u1))
    x = lab.parameter(data.shape)
    ones = [1, 1]
    node = lab.ops.binary_convolution(x, filters, ones, ones, ones, ones, "xnor-popcount", pad_value)
    signs = np.unpackbits(codes, bitorder="little").reshape(shape) * 2.0 - 1
    found = lab.compile(lab.ov.Model([node], [x]))([data])[0]
    np.testing.assert_array_equal(found, correlated(data * 2 - 1, signs, pad_value))


def test_binary_convolution_of_another_mode(lab):
    x = lab.parameter((1, 8, 5, 5))
    filters = lab.submodule("op").Constant(lab.ov.Type.u1, lab.ov.Shape([2, 8, 3, 3]), [1])
    with pytest.raises(RuntimeError):
        lab.ops.binary_convolution(x, filters, [1, 1], [0, 0], [0, 0], [1, 1], "popcount", 0.0)


def test_erfinv(lab):
    values = np.array([0, 0.5, -0.9, 0.999999, 1e-6, 1, -1, 2], F32)
    x = lab.parameter(values.shape)
    found = lab.compile(lab.ov.Model([lab.submodule("opset17").erfinv(x)], [x]))([values])[0]
    assert found[5] == np.inf and found[6] == -np.inf and np.isnan(found[7])
    limit = 2e-7 if lab.name == "ovlite" else 2e-4  # what openvino's polynomial is off by near 0
    np.testing.assert_allclose([math.erf(value) for value in found[:5]], values[:5], rtol=limit)


def test_grouped_matmul(lab):
    multiply = lab.submodule("opset17").grouped_matmul
    rows, matrices = lab.parameter((5, 3), name="a"), lab.parameter((2, 4, 3), name="b")
    offsets = lab.parameter((2,), np.int32, "offsets")
    assert list(multiply(rows, matrices, offsets).shape) == [5, 4]
    assert list(multiply(lab.parameter((2, 5, 3)), matrices).shape) == [2, 5, 4]
    with pytest.raises(RuntimeError):
        multiply(rows, matrices)
    with pytest.raises(RuntimeError):
        multiply(lab.parameter((3, 5, 3)), matrices)


def test_values_of_grouped_matmul(mine):
    """openvino's device can't compute it."""
    multiply = mine.submodule("opset17").grouped_matmul
    a, b = np.arange(15, dtype=F32).reshape(5, 3), np.arange(24, dtype=F32).reshape(2, 4, 3)
    inputs = [mine.parameter(shape, name=name) for shape, name in (((5, 3), "a"), ((2, 4, 3), "b"))]
    inputs.append(mine.parameter((2,), np.int32, "o"))
    found = mine.compile(mine.ov.Model([multiply(*inputs)], inputs))([a, b, np.array([2, 4], np.int32)])[0]
    np.testing.assert_array_equal(found, np.concatenate([a[:2] @ b[0].T, a[2:4] @ b[1].T, np.zeros((1, 4))]))
    inputs = [mine.parameter((2, 5, 3), name="a"), mine.parameter((2, 4, 3), name="b")]
    found = mine.compile(mine.ov.Model([multiply(*inputs)], inputs))([np.stack([a, a]), b])[0]
    np.testing.assert_array_equal(found, np.stack([a @ b[0].T, a @ b[1].T]))
