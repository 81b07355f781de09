"""Sliding and adaptive pooling."""

from __future__ import annotations

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.graph import Parameter
from ovlite.ops import factories
from ovlite.types import PartialShape, Type

from .support import check, fixed

X = np.random.default_rng(5).normal(size=(2, 3, 9, 10)).astype(np.float32)
# Means are compared at opset 15: compiling an AvgPool of opset 16 without dilations crashes OpenVINO.
PADS = ["pads_begin", "pads_end"]  # OpenVINO writes into the node what auto_pad comes to


def windows(
    data: np.ndarray, kernel: list[int], strides: list[int], pads: tuple[list[int], list[int]], fill: float
) -> np.ndarray:
    """[N, C, rows, columns, kernel elements] of all windows that fit."""
    (top, left), (bottom, right) = pads
    data = np.pad(data, [(0, 0), (0, 0), (top, bottom), (left, right)], constant_values=fill)
    views = np.lib.stride_tricks.sliding_window_view(data, kernel, (2, 3))[:, :, :: strides[0], :: strides[1]]
    return views.reshape(*views.shape[:4], -1)


@pytest.mark.parametrize(
    ("kernel", "strides"), [([3, 2], [2, 3]), ([2, 2], [1, 1]), ([1, 1], [2, 1]), ([9, 10], [1, 1])], ids=str
)
def test_floor(kernel: list[int], strides: list[int]) -> None:
    pads = ([min(1, k - 1) for k in kernel], [0, 0])
    largest = windows(X, kernel, strides, pads, -np.inf).max(-1)
    mean = windows(X, kernel, strides, pads, 0).mean(-1)
    inner = np.nanmean(windows(X, kernel, strides, pads, np.nan), -1)
    assert check("max_pool", X, strides, [1, 1], *pads, kernel)[1].dtype == np.int64
    check("max_pool", X, strides, *pads, kernel, opset=7, expected=largest)
    check("avg_pool", X, strides, *pads, kernel, False, expected=mean, opset=15)
    check("avg_pool", X, strides, *pads, kernel, True, expected=inner, opset=15)


@pytest.mark.parametrize("auto_pad", ["explicit", "same_upper", "SAME_LOWER", "valid"])
@pytest.mark.parametrize("rounding", ["floor", "ceil", "ceil_torch"])
@pytest.mark.parametrize("strides", [[1, 1], [2, 3]], ids=str)
def test_rounding_and_padding(rounding: str, auto_pad: str, strides: list[int]) -> None:
    attributes = {"rounding_type": rounding, "auto_pad": auto_pad, "unlike": PADS}
    check("max_pool", X, strides, [1, 1], [1, 1], [0, 1], [2, 3], **attributes)
    check("avg_pool", X, strides, [1, 1], [0, 1], [2, 3], True, opset=15, **attributes)


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
def test_indices(axis: int) -> None:
    largest, places = check("max_pool", X, [2, 2], [2, 1], [1, 0], [1, 1], [3, 2], axis=axis, index_element_type="i32")
    if axis == 0:
        np.testing.assert_array_equal(X.ravel()[places], largest)
    ties = np.zeros((1, 1, 4), np.float32)
    assert check("max_pool", ties, [2], [1], [0], [0], [2])[1].tolist() == [[[0, 2]]]


def torch_mean(data: np.ndarray, kernel: int, stride: int, pad: int, inner: bool) -> np.ndarray:
    """avg_pool1d of PyTorch with ceil_mode: windows are cut at the padding's end, then divided by what they hold."""
    size = data.shape[-1]
    count = -(-(size + 2 * pad - kernel) // stride) + 1
    count -= (count - 1) * stride >= size + pad
    means = []
    for start in range(-pad, -pad + count * stride, stride):
        end = min(start + kernel, size + pad)
        part = data[..., max(start, 0) : min(end, size)]
        means.append(part.sum(-1) / (part.shape[-1] if inner else end - start))
    return np.stack(means, -1)


@pytest.mark.parametrize("kernel", [2, 3])
@pytest.mark.parametrize("size", [5, 6, 7])
def test_ceil_torch_is_torchs(kernel: int, size: int) -> None:
    data = np.random.default_rng(size).normal(size=(1, 2, size)).astype(np.float32)
    for inner in (False, True):
        expected = torch_mean(data, kernel, 3, 1, inner)
        check("avg_pool", data, [3], [1], [1], [kernel], inner, rounding_type="ceil_torch", peer="", expected=expected)


def test_a_window_cut_off_at_the_end_counts_what_it_has() -> None:
    ones = np.ones((1, 1, 3), np.float32)
    call = {"strides": [3], "pads_begin": [1], "pads_end": [1], "kernel_shape": [3], "rounding_type": "ceil"}
    expected = [[[2 / 3, 1 / 2]]]  # of [0 1 1] and [1 0], the third element being behind the padding
    check("avg_pool", ones, exclude_pad=False, **call, peer="", expected=np.array(expected))
    check("avg_pool", ones, exclude_pad=True, **call, opset=15, expected=np.ones((1, 1, 2)))


def test_dilated_mean() -> None:
    data = np.arange(6, dtype=np.float32).reshape(1, 1, 6)
    check("avg_pool", data, [1], [0], [0], [2], True, dilations=[3], expected=np.array([[[1.5, 2.5, 3.5]]]))


@pytest.mark.parametrize("shape", [(2, 3, 7), (1, 2, 3, 4, 5)], ids=str)
def test_one_and_three_dimensions(shape: tuple[int, ...]) -> None:
    data = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    count = len(shape) - 2
    check("max_pool", data, [2] * count, [1] * count, [1] * count, [0] * count, [2] * count)
    check("avg_pool", data, [2] * count, [1] * count, [0] * count, [2] * count, False, opset=15)


@pytest.mark.parametrize("wanted", [[3, 4], [1, 1], [9, 10], [11, 13]], ids=str)
def test_adaptive(wanted: list[int]) -> None:
    bounds = [
        [(i * n // count, -(-(i + 1) * n // count)) for i in range(count)]
        for n, count in zip(X.shape[2:], wanted, strict=True)
    ]
    parts = [[X[:, :, a:b, c:d].reshape(2, 3, -1) for c, d in bounds[1]] for a, b in bounds[0]]
    mean = np.array([[part.mean(-1) for part in row] for row in parts]).transpose(2, 3, 0, 1)
    check("adaptive_avg_pool", X, fixed(wanted), expected=mean)
    call = {"output_shape": fixed(np.array(wanted, np.int32)), "index_element_type": "i32"}
    largest, places = check("adaptive_max_pool", X, **call)
    np.testing.assert_array_equal(
        np.take_along_axis(X.reshape(2, 3, -1), places.reshape(2, 3, -1), 2), largest.reshape(2, 3, -1)
    )
    check("adaptive_avg_pool", X[..., 0], fixed(wanted[:1]))


def test_what_does_not_fit() -> None:
    pool, data = factories(13)["avg_pool"], Parameter(Type.f32, PartialShape([1, 3, 2, 8]))
    with pytest.raises(ModelError, match="a window of 3 elements does not fit into 2"):
        pool(data, [1, 1], [0, 0], [0, 0], [3, 3], True)
    with pytest.raises(ModelError, match=r"data of rank 3 for the kernel \[3\], got 4"):
        pool(data, [1], [0], [0], [3], True)
    with pytest.raises(ModelError, match="rounding_type to be one of"):
        pool(data, [1, 1], [0, 0], [0, 0], [1, 1], True, rounding_type="up")
