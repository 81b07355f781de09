"""Packed elements, and names of element types."""

import numpy as np
import pytest

# Bytes of elements whose codes are 0, 1, 2, ...: derived by hand from the order of bits that helpers/packing.py gives.
CASES = {
    "u1": ([1, 0, 0, 1, 1, 1, 0, 0, 1], [0b10011100, 0b10000000]),
    "u2": ([0, 1, 2, 3, 2], [0b00011011, 0b10000000]),
    "u3": ([0, 1, 2, 3, 4, 5, 6, 7, 5], [0b00011011, 0b00011011, 0b00001111, 0b01000000, 0, 0b10000000]),
    "u4": ([7, 8, 15], [0x78, 0xF0]),
    "u6": ([0, 0x1F, 0x20, 0x3E, 63], [0x0F, 0x0E, 0b00011011, 0xF0, 0, 0b11000000]),
    "i4": ([7, -8, -1], [0x78, 0xF0]),
    "nf4": ([0, 15, 3], [0x0F, 0x30]),
    "f4e2m1": ([1, 2, 9], [0x12, 0x90]),
}


@pytest.mark.parametrize("name", CASES)
def test_bytes(lab, name):
    values, packed = CASES[name]
    kind = getattr(lab.ov.Type, name)
    helpers = lab.submodule("helpers")
    array = np.array(values, np.int8 if name == "i4" else np.uint8)
    made = helpers.pack_data(array, kind)
    assert made.dtype == np.uint8
    assert made.tolist() == packed
    back = helpers.unpack_data(made, kind, [len(values)])
    assert back.dtype == array.dtype
    assert back.tolist() == values


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("shape", [(0,), (1,), (3, 5), (2, 4, 3)])
def test_round_trip(mine, name, shape):
    kind = getattr(mine.ov.Type, name)
    low, bits = (-8 if name == "i4" else 0), kind.bitwidth
    array = np.random.default_rng(3).integers(low, low + 2**bits, shape).astype(np.int8 if name == "i4" else np.uint8)
    helpers = mine.submodule("helpers")
    np.testing.assert_array_equal(helpers.unpack_data(helpers.pack_data(array, kind), kind, shape), array)


def test_a_shape_is_taken_as_a_shape(lab):
    helpers = lab.submodule("helpers")
    assert helpers.unpack_data(np.array([0x12], np.uint8), lab.ov.Type.u4, lab.ov.Shape([2, 1])).tolist() == [[1], [2]]


def test_whole_floats_are_packed_and_others_refused(lab):
    helpers = lab.submodule("helpers")
    assert helpers.pack_data(np.array([1.0, 2.0]), lab.ov.Type.u4).tolist() == [0x12]
    with pytest.raises(RuntimeError):
        helpers.pack_data(np.array([1.5]), lab.ov.Type.u4)


def test_types_of_whole_bytes_are_refused(lab):
    helpers = lab.submodule("helpers")
    with pytest.raises(AssertionError):
        helpers.pack_data(np.zeros(2, np.uint8), lab.ov.Type.u8)
    with pytest.raises(AssertionError):
        helpers.unpack_data(np.zeros(2, np.uint8), lab.ov.Type.i8, [2])


def test_too_few_bytes_are_an_error(mine):
    with pytest.raises(RuntimeError, match="1 bytes hold 2 elements of u4"):
        mine.submodule("helpers").unpack_data(np.zeros(1, np.uint8), mine.ov.Type.u4, [3])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.int64, np.uint8, np.bool_])
def test_names_of_types(lab, dtype):
    types = lab.submodule("utils.types")
    kind = types.get_element_type(dtype)
    assert kind == lab.ov.Type(dtype)
    assert types.get_element_type_str(np.dtype(dtype)) == kind.get_type_name()
    assert types.get_dtype(kind) == np.dtype(dtype)


def test_python_numbers_are_of_32_bits(lab):
    types = lab.submodule("utils.types")
    assert [types.get_element_type(kind).get_type_name() for kind in (int, float)] == ["i32", "f32"]
    assert [types.get_element_type_str(kind) for kind in (int, float)] == ["i32", "f32"]


@pytest.mark.parametrize("dtype", [np.complex64, np.datetime64])
def test_other_types_have_no_name(lab, dtype):
    types = lab.submodule("utils.types")
    error = lab.submodule("exceptions").OVTypeError
    for function in (types.get_element_type, types.get_element_type_str):
        with pytest.raises(error):
            function(dtype)


def test_bf16_is_held_in_words_and_packed_types_have_no_dtype(lab):
    types = lab.submodule("utils.types")
    assert types.get_dtype(lab.ov.Type.bf16) == np.uint16
    with pytest.raises(lab.submodule("exceptions").OVTypeError):
        types.get_dtype(lab.ov.Type.u4)


def test_exceptions(lab):
    exceptions = lab.submodule("exceptions")
    assert issubclass(exceptions.OVTypeError, TypeError)
    assert issubclass(exceptions.OVTypeError, exceptions.OVError)
    assert issubclass(exceptions.UserInputError, exceptions.OVError)


def test_data_helpers(lab):
    helpers = lab.submodule("utils.data_helpers")
    assert helpers.tensor_from_file is lab.ov.tensor_from_file
    assert helpers.OVDict.__name__ == "OVDict"


def test_custom_preprocess_function(lab):
    step = lab.submodule("utils.decorators").custom_preprocess_function(lambda data: lab.ops.abs(data))
    made = step(lab.parameter().output(0))
    assert isinstance(made, lab.ov.Output)
    assert made.get_node().get_type_name() == "Abs"


def test_types_of_numpy_and_others(lab, A):
    types, Type = lab.submodule("utils.types"), lab.ov.Type
    for wrong in (None, "float32", Type.f32, complex):
        with pytest.raises(TypeError):
            types.get_element_type(wrong)
    with pytest.raises(TypeError):
        types.get_dtype(np.float32)
    assert types.get_numpy_ctype(Type.i8) is np.int8
    assert types.get_ndarray(A) is A and types.get_ndarray([1, 2]).tolist() == [1, 2]
    assert types.get_shape(A) == (2, 3) and types.get_shape([1, 2]) == [2] and types.get_shape(1.0) == []


def test_a_layout_is_of_a_port(lab):
    with pytest.raises(TypeError):
        lab.ov.layout_helpers.set_layout(3, lab.ov.Layout("NC"))


def test_axes_of_broadcasts_and_reductions(lab):
    added = lab.submodule("utils.broadcasting").get_broadcast_axes
    assert (
        set(added([2, 3, 4], [3, 4])) == {0}
        and set(added((2, 3, 4), (2, 3), 0)) == {2}
        and set(added([2], [2])) == set()
    )
    reduced = lab.submodule("utils.reduction").get_reduction_axes
    assert reduced(lab.parameter(), None) == {0, 1} and reduced(lab.parameter(), [1]) == {1}
