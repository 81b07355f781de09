"""The steps that a user lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from ..graph import Node, Output
from ..types import Layout, Type
from .axes import as_layout, is_known, named, names_of
from .choices import ColorFormat, PaddingMode, ResizeAlgorithm
from .stream import Stream

Step = Callable[[Stream], Stream]


class _Steps:
    """Steps in the order in which they are called for. Each method adds one and gives these steps back."""

    def __init__(self) -> None:
        self._steps: list[tuple[str, Step]] = []
        self._orders: list[list[int]] = []  # of each convert_layout() by axes

    def _add(self, text: str, step: Step) -> Self:
        self._steps.append((text, step))
        return self

    def apply(self, stream: Stream) -> Stream:
        """The tensor behind all steps."""
        for _, step in self._steps:
            stream = step(stream)
        return stream

    def convert_element_type(self, type: Type = Type.dynamic) -> Self:
        """To a type; by default to that of the model, for an input, or of the tensor, for an output."""
        checked("type", type, Type)
        return self._add(f"convert type ({type.name})", lambda stream: stream.convert_type(type))

    def convert_layout(
        self, dst_layout: Layout | str | Sequence[int] | None = None, *, dims: Sequence[int] | None = None
    ) -> Self:
        """To a layout, or by axes: axis i of the result is axis dims[i] of the tensor."""
        order = dims if dst_layout is None else dst_layout
        if order is None:
            raise TypeError("convert_layout takes a layout or the order of the axes")
        if isinstance(order, (str, Layout)):
            layout = as_layout(order)
            return self._add(f"convert layout {layout}", lambda stream: stream.convert_layout(layout))
        axes = integers("dims", order)
        if sorted(axes) != list(range(len(axes))):
            raise RuntimeError(f"convert_layout({axes}) does not name each axis once")
        self._orders.append(axes)
        return self._add(f"convert layout {axes}", lambda stream: stream.transpose(axes))

    def custom(self, operation: Callable[[Output], Output]) -> Self:
        """A function that is given the tensor and returns another, made with the factories of an opset."""
        if not callable(operation):
            raise TypeError(f"expected operation to be a function of an Output, got {type(operation).__name__}")

        def step(stream: Stream) -> Stream:
            made = operation(stream.output)
            if not isinstance(made, Output):
                kind = RuntimeError if isinstance(made, Node) else TypeError
                raise kind(
                    f"expected a custom step to return an Output, got {type(made).__name__}; "
                    "utils.decorators.custom_preprocess_function makes it of a Node"
                )
            return Stream(made, stream.layout, stream.color, stream.target)

        return self._add("custom", step)

    def __str__(self) -> str:
        return ", ".join(text for text, _ in self._steps) or "none"


class PostProcessSteps(_Steps):
    """Steps behind an output of the model."""


class PreProcessSteps(_Steps):
    """Steps in front of an input of the model."""

    def unpermuted(self, shape: Sequence[Any]) -> list[Any]:
        """The shape of the tensor whose axes the steps bring in the order of `shape`."""
        dims = list(shape)
        for order in reversed(self._orders):
            if len(order) != len(dims):
                raise RuntimeError(f"convert_layout({order}) is not for a tensor of {len(dims)} axes")
            dims = [dims[order.index(axis)] for axis in range(len(dims))]
        return dims

    def unpermuted_layout(self, layout: Layout, rank: int) -> Layout:
        """The layout of that tensor."""
        return named(self.unpermuted(names_of(layout, rank))) if is_known(layout) and self._orders else layout

    def mean(
        self, value: float | Sequence[float] | None = None, *, values: Sequence[float] | None = None
    ) -> PreProcessSteps:
        """Subtracts a number, or one for each channel."""
        numbers = _numbers("mean", value if values is None else values)
        return self._add(f"mean {numbers}", lambda stream: stream.per_channel("mean", "subtract", numbers))

    def scale(
        self, value: float | Sequence[float] | None = None, *, values: Sequence[float] | None = None
    ) -> PreProcessSteps:
        """Divides by a number, or one for each channel."""
        numbers = _numbers("scale", value if values is None else values)
        return self._add(f"scale {numbers}", lambda stream: stream.per_channel("scale", "divide", numbers))

    def resize(
        self, alg: ResizeAlgorithm, dst_height: int | None = None, dst_width: int | None = None
    ) -> PreProcessSteps:
        """To a height and width, or to those of the model."""
        checked("alg", alg, ResizeAlgorithm)
        if (dst_height is None) != (dst_width is None):
            raise TypeError("resize takes both a height and a width, or neither")
        size = None if dst_height is None or dst_width is None else (int(dst_height), int(dst_width))
        return self._add(f"resize {alg.name} to {size or 'the model'}", lambda stream: stream.resize(alg, size))

    def convert_color(self, dst_format: ColorFormat) -> PreProcessSteps:
        """From the format of set_color_format() to another."""
        checked("dst_format", dst_format, ColorFormat)
        return self._add(f"convert color {dst_format.name}", lambda stream: stream.convert_color(dst_format))

    def reverse_channels(self) -> PreProcessSteps:
        return self._add("reverse channels", lambda stream: stream.reverse_channels())

    def crop(self, begin: Sequence[int], end: Sequence[int]) -> PreProcessSteps:
        """From `begin` up to `end` along the first axes; negative numbers count from an axis's end."""
        start, stop = integers("begin", begin), integers("end", end)
        if len(start) != len(stop):
            raise RuntimeError(f"begin {start} and end {stop} of crop() are not of one length")
        return self._add(f"crop {start} {stop}", lambda stream: stream.crop(start, stop))

    def pad(
        self, pads_begin: Sequence[int], pads_end: Sequence[int], value: float | Sequence[float], mode: PaddingMode
    ) -> PreProcessSteps:
        """Elements in front of and behind each axis; `value` is what they are in CONSTANT mode."""
        front, back = integers("pads_begin", pads_begin), integers("pads_end", pads_end)
        checked("mode", mode, PaddingMode)
        number = _numbers("pad", value)
        if not isinstance(number, float):
            raise RuntimeError(f"expected pad() to put one value around a tensor, got {number}")
        filling, kind = number, mode.name.lower()
        return self._add(f"pad {front} {back}", lambda stream: stream.pad(front, back, filling, kind))


def checked(name: str, value: Any, kind: type) -> None:
    """Raises TypeError unless `value` is of the class."""
    if not isinstance(value, kind):
        raise TypeError(f"expected {name} to be of the class {kind.__name__}, got {type(value).__name__}")


def integers(name: str, values: Any) -> list[int]:
    if isinstance(values, (str, bytes)) or not all(isinstance(value, (int, np.integer)) for value in values):
        raise TypeError(f"expected {name} to be a list of int, got {values!r}")
    return [int(value) for value in values]


def _numbers(name: str, value: Any) -> float | list[float]:
    """One number as it is, or several as a list."""
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        numbers = [float(number) for number in value] if np.ndim(value) else [float(value)]
        return numbers[0] if len(numbers) == 1 else numbers
    except (TypeError, ValueError):
        raise TypeError(f"expected {name} to take a number or a list of numbers, got {value!r}") from None
