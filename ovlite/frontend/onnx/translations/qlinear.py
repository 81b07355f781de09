"""com.microsoft's operators on quantized tensors: real = (quantized - zero point) * scale.

Each is the operator of its name on real numbers between the two quantizations. Products of integers are written so
that the scales come behind the sums.
"""

from __future__ import annotations

import numpy as np

from ....errors import ModelError
from ....graph import Output
from ....types import Type
from ..build import channels_first, channels_last, converted, ints, one, ops, rank, scalar
from ..call import Call, Translated, Translation
from .convolution import average_pool_of
from .normalization import softmax_of
from .quantization import centred, dequantized, quantized, row


def qlinear_binary(factory: str) -> Translation:
    """Inputs: a, its scale, its zero point, b and its two, and the two of the result."""

    def translate(call: Call) -> Translated:
        a, b = (dequantized(call.input(i), call.input(i + 1), call.optional(i + 2)) for i in (0, 3))
        return _requantized(call, one(getattr(ops, factory)(a, b)), 6)

    return translate


def _requantized(call: Call, value: Output, place: int) -> Output:
    """Quantized with the scale and zero point at inputs `place` and `place` + 1, in the first input's type."""
    return quantized(value, call.input(place), call.optional(place + 1), call.input(0).element_type)


def _real(call: Call) -> Output:
    return dequantized(call.input(0), call.input(1), call.optional(2))


def qlinear_sigmoid(call: Call) -> Translated:
    return _requantized(call, one(ops.sigmoid(_real(call))), 3)


def qlinear_leaky_relu(call: Call) -> Translated:
    slope = np.array([call.decimal("alpha", 0.01)], np.float32)
    return _requantized(call, one(ops.prelu(_real(call), slope)), 3)


def qlinear_global_average_pool(call: Call) -> Translated:
    data = _real(call)
    axes = list(range(1, rank(data) - 1) if call.flag("channels_last") else range(2, rank(data)))
    return _requantized(call, one(ops.reduce_mean(data, ints(axes), True)), 3)


def qlinear_concat(call: Call) -> Translated:
    """Inputs: scale and zero point of the result, then tensor, scale and zero point of each part."""
    parts = [dequantized(call.input(i), call.input(i + 1), call.optional(i + 2)) for i in range(2, len(call.inputs), 3)]
    joined = one(ops.concat(parts, call.integer("axis")))
    return quantized(joined, call.input(0), call.optional(1), call.input(2).element_type)


def qlinear_average_pool(call: Call) -> Translated:
    data, last = _real(call), call.flag("channels_last")
    if last:
        data = channels_first(data)
    found = one(average_pool_of(call, data))
    return _requantized(call, channels_last(found) if last else found, 3)


def qlinear_softmax(call: Call) -> Translated:
    """`opset` is that of the Softmax it stands for: before 13 all axes from `axis` on are one."""
    data, axis, opset = _real(call), call.integer("axis", -1), call.integer("opset")
    return _requantized(call, softmax_of(data, axis, together=opset < 13), 3)


def qlinear_reduce_mean(call: Call) -> Translated:
    data = _real(call)
    axes = call.integers("axes", list(range(rank(data))))
    return _requantized(call, one(ops.reduce_mean(data, ints(axes), call.flag("keepdims", True))), 3)


def qlinear_where(call: Call) -> Translated:
    """Inputs: condition, a, its scale, its zero point, b and its two, and the two of the result."""
    a, b = (dequantized(call.input(i), call.input(i + 1), call.optional(i + 2)) for i in (1, 4))
    chosen = one(ops.select(call.input(0), a, b))
    return quantized(chosen, call.input(7), call.optional(8), call.input(1).element_type)


def qgemm(call: Call) -> Translated:
    """alpha * a @ b + c. Inputs: a, its scale, its zero point, b and its two (one a column), c in i32 or nothing, and
    the scale and zero point of the result, without which it is real."""
    a, b, alpha = call.input(0), call.input(3), call.decimal("alpha", 1.0)
    left = centred(a, scalar(call.input(2)))
    right = centred(b, _across(call, call.input(5)))
    total = one(ops.matmul(left, right, call.flag("transA"), call.flag("transB")))
    scale = ops.multiply(scalar(call.input(1)), row(call.input(4)))
    bias, steps, zero = call.optional(6), call.optional(7), call.optional(8)
    if alpha != 1.0:
        if bias is not None:
            raise ModelError(
                f"alpha is {alpha} where there is a C, which is not supported: fold alpha into the scale of B"
            )
        scale = ops.multiply(scale, np.float32(alpha))
    if bias is not None:
        total = one(ops.add(total, converted(bias, Type.f32)))
    if steps is None:
        return ops.multiply(total, scale)
    target = zero.element_type if zero is not None else a.element_type
    return quantized(total, one(ops.divide(scalar(steps), scale)), None if zero is None else scalar(zero), target)


def _across(call: Call, zero: Output) -> Output:
    """A zero point of b, one or one a column, as what broadcasts to b as it is stored."""
    found = row(zero)
    return found if rank(found) == 0 or not call.flag("transB") else one(ops.unsqueeze(found, ints([1])))


OPERATORS: dict[str, Translation] = {
    "QGemm": qgemm,
    "QLinearAdd": qlinear_binary("add"),
    "QLinearAveragePool": qlinear_average_pool,
    "QLinearConcat": qlinear_concat,
    "QLinearGlobalAveragePool": qlinear_global_average_pool,
    "QLinearLeakyRelu": qlinear_leaky_relu,
    "QLinearMul": qlinear_binary("multiply"),
    "QLinearReduceMean": qlinear_reduce_mean,
    "QLinearSigmoid": qlinear_sigmoid,
    "QLinearSoftmax": qlinear_softmax,
    "QLinearWhere": qlinear_where,
}
