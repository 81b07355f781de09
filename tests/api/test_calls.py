"""Calls of compiled models and requests: every form gives the right results."""

import itertools

import numpy as np
import pytest


@pytest.fixture
def summing(lab):
    """y = sum over (a + b) of two vectors of a million elements"""
    a, b = lab.parameter((1000000,), name="a"), lab.parameter((1000000,), name="b")
    total = lab.ops.reduce_sum(lab.ops.add(a, b), np.array([0], np.int64))
    return lab.compile(lab.ov.Model([lab.ops.result(total, name="total")], [a, b], "summing"))


@pytest.fixture
def vectors():
    rng = np.random.default_rng(7)
    return {name: rng.random(1000000, np.float32) for name in "ab"}


TRUTHS = (False, True)
FLAGS = [{"share_inputs": one, "share_outputs": other} for one, other in itertools.product(TRUTHS, TRUTHS)]


def test_a_dict_of_names_called_twice(summing, vectors):
    expected = vectors["a"].astype(np.float64).sum() + vectors["b"].astype(np.float64).sum()
    for _ in range(2):
        result = summing(vectors)
        np.testing.assert_allclose(result["total"], expected, rtol=1e-5)
        np.testing.assert_array_equal(result["total"], result[0])
        np.testing.assert_array_equal(result[summing.output()], result[0])


@pytest.mark.parametrize("flags", FLAGS)
def test_every_combination_of_flags(summing, vectors, flags):
    expected = vectors["a"].astype(np.float64).sum() + vectors["b"].astype(np.float64).sum()
    request = summing.create_infer_request()
    for call in (summing, request.infer):
        np.testing.assert_allclose(call(vectors, **flags)["total"], expected, rtol=1e-5)
        doubled = {name: 2 * array for name, array in vectors.items()}
        np.testing.assert_allclose(call(doubled, **flags)["total"], 2 * expected, rtol=1e-5)


@pytest.mark.parametrize("share_inputs", [False, True])
def test_asynchronous_with_other_work(summing, vectors, share_inputs):
    expected = vectors["a"].astype(np.float64).sum() + vectors["b"].astype(np.float64).sum()
    request = summing.create_infer_request()
    assert request.start_async(vectors, share_inputs=share_inputs) is None
    other = sum(range(1000))
    assert request.wait() is None
    assert other == 499500
    np.testing.assert_allclose(request.get_output_tensor(0).data, expected, rtol=1e-5)


def test_postponed_return(lab, A):
    request = lab.compile(lab.plus_one()).create_infer_request()
    tensor = request.get_output_tensor(0)
    for scale in (1, 2, 3):
        request.start_async(scale * A, share_inputs=True)
        request.wait()
        np.testing.assert_array_equal(tensor.data, scale * A + 1)


def test_forms_of_inputs(lab, A):
    compiled = lab.compile(lab.add())
    a, b = compiled.inputs
    keys = (("a", "b"), (0, 1), (a, b), ("a", 1), (False, True))
    forms = [[A, 2 * A], (A, 2 * A), *({first: A, second: 2 * A} for first, second in keys)]
    request = compiled.create_infer_request()
    for form in forms:
        for flags in FLAGS:
            np.testing.assert_array_equal(compiled(form, **flags)["y"], 3 * A)
            np.testing.assert_array_equal(request.infer(form, **flags)["y"], 3 * A)
        np.testing.assert_array_equal(compiled.infer_new_request(form)["y"], 3 * A)
        for share in (False, True):
            request.start_async(form, share_inputs=share)
            request.wait()
            np.testing.assert_array_equal(request.results["y"], 3 * A)


def test_inputs_last_until_given_again(lab, A):
    compiled = lab.compile(lab.add())
    request = compiled.create_infer_request()
    twice, fivefold = 2 * A, 5 * A
    for call in (compiled, request.infer):
        call([A, A])
        np.testing.assert_array_equal(call({"b": fivefold})["y"], 6 * A)
        np.testing.assert_array_equal(call([twice])["y"], 7 * A)
        for empty in (None, {}, ()):
            np.testing.assert_array_equal(call(empty)["y"], 7 * A)


def test_containers_are_left_alone(lab, A):
    inputs = {"a": A.astype(np.float64), "b": A.T.copy().T}
    kept = dict(inputs)
    compiled = lab.compile(lab.add())
    compiled(inputs)
    compiled.create_infer_request().infer(inputs)
    assert list(inputs) == list(kept) and all(inputs[name] is kept[name] for name in kept)


def test_results_of_one_model_are_inputs_of_the_next(lab, A):
    first, second = lab.compile(lab.two_outputs()), lab.compile(lab.add())
    np.testing.assert_array_equal(second(first([3 * A, A]))["y"], 6 * A)


def test_signature(lab, A):
    compiled = lab.compile(lab.plus_one())
    with pytest.raises(TypeError):
        compiled(A, True, False, True)
    with pytest.raises(TypeError):
        compiled.infer_new_request(A, share_inputs=True)
    with pytest.raises(TypeError):
        compiled.create_infer_request().start_async(A, share_outputs=True)
    with pytest.raises(ValueError):
        compiled(A, A)
    for truth in ("x", 1, np.True_, None):
        compiled(A, share_inputs=truth)


def test_dynamic_shapes(lab):
    compiled = lab.compile(lab.plus_one((-1, 3)))
    copying, sharing = compiled.create_infer_request(), compiled.create_infer_request()
    for rows in (2, 5, 1, 0, 2, 7):
        x = np.arange(rows * 3, dtype=np.float32).reshape(rows, 3)
        np.testing.assert_array_equal(compiled(x)["y"], x + 1)
        np.testing.assert_array_equal(copying.infer(x)["y"], x + 1)
        np.testing.assert_array_equal(sharing.infer(x, share_inputs=True, share_outputs=True)["y"], x + 1)
        copying.start_async(x)
        copying.wait()
        np.testing.assert_array_equal(copying.get_output_tensor().data, x + 1)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "?"])
def test_element_types_at_the_border(lab, dtype):
    compiled = lab.compile(lab.passing(dtype=np.dtype(dtype)))
    x = np.array([[0, 1, 2], [3, 4, 5]]).astype(dtype)
    for call in (compiled, compiled.create_infer_request().infer):
        for flags in FLAGS:
            found = call(x, **flags)[0]
            assert found.dtype == x.dtype
            np.testing.assert_array_equal(found, x)


@pytest.mark.parametrize("dtype", ["f8", "i8", "i4", "u1", "f2", "?", ">f4", "c8"])
@pytest.mark.filterwarnings("ignore:Casting complex")
def test_other_element_types_are_cast(lab, A, dtype):
    compiled = lab.compile(lab.plus_one())
    given = A.astype(dtype)
    for share in (False, True):
        np.testing.assert_array_equal(compiled(given, share)["y"], given.astype(np.float32) + 1)


def test_casts_follow_astype(lab):
    compiled = lab.compile(lab.passing((4,), np.int32))
    for share in (False, True):
        assert compiled(np.array([1.9, -1.9, 2.5, 0]), share)[0].tolist() == [1, -1, 2, 0]
        assert compiled(np.array([2**32 + 5, -1, 0, 1]), share)[0].tolist() == [5, -1, 0, 1]
    truth = lab.compile(lab.passing((3,), np.bool_))
    assert truth(np.array([0.5, 0, 2]))[0].tolist() == [True, False, True]


@pytest.mark.parametrize(
    "lay", [np.asfortranarray, lambda a: a[::-1, ::-1], lambda a: np.repeat(a, 2, 1)[:, ::2], np.matrix]
)
def test_layouts_of_arrays(lab, A, lay):
    compiled = lab.compile(lab.plus_one())
    for share in (False, True):
        np.testing.assert_array_equal(compiled(lay(A), share)["y"], np.asarray(lay(A)) + 1)
    row = np.broadcast_to(A[:1], (2, 3))
    np.testing.assert_array_equal(compiled(row)["y"], row + 1)


def test_scalars(lab):
    compiled = lab.compile(lab.plus_one(()))
    arrays = (np.array(2.0), np.array(2, np.float32))
    for value in (2, 2.0, True, np.float32(2), np.int64(2), *arrays, "2", np.bool_(True)):
        expected = float(value) + 1
        assert compiled(value)["y"] == expected
        assert compiled({"x": value})["y"] == expected
        assert compiled.create_infer_request().infer(value)["y"] == expected
    with pytest.raises(ValueError):
        compiled("two")
    for bad in (1j, object()):
        with pytest.raises(TypeError):
            compiled(bad)


def test_single_numbers_for_larger_inputs(lab):
    one = lab.compile(lab.plus_one((1,)))
    assert one(np.array(2.0))["y"].tolist() == [3]
    assert one({"x": np.array(2.0)}, share_inputs=True)["y"].tolist() == [3]
    larger = lab.compile(lab.plus_one((2, 3)))
    with pytest.raises(RuntimeError):
        larger(1.0)
    with pytest.raises(ValueError):
        larger(np.array(1.0))
    for share in (False, True):
        with pytest.raises(RuntimeError):
            lab.compile(lab.plus_one((-1, 3)))(np.array(1.0), share)


def test_lists_of_numbers(lab):
    whole = lab.compile(lab.passing((2, 2), np.int64))
    assert whole([[1, 2], [3, 4]])[0].tolist() == [[1, 2], [3, 4]]
    assert whole([[[1, 2], [3, 4]]])[0].tolist() == [[1, 2], [3, 4]]
    real = lab.compile(lab.passing((2,), np.float64))
    assert real([1.5, 2.5])[0].tolist() == [1.5, 2.5]
    truth = lab.compile(lab.passing((2,), np.bool_))
    assert truth([True, False])[0].tolist() == [True, False]


class Wrapped:
    """Something that numpy can make an array of."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array.copy() if copy else self.array


def test_objects_with_an_array(lab, A):
    compiled = lab.compile(lab.plus_one())
    for share in (False, True):
        for form in (Wrapped(A), {"x": Wrapped(A)}, [Wrapped(A)]):
            np.testing.assert_array_equal(compiled(form, share)["y"], A + 1)


@pytest.mark.parametrize("share", [False, True])
def test_what_is_no_input(lab, A, share):
    import array
    from collections import UserDict, deque

    compiled = lab.compile(lab.plus_one())
    containers = (UserDict({"x": A}), deque([A]), {1, 2}, (A for _ in range(1)), range(6))
    buffers = () if lab.name == "ovlite" else (memoryview(A), array.array("f", [1]))  # ovlite reads them, openvino not
    for bad in (*containers, object(), *buffers):
        with pytest.raises(TypeError):
            compiled(bad, share)
    for bad in (*buffers, object(), None):
        with pytest.raises(TypeError):
            compiled({"x": bad}, share)
    for key in (np.int64(0), 0.0, (0,), -1):
        with pytest.raises(TypeError):
            compiled({key: A}, share)


@pytest.mark.parametrize("share", [False, True])
def test_wrong_names_counts_and_shapes(lab, A, share):
    compiled = lab.compile(lab.plus_one())
    for bad in ({"z": A}, {1: A}, [A, A], (A, A), A[:1], A.reshape(3, 2), A.ravel(), A.astype(np.float64)[None]):
        with pytest.raises(RuntimeError):
            compiled(bad, share)
    np.testing.assert_array_equal(compiled(A, share)["y"], A + 1)
    two = lab.compile(lab.add())
    for bad in (A, 1.0):
        with pytest.raises(RuntimeError):
            two(bad, share)


def test_tensors_as_inputs(lab, A):
    compiled = lab.compile(lab.plus_one())
    tensor = lab.ov.Tensor(A)
    for form in (tensor, {"x": tensor}, [tensor], (tensor,), {0: tensor}):
        for share in (False, True):
            np.testing.assert_array_equal(compiled(form, share)["y"], A + 1)
    for bad in (lab.ov.Tensor(A.astype(np.float64)), lab.ov.Tensor(A[:1])):
        with pytest.raises(RuntimeError):
            compiled(bad)


def test_a_region_of_a_tensor_as_input(lab, A):
    compiled = lab.compile(lab.plus_one((2, 2)))
    region = lab.ov.Tensor(lab.ov.Tensor(A), [0, 1], [2, 3])
    np.testing.assert_array_equal(compiled(region)["y"], A[:, 1:] + 1)


def test_the_last_mention_wins(lab, A):
    compiled = lab.compile(lab.plus_one())
    np.testing.assert_array_equal(compiled({"x": A, 0: 2 * A})["y"], 2 * A + 1)
