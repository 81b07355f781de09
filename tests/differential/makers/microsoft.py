"""Operators of the domain com.microsoft that onnxruntime's optimiser and exporters write."""

from __future__ import annotations

import numpy as np

from ..cases import Error, Made
from ..draw import Draw
from .base import EXACT, node, sums, table
from .images import _window
from .quantized import _parameters, _two

M = "com.microsoft"
F32 = np.float32


TAIL = Error(200, 4, 4)  # the error of a sum or of a product, before an exponential


def gelu(d: Draw) -> Made:
    return node(d, [d.tensor(d.dims(1, 3, 0), F32)], error=TAIL)


def quick_gelu(d: Draw) -> Made:
    return node(d, [d.tensor(d.dims(1, 3, 0), F32)], alpha=d.maybe(d.decimal(0.5, 2)), error=TAIL)


def bias_gelu(d: Draw) -> Made:
    data = d.tensor(d.dims(1, 3, 0), F32)
    bias = d.tensor(data.shape[-1:], F32)
    if d.op_type == "FastGelu":
        return node(d, [data, d.maybe(bias)], steering=(1,), error=TAIL)
    return node(d, [data, bias], steering=(1,), error=TAIL)


def inverse(d: Draw) -> Made:
    n = d.integer(1, 4)
    data = d.tensor((*d.dims(0, 1, 0), n, n), F32, (-1, 1)) + 3 * np.eye(n, dtype=F32)
    return node(d, [data], error=Error(256, 256, 1))


def fused_matmul(d: Draw) -> Made:
    m, n, k = d.integer(1, 9), d.integer(1, 9), d.pick(1, 3, 8, 17)
    flip = [d.pick(None, 0, 1), d.pick(None, 0, 1)]
    lead = d.dims(0, 1, 0)
    left = d.tensor((*lead, k, m) if flip[0] else (*lead, m, k), F32, (-3, 3))
    right = d.tensor((*lead, n, k) if flip[1] else (*lead, k, n), F32, (-3, 3))
    return node(d, [left, right], transA=flip[0], transB=flip[1], alpha=d.maybe(0.5), steering=(1,),
                error=sums(8 + k, left, right))  # fmt: skip


def fused_gemm(d: Draw) -> Made:
    m, n, k = d.integer(1, 9), d.integer(1, 9), d.pick(1, 3, 8, 17)
    left, right = d.tensor((m, k), F32, (-3, 3)), d.tensor((k, n), F32, (-3, 3))
    name, numbers = d.pick(("Relu", {}), ("LeakyRelu", {"activation_alpha": 0.2}), ("Sigmoid", {}), ("Tanh", {}))
    return node(d, [left, right, d.maybe(d.tensor((n,), F32))], activation=name, steering=(1, 2),
                error=sums(32 + k, left, right), **numbers)  # fmt: skip


def fused_conv(d: Draw) -> Made:
    sizes, kernel, sliding = _window(d, 2, 3)
    data = d.tensor((1, 3, *sizes), F32, (-2, 2))
    filters = d.tensor((4, 3, *kernel), F32, (-2, 2))
    name, numbers = d.pick(("Relu", None), ("LeakyRelu", [0.2]), ("Clip", [0.0, 6.0]), ("HardSigmoid", [0.2, 0.5]),
                           ("Sigmoid", None), ("Tanh", None))  # fmt: skip
    bias = d.maybe(d.tensor((4,), F32))
    return node(d, [data, filters, bias], activation=name, activation_params=numbers, steering=(1, 2),
                error=sums(32 + 3 * np.prod(kernel), data, filters), **sliding)  # fmt: skip


def skip_normalization(d: Draw) -> Made:
    width = d.pick(1, 4, 8, 17)
    data = d.tensor((d.integer(1, 2), d.integer(1, 4), width), F32, (-3, 3)) + F32(d.pick(0, 100))
    vectors = [d.tensor((width,), F32, (-2, 2)) for _ in range(3)]
    simple = d.op_type.startswith("SkipSimplified")
    given = [vectors[0], *([] if simple else [d.maybe(vectors[1])]), d.maybe(vectors[2])]
    skip = d.tensor(data.shape, F32, (-3, 3))
    return node(d, [data, skip, *given], [True, False, False, d.chance(0.5)], epsilon=d.maybe(1e-3),
                steering=(2, 3, 4), error=Error(64, 64, 60))  # fmt: skip


def embed_normalization(d: Draw) -> Made:
    batch, length, width = d.integer(1, 2), d.integer(1, 4), d.pick(4, 8)
    words, places, kinds = (d.tensor((count, width), F32, (-2, 2)) for count in (9, 6, 2))
    ids = d.rng.integers(0, 9, (batch, length)).astype(np.int32)
    segments = d.maybe(d.rng.integers(0, 2, (batch, length)).astype(np.int32))
    mask = d.maybe((d.rng.random((batch, length)) < 0.7).astype(np.int32))
    inputs = [ids, segments, words, places, kinds if segments is not None else None,
              d.tensor((width,), F32, (-2, 2)), d.tensor((width,), F32, (-2, 2)), mask]  # fmt: skip
    return node(d, inputs, [True, True], epsilon=d.maybe(1e-3), steering=(2, 3, 4, 5, 6), error=Error(64, 64, 8))


def attention(d: Draw) -> Made:
    """Packed weights for query, key and value; a mask of lengths or of keys; causal or not."""
    batch, length, heads, size = d.integer(1, 2), d.integer(1, 5), d.integer(1, 3), d.pick(2, 4)
    wide = heads * size
    width = d.pick(3, 6)
    data, weights = d.tensor((batch, length, width), F32, (-1, 1)), d.tensor((width, 3 * wide), F32, (-1, 1))
    bias = d.tensor((3 * wide,), F32, (-1, 1))
    keys = (d.rng.random((batch, length)) < 0.7).astype(np.int32)
    keys[:, 0] = 1
    mask = d.pick(None, keys, np.array(d.integers(1, length, batch), np.int32))
    added = d.maybe(d.tensor((batch, heads, length, length), F32, (-1, 1)), 0.3)
    return node(d, [data, weights, bias, mask, None, added], num_heads=heads, unidirectional=d.pick(None, 0, 1),
                scale=d.maybe(0.4, 0.3), steering=(1, 2), error=Error(128, 128, 2))  # fmt: skip


def multi_head(d: Draw) -> Made:
    batch, length, keys, heads, size = d.integer(1, 2), d.integer(1, 5), d.integer(1, 5), d.integer(1, 3), d.pick(2, 4)
    wide = heads * size
    causal = d.pick(None, 0, 1)
    keys = length if causal else keys
    q, k, v = (d.tensor((batch, n, wide), F32, (-1, 1)) for n in (length, keys, keys))
    bias = d.maybe(d.tensor((3 * wide,), F32, (-1, 1)), 0.4)
    mask = d.pick(None, (d.rng.random((batch, keys)) < 0.7).astype(np.int32))
    if mask is not None:
        mask[:, 0] = 1
    added = d.maybe(d.tensor((batch, heads, length, keys), F32, (-1, 1)), 0.3)
    return node(d, [q, k, v, bias, mask, added], num_heads=heads, unidirectional=causal, scale=d.maybe(0.4, 0.3),
                error=Error(128, 128, 2))  # fmt: skip


def matmul_nbits(d: Draw) -> Made:
    bits, block, n, k = d.pick(4, 4, 8), d.pick(16, 32), d.integer(1, 9), d.pick(16, 32, 48, 80, 96)
    blocks = -(-k // block)
    data = d.tensor((d.integer(1, 3), k), F32, (-1, 1))
    weights = d.rng.integers(0, 256, (n, blocks, block * bits // 8)).astype(np.uint8)
    scales = d.tensor((n * blocks,), F32, (0.01, 0.2))
    packed = d.rng.integers(0, 256, n * -(-blocks * bits // 8)).astype(np.uint8)
    zeros = d.pick(None, packed)
    return node(d, [data, weights, scales, zeros], K=k, N=n, bits=bits, block_size=block, steering=(1, 1, 2, 3),
                error=sums(64 + k, data, np.array(250 * 0.2)))  # fmt: skip


def matmul_integer_to_float(d: Draw) -> Made:
    (a, b), m, n, k = _two(d), d.integer(1, 9), d.integer(1, 9), d.pick(1, 3, 8, 17)
    if a == np.int8:
        b = a
    a_scale, a_zero = _parameters(d, (), a)
    b_scale, b_zero = _parameters(d, (n,) if d.chance(0.3) else (), b)
    inputs = [d.tensor((m, k), a), d.tensor((k, n), b), a_scale, b_scale, d.maybe(a_zero), d.maybe(b_zero),
              d.maybe(d.tensor((n,), F32))]  # fmt: skip
    return node(d, inputs, steering=(1, 2, 3, 4, 5, 6), error=Error(32, 32, 255.0 * 255 * k))


def dynamic_quantize_matmul(d: Draw) -> Made:
    m, n, k = d.integer(1, 9), d.integer(1, 9), d.pick(1, 3, 8, 17)
    kind = np.dtype(d.pick(np.int8, np.uint8))
    scale, zero = _parameters(d, (n,) if d.chance(0.3) else (), kind)
    inputs = [
        d.tensor((m, k), F32, (-3, 5)),
        d.tensor((k, n), kind),
        scale,
        d.maybe(zero),
        d.maybe(d.tensor((n,), F32)),
    ]
    return node(d, inputs, steering=(1, 2, 3, 4), error=Error(64, 64, 255.0 * 8 * k))


def qlinear_binary(d: Draw) -> Made:
    kind = np.dtype(d.pick(np.int8, np.uint8))
    left, right = d.pair(d.dims(1, 3, 0))
    inputs = [d.tensor(left, kind), *_parameters(d, (), kind), d.tensor(right, kind), *_parameters(d, (), kind)]
    return node(d, [*inputs, np.array(d.decimal(0.5, 20), F32), np.array(3, kind)], steering=(1, 2, 4, 5, 6, 7),
                error=EXACT)  # fmt: skip


def qlinear_unary(d: Draw) -> Made:
    kind = np.dtype(d.pick(np.int8, np.uint8))
    inputs = [d.tensor(d.dims(1, 3, 0), kind), *_parameters(d, (), kind), *_parameters(d, (), kind)]
    alpha = d.maybe(0.2) if d.op_type == "QLinearLeakyRelu" else None
    if d.op_type == "QLinearSigmoid":
        inputs[3] = np.array(1 / 256, F32)
    made = node(d, inputs, steering=(1, 2, 3, 4), error=EXACT)
    if alpha is not None:
        made.attributes["alpha"] = alpha
    return made


def qlinear_average(d: Draw) -> Made:
    kind = np.dtype(d.pick(np.int8, np.uint8))
    inputs = [d.tensor(d.dims(4, 4, 0), kind), *_parameters(d, (), kind), *_parameters(d, (), kind)]
    return node(d, inputs, channels_last=d.pick(0, 0, 1), steering=(1, 2, 3, 4), error=EXACT)


def qlinear_concat(d: Draw) -> Made:
    kind, shape = np.dtype(d.pick(np.int8, np.uint8)), d.dims(1, 3, 0)
    inputs = [*_parameters(d, (), kind)]
    for _ in range(d.integer(1, 3)):
        inputs += [d.tensor(shape, kind), *_parameters(d, (), kind)]
    return node(d, inputs, axis=d.integer(0, len(shape) - 1), steering=(0, 1, 3, 4, 6, 7), error=EXACT)


MAKERS = table(
    M, Gelu=gelu, QuickGelu=quick_gelu, FastGelu=bias_gelu, BiasGelu=bias_gelu, Inverse=inverse,
    FusedMatMul=fused_matmul, FusedGemm=fused_gemm, FusedConv=fused_conv, SkipLayerNormalization=skip_normalization,
    SkipSimplifiedLayerNormalization=skip_normalization, EmbedLayerNormalization=embed_normalization,
    Attention=attention, MultiHeadAttention=multi_head, MatMulNBits=matmul_nbits,
    MatMulIntegerToFloat=matmul_integer_to_float, DynamicQuantizeMatMul=dynamic_quantize_matmul,
    QLinearAdd=qlinear_binary, QLinearMul=qlinear_binary, QLinearSigmoid=qlinear_unary,
    QLinearLeakyRelu=qlinear_unary, QLinearGlobalAveragePool=qlinear_average, QLinearConcat=qlinear_concat,
)  # fmt: skip
