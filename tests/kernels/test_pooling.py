import itertools
import math

import numpy as np
import pytest

from ovlite import kernels
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View

from .layouts import channels_last, view_of

UNREAD = np.nan


def windows(x, kernel, strides, dilations, pads_begin, outputs):
    """For each output coordinate: the elements (N, C, taps) of its window that lie in x."""
    for at in itertools.product(*map(range, outputs)):
        axes = []
        for o, k, s, d, p, size in zip(at, kernel, strides, dilations, pads_begin, x.shape[2:], strict=True):
            taps = o * s - p + np.arange(k) * d
            axes.append(taps[(taps >= 0) & (taps < size)])
        count = math.prod(map(len, axes))
        yield at, x[(slice(None), slice(None), *np.ix_(*axes))].reshape(*x.shape[:2], count)


def expected_max(x, kernel, strides, dilations, pads_begin, outputs):
    y = np.empty((*x.shape[:2], *outputs), np.float32)
    for at, window in windows(x, kernel, strides, dilations, pads_begin, outputs):
        y[(..., *at)] = window.max(-1, initial=-np.inf)
    return y


def expected_mean(x, kernel, strides, dilations, pads_begin, outputs, padded_end=None):
    """padded_end: where padding that counts as zeros ends; None when padding does not count."""
    y = np.empty((*x.shape[:2], *outputs), np.float32)
    for at, window in windows(x, kernel, strides, dilations, pads_begin, outputs):
        count = window.shape[-1]
        if padded_end is not None:
            count = np.prod(
                [
                    (o * s - p + np.arange(k) * d < end).sum()
                    for o, k, s, d, p, end in zip(at, kernel, strides, dilations, pads_begin, padded_end, strict=True)
                ]
            )
        y[(..., *at)] = window.sum(-1, dtype=np.float64) / max(count, 1)
    return y


def images(x, outputs, planar):
    """(memory of x, view of x, memory of y, view of y, y): images with borders that must not be read."""
    shape = (*x.shape[:2], *outputs)
    if planar:
        memory = np.full((*x.shape[:-1], x.shape[-1] + 3), UNREAD, np.float32)
        image, y = memory[..., 1:-2], np.zeros(shape, np.float32)
        target = y
    else:
        memory, image = channels_last(x.shape, pixel_pad=3, border=2, fill=UNREAD)
        target, y = channels_last(shape, pixel_pad=5, border=1, fill=0)
    image[...] = x
    return memory, view_of(0, image, memory), target, view_of(1, y, target), y


CASES = [
    # shape, kernel, strides, dilations, pads_begin, outputs
    ((1, 64, 13, 14), (3, 3), (2, 2), (1, 1), (1, 1), (7, 7)),
    ((2, 70, 6, 7), (2, 2), (2, 2), (1, 1), (0, 0), (3, 3)),
    ((1, 65, 9, 9), (5, 5), (1, 1), (1, 1), (2, 2), (9, 9)),
    ((1, 3, 7, 11), (3, 2), (1, 3), (2, 1), (2, 0), (7, 4)),
    ((1, 15, 5, 6), (3, 3), (2, 2), (1, 1), (0, 1), (3, 4)),
    ((2, 1, 8, 9), (3, 3), (2, 1), (1, 2), (1, 2), (4, 9)),
    ((1, 16, 1, 1), (1, 1), (1, 1), (1, 1), (0, 0), (1, 1)),
    ((1, 300, 7, 7), (7, 7), (1, 1), (1, 1), (0, 0), (1, 1)),
    ((1, 17, 30), (3,), (2,), (1,), (1,), (15,)),
    ((1, 9, 6, 5, 7), (2, 3, 3), (2, 1, 2), (1, 1, 1), (0, 1, 1), (3, 5, 4)),
    ((1, 5, 4, 4), (2, 2), (3, 3), (1, 1), (0, 0), (3, 3)),
    ((1, 4, 5, 120), (2, 3), (1, 2), (1, 2), (0, 2), (4, 60)),
    ((1, 4, 5, 120), (2, 3), (1, 3), (1, 2), (0, 2), (4, 40)),
    ((1, 4, 40, 34), (3, 3), (2, 2), (1, 1), (0, 0), (19, 16)),
    ((0, 5, 4, 4), (2, 2), (2, 2), (1, 1), (0, 0), (2, 2)),
]


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_max(level, threads, case, planar):
    shape, *window, outputs = case
    x = np.random.default_rng(1).standard_normal(shape, np.float32)
    memory, x_view, target, y_view, y = images(x, outputs, planar)
    around = target.copy()
    run_steps([kernels.family("pooling").MaxPool(x_view, y_view, *window)], [memory, target], threads)
    np.testing.assert_array_equal(y, expected_max(x, *window, outputs))
    if not planar:
        y[...] = 0
        np.testing.assert_array_equal(target, around)


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("include", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_mean(level, threads, case, planar, include):
    shape, kernel, strides, dilations, pads, outputs = case
    x = np.random.default_rng(2).uniform(1, 2, shape).astype(np.float32)
    memory, x_view, target, y_view, y = images(x, outputs, planar)
    pads_end = [1] * len(kernel)
    step = kernels.family("pooling").AvgPool(
        x_view, y_view, kernel, strides, dilations, pads, count_include_pad=include, pads_end=pads_end
    )
    run_steps([step], [memory, target], threads)
    padded_end = [size + 1 for size in shape[2:]] if include else None
    # positive terms: each addition of a chain errs by at most half a unit in the last place
    expected = expected_mean(x, kernel, strides, dilations, pads, outputs, padded_end)
    np.testing.assert_allclose(y, expected, rtol=49 * 6e-8)


def test_mean_of_many_elements_stays_exact(level, threads):
    x = np.full((1, 20, 112, 112), 1.1, np.float32)
    memory, x_view, target, y_view, y = images(x, (1, 1), False)
    step = kernels.family("pooling").AvgPool(x_view, y_view, (112, 112), (1, 1), (1, 1), (0, 0))
    run_steps([step], [memory, target], threads)
    np.testing.assert_allclose(y, 1.1, rtol=2e-5)


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("channels", [1, 5, 70])
def test_nan_and_infinities(level, channels, planar):
    x = np.zeros((1, channels, 6, 6), np.float32)
    x[0, -1, 1, 1] = np.nan
    x[0, 0, 4, 4] = -np.inf
    x[0, 0, 4, 5] = np.inf
    memory, x_view, target, y_view, y = images(x, (5, 5), planar)
    run_steps([kernels.family("pooling").MaxPool(x_view, y_view, (2, 2), (1, 1), (1, 1), (0, 0))], [memory, target])
    expected = np.zeros_like(y)
    expected[0, -1, :2, :2] = np.nan
    expected[0, 0, 3:, 4] = np.inf
    np.testing.assert_array_equal(y, expected)
    x[...] = -np.inf
    memory, x_view, target, y_view, y = images(x, (5, 5), planar)
    run_steps([kernels.family("pooling").MaxPool(x_view, y_view, (2, 2), (1, 1), (1, 1), (0, 0))], [memory, target])
    assert (y == -np.inf).all()


def test_windows_outside(level):
    x = np.ones((1, 8, 2, 2), np.float32)
    memory, x_view, target, y_view, y = images(x, (3, 3), False)
    window = (2, 2), (2, 2), (1, 1), (2, 2)
    run_steps([kernels.family("pooling").MaxPool(x_view, y_view, *window)], [memory, target])
    expected = np.full((3, 3), -np.inf)
    expected[1, 1] = 1
    np.testing.assert_array_equal(y[0], np.broadcast_to(expected, (8, 3, 3)))
    run_steps([kernels.family("pooling").AvgPool(x_view, y_view, *window)], [memory, target])
    np.testing.assert_array_equal(y[0], np.broadcast_to(expected == 1, (8, 3, 3)))


@pytest.mark.parametrize("channels", [1, 3, 20])
def test_an_image_of_one_pixel_is_whatever_its_result_is(level, channels):
    """Its strides would do for both layouts."""
    window = (2, 2), (1, 1), (1, 1), (1, 1)
    x = np.random.default_rng(3).standard_normal((2, channels, 1, 1), np.float32)
    for planar in (False, True):
        y = np.full((2, channels, 2, 2), np.nan, np.float32)
        y = y if planar else np.moveaxis(np.moveaxis(y, 1, -1).copy(), -1, 1)
        for name in ("MaxPool", "AvgPool"):
            step = getattr(kernels.family("pooling"), name)(view_of(0, x), view_of(1, y), *window)
            run_steps([step], [x, y])
            np.testing.assert_array_equal(y, np.broadcast_to(x, y.shape))


def test_windows_of_any_size_take_no_memory(level):
    x, y = np.arange(6, dtype=np.float32).reshape(1, 1, 6), np.zeros((1, 1, 2), np.float32)
    window = (1 << 40,), (1,), (1,), (1,)
    run_steps([kernels.family("pooling").MaxPool(view_of(0, x), view_of(1, y), *window)], [x, y])
    np.testing.assert_array_equal(y, [[[5, 5]]])


@pytest.mark.parametrize("dtype", ["u1", "i1"])
@pytest.mark.parametrize("channels", [1, 3, 15, 16, 17, 24, 31, 32, 33, 63, 64, 65, 130, 300])
@pytest.mark.parametrize("threads", [1, 2])
def test_bytes(dtype, channels, threads):
    """The maximum of bytes is that of the same numbers in f32; a window without elements gives the least byte."""
    limits = np.iinfo(dtype)
    x = np.random.default_rng(channels).integers(limits.min, limits.max, (2, channels, 7, 6), dtype, endpoint=True)
    geometry = (3, 2), (2, 1), (2, 1), (5, 0)
    outputs = 5, 5
    memory, image = channels_last(x.shape, pixel_pad=3, border=2, fill=limits.max, dtype=dtype)
    target, y = channels_last((2, channels, *outputs), pixel_pad=5, border=1, fill=7, dtype=dtype)
    image[...] = x
    step = kernels.family("pooling").MaxPool(view_of(0, image, memory), view_of(1, y, target), *geometry)
    run_steps([step], [memory, target], threads)
    expected = np.maximum(expected_max(x.astype(np.float32), *geometry, outputs), limits.min)
    np.testing.assert_array_equal(y, expected)
    assert (target == 7).sum() >= target.size - y.size


def test_errors():
    family = kernels.family("pooling")
    x, y = View(0, "f4", (1, 8, 6, 6)), View(1, "f4", (1, 8, 3, 3))
    args = (2, 2), (2, 2), (1, 1), (0, 0)
    with pytest.raises(
        ValueError, match="MaxPool: expected x and y of float32, uint8, int8 or bf16, got float32 and float64"
    ):
        family.MaxPool(x, View(1, "f8", (1, 8, 3, 3)), *args)
    with pytest.raises(
        ValueError, match=r"AvgPool: expected x and y of shape \(N, C, spatial...\) with 1 to 3 spatial dimensions"
    ):
        family.AvgPool(x, View(1, "f4", (1, 8, 3)), *args)
    with pytest.raises(ValueError, match=r"expected strides to be 2 numbers of at least 1, got \(2,\)"):
        family.MaxPool(x, y, (2, 2), (2,), (1, 1), (0, 0))
    with pytest.raises(ValueError, match="two channels-last or two planar images"):
        family.MaxPool(View(0, "f4", (1, 8, 6, 6), (0, 1, 48, 8)), y, *args)
    with pytest.raises(ValueError, match="AvgPool: expected x and y of float32, got uint8 and uint8"):
        family.AvgPool(View(0, "u1", x.shape), View(1, "u1", y.shape), *args)
    with pytest.raises(ValueError, match="two channels-last or two planar images"):
        family.MaxPool(View(0, "u1", x.shape), View(1, "u1", y.shape), *args)
