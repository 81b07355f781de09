"""Regions of feature maps pooled to a fixed size. Feature maps are [N, C, H, W], regions R."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import PartialShape
from .axes import merged_type, one_of, require
from .declare import Declared
from .recurrent import merged_dims
from .sampling import read_between
from .window import Ints


@dataclass(frozen=True)
class RoiAlignBase(Declared):
    """Regions pooled from points between pixels; batch_indices [R] say which image each is of.

    sampling_ratio: points of a bin along an axis, 0 for one a pixel. spatial_scale: of the regions to
    the feature maps.
    """

    pooled_h: int
    pooled_w: int
    sampling_ratio: int
    spatial_scale: float

    inputs: ClassVar[tuple[str, ...]] = ("data", "rois", "batch_indices")
    columns: ClassVar[int] = 4  # of a region

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, rois, indices = inputs
        element_type = merged_type((data, rois), "data and rois")
        _, channels, _, _ = merged_dims([data.shape], 4, "data")
        regions, _ = merged_dims([rois.shape, PartialShape([-1, self.columns])], 2, "rois")
        (regions,) = merged_dims([indices.shape, PartialShape([regions])], 1, "batch_indices")
        return [TensorType(element_type, PartialShape([regions, channels, self.pooled_h, self.pooled_w]))]

    def _samples(self, height: float, width: float) -> tuple[int, int]:
        """Points of a bin down and across, for a region of this size."""
        if self.sampling_ratio > 0:
            return self.sampling_ratio, self.sampling_ratio
        return max(1, math.ceil(height / self.pooled_h)), max(1, math.ceil(width / self.pooled_w))

    def _steps(self, samples: tuple[int, int], height: Any, width: Any) -> tuple[Array, Array]:
        """(y, x) of the points along the axes of a region, from its corner, in the type of its size."""
        kind = np.result_type(height)
        down = (np.arange(self.pooled_h * samples[0], dtype=kind) + kind.type(0.5)) / kind.type(samples[0])
        across = (np.arange(self.pooled_w * samples[1], dtype=kind) + kind.type(0.5)) / kind.type(samples[1])
        return down * kind.type(height / self.pooled_h), across * kind.type(width / self.pooled_w)

    def _bins(self, values: Array, samples: tuple[int, int]) -> Array:
        """Points [..., h, w] as [..., pooled_h, samples down, pooled_w, samples across]."""
        return values.reshape(*values.shape[:-2], self.pooled_h, samples[0], self.pooled_w, samples[1])


def read_clamped(image: Array, y: Array, x: Array) -> Array:
    """An image [C, H, W] interpolated at places, as [C, ...].

    Places up to a pixel outside are moved to the border; farther ones give 0.
    """
    height, width = image.shape[-2:]
    inside = (y >= -1) & (y <= height) & (x >= -1) & (x <= width)
    y, x = y.clip(0, height - 1), x.clip(0, width - 1)
    return np.asarray(read_between(image[np.newaxis], y[np.newaxis], x[np.newaxis], False)[0] * inside)


@dataclass(frozen=True)
class ROIAlignV3(RoiAlignBase):
    """Regions [R, 4] of (x1, y1, x2, y2). mode: "avg" of the points of a bin, or their "max"."""

    mode: str

    type = "ROIAlign"
    opset = "opset3"
    factory = "roi_align"
    since = 3
    until = 8
    signature = "data, rois, batch_indices, pooled_h, pooled_w, sampling_ratio, spatial_scale, mode"

    def __post_init__(self) -> None:
        one_of(self.mode, ("avg", "max"), "mode")

    def offsets(self) -> tuple[float, float, bool]:
        """(added to regions before scaling, added after, whether a region is one pixel at least)."""
        return 0.0, 0.0, True

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, rois, indices = inputs
        before, after, grown = self.offsets()
        corners = (rois + rois.dtype.type(before)) * rois.dtype.type(self.spatial_scale) + rois.dtype.type(after)
        pooled = np.zeros((len(rois), data.shape[1], self.pooled_h, self.pooled_w), data.dtype)
        for i, (x1, y1, x2, y2) in enumerate(corners):
            height, width = y2 - y1, x2 - x1
            if grown:
                height, width = max(height, corners.dtype.type(1)), max(width, corners.dtype.type(1))
            samples = self._samples(height, width)
            down, across = self._steps(samples, height, width)
            y, x = np.meshgrid(y1 + down, x1 + across, indexing="ij")
            bins = self._bins(read_clamped(data[indices[i]], y, x), samples)
            pooled[i] = bins.mean((-3, -1)) if self.mode == "avg" else bins.max((-3, -1))
        return [pooled]


@dataclass(frozen=True)
class ROIAlign(ROIAlignV3):
    """As version 3. aligned_mode: where pixels have their centers; "asymmetric" is as before."""

    aligned_mode: str = "asymmetric"

    type = "ROIAlign"
    opset = "opset9"
    factory = "roi_align"
    since = 9
    until = 16
    signature = (
        "data, rois, batch_indices, pooled_h, pooled_w, sampling_ratio, spatial_scale, mode, aligned_mode='asymmetric'"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of(self.aligned_mode, ("asymmetric", "half_pixel_for_nn", "half_pixel"), "aligned_mode")

    def offsets(self) -> tuple[float, float, bool]:
        if self.aligned_mode == "asymmetric":
            return 0.0, 0.0, True
        return (0.5, -0.5, False) if self.aligned_mode == "half_pixel" else (0.0, -0.5, False)


@dataclass(frozen=True)
class ROIAlignRotated(RoiAlignBase):
    """Means of rotated regions [R, 5] of (center x, center y, width, height, angle in radians)."""

    clockwise_mode: bool

    type = "ROIAlignRotated"
    opset = "opset15"
    factory = "roi_align_rotated"
    since = 15
    signature = "data, rois, batch_indices, pooled_h, pooled_w, sampling_ratio, spatial_scale, clockwise_mode"
    columns: ClassVar[int] = 5

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, rois, indices = inputs
        pooled = np.zeros((len(rois), data.shape[1], self.pooled_h, self.pooled_w), data.dtype)
        for i, (x, y, width, height, angle) in enumerate(rois.astype(np.float32)):
            scale = np.float32(self.spatial_scale)
            center_x, center_y = x * scale - np.float32(0.5), y * scale - np.float32(0.5)
            width, height = width * scale, height * scale
            angle = -angle if self.clockwise_mode else angle
            samples = self._samples(height, width)
            down, across = self._steps(samples, height, width)
            v, u = np.meshgrid(down - height / 2, across - width / 2, indexing="ij")
            places = v * np.cos(angle) - u * np.sin(angle) + center_y, v * np.sin(angle) + u * np.cos(angle) + center_x
            pooled[i] = self._bins(read_clamped(data[indices[i]], *places), samples).mean((-3, -1))
        return [pooled]


@dataclass(frozen=True)
class ROIPooling(Declared):
    """Regions [R, 5] of (image, x1, y1, x2, y2) pooled to output_roi [h, w]. An image of -1 gives zeros.

    output_size and pooled_h, pooled_w: other spellings of output_roi. method: "max" of whole pixels, or
    "bilinear": one point a bin, of corners given from 0 to 1.
    """

    spatial_scale: float
    output_roi: Ints = ()
    output_size: Ints = ()
    pooled_h: int = 0
    pooled_w: int = 0
    method: str = "max"

    type = "ROIPooling"
    opset = "opset2"
    factory = "roi_pooling"
    since = 2
    signature = "input, coords, output_roi=None, spatial_scale=None, method='max', name=None, *, output_size=None"
    inputs: ClassVar[tuple[str, ...]] = ("input", "coords")

    def __post_init__(self) -> None:
        one_of(self.method, ("max", "bilinear"), "method")
        size = self.output_roi or self.output_size or (self.pooled_h, self.pooled_w)
        for name, value in (("output_roi", size), ("output_size", size), ("pooled_h", size[0]), ("pooled_w", size[-1])):
            object.__setattr__(self, name, value)
        require(
            len(self.output_roi) == 2 and min(self.output_roi) > 0,
            f"expected output_roi to be [height, width], got {self.output_roi}",
        )

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        if given["output_size"] is not None:
            warnings.warn("output_size is deprecated; use output_roi", DeprecationWarning, stacklevel=3)
            given = {**given, "output_roi": given["output_size"]}
        given["output_size"] = None
        for name in ("output_roi", "spatial_scale"):
            if given[name] is None:
                raise AttributeError(f"roi_pooling needs {name}")
        return given

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, coords = inputs
        element_type = merged_type(inputs, "inputs")
        _, channels, _, _ = merged_dims([data.shape], 4, "data")
        regions, _ = merged_dims([coords.shape, PartialShape([-1, 5])], 2, "coords")
        return [TensorType(element_type, PartialShape([regions, channels, *self.output_roi]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, coords = inputs
        pooled = np.zeros((len(coords), data.shape[1], *self.output_roi), data.dtype)
        for i, (image, *corners) in enumerate(coords):
            if image >= 0:
                pool = self._largest if self.method == "max" else self._interpolated
                pooled[i] = pool(data[int(image)], np.array(corners, np.float32))
        return [pooled]

    def _largest(self, image: Array, corners: Array) -> Array:
        scaled = corners * np.float32(self.spatial_scale)
        x1, y1, x2, y2 = (np.sign(scaled) * np.floor(np.abs(scaled) + np.float32(0.5))).astype(int)
        rows = _bin_bounds(y1, y2, self.output_roi[0], image.shape[1])
        columns = _bin_bounds(x1, x2, self.output_roi[1], image.shape[2])
        pooled = np.zeros((image.shape[0], *self.output_roi), image.dtype)
        for i, (top, bottom) in enumerate(rows):
            for j, (left, right) in enumerate(columns):
                if top < bottom and left < right:
                    pooled[:, i, j] = image[:, top:bottom, left:right].max((1, 2))
        return pooled

    def _interpolated(self, image: Array, corners: Array) -> Array:
        x1, y1, x2, y2 = corners
        y = _spread(y1, y2, self.output_roi[0], image.shape[1])
        x = _spread(x1, x2, self.output_roi[1], image.shape[2])
        places = np.meshgrid(y, x, indexing="ij")
        inside = (places[0] <= image.shape[1] - 1) & (places[1] <= image.shape[2] - 1)
        found = read_between(image[np.newaxis], places[0][np.newaxis], places[1][np.newaxis], False)[0]
        return np.asarray(found * inside)


def _bin_bounds(first: int, last: int, count: int, size: int) -> list[tuple[int, int]]:
    """(first, end) of the pixels of each bin of a region along an axis of `size` pixels."""
    bin_size = np.float32(max(last - first + 1, 1)) / np.float32(count)
    starts = np.floor(np.arange(count, dtype=np.float32) * bin_size).astype(int) + first
    ends = np.ceil(np.arange(1, count + 1, dtype=np.float32) * bin_size).astype(int) + first
    return list(zip(starts.clip(0, size).tolist(), ends.clip(0, size).tolist(), strict=True))


def _spread(first: Any, last: Any, count: int, size: int) -> Array:
    """`count` places from `first` to `last`, which are parts of an axis of `size` pixels."""
    scale = np.float32(size - 1)
    if count == 1:
        return np.array([(first + last) * scale / 2], np.float32)
    steps = np.arange(count, dtype=np.float32) * ((last - first) * scale / np.float32(count - 1))
    return np.asarray(steps + first * scale)
