"""Operators of com.microsoft that its optimizers and exporters write: against onnxruntime where its CPU has them, else
against the formulas of their descriptions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.frontend.onnx import read_onnx

from ..tolerances import sums
from .onnx_cases import evaluate
from .test_onnx_microsoft import (
    SCALES,
    F,
    M,
    U,
    build,
    codes,
    compare,
    one,
    reals,
    signed_codes,
    takes_defaults_and_nothing_else,
)

Array = np.ndarray
Case = tuple[str, list[Array], set[int], str]
I32 = np.int32
MASK = np.array([[1, 1, 0, 1], [1, 1, 1, 0]], I32)
HEADS = [reals(2, 1, 8), reals(2, 1, 8, seed=1), reals(2, 1, 8, seed=2)]
PAST = [reals(2, 2, 3, 4), reals(2, 2, 3, 4, seed=1)]
ROOM, TAKEN = [reals(2, 2, 6, 4), reals(2, 2, 6, 4, seed=1)], np.array([3], I32)
CACHED = "float[] y, float[] k, float[] v"
EXPERTS = "<k = 2, normalize_routing_weights = {}, activation_type = {}{}>"


def experts(activation: str, width: int, *, even: int = 1, more: str = "", third: bool = False) -> Case:
    """MoE of 4 experts, tokens of 6, 8 inside. width: of the first layer."""
    layers = [reals(4, width, 6), reals(4, width, seed=1), reals(4, 6, 8, seed=2), reals(4, 6, seed=3)]
    arrays = [reals(2, 3, 6), reals(6, 4), *layers, *([reals(4, 8, 6, seed=4), reals(4, 8, seed=5)] if third else [])]
    names = ", ".join(f"i{i}" for i in range(len(arrays)))
    return (
        M + "MoE" + EXPERTS.format(even, f'"{activation}"', more) + f"({names})",
        arrays,
        set(range(2, len(arrays))),
        F,
    )


def packed_experts(bits: int, block: int, *, zeros: bool = False) -> Case:
    """QMoE of 4 experts, tokens of 32, 16 inside."""
    blocks = (32 // block, 16 // block) if block else ()
    scales = [abs(reals(4, 16, *blocks[:1])) / 2**bits, abs(reals(4, 32, *blocks[1:])) / 2**bits]
    weights = [codes(4, 16, 32 * bits // 8), codes(4, 32, 16 * bits // 8, seed=1)]
    arrays = [reals(5, 32), reals(5, 4), weights[0], scales[0], weights[1], scales[1]]
    names = 'i0, i1, i2, i3, "", i4, i5, ""'
    if zeros:
        packed = [-(-count * bits // 8) for count in blocks] or [16 * bits // 8, 32 * bits // 8]
        rows = ((4, 16), (4, 32)) if block else ((4,), (4,))
        arrays += [codes(*row, size, seed=2) for row, size in zip(rows, packed, strict=True)]
        names += ', "", "", "", i6, i7'
    more = f", expert_weight_bits = {bits}" + (f", block_size = {block}" if block else "")
    return M + "QMoE" + EXPERTS.format(1, '"silu"', more) + f"({names})", arrays, set(range(2, len(arrays))), F


def of_equal_scores(case: Case) -> Case:
    """The same where experts share the best score."""
    call, (tokens, scores, *rest), fixed, outputs = case
    return call, [tokens, np.sign(scores), *rest], fixed, outputs


def linear(rule: str, queries: int, heads: int, *, per_key: bool = False, state: bool = True) -> Case:
    """LinearAttention of keys of 4 and values of 3, 5 times."""
    arrays = [reals(2, 5, queries * 4), reals(2, 5, heads * 4, seed=1), reals(2, 5, heads * 3, seed=2)]
    names = ["i0", "i1", "i2", '""', '""', '""']
    given: list[tuple[int, Array]] = [(3, reals(2, heads, 4, 3))] if state else []
    if "gated" in rule:
        given.append((4, -abs(reals(2, 5, heads * (4 if per_key else 1)))))
    if "delta" in rule:
        given.append((5, 1 / (1 + np.exp(reals(2, 5, heads, seed=3)))))
    for place, array in given:
        names[place] = f"i{len(arrays)}"
        arrays.append(array)
    attributes = f'<q_num_heads = {queries}, kv_num_heads = {heads}, update_rule = "{rule}">'
    return M + f"LinearAttention{attributes}({', '.join(names)})", arrays, set(), "float[] y, float[] s"


CASES: dict[str, Case] = {
    **{
        f"FusedMatMul{name}": (M + f"FusedMatMul<{attributes}>(i0, i1)", arrays, set(), F)
        for name, attributes, arrays in (
            (" of batches in the middle", "transBatchA = 1", [reals(3, 2, 4), reals(2, 4, 5)]),
            (" of both", "transBatchA = 1, transBatchB = 1, alpha = 2.0", [reals(3, 2, 6, 4), reals(4, 2, 6, 5)]),
            (" of both turned", "transBatchA = 1, transA = 1, transBatchB = 1, transB = 1",
             [reals(4, 2, 3), reals(5, 2, 4)]),
        )
    },
    "TransposeMatMul": (M + "TransposeMatMul<transA = 1>(i0, i1)", [reals(4, 3), reals(4, 5)], set(), F),
    **{
        f"FusedGemm {name}": (
            M + f'FusedGemm<activation = "{name}"{more}>(i0, i1, i2)', [reals(2, 3), reals(3, 4), reals(4)], set(), F,
        )
        for name, more in (
            ("LeakyRelu", ", activation_alpha = 0.2"), ("Elu", ", activation_alpha = 0.7"),
            ("HardSigmoid", ", activation_alpha = 0.3, activation_beta = 0.4"), ("Sigmoid", ""), ("Tanh", ""),
            ("Selu", ", activation_alpha = 1.5, activation_gamma = 1.1"), ("Softplus", ""), ("Softsign", ""),
            ("ThresholdedRelu", ", activation_alpha = 0.5"),
        )
    },
    **{
        f"FusedConv {name}": (
            M + f'FusedConv<activation = "{name}", activation_params = [{parameters}]>(i0, i1)',
            [reals(1, 2, 4, 4), reals(3, 2, 3, 3)], {1}, F,
        )
        for name, parameters in (("Clip", "-0.5, 0.5"), ("HardSigmoid", "0.3, 0.4"))
    },
    "UnfoldTensor": (M + "UnfoldTensor<dim = 1, size = 3, step = 2>(i0)", [reals(2, 8, 3)], set(), F),
    "UnfoldTensor of the last axis": (M + "UnfoldTensor<size = 4>(i0)", [reals(2, 9)], set(), F),
    **{
        f"CDist {metric}": (M + f'CDist<metric = "{metric}">(i0, i1)', [reals(3, 4), reals(5, 4)], set(), F)
        for metric in ("euclidean", "sqeuclidean")
    },
    "NhwcMaxPool": (
        M + "NhwcMaxPool<kernel_shape = [2, 2], strides = [2, 1], pads = [0, 1, 1, 0]>(i0)", [codes(1, 5, 4, 3)], set(),
        U,
    ),
    **{
        f"QLinearConv{' with channels last' * last}": (
            M + f"QLinearConv<channels_last = {last}, pads = [1, 1, 1, 1], group = 2>"
            "(i0, i1, i2, i3, i4, i5, i6, i7, i8)",
            [codes(1, 5, 4, 4) if last else codes(1, 4, 5, 4), *SCALES[:2], signed_codes(6, 2, 3, 3),
             one(0.03), one(0, np.int8), *SCALES[4:], codes(6, dtype=I32, below=100)],
            set(range(1, 9)), U,
        )
        for last in (0, 1)
    },
    **{
        f"QAttention {name}": (
            M + f"QAttention<num_heads = 2, unidirectional = {causal}>(i0, i1, i2, i3, i4, i5, i6, i7)",
            [codes(2, 4, 6), signed_codes(6, 24), reals(24), one(0.02), scale, MASK[:, :0] if causal else MASK,
             one(120, np.uint8), zero],
            {1, 2, 3, 4, 6, 7}, F,
        )
        for name, causal, scale, zero in (
            ("masked", 0, one(0.01), one(3, np.int8)),
            ("of columns", 0, abs(reals(24)) / 50, np.zeros(24, np.int8)),
        )
    },
    "QAttention with keys of before": (
        M + 'QAttention<num_heads = 2, unidirectional = 1>(i0, i1, i2, i3, i4, "", i5, i6, i7)',
        [codes(2, 4, 6), codes(6, 24), reals(24), one(0.02), one(0.01), one(120, np.uint8), one(130, np.uint8),
         reals(2, 2, 2, 3, 4)],
        set(range(1, 7)), "float[] y, float[] p",
    ),
    "DecoderMaskedMultiHeadAttention": (
        M + 'DecoderMaskedMultiHeadAttention<num_heads = 2, past_present_share_buffer = 1>'
        '(i0, i1, i2, i3, "", i4, i5, i6)',
        [*HEADS, MASK, *ROOM, TAKEN], set(), CACHED,
    ),
    "DecoderMaskedMultiHeadAttention with scores and a bias": (
        M + 'DecoderMaskedMultiHeadAttention<num_heads = 2, scale = 0.4, past_present_share_buffer = 1>'
        '(i0, i1, i2, "", i3, i4, i5, i6, "", "", i7)',
        [*HEADS, reals(2, 2, 1, 4), *ROOM, TAKEN, reals(24)], set(), CACHED,
    ),
    "DecoderMaskedMultiHeadAttention of another sequence": (
        M + "DecoderMaskedMultiHeadAttention<num_heads = 2>(i0, i1, i2)", [HEADS[0], *PAST], set(), F,
    ),
    **{f"MoE {name}": experts(name, 8) for name in ("relu", "gelu", "silu", "identity")},
    "MoE of equal scores": of_equal_scores(experts("relu", 8)),
    "QMoE of equal scores": of_equal_scores(packed_experts(4, 0)),
    "MoE of shares of all": experts("relu", 8, even=0),
    "MoE of gates": experts(
        "swiglu", 16, more=", swiglu_fusion = 1, activation_alpha = 1.7, activation_beta = 1.0, swiglu_limit = 1.5"
    ),
    **{
        f"QMoE of {bits} bits{f', {block} a block' * bool(block)}{', zero points' * zeros}": packed_experts(
            bits, block, zeros=zeros
        )
        for bits, block in ((4, 0), (4, 16), (8, 0)) for zeros in (False, True)
    },
    **{
        f"CausalConvWithState {name}": (
            M + f"CausalConvWithState<{attributes}>({inputs})", arrays, {1}, "float[] y, float[] s"
        )
        for name, attributes, inputs, arrays in (
            ("alone", "dilation = 1", "i0, i1", [reals(2, 3, 5), reals(3, 1, 4)]),
            ("all", 'activation = "silu"', "i0, i1, i2, i3",
             [reals(2, 3, 5), reals(3, 1, 4), reals(3), reals(2, 3, 3)]),
            ("one", 'activation = "swish"', 'i0, i1, "", i2', [reals(2, 3, 1), reals(3, 1, 4), reals(2, 3, 3)]),
            ("apart", "dilation = 2", "i0, i1", [reals(2, 3, 5), reals(3, 1, 3)]),
            ("last", "channels_last = 1", "i0, i1, i2, i3",
             [reals(2, 5, 3), reals(3, 1, 4), reals(3), reals(2, 3, 3)]),
        )
    },
    **{f"LinearAttention {rule}": linear(rule, 2, 2) for rule in ("linear", "gated", "delta", "gated_delta")},
    "LinearAttention of decays of keys": linear("gated_delta", 2, 2, per_key=True),
    "LinearAttention of shared keys": linear("gated_delta", 4, 2),
    "LinearAttention of shared queries": linear("gated_delta", 2, 4),
    "LinearAttention without a state": linear("delta", 2, 2, state=False),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_operator_gives_what_onnxruntime_gives(name: str) -> None:
    call, arrays, fixed, outputs = CASES[name]
    content = build(call, arrays, fixed, outputs)
    compare(content, {f"i{i}": array for i, array in enumerate(arrays) if i not in fixed}, call, outputs, *arrays)


@pytest.mark.parametrize("name", CASES)
def test_attributes_may_be_given_their_defaults_and_no_others_may_be_given(name: str) -> None:
    call, arrays, fixed, outputs = CASES[name]
    takes_defaults_and_nothing_else(build(call, arrays, fixed, outputs))


def given(call: str, *arrays: Array, fixed: set[int] | None = None, outputs: str = F) -> list[Array]:
    """The outputs of a call."""
    held = fixed or set()
    model = read_onnx(build(M + call, list(arrays), held, outputs))
    return evaluate(model, [array for i, array in enumerate(arrays) if i not in held])


def gelu(x: Array, *, by_tanh: bool = False) -> Array:
    x = x.astype(np.float64)
    if by_tanh:
        return x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2
    return np.array([v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in x.ravel()]).reshape(x.shape)


def close(found: Array, expected: Array) -> None:
    np.testing.assert_allclose(found, expected, **sums(64))


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_sums_of_diffusion_models() -> None:
    x, bias, skip = reals(2, 3, 8), reals(8), reals(2, 3, 8, seed=1)
    close(given("BiasAdd(i0, i1, i2)", x, bias, skip)[0], x + bias + skip)
    whole = x + bias
    close(given("BiasSplitGelu(i0, i1)", x, bias)[0], whole[..., :4] * gelu(whole[..., 4:]))


def group_norm(x: Array, scale: Array, bias: Array, groups: int, epsilon: float, silu: int) -> Array:
    """Of x [N, H, W, C]."""
    parts = x.astype(np.float64).reshape(*x.shape[:3], groups, -1)
    mean, variance = parts.mean((1, 2, 4), keepdims=True), parts.var((1, 2, 4), keepdims=True)
    y = ((parts - mean) / np.sqrt(variance + epsilon)).reshape(x.shape) * scale + bias
    return y * sigmoid(y) if silu else y


@pytest.mark.parametrize("silu", [0, 1])
@pytest.mark.parametrize("last", [0, 1])
def test_group_norm(last: int, silu: int) -> None:
    x, scale, bias = reals(2, 3, 5, 8), reals(8), reals(8, seed=1)
    attributes = f"<groups = 4, activation = {silu}, channels_last = {last}, epsilon = 0.001>"
    there, back = ((0, 1, 2, 3),) * 2 if last else ((0, 3, 1, 2), (0, 2, 3, 1))
    (y,) = given(f"GroupNorm{attributes}(i0, i1, i2)", x.transpose(there), scale, bias)
    close(y.transpose(back), group_norm(x, scale, bias, 4, 0.001, silu))


@pytest.mark.parametrize("shape", [(2, 3, 5, 8), (2, 1, 1, 8), (2, 8)])
@pytest.mark.parametrize("biased", [False, True])
def test_skip_group_norm(shape: tuple[int, ...], biased: bool) -> None:
    x, scale, shift, skip, bias = reals(2, 3, 5, 8), reals(8), reals(8, seed=1), reals(*shape, seed=2), reals(8, seed=3)
    arrays = [x, scale, shift, skip, *([bias] if biased else [])]
    call = f"SkipGroupNorm<groups = 2, activation = 0>({', '.join(f'i{i}' for i in range(len(arrays)))})"
    y, total = given(call, *arrays, outputs="float[] y, float[] s")
    expected = x + (skip[:, None, None] if skip.ndim == 2 else skip) + (bias if biased else 0)
    close(total, expected)
    close(y, group_norm(expected, scale, shift, 2, 1e-5, 0))


@pytest.mark.parametrize(
    "attributes, text",
    [
        ("groups = 3, activation = 0", "channels can't be put in 3 equal groups"),
        ("groups = 2, activation = 2", "expected activation to be 0"),
    ],
)
def test_group_norms_that_are_refused(attributes: str, text: str) -> None:
    with pytest.raises(ModelError, match=text):
        given(f"GroupNorm<{attributes}>(i0, i1, i2)", reals(1, 2, 2, 8), reals(8), reals(8))


def test_convolutions_of_channels_that_lie_last() -> None:
    x, filters, bias, added = reals(1, 5, 4, 2), reals(3, 2, 3, 3), reals(3), reals(1, 5, 4, 3)
    turned = [np.ascontiguousarray(array.transpose(0, 3, 1, 2)) for array in (x, added)]
    attributes = "pads = [1, 1, 1, 1]"
    plain = evaluate(
        read_onnx(build(f"Conv<{attributes}>(i0, i1, i2)", [turned[0], filters, bias], {1, 2}, F)), turned[:1]
    )
    (y,) = given(f"NhwcConv<{attributes}>(i0, i1, i2)", x, filters, bias, fixed={1, 2})
    close(y, plain[0].transpose(0, 2, 3, 1))
    call = f'NhwcFusedConv<{attributes}, activation = "Relu">(i0, i1, i2, i3)'
    close(given(call, x, filters, bias, added, fixed={1, 2})[0], np.maximum(y + added, 0))


def test_products_with_activations() -> None:
    a, b, bias = reals(3, 4), reals(4, 5), reals(5)
    close(given("GemmFastGelu(i0, i1, i2)", a, b, bias)[0], gelu(a @ b + bias, by_tanh=True))
    call = 'FusedMatMulActivation<activation = "LeakyRelu", activation_alpha = 0.3, alpha = 2.0, transA = 1>(i0, i1)'
    product = 2 * a.T @ reals(3, 5, seed=1)
    close(given(call, a, reals(3, 5, seed=1))[0], np.where(product < 0, 0.3 * product, product))
    with pytest.raises(ModelError, match="expected activation to be one of Relu, .*got 'Sine'"):
        given('FusedMatMulActivation<activation = "Sine">(i0, i1)', a, b)


@pytest.mark.parametrize("inner", [0, 1])
def test_softmax_with_a_bias(inner: int) -> None:
    x, bias = reals(2, 3, 4, 5), reals(*((2, 1, 4, 5) if inner else (1, 1, 4, 5)))
    (y,) = given(f"BiasSoftmax<axis = 2, is_inner_broadcast = {inner}>(i0, i1)", x, bias)
    close(y, softmax((x + bias).reshape(2, 3, 20)).reshape(x.shape))


COUNTS = np.array([1, 2, 4], I32)
OFFSETS = np.array([[0, 4, 5, 8], [9, 10, 11, 1], [2, 3, 6, 7]], I32)  # as the operator's description has them
ENDS = np.array([0, 1, 3, 7], I32)


def test_padding_is_removed_and_comes_back() -> None:
    x = reals(3, 4, 2)
    tokens, offsets, ends, longest = given(
        "RemovePadding(i0, i1)", x, COUNTS, outputs="float[] y, int32[] o, int32[] e, int32[] m"
    )
    np.testing.assert_array_equal(tokens, np.concatenate([row[:count] for row, count in zip(x, COUNTS, strict=True)]))
    np.testing.assert_array_equal(offsets, OFFSETS)
    np.testing.assert_array_equal(ends, ENDS)
    assert longest == [4]
    inside = np.arange(4) < COUNTS[:, None]
    np.testing.assert_array_equal(
        given("RestorePadding(i0, i1)", tokens, offsets)[0], np.where(inside[..., None], x, 0)
    )


@pytest.mark.parametrize("scored", [False, True])
def test_attention_of_sequences_without_padding(scored: bool) -> None:
    """That of each sequence alone."""
    tokens, weights, bias = reals(7, 6), reals(6, 24), reals(24)
    scores = [reals(3, 2, 4, 4)] if scored else []
    more = ", i5" if scored else ""
    (y,) = given(
        f"PackedAttention<num_heads = 2>(i0, i1, i2, i3, i4{more})", tokens, weights, bias, OFFSETS, ENDS, *scores
    )
    for i, (start, end) in enumerate(zip(ENDS, ENDS[1:], strict=False)):
        query, key, value = np.split((tokens[start:end] @ weights + bias).reshape(-1, 6, 4).transpose(1, 0, 2), 3)
        score = query @ key.transpose(0, 2, 1) / 2
        if scored:
            score = score + scores[0][i, :, : end - start, : end - start]
        close(y[start:end], (softmax(score) @ value).transpose(1, 0, 2).reshape(end - start, -1))


@pytest.mark.parametrize("packed", [False, True])
def test_packed_multi_head_attention_is_packed_attention_of_what_is_projected(packed: bool) -> None:
    tokens, bias = reals(7, 24), reals(24)
    unit = np.eye(24, dtype=np.float32)
    (expected,) = given("PackedAttention<num_heads = 2>(i0, i1, i2, i3, i4)", tokens, unit, bias, OFFSETS, ENDS)
    call = "PackedMultiHeadAttention<num_heads = 2>"
    if packed:
        both = np.ascontiguousarray((tokens + bias).reshape(7, 3, 2, 4).transpose(0, 2, 1, 3))
        (y,) = given(call + '(i0, "", "", "", i1, i2)', both, OFFSETS, ENDS)
    else:
        (y,) = given(call + "(i0, i1, i2, i3, i4, i5)", *np.split(tokens, 3, 1), bias, OFFSETS, ENDS)
    close(y, expected)


@pytest.mark.parametrize("both", [0, 1])
def test_relative_position_bias(both: int) -> None:
    """T5's buckets, of a table that is stored the other way round."""
    table = reals(8, 3)
    call = f"RelativePositionBias<max_distance = 20, is_bidirectional = {both}>(i0, i1, i2)"
    lengths = [np.array([30]), np.array([25])]
    (y,) = given(call, np.ascontiguousarray(table.T).reshape(8, 3), *lengths)
    distance = np.arange(25)[None, :] - np.arange(30)[:, None]  # key - query
    bucket, count = np.zeros_like(distance), 8
    if both:
        count = 4
        bucket += (distance > 0) * count
        distance = np.abs(distance)
    else:
        distance = -np.minimum(distance, 0)
    exact = count // 2
    far = exact + (np.log(np.maximum(distance, 1) / exact) / np.log(20 / exact) * (count - exact)).astype(int)
    bucket += np.where(distance < exact, distance, np.minimum(far, count - 1))
    np.testing.assert_array_equal(y, table[bucket].transpose(2, 0, 1)[None])


@pytest.mark.parametrize("tokens", [False, True])
def test_gated_relative_position_bias(tokens: bool) -> None:
    query, bias, positions, weight = reals(3, 4, 8), reals(8), reals(1, 2, 4, 4), reals(4, 6)
    shift, a = reals(6), reals(1, 2, 1, 1)
    call = "GatedRelativePositionBias<num_heads = 2>"
    if tokens:
        inside = np.arange(4) < COUNTS[:, None]
        (y,) = given(call + "(i0, i1, i2, i3, i4, i5, i6)", query[inside], bias, positions, weight, shift, a, OFFSETS)
    else:
        inside = np.ones((3, 4), bool)
        (y,) = given(call + "(i0, i1, i2, i3, i4, i5)", query, bias, positions, weight, shift, a)
    heads = (query + bias).reshape(3, 4, 2, 4).transpose(0, 2, 1, 3)
    update, reset = np.split(sigmoid((heads @ weight + shift).reshape(3, 2, 4, 2, 3).sum(-1)), 2, -1)
    expected = (update * (reset * a - 1) + 2) * positions
    seen = inside[:, None, :, None] & np.ones_like(y, bool)
    close(y[seen], expected[seen])


@pytest.mark.parametrize("shared", [0, 1])
def test_decoder_masked_self_attention_is_attention_of_one_query(shared: int) -> None:
    x, weights, bias, past = reals(2, 1, 6), reals(6, 24), reals(24), reals(2, 2, 2, 3, 4)
    outputs = "float[] y, float[] p"
    y, present = given("Attention<num_heads = 2>(i0, i1, i2, i3, i4)", x, weights, bias, MASK, past, outputs=outputs)
    room = np.concatenate([past, np.full((2, 2, 2, 2, 4), 9, np.float32)], 3) if shared else past
    call = f"DecoderMaskedSelfAttention<num_heads = 2, past_present_share_buffer = {shared}>"
    found, kept = given(call + '(i0, i1, i2, i3, i4, "", i5)', x, weights, bias, MASK, room, TAKEN, outputs=outputs)
    close(found, y)
    np.testing.assert_array_equal(kept[..., :4, :], present)
    assert kept.shape == (room.shape if shared else present.shape) and (kept[..., 4:, :] == 9).all()


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("block", [0, 16])
@pytest.mark.parametrize("zeros", [False, True])
def test_experts_of_whole_numbers_are_those_of_real_ones(bits: int, block: int, zeros: bool) -> None:
    call, arrays, fixed, outputs = packed_experts(bits, block, zeros=zeros)
    (found,) = evaluate(read_onnx(build(call, arrays, fixed, outputs)), arrays[:2])

    def digits(packed: Array, count: int) -> Array:
        spread = np.unpackbits(packed, axis=-1, bitorder="little").reshape(*packed.shape[:-1], -1, bits)
        return (spread * (1 << np.arange(bits))).sum(-1)[..., :count].astype(np.float32)

    real = []
    for i, (weights, scales) in enumerate((arrays[2:4], arrays[4:6])):
        rows, columns = weights.shape[1], weights.shape[2] * 8 // bits
        blocks = columns // block if block else 1
        parts = digits(weights, columns).reshape(4, rows, blocks, -1)
        zero = (
            digits(arrays[6 + i], blocks if block else rows).reshape(4, rows, blocks, 1) if zeros else 1 << (bits - 1)
        )
        real.append(((parts - zero) * scales.reshape(4, rows, blocks, 1)).reshape(4, rows, columns))
    experts = M + "MoE" + EXPERTS.format(1, '"silu"', "") + '(i0, i1, i2, "", i3)'
    (expected,) = evaluate(read_onnx(build(experts, [*arrays[:2], *real], {2, 3}, F)), arrays[:2])
    close(found, expected)


def test_experts_that_score_by_numbers_of_their_own() -> None:
    """QMoE may choose by one tensor and weight by another."""
    call, arrays, fixed, _ = packed_experts(4, 0)
    weights = abs(reals(5, 4, seed=7))
    content = build(call.removesuffix(")") + ', "", "", "", "", "", "", i6)', [*arrays, weights], fixed, F)
    (found,) = evaluate(read_onnx(content), [*arrays[:2], weights])
    chosen = np.argsort(-arrays[1], axis=1)[:, :2]
    share = np.take_along_axis(weights, chosen, 1)
    logits = np.full_like(weights, -1e9)  # whose softmax are those shares
    np.put_along_axis(logits, chosen, np.log(share / share.sum(1, keepdims=True)), 1)
    (expected,) = evaluate(read_onnx(build(call, arrays, fixed, F)), [arrays[0], logits])
    close(found, expected)


@pytest.mark.parametrize(
    "call, arrays, text",
    [
        ("FusedMatMul<transBatchA = 1>(i0, i1)", [reals(2, 3), reals(3, 2)], "transBatchA is for tensors with batches"),
        ("UnfoldTensor<size = 0>(i0)", [reals(2, 3)], "expected size and step to be positive, got 0 and 1"),
        ('CDist<metric = "cosine">(i0, i1)', [reals(2, 3), reals(4, 3)], "expected metric to be euclidean"),
        ("RelativePositionBias<max_distance = 9>(i0, i1, i2)", [reals(9), np.array(3), np.array(3)], "must be known"),
        ("RelativePositionBias<max_distance = 4>(i0, i1, i2)", [reals(8, 2), np.array(3), np.array(3)],
         "expected max_distance to exceed half of 8 buckets"),
        ("RelativePositionBias<max_distance = 4>(i0, i1, i2)", [reals(1, 2), np.array(3), np.array(3)],
         "expected max_distance to exceed half of 1 buckets"),
        ('LinearAttention<q_num_heads = 1, kv_num_heads = 1, update_rule = "new">(i0, i1, i2)', [reals(1, 2, 3)] * 3,
         "expected update_rule to be one of linear, gated, delta, gated_delta, got 'new'"),
        ("LinearAttention<q_num_heads = 3, kv_num_heads = 2>(i0, i1, i2)", [reals(1, 2, 6)] * 3, "got 3 and 2"),
        ("LinearAttention<q_num_heads = 0, kv_num_heads = 1>(i0, i1, i2)", [reals(1, 2, 6)] * 3,
         "expected q_num_heads and kv_num_heads to be positive, .*got 0 and 1"),
        ('MoE<activation_type = "tanh">(i0, i1, i2, "", i3)',
         [reals(2, 3), reals(2, 2), reals(2, 4, 3), reals(2, 3, 4)],
         "expected activation_type to be relu, gelu, silu, swiglu or identity, got 'tanh'"),
        ('QMoE<quant_type = "fp8">(i0, i1, i2, "", "", i3)',
         [reals(2, 3), reals(2, 2), codes(2, 4, 3), codes(2, 3, 4)], "attribute 'quant_type' is 'fp8'"),
    ],
)  # fmt: skip
def test_what_is_refused(call: str, arrays: list[Array], text: str) -> None:
    with pytest.raises(ModelError, match=text):
        read_onnx(build(M + call, arrays, set(), F))
