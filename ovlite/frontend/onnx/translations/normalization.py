"""Normalisation and softmax."""

from __future__ import annotations

from collections.abc import Callable

from ....errors import ModelError
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
    product,
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
    call.expect("stash_type", 1)
    if groups < 1:
        raise ModelError(f"expected num_groups to be positive, got {groups}")
    channels = (static_dims(data) or [None, None])[1]
    if channels is not None and channels % groups:
        raise ModelError(f"{channels} channels can't be put in {groups} equal groups")
    if call.version < 21:
        scale, bias = (_repeated(value, data, groups) for value in (scale, bias))
    return ops.group_normalization(data, scale, bias, groups, call.decimal("epsilon", 1e-5))


def _repeated(value: Output, data: Output, groups: int) -> Output:
    """The value of each group, once for each of its channels."""
    times = ops.divide(dim_of(data, 1), ints([groups]))
    square = ops.tile(ops.unsqueeze(value, ints(1)), ops.concat([ints([1]), times], 0))
    return one(ops.reshape(square, ints([-1]), False))


def layer_normalization(call: Call) -> Translated:
    """Over the axes from `axis` on. Outputs: the normalised data, and in f32 its mean and 1 / deviation."""
    data, axes, epsilon = call.input(0), _last_axes(call), call.decimal("epsilon", 1e-5)
    call.expect("stash_type", 1)
    if not (call.wants(1) or call.wants(2)):
        return _scaled(call, one(ops.mvn(data, axes, True, epsilon, "inside_sqrt")))
    wide = data if data.element_type is Type.f64 else converted(data, Type.f32)
    mean = one(ops.reduce_mean(wide, axes, True))
    centred = ops.subtract(wide, mean)
    variance = one(ops.reduce_mean(ops.multiply(centred, centred), axes, True))
    deviation = one(ops.sqrt(ops.add(variance, of_type(epsilon, wide.element_type))))
    normal = converted(one(ops.divide(centred, deviation)), data.element_type)
    inverse = one(ops.divide(typed(1, deviation), deviation))
    return [_scaled(call, normal), converted(mean, Type.f32), converted(inverse, Type.f32)]


def _last_axes(call: Call) -> Output:
    """The axes from the attribute `axis` on; where it counts from the end, the rank need not be known."""
    data, axis = call.input(0), call.integer("axis", -1)
    if axis >= 0:
        return axes_from(data, axis)
    count = rank_or_none(data)
    return ints(list(range(axis, 0))) if count is None else axes_from(data, positive(axis, count))


def _scaled(call: Call, normal: Output) -> Output:
    """Times the second input, plus the third if there is one."""
    scaled, bias = one(ops.multiply(normal, call.input(1))), call.optional(2)
    return scaled if bias is None else one(ops.add(scaled, bias))


def lrn(call: Call) -> Translated:
    """x / (bias + alpha * m) ** beta, m the mean of the squares in a window of channels, 0 beyond the ends.

    A window of even size has the larger part behind the channel; the operator's own are of odd sizes.
    """
    data, size = call.input(0), call.integer("size")
    alpha, beta, bias = call.decimal("alpha", 1e-4), call.decimal("beta", 0.75), call.decimal("bias", 1.0)
    if size % 2:
        return ops.lrn(data, ints([1]), alpha, beta, bias, size)
    shape = shape_of(data)
    planes = ops.concat([product(data, 0, 1), ints([1]), product(data, 1, 2), product(data, 2, 2**31)], 0)
    squares = ops.reshape(ops.multiply(data, data), planes, False)
    means = ops.avg_pool(squares, [1, 1], [(size - 1) // 2, 0], [size // 2, 0], [size, 1], False)
    base = ops.add(ops.multiply(ops.reshape(means, shape, False), typed(alpha, data)), typed(bias, data))
    return ops.divide(data, ops.power(base, typed(beta, data)))


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
    axis = call.integer("axis", -1 if call.version >= 13 else 1)
    return _along(call.input(0), axis, call.version < 13, make)


def softmax_of(value: Output, axis: int, *, together: bool) -> Output:
    """Softmax along one axis; or, `together`, over all axes from `axis` on as if they were one."""
    return _along(value, axis, together, lambda data, place: one(ops.softmax(data, place)))


def _along(value: Output, axis: int, together: bool, make: Callable[[Output, int], Output]) -> Output:
    if not together or axis == -1:
        return make(value, axis)
    count, shape = rank_or_none(value), shape_of(value)
    if count is not None:
        axis = count if axis == count else positive(axis, count)
        behind = (static_dims(value) or [])[axis + 1 :]
        if axis == count - 1 or (axis < count and all(dim == 1 for dim in behind)):
            return make(value, axis)
    flat = ops.reshape(value, ops.concat([product(value, 0, axis), product(value, axis, 2**31)], 0), False)
    return one(ops.reshape(make(one(flat), 1), shape, False))


def rms_normalization(call: Call) -> Translated:
    """Over the axes from `axis` on."""
    call.expect("stash_type", 1)
    return root_mean_square(call.input(0), call.input(1), _last_axes(call), call.decimal("epsilon", 1e-5))


def root_mean_square(data: Output, scale: Output, axes: Output, epsilon: float) -> Output:
    """data / sqrt(mean(data**2) + epsilon) * scale, the mean over `axes`; halves are computed in f32."""
    wide = data if data.element_type is Type.f64 else converted(data, Type.f32)
    squares = ops.reduce_mean(ops.multiply(wide, wide), axes, True)
    root = ops.sqrt(ops.add(squares, of_type(epsilon, wide.element_type)))
    return one(ops.multiply(converted(one(ops.divide(wide, root)), data.element_type), scale))


def simplified_layer_normalization(call: Call) -> Translated:
    """The one operator of onnxruntime that models hold in ONNX's own domain."""
    axes = list(range(call.integer("axis", -1), 0)) or None
    call.expect("stash_type", 1)
    if axes is None or call.wants(1):
        return None
    return root_mean_square(call.input(0), call.input(1), ints(axes), call.decimal("epsilon", 1e-5))


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
    "SimplifiedLayerNormalization": simplified_layer_normalization,
    "Softmax": softmax,
}
