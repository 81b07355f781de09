"""AsyncInferQueue."""

import threading
import time

import numpy as np
import pytest


@pytest.fixture
def compiled(lab):
    return lab.compile(lab.plus_one())


def test_all_jobs_are_done_once(lab, compiled, A):
    queue = lab.ov.AsyncInferQueue(compiled, 3)
    found = {}
    queue.set_callback(lambda request, index: found.__setitem__(index, request.get_output_tensor().data.copy()))
    for index in range(50):
        queue.start_async({"x": A * index}, index)
    queue.wait_all()
    assert sorted(found) == list(range(50))
    for index, array in found.items():
        np.testing.assert_array_equal(array, A * index + 1)


def test_results_after_wait_all(lab, compiled, A):
    queue = lab.ov.AsyncInferQueue(compiled, 4)
    for index in range(4):
        queue.start_async(A * index)
    queue.wait_all()
    for index, request in enumerate(queue):
        np.testing.assert_array_equal(request.results["y"], A * index + 1)
        np.testing.assert_array_equal(queue[index].get_output_tensor().data, A * index + 1)


def test_shape_of_a_queue(lab, compiled):
    queue = lab.ov.AsyncInferQueue(compiled, 2)
    assert len(queue) == 2
    assert len(lab.ov.AsyncInferQueue(compiled)) == compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
    assert repr(queue) == "<AsyncInferQueue: 2 jobs>"
    assert isinstance(queue[np.int64(1)], lab.ov.InferRequest)
    assert len(lab.ov.AsyncInferQueue(compiled, np.int64(2))) == 2
    assert len(list(queue)) == 2
    assert isinstance(queue[1], lab.ov.InferRequest)
    for wrong in (-1, "0", slice(0, 1), 0.0):
        with pytest.raises(TypeError):
            queue[wrong]
    for wrong in (-1, 1.5):
        with pytest.raises(TypeError):
            lab.ov.AsyncInferQueue(compiled, wrong)
    with pytest.raises(TypeError):
        lab.ov.AsyncInferQueue(lab.plus_one())


def test_idle_requests_in_order(lab, compiled, A):
    queue = lab.ov.AsyncInferQueue(compiled, 3)
    assert queue.is_ready()
    order = []
    for _ in range(6):
        order.append(queue.get_idle_request_id())
        assert queue.get_idle_request_id() == order[-1]
        queue.start_async(A)
        queue.wait_all()
    assert order == [0, 1, 2, 0, 1, 2]


def test_userdata(lab, compiled, A):
    queue = lab.ov.AsyncInferQueue(compiled, 2)
    assert queue.userdata == [None, None]
    queue.start_async(A, "one")
    queue.wait_all()
    queue.start_async(A, 2)
    queue.wait_all()
    assert queue.userdata == ["one", 2]
    queue.start_async(A)
    queue.wait_all()
    assert queue.userdata == [None, 2]


def test_it_blocks_while_no_job_is_idle(lab):
    queue = lab.ov.AsyncInferQueue(lab.compile(lab.slow()), 1)
    zeros = np.zeros((700, 700), np.float32)
    done = []
    queue.set_callback(lambda request, index: done.append(index))
    queue.start_async(zeros, 0)
    assert not queue.is_ready()
    queue.start_async(zeros, 1)
    assert done == [0]
    queue.wait_all()
    assert done == [0, 1]
    assert queue.is_ready()


def test_wait_all_waits_for_callbacks(lab, compiled, A):
    queue = lab.ov.AsyncInferQueue(compiled, 2)
    seen = []

    def callback(request, userdata):
        time.sleep(0.05)
        seen.append(threading.get_ident())

    queue.set_callback(callback)
    queue.start_async(A)
    queue.start_async(A)
    queue.wait_all()
    assert len(seen) == 2 and threading.get_ident() not in seen


def test_the_callback_may_start_another_job(lab, compiled, A):
    queue = lab.ov.AsyncInferQueue(compiled, 2)
    seen = []

    def callback(request, userdata):
        seen.append(userdata)
        if userdata == "first":
            queue.start_async(A, "second")

    queue.set_callback(callback)
    queue.start_async(A, "first")
    deadline = time.monotonic() + 20
    while len(seen) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    queue.wait_all()
    assert seen == ["first", "second"]


def test_callbacks_have_to_be_callable(lab, compiled):
    queue = lab.ov.AsyncInferQueue(compiled, 1)
    with pytest.raises(TypeError):
        queue.set_callback(None)


@pytest.mark.parametrize("error", [KeyError, ZeroDivisionError, SystemExit])
def test_an_exception_in_a_callback_comes_out_once(mine, A, error):
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.plus_one()), 2)

    def callback(request, userdata):
        if userdata:
            raise error(userdata)

    queue.set_callback(callback)
    queue.start_async(A, "bad")
    with pytest.raises(error, match="bad"):
        queue.wait_all()
    queue.start_async(A, None)
    queue.wait_all()


def test_a_failed_run_comes_out_once(mine):
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.choosy()), 2)
    called = []
    queue.set_callback(lambda request, userdata: called.append(userdata))
    queue.start_async(np.ones(4, np.float32), "bad")
    with pytest.raises(RuntimeError):
        queue.wait_all()
    queue.start_async(np.ones(3, np.float32), "good")
    queue.wait_all()
    assert called == ["good"]


def test_a_rejected_input_gives_the_job_back(mine, A):
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.plus_one()), 1)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            queue.start_async(np.zeros((4, 4), np.float32))
        assert queue.is_ready()
    queue.start_async(A)
    queue.wait_all()
    np.testing.assert_array_equal(queue[0].results[0], A + 1)


def test_no_request_behind_the_last(mine):
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.plus_one()), 2)
    with pytest.raises(IndexError):
        queue[2]


def test_full_requests_come_to_callbacks(mine, A):
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.plus_one()), 1)
    seen = []
    queue.set_callback(lambda request, userdata: seen.append(request.results["y"]))
    queue.start_async(A)
    queue.wait_all()
    np.testing.assert_array_equal(seen[0], A + 1)


def test_dropping_a_queue_waits(mine):
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.slow(steps=4)), 2)
    done = []
    queue.set_callback(lambda request, userdata: done.append(userdata))
    for index in range(3):
        queue.start_async(np.zeros((700, 700), np.float32), index)
    del queue
    assert sorted(done) == [0, 1, 2]
