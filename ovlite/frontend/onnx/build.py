"""Builders for translations: the node factories, and constants that fit other tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...errors import ModelError
from ...graph import Constant, Node, Output
from ...graph.elements import encode
from ...graph.operator import Array
from ...ops import NEWEST_OPSET, factories
from ...ops.elementwise import Divide
from ...types import Type
from .call import known

# The small floats that ONNX casts to by rounding to the nearest.
ROUNDED_FLOATS = (Type.f8e4m3, Type.f8e5m2, Type.f8e4m3fnuz, Type.f8e5m2fnuz, Type.f4e2m1)

MOST_PLACES = 1 << 26  # of an axis, for which there are constants


class Factories:
    """The node factories of the newest opset, as attributes."""

    def __getattr__(self, name: str) -> Callable[..., Node]:
        try:
            found = vars(self)[name] = factories(NEWEST_OPSET).maker(name)
        except KeyError:
            raise AttributeError(f"there is no node factory {name!r}") from None
        return found


ops = Factories()


def ints(values: int | Sequence[int] | Array) -> Output:
    """A constant of type i64: a scalar for an int, else of rank 1."""
    return Constant.of(np.array(values, np.int64)).output(0)


def typed(values: Any, like: Output) -> Output:
    """A constant with the element type of another tensor."""
    return (
        of_type(values, like.element_type)
        if like.element_type is not Type.dynamic
        else ops.convert_like(np.asarray(values, np.float32), like).output(0)
    )


def of_type(values: Any, element_type: Type) -> Output:
    """A constant of an element type."""
    array = np.asarray(values)
    if element_type is Type.string and array.dtype.kind not in "OSU":
        raise ModelError(f"expected numbers, got {element_type.name}")
    return Constant.of(encode(array, element_type), element_type, array.shape).output(0)


def filled(value: Any, shape: Sequence[int], like: Output) -> Output:
    """A value in the type of `like`, in a shape that attributes tell: a node, which takes no memory before it runs."""
    return one(ops.broadcast(typed(value, like), ints(shape)))


def counted(count: int) -> Array:
    """0 to count - 1 [i64]. ModelError for more than an axis has: what attributes tell may be as large as they like."""
    if count > MOST_PLACES:
        raise ModelError(f"expected an axis of at most {MOST_PLACES} elements, got {count}")
    return np.arange(count)


def rank(value: Output) -> int:
    """The rank of a tensor. Raises ModelError when it is not known."""
    found = rank_or_none(value)
    if found is None:
        raise ModelError("the rank of an input is not known; give the model's inputs ranks")
    return found


def rank_or_none(value: Output) -> int | None:
    return len(value.partial_shape) if value.partial_shape.has_rank else None


def static_dims(value: Output) -> list[int | None] | None:
    """The dimensions, None for one that is not known; None when the rank is not known."""
    if not value.partial_shape.has_rank:
        return None
    return [dim.get_length() if dim.is_static else None for dim in value.partial_shape]


def positive(axis: int, count: int) -> int:
    """An axis counted from the front. Raises ModelError when there is no such axis of `count`."""
    if not -count <= axis < count:
        raise ModelError(f"axis {axis} of a tensor of rank {count}")
    return axis % count if count else 0


def shape_of(value: Output) -> Output:
    return one(ops.shape_of(value, "i64"))


def rank_of(value: Output) -> Output:
    """The rank as an i64 scalar."""
    found = rank_or_none(value)
    return ints(found) if found is not None else one(ops.squeeze(ops.shape_of(shape_of(value), "i64"), ints(0)))


def dim_of(value: Output, axis: int) -> Output:
    """A dimension as an i64 tensor of shape [1]; `axis` may count from the back."""
    return one(ops.gather(shape_of(value), ints([axis]), ints(0)))


def product(data: Output, start: int, end: int) -> Output:
    """The number of elements of the axes from start to end, of shape [1]; negative ones count from the last axis."""
    dims = ops.slice(shape_of(data), ints([start]), ints([end]), ints([1]))
    return one(ops.reduce_prod(dims, ints([0]), True))


def all_axes(value: Output) -> Output:
    """The axes of a tensor: i64, rank 1."""
    found = rank_or_none(value)
    if found is not None:
        return ints(list(range(found)))
    return one(ops.range(ints(0), rank_of(value), ints(1), "i64"))


def axes_from(value: Output, first: int) -> Output:
    """The axes from `first` to the last."""
    found = rank_or_none(value)
    if found is not None:
        return ints(list(range(first, found)))
    return one(ops.range(ints(first), rank_of(value), ints(1), "i64"))


def reshaped(value: Output, shape: Sequence[int]) -> Output:
    """The same elements in another shape, one dimension of which may be -1; a constant stays one."""
    node = value.node
    if isinstance(node, Constant) and node.stored.shape == tuple(value.partial_shape.to_shape()):
        return Constant.of(node.stored.reshape(shape), value.element_type).output(0)
    return one(ops.reshape(value, ints(shape), False))


def parts(value: Output, count: int, axis: int) -> list[Output]:
    """Equal parts along an axis; those of a constant are constants."""
    found = known(value)
    if found is None or found.shape[axis] % count:
        return ops.split(value, ints(axis), count).outputs()
    return [of_type(part, value.element_type) for part in np.split(found, count, axis)]


def joined(values: Sequence[Output], axis: int) -> Output:
    """Tensors side by side along an axis; a constant where all are."""
    found = [known(value) for value in values]
    if any(array is None for array in found):
        return one(ops.concat(list(values), axis))
    return of_type(np.concatenate([array for array in found if array is not None], axis), values[0].element_type)


def per_channel(value: Output, data: Output) -> Output:
    """A tensor [C] in the shape [C, 1, ...] that broadcasts over the channels of data [N, C, ...]."""
    return along_axis(value, data, 1)


def along_axis(value: Output, data: Output, axis: int) -> Output:
    """A tensor [n] in the shape [n, 1, ...] that broadcasts along an axis of data, whose rank need not be known."""
    count = rank_or_none(data)
    if count is None and axis >= 0:
        behind = ops.subtract(ops.shape_of(shape_of(data), "i64"), ints([axis + 1]))
        return one(ops.reshape(value, ops.concat([ints([-1]), ops.broadcast(ints(1), behind)], 0), False))
    return reshaped(value, [-1] + [1] * (-axis - 1 if count is None else count - positive(axis, count) - 1))


def transposed(value: Output, order: Sequence[int]) -> Output:
    return one(ops.transpose(value, ints(order)))


def moved(value: Output, axis: int, to: int) -> Output:
    """One axis of a tensor in another place."""
    order = [place for place in range(rank(value)) if place != axis]
    order.insert(to, axis)
    return transposed(value, order)


def channels_first(value: Output) -> Output:
    """[N, spatial..., C] as [N, C, spatial...]."""
    return moved(value, rank(value) - 1, 1)


def channels_last(value: Output) -> Output:
    """[N, C, spatial...] as [N, spatial..., C]."""
    return moved(value, 1, rank(value) - 1)


def converted(value: Output, element_type: Type) -> Output:
    """The value in an element type, itself when it has that type."""
    return value if value.element_type is element_type else one(ops.convert(value, element_type))


def as_small_float(value: Output, target: Type, *, saturate: bool) -> Output:
    """Rounded to one of ROUNDED_FLOATS; see RoundToSmallFloat. With an operator of OpenVINO where that has one."""
    own = value.element_type in (Type.f32, Type.f16, Type.bf16) and target in (Type.f8e4m3, Type.f8e5m2)
    if not own or not saturate:
        from ...ops.quantization import RoundToSmallFloat

        return converted(Node(RoundToSmallFloat(target.name, saturate), [value]).output(0), target)
    return converted(one(ops.fake_convert(value, typed(1, value), destination_type=target.name)), target)


def toward_zero(left: Output, right: Output) -> Output:
    """The quotient; of integers cut toward zero."""
    return Node(Divide(m_pythondiv=False), [left, right]).output(0)


def scalar(value: Output) -> Output:
    """A tensor of one element as a scalar."""
    if rank_or_none(value) == 0:
        return value
    found = known(value)
    if found is not None and found.size == 1:
        return of_type(found.reshape(()), value.element_type)
    return one(ops.reshape(value, Constant.of(np.zeros(0, np.int64)).output(0), False))


def one(node: Node) -> Output:
    """The only output of a node."""
    return node.output(0)
