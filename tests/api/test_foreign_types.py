"""Arrays of ml_dtypes, whose element types numpy lacks, as constants, Tensors and inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ovlite
import ovlite.opset13 as ops

ml_dtypes = pytest.importorskip("ml_dtypes")

WHOLE = {"bfloat16": "bf16", "float8_e4m3fn": "f8e4m3", "float8_e5m2": "f8e5m2", "float8_e8m0fnu": "f8e8m0"}
PACKED = {"float4_e2m1fn": "f4e2m1", "int4": "i4", "uint4": "u4", "uint2": "u2"}
ALL = WHOLE | PACKED
SHAPES = [(), (1,), (3,), (2, 3), (0, 4), (5, 1, 7)]


def sample(name: str, shape: tuple[int, ...] = (2, 3)) -> np.ndarray:
    """Numbers that each of the types holds."""
    values = np.array([1, 2, 1, 1, 2, 2, 1], np.float32)
    return (
        np.resize(values, shape).astype(getattr(ml_dtypes, name))
        if np.prod(shape)
        else np.zeros(shape, getattr(ml_dtypes, name))
    )


def numbers(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32)


@pytest.mark.parametrize(("name", "element_type"), ALL.items())
def test_element_types(name: str, element_type: str) -> None:
    dtype = getattr(ml_dtypes, name)
    assert ovlite.Type(dtype).get_type_name() == element_type
    assert ovlite.Type(np.dtype(dtype)).get_type_name() == element_type
    assert ops.parameter([2], dtype).get_element_type().get_type_name() == element_type


@pytest.mark.parametrize("name", ["float8_e4m3fnuz", "float6_e2m3fn", "int2"])
def test_types_that_are_not_supported(name: str) -> None:
    with pytest.raises(RuntimeError, match="has no element type"):
        ovlite.Type(getattr(ml_dtypes, name))
    with pytest.raises(RuntimeError, match="has no element type"):
        ovlite.Tensor(np.zeros(3, getattr(ml_dtypes, name)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("name", "element_type"), ALL.items())
def test_tensors(name: str, element_type: str, shape: tuple[int, ...]) -> None:
    array = sample(name, shape)
    tensor = ovlite.Tensor(array)
    assert tensor.element_type.get_type_name() == element_type and tuple(tensor.shape) == shape
    np.testing.assert_array_equal(np.asarray(tensor, np.float32), numbers(array))


@pytest.mark.parametrize("name", ALL)
def test_tensors_of_strided_arrays(name: str) -> None:
    array = sample(name, (5, 7))[::2, ::-3]
    np.testing.assert_array_equal(np.asarray(ovlite.Tensor(array), np.float32), numbers(array))


@pytest.mark.parametrize("name", WHOLE)
def test_memory_is_shared(name: str) -> None:
    array = sample(name)
    tensor = ovlite.Tensor(array, shared_memory=True)
    array[0, 0] = 2
    np.testing.assert_array_equal(np.asarray(tensor, np.float32), numbers(array))


@pytest.mark.parametrize("name", PACKED)
def test_packed_memory_is_not_shared(name: str) -> None:
    with pytest.raises(RuntimeError, match="pass a copy"):
        ovlite.Tensor(sample(name), shared_memory=True)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("name", "element_type"), ALL.items())
def test_constants(name: str, element_type: str, shape: tuple[int, ...]) -> None:
    array = sample(name, shape)
    for constant in (ops.constant(array), ovlite.op.Constant(array)):
        assert constant.get_element_type().get_type_name() == element_type
        np.testing.assert_array_equal(constant.get_data(dtype=np.float32), numbers(array))
    np.testing.assert_array_equal(ops.constant(array, np.float32).get_data(), numbers(array))


def ways(array: np.ndarray) -> list[Any]:
    return [array, [array], (array,), {0: array}, {"x": array}, ovlite.Tensor(array)]


def converted(element_type: Any) -> Any:
    x = ops.parameter([-1, -1], element_type, name="x")
    x.output(0).set_names({"x"})
    return ovlite.compile_model(ovlite.Model([ops.convert(x, "f32")], [x]), "CPU")


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("name", WHOLE)
def test_inputs_of_the_same_type(name: str, share: bool) -> None:
    array, compiled = sample(name), converted(getattr(ml_dtypes, name))
    for given in ways(array):
        np.testing.assert_array_equal(compiled(given, share_inputs=share)[0], numbers(array))
        request = compiled.create_infer_request()
        np.testing.assert_array_equal(request.infer(given, share_inputs=share)[0], numbers(array))


@pytest.mark.parametrize("name", ALL)
def test_inputs_of_another_type(name: str) -> None:
    array = sample(name)
    for element_type in (np.float32, np.float64, np.int32, np.float16):
        compiled = converted(element_type)
        for given in ways(array)[:-1]:
            np.testing.assert_array_equal(compiled(given)[0], numbers(array))


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2"])
def test_numbers_for_an_input_of_eight_bits(name: str) -> None:
    """Bytes are bits, all else is rounded to the type."""
    dtype = getattr(ml_dtypes, name)
    compiled, values = converted(dtype), np.array([[0.3, 1.7, -3.1]], np.float32)
    np.testing.assert_array_equal(compiled(values)[0], numbers(values.astype(dtype)))
    np.testing.assert_array_equal(compiled(values.astype(dtype).view(np.uint8))[0], numbers(values.astype(dtype)))


@pytest.mark.parametrize("name", ALL)
def test_a_single_number(name: str) -> None:
    x = ops.parameter([], np.float32)
    compiled = ovlite.compile_model(ovlite.Model([ops.abs(x)], [x]), "CPU")
    assert compiled([sample(name, (3,))[1]])[0] == 2
    assert compiled([sample(name, ())])[0] == 1
