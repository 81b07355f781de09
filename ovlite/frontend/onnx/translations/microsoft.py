"""Operators of onnxruntime's own domain, com.microsoft, that its optimizers and exporters write most."""

from __future__ import annotations

from functools import reduce

import numpy as np

from ....errors import ModelError
from ....graph import Constant, Node, Output
from ....types import Type
from ..build import (
    all_axes,
    converted,
    dim_of,
    ints,
    of_type,
    one,
    ops,
    rank,
    reshaped,
    scalar,
    static_dims,
    transposed,
    typed,
)
from ..call import Call, Translated, Translation, known
from .convolution import conv
from .matrix import gemm
from .normalization import root_mean_square
from .qlinear import OPERATORS as QLINEAR
from .quantization import centred, dequantize_linear, quantize_linear
from .recurrent import lstm_of

MASKED = -10000.0  # what onnxruntime adds to the scores of masked positions unless a model says otherwise


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


def fused_matmul(call: Call) -> Translated:
    if call.flag("transBatchA") or call.flag("transBatchB"):
        return None
    product = ops.matmul(call.input(0), call.input(1), call.flag("transA"), call.flag("transB"))
    return ops.multiply(product, typed(call.decimal("alpha", 1.0), call.input(0)))


def fused_conv(call: Call) -> Translated:
    """A convolution, to which the fourth input is added, and an activation."""
    found = one_of(conv(call))
    if (addend := call.optional(3)) is not None:
        found = one(ops.add(found, addend))
    return _activated(call, found, call.decimals("activation_params", []))


def fused_gemm(call: Call) -> Translated:
    parameters = [call.decimal(f"activation_{name}", None) for name in ("alpha", "beta", "gamma")]
    return _activated(call, one_of(gemm(call)), [value for value in parameters if value is not None])


def one_of(translated: Translated) -> Output:
    """The single output of a translation."""
    if isinstance(translated, Node):
        return one(translated)
    if isinstance(translated, Output):
        return translated
    raise ModelError("a part of the operator has no translation")


def _activated(call: Call, value: Output, parameters: list[float]) -> Translated:
    kind = call.text("activation", "")
    if kind in ("", "Relu", "Tanh", "Sigmoid"):
        return value if not kind else {"Relu": ops.relu, "Tanh": ops.tanh, "Sigmoid": ops.sigmoid}[kind](value)
    if kind == "LeakyRelu":
        return ops.prelu(value, typed(np.array([parameters[0] if parameters else 0.01]), value))
    if kind == "Clip" and len(parameters) == 2:
        return ops.clamp(value, *parameters)
    if kind == "HardSigmoid" and len(parameters) == 2:
        return ops.hard_sigmoid(value, typed(parameters[0], value), typed(parameters[1], value))
    return None


def skip_layer_normalization(call: Call) -> Translated:
    """Inputs: x, skip, scale, bias of the result, bias of the sum. The fourth output is the sum."""
    return _skipped(call, call.optional(3), call.optional(4), simplified=False)


def skip_simplified_layer_normalization(call: Call) -> Translated:
    """Inputs: x, skip, scale, bias of the sum. The fourth output is the sum."""
    return _skipped(call, None, call.optional(3), simplified=True)


def _skipped(call: Call, bias: Output | None, sum_bias: Output | None, *, simplified: bool) -> Translated:
    if call.wants(1) or call.wants(2):
        return None
    total = one(ops.add(call.input(0), call.input(1)))
    if sum_bias is not None:
        total = one(ops.add(total, sum_bias))
    epsilon = call.decimal("epsilon", 1e-12)
    if simplified:
        found = root_mean_square(total, call.input(2), ints([-1]), epsilon)
    else:
        found = _layer_norm(total, call.input(2), bias, epsilon)
    return [found, None, None, total]


def _layer_norm(value: Output, scale: Output, bias: Output | None, epsilon: float) -> Output:
    normal = ops.multiply(ops.mvn(value, ints([-1]), True, epsilon, "inside_sqrt"), scale)
    return one(normal if bias is None else ops.add(normal, bias))


def simplified_layer_normalization(call: Call) -> Translated:
    axes = list(range(call.integer("axis", -1), 0)) or None
    call.expect("stash_type", 1)
    if axes is None or call.wants(1):
        return None
    return root_mean_square(call.input(0), call.input(1), ints(axes), call.decimal("epsilon", 1e-5))


def embed_layer_normalization(call: Call) -> Translated:
    """Inputs: word ids, segment ids, three tables (words, positions, segments), scale, bias, mask, position ids.

    The second output counts the words of each batch that the mask leaves, 0 without a mask.
    """
    ids, segments, words, positions, segment_table = (call.optional(i) for i in range(5))
    if ids is None or words is None or positions is None:
        return None
    places = call.optional(8)
    if places is None:
        length = scalar(one(ops.gather(ops.shape_of(ids, "i64"), ints([1]), ints(0))))
        places = one(ops.range(ints(0), length, ints(1), "i64"))
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


def attention(call: Call) -> Translated:
    """Inputs: x, weights of query, key and value side by side, their bias, a mask [batch, length] of 0 and 1."""
    if any(call.optional(i) is not None for i in (4, 5, 6)) or call.wants(1) or call.has("qkv_hidden_sizes"):
        return None
    call.expect("do_rotary", 0, "export the model with RotaryEmbedding and MultiHeadAttention")
    call.without_effect("rotary_embedding_dim", "past_present_share_buffer")
    mask = call.optional(3)
    if mask is not None and rank(mask) != 2:
        return None
    projected = ops.matmul(call.input(0), call.input(1), False, False)
    if (bias := call.optional(2)) is not None:
        projected = ops.add(projected, bias)
    parts = ops.split(projected, ints(-1), 3).outputs()
    heads = call.integer("num_heads")
    return _attended(call, [_split_heads(part, heads) for part in parts], _key_mask(call, mask))


def _key_mask(call: Call, mask: Output | None) -> Output | None:
    """What is added to scores [batch, heads, queries, keys] for a mask of keys [batch, keys] of 0 and 1."""
    if mask is None:
        return None
    wide = ops.unsqueeze(converted(mask, Type.f32), ints([1, 2]))
    away = of_type(call.decimal("mask_filter_value", MASKED), Type.f32)
    return converted(one(ops.multiply(ops.subtract(of_type(1, Type.f32), wide), away)), call.input(0).element_type)


def multi_head_attention(call: Call) -> Translated:
    """Inputs: query, key, value [batch, length, heads * size], bias of all three, mask of keys, scores to add."""
    query, key, value, bias, mask, scores = (call.optional(i) for i in range(6))
    if key is None or value is None or any(call.optional(i) is not None for i in (6, 7)) or call.wants(1):
        return None
    if query is None or any(rank(part) != 3 for part in (query, key, value)) or (mask is not None and rank(mask) != 2):
        return None
    parts = [query, key, value]
    if bias is not None:
        sizes = [(static_dims(part) or [None])[-1] for part in parts]
        if None in sizes:
            return None
        biases = ops.variadic_split(bias, ints(0), ints([int(size or 0) for size in sizes])).outputs()
        parts = [one(ops.add(part, own)) for part, own in zip(parts, biases, strict=True)]
    heads = call.integer("num_heads")
    return _attended(call, [_split_heads(part, heads) for part in parts], _key_mask(call, mask), scores)


def _split_heads(value: Output, heads: int) -> Output:
    """[batch, length, heads * size] -> [batch, heads, length, size]."""
    return transposed(one(ops.reshape(value, ints([0, 0, heads, -1]), True)), [0, 2, 1, 3])


def _attended(call: Call, parts: list[Output], mask: Output | None, scores: Output | None = None) -> Translated:
    """Attention of [batch, heads, length, size], as [batch, length, heads * size].

    mask, scores: numbers that are added to the scores.
    """
    causal = call.flag("unidirectional")
    queries, keys = (part.partial_shape[2] for part in parts[:2])
    alike = call.op_type == "Attention" or (queries.is_static and queries == keys)
    if causal and not (alike and mask is None and scores is None):
        mask, causal = _causal(parts[0], parts[1], mask), False
    added = mask if scores is None else scores if mask is None else one(ops.add(scores, mask))
    scale = call.decimal("scale", 0.0)
    factor = typed(scale, parts[0]) if scale else None
    found = ops.scaled_dot_product_attention(*parts, added, factor, causal)
    return ops.reshape(transposed(one(found), [0, 2, 1, 3]), ints([0, 0, -1]), True)


def _causal(queries: Output, keys: Output, mask: Output | None) -> Output:
    """A mask with the least number where a key lies behind its query.

    The last query sees all keys, as in onnxruntime, also where there are more keys than queries.
    """
    count, length = (scalar(dim_of(value, 2)) for value in (queries, keys))
    own, others = (one(ops.range(ints(0), size, ints(1), "i64")) for size in (count, length))
    last = ops.equal(own, ops.subtract(count, ints(1)))
    seen = ops.unsqueeze(ops.select(last, length, own), ints([1]))
    visible = ops.less_equal(ops.unsqueeze(others, ints([0])), seen)
    found = queries.element_type
    least = typed(np.finfo(found.to_dtype() if found.real else np.float32).min, queries)
    return one(ops.select(visible, typed(0, queries) if mask is None else mask, least))


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
    zero = of_type(0, Type.f32)
    low = ops.minimum(ops.reduce_min(a, all_axes(a), False), zero)
    high = ops.maximum(ops.reduce_max(a, all_axes(a), False), zero)
    scale = one(ops.divide(ops.subtract(high, low), of_type(255, Type.f32)))
    scale = one(ops.select(ops.equal(scale, zero), of_type(1, Type.f32), scale))
    shift = ops.clamp(ops.round(ops.divide(ops.subtract(zero, low), scale), "half_to_even"), 0, 255)
    steps = ops.clamp(ops.add(ops.round(ops.divide(a, scale), "half_to_even"), shift), 0, 255)
    product = ops.matmul(ops.subtract(steps, shift), centred(call.input(1), call.optional(3)), False, False)
    found = ops.multiply(product, ops.multiply(scale, call.input(2)))
    bias = call.optional(4)
    return found if bias is None else ops.add(found, bias)


def matmul_nbits(call: Call) -> Translated:
    """A times the transpose of weights [N, K] of 4 or 8 bits; a scale and a zero point for each block of a row.

    Inputs: A, weights [N, blocks, bytes of a block], scales, zero points (packed, or real), order of groups, bias.
    """
    bits = call.integer("bits", 4)
    block, columns, rows = (call.integer(name) for name in ("block_size", "K", "N"))
    call.expect("weight_prepacked", 0)
    call.without_effect("accuracy_level")
    weights, zeros = call.input(1).node, call.optional(3)
    if bits not in (4, 8) or not isinstance(weights, Constant) or call.optional(4) is not None:
        return None
    blocks = -(-columns // block)
    kind = Type.u4 if bits == 4 else Type.u8
    scales = reshaped(call.input(2), [rows, blocks, 1])
    values = _packed(weights, kind, (rows, blocks, block), scales.element_type)
    if zeros is None:
        zero = typed(1 << (bits - 1), scales)
    elif zeros.element_type.real:
        zero = reshaped(zeros, [rows, blocks, 1])
    elif isinstance(zeros.node, Constant) and (bits == 8 or blocks % 2 == 0):
        zero = _packed(zeros.node, kind, (rows, blocks, 1), scales.element_type)
    else:
        return None
    real = ops.reshape(ops.multiply(ops.subtract(values, zero), scales), ints([rows, blocks * block]), False)
    if blocks * block != columns:
        real = ops.slice(real, ints([0]), ints([columns]), ints([1]), ints([1]))
    product = ops.matmul(call.input(0), real, False, True)
    bias = call.optional(5)
    return product if bias is None else ops.add(product, bias)


def _packed(node: Constant, kind: Type, shape: tuple[int, ...], target: Type) -> Output:
    """The bytes of a constant as elements of 4 or 8 bits, low bits first, converted."""
    array = node.array.reshape(-1) if kind is Type.u4 else node.array.reshape(shape)
    return converted(Constant.of(array, kind, shape).output(0), target)


def dynamic_quantize_lstm(call: Call) -> Translated:
    """An LSTM whose W and R are [directions, rows, 4 * hidden] of 8 bits; inputs 8 to 11 are the scale and the
    zero point of W, then of R: one a direction, or one a column.

    Inputs and states stay f32 here; onnxruntime rounds them to 8 bits, so its results are off by about 1 %.
    """
    weights = [_real_weights(call, place, 8 + 2 * i) for i, place in enumerate((1, 2))]
    if weights[0] is None or weights[1] is None:
        return None
    return lstm_of(call, weights[0], weights[1])


def _real_weights(call: Call, place: int, scale: int) -> Output | None:
    """Weights as f32, [directions, 4 * hidden, rows]; None when they are no constants."""
    found = [known(call.input(i)) for i in (place, scale, scale + 1)]
    if any(array is None for array in found):
        return None
    values, scales, zeros = (np.asarray(array, np.float32) for array in found)
    spread = (len(values), 1, -1)
    real = (values - zeros.reshape(spread)) * scales.reshape(spread)
    return of_type(np.asarray(real.transpose(0, 2, 1), order="C"), Type.f32)


def inverse(call: Call) -> Translated:
    return ops.inverse(call.input(0))


OPERATORS: dict[str, Translation] = {
    **QLINEAR,
    "Attention": attention,
    "BiasGelu": bias_gelu,
    "DequantizeLinear": dequantize_linear,
    "DynamicQuantizeLSTM": dynamic_quantize_lstm,
    "DynamicQuantizeMatMul": dynamic_quantize_matmul,
    "EmbedLayerNormalization": embed_layer_normalization,
    "FastGelu": fast_gelu,
    "FusedConv": fused_conv,
    "FusedGemm": fused_gemm,
    "FusedMatMul": fused_matmul,
    "Gelu": gelu,
    "Inverse": inverse,
    "MatMulIntegerToFloat": matmul_integer_to_float,
    "MatMulNBits": matmul_nbits,
    "MultiHeadAttention": multi_head_attention,
    "QuantizeLinear": quantize_linear,
    "QuickGelu": quick_gelu,
    "SkipLayerNormalization": skip_layer_normalization,
    "SkipSimplifiedLayerNormalization": skip_simplified_layer_normalization,
}
# The one operator of onnxruntime that models hold in ONNX's own domain.
UNNAMED: dict[str, Translation] = {"SimplifiedLayerNormalization": simplified_layer_normalization}
