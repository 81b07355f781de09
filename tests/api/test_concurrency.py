"""One compiled model from many threads."""

import threading
import time

import numpy as np
import pytest


def in_threads(count, work):
    """Runs work(index) in threads; raises what one of them raised."""
    failures = []

    def guarded(index):
        try:
            work(index)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@pytest.mark.parametrize("flags", [{}, {"share_inputs": False}, {"share_outputs": True}])
def test_calls_from_many_threads(mine, flags):
    compiled = mine.compile(mine.slow(steps=1, size=100))
    weights = np.full((100, 100), 1e-3)

    def work(index):
        for turn in range(30):
            x = np.full((100, 100), index * 100 + turn, np.float32)
            found = np.array(compiled(x, **flags)["y"])
            np.testing.assert_allclose(found, x @ weights, rtol=1e-5)

    in_threads(6, work)


def test_dynamic_shapes_from_many_threads(mine):
    compiled = mine.compile(mine.plus_one((-1, 3)))

    def work(index):
        for turn in range(40):
            x = np.full((1 + (index + turn) % 5, 3), index, np.float32)
            np.testing.assert_array_equal(compiled(x)["y"], x + 1)

    in_threads(4, work)


def test_a_model_with_variables_takes_turns(mine):
    compiled = mine.compile(mine.accumulating())
    x = np.ones((1, 2), np.float32)

    def work(index):
        for _ in range(50):
            compiled(x)

    in_threads(4, work)
    np.testing.assert_array_equal(compiled(0 * x)["y"], [[210, 210]])


def test_requests_in_many_threads(mine, A):
    compiled = mine.compile(mine.plus_one(), NUM_STREAMS=2)

    def work(index):
        request = compiled.create_infer_request()
        for turn in range(60):
            x = A * (index + turn)
            if turn % 2:
                request.start_async(x, share_inputs=True)
                request.wait()
                np.testing.assert_array_equal(request.get_output_tensor().data, x + 1)
            else:
                np.testing.assert_array_equal(request.infer(x)["y"], x + 1)

    in_threads(6, work)


def test_a_queue_fed_by_many_threads(mine, A):
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.plus_one(), NUM_STREAMS=2), 3)
    seen = []
    queue.set_callback(lambda request, value: seen.append((value, float(request.get_output_tensor().data[0, 0]))))

    def work(index):
        for turn in range(50):
            queue.start_async(np.full((2, 3), index * 50 + turn, np.float32), index * 50 + turn)

    in_threads(4, work)
    queue.wait_all()
    assert sorted(seen) == [(value, value + 1) for value in range(200)]


def test_a_callback_may_run_other_requests(mine, A):
    """With one stream: the callback's thread carries out what it waits for itself."""
    compiled = mine.compile(mine.plus_one())
    first, second = compiled.create_infer_request(), compiled.create_infer_request()
    seen = []

    def callback(userdata):
        second.set_callback(lambda userdata: seen.append("inner"), None)
        second.start_async(2 * A)
        second.wait()
        seen.append(second.infer(3 * A)["y"][0, 1])
        first.wait()

    first.set_callback(callback, None)
    first.start_async(A)
    first.wait()
    assert seen == ["inner", 4]


@pytest.mark.parametrize("which", ["input", "output"])
def test_a_tensor_that_is_set_while_another_thread_infers_is_for_the_next_run(mine, which):
    request = mine.compile(mine.slow(), INFERENCE_NUM_THREADS=1).create_infer_request()
    x = np.ones((700, 700), np.float32)
    expected = request.infer(x)[0]
    for _ in range(5):
        found = []
        thread = threading.Thread(target=lambda found=found: found.append(request.infer(x)[0]))
        thread.start()
        time.sleep(0.005)
        getattr(request, f"set_{which}_tensor")(mine.ov.Tensor(np.full((700, 700), np.nan, np.float32)))
        thread.join()
        np.testing.assert_array_equal(found[0], expected)
