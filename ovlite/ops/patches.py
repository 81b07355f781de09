"""Patches of images: ExtractImagePatches takes them out, Col2Im adds them up."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import ClassVar

import numpy as np

from ..errors import ModelError
from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape
from .axes import integers, one_of, require, require_rank
from .declare import Declared
from .window import Ints, padded, resolve_pads, span, taps, window_count


@dataclass(frozen=True)
class ExtractImagePatches(Declared):
    """Patches of images [N, C, H, W], their elements as channels.

    Output: [N, rows * columns * C, patches down, patches across]. A channel's number is (row * columns +
    column) * C + channel. rates: distance of a patch's elements.
    """

    sizes: Ints
    strides: Ints
    rates: Ints
    auto_pad: str

    type = "ExtractImagePatches"
    opset = "opset3"
    factory = "extract_image_patches"
    since = 3
    signature = "image, sizes, strides, rates, auto_pad"
    inputs: ClassVar[tuple[str, ...]] = ("image",)

    def __post_init__(self) -> None:
        one_of(self.auto_pad, ("valid", "same_upper", "same_lower"), "auto_pad")
        for name in ("sizes", "strides", "rates"):
            values = getattr(self, name)
            require(
                len(values) == 2 and min(values) > 0, f"expected {name} to be two positive numbers, got {list(values)}"
            )

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        (image,) = inputs
        require_rank(image, 4, "image")
        shape = image.shape if image.shape.has_rank else PartialShape.dynamic(4)
        counts = [self._count(dim, i) for i, dim in enumerate(shape[2:])]
        channels = shape[1] * prod(self.sizes)
        return [TensorType(image.element_type, PartialShape([shape[0], channels, *counts]))]

    def _count(self, dim: Dimension, i: int) -> Dimension:
        if self.auto_pad == "valid" and 0 <= dim.max_length < span(self.sizes[i], self.rates[i]):
            return Dimension(0)
        return window_count(dim, self.sizes[i], self.strides[i], self.rates[i], 0, 0, self.auto_pad)

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        (image,) = inputs
        counts = [self._count(Dimension(size), i).get_length() for i, size in enumerate(image.shape[2:])]
        none = (0, 0)
        begin, end = resolve_pads(self.auto_pad, image.shape[2:], self.sizes, self.strides, self.rates, none, none)
        views = taps(padded(image, begin, end), self.sizes, self.strides, self.rates, counts)
        return [np.concatenate([np.broadcast_to(view, (*image.shape[:2], *counts)) for _, view in views], axis=1)]


@dataclass(frozen=True)
class Col2Im(Declared):
    """Patches [N, C * rows * columns, L] added up to images [N, C, H, W]; without N also.

    output_size: [H, W]; kernel_size: [rows, columns]. L patches lie as a convolution's windows do.
    """

    strides: Ints = (1, 1)
    dilations: Ints = (1, 1)
    pads_begin: Ints = (0, 0)
    pads_end: Ints = (0, 0)

    type = "Col2Im"
    opset = "opset15"
    factory = "col2im"
    since = 15
    signature = "data, output_size, kernel_size, strides=None, dilations=None, pads_begin=None, pads_end=None"
    inputs: ClassVar[tuple[str, ...]] = ("data", "output_size", "kernel_size")
    value_inputs: ClassVar[tuple[int, ...]] = (1, 2)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, output_size, kernel_size = inputs
        require_rank(data, (2, 3), "data")
        if not data.shape.has_rank:
            return [TensorType(data.element_type, PartialShape.dynamic())]
        sizes, kernel = integers(output_size), integers(kernel_size)
        channels = Dimension()
        if kernel is not None:
            rows = data.shape[-2]
            elements = prod(kernel)
            require(
                rows.is_dynamic or rows.get_length() % elements == 0,
                f"{rows} rows are not patches of {elements} elements",
            )
            channels = rows // elements
        if sizes is not None and kernel is not None:
            self._check_patches(data.shape[-1], sizes, kernel)
        spatial = [Dimension()] * 2 if sizes is None else [Dimension(size) for size in sizes]
        return [TensorType(data.element_type, PartialShape([*data.shape[:-2], channels, *spatial]))]

    def _counts(self, sizes: Sequence[int], kernel: Sequence[int]) -> list[int]:
        dims = zip(sizes, kernel, self.strides, self.dilations, self.pads_begin, self.pads_end, strict=True)
        return [window_count(Dimension(n), k, s, d, b, e, "explicit").get_length() for n, k, s, d, b, e in dims]

    def _check_patches(self, given: Dimension, sizes: Sequence[int], kernel: Sequence[int]) -> None:
        counts = self._counts(sizes, kernel)
        if not given.compatible(Dimension(prod(counts))):
            raise ModelError(f"expected {counts[0]} x {counts[1]} patches for an image of {list(sizes)}, got {given}")

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, *steering = inputs
        sizes, kernel = (tuple(int(n) for n in array) for array in steering)
        counts = self._counts(sizes, kernel)
        columns = data.reshape(*data.shape[:-2], -1, *kernel, *counts)
        channels = columns.shape[data.ndim - 2]
        full = [n + b + e for n, b, e in zip(sizes, self.pads_begin, self.pads_end, strict=True)]
        total = np.zeros((*data.shape[:-2], channels, *full), data.dtype)
        for (row, column), view in taps(total, kernel, self.strides, self.dilations, counts):
            view += columns[..., row, column, :, :]
        (top, left), (height, width) = self.pads_begin, sizes
        return [total[..., top : top + height, left : left + width]]
