"""Attributes of ONNX nodes for translations that programs add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import ModelError
from ...graph import Node, Output
from ...ops import NEWEST_OPSET
from ...records import fields
from ..ir.attributes import operator_class, read_operator, to_text
from .call import Call
from .messages import TensorProto
from .reading import value_of
from .tensors import constant
from .wire import Message


def attribute_value(call: Call, name: str) -> Any:
    """An attribute as numbers, str, a list of them or an array. ModelError for a graph."""
    found = value_of(call.attribute(name))
    if isinstance(found, TensorProto):
        return constant(found, call.scope.library.external).data
    if isinstance(found, Message):
        raise ModelError(f"attribute {name!r} is a graph, which a converter can't take")
    return found


def operation_of(
    name: str, context: Any, inputs: Sequence[Output], names: Mapping[str, str], values: Mapping[str, Any]
) -> Node:
    """A node of an operation, with the attributes that the ONNX node has under the same names, or those in `names`."""
    opset, _, kind = name.rpartition("::")
    operator = operator_class(kind, opset or f"opset{NEWEST_OPSET}")
    if operator is None:
        raise ModelError(f"there is no operation {name!r}; an OpExtension names one of an opset, such as 'Floor'")
    texts = {}
    for field in fields(operator):
        given = names.get(field.name, field.name)
        if field.name in values:
            texts[field.name] = to_text(_native(values[field.name]))
        elif context.has_attribute(given):
            texts[field.name] = to_text(_native(context.get_attribute(given)))
    return Node(read_operator(operator, texts), inputs)


def _native(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    return tuple(value) if isinstance(value, list) else value
