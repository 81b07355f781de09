"""Images read between pixels, beside the operators' own definitions in numpy."""

import numpy as np
import pytest

from ovlite import kernels
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View
from ovlite.ops.roi import ROIAlign
from ovlite.ops.sampling import GridSample

from .layouts import channels_last, view_of

ALIGNED = {"asymmetric": ((0, 0), True), "half_pixel": ((0.5, -0.5), False), "half_pixel_for_nn": ((0, -0.5), False)}


def images(shape, layout, seed=5):
    """(memory, array) of an image of noise."""
    if layout == "planar":
        memory = array = np.empty(shape, np.float32)
    else:
        memory, array = channels_last(shape, border=1, pixel_pad=3, fill=np.nan)
    array[...] = np.random.default_rng(seed).standard_normal(shape)
    return memory, array


def sampled(x, grid, mode, padding, align, threads=1, layouts=("planar", "planar")):
    memory, array = images(x.shape, layouts[0])
    array[...] = x
    shape = (x.shape[0], x.shape[1], *grid.shape[1:3])
    out = y = np.full(shape, 77, np.float32)
    if layouts[1] != "planar":
        out, y = channels_last(shape, pixel_pad=1, fill=77)
    views = view_of(0, array, memory), view_of(1, grid), view_of(2, y, out)
    run_steps([kernels.family("sampling").GridSample(*views, mode, padding, align)], [memory, grid, out], threads)
    return y


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("layouts", [("planar", "planar"), ("last", "planar"), ("last", "last"), ("planar", "last")])
def test_grids(threads, mode, padding, align, layouts):
    rng = np.random.default_rng(3)
    for shape, size in (
        ((2, 3, 5, 4), (7, 9)),
        ((1, 65, 1, 6), (1, 31)),
        ((1, 1, 3, 1), (33, 1)),
        ((2, 4, 4, 4), (0, 3)),
    ):
        x = rng.standard_normal(shape).astype(np.float32)
        grid = rng.uniform(-1.7, 1.7, (shape[0], *size, 2)).astype(np.float32)
        found = sampled(x, grid, mode, padding, align, threads, layouts)
        # Of f64, unless rounding of places decides. Weights are off by a few roundings of places of up to 10.
        kind = np.float32 if mode == "nearest" else np.float64
        (expected,) = GridSample(align, mode, padding).evaluate(x.astype(kind), grid.astype(kind))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=3e-5)


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_places_that_are_far_or_none(mode, padding):
    """Numbers around an infinite pixel stay finite where they don't read it."""
    x = np.ones((1, 2, 3, 3), np.float32)
    x[0, :, 0, 0] = np.inf
    grid = np.array([[9, 9], [1e6, 1e6], [-1e9, 1], [0.99, 0.99], [np.nan, 0], [1, np.inf]], np.float32)
    found = sampled(x, grid.reshape(1, 1, 6, 2), mode, padding, True)[0, 0, 0]
    (expected,) = GridSample(True, mode, padding).evaluate(x, grid.reshape(1, 1, 6, 2))
    np.testing.assert_allclose(found[:4], expected[0, 0, 0, :4], rtol=1e-5)
    if mode != "nearest":
        assert np.isnan(found[4:]).all()
        assert np.isnan(expected[0, 0, 0, 4:]).all()


def pooled(x, regions, indices, size, options, threads=1, layout="planar", kind=np.int64):
    ratio, scale, aligned, mode = options
    memory, array = images(x.shape, layout)
    array[...] = x
    y = np.full((len(regions), x.shape[1], *size), 77, np.float32)
    arrays = [memory, regions, indices.astype(kind), y]
    views = [view_of(0, array, memory), *(view_of(i, arrays[i]) for i in (1, 2, 3))]
    offsets, grown = ALIGNED[aligned]
    step = kernels.family("sampling").RegionAlign(*views, ratio, scale, offsets, grown, mode == "max")
    run_steps([step], arrays, threads)
    return y


REGIONS = np.array(
    [[0, 0, 5, 4], [1.5, 2, 1.5, 2], [3, 3, 1, 1], [-4, -4, 20, 30], [0, 0, 0.1, 7], [50, 50, 60, 60]], np.float32
)


@pytest.mark.parametrize("layout", ["planar", "last"])
@pytest.mark.parametrize("ratio", [0, 1, 2, 3])
@pytest.mark.parametrize("aligned", ALIGNED)
@pytest.mark.parametrize("mode", ["avg", "max"])
def test_regions(threads, layout, ratio, aligned, mode):
    for shape, size, kind in (((2, 3, 8, 9), (7, 7), np.int64), ((1, 65, 1, 4), (1, 40), np.int32)):
        x = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
        indices = np.arange(len(REGIONS)) % shape[0]
        found = pooled(x, REGIONS, indices, size, (ratio, 0.6, aligned, mode), threads, layout, kind)
        (expected,) = ROIAlign(*size, ratio, 0.6, mode, aligned).evaluate(x, REGIONS, indices)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=3e-5)


def test_a_sample_of_nan_is_the_largest():
    x = np.zeros((1, 1, 4, 4), np.float32)
    x[0, 0, 1, 1] = np.nan
    found = pooled(x, np.array([[0, 0, 3.9, 3.9]], np.float32), np.zeros(1), (2, 2), (2, 1.0, "asymmetric", "max"))
    assert np.isnan(found[0, 0, 0, 0])
    assert found[0, 0, 1, 1] == 0


@pytest.mark.parametrize(
    "index, region", [(1, [0, 0, 1, 1]), (-1, [0, 0, 1, 1]), (0, [0, 0, np.inf, 1]), (0, [0, np.nan, 1, 1])]
)
def test_no_such_region(index, region):
    x, regions = np.zeros((1, 1, 4, 4), np.float32), np.array([region], np.float32)
    with pytest.raises(RuntimeError, match="RegionAlign.*an index is out of range"):
        pooled(x, regions, np.array([index]), (2, 2), (0, 1.0, "half_pixel", "avg"))


def test_errors():
    family = kernels.family("sampling")
    x, grid, y = View(0, "f4", (1, 2, 4, 4)), View(1, "f4", (1, 3, 3, 2)), View(2, "f4", (1, 2, 3, 3))
    with pytest.raises(ValueError, match=r"y of as many channels, got \(1, 2, 4, 4\) and \(1, 3, 3, 3\)"):
        family.GridSample(x, grid, View(2, "f4", (1, 3, 3, 3)), "nearest", "zeros", True)
    with pytest.raises(ValueError, match=r"expected a grid .* got \(1, 3, 4, 2\)"):
        family.GridSample(x, View(1, "f4", (1, 3, 4, 2)), y, "nearest", "zeros", True)
    with pytest.raises(ValueError, match="pixels of y at one distance"):
        family.GridSample(x, grid, View(2, "f4", (1, 2, 3, 3), (99, 40, 8, 1)), "nearest", "zeros", True)
    family.GridSample(View(0, "f4", (1, 2, 2, 4), (0, 0, 2**31 - 4, 1)), grid, y, "nearest", "zeros", True)
    with pytest.raises(ValueError, match="less than 2"):
        family.GridSample(View(0, "f4", (1, 2, 2, 4), (0, 0, 2**31 - 3, 1)), grid, y, "nearest", "zeros", True)
    with pytest.raises(ValueError, match="less than 2"):
        family.GridSample(View(0, "f4", (1, 2, 4, 4), (0, 1, 2**31, 1)), grid, y, "nearest", "zeros", True)
    with pytest.raises(ValueError, match="images with elements"):
        family.GridSample(View(0, "f4", (1, 2, 0, 4)), grid, y, "nearest", "zeros", True)
    with pytest.raises(ValueError, match="expected regions and indices for y"):
        family.RegionAlign(
            x, View(1, "f4", (2, 4)), View(2, "i4", (1,)), View(3, "f4", (1, 2, 3, 3)), 0, 1, (0, 0), False, False
        )
    with pytest.raises(ValueError, match="indices of int32 or int64, got float32 and int16"):
        family.RegionAlign(
            x, View(1, "f4", (1, 4)), View(2, "i2", (1,)), View(3, "f4", (1, 2, 3, 3)), 0, 1, (0, 0), False, False
        )
