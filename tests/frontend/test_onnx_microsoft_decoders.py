"""What decoders are made of in com.microsoft, against onnxruntime: packed weights, rotations, attention with caches."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from ovlite.errors import ModelError
from ovlite.frontend.onnx import read_onnx

from .onnx_cases import evaluate
from .test_onnx_microsoft import F, M, build, codes, compare, one, reals, takes_defaults_and_nothing_else

Case = tuple[str, list[np.ndarray], set[int], str]
CACHED = "float[] y, float[] k, float[] v"
I32, I64 = np.int32, np.int64
TABLES = [reals(9, 2), reals(9, 2, seed=1)]
PLACES = codes(2, 3, dtype=I64, below=9)
PAST = [reals(2, 2, 5, 4), reals(2, 2, 5, 4, seed=1)]
PARTS = [reals(2, 3, 8), reals(2, 3, 8, seed=1), reals(2, 3, 8, seed=2)]


def nbits(bits: int, columns: int, block: int, *rest: np.ndarray, fixed: bool = True) -> Case:
    """MatMulNBits of three columns; rest: zero points, groups, bias."""
    blocks = -(-columns // block)
    arrays = [reals(2, columns), codes(3, blocks, block * bits // 8), reals(3, blocks), *rest]
    named = ", ".join('""' if not array.size else f"i{i}" for i, array in enumerate(arrays))
    call = M + f"MatMulNBits<K = {columns}, N = 3, bits = {bits}, block_size = {block}>({named})"
    return call, arrays, set(range(1, len(arrays))) if fixed else set(), F


NOTHING = np.zeros(0, np.float32)
PACKED: dict[str, Case] = {
    **{f"{bits} bits": nbits(bits, 32, 16) for bits in (2, 4, 8)},
    **{
        f"{bits} bits, zero points of {blocks} blocks": nbits(
            bits, 16 * blocks - 3, 16, codes(3, -(-blocks * bits // 8))
        )
        for bits in (2, 4, 8)
        for blocks in (1, 2, 3, 4, 5)
    },
    "real zero points": nbits(4, 48, 16, reals(3, 3)),
    "flat zero points": nbits(4, 48, 16, codes(6)),
    "bias": nbits(4, 32, 16, NOTHING, NOTHING, reals(3)),
    **{f"{bits} bits of an input": nbits(bits, 45, 16, codes(3, -(-3 * bits // 8)), fixed=False) for bits in (2, 4, 8)},
    "nothing": (
        M + "MatMulNBits<K = 32, N = 3, bits = 4, block_size = 16>(i0, i1, i2)",
        [reals(2, 32), np.zeros((3, 0, 8), np.uint8), reals(3, 2)], {1, 2}, F,
    ),
    **{
        f"table of {bits} bits": (
            M + f"GatherBlockQuantized<bits = {bits}, block_size = 16>(i0, i1, i2, i3)",
            [codes(5, 4 * bits), np.array([[1, 4], [0, -1]]), reals(5, 2), codes(5, max(1, bits // 4))], {0, 2, 3}, F,
        )
        for bits in (2, 4, 8)
    },
    "table without zero points": (
        M + "GatherBlockQuantized<block_size = 16, quantize_axis = -1>(i0, i1, i2)",
        [codes(5, 20), np.array(3), reals(5, 3)], {0, 2}, F,
    ),
}  # fmt: skip

ROTATED: dict[str, Case] = {
    f"{form}{', interleaved' * interleaved}": (
        M + f"RotaryEmbedding<interleaved = {interleaved}{attributes}>(i0, i1, i2, i3)",
        [data, places, *TABLES], {2, 3}, F,
    )
    for interleaved in (0, 1)
    for form, attributes, data, places in (
        ("rank 3", "", PARTS[0], PLACES),
        ("rank 3 with heads", ", num_heads = 2", PARTS[0], PLACES),
        ("a part of each head", ", num_heads = 1, rotary_embedding_dim = 4", PARTS[0], PLACES),
        ("a start", "", PARTS[0], np.array([5])),
        ("rank 4", "", reals(2, 2, 3, 4), PLACES),
        ("a scale", ", scale = 2.0", PARTS[0], PLACES),
    )
}  # fmt: skip

ENDS, LEFT = np.array([2, 3], I32), np.array([3, 2, 1, 0], I32)
PROJECTED = [reals(2, 3, 4), reals(4, 12), reals(12)]
ATTENTION: dict[str, Case] = {
    **{
        f"Attention with {name}{', causal' * causal}": (
            M + f"Attention<num_heads = 2, unidirectional = {causal}>(i0, i1, i2, i3)", [*PROJECTED, mask], set(), F,
        )
        for causal in (0, 1)
        for name, mask in (
            ("ends", ENDS), ("ends and starts", LEFT), ("a mask of queries", codes(2, 3, 3, dtype=I32, below=2)),
        )
    },
    **{
        f"Attention with past{', causal' * causal}": (
            M + f'Attention<num_heads = 2, unidirectional = {causal}>(i0, i1, i2, "", i3)',
            [*PROJECTED, reals(2, 2, 2, 5, 2)], set(), "float[] y, float[] p",
        )
        for causal in (0, 1)
    },
    "Attention with past and mask": (
        M + "Attention<num_heads = 2, unidirectional = 1>(i0, i1, i2, i3, i4)",
        [*PROJECTED, codes(2, 8, dtype=I32, below=2), reals(2, 2, 2, 5, 2)], set(),
        "float[] y, float[] p",
    ),
    "Attention with values of another size": (
        M + "Attention<num_heads = 2, qkv_hidden_sizes = [4, 4, 8]>(i0, i1, i2)",
        [reals(2, 3, 4), reals(4, 16), reals(16)], set(), F,
    ),
    **{
        f"MultiHeadAttention with past of {length} queries{', causal' * causal}": (
            M + f'MultiHeadAttention<num_heads = 2, unidirectional = {causal}>(i0, i1, i2, i3, "", "", i4, i5)',
            [*(part[:, :length] for part in PARTS), reals(24), *PAST], set(), CACHED,
        )
        for causal in (0, 1)
        for length in (1, 3)
    },
    "MultiHeadAttention with past of as many keys as queries, causal": (
        M + 'MultiHeadAttention<num_heads = 2, unidirectional = 1>(i0, i1, i2, "", "", "", i3, i4)',
        [reals(2, 5, 8), reals(2, 2, 8), reals(2, 2, 8), reals(2, 2, 3, 4), reals(2, 2, 3, 4)], set(),
        "float[] y, float[] k, float[] v",
    ),
    "MultiHeadAttention with past and mask": (
        M + 'MultiHeadAttention<num_heads = 2>(i0, i1, i2, "", i3, "", i4, i5)',
        [*PARTS, codes(2, 8, dtype=I32, below=2), *PAST], set(), CACHED,
    ),
    "MultiHeadAttention with a mask of queries": (
        M + 'MultiHeadAttention<num_heads = 2>(i0, i1, i2, "", i3)',
        [*PARTS, codes(2, 3, 3, dtype=I32, below=2)], set(), F,
    ),
    "MultiHeadAttention with ends": (
        M + 'MultiHeadAttention<num_heads = 2>(i0, i1, i2, "", i3)', [*PARTS, ENDS], set(), F,
    ),
    "MultiHeadAttention with present": (M + "MultiHeadAttention<num_heads = 2>(i0, i1, i2)", PARTS, set(), CACHED),
    "MultiHeadAttention of heads in front": (
        M + "MultiHeadAttention<num_heads = 2>(i0, i1, i2)", [PARTS[0], *PAST], set(), F,
    ),
    "MultiHeadAttention of heads in front with bias": (
        M + "MultiHeadAttention<num_heads = 2>(i0, i1, i2, i3)", [PARTS[0], *PAST, reals(24)], set(), F,
    ),
    "SkipLayerNormalization with all outputs": (
        M + "SkipLayerNormalization(i0, i1, i2, i3, i4)",
        [PARTS[0], PARTS[1], reals(8), reals(8, seed=1), reals(8, seed=2)], set(),
        "float[] y, float[] m, float[] d, float[] s",
    ),
    "SkipLayerNormalization of one row": (
        M + "SkipLayerNormalization(i0, i1, i2)", [PARTS[0], PARTS[1][0], reals(8)], set(), F,
    ),
}  # fmt: skip


def grouped(
    length: int,
    places: int,
    known: list[int],
    whole: int,
    attributes: str = "",
    extra: dict[int, Any] | None = None,
    packed: bool = False,
) -> Case:
    """GroupQueryAttention of four heads over two of keys. known: tokens of each batch less one."""
    batch, extra = len(known), extra or {}
    parts = [reals(batch, length, 64), reals(batch, length, 32, seed=1), reals(batch, length, 32, seed=2)]
    past = [reals(batch, 2, places, 16), reals(batch, 2, places, 16, seed=1)]
    given: dict[int, np.ndarray] = dict(enumerate(parts)) if not packed else {0: np.concatenate(parts, -1)}
    given |= dict(zip((3, 4), past, strict=True)) | {5: np.array(known, I32), 6: one(whole, I32)} | extra
    arrays = list(given.values())
    names = {place: f"i{i}" for i, place in enumerate(given)}
    call = ", ".join(names.get(place, '""') for place in range(max(given) + 1))
    return M + f"GroupQueryAttention<num_heads = 4, kv_num_heads = 2{attributes}>({call})", arrays, set(), CACHED


ROTARY = {7: reals(9, 8), 8: reals(9, 8, seed=1)}
GROUPED: dict[str, Case] = {
    "a token": grouped(1, 5, [5], 6),
    "a token of two batches": grouped(1, 5, [5, 5], 6),
    "a token, batches of unlike lengths": grouped(1, 7, [5, 3], 6),
    "a token in a long cache": grouped(1, 9, [5, 3], 6),
    "a first prompt": grouped(3, 0, [2], 3),
    "a first prompt of two batches in a long cache": grouped(3, 9, [2, 2], 3),
    "several tokens": grouped(3, 5, [7], 8),
    "side by side": grouped(1, 5, [5], 6, packed=True),
    "scale": grouped(1, 5, [5], 6, ", scale = 0.3"),
    **{
        f"rotary {i} of {length}": grouped(
            length, 5, [4 + length], 5 + length, f", do_rotary = 1, rotary_interleaved = {i}", ROTARY
        )
        for i in (0, 1)
        for length in (1, 3)
    },
    "rotary at places": grouped(3, 5, [7], 8, ", do_rotary = 1", ROTARY | {9: np.array([[1, 4, 2]])}),
    **{f"window of {n}": grouped(3, 5, [7], 8, f", local_window_size = {n}") for n in (1, 2, 5, 8, 9)},
    "softcap": grouped(3, 5, [7], 8, ", softcap = 0.5"),
    "smooth": grouped(3, 5, [7], 8, ", smooth_softmax = 1"),
    "sink": grouped(3, 5, [7], 8, "", {11: reals(4)}),
    "scores": grouped(3, 5, [7], 8, "", {10: reals(1, 4, 3, 8)}),
    "scores of all heads with softcap": grouped(3, 5, [7], 8, ", softcap = 2.0", {10: reals(1, 1, 3, 8)}),
    "not causal": grouped(3, 5, [7], 8, ", causal = 0"),
}  # fmt: skip

CASES = {
    f"{family}: {name}": case
    for family, cases in (("packed", PACKED), ("rotary", ROTATED), ("heads", ATTENTION), ("grouped", GROUPED))
    for name, case in cases.items()
}


@pytest.mark.parametrize("name", CASES)
def test_operator_gives_what_onnxruntime_gives(name: str) -> None:
    call, arrays, fixed, outputs = CASES[name]
    content = without_unused(build(call, arrays, fixed, outputs))
    compare(
        content,
        {f"i{i}": a for i, a in enumerate(arrays) if i not in fixed and a is not NOTHING},
        call,
        outputs,
        *arrays,
    )


@pytest.mark.parametrize("name", CASES)
def test_attributes_may_be_given_their_defaults_and_no_others_may_be_given(name: str) -> None:
    call, arrays, fixed, outputs = CASES[name]
    takes_defaults_and_nothing_else(without_unused(build(call, arrays, fixed, outputs)))


def without_unused(content: bytes) -> bytes:
    """The model without the inputs and initializers of no elements that stand for those left out."""
    model = onnx.load_from_string(content)
    used = set(model.graph.node[0].input)
    for values in (model.graph.input, model.graph.initializer):
        for value in [value for value in values if value.name not in used]:
            values.remove(value)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("bits", [3, 5, 6, 7])
def test_weights_of_odd_numbers_of_bits(bits: int) -> None:
    """Which onnxruntime refuses: against the definition, an element's bits in order from the lowest."""
    call, arrays, fixed, outputs = nbits(bits, 48, 16, codes(3, -(-3 * bits // 8)))
    data, weights, scales, zeros = arrays

    def elements(row: np.ndarray, count: int) -> np.ndarray:
        whole = int.from_bytes(row.tobytes(), "little")
        return np.array([whole >> (i * bits) & ((1 << bits) - 1) for i in range(count)], np.float64)

    values = np.array([[elements(block, 16) for block in row] for row in weights])
    middles = np.array([elements(row, 3) for row in zeros])
    real = ((values - middles[..., None]) * scales[..., None]).reshape(3, 48)
    (found,) = evaluate(read_onnx(build(call, arrays, fixed, outputs)), [data])
    np.testing.assert_allclose(found, data @ real.T, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("zeros", [codes(3, 2), NOTHING], ids=["zero points", "no zero points"])
def test_columns_may_take_the_scale_of_any_block(zeros: np.ndarray) -> None:
    """Against the definition: onnxruntime looks at the first eight columns of each block only."""
    groups = codes(40, dtype=I32, below=3)
    call, arrays, fixed, outputs = nbits(4, 40, 16, zeros, groups)
    data, weights, scales, *_ = arrays
    values = np.stack([weights & 15, weights >> 4], -1).reshape(3, 48)[:, :40].astype(np.float64)
    middles = np.stack([zeros & 15, zeros >> 4], -1).reshape(3, 4) if zeros.size else np.full((3, 4), 8)
    real = (values - middles[:, groups]) * scales[:, groups]
    (found,) = evaluate(read_onnx(without_unused(build(call, arrays, fixed, outputs))), [data])
    np.testing.assert_allclose(found, data @ real.T, rtol=1e-5, atol=1e-3)


def test_queries_and_keys_are_normalised_where_there_are_weights_for_it() -> None:
    """Which onnxruntime does on other devices only: against the same with normalised inputs."""
    call, arrays, _, outputs = grouped(1, 5, [5], 6, "", {14: reals(16), 15: reals(16, seed=1)})
    (found, keys, _) = evaluate(read_onnx(build(call, arrays, set(), outputs)), arrays)
    normal = list(arrays[:-2])
    for i, weight in enumerate(arrays[-2:]):
        heads = arrays[i].reshape(1, 1, -1, 16)
        mean = np.mean(heads.astype(np.float64) ** 2, -1, keepdims=True)
        normal[i] = (heads / np.sqrt(mean + 1e-6) * weight).reshape(arrays[i].shape).astype(np.float32)
    plain = grouped(1, 5, [5], 6)[0]
    (expected, others, _) = evaluate(read_onnx(build(plain, normal, set(), outputs)), normal)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(keys, others, rtol=1e-5, atol=1e-6)


def test_query_key_and_value_in_one_input_are_the_same_as_apart() -> None:
    together = np.stack([part.reshape(2, 3, 2, 4) for part in PARTS], 3)
    results = [
        evaluate(read_onnx(build(M + f"MultiHeadAttention<num_heads = 2>({call})", arrays, set(), F)), arrays)[0]
        for call, arrays in (
            ("i0, i1, i2", PARTS),
            ("i0", [together]),
            ("i0, i1", [PARTS[0], np.ascontiguousarray(together[:, :, :, 1:])]),
        )
    ]
    for found in results[1:]:
        np.testing.assert_array_equal(found, results[0])


@pytest.mark.parametrize(
    "call, arrays, message",
    [
        ("MatMulNBits<K = 32, N = 3, bits = 3, block_size = 16>(i0, i1, i2)",
         [reals(2, 32), codes(3, 2, 6), reals(3, 2)], "of 3 bits.*initializer"),
        ("MatMulNBits<K = 32, N = 3, bits = 9, block_size = 16>(i0, i1, i2)",
         [reals(2, 32), codes(3, 2, 6), reals(3, 2)], "2 to 8 bits, got 9"),
        ("Attention<num_heads = 2>(i0, i1, i2, i3)", [*PROJECTED, np.zeros(8, I32)], "1 or 2 numbers.*got 8"),
        ("MultiHeadAttention<num_heads = 2>(i0)", [PARTS[0]], "form of the operator"),
        (grouped(1, 5, [5], 6, ", qk_output = 1")[0].removeprefix(M), grouped(1, 5, [5], 6)[1], "qk_output"),
        (grouped(1, 5, [5], 6, ', k_quant_type = "PER_TENSOR"')[0].removeprefix(M), grouped(1, 5, [5], 6)[1],
         "k_quant_type.*real numbers"),
    ],
)  # fmt: skip
def test_form_that_is_not_supported_is_refused(call: str, arrays: list[np.ndarray], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read_onnx(build(M + call, arrays, set(), F))


@pytest.mark.parametrize("scales, zeros, part", [((1, 2), (5, 2), "scales"), ((2, 5), (5, 5), "scales"),
                                                 ((5, 2), (1, 2), "zero points")])  # fmt: skip
def test_a_table_has_a_scale_and_a_zero_point_for_each_block(
    scales: tuple[int, int], zeros: tuple[int, int], part: str
) -> None:
    call = M + "GatherBlockQuantized<bits = 8, block_size = 16, quantize_axis = 1>(i0, i1, i2, i3)"
    arrays = [codes(5, 32), np.array([1, 3]), reals(*scales), codes(*zeros)]
    with pytest.raises(ModelError, match=rf"expected {part} of shape \[5, 2\], one for each block, got \["):
        read_onnx(build(call, arrays, {0, 2, 3}, F))
