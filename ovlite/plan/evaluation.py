"""Operators that are no steps of their own: loops, what keeps as many boxes as it finds, and what numpy carries out."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Operator
from ..graph.operator import Array
from ..kernels.runtime.executor import Team
from ..ops.interpreter import computed
from .builder import Evaluation
from .stage import Context


def evaluation(context: Context, op: Operator) -> Evaluation:
    """Makes the function that evaluates an operator that no kernel takes; what some need is imported for the first."""
    if op.type in ("Loop", "TensorIterator"):
        from ..ops.control import Iteration
        from .loops import Repeated

        if isinstance(op, Iteration):
            return Repeated(context, op)
    if op.type == "NonMaxSuppression":
        from ..ops.nms import NmsBase
        from .suppression import Suppressed

        if isinstance(op, NmsBase):
            return Suppressed(op, context.level)
    return _by_numpy(op)


def _by_numpy(op: Operator) -> Evaluation:
    def evaluate(arrays: Sequence[Array], team: Team) -> Sequence[Array]:
        return computed(op, arrays)

    return evaluate
