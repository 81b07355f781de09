"""Arrays of ml_dtypes, whose element types numpy lacks, as constants, Tensors and inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ovlite
import ovlite.opset13 as ops

ml_dtypes = pytest.importorskip("ml_dtypes")

WHOLE = {
    "bfloat16": "bf16", "float8_e4m3fn": "f8e4m3", "float8_e5m2": "f8e5m2", "float8_e8m0fnu": "f8e8m0",
    "float8_e4m3fnuz": "f8e4m3fnuz", "float8_e5m2fnuz": "f8e5m2fnuz",
}  # fmt: skip
PACKED = {"float4_e2m1fn": "f4e2m1", "int4": "i4", "uint4": "u4", "int2": "i2", "uint2": "u2"}
ALL = WHOLE | PACKED
SHAPES = [(), (1,), (3,), (2, 3), (0, 4), (5, 1, 7)]


def sample(name: str, shape: tuple[int, ...] = (2, 3)) -> np.ndarray:
    """Numbers that each of the types holds."""
    least = [-1, -2] if name.startswith("int") else [1, 2]
    values = np.array([1, least[1], 1, 1, *least, 1], np.float32)
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


@pytest.mark.parametrize("name", ["float8_e3m4", "float6_e2m3fn"])
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
@pytest.mark.parametrize("name", ALL)
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


def forced(element_type: Any, shape: list[int] | None = None, through: Any = None) -> Any:
    """A model whose output is of the type: what an input of f32 becomes."""
    x = ops.parameter(shape or [-1, -1], through or np.float32, name="x")
    return ovlite.Model([ops.convert(x, element_type)], [x])


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (0, 4), (5, 7)])
@pytest.mark.parametrize(("name", "element_type"), ALL.items())
def test_outputs(name: str, element_type: str, shape: tuple[int, int]) -> None:
    """Results are the bits that the output's tensor holds; packed ones lie in one dimension."""
    array = sample(name, shape)
    compiled = ovlite.compile_model(forced(getattr(ovlite.Type, element_type)), "CPU")
    bits = ovlite.Tensor(array).data
    for share in (False, True):
        request = compiled.create_infer_request()
        found = request.infer([numbers(array)], share_outputs=share)[0]
        assert found.dtype == bits.dtype and found.tobytes() == bits.tobytes()
        tensor = request.get_output_tensor()
        assert tuple(tensor.shape) == shape
        np.testing.assert_array_equal(np.asarray(tensor, np.float32), numbers(array))
    assert compiled([numbers(array)])[0].tobytes() == bits.tobytes()
    request.start_async([numbers(array)])
    request.wait()
    np.testing.assert_array_equal(np.asarray(request.get_output_tensor(), np.float32), numbers(array))


@pytest.mark.parametrize(("name", "element_type"), PACKED.items())
def test_packed_tensors_of_a_request(name: str, element_type: str) -> None:
    """What a tensor that was set holds when a run begins is read, and results are written to its memory."""
    kind = getattr(ovlite.Type, element_type)
    x = ops.parameter([-1, 3], kind, name="x")
    model = ovlite.Model([ops.convert(ops.relu(ops.convert(x, "f32")), kind), x], [x])
    request = ovlite.compile_model(model, "CPU").create_infer_request()
    given, taken = ovlite.Tensor(kind, [1, 3]), ovlite.Tensor(kind, [1, 3])
    request.set_input_tensor(given)
    request.set_output_tensor(0, taken)
    for row in sample(name, (4, 3)):
        given.copy_from(ovlite.Tensor(row[None]))
        results = request.infer()
        np.testing.assert_array_equal(np.asarray(taken, np.float32), np.maximum(numbers(row[None]), 0))
        assert results[0].tobytes() == taken.data.tobytes() and results[1].tobytes() == given.data.tobytes()
    request.infer([sample(name, (2, 3))])
    assert tuple(request.get_output_tensor(0).shape) == (2, 3)


def test_packed_results_are_not_written_to_the_callers_arrays() -> None:
    compiled = ovlite.compile_model(forced("u4"), "CPU")
    with pytest.raises(TypeError, match="holds u4, which is packed"):
        compiled([np.zeros((2, 2), np.float32)], out=np.zeros(2, np.uint8))


@pytest.mark.parametrize(("element_type", "low", "high"), [("i2", -2, 1), ("u2", 0, 3), ("i4", -8, 7), ("u4", 0, 15)])
def test_whole_numbers_for_a_packed_input(element_type: str, low: int, high: int) -> None:
    compiled = converted(getattr(ovlite.Type, element_type))
    for dtype in (np.int8, np.int64):
        values = np.array([[low, high, 1]], dtype)
        np.testing.assert_array_equal(compiled(values)[0], values)
    for wrong in (low - 1, high + 1):
        with pytest.raises(RuntimeError, match=f"holds {element_type}, numbers from {low} to {high}; .*{wrong}"):
            compiled(np.array([[wrong, 1]]))
    with pytest.raises(TypeError, match="pass a Tensor, an array of ml_dtypes, or whole numbers"):
        compiled(np.array([[1.0]]))


def test_numbers_for_an_input_of_four_real_bits() -> None:
    """They are rounded; bytes could be codes as well as numbers, and are refused."""
    values = np.array([[0.3, 1.7, -3.1, 9]], np.float32)
    compiled = converted(ovlite.Type.f4e2m1)
    np.testing.assert_array_equal(compiled(values)[0], numbers(values.astype(ml_dtypes.float4_e2m1fn)))
    with pytest.raises(TypeError, match=r"holds f4e2m1; uint8 is given: pass a Tensor"):
        compiled(np.array([[1]], np.uint8))


@pytest.mark.parametrize(("name", "element_type"), PACKED.items())
def test_packed_ports_of_plans_in_stages(name: str, element_type: str) -> None:
    """Shapes that follow from elements."""
    kind = getattr(ovlite.Type, element_type)
    x = ops.parameter([-1], kind, name="x")
    places = ops.squeeze(ops.non_zero(ops.convert(x, "f32")), np.array([0]))
    chosen = ops.gather(ops.convert(x, "f32"), places, np.array(0))
    compiled = ovlite.compile_model(ovlite.Model([ops.convert(chosen, kind)], [x]), "CPU")
    array = np.array([0, 1, 0, 1, 1], np.float32).astype(getattr(ml_dtypes, name))
    for _ in range(2):
        request = compiled.create_infer_request()
        assert request.infer([array])[0].tobytes() == ovlite.Tensor(array[[1, 3, 4]]).data.tobytes()
        assert tuple(request.get_output_tensor().shape) == (3,)
