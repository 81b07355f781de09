"""ConvInteger and MatMulInteger are products of bytes; what they give is exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import ovlite
from ovlite.ops.quantized import QuantizedProduct
from ovlite.passes.pipeline import run_passes

from .support import Array

DTYPES = {"u8": np.dtype(np.uint8), "i8": np.dtype(np.int8)}
CHANNELS, PADS, STRIDES, DILATIONS = 8, (1, 2, 0, 1), (1, 2), (2, 1)


def some(kind: str, *shape: int) -> Array:
    limits = np.iinfo(DTYPES[kind])
    found = np.random.default_rng(len(shape)).integers(limits.min, limits.max, shape, DTYPES[kind], endpoint=True)
    found.flat[:2] = limits.min, limits.max
    return found


def model_of(nodes: list[Any], arrays: dict[str, Array], inputs: dict[str, Array], result: int) -> bytes:
    kinds = {np.dtype(np.float32): TensorProto.FLOAT, **dict(zip(DTYPES.values(), (2, 3), strict=True))}
    given = [helper.make_tensor_value_info(name, kinds[x.dtype], x.shape) for name, x in inputs.items()]
    held = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "g", given, [helper.make_tensor_value_info("y", result, None)], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def products(content: bytes) -> list[QuantizedProduct]:
    model = ovlite.Core().read_model(content)
    run_passes(model)
    return [node.op for node in model.get_ordered_ops() if isinstance(node.op, QuantizedProduct)]


def result(content: bytes, inputs: dict[str, Array]) -> Array:
    found = [
        ovlite.compile_model(ovlite.Core().read_model(content), "CPU", {"INFERENCE_NUM_THREADS": threads})(inputs)[0]
        for threads in (1, 3)
    ]
    np.testing.assert_array_equal(*found)
    return found[0]


def dynamic(x: Array) -> tuple[Array, np.float32, np.uint8]:
    """DynamicQuantizeLinear."""
    low, high = np.minimum(x.min(), np.float32(0)), np.maximum(x.max(), np.float32(0))
    scale = np.float32((high - low) / np.float32(255))
    zero = np.uint8(np.clip(np.rint(-low / scale), 0, 255))
    return np.clip(np.rint(x / scale) + zero, 0, 255).astype(np.uint8), scale, zero


def convolved(x: Array, w: Array, groups: int) -> Array:
    """Sums of integers; x has its zero point taken off, so that its border is of zeros."""
    padded = np.pad(x, ((0, 0), (0, 0), (PADS[0], PADS[2]), (PADS[1], PADS[3])))
    reach = [1 + gap * (size - 1) for gap, size in zip(DILATIONS, w.shape[2:], strict=True)]
    seen = np.lib.stride_tricks.sliding_window_view(padded, reach, (2, 3))
    seen = seen[:, :, :: STRIDES[0], :: STRIDES[1], :: DILATIONS[0], :: DILATIONS[1]]
    parts = zip(np.split(seen, groups, 1), np.split(w, groups, 0), strict=True)
    return np.concatenate([np.einsum("bchwij,ocij->bohw", part, filters) for part, filters in parts], 1)


@pytest.mark.parametrize("kind", ["u8", "i8"])
@pytest.mark.parametrize("zeros", ["none", "one", "each"])
@pytest.mark.parametrize("groups", [1, 2, CHANNELS])
@pytest.mark.parametrize("given", ["dynamic", "constant", "missing"])
def test_convolutions_of_integers(kind: str, zeros: str, groups: int, given: str) -> None:
    """Borders are zeros behind the zero point, which a run may compute."""
    w = some(kind, CHANNELS, CHANNELS // groups, 3, 3)
    x = np.random.default_rng(0).standard_normal((2, CHANNELS, 9, 7)).astype(np.float32) + 1
    code, scale, zero = dynamic(x)
    zero = zero if given == "dynamic" else np.uint8(77 if given == "constant" else 0)
    w_zero = {"none": 0, "one": 3, "each": np.arange(1, CHANNELS + 1)}[zeros]
    arrays = {"w": w, "factor": np.float32(2)}
    if zeros != "none":
        arrays["w_zero"] = np.asarray(w_zero, w.dtype)
    if given == "constant":
        arrays["zero"] = np.asarray(zero)
    inputs = {"x": x if given == "dynamic" else code}
    named = ["", "zero"][given != "missing"], ["", "w_zero"][zeros != "none"]
    attributes = {"group": groups, "pads": PADS, "strides": STRIDES, "dilations": DILATIONS}
    nodes = [
        helper.make_node("ConvInteger", ["code" if given == "dynamic" else "x", "w", *named], ["sums"], **attributes),
        helper.make_node("Cast", ["sums"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["real", "scale" if given == "dynamic" else "factor"], ["y"]),
    ]
    if given == "dynamic":
        nodes.insert(0, helper.make_node("DynamicQuantizeLinear", ["x"], ["code", "scale", "zero"]))
    content = model_of(nodes, arrays, inputs, TensorProto.FLOAT)
    (op,) = products(content)
    assert op.dynamic == (given == "dynamic")
    centred = w.astype(np.int64) - np.reshape(w_zero, (-1, 1, 1, 1))
    sums = convolved(code.astype(np.int64) - int(zero), centred, groups)
    expected = sums.astype(np.float32) * (scale if given == "dynamic" else np.float32(2))
    np.testing.assert_allclose(result(content, inputs), expected, rtol=1e-6)


@pytest.mark.parametrize("kind", ["u8", "i8"])
def test_sums_that_are_wanted_as_integers(kind: str) -> None:
    """In integers where the weights show that f32 holds all sums."""
    w, x = some(kind, 4, 2, 3, 3), some("u8", 1, 2, 9, 7)
    attributes = {"pads": PADS, "strides": STRIDES, "dilations": DILATIONS}
    nodes = [helper.make_node("ConvInteger", ["x", "w"], ["y"], **attributes)]
    content = model_of(nodes, {"w": w}, {"x": x}, TensorProto.INT32)
    assert len(products(content)) == 1
    found = result(content, {"x": x})
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, convolved(x.astype(np.int64), w.astype(np.int64), 1))


def test_readers_of_one_image_with_zero_points_of_their_own() -> None:
    """Each finds its own border."""
    x, w = some("u8", 1, 4, 9, 7), some("i8", 4, 4, 3, 3)
    attributes = {"pads": PADS, "strides": STRIDES, "dilations": DILATIONS}
    nodes = []
    for name in ("a", "b"):
        nodes += [
            helper.make_node("ConvInteger", ["x", "w", f"zero_{name}"], [f"sums_{name}"], **attributes),
            helper.make_node("Cast", [f"sums_{name}"], [f"real_{name}"], to=TensorProto.FLOAT),
        ]
    nodes.append(helper.make_node("Sub", ["real_a", "real_b"], ["y"]))
    content = model_of(nodes, {"w": w, "zero_a": np.uint8(3), "zero_b": np.uint8(200)}, {"x": x}, TensorProto.FLOAT)
    assert len(products(content)) == 2
    first, second = (convolved(x.astype(np.int64) - zero, w.astype(np.int64), 1) for zero in (3, 200))
    np.testing.assert_array_equal(result(content, {"x": x}), first - second)


def test_attention_projects_bytes() -> None:
    """QAttention; what it gives is compared with onnxruntime where the reader's operators are."""
    arrays = {
        "w": some("i8", 8, 24), "bias": np.zeros(24, np.float32), "scale": np.float32(0.02), "zero": np.uint8(7),
        "scales": np.linspace(0.01, 0.02, 24, dtype=np.float32),
    }  # fmt: skip
    inputs = {"x": some("u8", 2, 3, 8)}
    operands = ["x", "w", "bias", "scale", "scales", "", "zero"]
    node = helper.make_node("QAttention", operands, ["y"], domain="com.microsoft", num_heads=2)
    model = onnx.load_model_from_string(model_of([node], arrays, inputs, TensorProto.FLOAT))
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    assert len(products(model.SerializeToString())) == 1
