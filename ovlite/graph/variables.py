"""Variables: tensors that a model keeps from one inference to the next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field

from ..records import dataclass
from ..types import PartialShape, Type
from .node import Node


@dataclass
class VariableInfo:
    """A variable's name, and its element type and shape as far as they are fixed."""

    data_shape: PartialShape = field(default_factory=PartialShape.dynamic)
    data_type: Type = Type.dynamic
    variable_id: str = ""


class Variable:
    """A variable of a model."""

    def __init__(self, info: VariableInfo) -> None:
        self.info = info

    def get_info(self) -> VariableInfo:
        return self.info

    def update(self, info: VariableInfo) -> None:
        self.info = info


def variables_of(nodes: Iterable[Node]) -> list[Variable]:
    """The variables that nodes read or assign, with what those who read them say of their type."""
    found: dict[str, Variable] = {}
    for node in nodes:
        attributes = node.op.attributes()
        name = attributes.get("variable_id")
        if isinstance(name, str):
            output = node.output(0)
            shape = attributes.get("variable_shape", output.partial_shape)
            element_type = attributes.get("variable_type", output.element_type)
            known = found.setdefault(name, Variable(VariableInfo(PartialShape(shape), element_type, name)))
            if "variable_shape" in attributes:
                known.update(VariableInfo(PartialShape(shape), element_type, name))
    return list(found.values())
