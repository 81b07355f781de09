"""What code that runs within a call or a callback may do with the request or the queue it is within.

Each of these must answer or end; the limits only keep a hang from lasting.
"""

import gc
import os
import signal
import threading

import numpy as np
import pytest

LIMIT = 20  # seconds


def in_thread_of_stream(mine, act, count=2):
    """Calls act(queue, request) in the callback of a queue's run; returns what the run raised, and the queue."""
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.plus_one()), count)
    queue.set_callback(lambda request, _: act(queue, request))
    queue.start_async(np.zeros((2, 3), np.float32))
    with pytest.raises(RuntimeError) as raised:
        queue.wait_all()
    return str(raised.value), queue


def test_a_callback_that_waits_for_its_own_queue_is_told(mine):
    error, queue = in_thread_of_stream(mine, lambda queue, _: queue.wait_all())
    assert "can't wait for all requests" in error
    assert queue.is_ready()


def test_a_callback_that_waits_for_its_own_request_to_be_idle_is_told(mine, A):
    error, queue = in_thread_of_stream(mine, lambda queue, _: queue.start_async(A), count=1)
    assert "before the callback" in error
    assert queue.is_ready()


def test_a_callback_lets_go_of_a_run_that_waits_for_its_thread(mine):
    """With one stream, nobody else could carry that run out."""
    compiled = mine.compile(mine.slow(), INFERENCE_NUM_THREADS=1)
    first, second = compiled.create_infer_request(), compiled.create_infer_request()
    held, both, ended = [second], threading.Event(), threading.Event()

    def let_go(_):
        both.wait(LIMIT)
        held.clear()
        ended.set()

    first.set_callback(let_go, None)
    x = np.zeros((700, 700), np.float32)
    first.start_async(x)
    second.start_async(x)
    del second
    both.set()
    assert ended.wait(LIMIT)
    first.wait()


def test_a_callback_lets_go_of_its_queue(mine, A):
    compiled = mine.compile(mine.plus_one())
    held, dropped = [mine.ov.AsyncInferQueue(compiled, 2)], threading.Event()

    def let_go(request, _):
        dropped.wait(LIMIT)
        held.clear()

    held[0].set_callback(let_go)
    held[0].start_async(A)
    dropped.set()
    request = compiled.create_infer_request()
    request.start_async(A)  # the streams go on
    request.wait()
    gc.collect()
    assert np.array_equal(request.get_output_tensor().data, A + 1)


def test_a_value_that_runs_the_request_it_is_given_to(mine, A):
    request = mine.compile(mine.plus_one()).create_infer_request()

    class Greedy:
        def __array__(self, dtype=None, copy=None):
            return request.infer(A)[0]

    with pytest.raises(RuntimeError, match="within a call"):
        request.infer(Greedy())
    assert np.array_equal(request.infer(A)[0], A + 1)


def test_a_handler_of_a_signal_that_runs_the_interrupted_request(mine):
    request = mine.compile(mine.slow(400, 600), INFERENCE_NUM_THREADS=1).create_infer_request()
    x = np.zeros((600, 600), np.float32)
    before = signal.signal(signal.SIGALRM, lambda *_: request.infer(x))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(RuntimeError, match="within a call"):
            request.infer(x)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_ctrl_c_while_a_queue_goes_is_raised_afterwards(mine):
    x = np.zeros((600, 600), np.float32)
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.slow(100, 600), INFERENCE_NUM_THREADS=1), 1)
    queue.set_callback(lambda *_: None)
    request = queue[0]
    queue.start_async(x)
    queue.wait_all()
    queue.start_async(x)  # of a plan that is there: the queue waits for it as it goes
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            del queue
            timer.join()
            threading.Event().wait(1)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    request.wait()
    request.start_async(x)  # it belongs to no queue any more
    request.wait()
    assert not request.get_output_tensor().data.any()


def test_a_request_of_a_queue_calls_its_own_callback_for_its_own_runs(mine, A):
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.plus_one()), 1)
    seen = []
    queue[0].set_callback(seen.append, 7)
    queue[0].start_async(A)
    queue[0].wait()
    queue.wait_all()
    assert seen == [7]


def test_out_of_longlong_is_one_of_int64(mine):
    out = np.zeros((2, 3), np.longlong)
    assert mine.compile(mine.plus_one(dtype=np.int64))(np.zeros((2, 3), np.int64), out=out)[0] is out
    assert (out == 1).all()
