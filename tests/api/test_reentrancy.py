"""What code that runs within a call or a callback may do with the request or the queue it is within.

Each of these must answer or end; the limits only keep a hang from lasting.
"""

import contextlib
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


def told(*calls):
    """What RuntimeErrors the calls raise."""
    found = []
    for call in calls:
        try:
            call()
        except RuntimeError as error:
            found.append(str(error))
    return found


def two_streams(mine):
    return mine.compile(mine.plus_one(), NUM_STREAMS=2, INFERENCE_NUM_THREADS=2)


@pytest.mark.parametrize("full", [2, 3])
def test_a_callback_starts_a_run_while_others_wait_for_its_thread(mine, A, full):
    """With one stream, the thread of the callback carries one of them out."""
    queue, begin, seen = mine.ov.AsyncInferQueue(mine.compile(mine.plus_one()), full), threading.Event(), []

    def callback(request, userdata):
        begin.wait(LIMIT)
        seen.append(userdata)
        if userdata == 0:
            queue.start_async(A, full)

    queue.set_callback(callback)
    for index in range(full):
        queue.start_async(A, index)
    begin.set()
    queue.wait_all()
    assert sorted(seen) == list(range(full + 1))


def test_one_of_the_callbacks_that_wait_for_each_other_is_told(mine, A):
    queue, both, errors, seen = mine.ov.AsyncInferQueue(two_streams(mine), 2), threading.Barrier(2), [], []

    def callback(request, first):
        seen.append(first)
        if first:
            both.wait(LIMIT)
            errors.extend(told(lambda: queue.start_async(A, False)))

    queue.set_callback(callback)
    queue.start_async(A, True)
    queue.start_async(A, True)
    queue.wait_all()
    assert len(errors) == 1 and "more requests" in errors[0]
    assert sorted(seen) == [False, True, True]


@pytest.mark.parametrize("kind", ["requests", "queues"])
def test_callbacks_across_requests_and_queues(mine, A, kind):
    compiled, both, errors = two_streams(mine), threading.Barrier(2), []

    def wait_for(call):
        if call is not None:
            both.wait(LIMIT)
            errors.extend(told(call))

    if kind == "requests":
        pair = [compiled.create_infer_request() for _ in range(2)]
        for request, other in zip(pair, reversed(pair), strict=True):
            request.set_callback(wait_for, other.wait)
        ends = [request.wait for request in pair]
        calls = [lambda: pair[0].start_async(A), lambda: pair[1].start_async(A)]
    else:
        pair = [mine.ov.AsyncInferQueue(compiled, 1) for _ in range(2)]
        for queue in pair:
            queue.set_callback(lambda request, call: wait_for(call))
        ends = [queue.wait_all for queue in pair]
        calls = [
            lambda: pair[0].start_async(A, lambda: pair[1].start_async(A)),
            lambda: pair[1].start_async(A, pair[0].wait_all),
        ]
    for call in [*calls, *ends]:
        call()
    assert len(errors) == 1


def test_callbacks_let_go_of_each_other_s_queue(mine, A):
    compiled, both, gone = two_streams(mine), threading.Barrier(2), threading.Semaphore(0)
    held = [mine.ov.AsyncInferQueue(compiled, 1) for _ in range(2)]

    def let_go(request, index):
        both.wait(LIMIT)
        held[index] = None
        gone.release()

    for queue in held:
        queue.set_callback(let_go)
    held[0].start_async(A, 1)
    queue.start_async(A, 0)
    del queue
    assert gone.acquire(timeout=LIMIT) and gone.acquire(timeout=LIMIT)
    request = compiled.create_infer_request()
    request.start_async(A)
    request.wait()


def test_a_call_and_a_callback_that_wait_for_each_other(mine, A):
    """The call holds `first` and waits for `second`, whose callback waits for `first`."""
    compiled = mine.compile(mine.plus_one())
    first, second = compiled.create_infer_request(), compiled.create_infer_request()
    began, errors = threading.Event(), []

    def callback(_):
        began.set()
        errors.extend(told(lambda: first.infer(A)))

    class Waits:
        def __array__(self, dtype=None, copy=None):
            second.start_async(A)
            began.wait(LIMIT)
            errors.extend(told(second.wait))
            return A

    second.set_callback(callback, None)
    assert np.array_equal(first.infer(Waits())[0], A + 1)
    second.wait()
    assert len(errors) == 1


def test_a_handler_waits_for_the_run_that_it_interrupts(mine):
    compiled = mine.compile(mine.slow(100, 600), INFERENCE_NUM_THREADS=1)
    first, second = compiled.create_infer_request(), compiled.create_infer_request()
    x, errors = np.zeros((600, 600), np.float32), []
    before = signal.signal(signal.SIGALRM, lambda *_: errors.extend(told(second.wait)))
    try:
        first.start_async(x)
        second.start_async(x)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        second.wait()  # carried out here, for the stream is at work
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(errors) == 1 and "waits for the thread" in errors[0]
    assert not second.get_output_tensor().data.any()
    first.wait()


def test_a_callback_polls_a_run_that_waits_for_its_thread(mine, A):
    compiled = mine.compile(mine.plus_one())
    first, second = compiled.create_infer_request(), compiled.create_infer_request()
    begin, ended = threading.Event(), []

    def callback(_):
        begin.wait(LIMIT)
        ended.append(second.wait_for(10))

    first.set_callback(callback, None)
    first.start_async(A)
    second.start_async(A)
    begin.set()
    first.wait()
    assert ended == [True]


def test_callbacks_within_callbacks_end(mine, A):
    """So many that the interpreter's limit of recursion may stop them."""
    queue, seen = mine.ov.AsyncInferQueue(mine.compile(mine.plus_one()), 400), []
    begin = threading.Event()

    def callback(request, more):
        begin.wait(LIMIT)
        seen.append(more)
        if more:
            queue.start_async(A, False)

    queue.set_callback(callback)
    for _ in range(400):
        queue.start_async(A, True)
    begin.set()
    failures = 0
    while told(queue.wait_all):
        failures += 1
    assert seen.count(True) == 400 and seen.count(False) == 400 - failures


def test_an_error_of_a_callback_is_for_who_waits_outside(mine, A):
    """The thread of the first callback carries out the second run meanwhile, whose callback fails."""
    queue, begin, seen = mine.ov.AsyncInferQueue(mine.compile(mine.plus_one()), 2), threading.Event(), []

    def callback(request, what):
        begin.wait(LIMIT)
        if what == "more":
            queue.start_async(A, "last")
        elif what == "fails":
            raise KeyError(what)
        seen.append(what)

    queue.set_callback(callback)
    queue.start_async(A, "more")
    queue.start_async(A, "fails")
    begin.set()
    with pytest.raises(KeyError):
        queue.wait_all()
    assert seen == ["last", "more"] or seen == ["more", "last"]


def test_an_interrupted_wait_for_an_idle_request_loses_none(mine):
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.slow(4, 400), INFERENCE_NUM_THREADS=1), 1)
    x = np.zeros((400, 400), np.float32)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for turn in range(60):
            with contextlib.suppress(KeyboardInterrupt):
                try:
                    signal.setitimer(signal.ITIMER_REAL, 1e-4 * (1 + turn))
                    queue.start_async(x)
                    queue.start_async(x)
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
        queue.wait_all()
        assert queue.is_ready()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
