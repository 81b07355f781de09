"""Nodes by the name of their type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ModelError
from ..frontend.ir.attributes import operator_class, read_operator, to_text
from ..graph import Node, Output


class NodeFactory:
    """Makes nodes of the operations of one opset."""

    def __init__(self, opset_version: str = "opset13") -> None:
        self.opset_version = opset_version

    def create(
        self,
        op_type_name: str,
        arguments: Sequence[Node | Output] | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> Node:
        """A node of an operation, such as "Add", which reads all outputs of the arguments that are nodes.

        attributes: by the names that an IR has for them; those with a default may be left out.
        ModelError for an operation that the opset hasn't, and for attributes that don't fit.
        """
        operator = operator_class(op_type_name, self.opset_version)
        if operator is None:
            raise ModelError(f"{self.opset_version} has no operation {op_type_name}, or ovlite hasn't it")
        texts = {name: to_text(_native(value)) for name, value in (attributes or {}).items()}
        sources: list[Output] = []
        for argument in arguments or ():
            sources += argument.outputs() if isinstance(argument, Node) else [argument]
        return Node(read_operator(operator, texts), sources)


def _native(value: Any) -> Any:
    """A value without numpy's types and lists."""
    if isinstance(value, (np.dtype, type)):
        return np.dtype(value).name
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    return tuple(value) if isinstance(value, list) else value
