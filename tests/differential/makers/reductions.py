"""Reductions, extremes and cumulative sums."""

from __future__ import annotations

import numpy as np

from ..cases import Error, Made
from ..draw import Draw
from .base import EXACT, every, ints, largest, node, table


def reduction(d: Draw) -> Made:
    domain = {"ReduceProd": (0.6, 1.5), "ReduceLogSum": (0.01, 9)}.get(d.op_type)
    extreme = d.op_type in ("ReduceMax", "ReduceMin")
    data = d.data(domain=domain if domain or extreme else (-20, 20), empty=0.08)
    if data.dtype.kind in "iu" and d.op_type in ("ReduceLogSum", "ReduceLogSumExp"):
        data = d.like(data, [max(1, size) for size in data.shape], (1, 9))  # -inf of nothing is no integer
    if d.op_type == "ReduceMean" and not data.size:
        data = d.like(data, [max(1, size) for size in data.shape], (-20, 20))  # the mean of nothing is not defined
    if d.chance(0.03) and not d.whole:
        data = d.tensor((1, 70001) if d.chance(0.5) else (70001,), np.float32, (0, 1))
    count = max(1, data.size)
    magnitude = largest(data) ** (2 if d.op_type in ("ReduceSumSquare", "ReduceL2") else 1)
    if d.op_type in ("ReduceProd", "ReduceMean", "ReduceLogSum", "ReduceLogSumExp", "ReduceL2"):
        error = Error(16 + 2 * min(count, 70), 4, magnitude)
    else:
        error = Error(16, min(count, 64), magnitude)
    if extreme:
        error = EXACT
    axes = d.axes(data.ndim) if d.chance(0.7) else None
    if axes and (d.since < 11):
        axes = sorted(axis % data.ndim for axis in axes)
    keep = d.pick(None, 0, 1)
    if d.has("axes"):
        return node(d, [data], axes=axes or None, keepdims=keep, error=error)
    given = None if axes is None else ints(axes)
    if axes is None and d.chance(0.6):
        given = ints([])
    return node(d, [data, given], keepdims=keep, noop_with_empty_axes=d.pick(None, 0, 1), steering=(1,), error=error)


def arg(d: Draw) -> Made:
    data = d.data(rank=(1, 4), empty=0.0)
    axis = d.axis(data.ndim) if d.since >= 11 else d.integer(0, data.ndim - 1)
    return node(
        d, [data], axis=axis if data.ndim else None, keepdims=d.pick(None, 0, 1), select_last_index=d.pick(None, 0, 1),
        error=EXACT,
    )  # fmt: skip


def cumulative(d: Draw) -> Made:
    domain = (0.6, 1.5) if d.op_type == "CumProd" else (-20, 20)
    data = d.data("T", (1, 4), domain)
    axis = np.array(d.axis(data.ndim), d.pick(np.int32, np.int64))
    if d.chance(0.05) and not d.whole:
        data, axis = d.tensor((70001,), np.float32, (0, 1)), np.array(0)
    flags = {name: d.pick(None, 0, 1) for name in ("exclusive", "reverse")}
    return node(d, [data, axis], steering=(1,), error=Error(64, 64, largest(data)), **flags)


def top_k(d: Draw) -> Made:
    """Sorted, as the order of others is not defined."""
    data = d.data(rank=(1, 4))
    axis = d.axis(data.ndim) if d.since >= 11 else d.integer(0, data.ndim - 1)
    k = d.integer(0 if d.chance(0.1) else min(1, data.shape[axis]), data.shape[axis])
    if d.has("k"):
        return node(d, [data], 2, axis=axis, k=max(k, 1) if data.shape[axis] else 0, error=EXACT)
    return node(d, [data, ints([k])], 2, axis=axis, largest=d.pick(None, 0, 1), steering=(1,), error=EXACT)


MAKERS = {
    **every(
        "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum "
        "ReduceSumSquare",
        reduction,
    ),
    **every("ArgMax ArgMin", arg),
    **every("CumSum CumProd", cumulative),
    **table("", TopK=top_k),
}
