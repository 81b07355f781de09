"""Nodes by the name of their type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ModelError, UserInputError
from ..frontend.ir.attributes import operator_class, read_operator, to_text
from ..graph import Argument, Node, Operator, Output, TensorType
from ..runtime.extension import as_operations


class NodeFactory:
    """Makes nodes of the operations of one opset, and of those that are added."""

    def __init__(self, opset_version: str = "opset13") -> None:
        self.opset_version = opset_version
        self._operations: dict[str, Any] = {}

    def create(
        self,
        op_type_name: str,
        arguments: Sequence[Node | Output] | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> Node:
        """A node of an operation, such as "Add", which reads all outputs of the arguments that are nodes.

        attributes: by the names that an IR has for them; those with a default may be left out. Without both the node
        is filled later, by set_arguments(), set_attribute() and validate_and_infer_types().
        ModelError for an operation that the opset hasn't, and for attributes that don't fit; UserInputError for
        attributes without arguments.
        """
        if arguments is None and attributes is not None:
            raise UserInputError(f"{op_type_name} can't be made without arguments; pass a list of nodes and outputs")
        texts = {name: to_text(_native(value)) for name, value in (attributes or {}).items()}
        sources = self._arguments_as_outputs(arguments or ())
        if op_type_name in self._operations:
            made: Node = self._operations[op_type_name](sources, texts)
            return made
        operator = operator_class(op_type_name, self.opset_version)
        if operator is None:
            raise ModelError(f"{self.opset_version} has no operation {op_type_name}, or ovlite hasn't it")
        return _Unfilled(operator) if arguments is None else Node(read_operator(operator, texts), sources)

    def add_extension(self, extension: Any) -> None:
        """Lets the factory make operations written in Python: a subclass of Op, an OpExtension of one, or a list.

        RuntimeError for libraries of operations.
        """
        self._operations.update(as_operations(extension))

    @staticmethod
    def _arguments_as_outputs(arguments: Sequence[Node | Output]) -> list[Output]:
        found: list[Output] = []
        for argument in arguments:
            found += argument.outputs() if isinstance(argument, Node) else [argument]
        return found


class _Unknown(Operator):
    """An operator whose attributes are not all given."""

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return []

    def attributes(self) -> dict[str, Any]:
        return {}


class _Unfilled(Node):
    """A node that is given inputs and attributes step by step; validate_and_infer_types() makes it what it is."""

    def __init__(self, operator: type[Operator]) -> None:
        self._operator = operator
        self._texts: dict[str, str] = {}
        known = {"type": operator.type, "opset": operator.opset}
        super().__init__(type(operator.__name__, (_Unknown,), known)(), [])

    def set_attribute(self, name: str, value: Any) -> None:
        self._texts[name] = to_text(_native(value))

    def validate_and_infer_types(self) -> None:
        """ModelError when an attribute is missing, or doesn't fit, or inputs don't."""
        self.op = read_operator(self._operator, self._texts)
        self.__class__ = Node if self.op.node_class is None else self.op.node_class
        self.infer()

    constructor_validate_and_infer_types = validate_and_infer_types


def _native(value: Any) -> Any:
    """A value without numpy's types and lists."""
    if isinstance(value, (np.dtype, type)):
        return np.dtype(value).name
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    return tuple(value) if isinstance(value, list) else value


def _get_node_factory(opset_version: str | None = None) -> NodeFactory:
    """A factory of an opset, or of the one that is taken by default."""
    return NodeFactory(opset_version) if opset_version else NodeFactory()
