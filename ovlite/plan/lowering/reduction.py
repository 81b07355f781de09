"""Reductions."""

from __future__ import annotations

import numpy as np

from ..builder import Builder, Lowering
from ..calls import Call

_KINDS = {
    "ReduceSum": "sum",
    "ReduceMean": "mean",
    "ReduceMax": "max",
    "ReduceMin": "min",
    "ReduceProd": "prod",
    "ReduceL1": "l1",
    "ReduceL2": "l2",
    "ReduceLogicalAnd": "logical_and",
    "ReduceLogicalOr": "logical_or",
}
_INTEGERS = frozenset(map(np.dtype, ("int32", "int64")))
_INTEGER_KINDS = frozenset({"sum", "max", "min", "prod"})


def _reduce(builder: Builder, call: Call) -> bool:
    x, y, kind = call.inputs[0], call.outputs[0], _KINDS[call.op.type]
    integer = x.dtype in _INTEGERS and kind in _INTEGER_KINDS
    if not (x.dtype == np.float32 or integer or x.dtype == np.bool_) or kind.startswith("logical") != (
        x.dtype == np.bool_
    ):
        return False
    given = call.inputs[1].array
    if given is None:
        return False
    axes = sorted({int(axis) % len(x.shape) for axis in given.reshape(-1)}) if x.shape else []
    nothing = any(x.shape[axis] == 0 for axis in axes)
    if nothing or not axes and kind in ("l1", "l2"):  # a result that is no sum of terms is left to evaluate()
        return False
    if not axes:
        builder.copy(builder.view(x), builder.view(y))
        return True
    family, view = builder.family("reduction"), builder.view(x)
    partial = family.workspace_size(view, axes)
    workspace = builder.scratch(x.dtype, (partial,)) if partial else None
    for step in family.reduction(kind, view, builder.view(y), axes, workspace):
        builder.emit(step)
    return True


LOWERINGS: dict[str, Lowering] = dict.fromkeys(_KINDS, _reduce)
