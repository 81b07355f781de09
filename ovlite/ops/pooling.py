"""Maximum and mean of sliding and of adaptive windows; data is [N, C, spatial...]."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any, ClassVar

import numpy as np

from ..errors import ModelError
from ..graph import Argument, TensorType
from ..graph.operator import Array, Sizes
from ..records import dataclass
from ..types import Dimension, PartialShape, Type
from .convolution import Sliding
from .declare import Declared
from .window import PADDINGS, ROUNDINGS, Ints, filled, known_count, padded, resolve_pads, span, taps, window_count

OLD_SIGNATURE = "strides, pads_begin, pads_end, kernel_shape"


@dataclass(frozen=True)
class Pool(Declared):
    """A window of `kernel` elements that slides. Strides left empty are 1, pads 0.

    rounding_type: "floor" drops a window that does not fit, "ceil" keeps it cut off at the end of the
    padding, "ceil_torch" keeps it when it starts inside the data or the padding in front.
    """

    kernel: Ints
    strides: Ints = ()
    pads_begin: Ints = ()
    pads_end: Ints = ()
    rounding_type: str = "floor"
    auto_pad: str = "explicit"

    inputs: ClassVar[tuple[str, ...]] = ("data",)

    def __post_init__(self) -> None:
        if self.auto_pad == "notset":
            object.__setattr__(self, "auto_pad", "explicit")
        if self.auto_pad not in PADDINGS:
            raise ModelError(f"expected auto_pad to be one of {', '.join(PADDINGS)}, got {self.auto_pad!r}")
        if self.rounding_type not in ROUNDINGS:
            raise ModelError(f"expected rounding_type to be one of {', '.join(ROUNDINGS)}, got {self.rounding_type!r}")
        if min((*self.strides, *self.spacing(), *self.kernel), default=1) < 1:
            raise ModelError("kernel, strides and dilations are positive")

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {**given, "kernel": given["kernel_shape"], "auto_pad": given["auto_pad"] or "explicit"}

    def spacing(self) -> Ints:
        """Dilations; empty for windows without gaps."""
        return ()

    def sliding(self) -> Sliding:
        """The attributes, complete, for each spatial dimension."""
        count = len(self.kernel)
        return Sliding(
            filled(self.strides, 1, count, "strides"),
            filled(self.spacing(), 1, count, "dilations"),
            filled(self.pads_begin, 0, count, "pads_begin"),
            filled(self.pads_end, 0, count, "pads_end"),
        )

    def pads(self, sizes: Sequence[int]) -> tuple[Ints, Ints]:
        """Padding in front of and behind data of these spatial sizes."""
        strides, dilations, begin, end = self.sliding()
        return resolve_pads(self.auto_pad, sizes, self.kernel, strides, dilations, begin, end)

    def pooled_shape(self, data: PartialShape) -> PartialShape:
        """Shape of the output for data of a shape."""
        count = len(self.kernel)
        if not data.has_rank:
            return PartialShape.dynamic(count + 2)
        if len(data) != count + 2:
            raise ModelError(f"expected data of rank {count + 2} for the kernel {list(self.kernel)}, got {len(data)}")
        strides, dilations, begin, end = self.sliding()
        spatial = [
            window_count(
                data[i + 2], k, strides[i], dilations[i], begin[i], end[i], self.auto_pad, self.rounding_type
            )
            for i, k in enumerate(self.kernel)
        ]  # fmt: skip
        return PartialShape([data[0], data[1], *spatial])

    def pooled_sizes(self, data: Sizes) -> Sizes | None:
        """The same for a shape that is known; None where no window fits."""
        if len(data) != len(self.kernel) + 2:
            return None
        strides, dilations, begin, end = self.sliding()
        counts = [
            known_count(size, span(k, dilations[i]), strides[i], begin[i], end[i], self.auto_pad, self.rounding_type)
            for i, (size, k) in enumerate(zip(data[2:], self.kernel, strict=True))
        ]
        return (*data[:2], *counts) if min(counts) >= 0 else None

    def frame(self, data: Array) -> tuple[Ints, Ints, Ints]:
        """(padding in front, padding behind that holds all windows, number of windows)."""
        sizes = data.shape[2:]
        begin, end = self.pads(sizes)
        counts = tuple(dim.get_length() for dim in self.pooled_shape(PartialShape(list(data.shape)))[2:])
        strides, dilations, _, _ = self.sliding()
        reach = [(n - 1) * s + span(k, d) for n, s, k, d in zip(counts, strides, self.kernel, dilations, strict=True)]
        behind = tuple(max(e, r - b - size) for e, r, b, size in zip(end, reach, begin, sizes, strict=True))
        return begin, behind, counts


def _lowest(dtype: np.dtype[Any]) -> float:
    return -np.inf if dtype.kind == "f" else int(np.iinfo(dtype).min)


class MaxPoolV1(Pool):
    """Largest element of each window, NaN where one is; padding is minus infinity, or the least integer."""

    type = "MaxPool"
    factory = "max_pool"
    until = 7
    signature = f"data, {OLD_SIGNATURE}, rounding_type='floor', auto_pad=None"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(inputs[0].element_type, self.pooled_shape(inputs[0].shape))]

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        return self.pooled_sizes(shapes[0])

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        (data,) = inputs
        begin, end, counts = self.frame(data)
        lowest = _lowest(data.dtype)
        largest = np.full((*data.shape[:2], *counts), lowest, data.dtype)
        strides, dilations, _, _ = self.sliding()
        for _, view in taps(padded(data, begin, end, lowest), self.kernel, strides, dilations, counts):
            np.maximum(largest, view, out=largest)
        return [largest]


@dataclass(frozen=True)
class MaxPool(MaxPoolV1):
    """Largest element of each window, and its index in the data flattened from dimension `axis` on.

    Of equal elements the first one counts, a NaN more than all others. Of a window of padding alone the index is 0.
    """

    dilations: Ints = ()
    index_element_type: Type = Type.i64
    axis: int = 0

    type = "MaxPool"
    opset = "opset14"
    factory = "max_pool"
    since = 8
    until = 16
    signature = (
        "data, strides, dilations, pads_begin, pads_end, kernel_shape, rounding_type='floor', auto_pad=None, "
        "index_element_type='i64', axis=0"
    )

    def spacing(self) -> Ints:
        return self.dilations

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        (pooled,) = super().infer(inputs)
        rank = len(self.kernel) + 2
        if not -rank <= self.axis < rank:
            raise ModelError(f"axis {self.axis} of data of rank {rank}")
        return [pooled, TensorType(self.index_element_type, pooled.shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        (data,) = inputs
        begin, end, counts = self.frame(data)
        lowest = _lowest(data.dtype)
        axis = self.axis % data.ndim
        period = math.prod(data.shape[axis:])
        places = (np.arange(data.size) % max(period, 1)).reshape(data.shape)
        strides, dilations, _, _ = self.sliding()
        windows = taps(padded(data, begin, end, lowest), self.kernel, strides, dilations, counts)
        indices = taps(padded(places, begin, end, -1), self.kernel, strides, dilations, counts)
        largest = np.full((*data.shape[:2], *counts), lowest, data.dtype)
        where = np.full(largest.shape, -1, np.int64)
        for (_, view), (_, place) in zip(windows, indices, strict=True):
            greater = (view > largest) | (where < 0) | (np.isnan(view) & ~np.isnan(largest))
            greater &= place >= 0
            np.copyto(largest, view, where=greater)
            np.copyto(where, place, where=greater)
        return [largest, np.maximum(where, 0).astype(self.index_element_type.to_dtype())]


@dataclass(frozen=True)
class AvgPoolV1(Pool):
    """Mean of each window; exclude_pad: of its elements that are data, else of the padding's zeros too.

    What a window that "ceil" keeps has behind the padding is never counted.
    """

    exclude_pad: bool = True

    type = "AvgPool"
    opset = "opset14"
    factory = "avg_pool"
    until = 15
    signature = f"data_batch, {OLD_SIGNATURE}, exclude_pad, rounding_type='floor', auto_pad=None"
    inputs: ClassVar[tuple[str, ...]] = ("data_batch",)

    def attributes(self) -> dict[str, Any]:
        found = super().attributes()
        found["exclude-pad"] = found.pop("exclude_pad")  # as model files spell it
        return found

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(inputs[0].element_type, self.pooled_shape(inputs[0].shape))]

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        return self.pooled_sizes(shapes[0])

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        (data,) = inputs
        begin, end, counts = self.frame(data)
        strides, dilations, _, _ = self.sliding()
        working = np.float64 if data.dtype.kind != "f" else data.dtype
        total = np.zeros((*data.shape[:2], *counts), working)
        for _, view in taps(padded(data, begin, end), self.kernel, strides, dilations, counts):
            total += view
        mean = total / self.divisors(data.shape[2:])
        return [mean if data.dtype.kind == "f" else np.rint(mean).astype(data.dtype)]

    def divisors(self, sizes: Sequence[int]) -> Array:
        """How many elements each window counts, for data of these spatial sizes; f32, broadcast to all windows.

        A window of padding alone counts one, so that its mean is 0.
        """
        begin, end = self.pads(sizes)
        strides, dilations, _, _ = self.sliding()
        counts = self.pooled_shape(PartialShape([1, 1, *sizes]))[2:]
        total: Array = np.ones((), np.float32)
        for i, size in enumerate(sizes):
            offsets = np.arange(self.kernel[i]) * dilations[i]
            starts = np.arange(counts[i].get_length()) * strides[i] - begin[i]
            places = starts[:, np.newaxis] + offsets
            low, high = (0, size) if self.exclude_pad else (-begin[i], size + end[i])
            inside = np.count_nonzero((places >= low) & (places < high), axis=1)
            total = np.multiply.outer(total, inside.astype(np.float32))
        return np.maximum(total, 1)


@dataclass(frozen=True)
class AvgPool(AvgPoolV1):
    """Mean of each window, whose elements may lie apart."""

    dilations: Ints = ()

    type = "AvgPool"
    opset = "opset16"
    factory = "avg_pool"
    since = 16
    until = 16
    signature = f"data_batch, {OLD_SIGNATURE}, exclude_pad, rounding_type='floor', auto_pad=None, dilations=None"

    def spacing(self) -> Ints:
        return self.dilations


@dataclass(frozen=True)
class AdaptivePool(Declared):
    """Windows that divide each spatial dimension evenly, as few elements overlapping as possible.

    Window i of n over `size` elements goes from floor(i * size / n) up to ceil((i + 1) * size / n).
    """

    value_inputs: ClassVar[tuple[int, ...]] = (1,)
    inputs: ClassVar[tuple[str, ...]] = ("data", "output_shape")

    def pooled_shape(self, inputs: Sequence[Argument]) -> PartialShape:
        data, sizes = inputs
        if not data.shape.has_rank:
            return PartialShape.dynamic()
        count = len(data.shape) - 2
        if not 1 <= count <= 3:
            raise ModelError(
                f"expected data to be [N, C, spatial...] with one to three spatial dimensions, got {data.shape}"
            )
        given = [Dimension()] * count if sizes.partial is None else sizes.partial.dimensions()
        if len(given) != count:
            raise ModelError(f"output_shape has {len(given)} sizes for {count} spatial dimensions")
        return PartialShape([data.shape[0], data.shape[1], *given])


def adaptive_bounds(size: int, count: int) -> list[tuple[int, int]]:
    """(first element, end) of each of `count` windows over `size` elements."""
    return [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


class AdaptiveAvgPool(AdaptivePool):
    """Mean of each adaptive window."""

    type = "AdaptiveAvgPool"
    opset = "opset8"
    factory = "adaptive_avg_pool"
    since = 8
    signature = "data, output_shape"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(inputs[0].element_type, self.pooled_shape(inputs))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, sizes = inputs
        mean = data
        for axis, count in enumerate(sizes.tolist(), 2):  # the mean of a box is the mean along one axis after the other
            bounds = adaptive_bounds(data.shape[axis], count)
            parts = [mean.take(range(*bound), axis).mean(axis, keepdims=True) for bound in bounds]
            mean = np.concatenate(parts, axis) if parts else mean.take([], axis)
        return [mean.astype(data.dtype, copy=False)]


@dataclass(frozen=True)
class AdaptiveMaxPool(AdaptivePool):
    """Largest element of each adaptive window, and its index in the flattened spatial dimensions."""

    index_element_type: Type = Type.i64

    type = "AdaptiveMaxPool"
    opset = "opset8"
    factory = "adaptive_max_pool"
    since = 8
    signature = "data, output_shape, index_element_type='i64'"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        shape = self.pooled_shape(inputs)
        return [TensorType(inputs[0].element_type, shape), TensorType(self.index_element_type, shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, sizes = inputs
        counts = sizes.tolist()
        bounds = [adaptive_bounds(size, count) for size, count in zip(data.shape[2:], counts, strict=True)]
        places = np.arange(math.prod(data.shape[2:])).reshape(data.shape[2:])
        largest = np.empty((*data.shape[:2], *counts), data.dtype)
        where = np.empty(largest.shape, self.index_element_type.to_dtype())
        for index in product(*map(range, counts)):
            region = tuple(slice(*bounds[axis][i]) for axis, i in enumerate(index))
            whole: tuple[Any, ...] = (slice(None), slice(None))
            window = data[whole + region].reshape(*data.shape[:2], -1)
            best = window.argmax(axis=-1)
            largest[whole + index] = np.take_along_axis(window, best[..., np.newaxis], -1)[..., 0]
            where[whole + index] = places[region].ravel()[best]
        return [largest, where]
