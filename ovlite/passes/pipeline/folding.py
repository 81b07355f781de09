"""Constant folding."""

from __future__ import annotations

from math import prod

import numpy as np

from ...graph import Constant, Model, Node, Output, Result
from ...graph.constants import constant_array
from ...graph.elements import encode
from ...graph.operator import Array
from ...ops.interpreter import evaluated
from ...types import Type

LIMIT = 1 << 28  # elements of a tensor that is folded
GROWTH = 1 << 26  # bytes of elements that a pass may add to a model's constants; other element types add none


def fold_constants(model: Model) -> None:
    """Replaces each node all of whose inputs are constant by its value."""
    room = _Room()
    for node in model.get_ordered_ops():
        if not isinstance(node, Constant):
            _fold(node, room)


def fold_all_but_bytes(model: Model) -> None:
    """The same, but for real numbers that are computed of matrices of bytes, which may be multiplied as they are, and
    for what is quantized to become such."""
    kept: set[Node] = set()
    room = _Room()
    for node in model.get_ordered_ops():
        if isinstance(node, Constant):
            continue
        sources = {source.node for source in node.sources} if kept else set[Node]()
        constant = all(isinstance(source, Constant) or source in kept for source in sources)
        if (sources & kept and constant) or _dequantizes(node) or node.op.type == "FakeQuantize":
            kept.add(node)
        else:
            _fold(node, room)


class _Room:
    """The bytes that constants may still grow by: a few of a file must not become all of the memory."""

    def __init__(self) -> None:
        self._left = GROWTH

    def takes(self, node: Node) -> bool:
        """Return whether there is room for a node's outputs in the place of its inputs, and takes it."""
        outputs = [output for output in node.outputs() if output.partial_shape.is_static]
        size = sum(prod(output.shape) * output.element_type.size for output in outputs)
        if sum(prod(output.shape) for output in outputs) <= max(prod(source.shape) for source in node.sources):
            return True
        if size > self._left:
            return False
        self._left -= size
        return True


def _dequantizes(node: Node) -> bool:
    """True for what makes numbers of a constant matrix of bytes, which is no zero point that is subtracted."""
    if node.op.type != "Convert" or not isinstance(node.sources[0].node, Constant):
        return False
    source, output = node.sources[0], node.output(0)
    if source.element_type not in (Type.u8, Type.i8) or len(source.shape) < 2:
        return False
    if not output.element_type.is_real() and output.element_type is not Type.i32:
        return False
    readers = [(port.get_node().op.type, port.get_index()) for port in output.get_target_inputs()]
    return ("Subtract", 1) not in readers


def _fold(node: Node, room: _Room) -> None:
    arrays = _values(node, room)
    if arrays is not None:
        for output, array in zip(node.outputs(), arrays, strict=True):
            output.replace(_constant(node, output, array))
    else:
        _carry(node)


def _values(node: Node, room: _Room) -> list[Array] | None:
    """The outputs of a node whose inputs are constant, where they are soon there and do not take too much memory."""
    for source in node.sources:
        if not isinstance(source.node, Constant):
            return None
    if isinstance(node, Result) or not node.sources or node.op.stateful:
        return None
    if any(output.partial_shape.is_static and prod(output.shape) > LIMIT for output in node.outputs()):
        return None
    if any(output.element_type.name == "string" for output in node.outputs()):
        return None
    if not room.takes(node):
        return None
    inputs = [constant_array(source.node) for source in node.sources if isinstance(source.node, Constant)]
    if not node.op.folds(inputs):
        return None
    return list(map(np.asarray, evaluated(node, inputs)))


def _carry(node: Node) -> None:
    """Replaces outputs whose elements are known all the same, such as the static shape of a tensor."""
    for output in node.outputs():
        if output.partial is not None and output.partial.complete and not isinstance(node, Result):
            output.replace(_constant(node, output, output.partial.array))


def _constant(node: Node, output: Output, array: Array) -> Output:
    """The elements that an output of a node has, as a constant of its name."""
    stored = encode(array, output.element_type)
    return Constant.of(stored, output.element_type, array.shape, node.friendly_name).output(0)
