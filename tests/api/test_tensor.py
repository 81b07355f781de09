"""Tensor: constructors, memory, shapes, strings, packed types, regions."""

import copy
import gc
import warnings
import weakref

import numpy as np
import pytest

from .conftest import address


@pytest.fixture
def Tensor(lab):
    return lab.ov.Tensor


@pytest.fixture
def Type(lab):
    return lab.ov.Type


def test_of_an_array(Tensor, Type, A):
    copied = Tensor(A)
    assert copied.element_type == Type.f32 and list(copied.shape) == [2, 3]
    assert copied.size == 6 and copied.byte_size == 24 and tuple(copied.strides) == (12, 4)
    assert address(copied.data) != address(A)
    np.testing.assert_array_equal(copied.data, A)
    shared = Tensor(A, shared_memory=True)
    assert address(shared.data) == address(A)
    A[:] = 7
    assert (shared.data == 7).all() and not (copied.data == 7).any()
    shared.data[0, 0] = 3
    assert A[0, 0] == 3
    np.testing.assert_array_equal(Tensor(A.T).data, A.T)


def test_sharing_needs_a_fitting_array(Tensor, A):
    with pytest.raises(RuntimeError):
        Tensor(A.T, shared_memory=True)
    with pytest.raises(RuntimeError):
        Tensor(np.array(["a"]), shared_memory=True)
    A.flags.writeable = False
    with pytest.raises(ValueError):
        Tensor(A, shared_memory=True)


@pytest.mark.parametrize("dtype", ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"])
def test_element_types(Tensor, dtype):
    array = np.array([0, 1, 2]).astype(dtype)
    tensor = Tensor(array)
    assert tensor.data.dtype == array.dtype == tensor.element_type.to_dtype()
    np.testing.assert_array_equal(tensor.data, array)


@pytest.mark.parametrize("dtype", ["c8", "O", "M8[s]", "g"])
def test_element_types_that_there_are_not(Tensor, dtype):
    with pytest.raises(RuntimeError):
        Tensor(np.zeros(2, dtype))


def test_of_a_list(Tensor, Type):
    kinds = {Type.i64: [1, 2], Type.f64: [1.5], Type.boolean: [True], Type.string: ["a"]}
    for kind, values in [*kinds.items(), (Type.f64, [])]:
        tensor = Tensor(values)
        assert tensor.element_type == kind and list(tensor.shape) == [len(values)]
    assert Tensor([[1, 2], [3, 4]]).data.tolist() == [[1, 2], [3, 4]]
    with pytest.raises(ValueError):
        Tensor([[1], [2, 3]])


def test_of_type_and_shape(lab, Tensor, Type):
    for kind in (Type.f32, np.float32, np.dtype("float32")):
        for shape in ([2, 3], (2, 3), lab.ov.Shape([2, 3])):
            tensor = Tensor(kind, shape)
            assert tensor.element_type == Type.f32 and list(tensor.shape) == [2, 3]
    assert Tensor(type=Type.i8, shape=[4]).byte_size == 4
    assert list(Tensor(Type.i8, []).shape) == []
    with pytest.raises(TypeError):
        Tensor()


def test_on_an_array_in_another_shape_and_type(Tensor, Type, A):
    flat = A.ravel().copy()
    tensor = Tensor(flat, [3, 2])
    assert address(tensor.data) == address(flat) and tensor.element_type == Type.f32
    bits = Tensor(flat, [6], Type.i32)
    assert bits.data.tolist() == flat.view(np.int32).tolist()
    packed = Tensor(np.zeros(3, np.uint8), [6], Type.u4)
    assert packed.size == 6 and packed.byte_size == 3 and packed.data.shape == (3,)


def test_of_a_port(lab, Tensor, A):
    model = lab.plus_one()
    for port in (model.input(), lab.compile(model).input()):
        assert list(Tensor(port).shape) == [2, 3]
        assert address(Tensor(port, A).data) == address(A)
    with pytest.raises(RuntimeError):
        Tensor(model.input(), A[:1])
    with pytest.warns(RuntimeWarning):
        assert list(Tensor(model.input(), np.zeros((3, 3), np.float32)).shape) == [2, 3]
    assert list(Tensor(lab.plus_one((-1, 3)).input()).shape) == [0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(Tensor(port=model.input(), array=A.ravel()).shape) == [2, 3]
    with pytest.raises(TypeError):
        Tensor(model.input(), [1.0])


def test_regions(Tensor, A):
    whole = Tensor(A)
    region = Tensor(whole, [0, 1], [2, 3])
    assert list(region.shape) == [2, 2] and not region.is_continuous() and whole.is_continuous()
    np.testing.assert_array_equal(region.data, A[:, 1:])
    region.data[:] = 9
    np.testing.assert_array_equal(whole.data[:, 1:], np.full((2, 2), 9))
    del whole
    gc.collect()
    np.testing.assert_array_equal(region.data, np.full((2, 2), 9))
    with pytest.raises(RuntimeError):
        Tensor(Tensor(A), [0, 1], [3, 3])
    target = Tensor(A)
    region.copy_to(target)
    assert list(target.shape) == [2, 2] and (target.data == 9).all()


def test_data_is_a_view(Tensor, A):
    tensor = Tensor(A)
    view = tensor.data
    assert view.flags.writeable and not view.flags.owndata and isinstance(view.base, Tensor)
    assert tensor.data is not view and address(tensor.data) == address(view)
    tensor.data[:] = np.array([[1.9, 2, 3]])
    assert view[1, 0] == np.float32(1.9)
    with pytest.raises(AttributeError):
        tensor.data = A
    reference = weakref.ref(tensor)
    del tensor
    gc.collect()
    assert reference() is not None
    del view
    gc.collect()
    assert reference() is None


def test_set_shape(lab, Tensor, A):
    tensor = Tensor(A)
    place = address(tensor.data)
    tensor.shape = [3]
    assert tensor.data.tolist() == [0, 1, 2] and address(tensor.data) == place
    tensor.set_shape((2, 3))
    np.testing.assert_array_equal(tensor.data, A)
    tensor.shape = lab.ov.Shape([10, 10])
    assert tensor.data.shape == (10, 10)
    shared = Tensor(A, shared_memory=True)
    shared.shape = [4]
    shared.shape = [6]
    with pytest.raises(RuntimeError):
        shared.shape = [7]
    with pytest.raises(TypeError):
        shared.shape = [-1]


def test_copies_between_tensors(Tensor, A):
    source, target = Tensor(A), Tensor(np.zeros(1, np.float32))
    source.copy_to(target)
    np.testing.assert_array_equal(target.data, A)
    target.copy_from(2 * A)
    np.testing.assert_array_equal(target.data, 2 * A)
    for wrong in ([1.0, 2.0], Tensor(A.astype(np.float64))):
        with pytest.raises(RuntimeError):
            target.copy_from(wrong)


def test_strings(Tensor, Type):
    tensor = Tensor(["a", "päl"])
    assert tensor.element_type == Type.string
    assert tensor.str_data.tolist() == ["a", "päl"] and tensor.str_data.dtype.kind == "U"
    assert tensor.bytes_data.tolist() == [b"a", "päl".encode()] and tensor.bytes_data.dtype.kind == "S"
    with pytest.warns(RuntimeWarning):
        assert tensor.data.tolist() == [b"a", "päl".encode()]
    tensor.str_data = ["x", "yy"]
    assert tensor.str_data.tolist() == ["x", "yy"]
    tensor.bytes_data = np.array([b"\xff", b"z"])
    assert tensor.str_data.tolist() == ["\ufffd", "z"]
    for wrong in (["one"], np.array([1, 2])):
        with pytest.raises(RuntimeError):
            tensor.str_data = wrong
    for number in (Tensor(np.zeros(2)),):
        with pytest.raises(RuntimeError):
            number.str_data  # noqa: B018
        with pytest.raises(RuntimeError):
            number.bytes_data = ["a", "b"]


def test_packed_types(Tensor, Type):
    for kind, size in ((Type.u1, 2), (Type.i4, 5), (Type.u4, 5), (Type.nf4, 5)):
        tensor = Tensor(kind, [3, 3])
        assert tensor.size == 9 and tensor.byte_size == size and tensor.data.shape == (size,)
        with pytest.raises(RuntimeError):
            tensor.strides  # noqa: B018
        with pytest.raises(RuntimeError):
            Tensor(tensor, [0, 0], [1, 1])
    assert Tensor(Type.bf16, [2]).data.dtype == np.float16
    assert Tensor(Type.f8e4m3, [2]).byte_size == 2


def test_what_tensors_are_not(Tensor, A):
    tensor = Tensor(A)
    for operation in (len, iter, lambda t: t[0]):
        with pytest.raises(TypeError):
            operation(tensor)
    with pytest.raises(AttributeError):
        tensor.anything = 1
    assert tensor != Tensor(A) and len({tensor, Tensor(A)}) == 2
    assert repr(tensor) == "<Tensor: shape[2,3] type: f32>"
    alias, twin = copy.copy(tensor), copy.deepcopy(tensor)
    tensor.data[:] = 5
    assert (alias.data == 5).all()
    np.testing.assert_array_equal(twin.data, A)
    assert (tensor.get_element_type(), list(tensor.get_shape()), tensor.get_size(), tensor.get_byte_size()) == (
        tensor.element_type, [2, 3], 6, 24)  # fmt: skip


def test_by_keyword_and_in_subclasses(lab, Tensor, A):
    assert Tensor(other=Tensor(A), begin=[0, 1], end=[2, 3]).data.tolist() == A[:, 1:].tolist()
    assert list(Tensor(array=A, shape=[6], type=lab.ov.Type.f32).shape) == [6]
    with pytest.raises(TypeError):
        Tensor(A, [6], np.float32)

    class Named(Tensor):
        pass

    assert repr(Named(A)) == "<Named: shape[2,3] type: f32>"
    for strides in (Named(A).strides, Tensor(A).get_strides()):
        assert isinstance(strides, lab.ov.Strides) and strides == (12, 4)


def test_from_a_file(lab, tmp_path):
    with pytest.raises(FileNotFoundError):
        lab.ov.tensor_from_file(str(tmp_path / "none"))
    path = tmp_path / "bytes"
    path.write_bytes(b"abc")
    tensor = lab.ov.tensor_from_file(str(path))
    assert tensor.element_type == lab.ov.Type.u8 and tensor.data.tolist() == [97, 98, 99]


def test_where_ovlite_is_safer(mine, A):
    Tensor = mine.ov.Tensor
    with pytest.raises(RuntimeError, match="takes 40 bytes; the array has 24"):
        Tensor(A, [10])
    swapped = Tensor(A.astype(">f4"))
    np.testing.assert_array_equal(swapped.data, A)
    with pytest.raises(TypeError, match="pass a numpy array"):
        Tensor(3)


def test_keywords_of_copies(lab, A):
    source, target = lab.ov.Tensor(A), lab.ov.Tensor(np.zeros((2, 3), np.float32))
    source.copy_to(target_tensor=target)
    np.testing.assert_array_equal(target.data, A)
    target.copy_from(source_tensor=lab.ov.Tensor(A + 1))
    np.testing.assert_array_equal(target.data, A + 1)
    target.copy_from(source=A)
    np.testing.assert_array_equal(target.data, A)
