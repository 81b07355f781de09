"""Convolution in one to three spatial dimensions, plain and grouped, and its transposed forms.

Layouts, with spatial dimensions written as `...`: data [N, C, ...]; filters [O, I, ...], grouped
[G, O, I, ...], transposed [I, O, ...] and [G, I, O, ...], where O and I count channels of a group.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..errors import ModelError
from ..graph import Argument, TensorType
from ..graph.operator import Array, Sizes
from ..records import dataclass
from ..types import Dimension, PartialShape, Type
from .axes import merged_type, require
from .declare import Declared
from .window import PADDINGS, Ints, filled, padded, resolve_pads, span, spatial_dims, taps, window_count


class Sliding(NamedTuple):
    """Attributes of a sliding window, a number for each spatial dimension."""

    strides: Ints
    dilations: Ints
    begin: Ints
    end: Ints


@dataclass(frozen=True)
class Windowed(Declared):
    """An operator with filters that slide. Attributes left empty are 1 (strides, dilations) or 0 (pads)."""

    strides: Ints = ()
    pads_begin: Ints = ()
    pads_end: Ints = ()
    dilations: Ints = ()
    auto_pad: str = "explicit"

    inputs: ClassVar[tuple[str, ...]] = ("data", "filters")
    grouped: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.auto_pad == "notset":
            object.__setattr__(self, "auto_pad", "explicit")
        if self.auto_pad not in PADDINGS:
            raise ModelError(f"expected auto_pad to be one of {', '.join(PADDINGS)}, got {self.auto_pad!r}")
        if min((*self.strides, *self.dilations), default=1) < 1:
            raise ModelError(f"expected strides and dilations to be positive, got {self.strides} and {self.dilations}")

    def sliding(self, count: int) -> Sliding:
        """The attributes, complete, for `count` spatial dimensions."""
        if len(self.strides) == len(self.dilations) == len(self.pads_begin) == len(self.pads_end) == count:
            return Sliding(self.strides, self.dilations, self.pads_begin, self.pads_end)
        return Sliding(
            filled(self.strides, 1, count, "strides"),
            filled(self.dilations, 1, count, "dilations"),
            filled(self.pads_begin, 0, count, "pads_begin"),
            filled(self.pads_end, 0, count, "pads_end"),
        )

    def pads(self, sizes: Sequence[int], kernel: Ints) -> tuple[Ints, Ints]:
        """Padding in front of and behind data of these spatial sizes."""
        strides, dilations, begin, end = self.sliding(len(kernel))
        return resolve_pads(self.auto_pad, sizes, kernel, strides, dilations, begin, end)

    def _spatial_count(self, data: PartialShape, filters: PartialShape) -> int | None:
        """The number of spatial dimensions, None when no input tells it."""
        counts = []
        if data.has_rank:
            counts.append(len(data) - 2)
        if filters.has_rank:
            counts.append(len(filters) - (3 if self.grouped else 2))
        if counts and (min(counts) != max(counts) or not 1 <= counts[0] <= 3):
            wanted = (
                "[N, C, spatial...] and [G, O, I, spatial...]"
                if self.grouped
                else "[N, C, spatial...] and [O, I, spatial...]"
            )
            raise ModelError(
                f"expected data and filters {wanted} with one to three spatial dimensions, got {data} and {filters}"
            )
        return counts[0] if counts else None


class Convolution(Windowed):
    """Cross-correlation of data [N, C, ...] with filters [O, C, ...]."""

    type = "Convolution"
    factory = "convolution"
    signature = "data, filters, strides, pads_begin, pads_end, dilations, auto_pad='EXPLICIT'"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, filters = inputs[0].shape, inputs[1].shape
        element_type = self._result_type(inputs)
        count = self._spatial_count(data, filters)
        if count is None:
            return [TensorType(element_type, PartialShape.dynamic())]
        channels = self._output_channels(data, filters)
        kernel = _kernel_dims(filters, count)
        strides, dilations, begin, end = self.sliding(count)
        spatial = [
            window_count(size, k.get_length(), strides[i], dilations[i], begin[i], end[i], self.auto_pad)
            if k.is_static else Dimension()
            for i, (size, k) in enumerate(zip(spatial_dims(data, count) or [], kernel, strict=True))
        ]  # fmt: skip
        batch = data[0] if data.has_rank else Dimension()
        return [TensorType(element_type, PartialShape([batch, channels, *spatial]))]

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        data, filters = shapes
        count = len(data) - 2
        if not 1 <= count <= 3 or len(filters) != count + (3 if self.grouped else 2):
            return None
        groups, outputs, channels = filters[:3] if self.grouped else (1, *filters[:2])
        kernel, (strides, dilations, begin, end) = filters[-count:], self.sliding(count)
        if self.auto_pad != "explicit":
            begin, end = self.pads(data[2:], kernel)
        if data[1] != groups * channels:
            return None
        found = [data[0], groups * outputs]
        for i in range(count):
            room = data[2 + i] + begin[i] + end[i] - dilations[i] * (kernel[i] - 1) - 1
            if room < 0:
                return None
            found.append(room // strides[i] + 1)
        return tuple(found)

    def _result_type(self, inputs: Sequence[Argument]) -> Type:
        return merged_type(inputs[:2], "data and filters")

    def _output_channels(self, data: PartialShape, filters: PartialShape) -> Dimension:
        if not filters.has_rank:
            return Dimension()
        if data.has_rank and not data[1].compatible(filters[1]):
            raise ModelError(f"data has {data[1]} channels, filters are for {filters[1]}")
        return filters[0]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [self.correlate(inputs[0], inputs[1][np.newaxis])]

    def correlate(self, data: Array, filters: Array) -> Array:
        """data [N, G * I, ...] with filters [G, O, I, ...] to [N, G * O, ...]."""
        groups, outputs, channels, *kernel_sizes = filters.shape
        kernel = tuple(kernel_sizes)
        begin, end = self.pads(data.shape[2:], kernel)
        strides, dilations, _, _ = self.sliding(len(kernel))
        data = padded(data, begin, end)
        counts = [
            (size - span(k, dilation)) // stride + 1
            for size, k, stride, dilation in zip(data.shape[2:], kernel, strides, dilations, strict=True)
        ]
        places = math.prod(counts)
        total = np.zeros((data.shape[0], groups, outputs, places), data.dtype)
        for index, view in taps(data, kernel, strides, dilations, counts):
            columns = view.reshape(data.shape[0], groups, channels, places)
            total += product(_tap(filters, index), columns)
        return total.reshape(data.shape[0], groups * outputs, *counts)


def product(weights: Array, columns: Array) -> Array:
    """weights [G, O, I] times columns [N, G, I, P], group by group, to [N, G, O, P]."""
    found: Array = np.multiply(weights, columns) if weights.shape[2] == 1 else np.matmul(weights, columns)
    return found


def _tap(filters: Array, index: Ints) -> Array:
    """The elements of filters [G, O, I, ...] at one place of the window."""
    place: tuple[Any, ...] = (..., *index)
    return np.asarray(filters[place])


def _kernel_dims(filters: PartialShape, count: int) -> list[Dimension]:
    return list(filters)[-count:] if filters.has_rank else [Dimension()] * count


class GroupConvolution(Convolution):
    """Convolution in G groups of channels: data [N, G * I, ...] with filters [G, O, I, ...]."""

    type = "GroupConvolution"
    factory = "group_convolution"
    grouped: ClassVar[bool] = True

    def _output_channels(self, data: PartialShape, filters: PartialShape) -> Dimension:
        if not filters.has_rank:
            return Dimension()
        if data.has_rank and not data[1].compatible(filters[0] * filters[2]):
            raise ModelError(f"data has {data[1]} channels, filters are for {filters[0]} groups of {filters[2]}")
        return filters[0] * filters[1]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [self.correlate(*inputs)]


def _require_room(sizes: Sequence[int]) -> None:
    require(min(sizes) >= 0, f"the pads are longer than what they are cut off from: the output has sizes {list(sizes)}")


@dataclass(frozen=True)
class ConvolutionBackpropData(Windowed):
    """Transposed convolution: data [N, C, ...] with filters [C, O, ...].

    output_shape: i64 tensor of the spatial sizes of the output; auto_pad "same_*" then chooses pads that
    give it, the odd element in front for "same_upper".
    Without it the size is stride * (size - 1) + window - pads + output_padding.
    """

    output_padding: Ints = ()

    type = "ConvolutionBackpropData"
    factory = "convolution_backprop_data"
    value_inputs: ClassVar[tuple[int, ...]] = (2,)
    signature = (
        "data, filters, strides, output_shape=None, pads_begin=None, pads_end=None, dilations=None, auto_pad=None, "
        "output_padding=None"
    )
    inputs: ClassVar[tuple[str, ...]] = ("data", "filters", "output_shape")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, filters = inputs[0].shape, inputs[1].shape
        element_type = merged_type(inputs[:2], "data and filters")
        count = self._spatial_count(data, filters)
        if count is None and len(inputs) > 2 and inputs[2].shape.has_rank and inputs[2].shape[0].is_static:
            count = inputs[2].shape[0].get_length()
        if count is None:
            return [TensorType(element_type, PartialShape.dynamic())]
        batch = data[0] if data.has_rank else Dimension()
        channels = self._output_channels(data, filters)
        spatial = self._given_sizes(inputs[2], count) if len(inputs) > 2 else self._computed_sizes(data, filters, count)
        return [TensorType(element_type, PartialShape([batch, channels, *spatial]))]

    def _output_channels(self, data: PartialShape, filters: PartialShape) -> Dimension:
        if not filters.has_rank:
            return Dimension()
        channels = filters[0] * filters[1] if self.grouped else filters[0]
        if data.has_rank and not data[1].compatible(channels):
            raise ModelError(f"data has {data[1]} channels, filters are for {channels}")
        return filters[0] * filters[2] if self.grouped else filters[1]

    def _given_sizes(self, sizes: Argument, count: int) -> list[Dimension]:
        if sizes.partial is None:
            return [Dimension()] * count
        found = sizes.partial.dimensions()
        if len(found) != count:
            raise ModelError(f"output_shape has {len(found)} sizes for {count} spatial dimensions")
        return found

    def _computed_sizes(self, data: PartialShape, filters: PartialShape, count: int) -> list[Dimension]:
        strides, dilations, begin, end = self.sliding(count)
        extra = filled(self.output_padding, 0, count, "output_padding")
        if self.auto_pad != "explicit":
            begin = end = (0,) * count
        sizes = []
        dims = zip(spatial_dims(data, count) or [], _kernel_dims(filters, count), strict=True)
        for i, (size, kernel) in enumerate(dims):
            if kernel.is_dynamic:
                sizes.append(Dimension())
                continue
            rest = span(kernel.get_length(), dilations[i]) + extra[i] - begin[i] - end[i] - strides[i]
            if size.is_static:
                _require_room([size.get_length() * strides[i] + rest])
            sizes.append(size * strides[i] + rest)
        return sizes

    def placement(self, sizes: Sequence[int], kernel: Ints, output_shape: Sequence[int] | None) -> tuple[Ints, Ints]:
        """(elements cut off in front, size of the output) for each spatial dimension.

        Element i of the data times element k of the filter adds to stride * i + dilation * k - front.
        """
        count = len(kernel)
        strides, dilations, begin, end = self.sliding(count)
        extra = filled(self.output_padding, 0, count, "output_padding")
        if self.auto_pad != "explicit" and output_shape is None:
            begin = end = (0,) * count
        full = [
            stride * (size - 1) + span(k, d)
            for stride, size, k, d in zip(strides, sizes, kernel, dilations, strict=True)
        ]
        if output_shape is None:
            found = tuple(f + extra[i] - begin[i] - end[i] for i, f in enumerate(full))
            _require_room(found)
            return begin, found
        wanted = tuple(output_shape)
        if self.auto_pad in ("same_upper", "same_lower"):
            totals = [max(0, f + extra[i] - wanted[i]) for i, f in enumerate(full)]
            begin = tuple(t // 2 if self.auto_pad == "same_lower" else t - t // 2 for t in totals)
        elif self.auto_pad == "valid":
            begin = (0,) * count
        return begin, wanted

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, filters, *output_shape = inputs
        sizes = [int(size) for size in output_shape[0]] if output_shape else None
        return [self.scatter(data, filters if self.grouped else filters[np.newaxis], sizes)]

    def scatter(self, data: Array, filters: Array, output_shape: Sequence[int] | None = None) -> Array:
        """data [N, G * I, ...] with filters [G, I, O, ...] to [N, G * O, ...]."""
        groups, channels, outputs, *kernel_sizes = filters.shape
        kernel = tuple(kernel_sizes)
        strides, dilations, _, _ = self.sliding(len(kernel))
        batch, sizes = data.shape[0], data.shape[2:]
        front, wanted = self.placement(sizes, kernel, output_shape)
        full = [max(s * (n - 1) + span(k, d), 0) for s, n, k, d in zip(strides, sizes, kernel, dilations, strict=True)]
        total = np.zeros((batch, groups * outputs, *full), data.dtype)
        columns = data.reshape(batch, groups, channels, math.prod(sizes))
        for index, view in taps(total, kernel, strides, dilations, sizes):
            weights = _tap(filters, index).swapaxes(1, 2)
            view += product(weights, columns).reshape(view.shape)
        back = [size - f + begin for size, f, begin in zip(wanted, full, front, strict=True)]
        return padded(total, [-f for f in front], back)

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        zeros = (0,) * len(given["strides"])
        defaults = {"pads_begin": zeros, "pads_end": zeros, "dilations": (1,) * len(zeros), "output_padding": zeros}
        missing = {name: value for name, value in defaults.items() if given[name] is None}
        return {**given, **missing, "auto_pad": given["auto_pad"] or "explicit"}


class GroupConvolutionBackpropData(ConvolutionBackpropData):
    """Transposed convolution in G groups of channels: data [N, G * I, ...] with filters [G, I, O, ...]."""

    type = "GroupConvolutionBackpropData"
    factory = "group_convolution_backprop_data"
    signature = (
        "data, filters, strides, output_shape=None, pads_begin=None, pads_end=None, dilations=None, "
        "auto_pad='EXPLICIT', output_padding=None"
    )
    grouped: ClassVar[bool] = True

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        """With an output_shape the pads are left out, as OpenVINO's factory does."""
        return super().arguments(
            given if given["output_shape"] is None else {**given, "pads_begin": None, "pads_end": None}
        )
