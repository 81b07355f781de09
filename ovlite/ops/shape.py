"""Operators that ask for a shape, or give a tensor another one without a change of its elements' order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..errors import ModelError
from ..graph import Argument, PartialValue, TensorType
from ..graph.operator import Array
from ..types import UNBOUNDED, Dimension, PartialShape, Type
from .axes import (
    elements,
    index_type,
    integers,
    length_of,
    normalized,
    require,
    require_integers,
    require_rank,
    static_shapes,
)
from .declare import Declared


@dataclass(frozen=True)
class ShapeOf(Declared):
    """The shape of a tensor, as a 1-D i64 tensor."""

    type = "ShapeOf"
    factory = "shape_of"
    signature = "data"
    inputs = ("data",)
    until = 2

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        index_type(self._type, "output_type")
        return [TensorType(self._type, PartialShape([inputs[0].shape.rank]))]

    def known(self, inputs: Sequence[Argument]) -> Sequence[PartialValue | None]:
        shape = inputs[0].shape
        if not shape.has_rank:
            return [None]
        lengths = [dim.get_length() if dim.is_static else 1 for dim in shape]
        known = [dim.is_static for dim in shape]
        return [PartialValue(np.array(lengths, self._type.to_dtype()), np.array(known, bool))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [np.array(inputs[0].shape, self._type.to_dtype())]

    @property
    def _type(self) -> Type:
        return Type.i64


@dataclass(frozen=True)
class ShapeOf3(ShapeOf):
    """The shape of a tensor, as a 1-D tensor of i32 or i64."""

    output_type: Type = Type.i64

    type = "ShapeOf"
    opset = "opset3"
    factory = "shape_of"
    signature = "data, output_type='i64'"
    since = 3
    until = 16

    @property
    def _type(self) -> Type:
        return self.output_type


@dataclass(frozen=True)
class Reshape(Declared):
    """The same elements in another shape.

    The target may hold one -1, which stands for what the other dimensions leave. With special_zero a 0
    stands for the input's dimension at the same place, else for a dimension of no elements.
    """

    special_zero: bool = False

    type = "Reshape"
    factory = "reshape"
    signature = "node, output_shape, special_zero"
    inputs = ("node", "output_shape")
    value_inputs: ClassVar[tuple[int, ...]] = (1,)
    moved_inputs: ClassVar[tuple[int, ...]] = (0,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, target = inputs
        require_integers(target, "the elements of the target shape")
        return [TensorType(data.element_type, self._output(data.shape, target))]

    def _output(self, shape: PartialShape, target: Argument) -> PartialShape:
        if target.partial is None:
            return PartialShape.dynamic(length_of(target))
        require(target.partial.array.ndim == 1, f"the target shape is 1-D, not of shape {target.shape}")
        pattern = [
            value if known else None
            for value, known in zip(target.partial.array.tolist(), target.partial.known.tolist(), strict=True)
        ]
        require(pattern.count(-1) <= 1, f"the target shape {pattern} has more than one -1")
        require(
            all(value is None or value >= -1 for value in pattern),
            f"the target shape {pattern} has a negative dimension",
        )
        copied = {i for i, value in enumerate(pattern) if value == 0 and self.special_zero}
        if copied and shape.has_rank:
            require(max(copied) < len(shape), f"the target shape copies dimension {max(copied)} of shape {shape}")
        return PartialShape(_reshaped(shape, pattern, copied))

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [inputs[0].reshape(static_shapes(self, *inputs)[0])]


def _reshaped(shape: PartialShape, pattern: Sequence[int | None], copied: set[int]) -> list[Dimension]:
    """The output's dimensions. None in the pattern is an element that is not known; `copied` are places of copied ones.

    Copied dimensions are left out of the division, so that [?,3,4] with pattern [0,-1] gives [?,12].
    """
    ranked = shape.has_rank
    output = [
        (shape[i] if ranked else Dimension()) if i in copied else Dimension(-1 if value is None else value)
        for i, value in enumerate(pattern)
    ]
    if not ranked:
        return output
    left = elements([dim for i, dim in enumerate(shape) if i not in copied])
    open_places = [i for i, value in enumerate(pattern) if value in (-1, None)]
    fixed = elements([dim for i, dim in enumerate(output) if i not in copied and i not in open_places])
    if not open_places:
        require(
            elements(shape).compatible(elements(output)),
            f"shape {shape} has {elements(shape)} elements, the target shape {PartialShape(output)} {elements(output)}",
        )
    elif len(open_places) == 1:
        output[open_places[0]] = _quotient(left, fixed, shape, pattern)
    return output


def _quotient(left: Dimension, fixed: Dimension, shape: PartialShape, pattern: Sequence[int | None]) -> Dimension:
    """The length that makes `fixed` times itself equal to `left`; 1 when any would."""
    divisor = fixed.get_length()
    if divisor == 0:
        require(left.min_length == 0, f"the -1 of the target shape {list(pattern)} has no value for shape {shape}")
        return Dimension(1) if None not in pattern else Dimension()
    if left.is_static:
        require(
            left.get_length() % divisor == 0, f"shape {shape} can't be divided into the target shape {list(pattern)}"
        )
    low = -(-left.min_length // divisor)
    return Dimension(low, UNBOUNDED if left.max_length == UNBOUNDED else left.max_length // divisor)


@dataclass(frozen=True)
class Squeeze(Declared):
    """Drops the dimensions of length 1 at `axes`, or all of them without axes; longer ones stay."""

    type = "Squeeze"
    factory = "squeeze"
    signature = "data, axes"
    inputs = ("data", "axes")
    until = 14
    value_inputs: ClassVar[tuple[int, ...]] = (1,)
    moved_inputs: ClassVar[tuple[int, ...]] = (0,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data = inputs[0]
        return [TensorType(data.element_type, self._output(data.shape, inputs[1:]))]

    def _output(self, shape: PartialShape, axes: Sequence[Argument]) -> PartialShape:
        for argument in axes:
            require_integers(argument, "axes")
            require_rank(argument, (0, 1), "axes")
        given = integers(axes[0]) if axes else []
        if not shape.has_rank:
            return PartialShape.dynamic()
        if given is None:
            single = length_of(axes[0]) == 1 and len(shape)
            return PartialShape.dynamic(len(shape) - 1) if single else PartialShape.dynamic()
        places = {normalized(axis, len(shape)) for axis in given} or set(range(len(shape)))
        if (not given or self._may_stay) and any(
            shape[i].is_dynamic and shape[i].compatible(Dimension(1)) for i in places
        ):
            return PartialShape.dynamic()
        return PartialShape([dim for i, dim in enumerate(shape) if i not in places or not dim.compatible(Dimension(1))])

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [inputs[0].reshape(static_shapes(self, *inputs)[0])]

    @property
    def _may_stay(self) -> bool:
        """Whether a dimension of unknown length at one of the axes may turn out to be longer than 1."""
        return False


@dataclass(frozen=True)
class Squeeze15(Squeeze):
    """Drops the dimensions of length 1 at `axes`, or all of them without axes; longer ones stay.

    allow_axis_skip: a dimension of unknown length at an axis may be longer than 1, so the rank is not known.
    """

    allow_axis_skip: bool = False

    type = "Squeeze"
    opset = "opset15"
    factory = "squeeze"
    signature = "data, axes=None, allow_axis_skip=False"
    since = 15
    until = 16

    @property
    def _may_stay(self) -> bool:
        return self.allow_axis_skip


@dataclass(frozen=True)
class Unsqueeze(Declared):
    """Adds dimensions of length 1 at `axes`, which count in the output's rank."""

    type = "Unsqueeze"
    factory = "unsqueeze"
    signature = "data, axes"
    inputs = ("data", "axes")
    value_inputs: ClassVar[tuple[int, ...]] = (1,)
    moved_inputs: ClassVar[tuple[int, ...]] = (0,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, axes = inputs
        require_integers(axes, "axes")
        require_rank(axes, (0, 1), "axes")
        given = integers(axes)
        if given is None or not data.shape.has_rank:
            return [TensorType(data.element_type, PartialShape.dynamic())]
        require(bool(given), "unsqueeze needs at least one axis")
        rank = len(data.shape) + len(given)
        places = {normalized(axis, rank) for axis in given}
        dims = iter(data.shape)
        rank = len(data.shape) + len(places)
        require(max(places) < rank, f"axes {given} leave a gap: the output has rank {rank}")
        return [
            TensorType(
                data.element_type, PartialShape([Dimension(1) if i in places else next(dims) for i in range(rank)])
            )
        ]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [inputs[0].reshape(static_shapes(self, *inputs)[0])]


@dataclass(frozen=True)
class Transpose(Declared):
    """Permutes the dimensions: output dimension i is the input's input_order[i]; an empty order reverses them."""

    type = "Transpose"
    factory = "transpose"
    signature = "data, input_order"
    inputs = ("data", "input_order")
    value_inputs: ClassVar[tuple[int, ...]] = (1,)
    moved_inputs: ClassVar[tuple[int, ...]] = (0,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, input_order = inputs
        require_integers(input_order, "the elements of the order")
        require_rank(input_order, 1, "the order")
        order = integers(input_order)
        if not data.shape.has_rank:
            return [TensorType(data.element_type, PartialShape.dynamic(length_of(input_order) or None))]
        if order is None:
            return [TensorType(data.element_type, PartialShape.dynamic(len(data.shape)))]
        order = order or list(reversed(range(len(data.shape))))
        if sorted(order) != list(range(len(data.shape))):
            raise ModelError(f"the order is a permutation of 0 to {len(data.shape) - 1}, not {order}")
        return [TensorType(data.element_type, PartialShape([data.shape[axis] for axis in order]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, order = inputs
        static_shapes(self, data, order)
        return [np.transpose(data, order.tolist() or None)]


@dataclass(frozen=True)
class Identity(Declared):
    """The tensor as it is."""

    type = "Identity"
    opset = "opset16"
    factory = "identity"
    signature = "data"
    inputs = ("data",)
    since = 16
    moved_inputs: ClassVar[tuple[int, ...]] = (0,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(inputs[0].element_type, inputs[0].shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [inputs[0]]
