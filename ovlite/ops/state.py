"""Variables: tensors that a model keeps from one inference to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any, ClassVar

import numpy as np

from ..errors import ModelError
from ..graph import Argument, Node, TensorType
from ..graph.elements import compute_dtype
from ..graph.operator import Array
from ..graph.variables import Variable
from ..records import dataclass
from ..types import PartialShape, Type
from .axes import require
from .declare import Declared, Text, binder


@dataclass(frozen=True)
class ReadValueV3(Declared):
    """The value of a variable: in the first inference the input, later what Assign has set."""

    variable_id: Text

    type = "ReadValue"
    opset = "opset3"
    factory = "read_value"
    since = 3
    until = 5
    stateful: ClassVar[bool] = True
    signature = "init_value, variable_id"
    inputs: ClassVar[tuple[str, ...]] = ("init_value",)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(inputs[0].element_type, inputs[0].shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return list(inputs)


@dataclass(frozen=True)
class ReadValue(ReadValueV3):
    """The value of a variable: in the first inference the input, later what Assign has set.

    Without input, the first value is zeros of the variable's shape. variable_type, variable_shape: bounds
    of the variable; dynamic ones leave it to the input.
    """

    variable_type: Type = Type.dynamic
    variable_shape: PartialShape = field(default_factory=PartialShape.dynamic, hash=False)

    type = "ReadValue"
    opset = "opset6"
    factory = "read_value"
    since = 6
    until = 16
    signature = "init_value=None, variable_id=None, variable_type=None, variable_shape=None, ov_variable=None"

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Also read_value(id, type, shape), read_value(variable), read_value(init_value, variable), whose variable is
        given as ov_variable too."""
        first, second = given["init_value"], given["ov_variable"] or given["variable_id"]
        variable = first if isinstance(first, Variable) else second
        if isinstance(first, str):
            given = {**given, "variable_id": first, "variable_type": second, "variable_shape": given["variable_type"]}
        elif isinstance(variable, Variable):
            info = variable.info
            given = {**given, "variable_id": info.variable_id}
            given |= {"variable_type": info.data_type, "variable_shape": info.data_shape}
        if isinstance(first, (str, Variable)):
            given["init_value"] = None
        if given["variable_shape"] is not None:
            given["variable_shape"] = PartialShape(given["variable_shape"])
        return given

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        if not inputs:
            return [TensorType(self.variable_type, self.variable_shape)]
        (initial,) = inputs
        found = self.variable_type.merge(initial.element_type)
        if found is None or not self.variable_shape.compatible(initial.shape):
            wanted = TensorType(self.variable_type, self.variable_shape)
            raise ModelError(f"variable {self.variable_id!r} is {wanted}; {initial} can't be its first value")
        bounded = self.variable_shape.has_rank
        return [TensorType(found, self.variable_shape if bounded else initial.shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        if inputs:
            return list(inputs)
        require(
            self.variable_type.is_static() and self.variable_shape.has_rank,
            f"variable {self.variable_id!r} has no value",
        )
        shape = [dim.min_length for dim in self.variable_shape]
        return [np.zeros(shape, compute_dtype(self.variable_type))]


@dataclass(frozen=True)
class Assign(Declared):
    """Sets a variable to its input, from the next inference on, and passes the input on."""

    variable_id: Text

    type = "Assign"
    opset = "opset6"
    factory = "assign"
    since = 6
    stateful: ClassVar[bool] = True
    signature = "new_value, variable_id"
    inputs: ClassVar[tuple[str, ...]] = ("new_value",)

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Also assign(new_value, variable)."""
        variable = given["variable_id"]
        return {**given, "variable_id": variable.info.variable_id} if isinstance(variable, Variable) else given

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(argument.element_type, argument.shape) for argument in inputs]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        require(len(inputs) == 1, "there is no value to assign; give the node one with set_arguments()")
        return list(inputs)


class AssignV3(Assign):
    """As the newer version."""

    type = "Assign"
    opset = "opset3"
    factory = "assign"
    since = 3
    until = 5


class _Stateful(Node):
    """A node that reads or sets a variable."""

    def get_variable_id(self) -> str:
        return str(self.op.attributes()["variable_id"])


class read_value(_Stateful):
    """A ReadValue: read_value(new_value, variable), read_value(variable), or read_value(), to be filled later."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args or kwargs:
            super().__init__(*_reading(*args, **_renamed(kwargs, new_value="init_value", variable="variable_id")))
        else:
            super().__init__(ReadValue(Text("")), [])


class assign(_Stateful):
    """An Assign: assign(new_value, variable), assign(new_value, variable_id), or assign(), to be filled later."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args or kwargs:
            super().__init__(*_setting(*args, **_renamed(kwargs, variable="variable_id")))
        else:
            super().__init__(Assign(Text("")), [])


def _renamed(keywords: dict[str, Any], **names: str) -> dict[str, Any]:
    """The keywords under the names that the factories have for them."""
    return {names.get(name, name): value for name, value in keywords.items()}


_reading, _setting = binder(ReadValue), binder(Assign)
ReadValueV3.node_class, Assign.node_class = read_value, assign
