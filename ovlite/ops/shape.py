"""Operators that ask for a shape, or give a tensor another one without a change of its elements' order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ..errors import ModelError
from ..graph import Argument, PartialValue, TensorType
from ..graph.operator import Array, Sizes
from ..records import dataclass
from ..types import UNBOUNDED, Dimension, PartialShape, Type
from .axes import (
    distinct,
    elements,
    index_type,
    integers,
    known_integers,
    length_of,
    normalized,
    require,
    require_integers,
    require_rank,
    static_shapes,
)
from .declare import Declared
from .views import Viewing


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

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        return (len(shapes[0]),)

    def known(self, inputs: Sequence[Argument]) -> Sequence[PartialValue | None]:
        shape = inputs[0].shape
        if not shape.has_rank:
            return [None]
        dtype = self._type.to_dtype()
        known = np.array([dim.is_static for dim in shape], bool)
        if known.all():
            return [PartialValue(np.array(shape.to_shape(), dtype), known)]
        low = np.array([dim.min_length for dim in shape], dtype)
        endless = np.iinfo(dtype).max
        high = np.array([endless if dim.max_length == UNBOUNDED else dim.max_length for dim in shape], dtype)
        return [PartialValue(np.where(known, low, np.ones_like(low)), known, (low, high))]

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
        require(target.partial.array.ndim == 1, f"expected the target shape to be 1-D, got shape {target.shape}")
        partial = target.partial
        pairs = zip(partial.array.tolist(), partial.known.tolist(), strict=True)
        pattern = [int(value) if known else None for value, known in pairs]
        require(pattern.count(-1) <= 1, f"the target shape {pattern} has more than one -1")
        require(
            all(value is None or value >= -1 for value in pattern),
            f"the target shape {pattern} has a negative dimension",
        )
        output = partial.dimensions()
        copied = {i for i, value in enumerate(pattern) if value == 0 and self.special_zero}
        for i, dim in enumerate(output):
            may_copy = self.special_zero and pattern[i] is None and dim.min_length == 0
            if i in copied or may_copy:
                output[i] = shape[i] if i in copied and shape.has_rank and i < len(shape) else Dimension()
        if copied and shape.has_rank:
            require(max(copied) < len(shape), f"the target shape copies dimension {max(copied)} of shape {shape}")
        return PartialShape(_reshaped(shape, pattern, output, copied) if shape.has_rank else output)

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        target = known_integers(values[1])
        if target is None or len(shapes[1]) != 1:
            return None
        data = shapes[0]
        if self.special_zero and 0 in target:
            if 0 in target[len(data) :]:
                return None
            target = [data[i] if length == 0 else length for i, length in enumerate(target)]
        count, others = math.prod(data), math.prod([length for length in target if length != -1])
        if -1 in target and count and others and count % others == 0 and target.count(-1) == 1:
            target[target.index(-1)] = count // others
        return tuple(target) if min(target, default=0) >= 0 and math.prod(target) == count else None

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [inputs[0].reshape(static_shapes(self, *inputs)[0])]


def _reshaped(
    shape: PartialShape, pattern: Sequence[int | None], output: list[Dimension], copied: set[int]
) -> list[Dimension]:
    """The output's dimensions, with the one that follows from the others: the -1, or the only one that is not known.

    pattern: the target, None for elements that are not known. copied: places of dimensions that are
    copied; they are left out of the division, so that [?,3,4] with pattern [0,-1] gives [?,12].
    """
    open_places = [pattern.index(-1)] if -1 in pattern else [i for i, value in enumerate(pattern) if value is None]
    if not open_places:
        found = elements(output)
        fits = elements(shape).compatible(found)
        target = PartialShape(output)
        require(fits, f"shape {shape} has {elements(shape)} elements, the target shape {target} {found}")
    elif len(open_places) == 1:
        place = open_places[0]
        left = elements([dim for i, dim in enumerate(shape) if i not in copied])
        others = elements([dim for i, dim in enumerate(output) if i not in copied and i != place])
        fits = not (left.is_static and others.is_static and others != 0) or left.get_length() % others.get_length() == 0
        require(fits, f"shape {shape} can't be divided into the target shape {list(pattern)}")
        fits = others != 0 or left.min_length == 0
        require(fits, f"the -1 of the target shape {list(pattern)} has no value for shape {shape}")
        output[place] = _quotient(left, others).intersect(output[place]) or output[place]
    return output


def _quotient(whole: Dimension, part: Dimension) -> Dimension:
    """The length that makes `part` times itself equal to `whole`; 1 when any would."""
    if part == 0:
        return Dimension(1)
    if part.min_length == 0:
        return Dimension()
    low = 0 if part.max_length == UNBOUNDED else -(-whole.min_length // part.max_length)
    return Dimension(low, UNBOUNDED if whole.max_length == UNBOUNDED else whole.max_length // part.min_length)


@dataclass(frozen=True)
class Squeeze(Declared):
    """Drops the dimensions at `axes`, whose length has to be 1; without axes, all of that length."""

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
        places = distinct(given, len(shape)) or set(range(len(shape)))
        for axis in sorted(places) if given and not self._may_stay else ():
            if not shape[axis].compatible(Dimension(1)):
                raise ModelError(f"axis {axis} of shape {shape} has a length other than 1")
        if (not given or self._may_stay) and any(
            shape[i].is_dynamic and shape[i].compatible(Dimension(1)) for i in places
        ):
            return PartialShape.dynamic()
        return PartialShape([dim for i, dim in enumerate(shape) if i not in places or not dim.compatible(Dimension(1))])

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        data = shapes[0]
        if len(shapes) == 1:
            return tuple([length for length in data if length != 1])
        axes = known_integers(values[1])
        if not axes or any(not -len(data) <= axis < len(data) or data[axis] != 1 for axis in axes):
            return None
        places = {axis % len(data) for axis in axes}
        return tuple([length for i, length in enumerate(data) if i not in places])

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [inputs[0].reshape(static_shapes(self, *inputs)[0])]

    @property
    def _may_stay(self) -> bool:
        """Whether dimensions at the axes that are longer than 1 stay."""
        return False


@dataclass(frozen=True)
class Squeeze15(Squeeze):
    """Drops the dimensions at `axes`, whose length has to be 1; without axes, all of that length.

    allow_axis_skip: longer dimensions at the axes stay, so that the rank is not known where their length is not.
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

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        axes = known_integers(values[1])
        rank = len(shapes[0]) + len(axes or ())
        places = {axis % rank for axis in axes or () if -rank <= axis < rank}
        if axes is None or not 0 < len(axes) == len(places):
            return None
        dims = iter(shapes[0])
        return tuple([1 if i in places else next(dims) for i in range(rank)])

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [inputs[0].reshape(static_shapes(self, *inputs)[0])]


@dataclass(frozen=True)
class Transpose(Viewing):
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
            raise ModelError(f"expected the order to be a permutation of 0 to {len(data.shape) - 1}, got {order}")
        return [TensorType(data.element_type, PartialShape([data.shape[axis] for axis in order]))]

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        order = known_integers(values[1])
        if order is None or len(shapes[1]) != 1 or sorted(order) != list(range(len(shapes[0]))):
            return None
        return tuple([shapes[0][axis] for axis in order])

    def views(self, shapes: Sequence[tuple[int, ...]], data: Array, *steering: Array) -> Sequence[Array]:
        return [data.transpose(steering[0].tolist() or None)]


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
