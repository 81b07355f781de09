"""Encoders of text as exporters of transformers write them, with seeded weights: BERT's and MiniLM's layers.

Attention is spelled out (MatMul, Div, Add of a mask, Softmax, MatMul), and so is GELU.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
WORDS = 1000  # in the vocabulary, which is short: a Gather costs the same
POSITIONS = 512
Array = np.ndarray[Any, Any]


class Size(NamedTuple):
    """An encoder's layers, the length of a token's vector, and the heads of attention."""

    layers: int
    width: int
    heads: int


SIZES = {
    "bert-base, 2 of its layers": Size(2, 768, 12),
    "minilm-l3": Size(3, 384, 12),
    "minilm-l6": Size(6, 384, 12),
    "minilm-l12": Size(12, 384, 12),
}
LENGTHS = {"bert-base, 2 of its layers": (16, 128, 512)}
CASES = {
    f"{name} batch={batch} length={length}": (name, batch, length)
    for name in SIZES
    for batch, length in itertools.product((1, 8), LENGTHS.get(name, (32, 128)))
}


@dataclass
class _Graph:
    """Nodes and weights of a graph that grows; a tensor is its name."""

    random: np.random.Generator
    nodes: list[Any] = field(default_factory=list)
    weights: list[Any] = field(default_factory=list)

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [f"t{len(self.nodes)}"], **attributes))
        return str(self.nodes[-1].output[0])

    def constant(self, array: Any) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(array), f"w{len(self.weights)}"))
        return str(self.weights[-1].name)

    def number(self, value: float) -> str:
        return self.constant(np.float32(value))

    def noise(self, *shape: int, scale: float = 0.05, mean: float = 0.0) -> str:
        return self.constant(self.random.standard_normal(shape, np.float32) * np.float32(scale) + np.float32(mean))

    def linear(self, x: str, inputs: int, outputs: int) -> str:
        product = self.add("MatMul", x, self.noise(inputs, outputs, scale=1 / math.sqrt(inputs)))
        return self.add("Add", product, self.noise(outputs))

    def normal(self, x: str, width: int) -> str:
        return self.add("LayerNormalization", x, self.noise(width, mean=1.0), self.noise(width), axis=-1, epsilon=1e-12)

    def gelu(self, x: str) -> str:
        gate = self.add("Add", self.add("Erf", self.add("Div", x, self.number(math.sqrt(2)))), self.number(1))
        return self.add("Mul", self.add("Mul", x, gate), self.number(0.5))

    def heads(self, x: str, size: Size, order: list[int]) -> str:
        shape = self.constant(np.array([0, 0, size.heads, size.width // size.heads]))
        return self.add("Transpose", self.add("Reshape", x, shape), perm=order)


def _layer(graph: _Graph, x: str, mask: str, size: Size) -> str:
    query, key, value = (
        graph.heads(graph.linear(x, size.width, size.width), size, order)
        for order in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3])
    )
    root = graph.number(math.sqrt(size.width / size.heads))
    scores = graph.add("Add", graph.add("Div", graph.add("MatMul", query, key), root), mask)
    seen = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), value)
    joined = graph.add("Reshape", graph.add("Transpose", seen, perm=[0, 2, 1, 3]), graph.constant(np.array([0, 0, -1])))
    x = graph.normal(graph.add("Add", graph.linear(joined, size.width, size.width), x), size.width)
    inner = graph.gelu(graph.linear(x, size.width, 4 * size.width))
    return graph.normal(graph.add("Add", graph.linear(inner, 4 * size.width, size.width), x), size.width)


def model(case: str) -> bytes:
    """The ONNX model of a case: from ids and a mask [batch, length] to a vector for each token."""
    size = SIZES[CASES[case][0]]
    graph = _Graph(np.random.default_rng(0))
    words = graph.add("Gather", graph.noise(WORDS, size.width), "input_ids")
    length = graph.add("Slice", graph.add("Shape", "input_ids"), *(graph.constant(np.array([i])) for i in (1, 2)))
    ends = (graph.constant(np.array([0])), length, graph.constant(np.array([0])))
    places = graph.add("Slice", graph.noise(POSITIONS, size.width), *ends)
    x = graph.normal(graph.add("Add", words, places), size.width)
    marks = graph.add("Unsqueeze", "attention_mask", graph.constant(np.array([1, 2])))
    hidden = graph.add("Sub", graph.number(1), graph.add("Cast", marks, to=TensorProto.FLOAT))
    mask = graph.add("Mul", hidden, graph.number(np.finfo(np.float32).min))
    for _ in range(size.layers):
        x = _layer(graph, x, mask, size)
    graph.nodes[-1].output[0] = "last_hidden_state"
    info = helper.make_tensor_value_info
    given = [info(name, TensorProto.INT64, ["batch", "length"]) for name in ("input_ids", "attention_mask")]
    result = info("last_hidden_state", TensorProto.FLOAT, ["batch", "length", size.width])
    made = helper.make_graph(graph.nodes, "encoder", given, [result], graph.weights)
    return bytes(
        helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8).SerializeToString()
    )


def inputs(case: str) -> dict[str, Array]:
    """Seeded ids, and a mask that leaves out up to a quarter of each sequence's end."""
    _, batch, length = CASES[case]
    random = np.random.default_rng(1)
    ends = random.integers(length - length // 4, length + 1, (batch, 1))
    ids = random.integers(0, WORDS, (batch, length))
    return {"input_ids": ids, "attention_mask": (np.arange(length) < ends).astype(np.int64)}
