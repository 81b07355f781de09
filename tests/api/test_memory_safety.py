"""Where ovlite protects the caller's memory and openvino does not, or where openvino's way is a defect."""

import gc

import numpy as np
import pytest

from .conftest import address


def test_copied_inputs_never_overwrite_a_shared_array(mine, A):
    compiled = mine.compile(mine.plus_one())
    array = A.copy()
    compiled(array)
    np.testing.assert_array_equal(compiled(A + 100, share_inputs=False)["y"], A + 101)
    np.testing.assert_array_equal(array, A)
    np.testing.assert_array_equal(compiled(array.astype(np.float64))["y"], A + 1)
    np.testing.assert_array_equal(array, A)


def test_copied_inputs_never_overwrite_a_tensor_that_was_passed(mine, A):
    request = mine.compile(mine.plus_one()).create_infer_request()
    tensor = mine.ov.Tensor(A)
    request.infer(tensor)
    request.infer(A + 100)
    np.testing.assert_array_equal(tensor.data, A)


def test_a_larger_copy_after_a_shared_array(mine):
    request = mine.compile(mine.plus_one((-1, 3))).create_infer_request()
    request.infer(np.ones((1, 3), np.float32), share_inputs=True)
    np.testing.assert_array_equal(request.infer(np.ones((5, 3), np.float32))["y"], np.full((5, 3), 2))


def test_what_is_bound_is_kept_alive(mine, A):
    request = mine.compile(mine.plus_one()).create_infer_request()
    request.set_input_tensor(mine.ov.Tensor(A.copy(), shared_memory=True))
    gc.collect()
    junk = [np.full((2, 3), 9, np.float32) for _ in range(100)]
    np.testing.assert_array_equal(request.infer()["y"], A + 1)
    request.infer(A + 2, share_inputs=True)
    junk += [np.full((2, 3), 9, np.float32) for _ in range(100)]
    np.testing.assert_array_equal(request.infer()["y"], A + 3)
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.plus_one()), 2)
    for scale in range(20):
        queue.start_async(A * scale, share_inputs=True)
    queue.wait_all()


def test_views_of_an_output_that_grows_keep_their_memory(mine):
    compiled = mine.compile(mine.plus_one((-1, 3)))
    small = compiled(np.ones((2, 3), np.float32), share_outputs=True)["y"]
    large = compiled(np.full((500, 3), 4, np.float32), share_outputs=True)["y"]
    junk = [np.full((2, 3), 9, np.float32) for _ in range(100)]
    assert len(junk) == 100 and address(small) != address(large)
    np.testing.assert_array_equal(small, np.full((2, 3), 2))
    np.testing.assert_array_equal(large, np.full((500, 3), 5))


def test_views_of_an_owning_tensor_keep_their_memory(mine):
    tensor = mine.ov.Tensor(np.ones((2, 3), np.float32))
    view = tensor.data
    tensor.shape = [100, 3]
    other = tensor.data
    tensor.shape = [1000, 3]
    junk = [np.full((100, 3), 9, np.float32) for _ in range(20)]
    assert len(junk) == 20
    np.testing.assert_array_equal(view, np.ones((2, 3)))
    other[:] = 4
    assert isinstance(other.base, mine.ov.Tensor)
    assert (other == 4).all()


def test_a_region_as_output_receives_the_result(mine, A):
    request = mine.compile(mine.plus_one((2, 2))).create_infer_request()
    whole = np.zeros((2, 3), np.float32)
    request.set_output_tensor(mine.ov.Tensor(mine.ov.Tensor(whole, shared_memory=True), [0, 1], [2, 3]))
    x = np.ascontiguousarray(A[:, :2])
    request.infer(x)
    np.testing.assert_array_equal(whole, np.pad(x + 1, ((0, 0), (1, 0))))
    request.start_async(2 * x)
    request.wait()
    np.testing.assert_array_equal(whole[:, 1:], 2 * x + 1)


def test_an_input_that_was_never_given_is_an_error_that_names_it(mine, A):
    compiled = mine.compile(mine.add())
    request = compiled.create_infer_request()
    for call in (compiled, request.infer, request.start_async, compiled.infer_new_request):
        with pytest.raises(RuntimeError, match="no value was ever given for input 1 \\('b'\\)"):
            call({"a": A})
    compiled({"b": A})
    np.testing.assert_array_equal(compiled()["y"], 2 * A)


def test_a_number_for_an_input_of_one_element(mine):
    compiled = mine.compile(mine.plus_one((1,)))
    request = compiled.create_infer_request()
    for value in (2, 2.0, np.float32(2)):
        assert compiled({"x": value}, share_inputs=False)["y"].tolist() == [3]
        assert request.infer({"x": value})["y"].tolist() == [3]


def test_lists_are_cast_to_the_port(mine):
    assert mine.compile(mine.plus_one((2,)))([1.0, 2.0])["y"].tolist() == [2, 3]
    two = mine.compile(mine.add((2,)))
    assert two([[1, 2], [3, 4]])["y"].tolist() == [4, 6]
    assert two({"a": [1, 2], "b": [3, 4]})["y"].tolist() == [4, 6]


def test_a_rejected_input_leaves_the_others(mine, A):
    request = mine.compile(mine.plus_one()).create_infer_request()
    request.infer(A)
    with pytest.raises(RuntimeError, match=r"input 0 \('x'\) has shape \[2,3\]; the value given has \[4, 4\]"):
        request.infer(np.zeros((4, 4), np.float32))
    np.testing.assert_array_equal(request.infer()["y"], A + 1)


def test_errors_suggest_the_nearest_name(mine, A):
    compiled = mine.compile(mine.add())
    with pytest.raises(RuntimeError, match="no input 'aa'; it has a, b. Did you mean 'a'"):
        compiled({"aa": A, "b": A})
    with pytest.raises(RuntimeError, match="the model has 2 inputs \\(a, b\\)"):
        compiled(A)
    with pytest.raises(RuntimeError, match="no output 'yy'; it has y. Did you mean 'y'"):
        compiled.output("yy")


def test_a_pass_through_result_is_no_alias_of_the_input_when_copied(mine, A):
    compiled = mine.compile(mine.passing())
    result = compiled(A)[0]
    assert address(result) != address(A)
    result[:] = -1
    assert A[0, 1] == 1


@pytest.fixture
def mixing(mine):
    """y = x times a matrix: an element of y depends on several of x."""
    x = mine.parameter((3, 3))
    weights = mine.ops.constant(np.array([[0, 1, 0], [0, 0, 1], [1, 1, 0]], np.float32))
    product = mine.ops.matmul(x, weights, False, False)
    return mine.compile(mine.ov.Model([mine.ops.result(product, name="y")], [x], "mixing"))


def test_a_result_view_may_be_the_next_input(mixing):
    weights = np.array([[0, 1, 0], [0, 0, 1], [1, 1, 0]], np.float32)
    expected = np.arange(9, dtype=np.float32).reshape(3, 3)
    request = mixing.create_infer_request()
    view = request.infer(expected, share_outputs=True)["y"]
    expected = expected @ weights
    for _ in range(3):
        view = request.infer(view, share_inputs=True, share_outputs=True)["y"]
        expected = expected @ weights
        np.testing.assert_array_equal(view, expected)
    request.start_async(view, share_inputs=True)
    request.wait()
    np.testing.assert_array_equal(view, expected @ weights)


def test_one_tensor_as_input_and_output(mine, mixing):
    start = np.arange(9, dtype=np.float32).reshape(3, 3)
    tensor = mine.ov.Tensor(start)
    request = mixing.create_infer_request()
    request.set_input_tensor(tensor)
    request.set_output_tensor(tensor)
    request.infer()
    np.testing.assert_array_equal(tensor.data, start @ np.array([[0, 1, 0], [0, 0, 1], [1, 1, 0]], np.float32))


def test_nothing_was_ever_given(mine, A):
    """openvino computes on what its memory holds."""
    compiled = mine.compile(mine.add())
    request = compiled.create_infer_request()
    for call in (compiled, request.infer, request.start_async, compiled.infer_new_request):
        with pytest.raises(RuntimeError, match=r"no value was ever given for input 0 \('a'\), 1 \('b'\)"):
            call()
    request.get_input_tensor(0).data[...] = 1
    request.get_input_tensor(1).data[...] = 2
    assert (request.infer()[0] == 3).all()
