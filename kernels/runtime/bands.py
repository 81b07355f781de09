"""Convolutions of padded images in bands: the outputs whose windows have the same elements within the image."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

from .step import View
from .strides import broadcast_strides, nested_sums

Band = tuple[range, range]  # outputs, and the kernel elements that read the image there, in one dimension

LEAST = 3  # outputs in a band: tiles of fewer rows cost more than what is saved
MOST_WORK = 0.7  # of what all elements take


def bands_of(size: int, outputs: int, kernel: int, stride: int, dilation: int, pad: int) -> list[Band]:
    """The bands of one dimension in order. A band that reads nothing but padding has one kernel element."""
    found: list[Band] = []
    for output in range(outputs):
        begin = pad - output * stride
        first = min(max(0, -(-begin // dilation)), kernel - 1)
        elements = range(first, max(first + 1, min(kernel, (size - 1 + begin) // dilation + 1)))
        if found and found[-1][1] == elements:
            found[-1] = range(found[-1][0].start, output + 1), elements
        else:
            found.append((range(output, output + 1), elements))
    return found


def bands(
    shape: Sequence[int],
    output_shape: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    pads_begin: Sequence[int],
) -> list[tuple[Band, ...]]:
    """The parts of a convolution, with a band for each spatial dimension; none where they would save too little.

    shape, output_shape: of the spatial dimensions of x and y.
    """
    work, dims = 1.0, []
    if max(dilations, default=1) == 1 or 0 in shape:
        return []
    for size, outputs, length, stride, dilation, pad in zip(
        shape, output_shape, kernel, strides, dilations, pads_begin, strict=True
    ):
        dim = bands_of(size, outputs, length, stride, dilation, pad)
        work *= sum(len(band) * len(elements) for band, elements in dim) / max(1, outputs * length)
        dims.append(dim)
    if work > MOST_WORK or any(len(band) < LEAST for dim in dims if len(dim) > 1 for band, _ in dim):
        return []
    return list(itertools.product(*dims))


def banded(
    x: View,
    y: View,
    residual: View | None,
    window: tuple[int, Sequence[int]],
    parts: Sequence[tuple[Band, ...]],
    strides: Sequence[int],
    dilations: Sequence[int],
    pads_begin: Sequence[int],
) -> Iterator[tuple[View, View | None, Any]]:
    """For each part: where it lies in y and in the residual, and kept_taps() of it. window: see there."""
    if residual is not None:
        residual = residual.like(y.shape, broadcast_strides(residual, y.shape, "residual"))
    for part in parts:
        outputs = [band for band, _ in part]
        begin = [band.start * by - pad for band, by, pad in zip(outputs, strides, pads_begin, strict=True)]
        taps = kept_taps(x, window, [elements for _, elements in part], begin, dilations)
        yield _within(y, outputs), None if residual is None else _within(residual, outputs), taps


def kept_taps(
    x: View,
    window: tuple[int, Sequence[int]],
    elements: Sequence[range],
    begin: Sequence[int],
    dilations: Sequence[int],
) -> tuple[Any, Any]:
    """Where these elements of a kernel read, for a window that begins at a pixel of x: bytes from its first element.

    Also the row of a panel of packed weights that each begins at. window: channels of a group, and the kernel.
    """
    depth, kernel = window
    lengths = [len(kept) for kept in elements]
    steps = [stride * x.dtype.itemsize for stride in x.strides[2:]]
    gaps = [gap * step for gap, step in zip(dilations, steps, strict=True)]
    rows = [depth * math.prod(kernel[axis:]) for axis in range(1, len(kernel) + 1)]
    start = sum(at * step for at, step in zip(begin, steps, strict=True)) + _first(elements, gaps)
    return (
        nested_sums(start, list(zip(lengths, gaps, strict=True))),
        nested_sums(_first(elements, rows), list(zip(lengths, rows, strict=True))),
    )


def _first(places: Sequence[range], steps: Sequence[int]) -> int:
    return sum(place.start * step for place, step in zip(places, steps, strict=True))


def _within(image: View, outputs: Sequence[range]) -> View:
    """The part of an image at these ranges of places."""
    start = _first(outputs, image.strides[2:]) * image.dtype.itemsize
    return image.like((*image.shape[:2], *map(len, outputs)), image.strides, image.offset + start)
