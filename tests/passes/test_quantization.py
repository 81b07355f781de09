"""Products of bytes: what is recognized, and that it gives what onnxruntime gives without its optimizer."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import ovlite
from ovlite.ops.quantized import QuantizedProduct
from ovlite.passes.pipeline import run_passes

F32, U8, I8 = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT8
DTYPES = {U8: np.uint8, I8: np.int8}


class Graph:
    """An ONNX graph in the making; tensors are named by numbers."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def constant(self, array: np.ndarray) -> str:
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def coded(self, name: str, scale: float, zero: int, kind: int) -> str:
        """A tensor quantized and dequantized."""
        pair = self.constant(np.float32(scale)), self.constant(np.asarray(zero, DTYPES[kind]))
        return self.node("DequantizeLinear", self.node("QuantizeLinear", name, *pair), *pair)

    def weights(self, array: np.ndarray, scale: Any, axis: int = 0) -> str:
        scales = np.asarray(scale, np.float32)
        zeros = np.zeros(scales.shape, array.dtype)
        return self.node(
            "DequantizeLinear", self.constant(array), self.constant(scales), self.constant(zeros), axis=axis
        )

    def bias(self, array: np.ndarray, scale: Any) -> str:
        return self.node("DequantizeLinear", self.constant(array), self.constant(np.asarray(scale, np.float32)), axis=0)

    def model(self, shape: list[int], result: str) -> bytes:
        x = helper.make_tensor_value_info("x", F32, shape)
        y = helper.make_tensor_value_info(result, F32, None)
        graph = helper.make_graph(self.nodes, "g", [x], [y], self.initializers)
        opsets = [helper.make_opsetid("", 17)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def some_bytes(dtype: Any, *shape: int) -> np.ndarray:
    limits = np.iinfo(dtype)
    return np.random.default_rng(len(shape)).integers(limits.min, limits.max, shape, dtype, endpoint=True)


def products(content: bytes) -> list[QuantizedProduct]:
    model = ovlite.Core().read_model(content)
    run_passes(model)
    return [node.op for node in model.get_ordered_ops() if isinstance(node.op, QuantizedProduct)]


def assert_as_onnxruntime(content: bytes, x: np.ndarray, step: float) -> None:
    """Within one step of the result's quantization, and mostly equal; likewise when it is computed in f32."""
    onnxruntime = pytest.importorskip("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    (expected,) = onnxruntime.InferenceSession(content, options).run(None, {"x": x})
    for hint in ({}, {"INFERENCE_PRECISION_HINT": "f32"}):
        for threads in (1, 2):
            compiled = ovlite.compile_model(
                ovlite.Core().read_model(content), "CPU", {"INFERENCE_NUM_THREADS": threads, **hint}
            )
            apart = np.abs(compiled(x)[0] - expected)
            assert apart.max(initial=0) <= 1.01 * step
            assert (apart > 0.01 * step).mean() < 0.02


@pytest.mark.parametrize("kind, zero", [(U8, 0), (U8, 117), (U8, 255), (I8, -128), (I8, 0), (I8, 7)])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("follower", [None, "Relu", "Sigmoid"])
@pytest.mark.parametrize("biased", [False, True])
def test_convolutions_between_quantizations(
    kind: int, zero: int, per_channel: bool, follower: str | None, biased: bool
) -> None:
    graph = Graph()
    scales = np.linspace(0.002, 0.004, 6) if per_channel else 0.003
    x = graph.coded("x", 0.02, zero, kind)
    weights = graph.weights(some_bytes(np.int8, 6, 4, 3, 3), scales)
    operands = [x, weights] + ([graph.bias(np.arange(-3, 3, dtype=np.int32) * 900, 0.02 * scales)] if biased else [])
    y = graph.node("Conv", *operands, pads=[1, 1, 1, 1])
    y = graph.node(follower, y) if follower else y
    content = graph.model([2, 4, 7, 6], graph.coded(y, 0.05, zero, kind))
    (op,) = products(content)
    assert op.element_type.name == "u8" and not op.bias
    assert_as_onnxruntime(content, noise(2, 4, 7, 6) * 2, 0.05)


@pytest.mark.parametrize("groups, product", [(1, True), (2, True), (8, False)])
def test_groups_of_few_channels_stay_real(groups: int, product: bool) -> None:
    graph = Graph()
    x = graph.coded("x", 0.02, 100, U8)
    y = graph.node("Conv", x, graph.weights(some_bytes(np.int8, 8, 8 // groups, 3, 3), 0.01), group=groups)
    content = graph.model([1, 8, 9, 9], graph.coded(y, 0.1, 128, U8))
    assert bool(products(content)) == product
    assert_as_onnxruntime(content, noise(1, 8, 9, 9), 0.1)


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("inner", [1, 8, 13])
def test_matrix_products_between_quantizations(rank: int, columns: bool, inner: int) -> None:
    graph = Graph()
    scales = np.linspace(0.01, 0.02, 5) if columns else 0.01
    x = graph.coded("x", 0.03, 120, U8)
    y = graph.node("MatMul", x, graph.weights(some_bytes(np.int8, inner, 5), scales, 1))
    y = graph.node("Add", y, graph.constant(noise(5)))
    shape = [2, 3, inner][-rank:]
    content = graph.model(shape, graph.coded(y, 0.2, 3, I8))
    (op,) = products(content)
    assert op.bias, "a bias that was not quantized is real"
    assert_as_onnxruntime(content, noise(*shape), 0.2)


def test_a_product_whose_result_is_not_quantized_gives_real_numbers() -> None:
    graph = Graph()
    x = graph.coded("x", 0.02, 3, U8)
    content = graph.model([5, 12], graph.node("MatMul", x, graph.weights(some_bytes(np.int8, 12, 7), 0.5)))
    (op,) = products(content)
    assert op.element_type.name == "f32"
    assert_as_onnxruntime(content, noise(5, 12), 1e-2)


@pytest.mark.parametrize("zero", [0, 3, 128, 255])
def test_unsigned_weights(zero: int) -> None:
    """Less their zero point they are no signed bytes but the sums of two."""
    graph = Graph()
    x = graph.coded("x", 0.02, 3, U8)
    scale = graph.constant(np.float32(0.1)), graph.constant(np.uint8(zero))
    weights = graph.node("DequantizeLinear", graph.constant(some_bytes(np.uint8, 12, 7)), *scale)
    content = graph.model([5, 12], graph.coded(graph.node("MatMul", x, weights), 0.5, 100, U8))
    assert len(products(content)) == 1
    assert_as_onnxruntime(content, noise(5, 12), 0.5)


def test_weights_that_are_no_sum_of_two_bytes_stay_real() -> None:
    graph = Graph()
    x = graph.coded("x", 0.02, 3, U8)
    scale = graph.constant(np.float32(0.1)), graph.constant(np.uint8(0))
    weights = graph.node("DequantizeLinear", graph.constant(np.full((12, 7), 255, np.uint8)), *scale)
    content = graph.model([5, 12], graph.coded(graph.node("MatMul", x, weights), 0.5, 100, U8))
    assert products(content) == []
    assert_as_onnxruntime(content, noise(5, 12), 0.5)


@pytest.mark.parametrize("zero", [0, 128])
def test_unsigned_weights_of_convolutions(zero: int) -> None:
    graph = Graph()
    x = graph.coded("x", 0.02, 7, U8)
    scale = graph.constant(np.float32(0.1)), graph.constant(np.uint8(zero))
    weights = graph.node("DequantizeLinear", graph.constant(some_bytes(np.uint8, 6, 4, 3, 2)), *scale)
    content = graph.model([1, 4, 6, 5], graph.coded(graph.node("Conv", x, weights, pads=[1, 1, 0, 1]), 0.9, 100, U8))
    assert len(products(content)) == 1
    assert_as_onnxruntime(content, noise(1, 4, 6, 5), 0.9)


@pytest.mark.parametrize("kind", [U8, I8])
@pytest.mark.parametrize("rows, inner", [(1, 5), (4, 16), (3, 700)])
def test_dynamic_quantization(kind: int, rows: int, inner: int) -> None:
    """As exporters of dynamic quantization write it: the scale and the zero point are those of what comes in."""
    graph = Graph()
    graph.nodes.append(helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]))
    weights = some_bytes(DTYPES[kind], inner, 6)
    zero = graph.constant(np.asarray(7, DTYPES[kind]))
    sums = graph.node("MatMulInteger", "q", graph.constant(weights), "zero", zero)
    factor = graph.node("Mul", "scale", graph.constant(np.float32(0.01)))
    y = graph.node("Mul", graph.node("Cast", sums, to=F32), factor)
    content = graph.model([rows, inner], graph.node("Add", y, graph.constant(noise(6))))
    (op,) = products(content)
    assert op.dynamic and op.element_type.name == "f32"
    assert_as_onnxruntime(content, noise(rows, inner), 1e-4 * inner)


def test_signed_bytes_with_other_readers_stay_signed() -> None:
    graph = Graph()
    pair = graph.constant(np.float32(0.1)), graph.constant(np.int8(-3))
    coded = graph.node("QuantizeLinear", "x", *pair)
    y = graph.node("MatMul", graph.node("DequantizeLinear", coded, *pair), graph.weights(some_bytes(np.int8, 6, 6), 1))
    content = graph.model([6, 6], graph.node("Add", y, graph.node("Cast", coded, to=F32)))
    assert products(content) == []
    assert_as_onnxruntime(content, noise(6, 6), 1e-3)


def test_a_chain_of_products_stays_in_bytes() -> None:
    """The steps between two convolutions of bytes are none."""
    graph = Graph()
    x = graph.coded("x", 0.02, 128, U8)
    for _ in range(3):
        y = graph.node("Conv", x, graph.weights(some_bytes(np.int8, 8, 8, 1, 1), 0.004))
        x = graph.coded(y, 0.03, 128, U8)
    content = graph.model([1, 8, 6, 6], x)
    compiled = ovlite.compile_model(ovlite.Core().read_model(content), "CPU")
    steps = [node.get_rt_info()["layerType"].astype(str) for node in compiled.get_runtime_model().get_ordered_ops()]
    assert sum("QuantizedConvolution" in step for step in steps) == 3, steps
    assert sum("quantize" in step for step in steps) <= 2, steps
    assert_as_onnxruntime(content, noise(1, 8, 6, 6), 0.03)


def test_accuracy_keeps_real_arithmetic() -> None:
    graph = Graph()
    x = graph.coded("x", 0.02, 3, U8)
    content = graph.model([5, 12], graph.node("MatMul", x, graph.weights(some_bytes(np.int8, 12, 7), 0.5)))
    for config, wanted in (({}, True), ({"EXECUTION_MODE_HINT": "ACCURACY"}, False)):
        compiled = ovlite.compile_model(ovlite.Core().read_model(content), "CPU", config)
        steps = [str(node.get_rt_info()["layerType"]) for node in compiled.get_runtime_model().get_ordered_ops()]
        assert any("QuantizedMatMul" in step for step in steps) == wanted, steps


@pytest.mark.parametrize("kind", [U8, I8])
def test_pooling_of_bytes(kind: int) -> None:
    """As in models whose operators are quantized ones: MaxPool reads and gives bytes."""
    graph = Graph()
    pair = graph.constant(np.float32(0.03)), graph.constant(np.asarray(3, DTYPES[kind]))
    coded = graph.node("QuantizeLinear", "x", *pair)
    y = graph.node("MaxPool", coded, kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1])
    weights = (
        graph.constant(some_bytes(np.int8, 5, 4, 1, 1)),
        graph.constant(np.float32(0.01)),
        graph.constant(np.int8(0)),
    )
    y = graph.node("QLinearConv", y, *pair, *weights, *pair)
    y = graph.node("MaxPool", y, kernel_shape=[2, 2])
    content = graph.model([2, 4, 7, 6], graph.node("DequantizeLinear", y, *pair))
    model = ovlite.Core().read_model(content)
    compiled = ovlite.compile_model(model, "CPU")
    steps = [str(node.get_rt_info()["layerType"]) for node in compiled.get_runtime_model().get_ordered_ops()]
    assert not any(step.startswith("MaxPool ") for step in steps), "no step of Python"
    assert_as_onnxruntime(content, noise(2, 4, 7, 6), 0.03)
