"""Operators of com.microsoft against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import parser

from ovlite.errors import ModelError
from ovlite.frontend.onnx import read_onnx
from ovlite.graph import Constant

from ..tolerances import sums
from .onnx_cases import evaluate, peer_outputs


def reals(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).standard_normal(shape, np.float32)


def codes(*shape: int, dtype: Any = np.uint8, seed: int = 0, below: int | None = None) -> np.ndarray:
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max + 1 if below is None else below
    return np.random.default_rng([seed, *shape]).integers(max(low, 0) if below else low, high, shape).astype(dtype)


def signed_codes(*shape: int, seed: int = 0) -> np.ndarray:
    """Weights of 7 bits: onnxruntime adds pairs of products by signed ones in 16 bits where the processor has no VNNI,
    which saturate beyond."""
    return codes(*shape, dtype=np.int8, seed=seed) // 2


def one(value: float, dtype: Any = np.float32) -> np.ndarray:
    return np.array(value, dtype)


NAMES = {"float32": "float", "uint8": "uint8", "int8": "int8", "int32": "int32", "int64": "int64", "bool": "bool"}


def build(call: str, arrays: list[np.ndarray], fixed: set[int], outputs: str) -> bytes:
    """The bytes of a model of one call; inputs in `fixed` are initializers."""
    names = [f"i{i}" for i in range(len(arrays))]
    declared = []
    for name, array in zip(names, arrays, strict=True):
        dims = f"[{','.join(map(str, array.shape))}]" if array.shape else ""
        declared.append(f"{NAMES[array.dtype.name]}{dims} {name}")
    inputs = ", ".join(text for i, text in enumerate(declared) if i not in fixed)
    held = ", ".join(f"{declared[i]} = {{{','.join(map(str, arrays[i].ravel().tolist()))}}}" for i in sorted(fixed))
    made = ", ".join(part.split()[-1] for part in outputs.split(", "))
    text = f"""<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]>
        g ({inputs}) => ({outputs}) {f"<{held}>" if held else ""} {{ {made} = {call} }}"""
    model = parser.parse_model(text)
    for output in model.graph.output:
        if not output.type.tensor_type.shape.dim:
            output.type.tensor_type.ClearField("shape")
    return bytes(model.SerializeToString())


F, U = "float[] y", "uint8[] y"
M = "com.microsoft."
SCALES = [one(0.02), one(128, np.uint8), one(0.03), one(120, np.uint8), one(0.05), one(110, np.uint8)]

CASES: dict[str, tuple[str, list[np.ndarray], set[int], str]] = {
    "Gelu": (M + "Gelu(i0)", [reals(2, 5)], set(), F),
    "BiasGelu": (M + "BiasGelu(i0, i1)", [reals(2, 5), reals(5)], set(), F),
    "FastGelu": (M + "FastGelu(i0, i1)", [reals(2, 5), reals(5)], set(), F),
    "QuickGelu": (M + "QuickGelu<alpha = 1.5>(i0)", [reals(2, 5)], set(), F),
    "FusedMatMul": (M + "FusedMatMul<alpha = 0.5, transB = 1>(i0, i1)", [reals(2, 5), reals(3, 5)], set(), F),
    "FusedConv": (
        M + 'FusedConv<activation = "Relu", pads = [1, 1, 1, 1]>(i0, i1, i2, i3)',
        [reals(1, 2, 4, 4), reals(3, 2, 3, 3), reals(3), reals(1, 3, 4, 4)], {1, 2}, F,
    ),
    "FusedConv leaky": (
        M + 'FusedConv<activation = "LeakyRelu", activation_params = [0.2]>(i0, i1)',
        [reals(1, 2, 4, 4), reals(3, 2, 3, 3)], {1}, F,
    ),
    "FusedGemm": (
        M + 'FusedGemm<activation = "Relu", transB = 1>(i0, i1, i2)', [reals(2, 3), reals(4, 3), reals(4)], set(), F,
    ),
    "SkipLayerNormalization": (
        M + "SkipLayerNormalization<epsilon = 0.001>(i0, i1, i2, i3, i4)",
        [reals(1, 2, 6), reals(1, 2, 6, seed=1), reals(6), reals(6, seed=1), reals(6, seed=2)], set(), F,
    ),
    "SkipSimplifiedLayerNormalization": (
        M + "SkipSimplifiedLayerNormalization<epsilon = 0.001>(i0, i1, i2)",
        [reals(1, 2, 6), reals(1, 2, 6, seed=1), reals(6)], set(), F,
    ),
    "SimplifiedLayerNormalization": (
        "SimplifiedLayerNormalization<axis = -1, epsilon = 0.001>(i0, i1)", [reals(1, 2, 6), reals(6)], set(), F,
    ),
    "EmbedLayerNormalization": (
        M + "EmbedLayerNormalization(i0, i1, i2, i3, i4, i5, i6, i7)",
        [codes(2, 3, dtype=np.int32, below=7), codes(2, 3, dtype=np.int32, below=2), reals(7, 4), reals(5, 4),
         reals(2, 4), reals(4), reals(4, seed=1), np.array([[1, 1, 0], [1, 1, 1]], np.int32)],
        set(), "float[] y, int32[] m",
    ),
    "Attention": (
        M + "Attention<num_heads = 2>(i0, i1, i2, i3)",
        [reals(2, 3, 4), reals(4, 12), reals(12), np.array([[1, 1, 0], [1, 1, 1]], np.int32)], set(), F,
    ),
    "Attention causal": (
        M + "Attention<num_heads = 2, unidirectional = 1>(i0, i1, i2)",
        [reals(2, 3, 4), reals(4, 12), reals(12)], set(), F,
    ),
    "MultiHeadAttention": (
        M + "MultiHeadAttention<num_heads = 2>(i0, i1, i2, i3)",
        [reals(2, 3, 4), reals(2, 5, 4), reals(2, 5, 4, seed=1), reals(12)], set(), F,
    ),
    "MultiHeadAttention with scores": (
        M + 'MultiHeadAttention<num_heads = 2, scale = 0.3>(i0, i1, i2, "", "", i3)',
        [reals(1, 3, 4), reals(1, 5, 4), reals(1, 5, 4, seed=1), reals(1, 2, 3, 5)], set(), F,
    ),
    "Attention causal with a mask": (
        M + "Attention<num_heads = 2, unidirectional = 1>(i0, i1, i2, i3)",
        [reals(2, 3, 4), reals(4, 12), reals(12), np.array([[1, 1, 0], [0, 1, 1]], np.int32)], set(), F,
    ),
    "MultiHeadAttention causal": (
        M + "MultiHeadAttention<num_heads = 2, unidirectional = 1>(i0, i1, i2)",
        [reals(2, 3, 4), reals(2, 5, 4), reals(2, 5, 4, seed=1)], set(), F,
    ),
    "MultiHeadAttention causal of one query": (
        M + "MultiHeadAttention<num_heads = 2, unidirectional = 1>(i0, i1, i2)",
        [reals(2, 1, 4), reals(2, 5, 4), reals(2, 5, 4, seed=1)], set(), F,
    ),
    "MultiHeadAttention causal with a mask and scores": (
        M + 'MultiHeadAttention<num_heads = 2, unidirectional = 1, scale = 0.3>(i0, i1, i2, "", i3, i4)',
        [reals(2, 3, 4), reals(2, 3, 4, seed=1), reals(2, 3, 4, seed=2), np.array([[1, 1, 0], [0, 1, 1]], np.int32),
         reals(2, 2, 3, 3)], set(), F,
    ),
    "MultiHeadAttention causal with a mask of the least number": (
        M + "MultiHeadAttention<num_heads = 2, unidirectional = 1, mask_filter_value = -3.4028234663852886e38>"
        '(i0, i1, i2, "", i3)',
        [reals(2, 3, 4), reals(2, 3, 4, seed=1), reals(2, 3, 4, seed=2), np.array([[1, 1, 0], [0, 1, 1]], np.int32)],
        set(), F,
    ),
    "QLinearAdd": (
        M + "QLinearAdd(i0, i1, i2, i3, i4, i5, i6, i7)",
        [codes(2, 5), *SCALES[:2], codes(2, 5, seed=1), *SCALES[2:]], set(), U,
    ),
    "QLinearMul": (
        M + "QLinearMul(i0, i1, i2, i3, i4, i5, i6, i7)",
        [codes(2, 5), *SCALES[:2], codes(2, 5, seed=1), *SCALES[2:]], set(), U,
    ),
    "QLinearSigmoid": (
        M + "QLinearSigmoid(i0, i1, i2, i3, i4)",
        [codes(2, 5), *SCALES[:2], one(0.004), one(0, np.uint8)], {1, 2, 3, 4}, U,
    ),
    "QLinearLeakyRelu": (
        M + "QLinearLeakyRelu<alpha = 0.2>(i0, i1, i2, i3, i4)", [codes(2, 5), *SCALES[:4]], {1, 2, 3, 4}, U,
    ),
    "QLinearGlobalAveragePool": (
        M + "QLinearGlobalAveragePool(i0, i1, i2, i3, i4)", [codes(1, 2, 3, 3), *SCALES[:4]], {1, 2, 3, 4}, U,
    ),
    "QLinearAveragePool": (
        M + "QLinearAveragePool<kernel_shape = [2, 2], strides = [2, 1], pads = [1, 0, 0, 1], ceil_mode = 1>"
        "(i0, i1, i2, i3, i4)",
        [codes(1, 2, 5, 4), *SCALES[:4]], {1, 2, 3, 4}, U,
    ),
    "QLinearAveragePool channels last": (
        M + "QLinearAveragePool<kernel_shape = [2, 2], channels_last = 1, count_include_pad = 1, pads = [1, 0, 0, 1]>"
        "(i0, i1, i2, i3, i4)",
        [codes(1, 5, 4, 2), *SCALES[:4]], {1, 2, 3, 4}, U,
    ),
    "QLinearSoftmax": (
        M + "QLinearSoftmax<axis = 1, opset = 13>(i0, i1, i2, i3, i4)",
        [codes(2, 5, 3), *SCALES[:2], one(1 / 256), one(0, np.uint8)], {1, 2, 3, 4}, U,
    ),
    "QLinearSoftmax of old": (
        M + "QLinearSoftmax<axis = 1, opset = 11>(i0, i1, i2, i3, i4)",
        [codes(2, 5, 3), *SCALES[:2], one(1 / 256), one(0, np.uint8)], {1, 2, 3, 4}, U,
    ),
    "QLinearWhere": (
        M + "QLinearWhere(i0, i1, i2, i3, i4, i5, i6, i7, i8)",
        [codes(2, 5, below=2).astype(bool), codes(2, 5), *SCALES[:2], codes(2, 5, seed=1), *SCALES[2:]],
        {2, 3, 5, 6, 7, 8}, U,
    ),
    "QGemm": (
        M + "QGemm<transB = 1>(i0, i1, i2, i3, i4, i5, i6, i7, i8)",
        [codes(3, 6), *SCALES[:2], codes(4, 6, seed=1), np.linspace(0.01, 0.02, 4).astype(np.float32),
         np.array([120, 130, 0, 255], np.uint8), np.array([-300, 0, 7, 500], np.int32), *SCALES[4:]],
        {1, 2, 3, 4, 5, 6, 7, 8}, U,
    ),
    "QGemm real": (
        M + "QGemm<alpha = 0.5, transA = 1>(i0, i1, i2, i3, i4, i5)",
        [codes(6, 3), *SCALES[:2], codes(6, 4, seed=1), *SCALES[2:4]], {1, 2, 3, 4, 5}, F,
    ),
    "QLinearConcat": (
        M + "QLinearConcat<axis = 1>(i0, i1, i2, i3, i4, i5, i6, i7)",
        [*SCALES[4:], codes(2, 3), *SCALES[:2], codes(2, 4), *SCALES[2:4]], {0, 1, 3, 4, 6, 7}, U,
    ),
    "MatMulIntegerToFloat": (
        M + "MatMulIntegerToFloat(i0, i1, i2, i3, i4, i5, i6)",
        [codes(2, 5), codes(5, 3), one(0.02), one(0.03), one(120, np.uint8), one(130, np.uint8), reals(3)], set(), F,
    ),
    "DynamicQuantizeMatMul": (
        M + "DynamicQuantizeMatMul(i0, i1, i2, i3, i4)",
        [reals(2, 5), codes(5, 3), one(0.03), one(130, np.uint8), reals(3)], set(), F,
    ),
    "MatMulNBits": (
        M + "MatMulNBits<K = 32, N = 3, bits = 4, block_size = 16>(i0, i1, i2)",
        [reals(2, 32), codes(3, 2, 8), reals(6)], {1, 2}, F,
    ),
    "MatMulNBits zero points": (
        M + "MatMulNBits<K = 28, N = 3, bits = 4, block_size = 16>(i0, i1, i2, i3)",
        [reals(2, 28), codes(3, 2, 8), reals(6), codes(3)], {1, 2, 3}, F,
    ),
    "QuantizeLinear": (M + "QuantizeLinear(i0, i1, i2)", [reals(2, 5), one(0.02), one(100, np.uint8)], set(), U),
    "DequantizeLinear": (M + "DequantizeLinear(i0, i1, i2)", [codes(2, 5), one(0.02), one(100, np.uint8)], set(), F),
    "Inverse": (M + "Inverse(i0)", [reals(2, 3, 3)], set(), F),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_microsoft_operator_gives_what_onnxruntime_gives(name: str) -> None:
    call, arrays, fixed, outputs = CASES[name]
    content = build(call, arrays, fixed, outputs)
    compare(content, {f"i{i}": array for i, array in enumerate(arrays) if i not in fixed}, call, outputs, *arrays)


@pytest.mark.parametrize("queries", [1, 3])
def test_causal_attention_of_unknown_lengths(queries: int) -> None:
    call = M + 'MultiHeadAttention<num_heads = 2, unidirectional = 1>(i0, i1, i2, "", i3)'
    shape, mask = (2, 3, 4), np.array([[1, 1, 0], [0, 1, 1]], np.int32)
    arrays = [reals(2, queries, 4), reals(*shape, seed=1), reals(*shape, seed=2), mask]
    model = onnx.load_from_string(build(call, arrays, set(), F))
    for value in model.graph.input:
        value.type.tensor_type.shape.dim[1].dim_param = "N"
    compare(model.SerializeToString(), {f"i{i}": array for i, array in enumerate(arrays)}, call, "unknown lengths")


def compare(content: bytes, inputs: dict[str, np.ndarray], *key: Any) -> None:
    """A model's outputs with those of onnxruntime, or what was recorded of it for `key`."""
    model = read_onnx(content)
    results = evaluate(model, [inputs[port.any_name] for port in model.inputs])
    for found, expected in zip(results, peer_outputs(content, inputs, *key), strict=True):
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype
        # a quotient half-way between two integers may be rounded the other way
        near = {"atol": 1} if expected.dtype.kind == "u" else sums(32)
        np.testing.assert_allclose(found.astype(np.float64), expected.astype(np.float64), **near)


def schemas() -> dict[str, Any]:
    """onnxruntime's own operators by name."""
    onnxruntime = pytest.importorskip("onnxruntime")
    found = onnxruntime.capi.onnxruntime_pybind11_state.get_all_operator_schema()
    return {schema.name: schema for schema in found if schema.domain == "com.microsoft"}


def default_of(attribute: Any) -> Any | None:
    proto = onnx.AttributeProto()
    proto.ParseFromString(attribute._default_value)
    return proto if proto.type else None


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name][0].startswith(M)])
def test_attributes_may_be_given_their_defaults_and_no_others_may_be_given(name: str) -> None:
    call, arrays, fixed, outputs = CASES[name]
    takes_defaults_and_nothing_else(build(call, arrays, fixed, outputs))


def takes_defaults_and_nothing_else(content: bytes) -> None:
    """The one node of a model may have each attribute of its schema at its default, and none that is not there."""
    model = onnx.load_from_string(content)
    (node,) = model.graph.node
    given = {attribute.name for attribute in node.attribute}
    defaults = [default_of(attribute) for attribute in schemas()[node.op_type].attributes.values()]
    node.attribute.extend(default for default in defaults if default is not None and default.name not in given)
    assert read_onnx(model.SerializeToString())
    node.attribute.append(onnx.helper.make_attribute("strange", 1))
    with pytest.raises(ModelError, match="attribute 'strange' = 1 is not supported"):
        read_onnx(model.SerializeToString())


@pytest.mark.parametrize("count", [1, 12], ids=["scale of a direction", "scales of columns"])
def test_lstm_of_quantized_weights_is_that_of_the_real_ones(count: int) -> None:
    """Up to the 8 bits to which onnxruntime rounds inputs and states; its LSTM of real weights does not."""
    data, bias = reals(5, 2, 4), reals(2, 24)
    parts = [signed_codes(2, 4, 12), signed_codes(2, 3, 12, seed=1)]
    scales = [(1 + np.arange(2 * count, dtype=np.float32)) / 2000 for _ in parts]
    zeros = [np.arange(2 * count).astype(np.int8) * (count == 1) for _ in parts]  # onnxruntime takes no others
    shape = (2, count) if count > 1 else (2,)
    for sizes in (scales, zeros):
        sizes[:] = [array.reshape(shape) for array in sizes]
    attributes = '<hidden_size = 3, direction = "bidirectional">'
    call = M + f'DynamicQuantizeLSTM{attributes}(i0, i1, i2, i3, "", "", "", "", i4, i5, i6, i7)'
    arrays = [data, *parts, bias, scales[0], zeros[0], scales[1], zeros[1]]
    content = build(call, arrays, set(range(1, 8)), F)
    (found,) = evaluate(read_onnx(content), [data])
    real = [
        ((part - zero.reshape(2, 1, -1).astype(np.float32)) * scale.reshape(2, 1, -1)).transpose(0, 2, 1)
        for part, scale, zero in zip(parts, scales, zeros, strict=True)
    ]
    float_call = build(f"LSTM{attributes}(i0, i1, i2, i3)", [data, *real, bias], {1, 2, 3}, F)
    for name, model, limit in (("real", float_call, 1e-5), ("quantized", content, 0.05)):
        (expected,) = peer_outputs(model, {"i0": data}, call, name, *arrays)
        np.testing.assert_allclose(found, expected, rtol=0, atol=limit)


def test_weights_of_four_bits_stay_packed() -> None:
    call, arrays, fixed, outputs = CASES["MatMulNBits"]
    nodes = read_onnx(build(call, arrays, fixed, outputs)).get_ordered_ops()
    packed = [node for node in nodes if isinstance(node, Constant) and node.output(0).element_type.name == "u4"]
    assert [node.array.nbytes for node in packed] == [48]


def test_rotation_inside_attention_is_refused_by_name() -> None:
    call = M + "Attention<num_heads = 2, do_rotary = 1>(i0, i1)"
    content = build(call, [reals(2, 3, 4), reals(4, 12)], set(), F)
    with pytest.raises(ModelError, match="Attention.*do_rotary.*RotaryEmbedding"):
        read_onnx(content)


def test_form_that_is_not_supported_says_so() -> None:
    content = build(M + "MultiHeadAttention<num_heads = 2>(i0, i1)", [reals(2, 3, 4), reals(2, 3, 4)], set(), F)
    with pytest.raises(ModelError, match="MultiHeadAttention.*this form of the operator is not supported"):
        read_onnx(content)
