"""Model.evaluate(): a graph run node by node on tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ModelError
from ..graph import Model
from ..graph.elements import decode
from ..types import Type
from .interpreter import evaluate_model
from .model_ports import encode


def evaluate_tensors(model: Model, outputs: Sequence[Any], inputs: Sequence[Any]) -> None:
    """Runs `model` on input tensors; output tensors take the shapes and elements of the outputs.

    Tensors are what has element_type, shape, set_shape() and data. ModelError when one does not fit its port.
    """
    for kind, tensors, ports in (("input", inputs, model.inputs), ("output", outputs, model.outputs)):
        if len(tensors) != len(ports):
            raise ModelError(f"the model has {len(ports)} {kind}s; there are {len(tensors)} {kind} tensors")
        for tensor, port in zip(tensors, ports, strict=True):
            if getattr(tensor, "element_type", None) != port.element_type or port.element_type is Type.string:
                raise ModelError(f"{tensor!r} does not fit {kind} {port!r}")
    for tensor, port in zip(inputs, model.inputs, strict=True):
        if not port.partial_shape.compatible(type(port.partial_shape)(tensor.shape)):
            raise ModelError(f"{tensor!r} does not fit input {port!r}")
    arrays = [decode(tensor.data, tensor.element_type, tuple(tensor.shape)) for tensor in inputs]
    for tensor, array in zip(outputs, evaluate_model(model, arrays), strict=True):
        tensor.set_shape(array.shape)
        stored = encode(array, tensor.element_type)
        tensor.data[...] = stored.reshape(tensor.data.shape)
