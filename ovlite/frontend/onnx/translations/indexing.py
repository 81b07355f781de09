"""Gathering and scattering."""

from __future__ import annotations

from ....types import Type
from ..build import converted, ints, one, ops, positive, scalar, shape_of, static_dims
from ..call import Call, Translated, Translation

REDUCTIONS = {"none": "none", "add": "sum", "mul": "prod", "min": "min", "max": "max"}


def gather(call: Call) -> Translated:
    return ops.gather(call.input(0), call.input(1), ints(call.integer("axis", 0)))


def gather_elements(call: Call) -> Translated:
    """Indices may count from the end. Along other axes there may be fewer of them than data, whose rest is not used."""
    data, indices, axis = call.input(0), call.input(1), call.integer("axis", 0)
    given, wanted = static_dims(data), static_dims(indices)
    if given is None or wanted is None:
        return ops.gather_elements(data, indices, axis)
    place = positive(axis, len(given))
    others = [i for i in range(len(given)) if i != place]
    if len(given) == len(wanted) and any(given[i] is None or given[i] != wanted[i] for i in others):
        ends = ops.gather(shape_of(indices), ints(others), ints(0))
        zeros, ones = ints([0] * len(others)), ints([1] * len(others))
        data = one(ops.slice(data, zeros, ends, ones, ints(others)))
    return ops.gather_elements(data, indices, axis)


def gather_nd(call: Call) -> Translated:
    return ops.gather_nd(call.input(0), call.input(1), call.integer("batch_dims", 0))


def _reduction(call: Call) -> str:
    return call.choice("reduction", REDUCTIONS, "none")


def scatter_elements(call: Call) -> Translated:
    return ops.scatter_elements_update(
        call.input(0), call.input(1), call.input(2), ints(call.integer("axis", 0)), _reduction(call)
    )


def scatter_nd(call: Call) -> Translated:
    return ops.scatter_nd_update(call.input(0), call.input(1), call.input(2), _reduction(call))


def non_zero(call: Call) -> Translated:
    return ops.non_zero(call.input(0), "i64")


def compress(call: Call) -> Translated:
    """The slices along an axis, or the elements, whose condition is true; a short condition leaves the rest out."""
    data, condition, axis = call.input(0), call.input(1), call.integer("axis", None)
    chosen = ops.squeeze(ops.non_zero(condition, "i64"), ints([0]))
    if axis is None:
        return ops.gather(ops.reshape(data, ints([-1]), False), chosen, ints(0))
    return ops.gather(data, chosen, ints(axis))


def one_hot(call: Call) -> Translated:
    """Inputs: indices, depth, [off, on]. Indices may count from the end."""
    indices, depth, values = call.input(0), scalar(call.input(1)), call.input(2)
    indices, depth = (converted(value, Type.i64) for value in (indices, depth))
    off, on = (scalar(one(ops.gather(values, ints([i]), ints(0)))) for i in (0, 1))
    wrapped = ops.select(ops.less(indices, ints(0)), ops.add(indices, depth), indices)
    return ops.one_hot(wrapped, depth, on, off, call.integer("axis", -1))


def unique(call: Call) -> Translated:
    axis = call.integer("axis", None)
    found = ops.unique(call.input(0), None if axis is None else ints(axis), call.flag("sorted", True), "i64", "i64")
    return found.outputs()[: len(call.outputs)]


OPERATORS: dict[str, Translation] = {
    "Compress": compress,
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "NonZero": non_zero,
    "OneHot": one_hot,
    "Scatter": scatter_elements,
    "ScatterElements": scatter_elements,
    "ScatterND": scatter_nd,
    "Unique": unique,
}
