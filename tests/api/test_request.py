"""InferRequest: asynchronous runs, callbacks, busy rules, tensors by name and index."""

import inspect
import threading
import time

import numpy as np
import pytest


@pytest.fixture
def slow(lab):
    return lab.compile(lab.slow()).create_infer_request()


ZEROS = np.zeros((700, 700), np.float32)


def test_start_async_returns_at_once_and_python_goes_on(slow):
    slow.start_async(ZEROS)
    turns = 0
    while not slow.wait_for(0):
        turns += 1
    assert turns > 10
    assert slow.latency > 0


def test_the_interpreter_runs_on_during_a_synchronous_run(slow):
    slow.infer(ZEROS)
    turns, stop = [0], threading.Event()

    def spin():
        while not stop.is_set():
            turns[0] += 1

    thread = threading.Thread(target=spin)
    thread.start()
    before = turns[0]
    slow.infer()
    progress = turns[0] - before
    stop.set()
    thread.join()
    assert progress > 1000


def test_busy_rules(lab, slow):
    slow.start_async(ZEROS)
    for forbidden in (
        slow.start_async, lambda: slow.start_async(ZEROS), lambda: slow.infer(ZEROS),
        slow.get_input_tensor, slow.get_output_tensor,
        lambda: slow.get_tensor("x"), lambda: slow.set_input_tensor(lab.ov.Tensor(ZEROS)), lambda: slow.results,
        lambda: slow.input_tensors, lambda: slow.output_tensors, lambda: slow.profiling_info,
        slow.query_state, slow.reset_state,
        lambda: slow.set_callback(print, None),
    ):  # fmt: skip
        with pytest.raises(RuntimeError):
            forbidden()
    assert len(slow.model_inputs) == len(slow.model_outputs) == 1
    assert slow.userdata is None
    assert isinstance(slow.latency, float)
    slow.get_compiled_model()
    slow.wait()
    slow.get_input_tensor()
    slow.start_async()
    slow.wait()


def test_wait_for(slow):
    assert slow.wait_for(0) is False
    assert slow.wait() is None
    slow.start_async(ZEROS)
    assert slow.wait_for(1) is False
    assert slow.wait_for(60000) is True
    assert slow.wait_for(0) is True
    with pytest.raises(TypeError):
        slow.wait_for(1.0)
    with pytest.raises(RuntimeError):
        slow.wait_for(-1)


def test_a_synchronous_run_is_a_run_that_has_ended(lab, A):
    request = lab.compile(lab.plus_one()).create_infer_request()
    assert request.wait_for(np.int64(0)) is False
    request.infer(A)
    assert request.wait_for(np.int64(0)) is True and request.wait() is None


def test_an_input_that_nothing_reads_needs_no_value(lab, A):
    x, unused = lab.parameter(), lab.parameter((-1, 7), name="unused")
    compiled = lab.compile(lab.ov.Model([lab.ops.result(lab.ops.add(x, x), name="y")], [unused, x], "half"))
    for given in ({"x": A}, {1: A}, {"x": A, "unused": np.zeros((1, 7), np.float32)}):
        np.testing.assert_array_equal(compiled(given)["y"], 2 * A)
        np.testing.assert_array_equal(compiled.create_infer_request().infer(given)["y"], 2 * A)


def test_cancel(slow):
    assert slow.cancel() is None
    slow.start_async(ZEROS)
    slow.cancel()
    with pytest.raises(RuntimeError):
        slow.wait()
    np.testing.assert_array_equal(slow.infer(ZEROS)["y"], ZEROS)
    slow.start_async(ZEROS)
    slow.wait()


def test_latency(lab, A):
    request = lab.compile(lab.plus_one()).create_infer_request()
    assert request.latency == 0
    request.infer(A)
    assert 0 < request.latency < 1000


def test_callback(lab, A):
    request = lab.compile(lab.plus_one()).create_infer_request()
    seen = []

    def callback(userdata):
        time.sleep(0.02)
        seen.append((userdata, request.get_output_tensor().data.copy(), threading.get_ident()))

    assert request.userdata is None
    request.set_callback(callback, "first")
    assert request.userdata == "first"
    request.infer(A)
    assert not seen
    request.start_async(A)
    request.wait()
    request.start_async(2 * A, "second")
    request.wait()
    request.start_async()
    request.wait()
    assert [entry[0] for entry in seen] == ["first", "second", "second"]
    np.testing.assert_array_equal(seen[0][1], A + 1)
    np.testing.assert_array_equal(seen[1][1], 2 * A + 1)
    assert all(entry[2] != threading.get_ident() for entry in seen)
    assert request.userdata == "second"
    with pytest.raises(TypeError):
        request.set_callback(callback)
    with pytest.raises(TypeError):
        request.set_callback(5, None)


def test_userdata_without_a_callback_is_dropped(lab, A):
    request = lab.compile(lab.plus_one()).create_infer_request()
    with pytest.warns(RuntimeWarning):
        request.start_async(A, 5)
    request.wait()
    assert request.userdata is None


def test_the_callback_may_start_the_next_run(lab, A):
    request = lab.compile(lab.plus_one()).create_infer_request()
    runs, done = [], threading.Event()

    def callback(userdata):
        runs.append(request.get_output_tensor().data[0, 0])
        if len(runs) < 4:
            request.start_async(A + len(runs))
        else:
            done.set()

    request.set_callback(callback, None)
    request.start_async(A)
    assert done.wait(20)
    assert runs == [1, 2, 3, 4]


def test_an_exception_in_the_callback(lab, A):
    request = lab.compile(lab.plus_one()).create_infer_request()

    def callback(userdata):
        raise KeyError("from the callback")

    request.set_callback(callback, None)
    request.start_async(A)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="KeyError.*from the callback"):
            request.wait()
    np.testing.assert_array_equal(request.infer(A)["y"], A + 1)
    assert request.wait() is None
    request.set_callback(lambda: None, None)
    request.start_async(A)
    with pytest.raises(RuntimeError):
        request.wait()


def test_a_failed_run(lab):
    request = lab.compile(lab.choosy()).create_infer_request()
    called = []
    request.set_callback(called.append, None)
    request.start_async(np.ones(4, np.float32))
    with pytest.raises(RuntimeError):
        request.wait()
    assert not called
    assert request.infer(np.ones(6, np.float32))["y"].shape == (2, 3)
    with pytest.raises(RuntimeError):
        request.infer(np.ones(4, np.float32))
    request.start_async(np.ones(3, np.float32))
    request.wait()
    assert called == [None]


def test_two_threads_on_one_request_queue_up(mine):
    request = mine.compile(mine.slow()).create_infer_request()
    request.infer(ZEROS)
    failures = []

    def run():
        try:
            for _ in range(3):
                request.infer(ZEROS)
        except RuntimeError as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_dropping_a_running_request_waits(mine):
    compiled = mine.compile(mine.slow())
    request = compiled.create_infer_request()
    finished = []
    request.set_callback(finished.append, 1)
    request.start_async(ZEROS)
    del request
    assert finished == [1]


def test_a_request_outlives_its_model(lab, A):
    request = lab.compile(lab.plus_one()).create_infer_request()
    np.testing.assert_array_equal(request.infer(A)["y"], A + 1)


def test_tensors_by_name_index_and_port(lab, A):
    compiled = lab.compile(lab.two_outputs())
    request = compiled.create_infer_request()
    request.infer([3 * A, A])
    for key in ("sum", compiled.output(0), request.model_outputs[0]):
        np.testing.assert_array_equal(request.get_tensor(key).data, 4 * A)
    np.testing.assert_array_equal(request.get_output_tensor(1).data, 2 * A)
    np.testing.assert_array_equal(request.get_output_tensor(index=1).data, 2 * A)
    np.testing.assert_array_equal(request.get_tensor("a").data, 3 * A)
    np.testing.assert_array_equal(request.get_tensor(compiled.input("b")).data, A)
    assert [tensor.data[1, 2] for tensor in request.output_tensors] == [20, 10]
    assert [tensor.data[1, 2] for tensor in request.input_tensors] == [15, 5]
    assert request.get_input_tensor(0) is not request.get_input_tensor(0)
    assert request.model_inputs == compiled.inputs and request.model_outputs == compiled.outputs
    assert not hasattr(request, "inputs") and not hasattr(request, "outputs")
    for wrong in (lambda: request.get_tensor("z"), request.get_input_tensor, request.get_output_tensor,
                  lambda: request.get_input_tensor(2), lambda: request.get_output_tensor(2)):  # fmt: skip
        with pytest.raises(RuntimeError):
            wrong()
    for get, key in ((request.get_tensor, 0), (request.get_input_tensor, "a"), (request.get_output_tensor, "sum")):
        with pytest.raises(TypeError):
            get(key)


def test_setting_tensors(lab, A):
    Tensor = lab.ov.Tensor
    compiled = lab.compile(lab.two_outputs())
    request = compiled.create_infer_request()
    request.set_input_tensors({0: Tensor(3 * A), 1: Tensor(A)})
    out = [Tensor(np.zeros((2, 3), np.float32)) for _ in range(2)]
    request.set_output_tensors(dict(enumerate(out)))
    request.infer()
    np.testing.assert_array_equal(out[0].data, 4 * A)
    np.testing.assert_array_equal(out[1].data, 2 * A)
    request.set_tensors({"a": Tensor(A), "b": Tensor(A)})
    request.set_tensor(compiled.output("sum"), out[1])
    request.set_output_tensor(1, out[0])
    request.infer()
    np.testing.assert_array_equal(out[1].data, 2 * A)
    np.testing.assert_array_equal(out[0].data, 0 * A)


def test_tensors_by_keyword(lab, A):
    compiled = lab.compile(lab.plus_one())
    request = compiled.create_infer_request()
    give, take = lab.ov.Tensor(A), lab.ov.Tensor(np.zeros((2, 3), np.float32))
    for call, keywords in (
        (request.set_tensor, {"name": "x", "tensor": give}),
        (request.set_tensor, {"port": compiled.input(), "tensor": give}),
        (request.set_tensors, {"inputs": {"x": give}}), (request.set_input_tensor, {"index": 0, "tensor": give}),
        (request.set_input_tensors, {"inputs": {0: give}}), (request.set_input_tensors, {"tensors": [give]}),
        (request.set_output_tensors, {"outputs": {0: take}}),
    ):  # fmt: skip
        assert call(**keywords) is None
    request.set_input_tensors(0, [give])
    request.infer()
    for tensor in (request.get_tensor(name="y"), request.get_tensor(port=compiled.output()), take):
        np.testing.assert_array_equal(tensor.data, A + 1)
    with pytest.raises(TypeError):
        request.set_input_tensors((give,))
    with pytest.raises(TypeError):
        request.set_tensor("z", object())


def test_the_tensor_of_a_bounded_input(lab):
    x = lab.ops.parameter(lab.ov.PartialShape("2..5,3"), np.float32, name="x")
    model = lab.ov.Model([lab.ops.result(lab.ops.add(x, np.float32(1)), name="y")], [x])
    request = lab.compile(model).create_infer_request()
    tensor = request.get_input_tensor()
    tensor.shape = [4, 3]
    tensor.data[:] = 2
    assert request.infer()["y"].tolist() == [[3, 3, 3]] * 4


def test_signatures(lab):
    for member, names in (
        (lab.ov.InferRequest.infer, ["inputs", "share_inputs", "share_outputs", "decode_strings"]),
        (lab.ov.InferRequest.start_async, ["inputs", "userdata", "share_inputs"]),
        (lab.ov.CompiledModel.__call__, ["inputs", "share_inputs", "share_outputs", "decode_strings"]),
        (lab.ov.AsyncInferQueue.start_async, ["inputs", "userdata", "share_inputs"]),
    ):
        assert list(inspect.signature(member).parameters)[1 : len(names) + 1] == names


def test_setting_wrong_tensors(lab, A):
    Tensor = lab.ov.Tensor
    request = lab.compile(lab.plus_one()).create_infer_request()
    wide, small = Tensor(A.astype(np.float64)), Tensor(A[:1])
    for give, *arguments in (
        (request.set_input_tensor, wide), (request.set_input_tensor, small), (request.set_input_tensor, 1, Tensor(A)),
        (request.set_output_tensor, wide), (request.set_output_tensor, small), (request.set_tensor, "z", Tensor(A)),
    ):  # fmt: skip
        with pytest.raises(RuntimeError):
            give(*arguments)
    other = 1.0 if lab.name == "ovlite" else A  # ovlite takes arrays too
    for give, *arguments in (
        (request.set_input_tensor, other), (request.set_input_tensor, None), (request.set_tensor, "x", other),
        (request.set_input_tensors, {"x": Tensor(A)}), (request.set_output_tensor, other),
    ):  # fmt: skip
        with pytest.raises(TypeError):
            give(*arguments)


def test_profiling_info(lab, A):
    for config, timed in (({}, False), ({"PERF_COUNT": "YES"}, True)):
        request = lab.compile(lab.plus_one(), **config).create_infer_request()
        assert {entry.status for entry in request.get_profiling_info()} == {lab.ov.ProfilingInfo.Status.NOT_RUN}
        request.infer(A)
        info = request.get_profiling_info()
        assert isinstance(info, list) and info
        assert any(entry.node_name.startswith("Add") for entry in info)
        for entry in info:
            assert all(isinstance(getattr(entry, name), str) for name in ("node_name", "node_type", "exec_type"))
            assert entry.real_time.total_seconds() >= 0 and entry.cpu_time.total_seconds() >= 0
            assert entry.status in (entry.Status.NOT_RUN, entry.Status.OPTIMIZED_OUT, entry.Status.EXECUTED)
        assert len(request.profiling_info) == len(info)
        assert any(entry.status == entry.Status.EXECUTED for entry in info) == timed or not timed
    assert int(lab.ov.ProfilingInfo.Status.EXECUTED) == 2 and lab.ov.ProfilingInfo().node_name == ""
    assert lab.compile(lab.plus_one((-1, 3))).create_infer_request().profiling_info


def test_get_compiled_model(lab, A):
    compiled = lab.compile(lab.plus_one())
    request = compiled.create_infer_request()
    again = request.get_compiled_model()
    assert isinstance(again, lab.ov.CompiledModel)
    assert again.inputs == compiled.inputs
    np.testing.assert_array_equal(again(A)["y"], A + 1)


def test_what_requests_are(lab):
    compiled = lab.compile(lab.plus_one())
    request = compiled.create_infer_request()
    request.anything = 1
    compiled.anything = 1
    assert request.anything == compiled.anything == 1
    with pytest.raises(TypeError):
        lab.ov.InferRequest()
    assert repr(request).startswith("<InferRequest:")


def test_cancelling_a_run_that_waits_its_turn(mine):
    compiled = mine.compile(mine.slow())
    first, second = compiled.create_infer_request(), compiled.create_infer_request()
    called = []
    second.set_callback(called.append, None)
    first.start_async(ZEROS)
    second.start_async(ZEROS)
    second.cancel()
    with pytest.raises(RuntimeError, match="cancelled"):
        second.wait()
    first.wait()
    assert not called
    second.start_async()
    second.wait()
    assert called == [None]
