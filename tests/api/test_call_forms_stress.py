"""Signals and forks at random moments of every form of a call: results are right, and objects usable afterwards.

A few seconds; minutes in the sweep.
"""

import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, contextlib, faulthandler, gc, os, random, signal, sys, time
import numpy as np
import ovlite as ov, ovlite.opset13 as ops

seed, seconds, threads = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
faulthandler.dump_traceback_later(seconds + 100, exit=True)
choice = random.Random(seed)
x = ops.parameter([-1, 48], np.float32, name="x")
node = x
for _ in range(6):
    node = ops.add(ops.matmul(ops.tanh(node), 2 * np.eye(48, dtype=np.float32), False, False), np.float32(1))
model = ov.Model([ops.result(node, name="y")], [x], "m")
compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads})
another = ov.Core().compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads})
queue, request = ov.AsyncInferQueue(compiled, 2), compiled.create_infer_request()


def pair(rows):
    given = np.random.default_rng(rows).standard_normal((rows, 48), np.float32)
    y = given
    for _ in range(6):
        y = 2 * np.tanh(y) + 1
    return given, y


PAIRS = [pair(rows) for rows in (1, 3, 64, 400)]


def right(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def call(given, expected):
    global viewed
    viewed = choice.random() < 0.5  # what share_outputs returns shows the next results too
    right(compiled([given], share_inputs=choice.random() < 0.5, share_outputs=viewed)["y"], expected)
    viewed = False


def infer(given, expected):
    flags = {"share_inputs": choice.random() < 0.5, "share_outputs": choice.random() < 0.5}
    right(request.infer([given], **flags)["y"], expected)


def given_memory(given, expected):
    out = np.full_like(expected, np.nan)
    compiled([given], share_inputs=choice.random() < 0.5, out=out)
    right(out, expected)


def wait(given, expected):
    request.start_async([given], share_inputs=choice.random() < 0.5)
    request.wait()
    right(request.get_output_tensor().data, expected)


def queued(given, expected):
    found = []
    queue.set_callback(lambda ended, where: where.append(ended.get_output_tensor().data.copy()))
    for _ in range(3):
        queue.start_async([given], found)
    queue.wait_all()
    assert len(found) == 3
    for array in found:
        right(array, expected)


def mapped(given, expected):
    async def all_of_them():
        return [result["y"] async for result in queue.imap([[given]] * 3)]

    for found in asyncio.run(all_of_them()):
        right(found, expected)


def awaited(given, expected):
    right(asyncio.run(queue.infer_async([given]))["y"], expected)


FORMS = call, infer, given_memory, wait, queued, mapped, awaited
for form in FORMS:  # alone first
    for case in PAIRS:
        form(*case)


class Alarm(Exception):
    pass


def ring(*_):
    global rung
    rung += 1
    what = choice.random()
    if what < 0.2:
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            code = 1
            try:
                right(compiled([PAIRS[2][0]])["y"], PAIRS[2][1])
                right(compiled.create_infer_request().infer([PAIRS[1][0]])["y"], PAIRS[1][1])
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    elif what < 0.5:
        right((another if viewed else compiled)([PAIRS[1][0]])["y"], PAIRS[1][1])
    elif what < 0.8 and raising:
        raise Alarm


rung, raised, raising, viewed, children = 0, 0, False, False, []
signal.signal(signal.SIGALRM, ring)
gc.disable()  # Python ignores what a handler raises in a finalizer
end = time.monotonic() + seconds
while time.monotonic() < end:
    form, case = choice.choice(FORMS), choice.choice(PAIRS)
    raising = form in (call, infer, given_memory, wait)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, choice.random() * 0.002 + 1e-6)
            form(*case)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            raising = False
    except Alarm:
        raised += 1
        request.cancel()
    viewed = False
    with contextlib.suppress(RuntimeError, Alarm):  # the run that was cancelled, or what ended it
        request.wait()
    form(*case)
    while children:
        code = os.waitstatus_to_exitcode(os.waitpid(children.pop(), 0)[1])
        assert code == 0, code
    if choice.random() < 0.05:
        gc.collect()
print(rung, raised)
"""


def stress(seed, threads, seconds):
    command = [sys.executable, "-c", PROGRAM, str(seed), str(seconds), str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 200)
    assert done.returncode == 0 and not done.stderr, done.stderr
    rung, raised = map(int, done.stdout.split())
    assert rung > 0 and raised >= 0


@pytest.mark.parametrize("threads", [1, 2])
def test_signals_and_forks_at_random_moments(threads):
    stress("short", threads, 4.0)


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(4))
def test_signals_and_forks_for_long(seed):
    stress(seed, 1 + seed % 2, 120.0)
