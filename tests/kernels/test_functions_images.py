"""The functions on images (N, H, W, C), beside numpy in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ovlite import kernels

from .test_functions import assert_close, convolve, noise

pytestmark = pytest.mark.usefixtures("level")

CHANNELS = [0, 1, 3, 15, 16, 17, 65]
GEOMETRIES = [
    # kernel, stride, dilation, pads in front and behind
    ((1, 1), (1, 1), (1, 1), (0, 0), (0, 0)),
    ((3, 2), (2, 1), (1, 2), (1, 0), (1, 2)),
    ((2, 3), (1, 3), (2, 1), (2, 1), (0, 1)),
]


def windows(x: np.ndarray, kernel: Any, strides: Any, dilations: Any, begin: Any, end: Any) -> np.ndarray:
    """All windows of x, (N, OH, OW, C, KH, KW) in float64, NaN where they reach beyond it."""
    padded = np.pad(x.astype(float), [(0, 0), *zip(begin, end, strict=True), (0, 0)], constant_values=np.nan)
    reach = [(size - 1) * gap + 1 for size, gap in zip(kernel, dilations, strict=True)]
    found = np.lib.stride_tricks.sliding_window_view(padded, reach, (1, 2))
    return found[:, :: strides[0], :: strides[1], :, :: dilations[0], :: dilations[1]]


def layouts(x: np.ndarray) -> list[np.ndarray]:
    """The same images with their channels side by side, within wider memory, and with their pixels side by side."""
    wide = np.full((*x.shape[:3], x.shape[3] + 3), 99, x.dtype)
    wide[..., 1:-2] = x
    return [x, wide[..., 1:-2], x.transpose(0, 3, 1, 2).copy().transpose(0, 2, 3, 1)]


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("channels", CHANNELS)
def test_pooling(geometry: Any, channels: int) -> None:
    kernel, strides, dilations, begin, end = geometry
    options = {"strides": strides, "dilations": dilations, "pads_begin": begin, "pads_end": end}
    x = noise(2, 9, 8, channels)
    parts = windows(x, *geometry)
    inside = ~np.isnan(parts)
    largest = np.where(inside, parts, -np.inf).max((-2, -1))
    total, count = np.where(inside, parts, 0).sum((-2, -1)), inside.sum((-2, -1))
    for image in layouts(x):
        np.testing.assert_array_equal(kernels.max_pool(image, kernel, **options), largest)
        assert_close(kernels.avg_pool(image, kernel, **options), total / np.maximum(count, 1), 6)
        assert_close(kernels.avg_pool(image, kernel, count_include_pad=True, **options), total / np.prod(kernel), 6)


def test_pooling_into_an_array() -> None:
    x, memory = noise(1, 6, 6, 5), np.full((1, 3, 3, 9), 7, np.float32)
    out = memory[..., 2:7]
    assert kernels.max_pool(x, (2, 2), out, strides=(2, 2)) is out
    np.testing.assert_array_equal(out, x.reshape(1, 3, 2, 3, 2, 5).max((2, 4)))
    assert (memory[..., :2] == 7).all() and (memory[..., 7:] == 7).all()


@pytest.mark.parametrize("shape, kernel", [((0, 4, 4, 3), (2, 2)), ((1, 0, 4, 3), (2, 2)), ((1, 4, 4, 0), (4, 4))])
def test_pooling_of_nothing(shape: tuple[int, ...], kernel: tuple[int, int]) -> None:
    assert kernels.max_pool(np.zeros(shape, np.float32), kernel).size == 0
    assert kernels.avg_pool(np.zeros(shape, np.float32), kernel).size == 0


def centres(inputs: int, outputs: int) -> np.ndarray:
    return np.clip((np.arange(outputs) + 0.5) * inputs / max(outputs, 1) - 0.5, 0, inputs - 1)


def linear(x: np.ndarray, axis: int, outputs: int) -> np.ndarray:
    """x, interpolated along one axis, from the definition."""
    at = centres(x.shape[axis], outputs)
    lower = np.floor(at).astype(int)
    part = (at - lower).reshape(-1, *[1] * (x.ndim - axis - 1))
    upper = np.minimum(lower + 1, x.shape[axis] - 1)
    return np.take(x, lower, axis) * (1 - part) + np.take(x, upper, axis) * part


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (10, 14), (3, 16), (17, 4), (0, 3)])
@pytest.mark.parametrize("channels", CHANNELS)
def test_resizing(size: tuple[int, int], channels: int) -> None:
    x = noise(2, 5, 7, channels)
    rows, columns = (np.ceil(centres(n, o) - 0.5).astype(int) for n, o in zip(x.shape[1:3], size, strict=True))
    nearest = x[:, rows][:, :, columns]
    between = linear(linear(x.astype(float), 1, size[0]), 2, size[1])
    for image in layouts(x):
        np.testing.assert_array_equal(kernels.resize_nearest(image, size), nearest)
        assert_close(kernels.resize_linear(image, size), between, 4)
    np.testing.assert_array_equal(
        kernels.resize_nearest(x[:, ::-1, ::-1], size), x[:, ::-1, ::-1][:, rows][:, :, columns]
    )


@pytest.mark.parametrize("dtype", ["uint8", "float16", "int64"])
def test_resizing_by_tables(dtype: str) -> None:
    x = np.arange(48).reshape(1, 4, 4, 3).astype(dtype)
    out = np.empty((1, 2, 3, 3), dtype)
    assert kernels.resize_nearest(x, out=out, tables=[[3, 0], [1, 1, 2]]) is out
    np.testing.assert_array_equal(out, x[:, [3, 0]][:, :, [1, 1, 2]])


def test_linear_resizing_by_tables() -> None:
    x = noise(1, 4, 4, 3)
    table = ([0, 3], [2, 1], [0.25, 0.5])
    found = kernels.resize_linear(x, tables=[table, ([1], [1], [0])])
    expected = np.stack([x[:, 0, 1:2] * 0.75 + x[:, 2, 1:2] * 0.25, x[:, 3, 1:2] * 0.5 + x[:, 1, 1:2] * 0.5], 1)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("stride, dilation, pad", [(1, 1, 1), (2, 1, 0), (1, 2, 2), (3, 1, 1)])
@pytest.mark.parametrize("channels", CHANNELS[1:])
def test_depthwise(stride: int, dilation: int, pad: int, channels: int) -> None:
    x, weights, bias = noise(2, 9, 11, channels), noise(channels, 1, 3, 3), noise(channels)
    options: Any = {
        "strides": (stride,) * 2, "dilations": (dilation,) * 2, "pads_begin": (pad,) * 2, "pads_end": (pad,) * 2,
        "bias": bias,
    }  # fmt: skip
    expected = convolve(x, weights, stride, dilation, pad, channels) + bias
    for image in layouts(x)[:2]:
        assert_close(kernels.depthwise(image, weights, **options), expected, 10)
    packed = kernels.family("depthwise").pack(weights)
    found = kernels.depthwise(x, packed, np.empty(expected.shape, np.float32), activation=("clamp", 0, 1), **options)
    assert_close(found, np.clip(expected, 0, 1), 10)


@pytest.mark.parametrize("shape", [(0, 5, 5, 3), (1, 0, 5, 3), (1, 5, 5, 0)])
def test_depthwise_of_or_to_nothing(shape: tuple[int, ...]) -> None:
    x, weights = np.zeros(shape, np.float32), noise(shape[-1], 1, 3, 3)
    assert kernels.depthwise(x, weights).size == 0


def test_depthwise_in_groups_of_channels() -> None:
    x, weights = noise(1, 7, 7, 32), noise(32, 2, 3, 3)
    assert_close(kernels.depthwise(x, weights), convolve(x, weights, 1, 1, 0, 16), 18)


@pytest.mark.parametrize("shape, groups, winograd", [((20, 3), 1, 0), ((16, 1), 16, 0), ((32, 32), 1, 4)])
def test_convolution_by_packed_weights(shape: tuple[int, int], groups: int, winograd: int) -> None:
    weights = noise(*shape, 3, 3)
    x = noise(1, 9, 9, shape[1] * groups)
    packed = kernels.family("convolution").pack(weights, groups, winograd)
    found = kernels.convolution(x, packed, groups=groups)
    assert_close(found, convolve(x, weights, 1, 1, 0, groups), 9 * shape[1] * 4)


@pytest.mark.parametrize("shape", [(0, 5, 5, 3), (1, 0, 5, 3), (1, 5, 5, 3)])
def test_convolution_of_or_to_nothing(shape: tuple[int, ...]) -> None:
    columns = 0 if all(shape) else 4
    assert kernels.convolution(np.zeros(shape, np.float32), noise(columns, 3, 3, 3)).size == 0


X = noise(1, 6, 6, 4)
REFUSED: list[tuple[Callable[[], Any], str]] = [
    (lambda: kernels.max_pool(X, (2, 2, 2)), r"expected kernel to be 2 numbers of at least 1, got \(2, 2, 2\)"),
    (lambda: kernels.max_pool(X, (2, 2), strides=(0, 1)), "expected strides to be 2 numbers of at least 1"),
    (lambda: kernels.avg_pool(X, (2, 2), pads_end=(-1, 0)), "expected pads_end to be 2 numbers of at least 0"),
    (lambda: kernels.avg_pool(X, (7, 2)), "expected images of at least the size of a window"),
    (lambda: kernels.max_pool(X.astype(float), (2, 2)), "expected 'const float' but got 'double'"),
    (lambda: kernels.max_pool(X[..., ::2], (2, 2)), "expected two channels-last or two planar images"),
    (lambda: kernels.max_pool(X, (2, 2), X), r"expected out of shape \(1, 5, 5, 4\), got \(1, 6, 6, 4\)"),
    (lambda: kernels.resize_nearest(X), "expected either size or tables"),
    (lambda: kernels.resize_nearest(X, (2, 2, 2)), "expected a size"),
    (lambda: kernels.resize_nearest(X[0], (2, 2)), r"expected images of shape \(N, H, W, C\), got \(6, 6, 4\)"),
    (lambda: kernels.resize_nearest(X, tables=[[6], [0]]), "expected indices of 0 to 5 in a table, got 6 to 6"),
    (lambda: kernels.resize_linear(X.astype(float), (2, 2)), "expected x of float32, got float64"),
    (lambda: kernels.resize_linear(X[..., ::2], (2, 2)), "expected two channels-last or two planar images"),
    (lambda: kernels.depthwise(X, noise(3, 1, 2, 2)), "expected x and y of one batch and 3 channels"),
    (lambda: kernels.depthwise(X, noise(4, 1, 2)), "expected kernel to be 2 numbers"),
    (lambda: kernels.depthwise(X[..., ::2], noise(2, 1, 2, 2)), "expected x with its channels side by side"),
    (lambda: kernels.depthwise(X, noise(4, 1, 2, 2), bias=noise(3)), r"expected a bias of shape \(4,\), got \(3,\)"),
]  # fmt: skip


@pytest.mark.parametrize("call, text", REFUSED)
def test_what_does_not_fit_is_refused(call: Callable[[], Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call()
