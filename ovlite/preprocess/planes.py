"""Images whose planes are subsampled, NV12 and I420: their tensors, and the way to pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..graph import Node, Output, Parameter
from ..ops import NEWEST_OPSET, factories
from ..types import Dimension, Layout, PartialShape, Type
from .choices import ColorFormat

# The channels of each tensor of a format; one tensor holds all planes of an image, one below the other.
PLANES = {
    ColorFormat.NV12_SINGLE_PLANE: (1,),
    ColorFormat.NV12_TWO_PLANES: (1, 2),
    ColorFormat.I420_SINGLE_PLANE: (1,),
    ColorFormat.I420_THREE_PLANES: (1, 1, 1),
}


def plane_shapes(color: ColorFormat, dims: Sequence[Dimension]) -> list[PartialShape]:
    """The shapes of the tensors of an image [N, H, W, C]."""
    batch, height, width, _ = dims
    channels = PLANES[color]
    if len(channels) == 1:
        return [PartialShape([batch, _times(height, 3, 2), width, 1])]
    whole = PartialShape([batch, height, width, 1])
    halves = [PartialShape([batch, _times(height, 1, 2), _times(width, 1, 2), count]) for count in channels[1:]]
    return [whole, *halves]


def _times(length: Dimension, up: int, down: int) -> Dimension:
    if length.is_dynamic:
        return Dimension()
    if length.min_length % 2:
        raise RuntimeError(f"expected images with subsampled planes to have even heights and widths, got {length}")
    return Dimension(length.min_length * up // down)


def plane_parameters(
    old: Parameter, element_type: Type, color: ColorFormat, shapes: Sequence[PartialShape], sub_names: Sequence[str]
) -> list[Parameter]:
    """A parameter for each tensor: of several, each is called as the image with /sub_name behind, or not at all."""
    names = old.output(0).names
    if len(shapes) == 1:
        parameters = [Parameter(element_type, shapes[0], old.friendly_name)]
        parameters[0].output(0).set_names(names)
    else:
        called: list[str | None] = [f"{old.friendly_name}/{sub}" for sub in sub_names]
        called = called or [None] * len(shapes)
        parameters = [Parameter(element_type, shape, name) for shape, name in zip(shapes, called, strict=True)]
        for parameter, sub in zip(parameters, sub_names, strict=False):
            parameter.output(0).set_names({f"{name}/{sub}" for name in names})
    for parameter in parameters:
        parameter.info.update(old.info)
        parameter.layout = Layout("NHWC")
    return parameters


def to_pixels(planes: Sequence[Output], here: ColorFormat, there: ColorFormat) -> Node | Output:
    """The image in RGB, BGR or GRAY, which is the brightness alone."""
    if there is ColorFormat.GRAY:
        return planes[0] if len(planes) > 1 else _upper_part(planes[0])
    if there not in (ColorFormat.RGB, ColorFormat.BGR):
        raise RuntimeError(f"an image in the colour format {here.name} can be converted to RGB, BGR and GRAY")
    family = "nv12" if here.name.startswith("NV12") else "i420"
    return _make(f"{family}_to_{there.name.lower()}", *planes)


def _upper_part(image: Output) -> Node:
    """The upper two thirds of a tensor [N, H * 3 / 2, W, 1]."""
    return _make("concat", _make("split", image, 1, 3).outputs()[:2], 1)


def _make(name: str, *arguments: Any) -> Node:
    return factories(NEWEST_OPSET)[name](*arguments)
