"""The nodes at which a graph begins and ends: parameters and results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..records import dataclass
from ..types import Dimension, Layout, PartialShape, Type
from .node import Node
from .operator import Argument, Operator, TensorType
from .ports import Output

_SPELLED = {"f32": "float", "f64": "double", "dynamic": "dynamic"}


def _spelled(element_type: Type) -> str:
    """The type as it is spelled in C++."""
    name = element_type.get_type_name()
    return _SPELLED.get(name) or repr(element_type).split("'")[1]


@dataclass(frozen=True)
class ParameterOp(Operator):
    """A tensor that each inference is given."""

    type = "Parameter"


def check_layout(layout: Layout, shape: PartialShape) -> None:
    """RuntimeError when a layout names another number of dimensions than the shape has."""
    names = str(layout).strip("[]").split(",")
    if not shape.has_rank or layout.empty:
        return
    open_ended = "..." in names
    named = len(names) - open_ended if layout != Layout.scalar() else 0
    if len(shape) < named or (len(shape) != named and not open_ended):
        raise RuntimeError(f"the layout {layout} does not fit the shape {shape}")


class _Port(Node):
    """A node at the border of a model, whose tensor's layout can be told."""

    _layout = Layout()

    @property
    def layout(self) -> Layout:
        return self._layout

    @layout.setter
    def layout(self, layout: Layout) -> None:
        if not isinstance(layout, Layout):
            raise TypeError(f"expected layout to be a Layout, got {type(layout).__name__}")
        check_layout(layout, self._outputs[0].partial_shape)
        self._layout = layout

    def get_layout(self) -> Layout:
        return self._layout

    def set_layout(self, layout: Layout) -> None:
        self.layout = layout

    def _copy_names(self, twin: Node) -> None:
        super()._copy_names(twin)
        if isinstance(twin, _Port):
            twin._layout = self._layout


class Parameter(_Port):
    """An input of a model."""

    def __init__(self, element_type: Type, shape: PartialShape, name: str | None = None) -> None:
        if not isinstance(element_type, Type):
            raise TypeError(f"expected an element type to be a Type, got {element_type!r}")
        self._element_type = element_type
        self._shape = PartialShape(shape)
        super().__init__(ParameterOp(), [], name)

    def _infer(self, arguments: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(self._element_type, self._shape)]

    def copy(self, sources: Sequence[Output]) -> Parameter:
        twin = Parameter(self._element_type, self._shape, self._friendly_name)
        self._copy_names(twin)
        return twin

    @property
    def partial_shape(self) -> PartialShape:
        return PartialShape(self._shape)

    @partial_shape.setter
    def partial_shape(self, shape: PartialShape) -> None:
        if not isinstance(shape, PartialShape):
            raise TypeError(f"expected partial_shape to be a PartialShape, got {type(shape).__name__}")
        self._shape = PartialShape(shape)

    @property
    def element_type(self) -> Type:
        return self._element_type

    @element_type.setter
    def element_type(self, element_type: Type) -> None:
        if not isinstance(element_type, Type):
            raise TypeError(f"expected element_type to be a Type, got {type(element_type).__name__}")
        self._element_type = element_type

    def get_partial_shape(self) -> PartialShape:
        return self.partial_shape

    def get_element_type(self) -> Type:
        return self.element_type

    def set_attribute(self, name: str, value: Any) -> None:
        """shape or element_type; takes effect on the output with the next validate_and_infer_types()."""
        if name == "shape":
            self.partial_shape = PartialShape(value)
        elif name == "element_type":
            self.element_type = Type._named(value) if isinstance(value, str) else value
        else:
            raise RuntimeError(f"expected shape or element_type, which are a Parameter's attributes, got {name!r}")

    def set_partial_shape(self, partial_shape: PartialShape) -> None:
        """Takes effect on the output with the next validate_and_infer_types()."""
        self.partial_shape = partial_shape

    def set_element_type(self, element_type: Type) -> None:
        """Takes effect on the output with the next validate_and_infer_types()."""
        self.element_type = element_type

    def get_attributes(self) -> dict[str, Any]:
        """The lengths that are not fixed are -1; of a shape whose rank is not, none are told."""
        lengths: Iterable[Dimension] = () if self._shape.rank.is_dynamic else self._shape
        shape = [-1 if length.is_dynamic else length.get_length() for length in lengths]
        return {"shape": shape, "element_type": self._element_type.get_type_name()}

    def __repr__(self) -> str:
        output = self._outputs[0]
        return f"<Parameter: '{self.friendly_name}' ({output.partial_shape}, {_spelled(output.element_type)})>"


@dataclass(frozen=True)
class ResultOp(Operator):
    """A tensor that each inference returns."""

    type = "Result"


class Result(_Port):
    """An output of a model."""

    def __init__(self, source: Output, name: str | None = None) -> None:
        if not isinstance(source, Output):
            raise TypeError(f"expected an Output to make a Result from, got {type(source).__name__}")
        super().__init__(ResultOp(), [source], name)

    def _infer(self, arguments: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(arguments[0].element_type, arguments[0].shape)]

    def copy(self, sources: Sequence[Output]) -> Result:
        twin = Result(sources[0], self._friendly_name)
        self._copy_names(twin)
        return twin
