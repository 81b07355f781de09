"""The families' functions on numpy arrays, beside numpy in float64."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from ovlite import kernels

pytestmark = pytest.mark.usefixtures("level")


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def assert_close(found: np.ndarray, expected: np.ndarray, terms: int) -> None:
    """Within the rounding of a sum of `terms` f32 products."""
    bound = 4 * np.finfo(np.float32).eps * max(terms, 1) * np.abs(expected).max(initial=1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=bound)


@pytest.mark.parametrize(
    "m, k, n", [(1, 1, 1), (0, 3, 2), (3, 0, 2), (3, 2, 0), (14, 16, 32), (15, 17, 33), (1, 300, 70)]
)
def test_matmul(m: int, k: int, n: int) -> None:
    a, b = noise(m, k), noise(k, n)
    assert_close(kernels.matmul(a, b), a.astype(float) @ b, k)


def test_matmul_of_strided_operands_into_an_array() -> None:
    a, b, bias = noise(40, 12)[::2, ::-3].T, noise(9, 40)[:, ::2].T, noise(9)
    out = np.full((4, 12), np.nan, np.float32)
    found = kernels.matmul(a, b, out[:, :9], bias=bias, activation=("clamp", 0, 1))
    assert_close(found, np.clip(a.astype(float) @ b + bias, 0, 1), 20)
    assert np.shares_memory(found, out) and np.isnan(out[:, 9:]).all()


def test_matmul_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"shapes do not fit: a \(2, 3\), b \(4, 5\), y \(2, 5\)"):
        kernels.matmul(noise(2, 3), noise(4, 5))
    with pytest.raises(ValueError, match="expected 'const float' but got 'double'"):
        kernels.matmul(noise(2, 3).astype(float), noise(3, 5))
    with pytest.raises(ValueError, match="y has a column stride of 2"):
        kernels.matmul(noise(2, 3), noise(3, 5), np.empty((2, 10), np.float32)[:, ::2])


def convolve(x: np.ndarray, weights: np.ndarray, stride: int, dilation: int, pad: int, groups: int) -> np.ndarray:
    """The convolution of (N, H, W, C) in float64, from its definition."""
    x = np.pad(x.astype(float), [(0, 0), (pad, pad), (pad, pad), (0, 0)])
    columns, depth, height, width = weights.shape
    size = [
        (length - (reach - 1) * dilation - 1) // stride + 1
        for length, reach in zip(x.shape[1:3], (height, width), strict=True)
    ]
    y = np.zeros((len(x), *size, columns))
    for ky in range(height):
        for kx in range(width):
            part = x[:, ky * dilation :, kx * dilation :][:, : size[0] * stride : stride, : size[1] * stride : stride]
            part = part.reshape(*part.shape[:3], groups, depth)
            kernel = weights[:, :, ky, kx].reshape(groups, columns // groups, depth).astype(float)
            y += np.einsum("nhwgd,gcd->nhwgc", part, kernel).reshape(y.shape)
    return y


@pytest.mark.parametrize("stride, dilation, pad", [(1, 1, 1), (2, 1, 0), (1, 2, 2), (3, 1, 1)])
@pytest.mark.parametrize("channels, columns, groups", [(3, 20, 1), (16, 16, 16), (8, 12, 4), (32, 48, 1)])
@pytest.mark.parametrize("winograd", [0, 4])
def test_convolution(
    stride: int, dilation: int, pad: int, channels: int, columns: int, groups: int, winograd: int
) -> None:
    x, weights = noise(2, 9, 11, channels), noise(columns, channels // groups, 3, 3)
    pads = (pad, pad)
    found = kernels.convolution(
        x, weights, strides=(stride,) * 2, dilations=(dilation,) * 2, pads_begin=pads, pads_end=pads, groups=groups,
        winograd=winograd,
    )  # fmt: skip
    assert_close(found, convolve(x, weights, stride, dilation, pad, groups), 9 * channels * (4 if winograd else 1))


def test_convolution_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="weights of 1 groups of 4 to 2 channels"):
        kernels.convolution(noise(1, 5, 5, 3), noise(2, 4, 3, 3))
    with pytest.raises(ValueError, match=r"expected out of shape \(1, 3, 3, 2\), got \(1, 3, 3, 3\)"):
        kernels.convolution(noise(1, 5, 5, 3), noise(2, 3, 3, 3), np.empty((1, 3, 3, 3), np.float32))


def test_functions_run_without_the_gil() -> None:
    """Two threads are in a product at once: each waits for the other between two of its own."""
    a, barrier = noise(64, 64), threading.Barrier(2, timeout=30)
    expected = kernels.matmul(a, a)

    def work() -> None:
        for _ in range(20):
            barrier.wait()
            np.testing.assert_array_equal(kernels.matmul(a, a), expected)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_every_function_is_documented() -> None:
    for name in dir(kernels):
        if name in kernels._FUNCTIONS:
            assert getattr(kernels, name).__doc__
