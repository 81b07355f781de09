"""Checks that all of a node's attributes, inputs and outputs are read; others are refused by name.

An attribute that nobody reads may only have its default value. One that the operator does not have is
an error too, as it is for onnx.checker and onnxruntime.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ModelError
from ...graph import Output
from .call import Call
from .messages import FLOAT, AttributeProto, FunctionProto
from .scope import domain_of
from .wire import Message

if TYPE_CHECKING:
    from .schemas import Schema

SHOWN = 60  # characters of an attribute's value in an error


def check_read(call: Call) -> None:
    """Raises ModelError for attributes and inputs that a translation left unread."""
    left = call.unread_attributes()
    if left:
        _check_defaults(call, left)
    for place in call.unread_inputs():
        name = call.proto.input[place]
        raise ModelError(f"input {place}, {name!r}, is not supported in this form of the operator")


def _check_defaults(call: Call, left: Sequence[AttributeProto]) -> None:
    from .functions import schema_or_onnx

    schema = schema_or_onnx(domain_of(call.proto), call.op_type, call.version)
    if schema is not None:
        check_known(call, schema.attributes)
    for attribute in left:
        if schema is None or not is_default(attribute, schema):
            raise ModelError(f"attribute {shown(attribute)} is not supported in this form of the operator")


def is_default(attribute: AttributeProto, schema: Schema) -> bool:
    """Return whether an attribute has the value that its operator's schema says it has when it is left out."""
    default = schema.attributes[attribute.name]
    value = attribute.f if attribute.type == FLOAT else value_of(attribute)
    return default is not None and bool(value == (np.float32(default) if attribute.type == FLOAT else default))


def check_body(call: Call, function: FunctionProto, schema: Schema) -> None:
    """Raises ModelError for an attribute that the function body which ONNX gives for a call passes over."""
    from .functions import without_effect

    for attribute in without_effect(call, function):
        if not is_default(attribute, schema):
            raise ModelError(f"attribute {shown(attribute)} is not supported in this form of the operator")


def check_known(call: Call, known: Collection[str]) -> None:
    """Raises ModelError for an attribute that an operator, or a function, does not have."""
    for attribute in call.proto.attribute:
        if attribute.name not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise ModelError(
                f"attribute {shown(attribute)} is none of the operator's in version {call.version}, which are: {listed}"
            )


def check_outputs(call: Call, outputs: Sequence[Output | None]) -> None:
    """Raises ModelError for an output that the graph names and that has not been made."""
    for place, name in enumerate(call.outputs):
        if name and (place >= len(outputs) or outputs[place] is None):
            made = sum(output is not None for output in outputs)
            raise ModelError(
                f"output {place}, {name!r}, is not made by this form of the operator; "
                f"the node has {len(call.outputs)} outputs, of which there are {made}"
            )


def described(call: Call) -> str:
    """A node's attributes and the types of its inputs, for an error."""
    attributes = [shown(attribute) for attribute in call.proto.attribute]
    inputs = [
        "nothing" if value is None else f"{value.element_type.name}{value.partial_shape}" for value in call.inputs
    ]
    return f"attributes {', '.join(attributes) or 'of their defaults'}; inputs {', '.join(inputs) or 'none'}"


def shown(attribute: AttributeProto) -> str:
    """'name' = value, for an error."""
    value = value_of(attribute)
    text = f"a {type(value).__name__}" if isinstance(value, Message) else repr(value)
    return f"{attribute.name!r} = {text[:SHOWN]}{'...' * (len(text) > SHOWN)}"


def value_of(attribute: AttributeProto) -> Any:
    """An attribute's value as Python has it: numbers, text, a message, or a list of them."""
    value = attribute.value()
    return [_as_text(item) for item in value] if isinstance(value, list) else _as_text(value)


def _as_text(value: Any) -> Any:
    return str(value, "utf-8", "replace") if isinstance(value, (bytes, memoryview)) else value
