"""Windows that slide over spatial dimensions: their padding, their number, and the views they give.

Shared by convolution, pooling and patches. Spatial arrays are in the order of the dimensions (D, H, W).
A window of k elements with dilation d spans d * (k - 1) + 1 elements.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from ..errors import ModelError
from ..graph.operator import Array
from ..types import Dimension, PartialShape

Ints = tuple[int, ...]
PADDINGS = ("explicit", "same_upper", "same_lower", "valid")
ROUNDINGS = ("floor", "ceil", "ceil_torch")


def filled(values: Ints, value: int, count: int, what: str) -> Ints:
    """`values`, or `value` for each of `count` dimensions when there are none."""
    if not values:
        return (value,) * count
    if len(values) != count:
        raise ModelError(f"expected {what} to have {count} values, one for each spatial dimension, got {list(values)}")
    return values


def span(kernel: int, dilation: int) -> int:
    """Elements from the first to the last one of a window."""
    return dilation * (kernel - 1) + 1


def resolve_pads(
    auto_pad: str, sizes: Sequence[int], kernel: Ints, strides: Ints, dilations: Ints, begin: Ints, end: Ints
) -> tuple[Ints, Ints]:
    """Padding in front of and behind each spatial dimension of `sizes` elements.

    "same_*" pads so that there are ceil(size / stride) windows; an odd element goes behind for
    "same_upper", in front for "same_lower".
    """
    if auto_pad == "explicit":
        return begin, end
    if auto_pad == "valid":
        return (0,) * len(kernel), (0,) * len(kernel)
    fronts, backs = [], []
    for size, k, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        total = max(0, (-(-size // stride) - 1) * stride + span(k, dilation) - size)
        small = total // 2
        fronts.append(small if auto_pad == "same_upper" else total - small)
        backs.append(total - fronts[-1])
    return tuple(fronts), tuple(backs)


def window_count(
    size: Dimension,
    kernel: int,
    stride: int,
    dilation: int,
    begin: int,
    end: int,
    auto_pad: str,
    rounding: str = "floor",
) -> Dimension:
    """How many windows fit into a dimension. ModelError when none does."""
    if auto_pad in ("same_upper", "same_lower"):
        return (size + (stride - 1)) // stride
    if auto_pad == "valid":
        begin = end = 0
    room = span(kernel, dilation)
    padding = begin + end
    if size.max_length != -1 and size.max_length + padding < room:
        raise ModelError(f"a window of {room} elements does not fit into {size} elements padded by {begin} and {end}")
    if size.is_static:
        return Dimension(_count(size.max_length, room, stride, begin, end, rounding))
    low = _count(max(size.min_length + padding, room) - padding, room, stride, begin, end, rounding)
    if size.max_length == -1:
        return Dimension(low, -1)
    return Dimension(low, _count(size.max_length, room, stride, begin, end, rounding))


def known_count(size: int, room: int, stride: int, begin: int, end: int, auto_pad: str, rounding: str = "floor") -> int:
    """How many windows that span `room` elements fit into a dimension; -1 where none does."""
    if auto_pad in ("same_upper", "same_lower"):
        return (size + (stride - 1)) // stride
    if auto_pad == "valid":
        begin = end = 0
    return _count(size, room, stride, begin, end, rounding) if size + begin + end >= room else -1


def _count(size: int, room: int, stride: int, begin: int, end: int, rounding: str) -> int:
    free = size + begin + end - room
    if rounding == "floor":
        return free // stride + 1
    count = -(-free // stride) + 1
    # as PyTorch: the last window starts inside the data or the padding in front of it
    return count - 1 if rounding == "ceil_torch" and (count - 1) * stride >= size + begin else count


def spatial_dims(shape: PartialShape, count: int | None) -> list[Dimension] | None:
    """The dimensions behind batch and channels; None when their number is not known."""
    if shape.has_rank:
        return list(shape)[2:]
    return None if count is None else [Dimension()] * count


def padded(data: Array, begin: Sequence[int], end: Sequence[int], value: float = 0) -> Array:
    """`data` with its last len(begin) dimensions padded; negative padding crops."""
    lead = data.ndim - len(begin)
    crop = tuple(
        slice(max(0, -b), data.shape[lead + i] - max(0, -e)) for i, (b, e) in enumerate(zip(begin, end, strict=True))
    )
    data = data[(slice(None),) * lead + crop]
    widths = [(0, 0)] * lead + [(max(0, b), max(0, e)) for b, e in zip(begin, end, strict=True)]
    return np.pad(data, widths, constant_values=value) if any(map(any, widths)) else data


def taps(
    data: Array, kernel: Ints, strides: Ints, dilations: Ints, counts: Sequence[int]
) -> Iterator[tuple[Ints, Array]]:
    """For each element of a window: its index, and the view of `data` holding that element of every window.

    data: padded, spatial dimensions last. A view has `counts` as its last dimensions.
    """
    for index in product(*map(range, kernel)):
        starts = [i * dilation for i, dilation in zip(index, dilations, strict=True)]
        region = tuple(
            slice(start, start + (count - 1) * stride + 1, stride) if count else slice(0, 0)
            for start, stride, count in zip(starts, strides, counts, strict=True)
        )
        yield index, data[(..., *region)]
