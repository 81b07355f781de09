"""Known elements of small tensors, carried through the graph.

Shapes are often computed by the model itself (ShapeOf, Gather, Concat, Reshape). Knowing those
elements while shapes are inferred keeps the shapes behind them known.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .operator import Argument, Array, Operator, PartialValue, TensorType

LIMIT = 4096  # elements of a tensor whose values are carried


def propagate(op: Operator, inputs: Sequence[Argument], outputs: Sequence[TensorType]) -> Sequence[PartialValue | None]:
    """What is known of the elements of the outputs."""
    nothing: list[PartialValue | None] = [None] * len(outputs)
    partials = [argument.partial for argument in inputs]
    if not (op.moved_inputs or op.elementwise) or not inputs or any(_unusable(argument) for argument in inputs):
        return nothing
    arrays = [partial.array for partial in partials if partial is not None]
    steering = [i for i in range(len(inputs)) if op.moved_inputs and i not in op.moved_inputs]
    if any(inputs[i].value is None for i in steering):
        return nothing
    with np.errstate(all="ignore"):
        values = op.evaluate(*arrays)
    masks = _known(op, [partial for partial in partials if partial is not None], values)
    return [PartialValue(value, mask) for value, mask in zip(values, masks, strict=True)]


def _unusable(argument: Argument) -> bool:
    return argument.partial is None or argument.partial.array.size > LIMIT


def _known(op: Operator, partials: Sequence[PartialValue], values: Sequence[Array]) -> Sequence[Array]:
    """Which elements of the outputs are known."""
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
