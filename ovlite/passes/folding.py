"""Constant folding."""

from __future__ import annotations

import numpy as np

from ..graph import Constant, Model, Node, Result
from ..graph.constants import constant_array
from ..graph.operator import Array

LIMIT = 1 << 28  # elements of a tensor that is folded


def fold_constants(model: Model) -> None:
    """Replaces each node all of whose inputs are constant by its value."""
    for node in model.get_ordered_ops():
        arrays = _values(node)
        if arrays is not None:
            for output, array in zip(node.outputs(), arrays, strict=True):
                twin = Constant.of(array, output.element_type, array.shape, node.friendly_name)
                output.replace(twin.output(0))
        elif not isinstance(node, Constant):
            _carry(node)


def _values(node: Node) -> list[Array] | None:
    """The outputs of a node whose inputs are constant."""
    if isinstance(node, Result) or not node.sources or node.op.stateful:
        return None
    if not all(isinstance(source.node, Constant) for source in node.sources):
        return None
    if any(output.partial_shape.is_static and np.prod(list(output.shape)) > LIMIT for output in node.outputs()):
        return None
    if any(output.element_type.name == "string" for output in node.outputs()):
        return None
    inputs = [constant_array(source.node) for source in node.sources if isinstance(source.node, Constant)]
    with np.errstate(all="ignore"):
        results = node.op.evaluate(*inputs)
    return [
        np.ascontiguousarray(result, output.element_type.to_dtype()).reshape(np.shape(result))
        for result, output in zip(results, node.outputs(), strict=True)
    ]


def _carry(node: Node) -> None:
    """Replaces outputs whose elements are known all the same, such as the static shape of a tensor."""
    for output in node.outputs():
        if output.partial is not None and output.partial.complete and not isinstance(node, Result):
            output.replace(Constant.of(output.partial.array, output.element_type, name=node.friendly_name).output(0))
