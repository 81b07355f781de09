"""Ctrl-C, handlers of signals and cancel() end a long run early, and the request is usable afterwards.

Runs here would take seconds; each must end in a small part of that.
"""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

SIZE = 600
ZEROS = np.zeros((SIZE, SIZE), np.float32)
LIMIT = 1.0  # seconds of processor time, which other work on the machine does not lengthen; it takes a tenth of that


class Alarm(Exception):
    pass


@pytest.fixture
def sent():
    """sent(signal, after) -> when it is sent, in the list that is returned; the handler of SIGALRM raises Alarm.

    Garbage waits meanwhile: Python ignores what a handler raises inside the callback of a weak reference.
    """

    def ring(*_):
        raise Alarm

    def send(number, after=0.08):
        times = []

        def shoot():
            times.append(time.process_time())
            os.kill(os.getpid(), number)

        timer = threading.Timer(after, shoot)
        timers.append(timer)
        timer.start()
        return times

    timers = []
    gc.collect()
    gc.disable()
    before = signal.signal(signal.SIGALRM, ring), signal.signal(signal.SIGINT, signal.default_int_handler)
    yield send
    for timer in timers:
        timer.join()
    signal.signal(signal.SIGALRM, before[0])
    signal.signal(signal.SIGINT, before[1])
    gc.enable()


def many_steps(lab):
    return lab.slow(2000, SIZE)


def one_step(lab, size=5000):
    """A product of seconds: its kernel looks for signals itself."""
    x, b = lab.parameter((size, 64)), lab.ops.constant(np.zeros((64, size), np.float32))
    wide = lab.ops.matmul(x, b, False, False)
    return lab.ov.Model([lab.ops.result(lab.ops.matmul(wide, wide, False, False), name="y")], [x], "one_step")


def recurrent(lab, length=400000, hidden=128):
    """One long LSTM sequence."""
    x = lab.parameter((1, length, 4))
    zeros = lab.ops.constant(np.zeros((1, 1, hidden), np.float32))
    weights = [np.zeros((1, 4 * hidden, n), np.float32) for n in (4, hidden)]
    node = lab.ops.lstm_sequence(
        x, zeros, zeros, lab.ops.constant(np.array([length])), *[lab.ops.constant(w) for w in weights],
        lab.ops.constant(np.zeros((1, 4 * hidden), np.float32)), hidden, "forward",
    )  # fmt: skip
    return lab.ov.Model([lab.ops.result(node.output(1), name="y")], [x], "recurrent")


def looped(lab):
    """A loop whose body is native: y = x + the number of trips."""
    return loop(lab, "looped", lambda value: lab.ops.constant(np.float32(1)))


def interpreted(lab):
    """A loop of Python, for the shape of what NonZero finds is another in each iteration."""

    def places(value):
        found = lab.ops.convert(lab.ops.non_zero(value), "f32")
        return lab.ops.reduce_sum(found, lab.ops.constant(np.array([0, 1])))

    return loop(lab, "interpreted", places)


def loop(lab, name, amount, trips=100_000_000):
    """y = x with amount(y so far) added again and again."""
    value = lab.parameter((2,), name="value")
    added = lab.ops.result(lab.ops.add(value, amount(value)))
    again = lab.ops.result(lab.ops.constant(np.array(True)))
    body = lab.ov.Model([again, added], [value], "body")
    x = lab.parameter((2,))
    node = lab.ops.loop(lab.ops.constant(np.array(trips)), lab.ops.constant(np.array(True)))
    node.set_function(body)
    node.set_special_body_ports([-1, 0])
    node.set_merged_input(value, x.output(0), added.output(0))
    return lab.ov.Model([lab.ops.result(node.get_iter_value(added.output(0)), name="y")], [x], name)


MODELS = {"many_steps": many_steps, "one_step": one_step, "recurrent": recurrent, "looped": looped,
          "interpreted": interpreted}  # fmt: skip


def zeros_for(compiled):
    return np.zeros(tuple(compiled.input(0).shape), np.float32)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("entry", ["call", "infer", "wait"])
def test_signals_end_a_run(mine, sent, name, entry):
    compiled = mine.compile(MODELS[name](mine), INFERENCE_NUM_THREADS=1)
    x = zeros_for(compiled)
    request = compiled.create_infer_request()
    for number, error in ((signal.SIGINT, KeyboardInterrupt), (signal.SIGALRM, Alarm)):
        if entry == "wait":
            request.start_async(x)
        times = sent(number)
        with pytest.raises(error):
            {"call": compiled, "infer": request.infer, "wait": lambda _: request.wait()}[entry](x)
        assert time.process_time() - times[0] < LIMIT
        request.cancel()  # after wait(), the run goes on
        with contextlib.suppress(RuntimeError, error):
            request.wait()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("entry", ["infer", "start_async"])
def test_cancel_ends_a_run(mine, name, entry):
    compiled = mine.compile(MODELS[name](mine), INFERENCE_NUM_THREADS=2)
    x = zeros_for(compiled)
    request = compiled.create_infer_request()
    times = []

    def cancel():
        times.append(time.process_time())
        request.cancel()

    timer = threading.Timer(0.08, cancel)
    timer.start()
    with pytest.raises(RuntimeError, match="cancelled"):
        if entry == "infer":
            request.infer(x)
        else:
            request.start_async(x)
            request.wait()
    assert time.process_time() - times[0] < LIMIT
    timer.join()


def test_signals_end_the_reading_of_a_model(mine, sent):
    """Of 60,000 nodes, which takes seconds."""
    helper = pytest.importorskip("onnx.helper")
    nodes = [helper.make_node("Neg", [f"v{i}"], [f"v{i + 1}"]) for i in range(60_000)]
    ends = [helper.make_tensor_value_info(name, 1, [2]) for name in ("v0", "v60000")]
    content = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:]), ir_version=9).SerializeToString()
    times = sent(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        mine.ov.Core().read_model(content)
    assert time.process_time() - times[0] < LIMIT


def counting(mine, meanwhile, inferring=lambda: None, length=3):
    """x + 1 thrice, on numpy: its request, and how many steps have begun and ended. meanwhile(step number).

    inferring() is called when the shape of one is inferred.
    """
    counts = [0, 0]

    class Counting(mine.ov.Op):
        def __init__(self, inputs=None):
            super().__init__(self, inputs)

        def validate_and_infer_types(self):
            inferring()
            self.set_output_type(0, self.get_input_element_type(0), self.get_input_partial_shape(0))

        def clone_with_new_inputs(self, new_inputs):
            return Counting(new_inputs)

        def has_evaluate(self):
            return True

        def evaluate(self, outputs, inputs):
            counts[0] += 1
            meanwhile(counts[0])
            outputs[0].data[...] = inputs[0].data + 1
            counts[1] += 1
            return True

    x = node = mine.parameter((length,))
    for _ in range(3):
        node = Counting([node])
    model = mine.ov.Model([mine.ops.result(node, name="y")], [x], "counting")
    return mine.compile(model).create_infer_request(), counts


@pytest.mark.parametrize("entry", ["infer", "start_async"])
def test_cancel_ends_a_run_behind_the_step_of_numpy_at_hand(mine, entry):
    stopping = [True]
    request, counts = counting(mine, lambda step: request.cancel() if stopping and step == 2 else None)
    with pytest.raises(RuntimeError, match="cancelled"):
        getattr(request, entry)(np.zeros(3, np.float32))
        request.wait()
    assert counts == [2, 2]
    stopping.clear()
    np.testing.assert_array_equal(request.infer(np.zeros(3, np.float32))["y"], [3, 3, 3])


@pytest.mark.parametrize("entry", ["infer", "start_async"])
def test_cancel_ends_the_planning_of_new_shapes(mine, entry):
    """Nodes behind the one at hand are not looked at."""
    inferred = None

    def inferring():
        nonlocal inferred
        if inferred is not None:
            inferred += 1
            if inferred == 2:
                request.cancel()

    request, _ = counting(mine, lambda step: None, inferring, length=-1)
    inferred = 0
    with pytest.raises(RuntimeError, match="cancelled"):
        getattr(request, entry)(np.zeros(4, np.float32))
        request.wait()
    assert inferred == 2
    np.testing.assert_array_equal(request.infer(np.zeros(4, np.float32))["y"], np.full(4, 3))


def test_signals_end_a_run_within_a_step_of_python(mine, sent):
    """Between two of Python's instructions; what numpy does in one of them comes to its end first."""
    stopping = [True]
    request, counts = counting(
        mine, lambda step: signal.raise_signal(signal.SIGINT) if stopping and step == 2 else None
    )
    with pytest.raises(KeyboardInterrupt):
        request.infer(np.zeros(3, np.float32))
    assert counts == [2, 1]
    stopping.clear()
    np.testing.assert_array_equal(request.infer(np.zeros(3, np.float32))["y"], [3, 3, 3])


def test_results_after_a_cancelled_run(mine):
    compiled = mine.compile(mine.slow(60))
    request = compiled.create_infer_request()
    x = np.zeros((700, 700), np.float32)
    request.start_async(x)
    request.cancel()
    with pytest.raises(RuntimeError, match="cancelled"):
        request.wait()
    assert not request.infer(x)[0].any()
    request.cancel()  # nothing runs: nothing is cancelled
    assert not request.infer(x)[0].any()


def test_a_request_held_by_another_thread_is_waited_for_interruptibly(mine, sent):
    compiled = mine.compile(many_steps(mine), INFERENCE_NUM_THREADS=1)
    request = compiled.create_infer_request()
    failures = []

    def other():
        try:
            request.infer(ZEROS)
        except RuntimeError as error:
            failures.append(str(error))

    thread = threading.Thread(target=other)
    thread.start()
    time.sleep(0.05)
    times = sent(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        request.infer(ZEROS)
    assert time.process_time() - times[0] < LIMIT
    request.cancel()
    thread.join()
    assert "cancelled" in failures[0]


def test_handlers_run_during_a_run_and_need_not_raise(mine):
    compiled = mine.compile(mine.slow(400, SIZE), INFERENCE_NUM_THREADS=1)
    seen = []
    before = signal.signal(signal.SIGALRM, lambda *_: seen.append(float(compiled(ZEROS + 1)[0][0, 0])))
    try:
        expected = compiled(ZEROS + 1)[0]
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        assert not compiled(ZEROS)[0].any()
        assert seen == [float(expected[0, 0])]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


IMPORTS = """
import asyncio, sys
import numpy as np
import ovlite as ov, ovlite.opset13 as ops

x = ops.parameter([-1, 48], np.float32, name="x")
compiled = ov.compile_model(ov.Model([ops.result(ops.tanh(x), name="y")], [x], "m"), "CPU")
given = np.ones((3, 48), np.float32)
compiled([given])
request, queue = compiled.create_infer_request(), ov.AsyncInferQueue(compiled, 2)


def waited():
    request.start_async([given])
    request.wait()
    return request.get_output_tensor().data


def queued():
    queue.set_callback(lambda ended, given: None)
    queue.start_async([given])
    queue.wait_all()


FORMS = {
    "call": lambda: compiled({"x": given})["y"],
    "views": lambda: compiled([given], share_outputs=True)[0],
    "out": lambda: compiled([given], out=np.empty_like(given)),
    "infer": lambda: request.infer([given]),
    "wait": waited,
    "queue": queued,
    "another shape": lambda: compiled([np.ones((400, 48))]),
    "lists": lambda: compiled([given.tolist()]),
}
for name, form in FORMS.items():
    before = set(sys.modules)
    form()
    assert set(sys.modules) == before, (name, set(sys.modules) - before)
"""


def test_a_call_after_the_first_imports_nothing():
    """A handler may call a model at any moment then. In the midst of an import, which the first call may begin, Python
    hands the handler modules that are partially initialized."""
    subprocess.run([sys.executable, "-c", IMPORTS], check=True, timeout=100)
