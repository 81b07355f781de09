"""Known elements of small tensors, carried through the graph.

Shapes are often computed by the model itself (ShapeOf, Gather, Concat, Reshape). Knowing those
elements while shapes are inferred keeps the shapes behind them known. A shape need not be known
as a whole: of [?,3,224,224] three elements are known, and Gather and Concat pass them on.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from ..types import PartialShape, Type
from .elements import held_as_objects
from .failures import FAILURES
from .operator import Argument, Array, Operator, PartialValue, TensorType

Bounds = tuple[Array, Array]
LIMIT = 4096  # elements of a tensor whose values are carried


def propagate(op: Operator, inputs: Sequence[Argument], outputs: Sequence[TensorType]) -> Sequence[PartialValue | None]:
    """Infers what is known of the elements of the outputs."""
    special = op.known(inputs)
    if special is not None:
        return special
    nothing: list[PartialValue | None] = [None] * len(outputs)
    if not all(_small(output.shape) for output in outputs):
        return nothing
    partials = _moved(op, inputs) if op.moved_inputs else _combined(op, inputs)
    if not partials or op.stateful:
        return nothing
    arrays = [partial.array for partial in partials]
    try:
        if not op.folds(arrays) and all(partial.complete for partial in partials):
            return nothing
        with np.errstate(all="ignore"):
            values = [np.asarray(value) for value in op.evaluate(*arrays)]
            masks = _known(op, partials, values)
            bounds = _bounds(op, partials, values)
    except FAILURES:  # wrong elements, such as an index out of range, are an error of the run
        return nothing
    return [PartialValue(*found) for found in zip(values, masks, bounds, strict=True)]


def _small(shape: PartialShape) -> bool:
    return shape.is_static and prod([dim.min_length for dim in shape.dims]) <= LIMIT


def _combined(op: Operator, inputs: Sequence[Argument]) -> list[PartialValue] | None:
    """The operands of an operator that computes; None when too little is known of them.

    An element-wise operator can do with some elements of each operand, all others need all. Half
    precision is left out: evaluate() takes such tensors as f32.
    """
    partials = [argument.partial for argument in inputs if argument.partial is not None]
    if len(partials) < len(inputs) or any(argument.element_type is Type.f16 for argument in inputs):
        return None
    if any(partial.array.size > LIMIT or not (partial.complete or op.elementwise) for partial in partials):
        return None
    return partials


def _moved(op: Operator, inputs: Sequence[Argument]) -> list[PartialValue] | None:
    """The operands of an operator that moves elements; None when nothing would be known of its outputs."""
    if all(argument.partial is None for i, argument in enumerate(inputs) if i in op.moved_inputs):
        return None
    partials = []
    for i, argument in enumerate(inputs):
        partial = argument.partial
        if partial is None and i in op.moved_inputs:
            partial = _unknown(argument)
        if partial is None or partial.array.size > LIMIT or not (partial.complete or i in op.moved_inputs):
            return None
        partials.append(partial)
    return partials


def _unknown(argument: Argument) -> PartialValue | None:
    """A small tensor of which no element is known, None when its shape is not known either."""
    if not _small(argument.shape) or argument.element_type is Type.dynamic or held_as_objects(argument.element_type):
        return None
    shape = tuple(argument.shape.to_shape())
    return PartialValue(np.ones(shape, argument.element_type.to_dtype()), np.zeros(shape, bool))


def _known(op: Operator, partials: Sequence[PartialValue], values: Sequence[Array]) -> Sequence[Array]:
    """Masks of the known elements of the outputs."""
    if all(partial.complete for partial in partials):
        return [np.ones(value.shape, bool) for value in values]
    if op.elementwise:
        known = np.ones((), bool)
        for partial in partials:
            known = known & partial.known
        return [np.broadcast_to(known, value.shape) for value in values]
    masks = [
        partial.known.astype(partial.array.dtype) if i in op.moved_inputs else partial.array
        for i, partial in enumerate(partials)
    ]
    return [np.asarray(mask != 0) for mask in op.evaluate(*masks)]


def _bounds(op: Operator, partials: Sequence[PartialValue], values: Sequence[Array]) -> Sequence[Bounds | None]:
    """The bounds of the outputs' elements, where elements with bounds are moved."""
    moved = [partial for i, partial in enumerate(partials) if i in op.moved_inputs]
    integers = all(partial.array.dtype.kind in "iu" for partial in moved)
    if not integers or all(partial.bounds is None for partial in moved):
        return [None] * len(values)
    lows, highs = [], []
    for i, partial in enumerate(partials):
        low, high = _interval(partial) if i in op.moved_inputs else (partial.array, partial.array)
        lows.append(low)
        highs.append(high)
    return list(zip(map(np.asarray, op.evaluate(*lows)), map(np.asarray, op.evaluate(*highs)), strict=True))


def _interval(partial: PartialValue) -> Bounds:
    """The bounds of integer elements; those of an unknown one are the dtype's."""
    if partial.bounds is not None:
        return partial.bounds
    limits = np.iinfo(partial.array.dtype)
    low = np.where(partial.known, partial.array, np.array(limits.min, partial.array.dtype))
    return low, np.where(partial.known, partial.array, np.array(limits.max, partial.array.dtype))
