"""Forms of ONNX operators that were left to onnx.reference once, computed here: against onnxruntime or a formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import helper, numpy_helper

import ovlite
from ovlite.errors import ModelError
from ovlite.frontend.onnx import read_onnx

from .onnx_cases import evaluate


def model(
    op_type: str, attributes: dict[str, Any], inputs: list[np.ndarray | None], version: int, known: list[int | None]
) -> bytes:
    """A node whose first input has the dimensions `known`; the others are constants."""
    names = [f"i{i}" if value is not None else "" for i, value in enumerate(inputs)]
    node = helper.make_node(op_type, names, ["y"], "here", **attributes)
    first = helper.make_tensor_value_info("i0", 1, known)
    held = [numpy_helper.from_array(value, names[i]) for i, value in enumerate(inputs) if i and value is not None]
    graph = helper.make_graph([node], "g", [first], [helper.make_empty_tensor_value_info("y")], held)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)], ir_version=8)
    return bytes(made.SerializeToString())


def check(content: bytes, x: np.ndarray, expected: np.ndarray) -> None:
    read = read_onnx(content)
    assert not any(node.op.type.startswith("onnx.") for node in read.get_ordered_ops())
    compiled = ovlite.Core().compile_model(read, "CPU")([x])[0]
    for found in (evaluate(read, [x])[0], compiled):
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def peer(content: bytes, x: np.ndarray) -> np.ndarray:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"i0": x})[0])


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize(
    "attributes",
    [
        {"ceil_mode": 1, "strides": [2, 2]},
        {"ceil_mode": 1, "strides": [3, 3], "pads": [1, 1, 1, 1]},
        {"ceil_mode": 1, "strides": [1, 4], "pads": [0, 1, 1, 0]},
        {"ceil_mode": 1, "strides": [2, 3], "dilations": [2, 1]},
        {"ceil_mode": 1, "strides": [2, 2], "auto_pad": "VALID"},
        {"ceil_mode": 1, "strides": [2, 2], "auto_pad": "SAME_LOWER"},
        {"strides": [2, 2], "dilations": [1, 2]},
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [(7, 8), (6, 9), (5, 5)])
def test_lp_pool(attributes: dict[str, Any], order: int, known: bool, size: tuple[int, int]) -> None:
    x = np.random.default_rng(1).normal(size=(1, 2, *size)).astype(np.float32)
    dims: list[int | None] = [*x.shape] if known else [1, 2, None, None]
    content = model("LpPool", {"kernel_shape": [3, 3], "p": order, **attributes}, [x], 18, dims)
    check(content, x, peer(content, x))


@pytest.mark.parametrize(("stride", "dilation", "pad"), [(1, 1, 0), (2, 1, 1), (1, 2, 1), (2, 2, 2)])
def test_columns_of_a_sequence(stride: int, dilation: int, pad: int) -> None:
    length, block = 9, 3
    count = (length + 2 * pad - dilation * (block - 1) - 1) // stride + 1
    x = np.random.default_rng(2).normal(size=(2, 2 * block, count)).astype(np.float32)
    out = np.zeros((2, 2, length + 2 * pad), np.float32)
    for i, j in np.ndindex(count, block):
        out[:, :, i * stride + j * dilation] += x.reshape(2, 2, block, count)[:, :, j, i]
    attributes = {"strides": [stride], "dilations": [dilation], "pads": [pad, pad]}
    content = model("Col2Im", attributes, [x, np.array([length]), np.array([block])], 18, [None, 2 * block, None])
    check(content, x, out[:, :, pad : pad + length])


@pytest.mark.parametrize("windowed", [True, False])
@pytest.mark.parametrize(("width", "onesided"), [(1, 1), (1, 0), (2, 0)])
def test_short_time_transforms(width: int, onesided: int, windowed: bool) -> None:
    size, step = 8, 3
    x = np.random.default_rng(3).normal(size=(2, 20, width)).astype(np.float32)
    window = np.hanning(size).astype(np.float32) if windowed else None
    values = x[..., 0] + (1j * x[..., 1] if width == 2 else 0)
    frames = np.stack([values[:, i : i + size] for i in range(0, 20 - size + 1, step)], 1)
    frames = frames * (1 if window is None else window)
    found = np.fft.rfft(frames.real) if onesided else np.fft.fft(frames)
    inputs = [x, np.array(step), window, np.array(size)]
    content = model("STFT", {"onesided": onesided}, inputs, 17, [None, None, width])
    check(content, x, np.stack([found.real, found.imag], -1).astype(np.float32))


@pytest.mark.parametrize(("width", "part"), [(None, "has to be known"), (2, "set onesided to 0")])
def test_signals_that_are_refused(width: int | None, part: str) -> None:
    inputs = [np.zeros((1, 9, 2), np.float32), np.array(2), None, np.array(4)]
    with pytest.raises(ModelError, match=f"STFT node 'here': .*{part}"):
        read_onnx(model("STFT", {}, inputs, 17, [1, 9, width]))
