"""Sequences of tensors and optionals, as ONNX has them: object arrays of arrays.

A sequence's type says the element type of its tensors, and its shape what all their shapes have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from ..errors import ModelError
from ..graph import Argument, Operator, TensorType
from ..graph.elements import sequence
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, OptionalType, PartialShape, SequenceType, Type
from .axes import merged_type, normalized, require, require_integers
from .bodies import union


def _element(argument: Argument) -> Type:
    """The element type of a sequence's tensors."""
    found = argument.element_type
    if not isinstance(found, SequenceType):
        raise ModelError(f"expected a sequence, got {argument}")
    return found.element


def _place(position: Array, length: int, what: str) -> int:
    """A position counted from the front. Raises ModelError when there are not so many tensors."""
    place = int(position.reshape(-1)[0])
    if not -length <= place < length:
        raise ModelError(f"{what} {place} is out of range: there are {length} tensors")
    return place % length if length else 0


@dataclass(frozen=True)
class SequenceConstruct(Operator):
    """A sequence of the inputs."""

    element: Type

    type = "SequenceConstruct"
    opset = "ai.onnx"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        found = merged_type([*inputs, Argument(self.element, PartialShape.dynamic())], "the tensors of a sequence")
        shape = reduce(union, [argument.shape for argument in inputs]) if inputs else PartialShape.dynamic()
        return [TensorType(SequenceType(found), shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [sequence(inputs)]


@dataclass(frozen=True)
class SplitToSequence(Operator):
    """Parts of data along `axis`: of the length that the second input says, or of the lengths, where it has several.

    Without it parts have a length of 1, and without keepdims not that dimension.
    """

    axis: int = 0
    keepdims: bool = True

    type = "SplitToSequence"
    opset = "ai.onnx"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, *split = inputs
        for argument in split:
            require_integers(argument, "the lengths")
        if not data.shape.has_rank:
            return [TensorType(SequenceType(data.element_type), PartialShape.dynamic())]
        dims = list(data.shape)
        axis = normalized(self.axis, len(dims))
        dims[axis] = Dimension() if split else Dimension(1)
        if not split and not self.keepdims:
            del dims[axis]
        return [TensorType(SequenceType(data.element_type), PartialShape(dims))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, *split = inputs
        axis = normalized(self.axis, data.ndim)
        length = data.shape[axis]
        if not split:
            parts = np.split(data, length, axis) if length else []
            return [sequence(parts if self.keepdims else [np.squeeze(part, axis) for part in parts])]
        if split[0].ndim:
            ends = np.cumsum(split[0])
            fitting = bool((split[0] >= 0).all()) and int(split[0].sum()) == length
            require(fitting, f"parts of lengths {split[0].tolist()} of {length}")
        else:
            step = int(split[0])
            require(step > 0, f"parts of length {step}")
            ends = np.arange(step, length + step, step)
        return [sequence(np.split(data, ends[:-1], axis) if len(ends) else [])]


@dataclass(frozen=True)
class SequenceAt(Operator):
    """The tensor at a position; negative ones count from the end."""

    type = "SequenceAt"
    opset = "ai.onnx"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        require_integers(inputs[1], "positions")
        return [TensorType(_element(inputs[0]), inputs[0].shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        items, position = inputs
        return [items[_place(position, len(items), "position")]]


@dataclass(frozen=True)
class SequenceInsert(Operator):
    """The sequence with a tensor before a position, or behind all without one."""

    type = "SequenceInsert"
    opset = "ai.onnx"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        items, tensor = inputs[:2]
        element = _element(items).merge(tensor.element_type)
        if element is None:
            raise ModelError(f"{tensor} is inserted into a {items.element_type.name}")
        return [TensorType(SequenceType(element), union(items.shape, tensor.shape))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        items, tensor, *position = inputs
        found, place = items.tolist(), int(position[0].reshape(-1)[0]) if position else len(items)
        if not -len(found) <= place <= len(found):
            raise ModelError(f"position {place} is out of range: there are {len(found)} tensors")
        found.insert(place, tensor)
        return [sequence(found)]


@dataclass(frozen=True)
class SequenceErase(Operator):
    """The sequence without the tensor at a position, or without the last."""

    type = "SequenceErase"
    opset = "ai.onnx"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(SequenceType(_element(inputs[0])), inputs[0].shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        items, *position = inputs
        found = items.tolist()
        del found[_place(position[0] if position else np.array(-1), len(found), "position")]
        return [sequence(found)]


@dataclass(frozen=True)
class SequenceLength(Operator):
    """How many tensors there are, an i64 scalar."""

    type = "SequenceLength"
    opset = "ai.onnx"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        _element(inputs[0])
        return [TensorType(Type.i64, PartialShape([]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [np.array(len(inputs[0]), np.int64)]


@dataclass(frozen=True)
class ConcatFromSequence(Operator):
    """The tensors joined along `axis`, which is a new one with `new_axis`."""

    axis: int
    new_axis: bool = False

    type = "ConcatFromSequence"
    opset = "ai.onnx"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        element, shape = _element(inputs[0]), inputs[0].shape
        if not shape.has_rank:
            return [TensorType(element, shape)]
        dims = list(shape)
        axis = normalized(self.axis, len(dims) + self.new_axis)
        dims[axis : axis + (not self.new_axis)] = [Dimension()]
        return [TensorType(element, PartialShape(dims))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        items = inputs[0].tolist()
        require(bool(items), "there are no tensors to join")
        try:
            return [np.stack(items, self.axis) if self.new_axis else np.concatenate(items, self.axis)]
        except ValueError:
            shapes = ", ".join(str(list(item.shape)) for item in items[:8])
            raise ModelError(f"tensors of shapes {shapes} can't be joined along axis {self.axis}") from None


@dataclass(frozen=True)
class Optional(Operator):
    """The input as what may be absent; without an input it is absent. element: its type."""

    element: Type

    type = "Optional"
    opset = "ai.onnx"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(OptionalType(self.element), inputs[0].shape if inputs else PartialShape.dynamic())]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [sequence(inputs)]


@dataclass(frozen=True)
class OptionalHasElement(Operator):
    """Whether an optional has a value, a boolean scalar."""

    type = "OptionalHasElement"
    opset = "ai.onnx"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        _element(inputs[0])
        return [TensorType(Type.boolean, PartialShape([]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [np.array(len(inputs[0]) > 0)]


@dataclass(frozen=True)
class OptionalGetElement(Operator):
    """The value of an optional."""

    type = "OptionalGetElement"
    opset = "ai.onnx"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(_element(inputs[0]), inputs[0].shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        require(len(inputs[0]) > 0, "the optional has no value; ask OptionalHasElement first")
        return [inputs[0][0]]
