"""Weights are taken out of a model's bytes, and nothing else is."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ovlite.frontend.onnx import read_onnx
from ovlite.frontend.onnx.wire import SMALL, without_weights

from .onnx_cases import evaluate

COUNTS = [1, SMALL // 4, SMALL // 4 + 1, 40000]  # elements of f32: left, left, taken, taken


def model() -> onnx.ModelProto:
    """y = a + w0 + w1 ..., each of other values."""
    names = [f"w{i}" for i in range(len(COUNTS))]
    arrays = [np.arange(count, dtype=np.float32) + i for i, count in enumerate(COUNTS)]
    weights = [numpy_helper.from_array(array, name) for array, name in zip(arrays, names, strict=True)]
    nodes = [helper.make_node("ReduceSum", [name], [f"s{name}"], keepdims=0) for name in names]
    nodes.append(helper.make_node("Sum", ["a", *(f"s{name}" for name in names)], ["y"]))
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, []) for name in ("a", "y")]
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_large_weights_are_taken_and_the_rest_stays() -> None:
    content = model().SerializeToString()
    message, taken = without_weights(memoryview(content))
    assert [None if raw is None else len(raw) for raw in taken] == [None, None, *(4 * count for count in COUNTS[2:])]
    rest = onnx.load_from_string(bytes(message))
    expected = model()
    for tensor in expected.graph.initializer[2:]:
        tensor.ClearField("raw_data")
    assert rest == expected


def test_weights_that_were_taken_are_those_of_the_model() -> None:
    read = read_onnx(model().SerializeToString())
    total = sum(np.arange(count, dtype=np.float64).sum() + i * count for i, count in enumerate(COUNTS))
    np.testing.assert_allclose(evaluate(read, [np.float32(1)])[0], 1 + total, rtol=1e-5)


BROKEN = [b"", b"\x3a", b"\x3a\x05\x2a", b"\x3a\x80" * 8, b"\x3b\x00", b"\xff" * 20, b"\x3a\x02\x2a\x09"]


@pytest.mark.parametrize("content", BROKEN)
def test_bytes_that_are_no_message_come_back_as_they_are(content: bytes) -> None:
    message, taken = without_weights(memoryview(content))
    assert (bytes(message), taken) == (content, [])


def test_a_graph_in_two_parts_is_left_to_the_parser() -> None:
    content = model().SerializeToString()
    assert without_weights(memoryview(content + content))[1] == []


def field(number: int, value: bytes) -> bytes:
    """An encoded field of 128 to 16383 bytes."""
    return bytes([number << 3 | 2, len(value) & 0x7F | 0x80, len(value) >> 7]) + value


def test_a_tensor_with_raw_data_twice_is_left_to_the_parser() -> None:
    once = field(9, bytes(2 * SMALL))
    for tensor, taken in ((once, [memoryview(bytes(2 * SMALL))]), (once + once, [None])):
        assert without_weights(memoryview(field(7, field(5, tensor))))[1] == taken
