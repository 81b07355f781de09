"""Single operators at sizes that networks use, as ONNX models with seeded weights."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET = 20
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Case:
    """An operator's inputs: shapes of those that are given at run time, then arrays or shapes of constant ones."""

    type: str
    given: Sequence[tuple[int, ...]]
    constants: Sequence[tuple[int, ...] | Array] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    outputs: int = 1


def _convolution(x: tuple[int, ...], filters: tuple[int, ...], stride: int = 1, groups: int = 1) -> Case:
    pad = filters[-1] // 2
    attributes = {"pads": [pad] * 4, "strides": [stride] * 2, "group": groups}
    return Case("Conv", [x], [filters, filters[:1]], attributes)


IMAGE = (1, 64, 56, 56)
CASES = {
    "convolution 7x7/2": _convolution((1, 3, 224, 224), (64, 3, 7, 7), 2),
    "convolution 3x3": _convolution(IMAGE, (64, 64, 3, 3)),
    "convolution 3x3/2": _convolution(IMAGE, (128, 64, 3, 3), 2),
    "convolution 3x3, deep": _convolution((1, 512, 7, 7), (512, 512, 3, 3)),
    "convolution 1x1": _convolution(IMAGE, (256, 64, 1, 1)),
    "convolution 1x1, deep": _convolution((1, 1024, 14, 14), (256, 1024, 1, 1)),
    "convolution in groups": _convolution((1, 128, 28, 28), (128, 4, 3, 3), groups=32),
    "depthwise 3x3": _convolution((1, 96, 56, 56), (96, 1, 3, 3), groups=96),
    "depthwise 5x5/2": _convolution((1, 96, 56, 56), (96, 1, 5, 5), 2, groups=96),
    "transposed convolution": Case("ConvTranspose", [(1, 64, 28, 28)], [(64, 32, 2, 2), (32,)], {"strides": [2, 2]}),
    "matrix product": Case("MatMul", [(128, 768)], [(768, 768)]),
    "matrix product of one row": Case("MatMul", [(1, 2048)], [(2048, 1000)]),
    "matrix products, both given": Case("MatMul", [(12, 128, 64), (12, 64, 128)]),
    "sum": Case("Add", [IMAGE, IMAGE]),
    "sum with a bias": Case("Add", [(128, 768)], [(768,)]),
    "relu": Case("Relu", [IMAGE]),
    "sigmoid": Case("Sigmoid", [IMAGE]),
    "gelu": Case("Gelu", [(128, 3072)]),
    "softmax": Case("Softmax", [(12, 128, 128)], attributes={"axis": -1}),
    "layer normalization": Case("LayerNormalization", [(128, 768)], [(768,), (768,)], {"axis": -1}),
    "mean of rows": Case("ReduceMean", [(128, 768)], [np.array([-1])]),
    "mean of images": Case("GlobalAveragePool", [(1, 2048, 7, 7)]),
    "max pooling": Case(
        "MaxPool", [(1, 64, 112, 112)], [], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1] * 4}
    ),
    "average pooling": Case("AveragePool", [IMAGE], attributes={"kernel_shape": [3, 3], "pads": [1] * 4}),
    "transposition to channels-last": Case("Transpose", [IMAGE], attributes={"perm": [0, 2, 3, 1]}),
    "transposition of heads": Case("Transpose", [(1, 128, 12, 64)], attributes={"perm": [0, 2, 1, 3]}),
    "concatenation": Case("Concat", [IMAGE, IMAGE], attributes={"axis": 1}),
    "gathered rows": Case("Gather", [(30000, 64)], [np.arange(0, 12800, 100) % 30000]),
    "largest of a row": Case("TopK", [(64, 1000)], [np.array([5])], outputs=2),
    "doubled image, linear": Case(
        "Resize", [(1, 32, 56, 56)], [np.zeros(0, np.float32), np.array([1, 1, 2, 2], np.float32)], {"mode": "linear"}
    ),
    "lstm": Case("LSTM", [(32, 1, 128)], [(1, 512, 128), (1, 512, 128), (1, 1024)], {"hidden_size": 128}, outputs=3),
}  # fmt: skip


def _random(name: str, shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape, np.float32)


def model(name: str) -> bytes:
    """The ONNX model of a case; its constants are scaled so that sums of products stay near 1."""
    case = CASES[name]
    names = [f"x{i}" for i in range(len(case.given))]
    tensors = []
    for i, constant in enumerate(case.constants):
        array = constant
        if isinstance(constant, tuple):
            array = _random(f"{name} {i}", constant) / np.float32(math.sqrt(max(1, math.prod(constant[1:]))))
        tensors.append(numpy_helper.from_array(np.asarray(array), f"w{i}"))
    outputs = [f"y{i}" for i in range(case.outputs)]
    node = helper.make_node(case.type, [*names, *(tensor.name for tensor in tensors)], outputs, **case.attributes)
    kinds = [TensorProto.INT64 if case.type == "TopK" and i else TensorProto.FLOAT for i in range(case.outputs)]
    info = helper.make_tensor_value_info
    given = [info(key, TensorProto.FLOAT, shape) for key, shape in zip(names, case.given, strict=True)]
    results = [info(key, kind, None) for key, kind in zip(outputs, kinds, strict=True)]
    graph = helper.make_graph([node], case.type, given, results, tensors)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    return bytes(made.SerializeToString())


def inputs(name: str) -> dict[str, Array]:
    """Seeded inputs of a case."""
    return {f"x{i}": _random(f"{name} input {i}", shape) for i, shape in enumerate(CASES[name].given)}
