"""Coroutines: ovlite's own, beside OpenVINO's calls."""

import asyncio
import contextlib
import gc
import sys
import threading
import time

import numpy as np
import pytest

from ovlite.runtime.event_loop import ended, settled

A = np.arange(6, dtype=np.float32).reshape(2, 3)
LARGE = np.zeros((600, 600), np.float32)


def run(coroutine, seconds=30):
    return asyncio.run(asyncio.wait_for(coroutine, seconds))


def slow(mine, **config):
    """About a second a run."""
    return mine.compile(mine.slow(300, 600), **config)


def test_await_a_request(mine):
    request = mine.compile(mine.plus_one()).create_infer_request()

    async def main():
        return [await request.infer_async(scale * A) for scale in (1, 2, 3)]

    for scale, results in enumerate(run(main()), 1):
        np.testing.assert_array_equal(results["y"], scale * A + 1)


def test_results_are_copies_or_views(mine):
    request = mine.compile(mine.plus_one()).create_infer_request()

    async def main():
        copied = await request.infer_async(A)
        viewed = await request.infer_async(A, share_outputs=True)
        await request.infer_async(A + 1)
        return copied[0], viewed[0]

    copied, viewed = run(main())
    np.testing.assert_array_equal(copied, A + 1)
    np.testing.assert_array_equal(viewed, A + 2)


def test_the_loop_goes_on_meanwhile(mine):
    request = slow(mine).create_infer_request()

    async def main():
        task = asyncio.create_task(request.infer_async(LARGE))
        turns = 0
        while not task.done():
            await asyncio.sleep(0.005)
            turns += 1
        return turns, (await task)[0].any()

    turns, wrong = run(main())
    assert turns > 3 and not wrong


def test_no_thread_a_call(mine):
    compiled = mine.compile(mine.slow(20, 300), NUM_STREAMS=2, INFERENCE_NUM_THREADS=2)
    x = np.zeros((300, 300), np.float32)
    queue = mine.ov.AsyncInferQueue(compiled, 4)

    async def main():
        await asyncio.gather(*(queue.infer_async(x) for _ in range(8)))
        before = threading.active_count(), native_threads()
        await asyncio.gather(*(queue.infer_async(x) for _ in range(40)))
        return before, (threading.active_count(), native_threads())

    before, after = run(main())
    assert before == after


def native_threads():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Threads:"))


def test_cancelling_the_task_cancels_the_run(mine):
    request = slow(mine, INFERENCE_NUM_THREADS=1).create_infer_request()

    async def main():
        begin = time.process_time()
        await request.infer_async(LARGE)
        whole = time.process_time() - begin
        task = asyncio.create_task(request.infer_async(LARGE))
        await asyncio.sleep(whole / 10)
        begin = time.process_time()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.process_time() - begin < whole / 2
        return (await request.infer_async(LARGE))[0]

    assert not run(main()).any()


def test_a_time_limit_cancels_the_run(mine):
    request = slow(mine, INFERENCE_NUM_THREADS=1).create_infer_request()

    async def main():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(request.infer_async(LARGE), 0.05)
        return await request.infer_async(LARGE)

    assert not run(main())[0].any()


def test_cancelled_before_it_began(mine):
    compiled = slow(mine)
    first, second = compiled.create_infer_request(), compiled.create_infer_request()

    async def main():
        running = asyncio.create_task(first.infer_async(LARGE))
        waiting = asyncio.create_task(second.infer_async(LARGE))
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not running.done()
        return await running

    assert not run(main())[0].any()


def test_failures_are_those_of_infer(mine):
    request = mine.compile(mine.choosy()).create_infer_request()

    async def main():
        with pytest.raises(RuntimeError):
            await request.infer_async(np.zeros(4, np.float32))
        with pytest.raises(RuntimeError, match="input"):
            await request.infer_async(np.zeros((1, 2, 3), np.float32))
        return (await request.infer_async(np.zeros(6, np.float32)))[0].shape

    assert run(main()) == (2, 3)


def test_a_busy_request_refuses(mine):
    request = slow(mine).create_infer_request()

    async def main():
        task = asyncio.create_task(request.infer_async(LARGE))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="busy"):
            await request.infer_async(LARGE)
        await task

    run(main())


def test_callbacks_are_called_too(mine):
    request = mine.compile(mine.plus_one()).create_infer_request()
    seen = []
    request.set_callback(seen.append, "told")

    async def main():
        return await request.infer_async(A)

    np.testing.assert_array_equal(run(main())[0], A + 1)
    assert seen == ["told"]


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_a_queue_gives_each_its_own_results(mine, jobs):
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.plus_one()), jobs)

    async def main():
        return await asyncio.gather(*(queue.infer_async(scale * A) for scale in range(50)))

    for scale, results in enumerate(run(main())):
        np.testing.assert_array_equal(results[0], scale * A + 1)
    assert queue.is_ready()
    queue.wait_all()


def test_a_queue_s_callback_is_for_its_other_runs(mine):
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.plus_one()), 2)
    seen = []
    queue.set_callback(lambda request, userdata: seen.append(userdata))

    async def main():
        await queue.infer_async(A)
        queue.start_async(A, "mine")
        await queue

    run(main())
    assert seen == ["mine"]


def test_awaiting_a_queue_waits_for_all(mine):
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.slow(20, 300)), 3)
    x = np.zeros((300, 300), np.float32)
    ended = []
    queue.set_callback(lambda request, userdata: ended.append(userdata))

    async def main():
        await queue
        for index in range(3):
            queue.start_async(x, index)
        await queue

    run(main())
    assert sorted(ended) == [0, 1, 2]


def test_awaiting_a_queue_reports_failures_once(mine):
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.choosy()), 2)

    async def main():
        queue.start_async(np.zeros(4, np.float32))
        with pytest.raises(RuntimeError):
            await queue
        await queue
        with pytest.raises(RuntimeError):
            await queue.infer_async(np.zeros(4, np.float32))
        await queue
        return await queue.infer_async(np.zeros(3, np.float32))

    assert run(main())[0].shape == (1, 3)


async def arriving(count):
    for scale in range(count):
        await asyncio.sleep(0)
        yield scale * A


@pytest.mark.parametrize("source", [lambda: (scale * A for scale in range(20)), lambda: arriving(20)])
def test_imap_keeps_the_order(mine, source):
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.plus_one()), 3)

    async def main():
        return [results[0] async for results in queue.imap(source())]

    found = run(main())
    np.testing.assert_array_equal(found, [scale * A + 1 for scale in range(20)])


def test_imap_reads_no_further_than_requests_are_idle(mine):
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.plus_one()), 2)
    read = []

    def source():
        for scale in range(10):
            read.append(scale)
            yield scale * A

    async def main():
        async for _ in queue.imap(source()):
            assert len(read) <= 2
            break

    run(main())
    queue.wait_all()


def test_imap_stops_at_a_failure(mine):
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.choosy()), 2)
    sizes = [3, 6, 4, 3, 3]
    shapes = []

    async def main():
        async for results in queue.imap(np.zeros(size, np.float32) for size in sizes):
            shapes.append(results[0].shape)

    with pytest.raises(RuntimeError):
        run(main())
    assert shapes == [(1, 3), (2, 3)]
    queue.wait_all()


def test_several_loops_share_a_queue(mine):
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.plus_one()), 2)
    failures = []

    async def main(base):
        for scale in range(base, base + 30):
            results = await queue.infer_async(scale * A)
            if not np.array_equal(results[0], scale * A + 1):
                failures.append(scale)

    threads = [threading.Thread(target=run, args=(main(100 * index),)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_loop_that_closes_leaves_the_queue_usable(mine):
    queue = mine.ov.AsyncInferQueue(slow(mine), 1)

    async def leave():
        asyncio.create_task(queue.infer_async(LARGE))
        await asyncio.sleep(0.02)

    run(leave())
    queue.start_async(LARGE)
    queue.wait_all()


class Stop(BaseException):
    pass


@pytest.mark.filterwarnings("ignore:coroutine")
def test_a_coroutine_that_ends_anywhere_gives_its_request_back(mine):
    """Something is raised before each bytecode of it in turn, as handlers of signals do."""
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.plus_one()), 1)
    codes = {type(queue).infer_async.__code__, settled.__code__, ended.__code__}

    async def main(place):
        left = iter(range(place, -1, -1))

        def trace(frame, event, argument):
            frame.f_trace_opcodes = frame.f_code in codes
            if event == "opcode" and frame.f_code in codes and next(left, None) == 0:
                raise Stop
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            await queue.infer_async(A)
        finally:
            sys.settrace(before)

    stopped, place = True, 0
    gc.freeze()  # what other tests hold is not looked at each time
    try:
        while stopped:
            stopped = False
            try:
                run(main(place))
            except Stop:
                stopped = True
                place += 1
            gc.collect()
            queue.wait_all()
    finally:
        gc.unfreeze()
    assert place > 20


def test_a_coroutine_that_blocks_its_own_loop_is_told(mine):
    queue = mine.ov.AsyncInferQueue(mine.compile(mine.plus_one()), 1)

    async def main():
        task = asyncio.create_task(queue.infer_async(A))
        await asyncio.sleep(0)
        for call in (queue.wait_all, queue.get_idle_request_id, lambda: queue.start_async(A)):
            with pytest.raises(RuntimeError, match="await"):
                call()
        return (await task)[0]

    np.testing.assert_array_equal(run(main()), A + 1)


@pytest.mark.parametrize(("error", "told"), [(KeyboardInterrupt, True), (RecursionError, False)])
def test_what_is_raised_while_a_loop_is_told_does_not_keep_it_waiting(mine, error, told):
    """The main thread gives back the request that the loop of another thread waits for. What a handler of a signal
    raises meanwhile is raised afterwards; where the stack is used up, the loop is told later."""
    found = []

    class Loop(asyncio.SelectorEventLoop):
        interrupted = False

        def call_soon_threadsafe(self, *arguments, **keywords):
            if not self.interrupted and threading.current_thread() is threading.main_thread():
                self.interrupted = True
                raise error
            return super().call_soon_threadsafe(*arguments, **keywords)

    queue = mine.ov.AsyncInferQueue(mine.compile(mine.plus_one()), 1)
    holding, waiting = threading.Event(), threading.Event()

    class Refused:
        def __array__(self, dtype=None, copy=None):
            holding.set()
            waiting.wait(20)
            raise ValueError("refused")

    async def wait():
        holding.wait(20)
        asyncio.get_running_loop().call_later(0.05, waiting.set)
        found.append((await queue.infer_async(A))[0])

    loop = Loop()
    thread = threading.Thread(target=lambda: loop.run_until_complete(asyncio.wait_for(wait(), 20)))
    thread.start()
    with pytest.raises(error) if told else contextlib.nullcontext():
        with contextlib.suppress(ValueError, RuntimeError):
            queue.start_async(Refused())
        for _ in range(1000):
            time.sleep(0)
    thread.join()
    loop.close()
    np.testing.assert_array_equal(found[0], A + 1)
