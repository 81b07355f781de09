"""Arrays of other packages as inputs, tensors and constants, and Tensors read by other packages.

OpenVINO reads numpy's arrays and `__array__` only, and its Tensors have none of the protocols.
"""

import array
import ctypes
import gc
import io
import sys
import weakref
from functools import partial

import numpy as np
import pytest

from .conftest import address


class Interface:
    """Shows an array by `__array_interface__` alone."""

    def __init__(self, array):
        self.array = array
        self.__array_interface__ = array.__array_interface__


class Packed:
    """Shows an array by DLPack alone, as a device of kind `device`, in capsules of version 1 unless `old`."""

    def __init__(self, array, device=1, old=False):
        self.array, self.device, self.old = array, device, old

    def __dlpack_device__(self):
        return self.device, 0

    def __dlpack__(self, **wishes):
        if self.old and "max_version" in wishes:
            raise TypeError("no such argument: max_version")
        return self.array.__dlpack__(**wishes)


class Unreadable(Packed):
    """A tensor that numpy can't read, as torch's of bf16 are."""

    def __array__(self, dtype=None, copy=None):
        raise TypeError("no such dtype in numpy")


class Converted:
    """Shows an array by `__array__` alone."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array.copy() if copy else self.array


WRAPPERS = [Interface, Packed, Unreadable, Converted, memoryview]


@pytest.fixture
def ov(mine):
    return mine.ov


@pytest.fixture
def bf16(mine):
    """y = x, of bf16, compiled."""
    x = mine.ops.parameter([2, 3], mine.ov.Type.bf16, name="x")
    return mine.compile(mine.ov.Model([mine.ops.result(x, name="y")], [x], "bf16"))


def numbers(bits):
    """The values of bf16 bits."""
    return (bits.view(np.uint16).astype(np.uint32) << 16).view(np.float32)


# Inputs.


@pytest.mark.parametrize("wrap", WRAPPERS)
@pytest.mark.parametrize("share", [False, True])
def test_inputs_by_protocol(mine, A, wrap, share):
    compiled = mine.compile(mine.plus_one())
    for form in (wrap(A), {"x": wrap(A)}, {0: wrap(A)}, [wrap(A)], (wrap(A),)):
        np.testing.assert_array_equal(compiled(form, share)["y"], A + 1)
    request = compiled.create_infer_request()
    np.testing.assert_array_equal(request.infer(wrap(A.T.copy().T), share)["y"], A + 1)
    request.start_async(wrap(A.astype(np.int16)), share_inputs=share)
    request.wait()
    np.testing.assert_array_equal(request.results["y"], A + 1)
    queue = mine.ov.AsyncInferQueue(compiled, 1)
    queue.start_async(wrap(A[:, ::-1]), share_inputs=share)
    queue.wait_all()
    np.testing.assert_array_equal(queue[0].results["y"], A[:, ::-1] + 1)


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_shared_memory_is_read_in_place(mine, A, wrap):
    request = mine.compile(mine.plus_one()).create_infer_request()
    source = A.copy()
    request.infer(wrap(source), share_inputs=True)
    source[:] = 50
    assert (request.infer()["y"] == 51).all()
    request.infer(wrap(source), share_inputs=False)
    source[:] = 7
    assert (request.infer()["y"] == 51).all()


@pytest.mark.parametrize("lay", [lambda a: a.T.copy().T, lambda a: a.astype(">f4"), lambda a: a[::-1]])
def test_memory_of_another_layout_is_copied(mine, A, lay):
    request = mine.compile(mine.plus_one()).create_infer_request()
    source = lay(A)
    expected = np.array(source, np.float32) + 1
    np.testing.assert_array_equal(request.infer(memoryview(source), share_inputs=True)["y"], expected)
    source[:] = 0
    np.testing.assert_array_equal(request.infer()["y"], expected)


def test_memory_that_may_be_read_only_is_copied(mine, A):
    request = mine.compile(mine.plus_one()).create_infer_request()
    source = A.copy()
    locked = source.view()
    locked.flags.writeable = False
    for value in (Packed(source, old=True), memoryview(source).toreadonly(), Packed(locked)):
        source[:] = A
        request.infer(value, share_inputs=True)
        source[:] = 0
        np.testing.assert_array_equal(request.infer()["y"], A + 1)


def test_an_input_keeps_its_source(mine, A):
    request = mine.compile(mine.plus_one()).create_infer_request()
    for wrap in (Interface, Packed):
        source = A.copy()
        kept = weakref.ref(source)
        request.infer(wrap(source), share_inputs=True)
        del source
        gc.collect()
        assert kept() is not None
        np.testing.assert_array_equal(request.infer()["y"], A + 1)
        request.infer(A, share_inputs=True)
        assert kept() is None


def test_buffers_of_the_standard_library(mine):
    real = mine.compile(mine.passing((3,)))
    assert real(array.array("f", [1, 2, 3]))[0].tolist() == [1, 2, 3]
    assert real(array.array("h", [1, 2, 3]))[0].tolist() == [1, 2, 3]
    assert real((ctypes.c_double * 3)(1, 2, 3))[0].tolist() == [1, 2, 3]
    bytes_ = mine.compile(mine.passing((3,), np.uint8))
    assert bytes_(bytearray(b"abc"))[0].tolist() == [97, 98, 99]
    assert bytes_([memoryview(b"abc")])[0].tolist() == [97, 98, 99]


def test_shapes_at_the_edge(mine):
    dynamic = mine.compile(mine.plus_one((-1, 3)))
    for rows in (0, 1, 5):
        source = np.full((rows, 3), 2, np.float32)
        for wrap in WRAPPERS:
            assert dynamic(wrap(source))["y"].shape == (rows, 3)
    scalar = mine.compile(mine.plus_one(()))
    for wrap in WRAPPERS:
        assert scalar(wrap(np.array(2, np.float32)))["y"] == 3


@pytest.mark.parametrize("device, name", [(2, "CUDA"), (10, "ROCm"), (8, "Metal"), (99, "type 99")])
def test_memory_of_other_devices_is_refused(mine, A, device, name):
    compiled = mine.compile(mine.plus_one())
    for use in (compiled, mine.ov.Tensor, mine.ops.constant, lambda value: compiled({"x": value})):
        for kind in (Packed, Unreadable):
            with pytest.raises(TypeError, match=rf"{kind.__name__} on a device \({name}.*copy it"):
                use(kind(A, device))


def test_only_cuda_array_interface_is_refused(mine, A):
    class Elsewhere:
        __cuda_array_interface__ = {"version": 3}

    compiled = mine.compile(mine.plus_one())
    for use in (compiled, mine.ov.Tensor):
        with pytest.raises(TypeError):
            use(Elsewhere())


def test_errors_of_the_source_come_through(mine):
    class Tracked:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("detach it first")

    compiled = mine.compile(mine.plus_one())
    for use in (compiled, mine.ov.Tensor, mine.ops.constant):
        with pytest.raises(RuntimeError, match="detach it first"):
            use(Tracked())


def test_classes_show_nothing(mine):
    compiled = mine.compile(mine.plus_one())
    for kind in (np.ndarray, memoryview, Packed, np.float32):
        with pytest.raises(TypeError):
            compiled(kind)


def test_half_precision_for_bf16_is_by_value_where_it_is_told(ov, bf16, A):
    half = A.astype(np.float16)
    np.testing.assert_array_equal(numbers(bf16(Packed(half))[0]), A)
    assert bf16(half)[0].tobytes() == half.tobytes()  # numpy has no bf16, so its arrays of two bytes are bits
    tensor = ov.Tensor(ov.Type.bf16, [2, 3])
    tensor.data[:] = bf16(A)[0]
    np.testing.assert_array_equal(numbers(bf16(Packed(tensor))[0]), A)


def test_bf16_for_other_types(mine, bf16, A):
    tensor = mine.ov.Tensor(mine.ov.Type.bf16, [2, 3])
    tensor.data[:] = bf16(A)[0]
    np.testing.assert_array_equal(mine.compile(mine.plus_one())(Packed(tensor))["y"], A + 1)
    whole = mine.compile(mine.plus_one(dtype=np.int32))
    np.testing.assert_array_equal(whole(Packed(tensor))["y"], A + 1)


# Tensors and constants made of what shows its elements.


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_tensors_by_protocol(ov, A, wrap):
    source = A.copy()
    copied, shared = ov.Tensor(wrap(source)), ov.Tensor(wrap(source), shared_memory=True)
    assert address(copied.data) != address(source) == address(shared.data)
    for tensor in (copied, shared):
        assert tensor.element_type == ov.Type.f32
        np.testing.assert_array_equal(tensor.data, A)
    reread = ov.Tensor(wrap(source), [3, 4], ov.Type.u16)
    assert address(reread.data) == address(source) and reread.data.shape == (3, 4)
    with pytest.raises(RuntimeError, match="C-contiguous"):
        ov.Tensor(wrap(source.T), shared_memory=True)
    with pytest.raises(ValueError, match="writeable"):
        locked = source.view()
        locked.flags.writeable = False
        ov.Tensor(wrap(locked), shared_memory=True)
    del source
    gc.collect()
    np.testing.assert_array_equal(shared.data, A)


def test_bytes_are_a_tensor_of_bytes(ov):
    tensor = ov.Tensor(b"abc")
    assert tensor.element_type == ov.Type.u8 and tensor.data.tolist() == [97, 98, 99]
    with pytest.raises(ValueError, match="writeable"):
        ov.Tensor(b"abc", shared_memory=True)


def test_a_tensor_of_a_port_by_protocol(mine, A):
    port = mine.compile(mine.plus_one()).input(0)
    for wrap in WRAPPERS:
        tensor = mine.ov.Tensor(port, wrap(A))
        assert address(tensor.data) == address(A)


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_memory_for_requests_by_protocol(mine, A, wrap):
    request = mine.compile(mine.plus_one()).create_infer_request()
    source, results = A.copy(), np.zeros((2, 3), np.float32)
    for give, take in (
        (partial(request.set_tensor, "x", wrap(source)), partial(request.set_tensor, "y", wrap(results))),
        (partial(request.set_input_tensor, wrap(source)), partial(request.set_output_tensor, 0, wrap(results))),
        (partial(request.set_tensors, {"x": wrap(source)}), partial(request.set_output_tensors, {0: wrap(results)})),
        (partial(request.set_input_tensors, [wrap(source)]), partial(request.set_output_tensor, wrap(results))),
    ):
        give()
        take()
        source += 1
        request.infer()
        np.testing.assert_array_equal(results, source + 1)
    for wrong, error in ((A.T, "C-contiguous"), (A.astype(np.float64), "holds f32"), (A[:1], "shape")):
        with pytest.raises(RuntimeError, match=error):
            request.set_tensor("x", wrap(wrong))
    for wrong in (object(), 1.0, [1.0], None):
        with pytest.raises(TypeError, match="expected a Tensor or an array"):
            request.set_tensor("x", wrong)


@pytest.mark.parametrize("dtype", [np.complex64, np.longdouble, "datetime64[s]", [("a", "f4")]])
def test_elements_that_no_tensor_holds(ov, dtype):
    with pytest.raises(RuntimeError, match="no element type"):
        ov.Tensor(Converted(np.zeros(2, dtype)))


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_constants_by_protocol(mine, A, wrap):
    constant = mine.ops.constant(wrap(A))
    assert constant.get_element_type() == mine.ov.Type.f32 and address(constant.data) != address(A)
    np.testing.assert_array_equal(constant.data, A)
    assert address(mine.ops.constant(wrap(A), shared_memory=True).data) == address(A)
    np.testing.assert_array_equal(mine.ops.constant(wrap(A), np.int64).data, A)
    made = mine.submodule("op").Constant
    np.testing.assert_array_equal(made(wrap(A)).data, A)
    assert address(made(wrap(A), shared_memory=True).data) == address(A)


def test_types_that_numpy_lacks(mine, A):
    kinds = mine.ov.Type
    for kind in (kinds.bf16, kinds.f8e4m3, kinds.f8e5m2, kinds.f8e8m0):
        stored = mine.ops.constant(np.exp2(A), kind)
        source = stored.tensor_view
        for value in (Packed(source), Unreadable(source)):
            tensor = mine.ov.Tensor(value)
            assert tensor.element_type == kind and tensor.data.tobytes() == source.data.tobytes()
            assert address(mine.ov.Tensor(value, shared_memory=True).data) == address(source.data)
            constant = mine.ops.constant(value)
            assert constant.get_element_type() == kind
            np.testing.assert_array_equal(constant.get_data(dtype=np.float32), np.exp2(A))
            np.testing.assert_array_equal(mine.ops.constant(value, np.float32).data, np.exp2(A))


# Tensors read by others.


@pytest.mark.parametrize(
    "dtype", [np.bool_, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, np.float16,
              np.float32, np.float64])  # fmt: skip
def test_tensors_are_read_in_place(ov, dtype):
    tensor = ov.Tensor(np.arange(6).reshape(2, 3).astype(dtype))
    buffer = memoryview(tensor)
    assert (buffer.shape, buffer.strides, buffer.readonly) == ((2, 3), tuple(tensor.strides), False)
    assert buffer.format == memoryview(tensor.data).format and buffer.c_contiguous
    for seen in (np.asarray(tensor), np.from_dlpack(tensor), np.asarray(buffer), tensor.__array__(copy=False)):
        assert seen.dtype == dtype and address(seen) == address(tensor.data)
        np.testing.assert_array_equal(seen, tensor.data)


def test_writing_to_what_is_seen(ov, A):
    tensor = ov.Tensor(A)
    np.asarray(tensor)[0] = 7
    np.from_dlpack(tensor)[1, 0] = 8
    memoryview(tensor)[1, 2] = 9
    assert tensor.data.tolist() == [[7, 7, 7], [8, 4, 9]]


def test_copies_of_tensors(ov, A):
    tensor = ov.Tensor(A)
    for copied in (np.array(tensor), np.asarray(tensor, np.float64), tensor.__array__(copy=True),
                   np.from_dlpack(tensor, copy=True), tensor.__array__(np.int8)):  # fmt: skip
        copied[:] = 0
    np.testing.assert_array_equal(tensor.data, A)
    with pytest.raises(ValueError):
        tensor.__array__(np.float64, copy=False)


@pytest.mark.parametrize("see", [memoryview, np.asarray, np.from_dlpack, lambda tensor: tensor.__dlpack__()])
def test_what_is_seen_keeps_the_memory(ov, see):
    block = np.arange(1000, dtype=np.float32)
    kept = weakref.ref(block)
    tensor = ov.Tensor(block, shared_memory=True)
    seen = see(tensor)
    del block, tensor
    gc.collect()
    assert kept() is not None
    if isinstance(seen, (memoryview, np.ndarray)):
        assert seen[999] == 999
    del seen
    gc.collect()
    assert kept() is None


def test_a_tensor_that_grows_leaves_what_is_seen(ov, A):
    tensor = ov.Tensor(A)
    buffer, array = memoryview(tensor), np.from_dlpack(tensor)
    tensor.shape = [1000, 3]
    tensor.data[:] = 1
    np.testing.assert_array_equal(np.asarray(buffer), A)
    np.testing.assert_array_equal(array, A)


def test_regions_and_edges(ov):
    whole = ov.Tensor(np.arange(12, dtype=np.float64).reshape(3, 4))
    region = ov.Tensor(whole, [1, 1], [3, 3])
    assert memoryview(region).strides == (32, 8)
    for see in (np.asarray, np.from_dlpack, memoryview):
        np.testing.assert_array_equal(np.asarray(see(region)), [[5, 6], [9, 10]])
        assert np.asarray(see(ov.Tensor(np.array(2.5)))) == 2.5
        assert np.asarray(see(ov.Tensor(np.zeros((0, 3))))).shape == (0, 3)
    with pytest.raises(ValueError, match="not C-contiguous"):
        io.BytesIO(region)


def test_memory_that_is_read_only_stays_so(mine, A):
    A.flags.writeable = False
    tensor = mine.ops.constant(A, shared_memory=True).tensor_view
    assert memoryview(tensor).readonly
    for seen in (tensor.data, np.asarray(tensor), np.from_dlpack(tensor)):
        assert address(seen) == address(A) and not seen.flags.writeable
    with pytest.raises(BufferError):
        tensor.__dlpack__()  # a capsule before version 1 can't say it


def test_strings_become_arrays_by_copies(ov):
    tensor = ov.Tensor(["a", "bcd"])
    assert np.asarray(tensor).tolist() == ["a", "bcd"]
    for see in (memoryview, np.from_dlpack):
        with pytest.raises(BufferError, match="str_data"):
            see(tensor)
    with pytest.raises(ValueError):
        tensor.__array__(copy=False)


def test_types_without_a_dtype_say_what_to_do(mine, A):
    kinds = mine.ov.Type
    for kind in (kinds.bf16, kinds.f8e4m3, kinds.u4, kinds.i4, kinds.nf4):
        tensor = mine.ops.constant(np.zeros((2, 3), np.float32), kind).tensor_view
        with pytest.raises(BufferError, match="np.float32"):
            memoryview(tensor)
        with pytest.raises(TypeError, match="np.float32"):
            np.asarray(tensor)
        converted = np.asarray(tensor, np.float32)
        assert converted.dtype == np.float32 and not converted.any() and converted.shape == (2, 3)
    for kind in (kinds.u4, kinds.u1):
        with pytest.raises(BufferError, match="data shows their bits"):
            mine.ov.Tensor(kind, [3]).__dlpack__()


def test_wishes_of_a_consumer(ov, A):
    tensor = ov.Tensor(A)
    assert tensor.__dlpack_device__() == (1, 0)
    assert "dltensor_versioned" in repr(tensor.__dlpack__(max_version=(1, 0)))
    assert '"dltensor"' in repr(tensor.__dlpack__())
    with pytest.raises((BufferError, RuntimeError)):
        tensor.__dlpack__(stream=1)
    with pytest.raises((BufferError, ValueError)):
        tensor.__dlpack__(dl_device=(2, 0))


def test_nothing_is_left_behind(ov, A):
    tensor = ov.Tensor(A)
    refused = ov.Tensor(ov.Type.bf16, [2])
    held = tensor._storage.array
    before = sys.getrefcount(held), sys.getrefcount(tensor), sys.getrefcount(None)
    for _ in range(1000):
        memoryview(tensor).release()
        np.asarray(tensor)
        np.from_dlpack(tensor)
        tensor.__dlpack__()
        ov.Tensor(Packed(tensor), shared_memory=True)
        with pytest.raises(BufferError):
            memoryview(refused)
    gc.collect()
    after = sys.getrefcount(held), sys.getrefcount(tensor), sys.getrefcount(None)
    assert after[:2] == before[:2] and abs(after[2] - before[2]) < 500


# Packages, where they are installed.


def test_tensors_of_torch(mine, bf16, A):
    torch = pytest.importorskip("torch")
    compiled = mine.compile(mine.plus_one())
    source = torch.from_numpy(A.copy())
    for value in (source, source.t().contiguous().t(), source.half(), source.bfloat16(), source.long()):
        np.testing.assert_array_equal(compiled(value)["y"], A + 1)
    np.testing.assert_array_equal(numbers(bf16(source.bfloat16())[0]), A)
    np.testing.assert_array_equal(numbers(bf16(source.half())[0]), A)
    with pytest.raises(RuntimeError, match="detach"):
        compiled(source.clone().requires_grad_())
    request = compiled.create_infer_request()
    request.infer(source, share_inputs=True)
    source[:] = 50
    assert (request.infer()["y"] == 51).all()
    for seen in (mine.ov.Tensor(source.bfloat16()), mine.ov.Tensor(source.bfloat16(), shared_memory=True)):
        assert torch.equal(torch.from_dlpack(seen), source.bfloat16())
    tensor = mine.ov.Tensor(A)
    shown = torch.from_dlpack(tensor)
    shown[0, 0] = 9
    assert tensor.data[0, 0] == 9
    del tensor
    gc.collect()
    assert shown[0, 0] == 9


def test_images_of_pillow(lab):
    image = pytest.importorskip("PIL.Image").new("RGB", (4, 3), (1, 2, 3))
    tensor = lab.ov.Tensor(image)
    assert list(tensor.shape) == [3, 4, 3] and tensor.element_type == lab.ov.Type.u8
    assert tensor.data[0, 0].tolist() == [1, 2, 3]


def test_columns_of_pandas_and_pyarrow(mine):
    compiled = mine.compile(mine.plus_one((3,)))
    pandas = pytest.importorskip("pandas")
    arrow = pytest.importorskip("pyarrow")
    for column in (pandas.Series([1.0, 2.0, 3.0]), arrow.array([1.0, 2.0, 3.0]), arrow.array([1, 2, 3])):
        assert compiled(column)["y"].tolist() == [2, 3, 4]
    assert np.isnan(compiled(arrow.array([1.0, None, 3.0]))["y"][1])
