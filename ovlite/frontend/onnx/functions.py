"""Function bodies: what an operator means, written with simpler operators."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from ...errors import ModelError
from ...types import SequenceType, Type
from .call import Call
from .scope import domain_of
from .tensors import ONNX_TYPES


def schema_of(domain: str, op_type: str, version: int) -> Any | None:
    """The schema of an operator in the onnx package; None when it has none."""
    from onnx import defs

    try:
        return defs.get_schema(op_type, version, domain)
    except defs.SchemaError:
        return None


def has_function(schema: Any) -> bool:
    return bool(schema.has_function or schema.has_context_dependent_function)


def function_of(call: Call) -> Any | None:
    """The FunctionProto that ONNX gives for a call, None when there is none."""
    schema = schema_of(domain_of(call.proto), call.op_type, call.version)
    if schema is None or schema.deprecated or not has_function(schema):
        return None
    function = _body(schema, call, call.proto)
    defaults = [attribute.default_value for attribute in schema.attributes.values()]
    function.attribute_proto.extend(default for default in defaults if default.type)
    return function if function.node else None


def _body(schema: Any, call: Call, node: Any) -> Any:
    """The FunctionProto of a schema for a node with the inputs of a call."""
    import onnx

    if schema.has_function:
        content = schema.get_function_with_opset_version(_nearest(schema.function_opset_versions, call.version))
    else:
        versions = schema.context_dependent_function_opset_versions
        types = [_type_proto(value).SerializeToString() for value in call.inputs]
        content = schema.get_context_dependent_function_with_opset_version(
            _nearest(versions, call.version), node.SerializeToString(), types
        )
    function = onnx.FunctionProto()
    function.ParseFromString(content)
    return function


def without_effect(call: Call, function: Any) -> list[Any]:
    """The AttributeProtos of a call on which the body that ONNX gives for it does not depend."""
    named = _references(function.node)
    schema = schema_of(domain_of(call.proto), call.op_type, call.version)
    return [a for a in call.proto.attribute if a.name not in named and not _decides(schema, call, a, function)]


def _references(nodes: Any) -> set[str]:
    """The names of the function's attributes that nodes refer to, those of graphs inside them too."""
    attributes = [attribute for node in nodes for attribute in node.attribute]
    inside = [_references(attribute.g.node) for attribute in attributes if attribute.HasField("g")]
    return {attribute.ref_attr_name for attribute in attributes}.union(*inside)


def _decides(schema: Any, call: Call, attribute: Any, function: Any) -> bool:
    """Return whether a body is another one without an attribute."""
    if schema.has_function:
        return False
    node = type(call.proto)()
    node.CopyFrom(call.proto)
    del node.attribute[:]
    node.attribute.extend(other for other in call.proto.attribute if other.name != attribute.name)
    try:
        return [*_body(schema, call, node).node] != [*function.node]
    except (RuntimeError, ValueError):  # there is no body without it
        return True


def _nearest(versions: list[int], wanted: int) -> int:
    """The newest version that is not newer than `wanted`."""
    return max((version for version in versions if version <= wanted), default=min(versions))


def _type_proto(value: Any) -> Any:
    """The TypeProto of a value; an empty one for an input that is left out."""
    import onnx

    proto = onnx.TypeProto()
    if value is None:
        return proto
    if value.element_type is Type.dynamic:
        raise ModelError("the element type of an input is not known")
    kind = value.element_type
    tensor = proto.tensor_type
    if isinstance(kind, SequenceType):
        kind, tensor = kind.element, proto.sequence_type.elem_type.tensor_type
    tensor.elem_type = ONNX_TYPES[kind]
    if value.partial_shape.has_rank:
        tensor.shape.SetInParent()
        for dim in value.partial_shape:
            entry = tensor.shape.dim.add()
            if dim.is_static:
                entry.dim_value = dim.get_length()
    return proto


def bind_attributes(node: Any, function: Any, caller: Any, absent: Set[str]) -> Any:
    """A node of a function's body with the caller's attributes in place of references to them.

    absent: inputs of the function that the caller leaves out; the node is not given them either.
    """
    given = {attribute.name: attribute for attribute in caller.attribute}
    given = {**{attribute.name: attribute for attribute in function.attribute_proto}, **given}
    bound = type(node)()
    bound.CopyFrom(node)
    _bind(bound, given)
    for i, name in enumerate(bound.input):
        if name in absent:
            bound.input[i] = ""
    return bound


def _bind(node: Any, given: dict[str, Any]) -> None:
    """Replaces references in a node and in the graphs inside it."""
    for i in range(len(node.attribute) - 1, -1, -1):
        attribute = node.attribute[i]
        if attribute.ref_attr_name:
            name, source = attribute.name, given.get(attribute.ref_attr_name)
            if source is None:  # an attribute without a value: the operator's default holds
                del node.attribute[i]
            else:
                attribute.CopyFrom(source)
                attribute.name = name
        elif attribute.HasField("g"):
            for inner in attribute.g.node:
                _bind(inner, given)
