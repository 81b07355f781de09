"""Reductions, and the indices of extremes."""

from __future__ import annotations

from collections.abc import Callable

from ....graph import Node, Output
from ....types import Type
from ..build import all_axes, dim_of, ints, one, ops, scalar, static_dims, typed
from ..call import Call, Translated, Translation

# The first version in which the axes are an input.
AXES_INPUT = {"ReduceSum": 13}
PLAIN = {
    "ReduceL1": "reduce_l1", "ReduceL2": "reduce_l2", "ReduceMax": "reduce_max", "ReduceMean": "reduce_mean",
    "ReduceMin": "reduce_min", "ReduceProd": "reduce_prod", "ReduceSum": "reduce_sum",
}  # fmt: skip
OF_BOOLEANS = {"ReduceMax": "reduce_logical_or", "ReduceMin": "reduce_logical_and"}

Reduce = Callable[[Output, Output, bool], Node]


def _reduction(make: Callable[[Call], Reduce]) -> Translation:
    """A reduction over the axes that a call gives, or over all."""

    def translate(call: Call) -> Translated:
        data = call.input(0)
        axes, all_of_them = _axes(call)
        if axes is None and not all_of_them:
            return make(call)(data, ints([]), True)
        return make(call)(data, all_axes(data) if axes is None else axes, call.flag("keepdims", True))

    return translate


def _axes(call: Call) -> tuple[Output | None, bool]:
    """The axes, None for none given; and whether none means all."""
    if call.version < AXES_INPUT.get(call.op_type, 18):
        axes = call.integers("axes", None)
        return (ints(axes) if axes else None), True
    axes_input = call.optional(1)
    if axes_input is not None and static_dims(axes_input) == [0]:
        axes_input = None
    return axes_input, not call.flag("noop_with_empty_axes")


def _plain(call: Call) -> Reduce:
    names = OF_BOOLEANS if call.input(0).element_type is Type.boolean and call.op_type in OF_BOOLEANS else PLAIN
    make: Reduce = getattr(ops, names[call.op_type])
    return make


def _log_sum(call: Call) -> Reduce:
    return lambda data, axes, keep: ops.log(ops.reduce_sum(data, axes, keep))


def _sum_square(call: Call) -> Reduce:
    return lambda data, axes, keep: ops.reduce_sum(ops.multiply(data, data), axes, keep)


def _log_sum_exp(call: Call) -> Reduce:
    """max + log(sum(exp(x - max))), which does not overflow; an infinite max is not subtracted."""

    def make(data: Output, axes: Output, keep: bool) -> Node:
        peak = ops.reduce_max(data, axes, True)
        if data.element_type.real:
            peak = ops.select(ops.is_finite(peak), peak, typed(0, data))
        sums = ops.log(ops.reduce_sum(ops.exp(ops.subtract(data, peak)), axes, keep))
        return ops.add(sums, peak if keep else ops.reduce_sum(peak, axes, False))

    return make


def arg_max(call: Call) -> Translated:
    return _arg(call, "max")


def arg_min(call: Call) -> Translated:
    return _arg(call, "min")


def _arg(call: Call, mode: str) -> Translated:
    """The index of the first extreme along an axis, of the last with select_last_index."""
    data, axis = call.input(0), call.integer("axis", 0)
    last = call.flag("select_last_index")
    if last:
        data = one(ops.slice(data, ints([-1]), ints([-(2**31)]), ints([-1]), ints([axis])))
    index = ops.topk(data, ints(1), axis, mode, "value", "i64", True).output(1)
    if last:
        index = one(ops.subtract(ops.subtract(scalar(dim_of(data, axis)), ints(1)), index))
    return index if call.flag("keepdims", True) else ops.squeeze(index, ints([axis]))


def cum_sum(call: Call) -> Translated:
    return ops.cum_sum(call.input(0), scalar(call.input(1)), call.flag("exclusive"), call.flag("reverse"))


def top_k(call: Call) -> Translated:
    """k is an attribute up to version 9, then an input. Of equal elements the one of the lower index comes first."""
    data = call.input(0)
    call.without_effect("sorted")  # where it is 0, any order is right
    k = ints(call.integer("k")) if call.version < 10 else scalar(call.input(1))
    mode = "max" if call.flag("largest", True) else "min"
    return ops.topk(data, k, call.integer("axis", -1), mode, "value", "i64", True)


OPERATORS: dict[str, Translation] = {
    **{name: _reduction(_plain) for name in PLAIN},
    "ArgMax": arg_max,
    "ArgMin": arg_min,
    "CumSum": cum_sum,
    "ReduceLogSum": _reduction(_log_sum),
    "ReduceLogSumExp": _reduction(_log_sum_exp),
    "ReduceSumSquare": _reduction(_sum_square),
    "TopK": top_k,
}
