"""Element-wise operators between quantizations: they read bytes, whoever else reads them."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto

from .test_quantization import DTYPES, I8, U8, Graph, assert_as_onnxruntime, convolution, noise, step_names

SHAPE = [2, 8, 9, 7]


def swish(graph: Graph, x: str, kind: int) -> str:
    """x * sigmoid(x), as quantizers leave it: each result is quantized."""
    gate = graph.coded(graph.node("Sigmoid", x), 1 / 256, 0 if kind == U8 else -128, kind)
    return graph.coded(graph.node("Mul", x, gate), 0.05, 5, kind)


@pytest.mark.parametrize("kind", [U8, I8])
def test_a_function_of_one_tensor_of_bytes_is_one_map_of_bytes(kind: int) -> None:
    graph = Graph()
    y = swish(graph, graph.coded(convolution(graph, graph.coded("x", 0.02, 3, kind)), 0.06, 9, kind), kind)
    y = graph.coded(convolution(graph, y), 0.05, 1, kind)
    content = graph.model(SHAPE, y)
    maps = [name for name in step_names(content) if "sigmoid" in name]
    assert maps == ["Map(dequantize sigmoid quantize dequantize mul quantize)"]
    assert_as_onnxruntime(content, noise(*SHAPE), 0.05)


@pytest.mark.parametrize("kind", [U8, I8])
def test_bytes_that_are_averaged_too_are_stored_as_bytes(kind: int) -> None:
    """A channel's weight is a function of its mean, as in squeeze and excitation."""
    graph = Graph()
    x = swish(graph, graph.coded(convolution(graph, graph.coded("x", 0.02, 3, kind)), 0.06, 9, kind), kind)
    mean = graph.coded(graph.node("GlobalAveragePool", x), 0.01, 2, kind)
    gate = graph.coded(graph.node("Sigmoid", mean), 1 / 256, 0 if kind == U8 else -128, kind)
    y = graph.coded(graph.node("Mul", x, gate), 0.03, 4, kind)
    content = graph.model(SHAPE, graph.coded(convolution(graph, y), 0.05, 1, kind))
    assert "Map(dequantize sigmoid quantize dequantize mul quantize)" in step_names(content)
    assert_as_onnxruntime(content, noise(*SHAPE), 0.05)


@pytest.mark.parametrize("kind", [U8, I8])
@pytest.mark.parametrize("returned", [False, True])
def test_readers_of_the_same_bytes_make_them_real_themselves(kind: int, returned: bool) -> None:
    """Two of them, which only an addition joins; the real numbers may be a result of the model too."""
    graph = Graph()
    x = graph.coded(convolution(graph, graph.coded("x", 0.02, 3, kind)), 0.06, 9, kind)
    left = graph.coded(graph.node("Relu", x), 0.04, 0, kind)
    right = graph.coded(graph.node("Tanh", x), 0.01, 0, kind)
    moved = graph.node("Concat", left, right, axis=1)
    total = graph.node("Add", x, graph.node("ReduceMax", moved, axes=[1], keepdims=1))
    y = graph.coded(total, 0.05, 1, kind)
    content = graph.model(SHAPE, graph.node("Add", x, y) if returned else y)
    assert_as_onnxruntime(content, noise(*SHAPE), 0.06)


def test_real_numbers_that_the_model_returns_are_made_once_more_elsewhere() -> None:
    graph = Graph()
    x = graph.coded("x", 0.02, 3, U8)
    y = graph.coded(graph.node("Sigmoid", x), 1 / 256, 0, U8)
    content = graph.model(SHAPE, graph.node("Where", graph.node("Cast", x, to=TensorProto.BOOL), x, y))
    assert_as_onnxruntime(content, noise(*SHAPE) * np.float32(0.5), 0.02)


@pytest.mark.parametrize("kind", [U8, I8])
@pytest.mark.parametrize("scales", [[1, 1, 2, 2], [1, 1, 3, 0.5], [1, 1, 1.7, 2.3]])
@pytest.mark.parametrize("padded", [1, 3])
def test_bytes_are_resized_to_the_nearest(kind: int, scales: list[float], padded: int) -> None:
    """Between convolutions, the second of which reads a border; no step is numpy's."""
    graph = Graph()
    pair = graph.constant(np.float32(0.03)), graph.constant(np.asarray(3, DTYPES[kind]))
    y = graph.node(
        "DequantizeLinear",
        graph.node("QuantizeLinear", convolution(graph, graph.coded("x", 0.02, 3, kind)), *pair),
        *pair,
    )
    sizes = graph.constant(np.array(scales, np.float32))
    how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    y = graph.node("Resize", y, "", sizes, mode="nearest", **how)
    y = graph.node("DequantizeLinear", graph.node("QuantizeLinear", y, *pair), *pair)
    content = graph.model(SHAPE, graph.coded(convolution(graph, y, kernel=padded), 0.05, 1, kind))
    assert "ResizeNearest" in step_names(content)
    assert_as_onnxruntime(content, noise(*SHAPE), 0.05)
