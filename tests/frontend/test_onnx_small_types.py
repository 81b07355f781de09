"""Cast, CastLike and QuantizeLinear to element types of 2 to 8 bits, against ml_dtypes."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import ovlite

FLOATS = {
    TensorProto.FLOAT8E4M3FN: ml_dtypes.float8_e4m3fn, TensorProto.FLOAT8E4M3FNUZ: ml_dtypes.float8_e4m3fnuz,
    TensorProto.FLOAT8E5M2: ml_dtypes.float8_e5m2, TensorProto.FLOAT8E5M2FNUZ: ml_dtypes.float8_e5m2fnuz,
    TensorProto.FLOAT4E2M1: ml_dtypes.float4_e2m1fn,
}  # fmt: skip
INTEGERS = {
    TensorProto.INT2: ml_dtypes.int2, TensorProto.UINT2: ml_dtypes.uint2, TensorProto.INT4: ml_dtypes.int4,
    TensorProto.UINT4: ml_dtypes.uint4,
}  # fmt: skip


def run(op: str, inputs: list[np.ndarray], kind: int, **attributes: Any) -> np.ndarray:
    """The first output, as f32."""
    names = [f"i{i}" for i in range(len(inputs))]
    values = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for name, value in zip(names, inputs, strict=True)
    ]
    node, output = helper.make_node(op, names, ["y"], **attributes), helper.make_tensor_value_info("y", kind, None)
    graph = helper.make_graph([node], "g", values, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 25)], ir_version=13)
    request = ovlite.compile_model(ovlite.Core().read_model(model.SerializeToString()), "CPU").create_infer_request()
    request.infer(inputs)
    return np.asarray(request.get_output_tensor(), np.float32)


def rounded(x: np.ndarray, dtype: Any, saturate: int) -> np.ndarray:
    """ml_dtypes casts to infinity or NaN what is out of range, and saturates 4-bit floats."""
    if saturate:
        limit = np.float64(ml_dtypes.finfo(dtype).max)
        x = np.where(np.isnan(x), x, np.clip(x.astype(np.float64), -limit, limit))
    with np.errstate(all="ignore"):
        return x.astype(dtype).astype(np.float32)


def numbers(dtype: Any) -> np.ndarray:
    """All values of a type, what is half way between them, and much else."""
    finite = np.arange(16 if dtype is ml_dtypes.float4_e2m1fn else 256).astype(np.uint8).view(dtype).astype(np.float32)
    finite = np.sort(finite[np.isfinite(finite)])
    middles = (finite[1:] + finite[:-1]) / 2
    limit = finite[-1]
    beyond = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, limit * 1.01, limit * 1.07, -limit * 1.3, 1e9], np.float32)
    near = np.nextafter(middles, np.float32(np.inf)), np.nextafter(middles, np.float32(-np.inf))
    return np.concatenate([finite, middles, *near, beyond])


@pytest.mark.parametrize("source", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("saturate", [0, 1])
@pytest.mark.parametrize("kind", FLOATS)
def test_casts_to_small_floats(kind: int, saturate: int, source: Any) -> None:
    dtype = FLOATS[kind]
    with np.errstate(over="ignore"):
        x = numbers(dtype).astype(source)
    right = rounded(x, dtype, saturate)
    for found in (
        run("Cast", [x], kind, to=kind, saturate=saturate),
        run("CastLike", [x, np.zeros(1, dtype)], kind, saturate=saturate),
    ):
        np.testing.assert_array_equal(found, right)


@pytest.mark.parametrize("kind", FLOATS | INTEGERS)
def test_casts_from_small_types(kind: int) -> None:
    dtype = (FLOATS | INTEGERS)[kind]
    bits = ovlite.Type(dtype).bitwidth
    x = np.arange(2**bits).astype(np.uint8).view(np.int8 if dtype in INTEGERS.values() else np.uint8)
    x = x.astype(dtype) if dtype in INTEGERS.values() else x.view(dtype)
    for target in (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE):
        np.testing.assert_array_equal(run("Cast", [x], target, to=target), x.astype(np.float32))


@pytest.mark.parametrize("source", [np.float32, np.int32, np.int8])
@pytest.mark.parametrize("kind", INTEGERS)
def test_casts_to_small_integers(kind: int, source: Any) -> None:
    info = ml_dtypes.iinfo(INTEGERS[kind])
    x = np.arange(info.min, info.max + 1).astype(source)
    np.testing.assert_array_equal(run("Cast", [x], kind, to=kind), x)
    np.testing.assert_array_equal(run("CastLike", [x, np.zeros(2, INTEGERS[kind])], kind), x)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("kind", FLOATS | INTEGERS)
def test_quantization(kind: int, axis: int) -> None:
    dtype = (FLOATS | INTEGERS)[kind]
    x = np.random.default_rng(3).normal(0, 20, (4, 5)).astype(np.float32)
    scale = np.linspace(0.5, 4, x.shape[axis]).astype(np.float32)
    wide = x / (scale[:, None] if axis == 0 else scale)
    if kind in FLOATS:
        for saturate in (0, 1):
            found = run("QuantizeLinear", [x, scale], kind, axis=axis, output_dtype=kind, saturate=saturate)
            saturates = saturate or kind == TensorProto.FLOAT4E2M1
            np.testing.assert_array_equal(found, rounded(wide, dtype, saturates))
    else:
        zero = np.ones(len(scale), dtype)
        found = run("QuantizeLinear", [x, scale, zero], kind, axis=axis)
        info = ml_dtypes.iinfo(dtype)
        np.testing.assert_array_equal(found, np.clip(np.rint(wide) + 1, info.min, info.max))


def test_types_without_elements_here() -> None:
    value = helper.make_tensor_value_info("x", TensorProto.COMPLEX64, [1])
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "g", [value], [onnx.ValueInfoProto(name="y")]
    )
    with pytest.raises(RuntimeError, match="element type complex64, which is not supported"):
        ovlite.Core().read_model(helper.make_model(graph).SerializeToString())


@pytest.mark.parametrize("kind", INTEGERS)
def test_a_zero_point_of_few_bits_that_a_run_gives(kind: int) -> None:
    zero = np.array(1, INTEGERS[kind])
    codes = run("QuantizeLinear", [np.array(-2.5, np.float32), np.array(2, np.float32), zero], kind)
    assert codes == np.clip(np.rint(-1.25) + 1, ml_dtypes.iinfo(zero.dtype).min, ml_dtypes.iinfo(zero.dtype).max)
    real = run("DequantizeLinear", [np.array([0, 1], zero.dtype), np.array(2, np.float32), zero], TensorProto.FLOAT)
    np.testing.assert_array_equal(real, [-2, 0])


@pytest.mark.parametrize("kind", [*FLOATS, *INTEGERS])
def test_scalars_of_few_bits_that_a_run_gives(kind: int) -> None:
    value = np.array(1, (FLOATS | INTEGERS)[kind])
    assert run("Cast", [value], TensorProto.FLOAT, to=TensorProto.FLOAT) == 1
    assert run("CastLike", [value, np.zeros(3, np.float16)], TensorProto.FLOAT16) == 1
    assert run("Cast", [np.array(1, np.float32)], kind, to=kind) == 1
