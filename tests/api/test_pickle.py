"""Pickles and copies: how models, tensors and results get to other processes."""

import copy
import multiprocessing
import pickle

import numpy as np
import pytest


def again(value):
    return pickle.loads(pickle.dumps(value))


def test_compiled_models(mine, A):
    compiled = mine.compile(mine.plus_one(), PERFORMANCE_HINT="THROUGHPUT")
    for twin in (again(compiled), again(again(compiled)), copy.deepcopy(compiled)):
        np.testing.assert_array_equal(twin(A)["y"], A + 1)
        assert twin.get_property("PERFORMANCE_HINT") == "THROUGHPUT"
        assert isinstance(twin.create_infer_request(), mine.ov.InferRequest)
        assert repr(twin) == repr(compiled)
        with pytest.raises(AttributeError):
            twin.nothing  # noqa: B018


def test_variables_start_anew(mine):
    compiled = mine.compile(mine.accumulating())
    x = np.ones((1, 2), np.float32)
    compiled(x)
    for twin in (again(compiled), copy.deepcopy(compiled)):
        np.testing.assert_array_equal(twin(x)["y"], x + 10)
    np.testing.assert_array_equal(compiled(x)["y"], x + 11)


def test_models(mine, A):
    model = mine.two_outputs()
    for twin in (again(model), copy.deepcopy(model)):
        assert twin is not model and twin.get_friendly_name() == "two_outputs"
        np.testing.assert_array_equal(mine.compile(twin)([A, 2 * A])["difference"], -A)
    with pytest.raises(TypeError):
        copy.copy(model)


def test_tensors(mine, A):
    Tensor, Type = mine.ov.Tensor, mine.ov.Type
    for tensor in (
        Tensor(A),
        Tensor(Tensor(A), [1, 1], [2, 3]),
        Tensor(np.array(3, np.float32)),
        Tensor(np.array([1, 2], np.uint16), [2], Type.bf16),
    ):
        twin = again(tensor)
        assert twin.element_type is tensor.element_type and twin.shape == tensor.shape
        assert twin.data.tobytes() == tensor.data.tobytes()
    packed = Tensor(np.array([0x21, 0x43], np.uint8), [4], Type.u4)
    assert again(packed).data.tolist() == [0x21, 0x43] and list(again(packed).shape) == [4]
    assert again(Tensor(np.array(["a", "hé"]))).str_data.tolist() == ["a", "hé"]
    twin = again(Tensor(A, shared_memory=True))
    twin.data[:] = 7
    assert not (A == 7).any()


def test_results(mine, A):
    results = mine.compile(mine.two_outputs())([A, 2 * A])
    for twin in (again(results), copy.deepcopy(results)):
        assert type(twin) is type(results) and twin.names() == results.names()
        for key in (0, "sum", -2):
            np.testing.assert_array_equal(twin[key], 3 * A)
        np.testing.assert_array_equal([array for _, array in twin.items()], results.to_tuple())
        assert [twin[port] is array for port, array in twin.items()] == [True, True]
        assert twin["sum"] is not results["sum"]
    port = next(iter(again(results)))
    assert (port.names, list(port.shape), port.element_type) == ({"sum"}, [2, 3], mine.ov.Type.f32)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_values(mine, protocol):
    ov = mine.ov
    shapes = [ov.PartialShape(text) for text in ("...", "[]", "[1,?,2..5,3..]")]
    for value in (ov.Type.f32, ov.Type.u4, ov.Shape([1, 2]), ov.Dimension(1, 5), ov.Dimension(), *shapes):
        for twin in (pickle.loads(pickle.dumps(value, protocol)), copy.deepcopy(value), copy.copy(value)):
            assert twin == value and repr(twin) == repr(value)


def test_requests_and_queues_stay(lab):
    compiled = lab.compile(lab.plus_one())
    for value in (compiled.create_infer_request(), lab.ov.AsyncInferQueue(compiled, 1)):
        with pytest.raises(TypeError):
            pickle.dumps(value)


def _run(values):
    compiled, model, tensor, results = values
    from ovlite import compile_model

    return compiled(tensor), compile_model(model, "CPU")(tensor.data)["y"], results["y"]


def test_a_spawned_process(mine, A):
    model = mine.plus_one()
    compiled = mine.compile(model)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        first, second, third = pool.map(_run, [(compiled, model, mine.ov.Tensor(A), compiled(A))])[0]
    for found in (first["y"], second, third):
        np.testing.assert_array_equal(found, A + 1)
