"""Checks of axes, element types and steering inputs that the operators which move elements share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod

from ..errors import ModelError
from ..graph import Argument, Operator, PartialValue, TensorType
from ..graph.elements import type_of
from ..graph.operator import Array
from ..types import UNBOUNDED, Dimension, PartialShape, Type

MOST_STEERING = 1 << 16  # elements of an input that says axes, sizes or lengths


def require(condition: bool, message: str) -> None:
    """Raises ModelError with `message` unless the condition holds."""
    if not condition:
        raise ModelError(message)


def one_of(value: str, known: Sequence[str], what: str) -> None:
    """Raises ModelError unless an attribute has one of the values it can have."""
    require(value in known, f"expected {what} to be one of {', '.join(known)}, got {value!r}")


def normalized(axis: int, rank: int, what: str = "axis") -> int:
    """`axis` counted from the front. Raises ModelError when a tensor of that rank has no such axis."""
    require(
        -rank <= axis < rank, f"{what} {axis} is out of range: a tensor of rank {rank} has axes {-rank} to {rank - 1}"
    )
    return axis + rank if axis < 0 else axis


def distinct(axes: Iterable[int], rank: int) -> set[int]:
    """Axes counted from the front; 0 and -1 are none of a scalar. Raises ModelError when one is out of range."""
    found = {normalized(axis, rank or 1) for axis in axes}
    return found if rank else set()


def unique_axes(axes: Iterable[int], rank: int, what: str = "axis") -> list[int]:
    """Axes counted from the front. Raises ModelError when one is out of range or named twice."""
    found = [normalized(axis, rank, what) for axis in axes]
    require(len(set(found)) == len(found), f"expected each {what} once, got {found}")
    return found


def require_integers(argument: Argument, what: str) -> None:
    require(
        argument.element_type.integral_number or argument.element_type.is_dynamic(),
        f"expected {what} to be integers, got {argument.element_type.name}",
    )


def require_real(argument: Argument, what: str) -> None:
    require(
        argument.element_type.real or argument.element_type.is_dynamic(),
        f"expected {what} to have real elements, got {argument.element_type.name}",
    )


def index_type(element_type: Type, what: str) -> None:
    """Raises ModelError unless an attribute names i32 or i64."""
    require(element_type in (Type.i32, Type.i64), f"expected {what} to be i32 or i64, got {element_type.name}")


def require_numbers(element_type: Type) -> None:
    """Raises ModelError for strings."""
    require(element_type is not Type.string, "expected numbers, got strings; make numbers of them first")


def require_rank(argument: Argument, ranks: int | Sequence[int], what: str) -> None:
    """Raises ModelError when an input has a known rank that is not among `ranks`."""
    wanted = (ranks,) if isinstance(ranks, int) else ranks
    shape = argument.shape
    if shape.has_rank and len(shape) not in wanted:
        raise ModelError(f"expected {what} to have rank {' or '.join(map(str, wanted))}, got shape {shape}")


def merged_type(arguments: Iterable[Argument], what: str) -> Type:
    """The one element type of several inputs. Raises ModelError when they differ."""
    types = [argument.element_type for argument in arguments]
    if types.count(types[0]) == len(types):
        return types[0]
    found = Type.dynamic
    for element_type in types:
        merged = found.merge(element_type)
        if merged is None:
            raise ModelError(f"expected {what} to have one element type, got {', '.join(item.name for item in types)}")
        found = merged
    return found


def integers(argument: Argument) -> list[int] | None:
    """The elements of a steering input, None when they are not all known."""
    value = argument.value
    return None if value is None else [int(item) for item in value.ravel()]


def known_integers(value: Array | None) -> list[int] | None:
    """The elements of a steering input; None when they are not known, or no integers in one dimension or none."""
    if value is None or value.dtype.kind not in "iu" or value.ndim > 1:
        return None
    found: list[int] = value.ravel().tolist()
    return found


def integer(argument: Argument, what: str) -> int | None:
    """The only element of a steering input, None when it is not known."""
    values = integers(argument)
    if values is None:
        return None
    require(len(values) == 1, f"expected {what} to be a single number, got {len(values)}")
    return values[0]


def elements(shape: PartialShape | Sequence[Dimension]) -> Dimension:
    """How many elements a tensor has."""
    return prod(shape, start=Dimension(1))


def known_length(value: int | None) -> Dimension:
    """The dimension of a length that may not be known."""
    return Dimension() if value is None else Dimension(value)


def length_of(argument: Argument) -> int | None:
    """The length of a 1-D steering input, None when it is not known. ModelError for one that no shape has."""
    shape = argument.shape
    if not shape.has_rank or len(shape) != 1 or shape[0].is_dynamic:
        return None
    count = shape[0].get_length()
    require(
        count <= MOST_STEERING,
        f"expected an input of axes, sizes or lengths to have at most {MOST_STEERING} elements, got {argument}",
    )
    return count


def upper(dim: Dimension) -> Dimension:
    """Any length up to the dimension's."""
    return Dimension(0, dim.max_length)


def shifted(dim: Dimension, by: int) -> Dimension:
    """dim + by; never less than 0."""
    high = dim.max_length
    return Dimension(max(0, dim.min_length + by), UNBOUNDED if high == UNBOUNDED else max(0, high + by))


def inferred(op: Operator, *inputs: Array) -> Sequence[TensorType]:
    """The types that the operator infers for these arrays. Raises ModelError when they don't fit."""
    return op.infer([Argument(type_of(array), PartialShape(array.shape), PartialValue.of(array)) for array in inputs])


def static_shapes(op: Operator, *inputs: Array) -> list[tuple[int, ...]]:
    """The shapes that the operator infers for these arrays. Raises ModelError when they don't fit."""
    sizes = op.quick_shape([array.shape for array in inputs], inputs)
    if sizes is not None:
        return [sizes]
    return [tuple(tensor.shape.to_shape()) for tensor in inferred(op, *inputs)]
