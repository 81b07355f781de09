"""Which memory a request reads and writes: aliasing and isolation, by address and by mutation."""

import gc

import numpy as np
import pytest

from .conftest import address


def run_async(request):
    """start_async and wait, called as infer is."""

    def call(inputs=None, share_inputs=False):
        request.start_async(inputs, share_inputs=share_inputs)
        request.wait()
        return request.results

    return call


def forms(lab, array):
    """Every way to pass `array` to a model of one input."""
    return {"bare": array, "list": [array], "tuple": (array,), "name": {"x": array}, "index": {0: array}}


ENTRIES = ["call", "infer", "start_async"]


def entry(compiled, name):
    """(callable, whether it shares by default)"""
    request = compiled.create_infer_request()
    return {"call": (compiled, True), "infer": (request.infer, False), "start_async": (run_async(request), False)}[name]


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize("form", ["bare", "list", "tuple", "name", "index"])
@pytest.mark.parametrize("share", [None, False, True])
def test_shared_arrays_are_read_in_place(lab, A, name, form, share):
    call, default = entry(lab.compile(lab.plus_one()), name)
    array = A.copy()
    call(forms(lab, array)[form], **({} if share is None else {"share_inputs": share}))
    array[:] = 50
    shared = default if share is None else share
    np.testing.assert_array_equal(call()["y"], np.full((2, 3), 51) if shared else A + 1)


@pytest.mark.parametrize("name", ENTRIES)
def test_tensors_are_always_read_in_place(lab, A, name):
    call, _ = entry(lab.compile(lab.plus_one()), name)
    array = A.copy()
    tensor = lab.ov.Tensor(array, shared_memory=True)
    call(tensor, share_inputs=False)
    array[:] = 50
    np.testing.assert_array_equal(call()["y"], np.full((2, 3), 51))
    own = lab.ov.Tensor(A)
    call({"x": own})
    own.data[:] = 7
    np.testing.assert_array_equal(call()["y"], np.full((2, 3), 8))


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "prepare",
    [
        lambda a: a.astype(np.float64),
        np.asfortranarray,
        lambda a: np.repeat(a, 2, 1)[:, ::2],
        lambda a: a.astype(">f4"),
        read_only,
    ],
    ids=["dtype", "order", "strides", "byte order", "read-only"],
)
def test_arrays_that_do_not_qualify_are_copied(lab, A, prepare):
    request = lab.compile(lab.plus_one()).create_infer_request()
    array = prepare(A)
    request.infer(array, share_inputs=True)
    array.flags.writeable = True
    array[:] = 50
    np.testing.assert_array_equal(request.infer()["y"], A + 1)


def test_unaligned_arrays_are_shared(lab, A):
    request = lab.compile(lab.plus_one()).create_infer_request()
    block = np.zeros(25, np.uint8)
    array = block[1:].view(np.float32).reshape(2, 3)
    array[:] = A
    np.testing.assert_array_equal(request.infer(array, share_inputs=True)["y"], A + 1)
    array[:] = 50
    np.testing.assert_array_equal(request.infer()["y"], np.full((2, 3), 51))


def test_the_input_tensor_of_a_shared_array_is_the_array(lab, A):
    request = lab.compile(lab.plus_one()).create_infer_request()
    array = A.copy()
    request.infer(array, share_inputs=True)
    assert address(request.get_input_tensor().data) == address(array)
    copying = lab.compile(lab.plus_one()).create_infer_request()
    copying.infer(array)
    assert address(copying.get_input_tensor().data) != address(array)


def test_writing_to_the_input_tensor_gives_the_input(lab, A):
    request = lab.compile(lab.plus_one()).create_infer_request()
    request.get_input_tensor().data[:] = A
    np.testing.assert_array_equal(request.infer()["y"], A + 1)
    request.infer(3 * A)
    request.get_input_tensor().data[:] = 2 * A
    np.testing.assert_array_equal(request.infer()["y"], 2 * A + 1)


def test_reshaping_the_input_tensor(lab):
    request = lab.compile(lab.plus_one((-1, 3))).create_infer_request()
    tensor = request.get_input_tensor()
    assert list(tensor.shape) == [0, 3]
    for rows in (2, 4, 1):
        tensor.shape = [rows, 3]
        tensor.data[:] = rows
        np.testing.assert_array_equal(request.infer()["y"], np.full((rows, 3), rows + 1))


@pytest.mark.parametrize("name", ["call", "infer"])
def test_results_are_new_arrays_by_default(lab, A, name):
    call, _ = entry(lab.compile(lab.plus_one()), name)
    first = call(A)["y"]
    assert first.flags.owndata and first.flags.c_contiguous and first.flags.writeable and first.flags.aligned
    second = call(2 * A)["y"]
    assert address(first) != address(second)
    np.testing.assert_array_equal(first, A + 1)
    first[:] = -1
    np.testing.assert_array_equal(second, 2 * A + 1)
    np.testing.assert_array_equal(call()["y"], 2 * A + 1)


@pytest.mark.parametrize("name", ["call", "infer"])
def test_shared_results_are_views_of_the_output_tensor(lab, A, name):
    compiled = lab.compile(lab.plus_one())
    request = compiled.create_infer_request()
    call = compiled if name == "call" else request.infer
    first = call(A, share_outputs=True)["y"]
    assert not first.flags.owndata and first.flags.writeable
    assert isinstance(first.base, lab.ov.Tensor)
    twice = 2 * A
    second = call(twice, share_outputs=True)["y"]
    assert address(first) == address(second)
    np.testing.assert_array_equal(first, 2 * A + 1)
    call(A)
    np.testing.assert_array_equal(first, A + 1)
    if name == "infer":
        assert address(request.get_output_tensor().data) == address(first)
        request.start_async(twice)
        request.wait()
        np.testing.assert_array_equal(first, 2 * A + 1)
        first[0, 0] = 99
        assert request.get_output_tensor().data[0, 0] == 99


def test_outputs_that_show_the_same_elements(lab, A):
    x = lab.parameter()
    total = lab.ops.add(x, x)
    compiled = lab.compile(lab.ov.Model([total, total, x], [x], "twice"))
    given = A.copy()
    views = compiled(given, share_outputs=True).to_tuple()
    assert np.shares_memory(views[0], views[1]) and np.shares_memory(views[2], given)
    arrays = compiled(given).to_tuple()
    assert not np.shares_memory(arrays[0], arrays[1]) and not np.shares_memory(arrays[2], given)
    for results in (views, arrays):
        for array, expected in zip(results, (2 * A, 2 * A, A), strict=True):
            np.testing.assert_array_equal(array, expected)


def test_shared_results_outlive_everything(lab, A):
    compiled = lab.compile(lab.plus_one())
    view = compiled(A, share_outputs=True)["y"]
    del compiled
    gc.collect()
    np.testing.assert_array_equal(view, A + 1)


def test_results_and_the_output_tensor(lab, A):
    request = lab.compile(lab.plus_one()).create_infer_request()
    returned = request.infer(A)["y"]
    returned[:] = -1
    np.testing.assert_array_equal(request.get_output_tensor().data, A + 1)
    np.testing.assert_array_equal(request.results["y"], A + 1)
    copy = request.results["y"]
    copy[:] = -1
    np.testing.assert_array_equal(request.results["y"], A + 1)
    assert address(request.results["y"]) != address(request.get_output_tensor().data)


def test_an_output_tensor_shows_each_run(lab, A):
    request = lab.compile(lab.plus_one()).create_infer_request()
    tensor = request.get_output_tensor()
    place = address(tensor.data)
    for scale in (1, 2):
        request.infer(scale * A)
        np.testing.assert_array_equal(tensor.data, scale * A + 1)
        assert address(tensor.data) == address(request.get_output_tensor().data) == place


def test_results_are_written_into_a_tensor_that_is_set(lab, A):
    request = lab.compile(lab.plus_one()).create_infer_request()
    array = np.zeros((2, 3), np.float32)
    request.set_output_tensor(lab.ov.Tensor(array, shared_memory=True))
    returned = request.infer(A)["y"]
    np.testing.assert_array_equal(array, A + 1)
    assert address(returned) != address(array)
    assert address(request.infer(share_outputs=True)["y"]) == address(array)
    twice = 2 * A
    request.start_async(twice)
    request.wait()
    np.testing.assert_array_equal(array, 2 * A + 1)


def test_a_tensor_set_for_a_dynamic_output_grows(lab):
    request = lab.compile(lab.plus_one((-1, 3))).create_infer_request()
    tensor = lab.ov.Tensor(np.zeros((1, 3), np.float32))
    request.set_output_tensor(tensor)
    request.infer(np.ones((4, 3), np.float32))
    assert list(tensor.shape) == [4, 3]
    np.testing.assert_array_equal(tensor.data, np.full((4, 3), 2))
    small = np.zeros((1, 3), np.float32)
    request.set_output_tensor(lab.ov.Tensor(small, shared_memory=True))
    with pytest.raises(RuntimeError):
        request.infer(np.ones((4, 3), np.float32))


def test_an_output_named_among_shared_inputs(lab, A):
    request = lab.compile(lab.plus_one()).create_infer_request()
    array = np.zeros((2, 3), np.float32)
    request.infer({"x": A, "y": array}, share_inputs=True)
    np.testing.assert_array_equal(array, A + 1)


def test_set_input_tensor_aliases(lab, A):
    request = lab.compile(lab.plus_one()).create_infer_request()
    array = A.copy()
    for give in (
        request.set_input_tensor,
        lambda t: request.set_input_tensor(0, t),
        lambda t: request.set_tensor("x", t),
        lambda t: request.set_tensors({"x": t}),
        lambda t: request.set_input_tensors({0: t}),
    ):
        give(lab.ov.Tensor(array, shared_memory=True))
        array[:] = 5
        np.testing.assert_array_equal(request.infer()["y"], np.full((2, 3), 6))
        array[:] = A


def test_each_request_has_its_own_memory(lab, A):
    compiled = lab.compile(lab.plus_one())
    first, second = compiled.create_infer_request(), compiled.create_infer_request()
    first.infer(A)
    second.infer(2 * A)
    np.testing.assert_array_equal(first.get_output_tensor().data, A + 1)
    np.testing.assert_array_equal(second.get_output_tensor().data, 2 * A + 1)
    np.testing.assert_array_equal(first.infer()["y"], A + 1)


@pytest.mark.parametrize("count", [(1 << 17) - 1, 1 << 17, (1 << 17) + 1, (1 << 20) + 5])
@pytest.mark.parametrize("threads", [1, 2])
def test_copies_of_large_arrays(lab, count, threads):
    """Several threads share them."""
    request = lab.compile(lab.passing((-1,)), INFERENCE_NUM_THREADS=threads).create_infer_request()
    x = np.arange(count, dtype=np.float32)
    first = request.infer(x)[0]
    second = request.infer(x[::-1])[0]
    np.testing.assert_array_equal(first, x)
    np.testing.assert_array_equal(second, x[::-1])


def test_a_part_of_the_own_input_moved_within_it(mine):
    request = mine.compile(mine.passing((-1,))).create_infer_request()
    x = np.arange(1 << 18, dtype=np.float32)
    request.infer(x)
    own = request.get_input_tensor().data
    np.testing.assert_array_equal(request.infer(own[1:])[0], x[1:])
