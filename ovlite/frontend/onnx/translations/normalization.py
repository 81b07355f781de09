"""Normalisation and softmax."""

from __future__ import annotations

import math
from collections.abc import Callable

from ....graph import Output
from ....types import Type
from ..build import (
    axes_from,
    converted,
    dim_of,
    ints,
    of_type,
    one,
    ops,
    per_channel,
    positive,
    rank,
    rank_or_none,
    scalar,
    shape_of,
    static_dims,
    typed,
)
from ..call import Call, Translated, Translation


def batch_normalization(call: Call) -> Translated:
    """With the statistics that are given; training_mode is left to onnx.reference."""
    if call.flag("training_mode"):
        return None
    call.without_effect("momentum")
    data, scale, bias, mean, variance = (call.input(i) for i in range(5))
    found = ops.batch_norm_inference(data, scale, bias, mean, variance, call.decimal("epsilon", 1e-5))
    return [one(found)] + [mean, variance, mean, variance][: max(0, len(call.outputs) - 1)]


def instance_normalization(call: Call) -> Translated:
    data, scale, bias = (call.input(i) for i in range(3))
    normal = ops.mvn(data, axes_from(data, 2), True, call.decimal("epsilon", 1e-5), "inside_sqrt")
    return ops.add(ops.multiply(normal, per_channel(scale, data)), per_channel(bias, data))


def group_normalization(call: Call) -> Translated:
    """Scale and bias are one a channel; up to version 20, one a group."""
    data, scale, bias = (call.input(i) for i in range(3))
    groups = call.integer("num_groups")
    if call.version < 21:
        channels = (static_dims(data) or [None, None])[1]
        if channels is None or groups < 1 or channels % groups:
            return None
        scale, bias = (_repeated(value, channels // groups) for value in (scale, bias))
    return ops.group_normalization(data, scale, bias, groups, call.decimal("epsilon", 1e-5))


def _repeated(value: Output, times: int) -> Output:
    """Each element of a 1-D tensor, several times in a row."""
    square = ops.tile(ops.unsqueeze(value, ints(1)), ints([1, times]))
    return one(ops.reshape(square, ints([-1]), False))


def layer_normalization(call: Call) -> Translated:
    """Over the axes from `axis` on. With more outputs than the first, the function body does it."""
    data, scale, bias = call.input(0), call.input(1), call.optional(2)
    if call.wants(1) or call.wants(2):
        return None
    axis = call.integer("axis", -1)
    if axis < 0 and rank_or_none(data) is None:
        axes = ints(list(range(axis, 0)))
    else:
        axes = axes_from(data, positive(axis, rank(data)) if axis < 0 else axis)
    normal = ops.multiply(ops.mvn(data, axes, True, call.decimal("epsilon", 1e-5), "inside_sqrt"), scale)
    return normal if bias is None else ops.add(normal, bias)


def lrn(call: Call) -> Translated:
    """Over channels. The operator divides alpha by size, as ONNX does."""
    return ops.lrn(
        call.input(0), ints([1]), call.decimal("alpha", 1e-4), call.decimal("beta", 0.75), call.decimal("bias", 1.0),
        call.integer("size"),
    )  # fmt: skip


def lp_normalization(call: Call) -> Translated:
    """x over its norm along an axis; 0 where the norm is 0."""
    data, axes = call.input(0), ints([call.integer("axis", -1)])
    norm = (ops.reduce_l1 if call.integer("p", 2) == 1 else ops.reduce_l2)(data, axes, True)
    empty = ops.equal(norm, typed(0, data))
    return ops.divide(data, ops.select(empty, typed(1, data), norm))


def mean_variance_normalization(call: Call) -> Translated:
    return ops.mvn(call.input(0), ints(call.integers("axes", [0, 2, 3])), True, 1e-9, "outside_sqrt")


def softmax(call: Call) -> Translated:
    return _along_axis(call, lambda value, axis: one(ops.softmax(value, axis)))


def log_softmax(call: Call) -> Translated:
    return _along_axis(call, lambda value, axis: one(ops.log_softmax(value, axis)))


def hardmax(call: Call) -> Translated:
    return _along_axis(call, _hardmax)


def _hardmax(value: Output, axis: int) -> Output:
    """1 at the first maximum along an axis, else 0."""
    best = ops.topk(value, ints(1), axis, "max", "value", "i64", True).output(1)
    index = ops.squeeze(best, ints([axis]))
    depth = scalar(dim_of(value, axis))
    return one(ops.one_hot(index, depth, scalar(typed(1, value)), scalar(typed(0, value)), axis))


def _along_axis(call: Call, make: Callable[[Output, int], Output]) -> Translated:
    """Along one axis; up to version 12, over all axes from `axis` on as if they were one."""
    value = call.input(0)
    axis = call.integer("axis", -1 if call.version >= 13 else 1)
    if call.version >= 13 or axis == -1:
        return make(value, axis)
    count = rank(value)
    axis = count if axis == count else positive(axis, count)
    if axis == count - 1:
        return make(value, axis)
    dims = static_dims(value) or []
    shape = shape_of(value)
    if all(dim == 1 for dim in dims[axis + 1 :]) and axis < count:
        return make(value, axis)
    tail = dims[axis:]
    if None not in tail:
        flat = ops.reshape(value, ints([-1, math.prod(int(dim or 0) for dim in tail)]), False)
    else:
        length = ops.reduce_prod(ops.slice(shape, ints([axis]), ints([count]), ints([1])), ints([0]), True)
        flat = ops.reshape(value, ops.concat([ints([-1]), length], 0), False)
    return ops.reshape(make(one(flat), 1), shape, False)


def rms_normalization(call: Call) -> Translated:
    """Over the axes from `axis` on."""
    data = call.input(0)
    axis = positive(call.integer("axis", -1), rank(data))
    return root_mean_square(data, call.input(1), axes_from(data, axis), call.decimal("epsilon", 1e-5))


def root_mean_square(data: Output, scale: Output, axes: Output, epsilon: float) -> Output:
    """data / sqrt(mean(data**2) + epsilon) * scale, the mean over `axes`; halves are computed in f32."""
    wide = data if data.element_type is Type.f64 else converted(data, Type.f32)
    squares = ops.reduce_mean(ops.multiply(wide, wide), axes, True)
    root = ops.sqrt(ops.add(squares, of_type(epsilon, wide.element_type)))
    return one(ops.multiply(converted(one(ops.divide(wide, root)), data.element_type), scale))


OPERATORS: dict[str, Translation] = {
    "BatchNormalization": batch_normalization,
    "GroupNormalization": group_normalization,
    "Hardmax": hardmax,
    "InstanceNormalization": instance_normalization,
    "LRN": lrn,
    "LayerNormalization": layer_normalization,
    "LogSoftmax": log_softmax,
    "LpNormalization": lp_normalization,
    "MeanVarianceNormalization": mean_variance_normalization,
    "RMSNormalization": rms_normalization,
    "Softmax": softmax,
}
