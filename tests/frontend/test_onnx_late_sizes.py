"""Operators whose translation would use sizes, on inputs whose sizes, or rank, nobody knows when a model is read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import ovlite
from ovlite.frontend.onnx import read_onnx

from ..data import rng

DECLARATIONS = ["static", "dynamic", "unranked"]


def model(
    op: str, x: np.ndarray, declared: str, weights: dict[str, np.ndarray], outputs: int = 1, opset: int = 21, **how: Any
) -> bytes:
    """One operator on x and constant weights."""
    names = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, ["x", *weights], names, **how)
    dims = {"static": x.shape, "dynamic": [f"d{i}" for i in range(x.ndim)], "unranked": None}[declared]
    kind = helper.np_dtype_to_tensor_dtype(x.dtype)
    inputs, found = [helper.make_tensor_value_info("x", kind, dims)], [onnx.ValueInfoProto(name=name) for name in names]
    constants = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph([node], "g", inputs, found, constants)
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)]).SerializeToString())


def run(content: bytes, x: np.ndarray) -> list[np.ndarray]:
    """The outputs; a model is compiled for inputs of known rank, so that this one is told when it has been read."""
    read = read_onnx(content)
    if not read.inputs[0].partial_shape.has_rank:
        read.reshape(ovlite.PartialShape([-1] * x.ndim))
    compiled = ovlite.compile_model(read, "CPU")
    results = compiled([x])
    return [results[i] for i in range(len(compiled.outputs))]


def drawn(*shape: int) -> np.ndarray:
    return rng().standard_normal(shape).astype(np.float32)


def transposed_convolution(x: np.ndarray, w: np.ndarray, strides: Sequence[int], extra: int) -> np.ndarray:
    """Without padding: every element of x times the filters, added where it lands."""
    sizes = [(n - 1) * s + k + extra for n, s, k in zip(x.shape[2:], strides, w.shape[2:], strict=True)]
    found = np.zeros((x.shape[0], w.shape[1], *sizes))
    for place in np.ndindex(*x.shape[2:]):
        window = tuple(slice(i * s, i * s + k) for i, s, k in zip(place, strides, w.shape[2:], strict=True))
        found[(slice(None), slice(None), *window)] += np.einsum("nc,co...->no...", x[(..., *place)], w)
    return found


def fitted(full: np.ndarray, wanted: Sequence[int], smaller_first: bool) -> np.ndarray:
    """Cut to the wanted sizes, or lengthened by zeros."""
    for axis, size in enumerate(wanted, 2):
        total = full.shape[axis] - size
        begin = total // 2 if smaller_first else total - total // 2
        missing = [(0, 0)] * full.ndim
        missing[axis] = (max(-begin, 0), max(begin - total, 0))
        full = np.take(np.pad(full, missing), np.arange(max(begin, 0), max(begin, 0) + size), axis)
    return full


@pytest.mark.parametrize("declared", DECLARATIONS)
@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER", "NOTSET"])
@pytest.mark.parametrize(("sizes", "kernel"), [((1, 1), (1, 1)), ((4, 5), (3, 2)), ((2, 3), (1, 4)), ((5,), (3,))])
@pytest.mark.parametrize("extra", [0, 1])
def test_transposed_convolution(
    declared: str, mode: str, sizes: tuple[int, ...], kernel: tuple[int, ...], extra: int
) -> None:
    x, w = drawn(2, 3, *sizes), drawn(3, 2, *kernel)
    bias = drawn(2)
    strides = [2, 3][: len(sizes)]
    full = transposed_convolution(x, w, strides, extra)
    wanted = [n * s for n, s in zip(sizes, strides, strict=True)]
    if mode == "NOTSET":
        wanted = [size + 2 for size in wanted]
    right = fitted(full, wanted, mode == "SAME_UPPER") + bias.reshape(-1, *[1] * len(sizes))
    shape = {"output_shape": wanted} if mode == "NOTSET" else {}
    content = model(
        "ConvTranspose", x, declared, {"w": w, "b": bias}, strides=strides, auto_pad=mode,
        output_padding=[extra] * len(sizes), **shape,
    )  # fmt: skip
    np.testing.assert_allclose(run(content, x)[0], right, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("declared", DECLARATIONS)
@pytest.mark.parametrize("sizes", [(5,), (4, 6), (1, 3), (3, 4, 5)])
@pytest.mark.parametrize("order", [0, 1])
def test_indices_of_maxima(declared: str, sizes: tuple[int, ...], order: int) -> None:
    kernel = [min(2, size) for size in sizes]
    x = rng().permutation(6 * int(np.prod(sizes))).astype(np.float32).reshape(2, 3, *sizes)
    content = model("MaxPool", x, declared, {}, 2, kernel_shape=kernel, storage_order=order)
    values, indices = run(content, x)
    for n, c in product(range(2), range(3)):
        for place in np.ndindex(*values.shape[2:]):
            at = np.argwhere(x[n, c] == values[(n, c, *place)])[0]
            inside = np.ravel_multi_index(at, sizes, order="F" if order else "C")
            assert indices[(n, c, *place)] == (n * 3 + c) * np.prod(sizes) + inside


@pytest.mark.parametrize("declared", DECLARATIONS)
@pytest.mark.parametrize("axis", [0, 1, -1, -2])
@pytest.mark.parametrize("length", [4, 5, 3])
def test_blocks(declared: str, axis: int, length: int) -> None:
    shape = [2, 3, 3]
    shape[axis] = length
    x = rng().integers(-128, 128, shape).astype(np.int8)
    scale_shape = list(shape)
    scale_shape[axis] = -(-length // 2)
    scale, zero = np.abs(drawn(*scale_shape)), rng().integers(-9, 9, scale_shape).astype(np.int8)
    places = np.arange(length) // 2
    right = (x - zero.take(places, axis).astype(np.float32)) * scale.take(places, axis)
    content = model("DequantizeLinear", x, declared, {"s": scale, "z": zero}, axis=axis, block_size=2)
    np.testing.assert_allclose(run(content, x)[0], right, rtol=1e-6)


@pytest.mark.parametrize("declared", DECLARATIONS)
@pytest.mark.parametrize("axis", [0, 1, -1, -2])
def test_scales_along_an_axis(declared: str, axis: int) -> None:
    x = rng().integers(0, 255, (2, 3, 4)).astype(np.uint8)
    scale = np.abs(drawn(x.shape[axis]))
    spread = np.expand_dims(scale, tuple(i for i in range(3) if i != axis % 3))
    content = model("DequantizeLinear", x, declared, {"s": scale}, axis=axis)
    np.testing.assert_allclose(run(content, x)[0], x * spread, rtol=1e-6)


@pytest.mark.parametrize("declared", DECLARATIONS)
@pytest.mark.parametrize("opset", [18, 21])
@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("sizes", [(4, 5), (1,)])
def test_groups(declared: str, opset: int, groups: int, sizes: tuple[int, ...]) -> None:
    x = drawn(2, 6, *sizes)
    count = groups if opset == 18 else 6
    scale, bias = drawn(count), drawn(count)
    parts = x.reshape(2, groups, -1).astype(np.float64)
    normal = (parts - parts.mean(2, keepdims=True)) / np.sqrt(parts.var(2, keepdims=True) + 1e-5)
    wide = [np.repeat(value, 6 // count).reshape(-1, *[1] * len(sizes)) for value in (scale, bias)]
    right = normal.reshape(x.shape) * wide[0] + wide[1]
    content = model("GroupNormalization", x, declared, {"s": scale, "b": bias}, opset=opset, num_groups=groups)
    np.testing.assert_allclose(run(content, x)[0], right, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("opset", [18, 21])
def test_groups_that_are_not_equal(opset: int) -> None:
    x, scale = drawn(2, 7, 3), drawn(3 if opset == 18 else 7)
    weights = {"s": scale, "b": scale}
    with pytest.raises(RuntimeError, match="7 channels can't be put in 3"):
        read_onnx(model("GroupNormalization", x, "static", weights, opset=opset, num_groups=3))


@pytest.mark.parametrize("declared", DECLARATIONS)
@pytest.mark.parametrize("axis", [1, -1, -2])
def test_mean_and_deviation(declared: str, axis: int) -> None:
    x, scale = drawn(2, 3, 4), drawn(4)
    axes = tuple(range(axis % 3, 3))
    mean, deviation = (f(x, axes, keepdims=True) for f in (np.mean, np.std))
    right = [(x - mean) / deviation * scale, mean, 1 / deviation]
    content = model("LayerNormalization", x, declared, {"s": scale}, 3, axis=axis, epsilon=0.0)
    for found, wanted in zip(run(content, x), right, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("declared", DECLARATIONS)
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2])
def test_softmax_of_several_axes(declared: str, axis: int) -> None:
    x = drawn(2, 3, 4)
    axes = tuple(range(axis % 3, 3))
    powers = np.exp(x - x.max(axes, keepdims=True))
    content = model("Softmax", x, declared, {}, opset=11, axis=axis)
    np.testing.assert_allclose(run(content, x)[0], powers / powers.sum(axes, keepdims=True), rtol=1e-5)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("op", ["Conv", "ConvTranspose"])
def test_filters_that_are_an_input(op: str, groups: int) -> None:
    x, w = drawn(1, 4, 5), drawn(4, 4 // groups, 3)
    node = helper.make_node(op, ["x", "w"], ["y"], group=groups)
    inputs = [helper.make_tensor_value_info(name, 1, [None] * 3) for name in "xw"]
    graph = helper.make_graph([node], "g", inputs, [onnx.ValueInfoProto(name="y")])
    late = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]).SerializeToString()
    found = ovlite.compile_model(read_onnx(late), "CPU")([x, w])[0]
    np.testing.assert_allclose(found, run(model(op, x, "static", {"w": w}, group=groups), x)[0], rtol=1e-5, atol=1e-5)


def test_lengths_that_are_an_input() -> None:
    inputs = [helper.make_tensor_value_info("x", 1, ["n", 3]), helper.make_tensor_value_info("s", 7, ["k"])]
    outputs = [onnx.ValueInfoProto(name=name) for name in "ab"]
    graph = helper.make_graph([helper.make_node("Split", ["x", "s"], ["a", "b"])], "g", inputs, outputs)
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]).SerializeToString()
    compiled, x = ovlite.compile_model(read_onnx(content), "CPU"), drawn(5, 3)
    for lengths in ([2, 3], [0, 5]):
        results = compiled([x, np.array(lengths)])
        for i, part in enumerate(np.split(x, [lengths[0]])):
            np.testing.assert_array_equal(results[i], part)
    with pytest.raises(RuntimeError, match=r"Reshape.*has 3 elements"):
        compiled([x, np.array([1, 2, 2])])


@pytest.mark.parametrize("declared", DECLARATIONS)
@pytest.mark.parametrize("value", [-2, -1, 0, 2])
@pytest.mark.parametrize("op", ["ExpandDims", "Trilu"])
def test_operators_that_onnxruntime_names_too(op: str, value: int, declared: str) -> None:
    x = drawn(2, 3, 4)
    weight = np.array(value, np.int32 if op == "ExpandDims" else np.int64)
    proto = onnx.ModelProto.FromString(model(op, x, declared, {"w": weight}))
    proto.graph.node[0].domain = "com.microsoft"
    proto.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    right = np.expand_dims(x, value) if op == "ExpandDims" else np.triu(x, value)
    np.testing.assert_array_equal(run(proto.SerializeToString(), x)[0], right)
