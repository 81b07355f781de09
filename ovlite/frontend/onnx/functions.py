"""Function bodies: what an operator means, written with simpler operators.

A model may have functions of its own. Those that ONNX gives for its operators are in the onnx package.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from importlib import import_module
from typing import Any

from ...errors import ModelError
from ...graph import Output
from ...types import OptionalType, SequenceType, Type
from .call import Call
from .messages import (
    AttributeProto,
    Dimension,
    ElementType,
    FunctionProto,
    NodeProto,
    TensorShapeProto,
    TensorType,
    TypeProto,
)  # fmt: skip
from .schemas import Schema, schema_of
from .scope import domain_of
from .tensors import ONNX_TYPES

NEEDS_ONNX = "needs the onnx package, which is not installed: pip install 'ovlite[onnx]'"

# Operators of ONNX that have no translation, or none for some of their forms, but a function body.
BY_BODY = frozenset(
    {("", "Bernoulli"), ("", "CausalConvWithState"), ("", "LinearAttention"), ("ai.onnx.preview", "FlexAttention")}
)


def is_installed() -> bool:
    """Return whether there is an onnx package."""
    try:
        import_module("onnx")
    except ImportError:
        return False
    return True


def onnx_schema(domain: str, op_type: str, version: int) -> Any | None:
    """The OpSchema of an operator in the onnx package; None when it has none, or is not installed."""
    try:
        from onnx import defs
    except ImportError:
        return None
    try:
        return defs.get_schema(op_type, version, domain)
    except defs.SchemaError:
        return None


def schema_or_onnx(domain: str, op_type: str, version: int) -> Schema | None:
    """The schema of an operator; that of the onnx package for one which only that knows."""
    found = schema_of(domain, op_type, version)
    if found is None and (given := onnx_schema(domain, op_type, version)) is not None:
        defaults = {name: _default(attribute) for name, attribute in given.attributes.items()}
        found = Schema(
            given.since_version, {name: value.value() if value else None for name, value in defaults.items()}
        )
    return found


def _default(attribute: Any) -> AttributeProto | None:
    """The default of an attribute of an OpSchema; None where it has none."""
    given = attribute.default_value
    return AttributeProto.decoded(given.SerializeToString()) if given.type else None


def has_function(schema: Any) -> bool:
    """Return whether an OpSchema has a function body."""
    return bool(schema.has_function or schema.has_context_dependent_function)


def function_of(call: Call) -> FunctionProto | None:
    """The function that ONNX gives for a call, None when there is none. ModelError when it takes the onnx package."""
    if (domain_of(call.proto), call.op_type) in BY_BODY and not is_installed():
        raise ModelError(f"this form of the operator {NEEDS_ONNX}")
    schema = onnx_schema(domain_of(call.proto), call.op_type, call.version)
    if schema is None or schema.deprecated or not has_function(schema):
        return None
    function = FunctionProto.decoded(_body(schema, call, call.proto))
    defaults = [value for value in map(_default, schema.attributes.values()) if value is not None]
    return function.but(attribute_proto=[*function.attribute_proto, *defaults]) if function.node else None


def _body(schema: Any, call: Call, node: NodeProto) -> bytes:
    """The encoded FunctionProto of an OpSchema for a node with the inputs of a call."""
    if schema.has_function:
        found = schema.get_function_with_opset_version(_nearest(schema.function_opset_versions, call.version))
    else:
        versions = schema.context_dependent_function_opset_versions
        types = [_type_proto(value).encoded() for value in call.inputs]
        found = schema.get_context_dependent_function_with_opset_version(
            _nearest(versions, call.version), node.encoded(), types
        )
    return bytes(found)


def without_effect(call: Call, function: FunctionProto) -> list[AttributeProto]:
    """The attributes of a call on which the body that ONNX gives for it does not depend."""
    named = _references(function.node)
    schema = onnx_schema(domain_of(call.proto), call.op_type, call.version)
    return [a for a in call.proto.attribute if a.name not in named and not _decides(schema, call, a)]


def _references(nodes: Sequence[NodeProto]) -> set[str]:
    """The names of the function's attributes that nodes refer to, those of graphs inside them too."""
    attributes = [attribute for node in nodes for attribute in node.attribute]
    inside = [_references(attribute.g.node) for attribute in attributes if attribute.has("g")]
    return {attribute.ref_attr_name for attribute in attributes}.union(*inside)


def _decides(schema: Any, call: Call, attribute: AttributeProto) -> bool:
    """Return whether a body is another one without an attribute."""
    if schema.has_function:
        return False
    without = call.proto.but(attribute=[other for other in call.proto.attribute if other.name != attribute.name])
    try:
        return _body(schema, call, without) != _body(schema, call, call.proto)
    except (RuntimeError, ValueError):  # there is no body without it
        return True


def _nearest(versions: list[int], wanted: int) -> int:
    """The newest version that is not newer than `wanted`."""
    return max((version for version in versions if version <= wanted), default=min(versions))


def _type_proto(value: Output | None) -> TypeProto:
    """The type of a value; an empty one for an input that is left out."""
    if value is None:
        return TypeProto()
    kind = value.element_type
    if kind is Type.dynamic:
        raise ModelError("the element type of an input is not known")
    tensor = TensorType(elem_type=ONNX_TYPES[kind.tensor if isinstance(kind, SequenceType) else kind])
    if value.partial_shape.has_rank:
        dims = [Dimension(dim_value=dim.get_length()) if dim.is_static else Dimension() for dim in value.partial_shape]
        tensor = tensor.but(shape=TensorShapeProto(dim=dims))
    return _wrapped(kind, TypeProto(tensor_type=tensor))


def _wrapped(kind: Type, proto: TypeProto) -> TypeProto:
    """The type of a sequence or an optional, of the type of the tensors in it."""
    if not isinstance(kind, SequenceType):
        return proto
    inner = ElementType(elem_type=_wrapped(kind.element, proto))
    return TypeProto(optional_type=inner) if isinstance(kind, OptionalType) else TypeProto(sequence_type=inner)


def bind_attributes(node: NodeProto, function: FunctionProto, caller: NodeProto, absent: Set[str]) -> NodeProto:
    """A node of a function's body with the caller's attributes in place of references to them.

    absent: inputs of the function that the caller leaves out; the node is not given them either.
    """
    given = {attribute.name: attribute for attribute in [*function.attribute_proto, *caller.attribute]}
    bound = _bound(node, given)
    return bound.but(input=["" if name in absent else name for name in bound.input]) if absent else bound


def _bound(node: NodeProto, given: Mapping[str, AttributeProto]) -> NodeProto:
    """A node without references, and with none in the graphs inside it."""
    attributes = [_value_of(attribute, given) for attribute in node.attribute]
    return node.but(attribute=[attribute for attribute in attributes if attribute is not None])


def _value_of(attribute: AttributeProto, given: Mapping[str, AttributeProto]) -> AttributeProto | None:
    """What an attribute of a body's node stands for. None where that has no value: the operator's default holds."""
    if attribute.ref_attr_name:
        found = given.get(attribute.ref_attr_name)
        return found.but(name=attribute.name) if found is not None else None
    if attribute.has("g"):
        graph = attribute.g
        return attribute.but(g=graph.but(node=[_bound(node, given) for node in graph.node]))
    return attribute
