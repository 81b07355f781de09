"""Products of bytes: what is recognized, and that it gives what onnxruntime gives without its optimizer."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import ovlite
from ovlite import opset13 as ops
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


def product_nodes(content: bytes) -> list[Any]:
    model = ovlite.Core().read_model(content)
    run_passes(model)
    return [node for node in model.get_ordered_ops() if isinstance(node.op, QuantizedProduct)]


def products(content: bytes) -> list[QuantizedProduct]:
    return [node.op for node in product_nodes(content)]


def has_real_bias(node: Any) -> bool:
    return bool(node.sources[4].node.array.any())


def unsaturated(weights: np.ndarray) -> np.ndarray:
    """Halves signed ones: onnxruntime adds pairs of products with signed weights in 16 bits where the processor has no
    VNNI, which saturate from 128 on."""
    return weights // 2 if weights.dtype == np.int8 else weights


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
    (node,) = product_nodes(content)
    assert node.op.element_type.name == "u8" and not has_real_bias(node)
    assert_as_onnxruntime(content, noise(2, 4, 7, 6) * 2, 0.05)


@pytest.mark.parametrize("groups, product", [(1, True), (2, True), (4, False), (8, True)])
def test_groups_of_few_channels_stay_real(groups: int, product: bool) -> None:
    """But for those of one channel."""
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
    (node,) = product_nodes(content)
    assert has_real_bias(node), "a bias that was not quantized is real"
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


def test_weights_that_are_sums_of_three_bytes() -> None:
    graph = Graph()
    x = graph.coded("x", 0.02, 3, U8)
    scale = graph.constant(np.float32(0.1)), graph.constant(np.uint8(0))
    weights = graph.node("DequantizeLinear", graph.constant(np.full((12, 7), 255, np.uint8)), *scale)
    content = graph.model([5, 12], graph.coded(graph.node("MatMul", x, weights), 0.5, 100, U8))
    assert len(products(content)) == 1
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
    weights = unsaturated(some_bytes(DTYPES[kind], inner, 6))
    zero = graph.constant(np.asarray(7, DTYPES[kind]))
    sums = graph.node("MatMulInteger", "q", graph.constant(weights), "zero", zero)
    factor = graph.node("Mul", "scale", graph.constant(np.float32(0.01)))
    y = graph.node("Mul", graph.node("Cast", sums, to=F32), factor)
    content = graph.model([rows, inner], graph.node("Add", y, graph.constant(noise(6))))
    (op,) = products(content)
    assert op.dynamic and op.element_type.name == "f32"
    assert_as_onnxruntime(content, noise(rows, inner), 1e-4 * inner)


@pytest.mark.parametrize("kind, zero", [(U8, 0), (U8, 117), (I8, 0), (I8, -128)])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("operator", ["MatMul", "QLinearMatMul"])
@pytest.mark.parametrize("shape", [[2, 3, 5, 5], [1, 4, 17, 17], [33, 33]])
def test_products_of_two_operands_of_bytes(kind: int, zero: int, turned: bool, operator: str, shape: list[int]) -> None:
    """As attention has them, of heads or not."""
    graph = Graph()
    pair = graph.constant(np.float32(0.02)), graph.constant(np.asarray(zero, DTYPES[kind]))
    result = graph.constant(np.float32(0.06)), graph.constant(np.asarray(zero // 2 + 20, DTYPES[kind]))
    a = graph.node("QuantizeLinear", "x", *pair)
    b = graph.node("QuantizeLinear", graph.node("Abs", "x"), *pair)
    order = [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2]
    b = graph.node("Transpose", b, perm=order) if turned else b
    if operator == "MatMul":
        real = [graph.node("DequantizeLinear", coded, *pair) for coded in (a, b)]
        y = graph.node("QuantizeLinear", graph.node("MatMul", *real), *result)
    else:
        y = graph.node("QLinearMatMul", a, *pair, b, *pair, *result)
    content = graph.model(shape, graph.node("DequantizeLinear", y, *result))
    (op,) = products(content)
    assert op.element_type.name in ("u8", "i8")
    assert any("QuantizedMatMul" in name for name in step_names(content))
    assert_as_onnxruntime(content, noise(*shape), 0.06)


@pytest.mark.parametrize("inner", [1, 7, 64])
def test_dynamic_quantization_of_both_operands(inner: int) -> None:
    graph = Graph()
    graph.nodes.append(helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]))
    graph.nodes.append(helper.make_node("DynamicQuantizeLinear", [graph.node("Exp", "x")], ["r", "step", "shift"]))
    sums = graph.node("MatMulInteger", "q", graph.node("Transpose", "r", perm=[0, 2, 1]), "zero", "shift")
    y = graph.node("Mul", graph.node("Cast", sums, to=F32), graph.node("Mul", "scale", "step"))
    content = graph.model([2, 9, inner], y)
    (op,) = products(content)
    assert op.dynamic and op.weights_dynamic
    assert_as_onnxruntime(content, noise(2, 9, inner), 1e-4 * inner)


def test_sums_of_products_that_32_bits_do_not_hold_stay_right() -> None:
    """255 * 255 * 40,000 is more than 2**31; no integers are computed then."""
    graph = Graph()
    pair = graph.constant(np.float32(1 / 255)), graph.constant(np.uint8(0))
    x = graph.node("DequantizeLinear", graph.node("QuantizeLinear", "x", *pair), *pair)
    content = graph.model([1, 40_000], graph.node("MatMul", x, graph.node("Transpose", x, perm=[1, 0])))
    for config in ({}, {"INFERENCE_PRECISION_HINT": "f32"}):
        compiled = ovlite.compile_model(ovlite.Core().read_model(content), "CPU", config)
        np.testing.assert_allclose(compiled(np.ones((1, 40_000), np.float32))[0], [[40_000]], rtol=1e-5)


def test_the_scores_of_an_attention_of_real_values_stay_real() -> None:
    """Attention as a whole is one kernel."""
    graph = Graph()
    x = graph.coded("x", 0.02, 100, U8)
    scores = graph.node("MatMul", x, graph.node("Transpose", x, perm=[0, 1, 3, 2]))
    weights = graph.node("Softmax", graph.node("Mul", scores, graph.constant(np.float32(0.2))), axis=-1)
    content = graph.model([1, 2, 8, 16], graph.node("MatMul", weights, "x"))
    assert products(content) == []
    assert any("Attention" in name for name in step_names(content))


def test_signed_bytes_with_other_readers_stay_signed() -> None:
    graph = Graph()
    pair = graph.constant(np.float32(0.1)), graph.constant(np.int8(-3))
    coded = graph.node("QuantizeLinear", "x", *pair)
    weights = graph.weights(some_bytes(np.int8, 6, 6), 0.01)
    y = graph.node("MatMul", graph.node("DequantizeLinear", coded, *pair), weights)
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


def step_names(content: bytes, **config: Any) -> list[str]:
    compiled = ovlite.compile_model(ovlite.Core().read_model(content), "CPU", config)
    nodes = compiled.get_runtime_model().get_ordered_ops()
    return [str(node.get_rt_info()["layerType"].astype(str)) for node in nodes]


def convolution(graph: Graph, x: str, columns: int = 8, channels: int = 8, kernel: int = 1, **attributes: Any) -> str:
    shape = columns, channels // attributes.get("group", 1), kernel, kernel
    seed = len(graph.nodes)
    weights = np.random.default_rng(seed).integers(-127, 128, shape).astype(np.int8)
    attributes.setdefault("pads", [kernel // 2] * 4)
    return graph.node("Conv", x, graph.weights(weights, 0.05 / np.sqrt(np.prod(shape[1:]))), **attributes)


@pytest.mark.parametrize("kind", [U8, I8])
@pytest.mark.parametrize("real", [False, True])
@pytest.mark.parametrize("later", [False, True])
def test_residuals_are_added_by_the_product(kind: int, real: bool, later: bool) -> None:
    """Bytes of another scale, or real numbers; the product that comes last adds the other's result."""
    graph = Graph()
    x = graph.coded("x", 0.0317, 5 if kind == I8 else 120, kind)
    zero = -20 if kind == I8 else 110
    first = convolution(graph, x)
    first = first if real else graph.coded(first, 0.0431, zero, kind)
    second = graph.coded(convolution(graph, x, kernel=3), 0.0517, zero, kind)
    total = graph.node("Relu", graph.node("Add", *((second, first) if later else (first, second))))
    content = graph.model([2, 8, 6, 5], graph.coded(total, 0.0613, -128 if kind == I8 else 0, kind))
    names = [type(stage).__name__ for op in products(content) for stage in op.stages]
    assert names.count("AddResidual") == 1, names
    assert not any("add" in name for name in step_names(content)), step_names(content)
    assert_as_onnxruntime(content, noise(2, 8, 6, 5) * 2, 0.0613)


def test_a_residual_of_other_batch() -> None:
    """Dynamic dimensions that turn out to broadcast."""
    onnxruntime = pytest.importorskip("onnxruntime")
    graph = Graph()
    x, pair = graph.coded("x", 0.0317, 120, U8), (graph.constant(np.float32(0.0431)), graph.constant(np.uint8(99)))
    other = graph.node("DequantizeLinear", graph.node("QuantizeLinear", "z", *pair), *pair)
    total = graph.coded(graph.node("Add", graph.coded(convolution(graph, x), 0.0517, 128, U8), other), 0.0613, 130, U8)
    model = onnx.load_from_string(graph.model(["n", 8, 6, 5], total))
    model.graph.input.append(helper.make_tensor_value_info("z", F32, ["m", 8, 6, 5]))
    content = model.SerializeToString()
    compiled = ovlite.compile_model(ovlite.Core().read_model(content), "CPU")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(content, options)
    for n, m in ((2, 2), (1, 3), (3, 1)):
        feeds = {"x": noise(n, 8, 6, 5), "z": noise(m, 8, 6, 5)}
        apart = np.abs(compiled(feeds)[0] - session.run(None, feeds)[0])
        assert apart.max() <= 0.0614 and (apart > 0.001).mean() < 0.02


def test_normalization_between_bytes_is_a_stage() -> None:
    graph = Graph()
    y = graph.coded(convolution(graph, graph.coded("x", 0.0317, 120, U8)), 0.0517, 128, U8)
    statistics = [graph.constant(np.abs(noise(8)) + 0.5) for _ in range(4)]
    y = graph.node("BatchNormalization", y, *statistics)
    content = graph.model([1, 8, 6, 5], graph.coded(graph.node("Relu", y), 0.0219, 0, U8))
    (op,) = products(content)
    assert [type(stage).__name__ for stage in op.stages] == ["Round", "ScaleChannels", "Activate"]
    assert op.element_type.name == "u8"
    assert_as_onnxruntime(content, noise(1, 8, 6, 5) * 2, 0.0219)


@pytest.mark.parametrize("kind", [U8, I8])
@pytest.mark.parametrize("scales", [(0.0517, 0.0517), (0.0517, 0.0317)])
def test_concat_moves_bytes(kind: int, scales: tuple[float, float]) -> None:
    graph = Graph()
    zero = 100 if kind == U8 else -5
    x = graph.coded("x", 0.0317, zero, kind)
    parts = [graph.coded(convolution(graph, x), scale, zero, kind) for scale in scales]
    y = graph.coded(graph.node("Concat", *parts, axis=1), 0.0517, zero, kind)
    content = graph.model([1, 8, 6, 5], graph.coded(convolution(graph, y, channels=16), 0.0613, zero, kind))
    names = step_names(content)
    assert sum("quantize" in name for name in names) == 2, names
    assert_as_onnxruntime(content, noise(1, 8, 6, 5) * 2, 0.0613)


MOVES: dict[str, Any] = {
    "Transpose": lambda graph, x: graph.node("Transpose", x, perm=[0, 1, 3, 2]),
    "Reshape": lambda graph, x: graph.node("Reshape", x, graph.constant(np.array([1, 8, 3, 12]))),
    "Slice": lambda graph, x: graph.node("Slice", x, *(graph.constant(np.array(v)) for v in ([1], [5], [2]))),
    "MaxPool": lambda graph, x: graph.node("MaxPool", x, kernel_shape=[2, 2], pads=[1, 0, 0, 1]),
    "Gather": lambda graph, x: graph.node("Gather", x, graph.constant(np.array([3, 1, 3])), axis=3),
    "Tile": lambda graph, x: graph.node("Tile", x, graph.constant(np.array([1, 1, 2, 1]))),
    "DepthToSpace": lambda graph, x: graph.node("DepthToSpace", graph.node("Concat", x, x, x, x, axis=1), blocksize=2),
    "Resize": lambda graph, x: graph.node("Resize", x, "", graph.constant(np.array([1, 1, 2, 2], "f4"))),
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("kind", [U8, I8])
@pytest.mark.parametrize("equal", [True, False])
def test_moves_of_bytes(move: str, kind: int, equal: bool) -> None:
    """What only moves elements moves bytes, whether or not the exporter gave both sides one scale."""
    graph = Graph()
    zero = 100 if kind == U8 else -5
    x = graph.coded(convolution(graph, graph.coded("x", 0.0317, zero, kind)), 0.0517, zero, kind)
    y = graph.coded(MOVES[move](graph, x), 0.0517 if equal else 0.0719, zero, kind)
    content = graph.model([1, 8, 6, 6], graph.coded(convolution(graph, y, kernel=3), 0.0613, zero, kind))
    names = step_names(content)
    assert sum("quantize" in name for name in names) == (2 if equal else 3), names
    assert len(products(content)) == 2
    assert_as_onnxruntime(content, noise(1, 8, 6, 6) * 2, 0.0613)


@pytest.mark.parametrize("kind", [U8, I8])
def test_split_and_shuffle_of_bytes(kind: int) -> None:
    """Halves of the channels, one of which is convolved, and shuffled with the other."""
    graph = Graph()
    zero = 100 if kind == U8 else -5
    x = graph.coded(convolution(graph, graph.coded("x", 0.0317, zero, kind)), 0.0517, zero, kind)
    graph.nodes.append(helper.make_node("Split", [x], ["left", "right"], axis=1))
    left, right = (graph.coded(name, 0.0517, zero, kind) for name in ("left", "right"))
    right = graph.coded(convolution(graph, right, 4, 4, 3, group=4), 0.0517, zero, kind)
    y = graph.coded(graph.node("Concat", left, right, axis=1), 0.0517, zero, kind)
    y = graph.node("Reshape", y, graph.constant(np.array([1, 2, 4, 6, 5])))
    y = graph.node("Transpose", graph.coded(y, 0.0517, zero, kind), perm=[0, 2, 1, 3, 4])
    y = graph.node("Reshape", graph.coded(y, 0.0517, zero, kind), graph.constant(np.array([1, 8, 6, 5])))
    y = convolution(graph, graph.coded(y, 0.0517, zero, kind))
    content = graph.model([1, 8, 6, 5], graph.coded(y, 0.0613, zero, kind))
    names = step_names(content)
    assert sum("quantize" in name for name in names) == 2, names
    assert len(products(content)) == 3
    assert_as_onnxruntime(content, noise(1, 8, 6, 5) * 2, 0.0613)


@pytest.mark.parametrize("shape, kernel, attributes", [
    ([2, 24, 9, 8], 3, {}), ([1, 7, 12, 9], 5, {"strides": [2, 2]}), ([1, 33, 9, 9], 3, {"dilations": [2, 2]}),
])  # fmt: skip
@pytest.mark.parametrize("kind, zero", [(U8, 0), (U8, 120), (I8, 3)])
def test_depthwise_convolutions(shape: list[int], kernel: int, attributes: Any, kind: int, zero: int) -> None:
    graph = Graph()
    channels = shape[1]
    y = convolution(
        graph, graph.coded("x", 0.0317, zero, kind), channels, channels, kernel, group=channels, **attributes
    )
    content = graph.model(shape, graph.coded(graph.node("Relu", y), 0.0517, zero, kind))
    assert any("QuantizedDepthwise" in name for name in step_names(content))
    assert_as_onnxruntime(content, noise(*shape) * 2, 0.0517)


def test_real_numbers_that_others_read_are_kept() -> None:
    """Of the same tensor one reader takes bytes, another one real numbers."""
    graph = Graph()
    y = graph.node("MaxPool", convolution(graph, graph.coded("x", 0.0317, 120, U8)), kernel_shape=[1, 1])
    coded = convolution(graph, graph.coded(y, 0.0517, 128, U8))
    content = graph.model([1, 8, 6, 5], graph.node("Add", coded, y))
    assert_as_onnxruntime(content, noise(1, 8, 6, 5), 0.0517)


@pytest.mark.parametrize("kind", [U8, I8])
@pytest.mark.parametrize("zeros", [False, True])
def test_dynamic_products_in_one_operator_are_of_bytes(kind: int, zeros: bool) -> None:
    graph = Graph()
    rng = np.random.default_rng(0)
    arrays = [unsaturated(some_bytes(DTYPES[kind], 40, 9)), rng.uniform(0.01, 0.02, 9).astype(np.float32)]
    constants = [graph.constant(array) for array in arrays]
    constants.append(graph.constant(rng.integers(1, 9, 9).astype(DTYPES[kind])) if zeros else "")
    y = graph.node("DynamicQuantizeMatMul", "x", *constants, domain="com.microsoft")
    model = onnx.load_model_from_string(graph.model([5, 40], y))
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    content = model.SerializeToString()
    (op,) = products(content)
    assert op.dynamic
    assert_as_onnxruntime(content, noise(5, 40), 1e-3)


@pytest.mark.parametrize("zero", [127.5, 0.5, -3, 300, 128])
@pytest.mark.parametrize("product", [False, True])
@pytest.mark.parametrize("weights_zero", [0, 0.5])
def test_means_that_are_no_bytes_are_subtracted_as_they_are(zero: float, product: bool, weights_zero: float) -> None:
    """Images are bytes whose mean is subtracted before they are scaled."""
    x = ops.parameter([4, 32], np.uint8)
    image = some_bytes(np.uint8, 4, 32)
    real = ops.multiply(ops.subtract(ops.convert(x, "f32"), np.float32(zero)), np.float32(1 / 64))
    expected = (image.astype(np.float64) - zero) / 64
    if product:
        codes = some_bytes(np.int8, 16, 32)
        weights = ops.multiply(
            ops.subtract(ops.convert(ops.constant(codes), "f32"), np.float32(weights_zero)), np.float32(1 / 64)
        )
        real, expected = ops.matmul(real, weights, False, True), expected @ ((codes - weights_zero) / 64).T
    found = ovlite.compile_model(ovlite.Model([real], [x]), "CPU")([image])[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("scale, zero", [((1, 1, 1), ()), ((), (1, 1, 1)), ((1, 1), (1,))])
@pytest.mark.parametrize("dynamic", [False, True])
def test_axes_that_scales_and_zero_points_add_are_kept(
    scale: tuple[int, ...], zero: tuple[int, ...], dynamic: bool
) -> None:
    x, z = ops.parameter([4, 32], np.uint8), ops.parameter(list(zero), np.uint8)
    image, codes = some_bytes(np.uint8, 4, 32), some_bytes(np.int8, 16, 32)
    less = ops.convert(z, "f32") if dynamic else np.full(zero, 7, np.float32)
    real = ops.multiply(ops.subtract(ops.convert(x, "f32"), less), np.full(scale, 1 / 64, np.float32))
    weights = ops.multiply(ops.convert(ops.constant(codes), "f32"), np.float32(1 / 64))
    model = ovlite.Model([ops.matmul(real, weights, False, True)], [x, z] if dynamic else [x])
    inputs = [image, np.full(zero, 7, np.uint8)] if dynamic else [image]
    found = ovlite.compile_model(model, "CPU")(inputs)[0]
    expected = (image - np.full(zero, 7.0)) * np.full(scale, 1 / 64) @ (codes / 64).T
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("rows", [1, 3])
def test_scales_that_stretch_weights(rows: int) -> None:
    """One row of codes, and scales that make sixteen of it."""
    x, codes = ops.parameter([rows, 32], np.uint8), some_bytes(np.int8, 1, 32)
    scales = np.arange(1, 17, dtype=np.float32).reshape(16, 1) / 64
    weights = ops.multiply(ops.convert(ops.constant(codes), "f32"), ops.constant(scales))
    real = ops.multiply(ops.convert(x, "f32"), np.float32(1 / 64))
    image = some_bytes(np.uint8, rows, 32)
    found = ovlite.compile_model(ovlite.Model([ops.matmul(real, weights, False, True)], [x]), "CPU")([image])[0]
    np.testing.assert_allclose(found, image / 64 @ (codes * scales).T, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1)])
@pytest.mark.parametrize("zero", [3, 2.5, np.nan])
def test_zero_points_that_are_added_may_add_axes(shape: tuple[int, ...], zero: float) -> None:
    x, data = ops.parameter([4, 8], np.float32), noise(4, 8)
    moved = ops.add(ops.round(ops.divide(x, np.float32(0.0625)), "half_to_even"), np.full(shape, zero, np.float32))
    result = ops.convert(ops.convert(ops.clamp(moved, 0, 255), "u8"), "f32")
    found = ovlite.compile_model(ovlite.Model([result], [x]), "CPU")([data])[0]
    expected = np.clip(np.round(data / 0.0625) + np.full(shape, zero), 0, 255)
    assert found.shape == expected.shape
    if zero == zero:
        np.testing.assert_array_equal(found, np.trunc(expected))


@pytest.mark.parametrize("groups", [1, 2, 8])
def test_a_zero_point_of_filters_that_a_run_gives(groups: int) -> None:
    """Integers that are known only then are no part of filters of bytes, whether groups divide them or not."""
    rng = np.random.default_rng(groups)
    x, filters = rng.integers(0, 256, (1, 8, 6, 5), np.uint8), rng.integers(0, 9, (8, 8 // groups, 3, 3), np.uint8)
    found = []
    for known in (False, True):
        inputs = [ops.parameter([1, 8, 6, 5], np.uint8), *([] if known else [ops.parameter([], np.uint8)])]
        zero = ops.constant(np.array(5, np.uint8)) if known else inputs[1]
        real = ops.subtract(ops.convert(ops.constant(filters), "f32"), ops.convert(zero, "f32"))
        data = ops.subtract(ops.convert(inputs[0], "f32"), np.float32(3))
        if groups == 1:
            y = ops.convolution(data, real, [1, 1], [0, 0], [0, 0], [1, 1])
        else:
            real = ops.reshape(real, [groups, 8 // groups, 8 // groups, 3, 3], False)
            y = ops.group_convolution(data, real, [1, 1], [0, 0], [0, 0], [1, 1])
        compiled = ovlite.compile_model(ovlite.Model([y], inputs), "CPU")
        found.append(compiled([x] if known else [x, np.array(5, np.uint8)])[0])
    np.testing.assert_array_equal(*found)
