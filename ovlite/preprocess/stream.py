"""A tensor on its way through the steps, and the nodes that the steps are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Node, Output
from ..imports import forks_wait
from ..ops import NEWEST_OPSET, factories
from ..records import dataclass, replace
from ..types import Layout, PartialShape, Type
from .axes import axis_of, is_known, missing_in_front, permutation, permuted
from .choices import ColorFormat, ResizeAlgorithm
from .planes import to_pixels

GRAY_OF_RGB = (0.299, 0.587, 0.114)  # ITU-R BT.601
_MODES = {
    ResizeAlgorithm.RESIZE_LINEAR: "linear",
    ResizeAlgorithm.RESIZE_CUBIC: "cubic",
    ResizeAlgorithm.RESIZE_NEAREST: "nearest",
    ResizeAlgorithm.RESIZE_BILINEAR_PILLOW: "bilinear_pillow",
    ResizeAlgorithm.RESIZE_BICUBIC_PILLOW: "bicubic_pillow",
}


def apply(name: str, *inputs: Any, **attributes: Any) -> Node:
    """The node that the factory `name` makes."""
    return factories(NEWEST_OPSET)[name](*inputs, **attributes)


@dataclass(frozen=True)
class Target:
    """The requested element type, layout and shape of the tensor, as far as they are asked for."""

    element_type: Type
    layout: Layout
    shape: PartialShape


@dataclass(frozen=True)
class Stream:
    """A tensor with what is known of it. Each method is a step, and gives the tensor behind it.

    planes: the tensors of an image that has its planes apart, or subsampled in one; `output` is the first.
    """

    output: Output
    layout: Layout
    color: ColorFormat
    target: Target
    planes: tuple[Output, ...] = ()

    @property
    def element_type(self) -> Type:
        return self.output.element_type

    @property
    def rank(self) -> int:
        return len(self.output.partial_shape.dims)

    def then(self, node: Node, **changes: Any) -> Stream:
        if self.planes:
            raise RuntimeError(f"{node.op.type} is not for images in {self.color.name}; put convert_color() before it")
        return replace(self, output=node.output(0), **changes)

    def axis(self, name: str) -> int:
        return axis_of(self.layout, name, self.rank)

    def convert_type(self, element_type: Type) -> Stream:
        """dynamic stands for the target's type."""
        wanted = self.target.element_type if element_type is Type.dynamic else element_type
        if wanted is Type.dynamic:
            raise RuntimeError("convert_element_type() has no type to convert to; pass it, or give the tensor one")
        if wanted is self.element_type:
            return self
        if self.planes:
            planes = tuple(apply("convert", plane, wanted.name).output(0) for plane in self.planes)
            return replace(self, output=planes[0], planes=planes)
        return self.then(apply("convert", self.output, wanted.name))

    def per_channel(self, kind: str, operator: str, values: float | Sequence[float]) -> Stream:
        """A real tensor with a number, or one for each channel."""
        if isinstance(values, (int, float)):
            shape, numbers = [1], [values]
        else:
            axis, numbers = self.axis("C"), list(values)
            channels = self.output.partial_shape.dims[axis]
            if channels.is_static and channels != len(numbers):
                raise RuntimeError(f"{kind} of {len(numbers)} values for {channels} channels of {self.output!r}")
            shape = [1] * self.rank
            shape[axis] = len(numbers)
        if not self.element_type.real:
            raise RuntimeError(
                f"expected {kind} to be for real numbers, got {self.element_type.name}; convert it first"
            )
        return self.then(apply(operator, self.output, self._constant(np.reshape(numbers, shape))))

    def _constant(self, values: Any) -> Node:
        """Numbers in the tensor's element type."""
        with forks_wait():
            from ..ops.model_ports import constant

        return constant(np.asarray(values, np.float64), self.element_type)

    def convert_layout(self, layout: Layout) -> Stream:
        """Axes the tensor lacks are put in front. A tensor of unknown layout is taken to have this one."""
        if not is_known(layout) or layout == self.layout:
            return self
        if not is_known(self.layout):
            return replace(self, layout=layout)
        stream = self
        new = missing_in_front(self.layout, layout)
        if new:
            names = ",".join([*new, str(self.layout).strip("[]")])
            stream = self.then(apply("unsqueeze", self.output, list(range(len(new)))), layout=Layout(f"[{names}]"))
        order = permutation(stream.layout, layout, stream.rank)
        return replace(stream.transpose(order), layout=layout)

    def transpose(self, order: Sequence[int]) -> Stream:
        if sorted(order) != list(range(self.rank)):
            raise RuntimeError(f"convert_layout({list(order)}) does not name each axis of {self.output!r} once")
        if list(order) == list(range(self.rank)):
            return self
        node = apply("transpose", self.output, np.array(order, np.int64))
        return self.then(node, layout=permuted(self.layout, order))

    def resize(self, algorithm: ResizeAlgorithm, size: tuple[int, int] | None) -> Stream:
        """size: (height, width); None takes those of the model."""
        axes = [self.axis("H"), self.axis("W")]
        if size is None:
            layout = self.target.layout if is_known(self.target.layout) else self.layout
            dims = self.target.shape.dims
            lengths = [dims[axis_of(layout, name, len(dims))] for name in "HW"]
            if any(length.is_dynamic for length in lengths):
                raise RuntimeError(f"the model's shape {self.target.shape} gives no size to resize to; pass one")
            size = (lengths[0].get_length(), lengths[1].get_length())
        order = np.argsort(axes)
        sizes, places = np.array(size, np.int64)[order], np.array(axes, np.int64)[order]
        cubic = -0.5 if algorithm is ResizeAlgorithm.RESIZE_BICUBIC_PILLOW else -0.75  # Pillow's, and the usual one
        node = apply("interpolate", self.output, sizes, _MODES[algorithm], "sizes", axes=places, cube_coeff=cubic)
        return self.then(node)

    def slice(self, start: Sequence[int], stop: Sequence[int], step: int, axes: Sequence[int]) -> Node:
        arrays = [np.array(values, np.int64) for values in (start, stop, [step] * len(axes), axes)]
        return apply("slice", self.output, *arrays)

    def crop(self, begin: Sequence[int], end: Sequence[int]) -> Stream:
        return self.then(self.slice(begin, end, 1, range(len(begin))))

    def pad(self, begin: Sequence[int], end: Sequence[int], value: float, mode: str) -> Stream:
        pads = [np.array(values, np.int64) for values in (begin, end)]
        return self.then(apply("pad", self.output, *pads, mode, self._constant(value)))

    def reverse_channels(self) -> Stream:
        return self.then(self.slice([-1], [-(2**31)], -1, [self.axis("C")]))

    def convert_color(self, color: ColorFormat) -> Stream:
        """Between RGB and BGR, from RGBX and BGRX to either, from RGB and BGR to GRAY, from NV12 and I420 to
        all three."""
        here, there = self.color.name, color.name
        if color is self.color:
            return self
        if self.planes:
            pixels = to_pixels(self.planes, self.color, color)
            output = pixels.output(0) if isinstance(pixels, Node) else pixels
            return replace(self, output=output, color=color, planes=())
        if here in ("RGB", "BGR") and color is ColorFormat.GRAY:
            return replace(self._gray(), color=color)
        if here not in ("RGB", "BGR", "RGBX", "BGRX") or there not in ("RGB", "BGR"):
            raise RuntimeError(
                f"an image in the colour format {here} is not convertible to {there}; "
                "RGB, BGR, RGBX and BGRX go to RGB and BGR, RGB and BGR to GRAY, NV12 and I420 to RGB, BGR and GRAY"
            )
        stream = self.then(self.slice([0], [-1], 1, [self.axis("C")])) if here.endswith("X") else self
        stream = stream if here[:3] == there else stream.reverse_channels()
        return replace(stream, color=color)

    def _gray(self) -> Stream:
        """The weighted sum of the channels, for integers rounded to the nearest."""
        real = self if self.element_type.real else self.convert_type(Type.f32)
        weights = GRAY_OF_RGB if self.color is ColorFormat.RGB else GRAY_OF_RGB[::-1]
        axis = np.array([self.axis("C")], np.int64)
        gray = real.per_channel("convert_color", "multiply", weights)
        gray = gray.then(apply("reduce_sum", gray.output, axis, True))
        if self.element_type.real:
            return gray
        return gray.then(apply("round", gray.output)).convert_type(self.element_type)
