"""Images with subsampled colours, NV12 and I420, to RGB and BGR.

A brightness Y belongs to each pixel, and colours U and V to each 2 x 2 pixels. With Y from 16 to 235, and U
and V from 16 to 240 (ITU-R BT.601):

    r = 1.164 (Y - 16) + 1.596 (V - 128)
    g = 1.164 (Y - 16) - 0.391 (U - 128) - 0.813 (V - 128)
    b = 1.164 (Y - 16) + 2.018 (U - 128)

cut to 0 ... 255, for u8 rounded to the nearest. Planes lie one behind the other in [N, H * 3 / 2, W, 1], or apart:
NV12 as Y [N, H, W, 1] and UV [N, H / 2, W / 2, 2], I420 as Y [N, H, W, 1], U and V [N, H / 2, W / 2, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..errors import ModelError, UserInputError
from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape, Type
from .axes import merged_type, require
from .declare import Declared


@dataclass(frozen=True)
class Color(Declared):
    """A conversion of one or several planes to pixels [N, H, W, 3]."""

    opset: ClassVar[str] = "opset8"
    since: ClassVar[int] = 8
    channels: ClassVar[tuple[int, ...]]  # of each plane, when they lie apart
    blue_first: ClassVar[bool]

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        element_type = merged_type(inputs, "planes")
        require(element_type is Type.u8 or element_type.real or element_type.is_dynamic(), "planes are u8 or real")
        require(len(inputs) in (1, len(self.channels)), f"there is one plane, or {len(self.channels)}")
        planes = [_plane(argument.shape, 1 if len(inputs) == 1 else count)
                  for argument, count in zip(inputs, self.channels, strict=False)]  # fmt: skip
        batch, height, width, _ = planes[0]
        if len(inputs) == 1:
            require(height.is_dynamic or height.min_length % 3 == 0, f"the height of all planes, {height}, is 3 n")
            height = Dimension(height.min_length // 3 * 2) if height.is_static else Dimension()
        for dim, name in ((height, "height"), (width, "width")):
            require(dim.is_dynamic or dim.min_length % 2 == 0, f"the {name} of an image, {dim}, is even")
        for plane in planes[1:]:
            for whole, half, name in ((height, plane[1], "height"), (width, plane[2], "width")):
                fits = whole.is_dynamic or half.is_dynamic or whole.min_length == 2 * half.min_length
                require(fits, f"the {name} of a plane of colours, {half}, is half of {whole}")
        return [TensorType(element_type, PartialShape([batch, height, width, 3]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        planes = self.apart(inputs[0]) if len(inputs) == 1 else inputs
        y, u, v = self.brightness_and_colors([np.asarray(plane, np.float32) for plane in planes])
        y = np.float32(1.164) * (y - 16)
        u, v = (plane.repeat(2, 1).repeat(2, 2) - 128 for plane in (u, v))
        red = y + np.float32(1.596) * v
        green = y - np.float32(0.391) * u - np.float32(0.813) * v
        blue = y + np.float32(2.018) * u
        pixels = np.stack([blue, green, red] if self.blue_first else [red, green, blue], axis=3).clip(0, 255)
        dtype = inputs[0].dtype
        return [(pixels if dtype.kind == "f" else np.rint(pixels)).astype(dtype)]

    def apart(self, image: Array) -> list[Array]:
        """The planes of an image [N, H * 3 / 2, W, 1]."""
        batch, rows, width, _ = image.shape
        height = rows // 3 * 2
        colors = image[:, height:].reshape(batch, -1)
        shape = (batch, height // 2, width // 2)
        sizes = np.cumsum([height // 2 * (width // 2) * count for count in self.channels[1:-1]])
        parts = np.split(colors, sizes, axis=1)
        planes = [part.reshape(*shape, count) for part, count in zip(parts, self.channels[1:], strict=True)]
        return [image[:, :height], *planes]

    def brightness_and_colors(self, planes: Sequence[Array]) -> tuple[Array, Array, Array]:
        """Y [N, H, W], U and V [N, H / 2, W / 2]."""
        y, u, v = [plane[..., index] for plane in planes for index in range(plane.shape[3])]
        return y, u, v


def _plane(shape: PartialShape, channels: int) -> list[Dimension]:
    if not shape.has_rank:
        return [Dimension()] * 4
    if len(shape) != 4 or not shape[3].compatible(Dimension(channels)):
        raise ModelError(f"expected a plane to be [N, H, W, {channels}], got {shape}")
    return list(shape)


class NV12toRGB(Color):
    """An NV12 image in one or two planes to RGB."""

    type = "NV12toRGB"
    factory = "nv12_to_rgb"
    signature = "arg, arg_uv=None"
    inputs = ("arg", "arg_uv")
    channels = (1, 2)
    blue_first = False


class NV12toBGR(NV12toRGB):
    """An NV12 image in one or two planes to BGR."""

    type = "NV12toBGR"
    factory = "nv12_to_bgr"
    blue_first = True


class I420toRGB(Color):
    """An I420 image in one or three planes to RGB."""

    type = "I420toRGB"
    factory = "i420_to_rgb"
    signature = "arg, arg_u=None, arg_v=None"
    inputs = ("arg", "arg_u", "arg_v")
    channels = (1, 1, 1)
    blue_first = False

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        if (given["arg_u"] is None) is not (given["arg_v"] is None):
            raise UserInputError(f"{cls.type} takes one plane or three; arg_u and arg_v go together")
        return given


class I420toBGR(I420toRGB):
    """An I420 image in one or three planes to BGR."""

    type = "I420toBGR"
    factory = "i420_to_bgr"
    blue_first = True
