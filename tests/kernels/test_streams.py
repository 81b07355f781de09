"""A pool of requests by itself: who is given work next, loans, failures and callbacks."""

import threading

import numpy as np
import pytest

import ovlite as ov
from ovlite import opset13 as ops
from ovlite.kernels.runtime.streams import RequestPool, Streams

WAIT = 30  # seconds after which a test gives up


def requests(count, threads=2):
    """Requests of y = 2 x, of any length that is even."""
    x = ops.parameter([-1], np.float32, name="x")
    pairs = ops.reshape(ops.add(x, x), np.array([-1, 2]), False)
    model = ov.Model([ops.result(pairs, name="y")], [x], "double")
    compiled = ov.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 2})
    return [compiled.create_infer_request() for _ in range(count)]


def result(request):
    return request.get_output_tensor(0).data.ravel().tolist()


def ones(length=2):
    return np.ones(length, np.float32)


def test_requests_take_turns():
    """The one that has been idle longest is next."""
    pool = RequestPool(requests(3))
    order = []
    for number in range(7):
        order.append(pool.get_idle_request_id())
        pool.start_async(number * ones(), number)
        pool.wait_all()
    assert order == [0, 1, 2, 0, 1, 2, 0]
    assert pool.userdata == [6, 4, 5]
    assert [result(request) for request in pool.requests] == [[12, 12], [8, 8], [10, 10]]


def test_what_is_lent_is_not_given_out():
    pool = RequestPool(requests(2))
    first, second = pool.lend(), pool.lend()
    assert [first.request, second.request] == pool.requests
    assert pool.lend() is None and not pool.is_ready()
    second.end()
    assert pool.is_ready() and pool.get_idle_request_id() == 1
    pool.start_async(ones())
    first.end()
    pool.wait_all()
    assert result(pool.requests[1]) == [2, 2]


def test_a_callback_gets_the_request_and_its_userdata():
    pool, seen = RequestPool(requests(2)), []
    pool.set_callback(lambda request, userdata: seen.append((userdata, result(request))))
    for number in range(8):
        pool.start_async(number * ones(), number)
    pool.wait_all()
    assert sorted(seen) == [(number, [2 * number] * 2) for number in range(8)]
    with pytest.raises(TypeError, match="a callback to be callable, got int"):
        pool.set_callback(3)


def test_failures_come_out_once_each():
    pool = RequestPool(requests(1))
    pool.start_async(ones(3))
    with pytest.raises(RuntimeError, match="the inference failed"):
        pool.wait_all()
    pool.wait_all()
    pool.start_async(ones())
    pool.wait_all()
    assert result(pool.requests[0]) == [2, 2]


def test_what_cannot_be_bound_leaves_the_pool_as_it_was():
    pool = RequestPool(requests(1))
    with pytest.raises((RuntimeError, TypeError)):
        pool.start_async({"no such input": ones()})
    assert pool.is_ready() and pool.get_idle_request_id() == 0
    pool.start_async(ones())
    pool.wait_all()


def test_a_pool_of_fewer_requests_than_threads_that_ask():
    pool, seen, lock = RequestPool(requests(2)), [], threading.Lock()

    def note(request, userdata):
        with lock:
            seen.append((userdata, result(request)[0]))

    def ask(base):
        for number in range(base, base + 20):
            pool.start_async(number * ones(), number)

    pool.set_callback(note)
    askers = [threading.Thread(target=ask, args=[100 * i], daemon=True) for i in range(4)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(WAIT)
        assert not asker.is_alive()
    pool.wait_all()
    assert sorted(seen) == [(100 * i + n, 2 * (100 * i + n)) for i in range(4) for n in range(20)]


def test_streams_start_no_thread_before_a_run():
    before = threading.active_count()
    streams = [Streams(2, 3) for _ in range(4)]
    assert threading.active_count() == before
    del streams
