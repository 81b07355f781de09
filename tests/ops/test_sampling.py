"""Reading between pixels: GridSample, deformable convolution, pooled regions."""

from __future__ import annotations

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.graph import Parameter
from ovlite.ops import factories
from ovlite.ops.sampling import reflected
from ovlite.types import PartialShape, Type

from ..tolerances import sums
from .support import check, fixed, normal

CLOSE = sums(9 * 16)  # sums of 9 pixels, whose weights are off with coordinates of up to 16
IMAGES = np.random.default_rng(3).normal(size=(2, 3, 9, 8)).astype(np.float32)
OF = np.array([0, 1, 1, 0, 1])  # the image of each region


def regions(low: float = -2, high: float = 9) -> np.ndarray:
    rng = np.random.default_rng(8)
    first = rng.uniform(low, high, (5, 2))
    return np.concatenate([first, first + rng.uniform(0.2, 5, (5, 2))], 1).astype(np.float32)


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "nearest"])
def test_grid_sample(mode: str, padding_mode: str, align_corners: bool) -> None:
    attributes = {"mode": mode, "padding_mode": padding_mode, "align_corners": align_corners}
    check("grid_sample", normal(2, 3, 5, 6), 1.5 * normal(2, 4, 7, 2), attributes, **CLOSE)
    check("grid_sample", normal(1, 2, 1, 6), normal(1, 3, 2, 2), attributes, **CLOSE)


def test_a_grid_of_the_pixels_gives_the_image() -> None:
    y, x = np.meshgrid(np.linspace(-1, 1, 9), np.linspace(-1, 1, 8), indexing="ij")
    grid = np.broadcast_to(np.stack([x, y], -1), (2, 9, 8, 2)).astype(np.float32).copy()
    for mode in ("bilinear", "bicubic", "nearest"):
        check("grid_sample", IMAGES, grid, {"mode": mode, "align_corners": True}, expected=IMAGES, **CLOSE)


def test_reflection_of_places() -> None:
    places = np.arange(-4, 8)
    assert reflected(places, 3, True).tolist() == [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1]
    assert reflected(places, 3, False).tolist() == [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1]
    assert reflected(places, 1, True).tolist() == [0] * 12


@pytest.mark.parametrize(("group", "parts"), [(1, 1), (2, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("opset", [7, 16])
def test_deformable(opset: int, group: int, parts: int) -> None:
    filters, attributes = fixed(normal(6, 4 // group, 3, 3)), {"group": group, "deformable_group": parts}
    for strides, dilations, pad, size in (([1, 1], [1, 1], 1, (7, 6)), ([2, 1], [1, 2], 2, (5, 6))):
        offsets = 2 * normal(2, 18 * parts, *size)
        check("deformable_convolution", normal(2, 4, 7, 6), offsets, filters, strides, [pad] * 2, [pad] * 2, dilations,
              opset=opset, **attributes, **CLOSE)  # fmt: skip


@pytest.mark.parametrize("zero_border", [False, True])
def test_deformable_with_a_mask(zero_border: bool) -> None:
    call = [normal(2, 4, 7, 6), normal(2, 18, 7, 6), fixed(normal(6, 4, 3, 3)), [1, 1], [1, 1], [1, 1], [1, 1]]
    check("deformable_convolution", *call, np.abs(normal(2, 9, 7, 6)), bilinear_interpolation_pad=zero_border, **CLOSE)


def test_deformable_without_offsets_is_plain() -> None:
    data, filters, call = normal(1, 4, 7, 6), normal(6, 4, 3, 3), ([1, 1], [1, 1], [1, 1], [1, 1])
    (expected,) = check("convolution", data, fixed(filters), *call, **CLOSE)
    offsets = np.zeros((1, 18, 7, 6), np.float32)
    check("deformable_convolution", data, offsets, fixed(filters), *call, expected=expected, peer="", **CLOSE)


@pytest.mark.parametrize("aligned_mode", ["asymmetric", "half_pixel_for_nn", "half_pixel"])
@pytest.mark.parametrize("ratio", [0, 2])
@pytest.mark.parametrize("mode", ["avg", "max"])
def test_roi_align(mode: str, ratio: int, aligned_mode: str) -> None:
    images = np.abs(IMAGES)  # OpenVINO's maximum of negative numbers is 0
    for scale in (1.0, 0.5):
        check("roi_align", images, regions(), OF, 3, 2, ratio, scale, mode, aligned_mode, **CLOSE)
    if aligned_mode == "asymmetric":
        check("roi_align", images, regions(), OF, 3, 2, ratio, 0.7, mode, opset=8, **CLOSE)


def test_roi_align_of_a_whole_flat_image() -> None:
    image = np.full((1, 1, 4, 4), -3, np.float32)
    for mode in ("avg", "max"):
        expected = np.full((1, 1, 2, 2), -3)
        check(
            "roi_align",
            image,
            np.float32([[0, 0, 4, 4]]),
            np.array([0]),
            2,
            2,
            2,
            1.0,
            mode,
            peer="",
            expected=expected,
        )


@pytest.mark.parametrize("clockwise", [False, True])
@pytest.mark.parametrize("ratio", [0, 2])
def test_roi_align_rotated(ratio: int, clockwise: bool) -> None:
    rng = np.random.default_rng(2)
    turned = np.concatenate([rng.uniform(0, 8, (5, 2)), rng.uniform(0.5, 6, (5, 2)), rng.uniform(-3, 3, (5, 1))], 1)
    check("roi_align_rotated", IMAGES, turned.astype(np.float32), OF, 3, 2, ratio, 0.8, clockwise, **CLOSE)


@pytest.mark.parametrize("size", [[3, 2], [1, 1], [2, 4]], ids=str)
def test_roi_pooling(size: list[int]) -> None:
    pixels = np.concatenate([OF[:, np.newaxis], np.abs(regions())], 1).astype(np.float32)
    check("roi_pooling", IMAGES, pixels, size, 0.9)
    corners = np.sort(np.random.default_rng(4).uniform(0, 1, (5, 4)), 1)
    parts = np.concatenate([OF[:, np.newaxis], corners], 1).astype(np.float32)
    check("roi_pooling", IMAGES, parts, size, 1.0, "bilinear", **CLOSE)


@pytest.mark.parametrize("group", [1, 3])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_position_sensitive(scale: float, group: int) -> None:
    first = np.random.default_rng(9).uniform(0, 10, (5, 2))
    pixels = np.concatenate([OF[:, np.newaxis], first, first + 4], 1).astype(np.float32)
    data = normal(2, 2 * group**2, 9, 8)
    check("psroi_pooling", data, pixels, 2, group, scale, 1, 1, "Average", **CLOSE)
    parts = np.concatenate([OF[:, np.newaxis], first / 14, first / 14 + 0.3], 1).astype(np.float32)
    check("psroi_pooling", normal(2, 12, 9, 8), parts, 2, group, scale, 3, 2, "bilinear", **CLOSE)
    spread = {"spatial_bins_x": 3, "spatial_bins_y": 3}
    check("deformable_psroi_pooling", data, pixels, 2, scale, group, **spread, **CLOSE)
    moves = {"trans_std": 0.3, "part_size": 2, "offsets": normal(5, 2, 2, 2)}
    check("deformable_psroi_pooling", data, pixels, 2, scale, group, **spread, **moves, **CLOSE)


def test_wrong_calls() -> None:
    data = Parameter(Type.f32, PartialShape([2, 3, 9, 8]))
    with pytest.raises(ModelError, match="shapes of grid to agree"):
        factories(13)["grid_sample"](data, Parameter(Type.f32, PartialShape([1, 4, 4, 2])), {})
    with pytest.raises(ModelError, match="shapes of rois to agree"):
        factories(13)["roi_align"](data, Parameter(Type.f32, PartialShape([5, 5])), OF, 2, 2, 0, 1.0, "avg")
    with pytest.raises(ModelError, match="mode to be one of"):
        factories(13)["roi_align"](data, Parameter(Type.f32, PartialShape([5, 4])), OF, 2, 2, 0, 1.0, "min")
    with pytest.raises(AttributeError, match="roi_pooling needs spatial_scale"):
        factories(13)["roi_pooling"](data, Parameter(Type.f32, PartialShape([5, 5])), [2, 2])
