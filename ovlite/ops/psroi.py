"""Position-sensitive region pooling: each bin of a region reads channels of its own.

Feature maps [N, C, H, W], regions [R, 5] of (image, x1, y1, x2, y2), output [R, output_dim, G, G], G = group_size.
"""

from __future__ import annotations

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


class PositionSensitive(Declared):
    """Base of both operators."""

    output_dim: int
    group_size: int
    spatial_scale: float

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        element_type = merged_type(inputs, "inputs")
        merged_dims([inputs[0].shape], 4, "feature maps")
        regions, _ = merged_dims([inputs[1].shape, PartialShape([-1, 5])], 2, "coords")
        dims = [regions, self.output_dim, self.group_size, self.group_size]
        return [TensorType(element_type, PartialShape(dims))]


def _rounded(values: Array) -> Array:
    """Rounded half away from zero."""
    return np.sign(values) * np.floor(np.abs(values) + np.float32(0.5))


@dataclass(frozen=True)
class PSROIPooling(PositionSensitive):
    """mode "average": of the pixels of each bin; C = output_dim * G * G, channel (d * G + row) * G + column.

    "bilinear": each region is split into spatial_bins_y * spatial_bins_x parts, each with output_dim channels
    that are read at G * G points; the mean of the parts. Regions are then given from 0 to 1.
    """

    output_dim: int
    group_size: int
    spatial_scale: float
    spatial_bins_x: int = 1
    spatial_bins_y: int = 1
    mode: str = "average"

    type = "PSROIPooling"
    factory = "psroi_pooling"
    signature = "input, coords, output_dim, group_size, spatial_scale, spatial_bins_x, spatial_bins_y, mode"
    inputs: ClassVar[tuple[str, ...]] = ("input", "coords")

    def __post_init__(self) -> None:
        one_of(self.mode, ("average", "bilinear"), "mode")

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, coords = inputs
        parts = self.group_size**2 if self.mode == "average" else self.spatial_bins_x * self.spatial_bins_y
        require(
            data.shape[1] == self.output_dim * parts, f"{data.shape[1]} channels are not {self.output_dim} * {parts}"
        )
        pooled = np.zeros((len(coords), self.output_dim, self.group_size, self.group_size), data.dtype)
        pool = self._averages if self.mode == "average" else self._points
        for i, region in enumerate(coords.astype(np.float32)):
            pooled[i] = pool(data[int(region[0])], region[1:])
        return [pooled]

    def _averages(self, image: Array, corners: Array) -> Array:
        scale, count = np.float32(self.spatial_scale), self.group_size
        first, last = _rounded(corners[:2]) * scale, (_rounded(corners[2:]) + 1) * scale
        bins = np.maximum(last - first, np.float32(0.1)) / np.float32(count)
        steps = np.arange(count + 1, dtype=np.float32)[:, np.newaxis] * bins + first  # x and y of the bins' edges
        limits = image.shape[2], image.shape[1]
        starts, ends = np.floor(steps[:-1]).clip(0, limits).astype(int), np.ceil(steps[1:]).clip(0, limits).astype(int)
        channels = image.reshape(self.output_dim, count, count, *image.shape[1:])
        pooled = np.zeros((self.output_dim, count, count), image.dtype)
        for row, column in np.ndindex(count, count):
            top, bottom, left, right = starts[row, 1], ends[row, 1], starts[column, 0], ends[column, 0]
            if top < bottom and left < right:
                pooled[:, row, column] = channels[:, row, column, top:bottom, left:right].mean((1, 2))
        return pooled

    def _points(self, image: Array, corners: Array) -> Array:
        rows, columns, count = self.spatial_bins_y, self.spatial_bins_x, self.group_size
        x1, y1, x2, y2 = corners * np.float32(self.spatial_scale)
        channels = image.reshape(rows, columns, self.output_dim, *image.shape[1:])
        total = np.zeros((self.output_dim, count, count), image.dtype)
        for row, column in np.ndindex(rows, columns):
            y = _points_along(y1, (y2 - y1) / rows, row, count, image.shape[1])
            x = _points_along(x1, (x2 - x1) / columns, column, count, image.shape[2])
            total += _read(channels[row, column], *np.meshgrid(y, x, indexing="ij"))
        return total / np.float32(rows * columns)


def _points_along(first: Any, width: Any, part: int, count: int, size: int) -> Array:
    """`count` places in pixels along part number `part` of an axis, parts being `width` of it from `first` on."""
    start, scale = first + part * width, np.float32(size - 1)
    if count == 1:
        return np.array([(start + width / 2) * scale], np.float32)
    return np.asarray(start * scale + np.arange(count, dtype=np.float32) * (width * scale / np.float32(count - 1)))


def _read(image: Array, y: Array, x: Array) -> Array:
    """An image [C, H, W] interpolated at places, 0 outside."""
    inside = (y <= image.shape[1] - 1) & (x <= image.shape[2] - 1)
    return np.asarray(read_between(image[np.newaxis], y[np.newaxis], x[np.newaxis], False)[0] * inside)


@dataclass(frozen=True)
class DeformablePSROIPooling(PositionSensitive):
    """Means of spatial_bins_y * spatial_bins_x points a bin, C = output_dim * G * G.

    offsets [R, 2 * K, part_size, part_size]: (x, y) by which the bins of a region move, as parts of its size
    times trans_std, for each of K groups of outputs.
    """

    output_dim: int
    spatial_scale: float
    group_size: int = 1
    mode: str = "bilinear_deformable"
    spatial_bins_x: int = 1
    spatial_bins_y: int = 1
    trans_std: float = 1.0
    part_size: int = 1

    type = "DeformablePSROIPooling"
    factory = "deformable_psroi_pooling"
    signature = (
        "feature_maps, coords, output_dim, spatial_scale, group_size=1, mode='bilinear_deformable', spatial_bins_x=1, "
        "spatial_bins_y=1, trans_std=1.0, part_size=1, offsets=None"
    )
    inputs: ClassVar[tuple[str, ...]] = ("feature_maps", "coords", "offsets")

    def __post_init__(self) -> None:
        one_of(self.mode, ("bilinear_deformable",), "mode")

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, coords, *offsets = inputs
        count = self.group_size
        require(
            data.shape[1] == self.output_dim * count**2,
            f"{data.shape[1]} channels are not {self.output_dim} * {count**2}",
        )
        pooled = np.zeros((len(coords), self.output_dim, count, count), data.dtype)
        for i, region in enumerate(coords.astype(np.float32)):
            moves = offsets[0][i].reshape(-1, 2, self.part_size, self.part_size) if offsets else None
            pooled[i] = self._pool(data[int(region[0])], region[1:], moves)
        return [pooled]

    def _pool(self, image: Array, corners: Array, moves: Array | None) -> Array:
        count, scale = self.group_size, np.float32(self.spatial_scale)
        first = _rounded(corners[:2]) * scale - np.float32(0.5)
        last = (_rounded(corners[2:]) + 1) * scale - np.float32(0.5)
        sides = np.maximum(last - first, np.float32(0.1))
        channels = image.reshape(self.output_dim, count, count, *image.shape[1:])
        pooled = np.zeros((self.output_dim, count, count), image.dtype)
        groups = 1 if moves is None else len(moves)
        for group, row, column in np.ndindex(groups, count, count):
            outputs = slice(group * self.output_dim // groups, (group + 1) * self.output_dim // groups)
            corner = first + sides * np.array([column, row], np.float32) / np.float32(count)
            if moves is not None:
                part = moves[group, :, row * self.part_size // count, column * self.part_size // count]
                corner = corner + part * np.float32(self.trans_std) * sides
            pooled[outputs, row, column] = self._bin(channels[outputs, row, column], corner, sides / np.float32(count))
        return pooled

    def _bin(self, image: Array, corner: Array, sides: Array) -> Array:
        """Means of the points of a bin that are inside the image, 0 when none is."""
        height, width = image.shape[1:]
        x = corner[0] + np.arange(self.spatial_bins_x, dtype=np.float32) * (sides[0] / self.spatial_bins_x)
        y = corner[1] + np.arange(self.spatial_bins_y, dtype=np.float32) * (sides[1] / self.spatial_bins_y)
        x, y = x[(x >= -0.5) & (x <= width - 0.5)], y[(y >= -0.5) & (y <= height - 0.5)]
        if not len(x) or not len(y):
            return np.zeros(len(image), image.dtype)
        places = np.meshgrid(y.clip(0, height - 1), x.clip(0, width - 1), indexing="ij")
        return np.asarray(_read(image, *places).mean((1, 2)))
