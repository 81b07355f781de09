"""f16, bf16 and smaller real types are computed in f32."""

from __future__ import annotations

from ...graph import Constant, Model, Node, Operator, Parameter
from ...graph.constants import constant_array
from ...graph.elements import compute_type
from ...ops.quantization import Convert, ConvertLike, Narrowed, has_few_values
from ...records import fields, replace
from ...types import Type


def compute_in_f32(model: Model) -> None:
    """Makes every real tensor but f64 ones f32, and sub-byte integers whole bytes.

    The model's parameters get the type that is computed in; who runs the model converts at its ports.
    """
    nodes = model.get_ordered_ops()
    if all(compute_type(output.element_type) is output.element_type for node in nodes for output in node.outputs()):
        return
    for node in nodes:
        _change(node)
    model.infer()


def _change(node: Node) -> None:
    """Changes the types that the node itself decides."""
    if isinstance(node, Constant):
        output = node.output(0)
        if compute_type(output.element_type) is not output.element_type:
            output.replace(Constant.of(constant_array(node), name=node.friendly_name).output(0))
    elif isinstance(node, Parameter):
        node.set_element_type(compute_type(node.output(0).element_type))
    else:
        node.op = _in_compute_types(node)


def _in_compute_types(node: Node) -> Operator:
    """The operator with its element type attributes, and its bodies, in the types that are computed in."""
    op = node.op
    if isinstance(op, (Convert, ConvertLike)):
        destination = node.output(0).element_type
        if has_few_values(destination) or _rounds_twice(node, destination):
            return Narrowed(destination)
    changed: dict[str, object] = {}
    for field in fields(op):
        value = getattr(op, field.name)
        if isinstance(value, Type) and compute_type(value) is not value:
            changed[field.name] = compute_type(value)
        elif isinstance(value, Model):
            body = value.clone()
            compute_in_f32(body)
            changed[field.name] = body
    return replace(op, **changed) if changed else op


def _rounds_twice(node: Node, destination: Type) -> bool:
    """Whether f32 between would lead to a neighbour of the number that is nearest."""
    return node.sources[0].element_type is Type.f64 and destination is Type.f16
