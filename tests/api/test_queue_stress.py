"""Threads, callbacks and signals at random on the same queues and requests: nothing hangs, no request is lost.

Each program is a process of its own with a limit of time, in which a hang shows where its threads are.
What threads wait for is modelled in tests/kernels/test_waiting_model.py.
"""

import subprocess
import sys

import pytest

PROGRAM = '''
import asyncio, contextlib, faulthandler, random, signal, sys, threading, time
import numpy as np
import ovlite as ov, ovlite.opset13 as ops

seed, streams, count, limit = map(int, sys.argv[1:])
faulthandler.dump_traceback_later(limit, exit=True)
X = np.ones((8, 8), np.float32)
DEPTH = 3


class Alarm(Exception):
    pass


def ring(*_):
    raise Alarm


def model():
    x = ops.parameter([-1, 8], np.float32, name="x")  # each new length is a plan, which the run makes in Python
    product = ops.matmul(x, np.eye(8, dtype=np.float32), False, False)
    return ov.Model([ops.result(ops.add(product, x), name="y")], [x], "m")


compiled = ov.Core().compile_model(model(), "CPU", {"NUM_STREAMS": streams, "INFERENCE_NUM_THREADS": streams})
queues, requests = [None, None], [compiled.create_infer_request() for _ in range(3)]
counts = dict.fromkeys(["operations", "callbacks", "raised", "interrupted"], 0)
choices = threading.local()
choices.random = random.Random(seed)


def pick():
    if not hasattr(choices, "random"):
        choices.random = random.Random(seed + threading.get_ident())
    return choices.random


def new_queue(place):
    queue = ov.AsyncInferQueue(compiled, pick().choice([1, 2, 3]))
    if place or pick().random() < 0.5:
        queue.set_callback(queue_callback)
    queues[place] = queue


def rows():
    return X[: pick().randint(1, 8)]


def start(queue, deeper):
    queue.start_async(rows(), deeper)


def queue_callback(request, deeper):
    callback(deeper)


def callback(deeper):
    counts["callbacks"] += 1
    if deeper:
        act(deeper - 1)
    if pick().random() < 0.02:
        raise KeyError("a callback's own")


class Reentrant:
    """A value that does something while its request is held."""

    def __init__(self, deeper):
        self.deeper = deeper

    def __array__(self, dtype=None, copy=None):
        if self.deeper:
            attempt(self.deeper - 1)
        return rows()


async def on_loop(queue, request):
    work = [queue.infer_async(rows()) for _ in range(pick().randint(1, 4))] + [request.infer_async(rows())]
    tasks = [asyncio.ensure_future(task) for task in work]
    everything = asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)
    choice = pick().random()
    if choice < 0.2:
        tasks[0].cancel()
    elif choice < 0.3:
        queue.wait_all()  # blocks the loop that those tasks need
    elif choice < 0.4:
        queue.start_async(rows(), 0)
    elif choice < 0.5:
        return  # asyncio.run() cancels what is left
    elif choice < 0.6:
        async for _ in queue.imap(rows() for _ in range(4)):
            pass
    await everything


def act(deeper):
    """One thing at random; `deeper`: how far callbacks of it do more."""
    chance = pick()
    queue, request = chance.choice(queues), chance.choice(requests)
    outermost, deeper = deeper == DEPTH, chance.randint(0, deeper)
    what = chance.randrange(24)
    if what < 9:
        start(queue, deeper)
    elif what < 11:
        queue.wait_all()
    elif what == 11:
        queue.get_idle_request_id()
    elif what == 12:
        new_queue(chance.randrange(2))
    elif what < 15:
        request.set_callback(callback, deeper)
        request.start_async(rows())
    elif what < 18:
        request.wait()
    elif what == 18:
        request.wait_for(1)
    elif what == 19:
        request.infer(Reentrant(deeper))
    elif what == 20:
        request.cancel()
    elif what == 21:
        chance.choice(list(queue)).wait()
    elif what == 22:
        queue.start_async(Reentrant(deeper), 0)
    elif outermost:  # what a loop waits for is not known to those who wait for its thread
        signal.setitimer(signal.ITIMER_REAL, 0)  # a handler that raises may break a loop of asyncio
        asyncio.run(on_loop(queue, request))


def attempt(deeper):
    try:
        act(deeper)
    except (RuntimeError, KeyError):
        counts["raised"] += 1
    except Alarm:
        counts["interrupted"] += 1


def work(signals):
    while counts["operations"] < count:
        try:
            if signals and pick().random() < 0.2:
                signal.setitimer(signal.ITIMER_REAL, 10 ** pick().uniform(-5, -2.5))
            counts["operations"] += 1
            attempt(DEPTH)
        except Alarm:
            counts["interrupted"] += 1


signal.signal(signal.SIGALRM, ring)
threads = [threading.current_thread(), *(threading.Thread(target=work, args=(False,)) for _ in range(2))]
new_queue(0)
new_queue(1)
for thread in threads[1:]:
    thread.start()
while True:
    try:
        work(True)
        signal.setitimer(signal.ITIMER_REAL, 0)
        break
    except Alarm:
        pass
signal.signal(signal.SIGALRM, signal.SIG_IGN)
for thread in threads[1:]:
    thread.join()
for _ in range(DEPTH + 1):  # callbacks start other runs, whose callbacks do
    for request in requests:
        with contextlib.suppress(RuntimeError):
            request.wait()
    for queue in queues:
        while True:
            try:
                queue.wait_all()
                break
            except (RuntimeError, KeyError):
                pass
for queue in queues:
    assert all(np.array_equal(request.infer(X)[0], X + X) for request in queue)
    found = []
    queue.set_callback(lambda request, index: found.append(index))
    for index in range(20):
        queue.start_async(X, index)
    queue.wait_all()
    assert sorted(found) == list(range(20))
print(counts["operations"], counts["callbacks"], counts["raised"], counts["interrupted"])
'''


def run(seed, streams, count, limit):
    """Runs the program for `limit` seconds at the most; how many operations, callbacks, errors and interrupts."""
    arguments = [sys.executable, "-c", PROGRAM, *map(str, (seed, streams, count, limit))]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=limit + 30)
    assert done.returncode == 0, done.stderr
    return list(map(int, done.stdout.split()))


@pytest.mark.parametrize("streams", [1, 2])
def test_nothing_hangs(streams):
    operations, callbacks, _, interrupted = run(seed=streams, streams=streams, count=3000, limit=120)
    assert operations >= 3000 and callbacks and interrupted


@pytest.mark.sweep
@pytest.mark.parametrize("streams", [1, 2, 3])
@pytest.mark.parametrize("seed", range(10))
def test_nothing_hangs_for_long(streams, seed):
    assert run(100 + seed, streams, count=20000, limit=600)[0] >= 20000
