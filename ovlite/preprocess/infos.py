"""Descriptions of each input and output: the tensor on the user's side, the steps, and the model's side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from ..runtime.tensor import Tensor
from ..types import Dimension, Layout, PartialShape, Type
from .axes import as_layout, axis_of
from .choices import CHANNELS, ColorFormat
from .planes import PLANES
from .steps import PostProcessSteps, PreProcessSteps, checked


class _ModelInfo:
    """The model's side of a port."""

    def __init__(self) -> None:
        self.layout: Layout | None = None

    def set_layout(self, layout: Layout | str) -> Self:
        self.layout = as_layout(layout)
        return self


class InputModelInfo(_ModelInfo):
    """The model's side of an input."""


class OutputModelInfo(_ModelInfo):
    """The model's side of an output."""


class _TensorInfo:
    """The user's side of a port."""

    def __init__(self) -> None:
        self.element_type: Type | None = None
        self.layout: Layout | None = None

    def set_element_type(self, type: Type) -> Self:
        checked("type", type, Type)
        self.element_type = type
        return self

    def set_layout(self, layout: Layout | str) -> Self:
        self.layout = as_layout(layout)
        return self


class OutputTensorInfo(_TensorInfo):
    """The tensor that the user gets."""


class InputTensorInfo(_TensorInfo):
    """The tensor that the user gives."""

    def __init__(self) -> None:
        super().__init__()
        self.shape: PartialShape | None = None
        self.spatial: tuple[Dimension, Dimension] | None = None
        self.color = ColorFormat.UNDEFINED
        self.sub_names: list[str] = []

    def set_shape(self, shape: PartialShape | Sequence[int]) -> InputTensorInfo:
        if not isinstance(shape, PartialShape):
            if isinstance(shape, str) or not all(isinstance(length, (int, np.integer)) for length in shape):
                raise TypeError(f"expected a shape to be a PartialShape or a list of int, got {shape!r}")
            shape = PartialShape([int(length) for length in shape])
        self.shape, self.spatial = shape, None
        return self

    def set_spatial_dynamic_shape(self) -> InputTensorInfo:
        """Any height and width, of the model's shape otherwise; needs a layout with H and W."""
        self.spatial, self.shape = (Dimension(), Dimension()), None
        return self

    def set_spatial_static_shape(self, height: int, width: int) -> InputTensorInfo:
        """This height and width, of the model's shape otherwise; needs a layout with H and W."""
        if min(height, width) < 0:
            raise TypeError(f"a height and a width are not negative: {height}, {width}")
        self.spatial, self.shape = (Dimension(height), Dimension(width)), None
        return self

    def set_from(self, tensor: Tensor | np.ndarray[Any, Any]) -> InputTensorInfo:
        """The element type and the shape of a tensor."""
        if isinstance(tensor, np.ndarray):
            return self.set_shape(tensor.shape).set_element_type(Type(tensor.dtype))
        checked("tensor", tensor, Tensor)
        return self.set_shape(list(tensor.shape)).set_element_type(tensor.element_type)

    def set_color_format(self, format: ColorFormat, sub_names: Sequence[str] = ()) -> InputTensorInfo:
        """The format of an image; its layout is NHWC unless another is set.

        sub_names: what to call the tensors of a format of several planes, behind the name of the input and a /.
        """
        checked("format", format, ColorFormat)
        if sub_names and len(sub_names) != len(PLANES.get(format, (1,))):
            count = len(PLANES.get(format, (1,)))
            raise RuntimeError(f"{format.name} has {count} planes; there are {len(sub_names)} names for them")
        self.color, self.sub_names = format, list(sub_names)
        return self

    def set_memory_type(self, memory_type: str) -> InputTensorInfo:
        """For devices with memory of their own; the CPU has none."""
        checked("memory_type", memory_type, str)
        return self

    def shape_of(self, model_shape: list[Dimension], layout: Layout) -> PartialShape:
        """The tensor's shape, from what is set and the model's shape brought in the tensor's order of axes."""
        if self.shape is not None and self.shape.rank.is_dynamic:
            return self.shape
        dims = model_shape if self.shape is None else list(self.shape.dims)
        if self.spatial is not None:
            for name, length in zip("HW", self.spatial, strict=True):
                dims[axis_of(layout, name, len(dims))] = length
        if self.color in CHANNELS:
            dims[axis_of(layout, "C", len(dims))] = Dimension(CHANNELS[self.color])
        return PartialShape(dims)


class InputInfo:
    """An input of the model: the user's tensor, the steps, and what the model takes it for."""

    def __init__(self) -> None:
        self._tensor, self._steps, self._model = InputTensorInfo(), PreProcessSteps(), InputModelInfo()

    def tensor(self) -> InputTensorInfo:
        return self._tensor

    def preprocess(self) -> PreProcessSteps:
        return self._steps

    def model(self) -> InputModelInfo:
        return self._model


class OutputInfo:
    """An output of the model: what the model gives it as, the steps, and the user's tensor."""

    def __init__(self) -> None:
        self._tensor, self._steps, self._model = OutputTensorInfo(), PostProcessSteps(), OutputModelInfo()

    def tensor(self) -> OutputTensorInfo:
        return self._tensor

    def postprocess(self) -> PostProcessSteps:
        return self._steps

    def model(self) -> OutputModelInfo:
        return self._model
