"""Model.evaluate() and Node.evaluate(): a graph run node by node, and a node alone, on tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ModelError
from ..graph import Argument, Model, Node, Parameter, PartialValue, Result
from ..graph.elements import decode, encode
from ..graph.operator import Array
from ..types import PartialShape, Type
from .interpreter import evaluate_model, outputs_of


def evaluate_tensors(model: Model, outputs: Sequence[Any], inputs: Sequence[Any]) -> None:
    """Runs `model` on input tensors; output tensors take the shapes and elements of the outputs.

    Tensors are what has element_type, shape, set_shape() and data. ModelError when one does not fit its port.
    """
    _check("input", inputs, [port.element_type for port in model.inputs], "the model")
    _check("output", outputs, [port.element_type for port in model.outputs], "the model")
    for tensor, port in zip(inputs, model.inputs, strict=True):
        if not port.partial_shape.compatible(PartialShape(tensor.shape)):
            raise ModelError(f"{tensor!r} does not fit input {port!r}")
    _store(evaluate_model(model, [_elements(tensor) for tensor in inputs]), outputs)


def evaluate_node(node: Node, outputs: Sequence[Any], inputs: Sequence[Any]) -> bool:
    """Computes one node on tensors of the types that its inputs have, of any shapes that it takes."""
    if isinstance(node, Parameter):
        return False
    _check("input", inputs, [source.element_type for source in node.sources], str(node))
    _check("output", outputs, [output.element_type for output in node.outputs()], str(node))
    arrays = [_elements(tensor) for tensor in inputs]
    if arrays and not isinstance(node, Result):
        node.op.infer(list(map(_argument, inputs, arrays)))
    try:
        found = outputs_of(node, arrays)
    except NotImplementedError:
        return False
    _store(found, outputs)
    return True


def _check(kind: str, tensors: Sequence[Any], types: Sequence[Type], whose: str) -> None:
    if len(tensors) != len(types):
        raise ModelError(f"{whose} has {len(types)} {kind}s; there are {len(tensors)} {kind} tensors")
    for index, (tensor, element_type) in enumerate(zip(tensors, types, strict=True)):
        if getattr(tensor, "element_type", None) != element_type or element_type is Type.string:
            raise ModelError(f"{kind} {index} of {whose} holds {element_type.name}; {tensor!r} does not fit")


def _argument(tensor: Any, array: Array) -> Argument:
    return Argument(tensor.element_type, PartialShape(tensor.shape), PartialValue.of(array))


def _elements(tensor: Any) -> Array:
    return decode(tensor.data, tensor.element_type, tuple(tensor.shape))


def _store(arrays: Sequence[Array], tensors: Sequence[Any]) -> None:
    for tensor, array in zip(tensors, arrays, strict=True):
        tensor.set_shape(array.shape)
        stored = encode(array, tensor.element_type)
        tensor.data[...] = stored.reshape(tensor.data.shape)
