"""What a command line says of the inputs of a model: shapes, layouts, batch, scale and mean.

A parameter is written "name[value],name[value]", or "[value]" for all inputs; shapes of data may be several to an
input, "name[value][value]". Names are those of tensors or of nodes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ....errors import UserInputError, warn
from ....types import Dimension, Layout, PartialShape, Shape

_COLORS = 4  # the most channels that an image is taken to have
_GUESSES = {4: (("NCHW", 1, 3), ("NHWC", 3, 1)), 3: (("CHW", 0, 2), ("HWC", 2, 0))}
_IMAGES = ("[N,C,H,W]", "[N,H,W,C]", "[C,H,W]", "[H,W,C]")


class AppInputInfo:
    """One input: its names, element type, layout, shape, shapes of data where that is dynamic, scale and mean."""

    def __init__(self) -> None:
        self.element_type: Any = None
        self.layout = Layout()
        self.partial_shape: PartialShape = PartialShape.dynamic()
        self.data_shapes: list[Shape] = []
        self.scale: npt.NDArray[Any] = np.empty([0])
        self.mean: npt.NDArray[Any] = np.empty([0])
        self.name: str = ""
        self.node_name: str = ""

    @property
    def is_image(self) -> bool:
        return str(self.layout) in _IMAGES and self.channels == Dimension(3)

    @property
    def is_image_info(self) -> bool:
        """Whether it is a table of sizes of images: [N,C] of two columns or more."""
        low = self.channels.get_length() if self.channels.is_static else 2
        return str(self.layout) == "[N,C]" and low >= 2

    def getDimensionByLayout(self, character: str) -> Dimension:
        """The dimension that the layout calls so; 0 where it has none."""
        if not self.layout.has_name(character):
            return Dimension(0)
        return self.partial_shape[self.layout.get_index_by_name(character)]

    def getDimensionsByLayout(self, character: str) -> list[int]:
        """The same of each shape of data."""
        if not self.layout.has_name(character):
            return [0] * len(self.data_shapes)
        place = self.layout.get_index_by_name(character)
        return [shape[place] for shape in self.data_shapes]

    @property
    def shapes(self) -> list[Shape]:
        return [self.partial_shape.to_shape()] if self.is_static else self.data_shapes

    @property
    def width(self) -> int:
        return self.getDimensionByLayout("W").get_length()

    @property
    def widths(self) -> list[int]:
        return self.getDimensionsByLayout("W")

    @property
    def height(self) -> int:
        return self.getDimensionByLayout("H").get_length()

    @property
    def heights(self) -> list[int]:
        return self.getDimensionsByLayout("H")

    @property
    def channels(self) -> Dimension:
        return self.getDimensionByLayout("C")

    @property
    def is_static(self) -> bool:
        return self.partial_shape.is_static

    @property
    def is_dynamic(self) -> bool:
        return self.partial_shape.is_dynamic


def get_input_output_names(ports: Sequence[Any]) -> list[str]:
    """A tensor name of each port, or its node's name where it has none."""
    return [port.any_name if port.get_names() else port.node.get_friendly_name() for port in ports]


def parse_input_parameters(parameter_string: str | None, input_names: Sequence[str]) -> dict[str, str]:
    """The value of each input that is named, or of all. UserInputError for text of another form."""
    found: dict[str, str] = {}
    for name, value in _entries(parameter_string, r"([^\[\],]*)\[([^\]]*)\]"):
        if not name:
            return dict.fromkeys(input_names, value)
        found[name] = value
    return found


def get_data_shapes_map(data_shape_string: str | None, input_names: Sequence[str]) -> dict[str, list[PartialShape]]:
    """The shapes of data of each input that is named; without names they go by turns to all inputs."""
    found: dict[str, list[PartialShape]] = {}
    for name, text in _entries(data_shape_string, r"([^\[\],]*)((?:\[[^\]]*\])+)"):
        shapes = [PartialShape(f"[{value}]") for value in re.findall(r"\[([^\]]*)\]", text)]
        if name:
            found[name] = shapes
            continue
        count = len(input_names)
        if len(shapes) not in (0, 1) and len(shapes) % count:
            raise UserInputError(f"{len(shapes)} shapes of data can't be shared out among {count} inputs")
        return {
            name: [shapes[i % len(shapes)] for i in range(place, max(len(shapes), count), count)]
            for place, name in enumerate(input_names)
        }
    return found


def parse_scale_or_mean(parameter_string: str | None, input_info: Sequence[AppInputInfo]) -> dict[str, Any]:
    """The numbers of each input that is named, or of all images."""
    images = [info.name for info in input_info if info.is_image]
    texts = parse_input_parameters(parameter_string, images)
    return {name: np.array(text.split(",")).astype(float) for name, text in texts.items()}


def get_inputs_info(
    shape_string: str | None,
    data_shape_string: str | None,
    layout_string: str | None,
    batch_size: int,
    scale_string: str | None,
    mean_string: str | None,
    inputs: Sequence[Any],
) -> tuple[list[AppInputInfo], bool]:
    """(what is known of each input, whether the model has to be reshaped). batch_size: 0 leaves it as it is."""
    names = get_input_output_names(inputs)
    shapes, layouts = (parse_input_parameters(text, names) for text in (shape_string, layout_string))
    data = get_data_shapes_map(data_shape_string, names)
    found, reshape = [], False
    for port, name in zip(inputs, names, strict=True):
        info = AppInputInfo()
        info.name, info.node_name, info.element_type = name, port.node.get_friendly_name(), port.element_type
        given = _named(shapes, info)
        info.partial_shape = port.partial_shape if given is None else PartialShape(f"[{given}]")
        layout = _named(layouts, info)
        info.layout = Layout(layout) if layout is not None else _layout(port, info.partial_shape)
        reshape |= given is not None or _take_batch(info, batch_size)
        _take_data(info, _named(data, info))
        found.append(info)
    if batch_size and not any(info.layout.has_name("N") for info in found):
        raise RuntimeError("no input's layout has a batch N; say the layouts, such as 'x[NCHW]'")
    for attribute, text in (("scale", scale_string), ("mean", mean_string)):
        numbers = parse_scale_or_mean(text, found)
        for info in found:
            value = _named(numbers, info)
            if value is not None:
                setattr(info, attribute, value)
    return found, reshape


def get_network_batch_size(inputs_info: Sequence[AppInputInfo]) -> Dimension:
    """The batch that all inputs with one have; 1 where none has. RuntimeError when two differ."""
    batches = [info.getDimensionByLayout("N") for info in inputs_info if info.layout.has_name("N")]
    if any(batch != batches[0] for batch in batches):
        raise RuntimeError(f"the inputs have different batches: {', '.join(map(str, batches))}")
    return batches[0] if batches else Dimension(1)


def check_for_static(app_input_info: Sequence[AppInputInfo]) -> bool:
    return all(info.is_static for info in app_input_info)


def _entries(text: str | None, pattern: str) -> list[tuple[str, str]]:
    """(name, what is in brackets) of each entry of a parameter."""
    if not text:
        return []
    if not re.fullmatch(rf"{pattern}(,{pattern})*,?", text):
        raise UserInputError(f"{text!r} is not written as 'name[value],name[value]' or '[value]'")
    return [(name.strip(), value) for name, value in re.findall(pattern, text)]


def _named(values: dict[str, Any], info: AppInputInfo) -> Any:
    """What is said of an input, by its tensor's name or its node's; None when nothing is."""
    return values.get(info.name, values.get(info.node_name))


def _layout(port: Any, shape: PartialShape) -> Layout:
    """The layout that is set, or that of an image where the lengths look like one."""
    layout: Layout = port.node.layout
    if layout != Layout() or not shape.has_rank:
        return layout
    for name, colors, other in _GUESSES.get(len(shape), ()):
        few, many = shape[colors].get_max_length(), shape[other].get_max_length()
        if 0 <= few <= _COLORS < many:
            return Layout(name)
    return layout


def _take_batch(info: AppInputInfo, batch_size: int) -> bool:
    """Gives an input the batch; whether that changed its shape."""
    if not batch_size or not info.partial_shape.has_rank or not len(info.partial_shape):
        return False
    first = info.partial_shape[0]
    if info.layout == Layout() and (first.is_dynamic or first.get_length() in (0, 1)):
        warn("input %r has no layout; its first dimension is taken for the batch", info.name)
        info.layout = Layout("N...")
    if not info.layout.has_name("N"):
        return False
    place = info.layout.get_index_by_name("N")
    changed = info.partial_shape[place] != Dimension(batch_size)
    info.partial_shape[place] = batch_size
    return changed


def _take_data(info: AppInputInfo, shapes: Sequence[PartialShape] | None) -> None:
    """Gives a dynamic input its shapes of data. UserInputError for one that is dynamic, or does not fit."""
    if shapes is None:
        return
    if info.is_static:
        warn("input %r has a static shape; shapes of data for it are not used", info.name)
        return
    for shape in shapes:
        if shape.is_dynamic or not info.partial_shape.compatible(shape):
            raise UserInputError(f"data of shape {shape} are not static, or not for {info.name!r} {info.partial_shape}")
        info.data_shapes.append(shape.to_shape())
