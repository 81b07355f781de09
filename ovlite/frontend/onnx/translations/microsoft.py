"""Operators of onnxruntime's own domain, com.microsoft, that its optimizers and exporters write most."""

from __future__ import annotations

from functools import reduce

import numpy as np

from ....errors import ModelError
from ....graph import Output
from ....graph.operator import Array
from ....types import Type
from ..build import (
    converted,
    counted,
    dim_of,
    ints,
    moved,
    of_type,
    one,
    ops,
    positive,
    rank,
    scalar,
    typed,
)
from ..call import Call, Translated, Translation, known
from .attention import OPERATORS as ATTENTION
from .attention import numbers
from .experts import OPERATORS as EXPERTS
from .fusing import OPERATORS as FUSING
from .grouped import OPERATORS as GROUPED
from .images import OPERATORS as IMAGES
from .linear_attention import OPERATORS as LINEAR_ATTENTION
from .normalization import root_mean_square
from .packed import OPERATORS as PACKED
from .qlinear import OPERATORS as QLINEAR
from .quantization import centred, dequantize_linear, quantize_linear, quantized, range_of_bytes
from .recurrent import LSTM_ORDER, lstm_of
from .rotary import OPERATORS as ROTARY
from .shape import trilu
from .text import tokenizer
from .unpadded import OPERATORS as UNPADDED


def gelu(call: Call) -> Translated:
    return ops.gelu(call.input(0), "erf")


def bias_gelu(call: Call) -> Translated:
    return ops.gelu(ops.add(call.input(0), call.input(1)), "erf")


def fast_gelu(call: Call) -> Translated:
    bias = call.optional(1)
    return ops.gelu(call.input(0) if bias is None else ops.add(call.input(0), bias), "tanh")


def quick_gelu(call: Call) -> Translated:
    """x * sigmoid(alpha * x)."""
    return ops.swish(call.input(0), typed(call.decimal("alpha", 1.702), call.input(0)))


def skip_layer_normalization(call: Call) -> Translated:
    """Inputs: x, skip, scale, bias of the result, bias of the sum. The fourth output is the sum."""
    return _skipped(call, call.optional(3), call.optional(4), simplified=False)


def skip_simplified_layer_normalization(call: Call) -> Translated:
    """Inputs: x, skip, scale, bias of the sum. The fourth output is the sum."""
    return _skipped(call, None, call.optional(3), simplified=True)


def _skipped(call: Call, bias: Output | None, sum_bias: Output | None, *, simplified: bool) -> Translated:
    """The second and third outputs are the sum's mean (0 when simplified) and the inverse of its deviation, in f32."""
    total = one(ops.add(call.input(0), call.input(1)))
    if sum_bias is not None:
        total = one(ops.add(total, sum_bias))
    epsilon = call.decimal("epsilon", 1e-12)
    if simplified:
        found = root_mean_square(total, call.input(2), ints([-1]), epsilon)
    else:
        found = _layer_norm(total, call.input(2), bias, epsilon)
    wide = converted(total, Type.f32)
    mean = one(ops.reduce_mean(wide, ints([-1]), True))
    centre = wide if simplified else one(ops.subtract(wide, mean))
    variance = ops.reduce_mean(ops.multiply(centre, centre), ints([-1]), True)
    deviation = ops.sqrt(ops.add(variance, of_type(epsilon, Type.f32)))
    inverse_deviation = one(ops.divide(of_type(1, Type.f32), deviation))
    return [found, None if simplified else mean, inverse_deviation, total]


def _layer_norm(value: Output, scale: Output, bias: Output | None, epsilon: float) -> Output:
    normal = ops.multiply(ops.mvn(value, ints([-1]), True, epsilon, "inside_sqrt"), scale)
    return one(normal if bias is None else ops.add(normal, bias))


def embed_layer_normalization(call: Call) -> Translated:
    """Inputs: word ids, segment ids, three tables (words, positions, segments), scale, bias, mask, position ids.

    The second output counts the words of each batch that the mask leaves, 0 without a mask.
    """
    ids, segments, words, positions, segment_table = (call.optional(i) for i in range(5))
    if ids is None or words is None or positions is None:
        return None
    places = call.optional(8)
    if places is None:
        places = numbers(scalar(dim_of(ids, 1)))
    parts = [ops.gather(words, ids, ints(0)), ops.gather(positions, places, ints(0))]
    if segments is not None and segment_table is not None:
        parts.append(ops.gather(segment_table, segments, ints(0)))
    total = one(reduce(ops.add, parts))
    mask = call.optional(7)
    if call.wants(1):
        call.expect("mask_index_type", 1)
    else:
        call.without_effect("mask_index_type")
    counts = ops.reduce_sum(ops.multiply(ids, typed(0, ids)) if mask is None else mask, ints([1]), False)
    normal = _layer_norm(total, call.input(5), call.optional(6), call.decimal("epsilon", 1e-12))
    return [normal, converted(one(counts), Type.i32), total]


def matmul_integer_to_float(call: Call) -> Translated:
    """Inputs: a, b, their scales, their zero points, bias."""
    a, b, a_scale, b_scale = (call.input(i) for i in range(4))
    product = ops.matmul(centred(a, call.optional(4)), centred(b, call.optional(5)), False, False)
    found = ops.multiply(product, ops.multiply(a_scale, b_scale))
    bias = call.optional(6)
    return found if bias is None else ops.add(found, bias)


def dynamic_quantize_matmul(call: Call) -> Translated:
    """Inputs: a in f32, b, its scale, its zero point, bias. The range of a, with 0 in it, becomes 0 ... 255."""
    a = call.input(0)
    scale, shift = range_of_bytes(a)
    zero = converted(shift, Type.u8)
    steps = centred(quantized(a, scale, zero, Type.u8), zero)
    product = ops.matmul(steps, centred(call.input(1), call.optional(3)), False, False)
    found = ops.multiply(product, ops.multiply(scale, call.input(2)))
    bias = call.optional(4)
    return found if bias is None else ops.add(found, bias)


def dynamic_quantize_lstm(call: Call) -> Translated:
    """An LSTM whose W and R are [directions, rows, 4 * hidden] of 8 bits; inputs 8 to 11 are the scale and the
    zero point of W, then of R: one a direction, or one a column.

    Inputs and states are rounded to 8 bits as well, unless what compiles the model is to compute in f32.
    """
    found = [_weights(call, place, 8 + 2 * i) for i, place in enumerate((1, 2))]
    weights = [pair for pair in found if pair is not None]
    if len(weights) != 2:
        return None
    real = [of_type(codes * scales, Type.f32) for codes, scales in weights]
    held = all(codes.min(initial=0) >= -128 and codes.max(initial=0) <= 127 for codes, _ in weights)
    return lstm_of(call, real[0], real[1], [_of_bytes(*pair) for pair in weights] if held else None)


def _weights(call: Call, place: int, scale: int) -> tuple[Array, Array] | None:
    """Codes less their zero points, [directions, 4 * hidden, rows], and what they are multiplied by; None when they are
    no constants."""
    found = [known(call.input(i)) for i in (place, scale, scale + 1)]
    if any(array is None for array in found):
        return None
    values, scales, zeros = (np.asarray(array, np.float32) for array in found)
    codes = (values - zeros.reshape(len(values), 1, -1)).transpose(0, 2, 1)
    return np.asarray(codes, order="C"), scales.reshape(len(values), -1, 1)


def _of_bytes(codes: Array, scales: Array) -> Output:
    """Weights as real numbers made of signed bytes, with the gates in the order of LSTMSequence."""
    codes, scales = (
        array if array.shape[1] == 1 else np.concatenate([np.split(array, 4, 1)[i] for i in LSTM_ORDER], 1)
        for array in (codes, scales)
    )
    return one(ops.multiply(ops.convert(of_type(codes.astype(np.int8), Type.i8), Type.f32), of_type(scales, Type.f32)))


def inverse(call: Call) -> Translated:
    return ops.inverse(call.input(0))


def unfold_tensor(call: Call) -> Translated:
    """All parts of `size` elements of an axis, `step` apart; their elements are a new last axis."""
    data, size, step = call.input(0), call.integer("size"), call.integer("step", 1)
    axis = positive(call.integer("dim", -1), rank(data))
    if size < 1 or step < 1:
        raise ModelError(f"expected size and step to be positive, got {size} and {step}")
    first = ops.range(ints(0), scalar(one(ops.subtract(dim_of(data, axis), ints([size - 1])))), ints(step), "i64")
    places = ops.add(ops.unsqueeze(first, ints([1])), ints(counted(size)))
    return moved(one(ops.gather(data, places, ints(axis))), axis + 1, rank(data))


def cdist(call: Call) -> Translated:
    """Distances of the rows of a [m, n] and b [k, n], as [m, k]."""
    metric = call.text("metric", "sqeuclidean")
    if metric not in ("euclidean", "sqeuclidean"):
        raise ModelError(f"expected metric to be euclidean or sqeuclidean, got {metric!r}")
    apart = ops.subtract(ops.unsqueeze(call.input(0), ints([1])), ops.unsqueeze(call.input(1), ints([0])))
    squares = ops.reduce_sum(ops.multiply(apart, apart), ints([2]), False)
    return squares if metric == "sqeuclidean" else ops.sqrt(squares)


def expand_dims(call: Call) -> Translated:
    return ops.unsqueeze(call.input(0), call.input(1))


OPERATORS: dict[str, Translation] = {
    **ATTENTION,
    **EXPERTS,
    **FUSING,
    **GROUPED,
    **IMAGES,
    **LINEAR_ATTENTION,
    **PACKED,
    **QLINEAR,
    **ROTARY,
    **UNPADDED,
    "BiasGelu": bias_gelu,
    "DequantizeLinear": dequantize_linear,
    "DynamicQuantizeLSTM": dynamic_quantize_lstm,
    "DynamicQuantizeMatMul": dynamic_quantize_matmul,
    "CDist": cdist,
    "EmbedLayerNormalization": embed_layer_normalization,
    "ExpandDims": expand_dims,
    "FastGelu": fast_gelu,
    "Gelu": gelu,
    "Inverse": inverse,
    "MatMulIntegerToFloat": matmul_integer_to_float,
    "QuantizeLinear": quantize_linear,
    "QuickGelu": quick_gelu,
    "SkipLayerNormalization": skip_layer_normalization,
    "SkipSimplifiedLayerNormalization": skip_simplified_layer_normalization,
    "Tokenizer": tokenizer,
    "Trilu": trilu,
    "UnfoldTensor": unfold_tensor,
}
