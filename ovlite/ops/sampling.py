"""Images read between their pixels: GridSample and deformable convolution."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any, ClassVar

import numpy as np

from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape
from .axes import merged_type, one_of, require, require_rank
from .convolution import Windowed
from .convolution import product as matrix_product
from .declare import Declared
from .recurrent import merged_dims
from .resize import cubic_kernel
from .window import window_count


def pixels(images: Array, rows: Array, columns: Array) -> Array:
    """The elements of images [N, C, H, W] at integer places [N, ...], as [N, C, ...]; places outside hold 0."""
    height, width = images.shape[2:]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    if height == 0 or width == 0:
        return np.zeros((*images.shape[:2], *rows.shape[1:]), images.dtype)
    batch = np.arange(images.shape[0]).reshape(-1, *[1] * (rows.ndim - 1))
    found = images[batch, :, rows.clip(0, height - 1), columns.clip(0, width - 1)]
    return np.moveaxis(found * inside[..., np.newaxis].astype(images.dtype), -1, 1)


def reflected(places: Array, size: int, align_corners: bool) -> Array:
    """Integer places mirrored into 0 ... size - 1: at the outer pixels with align_corners, else at their edges."""
    if align_corners:
        period = max(2 * (size - 1), 1)
        folded = places % period
        return np.where(folded >= size, period - folded, folded) if size > 1 else np.zeros_like(places)
    folded = places % (2 * size)
    return np.where(folded >= size, 2 * size - 1 - folded, folded)


@dataclass(frozen=True)
class GridSample(Declared):
    """Images [N, C, H, W] read at the places of a grid [N, h, w, 2], to [N, C, h, w].

    A place is (x, y), -1 and 1 being the centers (align_corners) or the edges of the outer pixels.
    padding_mode: what lies outside: "zeros", the "border" pixels, or the image's "reflection".
    """

    align_corners: bool = False
    mode: str = "bilinear"
    padding_mode: str = "zeros"

    type = "GridSample"
    opset = "opset9"
    factory = "grid_sample"
    since = 9
    signature = "data, grid, attributes"
    inputs: ClassVar[tuple[str, ...]] = ("data", "grid")

    def __post_init__(self) -> None:
        one_of(self.mode, ("bilinear", "bicubic", "nearest"), "mode")
        one_of(self.padding_mode, ("zeros", "border", "reflection"), "padding_mode")

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {**given, **given["attributes"]}

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, grid = inputs
        batch, channels, _, _ = merged_dims([data.shape], 4, "data")
        batch, height, width, _ = merged_dims([grid.shape, PartialShape([batch, -1, -1, 2])], 4, "grid")
        return [TensorType(data.element_type, PartialShape([batch, channels, height, width]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, grid = inputs
        height, width = data.shape[2:]
        grid = grid.astype(data.dtype if data.dtype == np.float64 else np.float32, copy=False)
        x, y = self._place(grid[..., 0], width), self._place(grid[..., 1], height)
        total: Array = np.zeros((), data.dtype)
        for (row, row_weight), (column, column_weight) in product(self._taps(y), self._taps(x)):
            found = pixels(data, self._inside(row, height), self._inside(column, width))
            total = total + found * (row_weight * column_weight)[:, np.newaxis]
        return [np.asarray(total).astype(data.dtype)]

    def _place(self, grid: Array, size: int) -> Array:
        """Pixels from -1 ... 1."""
        if self.align_corners:
            return (grid + 1) / 2 * np.float32(size - 1)
        return ((grid + 1) * np.float32(size) - 1) / 2

    def _taps(self, places: Array) -> list[tuple[Array, Array]]:
        """(index, weight) of each pixel along an axis that counts."""
        if self.mode == "nearest":
            return [(np.rint(places).astype(np.int64), np.ones_like(places))]
        floor = np.floor(places)
        fraction = places - floor
        first = floor.astype(np.int64)
        if self.mode == "bilinear":
            return [(first, 1 - fraction), (first + 1, fraction)]
        return [(first + i, cubic_kernel(np.abs(fraction - np.float32(i)), -0.75)) for i in range(-1, 3)]

    def _inside(self, places: Array, size: int) -> Array:
        if self.padding_mode == "border":
            return places.clip(0, size - 1)
        return reflected(places, size, self.align_corners) if self.padding_mode == "reflection" else places


@dataclass(frozen=True)
class DeformableConvolutionV1(Windowed):
    """Convolution whose taps are moved by offsets, from data [N, C, H, W] and filters [O, C / group, h, w].

    offsets [N, 2 * deformable_group * h * w, H', W']: (y, x) of each tap of each part of the channels.
    """

    group: int = 1
    deformable_group: int = 1

    type = "DeformableConvolution"
    factory = "deformable_convolution"
    until = 7
    signature = (
        "data, deformable_values, filters, strides, pads_begin, pads_end, dilations, auto_pad='EXPLICIT', "
        "group=1, deformable_group=1"
    )
    inputs: ClassVar[tuple[str, ...]] = ("data", "deformable_values", "filters")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, offsets, filters = inputs[:3]
        element_type = merged_type(inputs, "inputs")
        for argument, what in ((data, "data"), (offsets, "offsets"), (filters, "filters")):
            require_rank(argument, 4, what)
        batch, channels, *sizes = merged_dims([data.shape], 4, "data")
        outputs, depth, *kernel = merged_dims([filters.shape], 4, "filters")
        require(
            channels.compatible(depth * self.group),
            f"data has {channels} channels, filters are for {depth * self.group}",
        )
        strides, dilations, begin, end = self.sliding(2)
        counts = [
            window_count(size, k.get_length(), strides[i], dilations[i], begin[i], end[i], self.auto_pad)
            if k.is_static else Dimension()
            for i, (size, k) in enumerate(zip(sizes, kernel, strict=True))
        ]  # fmt: skip
        moved = kernel[0] * kernel[1] * (2 * self.deformable_group)
        batch, _, *counts = merged_dims([PartialShape([batch, moved, *counts]), offsets.shape], 4, "offsets")
        if len(inputs) > 3:
            masked = kernel[0] * kernel[1] * self.deformable_group
            batch, _, *counts = merged_dims([PartialShape([batch, masked, *counts]), inputs[3].shape], 4, "mask")
        return [TensorType(element_type, PartialShape([batch, outputs, *counts]))]

    def _zero_border(self) -> bool:
        """True when places up to a pixel outside are interpolated with zeros."""
        return False

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, offsets, filters, *mask = inputs
        kernel = (filters.shape[2], filters.shape[3])
        counts = offsets.shape[2:]
        batch, channels = data.shape[:2]
        parts = self.deformable_group
        moved = offsets.reshape(batch, parts, *kernel, 2, *counts)
        masks = mask[0].reshape(batch, parts, *kernel, *counts) if mask else None
        groups = filters.reshape(self.group, -1, *filters.shape[1:])
        rows, columns = self._places(data.shape[2:], kernel, counts)
        total = np.zeros((batch, self.group, groups.shape[1], counts[0] * counts[1]), data.dtype)
        for i, j in product(*map(range, kernel)):
            taps = []
            for part, images in enumerate(np.split(data, parts, axis=1)):
                y, x = rows[i] + moved[:, part, i, j, 0], columns[j] + moved[:, part, i, j, 1]
                found = read_between(images, y, x, self._zero_border())
                taps.append(found if masks is None else found * masks[:, part, np.newaxis, i, j])
            tapped = np.concatenate(taps, axis=1).reshape(batch, self.group, channels // self.group, -1)
            total += matrix_product(groups[..., i, j], tapped)
        return [total.reshape(batch, -1, *counts)]

    def _places(
        self, sizes: Sequence[int], kernel: tuple[int, int], counts: Sequence[int]
    ) -> tuple[list[Array], list[Array]]:
        """For each row and each column of the filters, where in the data their taps start from."""
        strides, dilations, _, _ = self.sliding(2)
        begin, _ = self.pads(sizes, kernel)
        axes = [
            [
                np.arange(counts[a], dtype=np.float32) * strides[a] - begin[a] + k * dilations[a]
                for k in range(kernel[a])
            ]
            for a in range(2)
        ]
        return [places[:, np.newaxis] for places in axes[0]], axes[1]


def read_between(images: Array, y: Array, x: Array, zero_border: bool) -> Array:
    """Images [N, C, H, W] interpolated at places [N, ...], as [N, C, ...]; 0 outside.

    zero_border: places up to a pixel outside are interpolated with zeros; else the image ends at its first
    pixel, and repeats its last one up to the next.
    """
    height, width = images.shape[2:]
    inside = (y > -1) & (x > -1) if zero_border else (y >= 0) & (x >= 0)
    inside = inside & (y < height) & (x < width)
    y, x = np.where(inside, y, 0), np.where(inside, x, 0)
    top, left = np.floor(y).astype(np.int64), np.floor(x).astype(np.int64)
    below, right = top + 1, left + 1
    if not zero_border:
        below, right = below.clip(max=height - 1), right.clip(max=width - 1)
    down, across = (y - top)[:, np.newaxis], (x - left)[:, np.newaxis]
    upper = pixels(images, top, left) * (1 - across) + pixels(images, top, right) * across
    lower = pixels(images, below, left) * (1 - across) + pixels(images, below, right) * across
    found = (upper * (1 - down) + lower * down) * inside[:, np.newaxis]
    return np.asarray(found, images.dtype)


@dataclass(frozen=True)
class DeformableConvolution(DeformableConvolutionV1):
    """As the first version; mask [N, deformable_group * h * w, H', W'] is multiplied to the taps.

    bilinear_interpolation_pad: zeros outside the image are interpolated with.
    """

    bilinear_interpolation_pad: bool = False

    type = "DeformableConvolution"
    opset = "opset8"
    factory = "deformable_convolution"
    since = 8
    until = 16
    signature = (
        "data, offsets, filters, strides, pads_begin, pads_end, dilations, mask=None, auto_pad='EXPLICIT', "
        "group=1, deformable_group=1, bilinear_interpolation_pad=False"
    )
    inputs: ClassVar[tuple[str, ...]] = ("data", "offsets", "filters", "mask")

    def _zero_border(self) -> bool:
        return self.bilinear_interpolation_pad
