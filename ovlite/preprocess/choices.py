"""Enums of the preprocessing steps."""

from __future__ import annotations

from enum import Enum


class _Choice(Enum):
    def __int__(self) -> int:
        return int(self.value)

    __index__ = __int__


class ColorFormat(_Choice):
    """The order of the channels of an image, or how its planes lie."""

    UNDEFINED = 0
    NV12_SINGLE_PLANE = 1
    NV12_TWO_PLANES = 2
    I420_SINGLE_PLANE = 3
    I420_THREE_PLANES = 4
    RGB = 5
    BGR = 6
    GRAY = 7
    RGBX = 8
    BGRX = 9


class ResizeAlgorithm(_Choice):
    """How pixels between pixels are found; the PILLOW ones are those of Pillow, which smooths when it shrinks."""

    RESIZE_LINEAR = 0
    RESIZE_CUBIC = 1
    RESIZE_NEAREST = 2
    RESIZE_BILINEAR_PILLOW = 3
    RESIZE_BICUBIC_PILLOW = 4


class PaddingMode(_Choice):
    """Padding around a tensor: a value, the nearest element, or the tensor mirrored without or with its edge."""

    CONSTANT = 0
    EDGE = 1
    REFLECT = 2
    SYMMETRIC = 3


# Channels of the formats that have their colours interleaved.
CHANNELS = {ColorFormat.RGB: 3, ColorFormat.BGR: 3, ColorFormat.GRAY: 1, ColorFormat.RGBX: 4, ColorFormat.BGRX: 4}
