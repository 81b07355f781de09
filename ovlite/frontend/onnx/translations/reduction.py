"""Reductions, and the indices of extremes."""

from __future__ import annotations

import math
from collections.abc import Callable

from ....graph import Node, Output
from ....types import Type
from ..build import (
    all_axes,
    converted,
    dim_of,
    ints,
    of_type,
    one,
    ops,
    rank_of,
    scalar,
    shape_of,
    static_dims,
    typed,
)
from ..call import Call, Translated, Translation

# The first version in which the axes are an input.
AXES_INPUT = {"ReduceSum": 13}
PLAIN = {
    "ReduceL1": "reduce_l1", "ReduceL2": "reduce_l2", "ReduceMax": "reduce_max", "ReduceMean": "reduce_mean",
    "ReduceMin": "reduce_min", "ReduceProd": "reduce_prod", "ReduceSum": "reduce_sum",
}  # fmt: skip
OF_BOOLEANS = {"ReduceMax": "reduce_logical_or", "ReduceMin": "reduce_logical_and"}

Reduce = Callable[[Output, Output, bool], Node | Output]


def _reduction(make: Callable[[Call], Reduce]) -> Translation:
    """A reduction over the axes that a call gives, or over all."""

    def translate(call: Call) -> Translated:
        axes, keep = _axes(call), call.flag("keepdims", True)
        found = make(call)(call.input(0), axes, keep)
        if keep or not _all_axes(call):
            return found
        return scalar(found if isinstance(found, Output) else one(found))

    return translate


def _all_axes(call: Call) -> bool:
    """Return whether no axes are given, which means all, so that the result has none."""
    if call.version < AXES_INPUT.get(call.op_type, 18):
        return not call.integers("axes", None)
    return call.optional(1) is None and not call.flag("noop_with_empty_axes")


def _axes(call: Call) -> Output:
    """The axes. None given, or an empty list of them, are all axes, and none with noop_with_empty_axes."""
    data = call.input(0)
    if call.version < AXES_INPUT.get(call.op_type, 18):
        attribute = call.integers("axes", None)
        return ints(attribute) if attribute else all_axes(data)
    axes, none_is_all = call.optional(1), not call.flag("noop_with_empty_axes")
    count = [0] if axes is None else static_dims(axes)
    if axes is None or count == [0]:
        return all_axes(data) if none_is_all else ints([])
    if not none_is_all or (count is not None and len(count) == 1 and count[0] is not None):
        return axes
    axes = converted(axes, Type.i64)
    empty = converted(one(ops.equal(ops.squeeze(shape_of(axes), ints(0)), ints(0))), Type.i64)
    every = ops.range(ints(0), ops.multiply(rank_of(data), empty), ints(1), "i64")
    return one(ops.concat([axes, every], 0))


def _plain(call: Call) -> Reduce:
    names = OF_BOOLEANS if call.input(0).element_type is Type.boolean and call.op_type in OF_BOOLEANS else PLAIN
    make: Reduce = getattr(ops, names[call.op_type])
    return make


def extreme(data: Output, axes: Output, keep: bool, mode: str) -> Output:
    """The greatest ("max") or least ("min") of real numbers: of nothing -inf or +inf.

    Where the result has elements and the data none, each of them is of nothing.
    """
    found = one((ops.reduce_max if mode == "max" else ops.reduce_min)(data, axes, keep))
    dims = static_dims(data)
    if dims is not None and None not in dims and 0 not in dims:
        return found
    size = ops.reduce_prod(shape_of(data), ints([0]), False)
    limit = of_type(-math.inf if mode == "max" else math.inf, data.element_type)
    return one(ops.select(ops.equal(size, ints(0)), limit, found))


def _extreme(mode: str) -> Callable[[Call], Reduce]:
    def make(call: Call) -> Reduce:
        if not call.input(0).element_type.real:
            return _plain(call)
        return lambda data, axes, keep: extreme(data, axes, keep, mode)

    return make


def _log_sum(call: Call) -> Reduce:
    """log(sum); of integers by way of f64, cut toward zero."""

    def make(data: Output, axes: Output, keep: bool) -> Output:
        total = one(ops.reduce_sum(data, axes, keep))
        return converted(one(ops.log(_real(total))), data.element_type)

    return make


def _real(value: Output) -> Output:
    return converted(value, Type.f64) if value.element_type.integral_number else value


def _sum_square(call: Call) -> Reduce:
    return lambda data, axes, keep: ops.reduce_sum(ops.multiply(data, data), axes, keep)


def _log_sum_exp(call: Call) -> Reduce:
    """max + log(sum(exp(x - max))), which does not overflow; an infinite max is not subtracted.

    Integers are computed as f64, and the result is cut toward zero.
    """

    def make(data: Output, axes: Output, keep: bool) -> Output:
        wide = _real(data)
        peak = ops.reduce_max(wide, axes, True)
        peak = ops.select(ops.is_finite(peak), peak, typed(0, wide))
        sums = ops.log(ops.reduce_sum(ops.exp(ops.subtract(wide, peak)), axes, keep))
        return converted(one(ops.add(sums, peak if keep else ops.reduce_sum(peak, axes, False))), data.element_type)

    return make


def arg_max(call: Call) -> Translated:
    return _arg(call, "max")


def arg_min(call: Call) -> Translated:
    return _arg(call, "min")


def _arg(call: Call, mode: str) -> Translated:
    """The index of the first extreme along an axis, of the last with select_last_index; NaN is either extreme."""
    data, axis = call.input(0), call.integer("axis", 0)
    if mode == "min" and data.element_type.real:
        data, mode = one(ops.negative(data)), "max"  # among the greatest NaN comes first
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
    "ReduceMax": _reduction(_extreme("max")),
    "ReduceMin": _reduction(_extreme("min")),
    "ReduceLogSum": _reduction(_log_sum),
    "ReduceLogSumExp": _reduction(_log_sum_exp),
    "ReduceSumSquare": _reduction(_sum_square),
    "TopK": top_k,
}
