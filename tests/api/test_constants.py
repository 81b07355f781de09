"""Constants: how they are made, what they show of their elements, and small types of elements."""

import numpy as np
import pytest

F32 = np.float32


def filled(lab, kind, shape, values):
    return lab.submodule("op").Constant(getattr(lab.ov.Type, kind), lab.ov.Shape(shape), values)


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("f32", [1.5, 2, -3], np.array([1.5, 2, -3], F32)),
        ("f32", [7], np.array([7, 7, 7], F32)),
        ("i32", [1.9, -1.9, 2], np.array([1, -1, 2], np.int32)),
        ("i64", [2**62 + 1] * 3, np.array([2**62 + 1] * 3)),
        ("u64", [2**64 - 1], np.array([2**64 - 1] * 3, np.uint64)),
        ("f16", [0.1, 1, 2], np.array([0.1, 1, 2], np.float16)),
        ("u4", [1, 2, 3], np.array([0x21, 0x03], np.uint8)),
        ("i4", [-1, 2, -8], np.array([0x2F, 0x08], np.int8)),
        ("u2", [1, 2, 3], np.array([0b111001], np.uint8)),
        ("u1", [1, 0, 1], np.array([0b10100000], np.uint8)),
        ("u3", [1, 2, 6], np.array([0b01101000, 0, 0b00100000], np.uint8)),
        ("u6", [1, 2, 63], np.array([0x12, 0xF0, 0b00001100], np.uint8)),
        ("f8e4m3", [1, -1.5, 500], np.array([0x38, 0xBC, 0x7F], np.uint8)),
        ("f8e5m2", [1, -1.5, 1e6], np.array([0x3C, 0xBE, 0x7C], np.uint8)),
        ("f8e8m0", [1, 0.3, -2], np.array([127, 125, 0], np.uint8)),
        ("f4e2m1", [1, -0.3, 99], np.array([0x92, 0x07], np.uint8)),
        ("nf4", [1, 0.2, -2], np.array([0x9F, 0x00], np.uint8)),
    ],
)
def test_from_values(lab, kind, values, expected):
    constant = filled(lab, kind, [3], values)
    np.testing.assert_array_equal(constant.data, expected)
    assert constant.data.dtype == expected.dtype and constant.get_byte_size() == expected.nbytes
    assert not constant.data.flags.writeable and constant.get_element_type() == getattr(lab.ov.Type, kind)


@pytest.mark.parametrize(
    ("kind", "shape", "values", "error"),
    [
        ("f32", [2], [1, 2, 3], RuntimeError),
        ("u8", [1], [256], RuntimeError),
        ("i4", [2], [1, 8], RuntimeError),
        ("f32", [2], 3.0, TypeError),
        ("f32", [2, 2], [[1, 2], [3, 4]], TypeError),
    ],
)
def test_values_that_do_not_fit(lab, kind, shape, values, error):
    with pytest.raises(error):
        filled(lab, kind, shape, values)


def test_what_no_constant_is_made_of(lab):
    make = lab.submodule("op").Constant
    for arguments in ((), ([1, 2],), (F32(3),), (lab.ov.Type.f32, lab.ov.Shape([2])), (lab.ov.Type.f32, [2], [1, 2])):
        with pytest.raises(TypeError):
            make(*arguments)


def test_memory_of_arrays_and_tensors(lab):
    make, array = lab.submodule("op").Constant, np.ones(3, F32)
    assert not np.shares_memory(make(array).data, array)
    assert np.shares_memory(make(array, shared_memory=True).data, array)
    tensor = lab.ov.Tensor(array)
    assert np.shares_memory(make(tensor).data, tensor.data)
    assert not np.shares_memory(make(tensor, shared_memory=False).data, tensor.data)
    columns = np.ones((2, 3)).T
    np.testing.assert_array_equal(make(columns).data, columns)
    with pytest.raises(RuntimeError):
        make(columns, True)
    array.flags.writeable = False
    with pytest.raises(ValueError):
        make(array, True)


def test_tensor_view(lab):
    constant = filled(lab, "f32", [2, 3], list(range(6)))
    for tensor in (constant.tensor_view, constant.get_tensor_view()):
        assert list(tensor.shape) == [2, 3] and np.shares_memory(tensor.data, constant.data)
    held = filled(lab, "u4", [5], [1, 2, 3, 4, 5])
    packed = held.tensor_view
    assert packed.element_type == lab.ov.Type.u4 and list(packed.shape) == [5]
    assert packed.data.tolist() == [0x21, 0x43, 5]


@pytest.mark.parametrize(
    ("kind", "values", "dtype", "expected"),
    [
        ("bf16", [1, 2, -3], F32, [1, 2, -3]),
        ("u4", [1, 2, 3], np.int32, [1, 2, 3]),
        ("u4", [1, 2, 3], np.uint8, [0x21, 3]),
        ("i4", [1, -2, 3], F32, [1, -2, 3]),
        ("u1", [1, 0, 1], np.int64, [1, 0, 1]),
        ("f8e4m3", [1, -2, 0.3], F32, [1, -2, 0.3125]),
        ("nf4", [1, 0.2, -0.6], F32, [1, 0.16093020, -0.52507305]),
        ("f4e2m1", [1, 0.2, -0.6], F32, [1, 0, -0.5]),
        ("f32", [1.7, 2, 3], np.int8, [1, 2, 3]),
    ],
)
def test_data_in_another_dtype(lab, kind, values, dtype, expected):
    data = filled(lab, kind, [3], values).get_data(dtype=dtype)
    assert data.dtype == dtype
    np.testing.assert_allclose(data, expected, rtol=1e-7)


def test_data_as_it_is(lab):
    constant = filled(lab, "f32", [2], [1, 2])
    assert np.shares_memory(constant.get_data(), constant.data) and not constant.get_data().flags.writeable
    assert np.shares_memory(constant.get_data(dtype=F32), constant.data)
    copy = constant.get_data(copy=True)
    assert copy.flags.writeable and not np.shares_memory(copy, constant.data)
    with pytest.raises(TypeError):
        constant.get_data(dtype=lab.ov.Type.f32)


def test_values_as_text(lab):
    texts = filled(lab, "f32", [2, 3], [1, 2.5, 3e10, np.inf, np.nan, 1 / 3]).get_value_strings()
    assert texts == ["1", "2.5", "3e+10", "INFINITY", "NAN", "0.333333"]
    assert filled(lab, "i4", [3], [1, 2, -6]).get_value_strings() == ["1", "2", "-6"]
    assert filled(lab, "boolean", [2], [True, False]).get_value_strings() == ["1", "0"]
    assert filled(lab, "f8e4m3", [3], [1, 2, 3]).get_value_strings() == ["1", "2", "3"]
    words = lab.submodule("op").Constant(lab.ov.Tensor(np.array(["a", "bc"])))
    assert words.get_value_strings() == ["a", "bc"] and words.tensor_view.str_data.tolist() == ["a", "bc"]


def test_strides(lab):
    constant = filled(lab, "f32", [2, 3], [0])
    assert list(constant.strides) == list(constant.get_strides()) == [12, 4]
    with pytest.raises(RuntimeError):
        filled(lab, "u4", [2, 3], [0]).get_strides()


NUMBERS = np.array([0, 0.1, -0.3, 1, 1.0625, 17, 465, 61441, -1e5, 2**-10, np.inf, -np.inf, np.nan, 1.75], F32)
CODES = {
    "f8e4m3": [0, 29, 170, 56, 56, 88, 127, 127, 255, 0, 127, 255, 127, 62],
    "f8e5m2": [0, 46, 181, 60, 60, 76, 95, 124, 252, 20, 124, 252, 126, 63],
    "f8e8m0": [0, 124, 0, 127, 127, 131, 136, 143, 0, 117, 254, 0, 255, 128],
}


@pytest.mark.parametrize("kind", CODES)
def test_outputs_of_eight_bits(lab, kind):
    x = lab.parameter(NUMBERS.shape)
    request = lab.compile(lab.ov.Model([lab.ops.convert(x, kind)], [x])).create_infer_request()
    assert request.infer([NUMBERS])[0].tolist() == CODES[kind]
    tensor = request.get_output_tensor(0)
    assert tensor.element_type == getattr(lab.ov.Type, kind) and tensor.data.tolist() == CODES[kind]


@pytest.mark.parametrize("kind", CODES)
def test_inputs_of_eight_bits(lab, kind):
    constant = filled(lab, kind, [5], [0.5, 1, 2, 4, 1024])
    x = lab.parameter((5,), getattr(lab.ov.Type, kind))
    request = lab.compile(lab.ov.Model([lab.ops.convert(x, "f32")], [x])).create_infer_request()
    request.set_input_tensor(constant.tensor_view)
    np.testing.assert_array_equal(request.infer()[0], constant.get_data(dtype=F32))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("f8e4m3", [1.125, 9, -0.3125, 288]), ("f8e5m2", [1, 10, -0.3125, 320]), ("u2", [1, 1, 0, 0])],
)
def test_values_that_pass_a_small_type(lab, kind, expected):
    x = lab.parameter((4,))
    model = lab.ov.Model([lab.ops.convert(lab.ops.convert(x, kind), "f32")], [x])
    np.testing.assert_array_equal(lab.compile(model)([np.array([1.1, 9.2, -0.3, 300], F32)])[0], expected)


def test_integers_of_four_bits_keep_their_low_bits(mine):
    """openvino computes with the whole byte here, and with four bits in Model.evaluate()."""
    x = mine.parameter((3,))
    model = mine.ov.Model([mine.ops.convert(mine.ops.convert(x, "i4"), "f32")], [x])
    np.testing.assert_array_equal(mine.compile(model)([np.array([1.1, 9.2, -9], F32)])[0], [1, -7, 7])


def tensors(lab, *arrays):
    return [lab.ov.Tensor(np.asarray(array)) for array in arrays]


def test_a_node_evaluates(lab):
    x, y = lab.parameter((2,)), lab.parameter((2,), name="y")
    node = lab.ops.add(x, y)
    (out,) = tensors(lab, np.zeros(1, F32))
    assert node.evaluate([out], tensors(lab, np.array([1, 2], F32), np.array([3, 4], F32))) is True
    assert list(out.shape) == [2] and out.data.tolist() == [4, 6]
    assert lab.ops.relu(x).evaluate([out], tensors(lab, np.array([-1, 5, 6], F32))) and out.data.tolist() == [0, 5, 6]
    assert lab.ops.result(node).evaluate([out], tensors(lab, np.ones(2, F32))) and out.data.tolist() == [1, 1]
    assert lab.ops.constant(np.array([8, 9], F32)).evaluate([out], []) and out.data.tolist() == [8, 9]
    assert x.evaluate([out], []) is False
    places = lab.ov.Tensor(lab.ov.Type.i64, lab.ov.Shape([0]))
    assert lab.ops.non_zero(x).evaluate([places], tensors(lab, np.array([0, 2], F32))) and places.data.tolist() == [[1]]


def test_a_node_that_is_given_the_wrong_tensors(lab):
    node = lab.ops.add(lab.parameter((2,)), lab.parameter((2,), name="y"))
    a, out = np.ones(2, F32), np.zeros(2, F32)
    for outputs, inputs in (([out], [a]), ([], [a, a]), ([out], [a, a.astype(int)]), ([a.astype(int)], [a, a])):
        with pytest.raises(RuntimeError):
            node.evaluate(tensors(lab, *outputs), tensors(lab, *inputs))
