"""Quantization: real = (quantized - zero point) * scale.

Everything is written with real arithmetic on integers that f32 holds exactly. Scales and zero points
are one a tensor, one along an axis, or one a block of an axis.
"""

from __future__ import annotations

import numpy as np

from ....errors import ModelError
from ....graph import Output
from ....types import Type
from ..build import (
    ROUNDED_FLOATS,
    all_axes,
    along_axis,
    as_small_float,
    converted,
    counted,
    dim_of,
    ints,
    of_type,
    one,
    ops,
    positive,
    rank,
    rank_or_none,
    reshaped,
    scalar,
    static_dims,
)
from ..call import Call, Translated, Translation, known
from ..tensors import element_type
from .convolution import convolved, with_bias

RANGES = {
    Type.u2: (0, 3), Type.i2: (-2, 1), Type.u4: (0, 15), Type.i4: (-8, 7), Type.u8: (0, 255), Type.i8: (-128, 127),
    Type.u16: (0, 65535), Type.i16: (-32768, 32767),
}  # fmt: skip


def spread(parameter: Output, data: Output, axis: int, block: int = 0) -> Output:
    """A scale or zero point in a shape that broadcasts to data. block: elements of `axis` that share one, 0 for all."""
    count = known_rank(parameter)
    dims = static_dims(parameter)
    if count == 0 or dims == [1]:
        return scalar(parameter)
    if block:
        return one(ops.gather(parameter, _blocks(data, axis, block), ints(axis)))
    return along_axis(parameter, data, axis) if count == 1 else parameter


def _blocks(data: Output, axis: int, block: int) -> Output:
    """The block that each place along an axis lies in."""
    dims = static_dims(data)
    length = dims[positive(axis, len(dims))] if dims is not None else None
    if length is not None:
        return ints(counted(length) // block)
    return one(ops.divide(ops.range(ints(0), scalar(dim_of(data, axis)), ints(1), "i64"), ints(block)))


def quantize_linear(call: Call) -> Translated:
    data, scale, zero = call.input(0), call.input(1), call.optional(2)
    number = call.integer("output_dtype", 0)
    target = zero.element_type if zero is not None else element_type(number, "the result") if number else Type.u8
    axis, block = _axis(call, data), call.integer("block_size", 0)
    scale = spread(scale, data, axis, block)
    if zero is not None:
        zero = spread(zero, data, axis, block)
    if target in RANGES or target is Type.f4e2m1:
        call.without_effect("saturate")
    if target in ROUNDED_FLOATS:
        wide = one(ops.divide(converted(data, scale.element_type), scale))
        return as_small_float(wide, target, saturate=call.flag("saturate", True))
    return quantized(data, scale, zero, target) if target in RANGES else None


def dynamic_quantize_linear(call: Call) -> Translated:
    """The range of the data, with 0 in it, becomes 0 ... 255. Outputs: the bytes, the scale and the zero point."""
    data = call.input(0)
    scale, shift = range_of_bytes(data)
    zero = converted(shift, Type.u8)
    return [quantized(data, scale, zero, Type.u8), scale, zero]


def range_of_bytes(data: Output) -> tuple[Output, Output]:
    """Scale and zero point, in f32, with which the range of data, with 0 in it, becomes 0 ... 255; of zeros 1 and 0."""
    zero = of_type(0, Type.f32)
    low = ops.minimum(ops.reduce_min(data, all_axes(data), False), zero)
    high = ops.maximum(ops.reduce_max(data, all_axes(data), False), zero)
    scale = one(ops.divide(ops.subtract(high, low), of_type(255, Type.f32)))
    scale = one(ops.select(ops.equal(scale, zero), of_type(1, Type.f32), scale))
    return scale, one(ops.clamp(ops.round(ops.divide(ops.subtract(zero, low), scale), "half_to_even"), 0, 255))


def quantized(data: Output, scale: Output, zero: Output | None, target: Type) -> Output:
    """round(data / scale) + zero point, cut to the range of the target type; ties round to even."""
    wide = converted(data, scale.element_type)
    steps = one(ops.round(ops.divide(wide, scale), "half_to_even"))
    if zero is not None:
        steps = one(ops.add(steps, converted(zero, scale.element_type)))
    low, high = RANGES[target]
    return one(ops.convert(ops.clamp(steps, low, high), target))


def dequantize_linear(call: Call) -> Translated:
    data, scale, zero = call.input(0), call.input(1), call.optional(2)
    axis, block = _axis(call, data), call.integer("block_size", 0)
    number = call.integer("output_dtype", 0)
    found = dequantized(
        data, spread(scale, data, axis, block), None if zero is None else spread(zero, data, axis, block)
    )
    return converted(found, element_type(number, "the result")) if number else found


def dequantized(data: Output, scale: Output, zero: Output | None) -> Output:
    return one(ops.multiply(centred(data, zero, scale.element_type), scale))


def centred(data: Output, zero: Output | None, target: Type = Type.f32) -> Output:
    """data - zero point, in the type `target`."""
    wide = converted(data, target)
    return wide if zero is None else one(ops.subtract(wide, converted(zero, target)))


def stays_exact(weights: Output, zero: Output | None, axis: int | tuple[int, ...]) -> bool:
    """Return whether sums along `axis` of products of bytes and (weights - zero point) stay below 2**24 in any order.

    Weights that are not known may be anything; a zero point that is not a single known one, too.
    """
    found, shift = known(weights), None if zero is None else known(zero)
    if found is None or (zero is not None and (shift is None or shift.size != 1)):
        return False
    magnitudes = np.abs(found.astype(np.int64) - (0 if shift is None else int(shift.ravel()[0])))
    return int(magnitudes.sum(axis).max(initial=0)) * 255 < 2**24


def _axis(call: Call, data: Output) -> int:
    axis = call.integer("axis", 1)
    count = rank_or_none(data)
    return axis if count is None or not -count <= axis < count else positive(axis, count)


def _column(parameter: Output, data: Output) -> Output:
    """One value a row of a matrix as a column; one for the whole tensor as a scalar."""
    if static_dims(parameter) == [1]:
        return scalar(parameter)
    return reshaped(parameter, [-1, 1]) if known_rank(parameter) == 1 and rank(data) > 1 else parameter


def known_rank(parameter: Output) -> int:
    """The rank of a scale or zero point, which says for what there is one value each."""
    found = rank_or_none(parameter)
    if found is None:
        raise ModelError("the rank of a scale or zero point is not known; give the model's inputs ranks")
    return found


def row(parameter: Output) -> Output:
    """One value a column of a matrix as a row; one for the whole tensor as a scalar."""
    known_rank(parameter)
    return scalar(parameter) if static_dims(parameter) == [1] else parameter


def qlinear_matmul(call: Call) -> Translated:
    """Inputs: a, its scale, its zero point, b and its two, and the two of the result."""
    a, b = call.input(0), call.input(3)
    product = ops.matmul(centred(a, _column(call.input(2), a)), centred(b, row(call.input(5))), False, False)
    scale = ops.multiply(converted(_column(call.input(1), a), Type.f32), converted(row(call.input(4)), Type.f32))
    steps = ops.divide(converted(_column(call.input(6), a), Type.f32), scale)
    return quantized(one(product), one(steps), _column(call.input(7), a), call.input(7).element_type)


def qlinear_conv(call: Call) -> Translated:
    return qlinear_conv_of(call, call.input(0))


def qlinear_conv_of(call: Call, data: Output) -> Output:
    """Inputs: x, scale, zero point, w, scale, zero point (one an output channel), those of y, bias in i32.

    data: x as [N, C, spatial...].
    """
    filters = call.input(3)
    count = rank(filters)
    filter_zero, filter_scale = _per_filter(call.input(5), count - 1), _per_filter(call.input(4), count - 2)
    total = convolved(call, centred(data, scalar(call.input(2))), centred(filters, filter_zero))
    bias = call.optional(8)
    total = with_bias(total, None if bias is None else converted(bias, Type.f32))
    steps = ops.divide(scalar(call.input(6)), ops.multiply(scalar(call.input(1)), filter_scale))
    return quantized(total, one(steps), scalar(call.input(7)), call.input(7).element_type)


def _per_filter(parameter: Output, behind: int) -> Output:
    """A parameter with one value an output channel, followed by dimensions of 1; a single value as a scalar."""
    if known_rank(parameter) == 0 or static_dims(parameter) == [1]:
        return scalar(parameter)
    return reshaped(parameter, [-1] + [1] * behind)


def conv_integer(call: Call) -> Translated:
    """Inputs: data, filters, zero point of data, zero point of the filters (one, or one an output channel).

    Computed in f32 where the filters show that no sum leaves the integers that f32 holds.
    """
    data, filters, zero, filter_zero = call.input(0), call.input(1), call.optional(2), call.optional(3)
    count = rank(filters)
    if filter_zero is not None:
        filter_zero = _per_filter(filter_zero, count - 1)
    kind = Type.f32 if stays_exact(filters, filter_zero, tuple(range(1, count))) else Type.i32
    data = centred(data, None if zero is None else scalar(zero), kind)
    return converted(convolved(call, data, centred(filters, filter_zero, kind)), Type.i32)


OPERATORS: dict[str, Translation] = {
    "ConvInteger": conv_integer,
    "DequantizeLinear": dequantize_linear,
    "DynamicQuantizeLinear": dynamic_quantize_linear,
    "QLinearConv": qlinear_conv,
    "QLinearMatMul": qlinear_matmul,
    "QuantizeLinear": quantize_linear,
}
