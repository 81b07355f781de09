"""Operators that are no steps of their own: loops, what keeps as many boxes as it finds, and what numpy carries out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import Operator
from ..graph.operator import Array
from ..kernels.runtime.executor import Team
from .builder import Evaluation
from .lowering import DIVISIONS
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
        if op.type in DIVISIONS and arrays[1].dtype.kind in "iu" and not arrays[1].all():
            raise ZeroDivisionError("an integer is divided by zero")
        with np.errstate(all="ignore"):
            return op.evaluate(*arrays)

    return evaluate
