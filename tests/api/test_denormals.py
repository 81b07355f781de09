"""Denormal numbers: zeros to kernels unless CPU_DENORMALS_OPTIMIZATION is off, and never to anything else."""

import os
import signal
import threading

import numpy as np
import pytest

KEY = "CPU_DENORMALS_OPTIMIZATION"
TINY = np.float32(1e-40)  # a denormal number
LARGE = np.float32(1e30)  # times TINY: 1e-10
WIDE = (64, 4096)  # elements for a whole team


def exact_here():
    """Whether numpy, in this thread, computes with denormal numbers."""
    operand, result = np.full(100, TINY) * np.float32(2**30), np.full(100, 1e-20, np.float32) * np.float32(1e-20)
    return bool((operand > 0).all() and (result > 0).all())


def scaling(lab, factor, shape=WIDE):
    """y = x * factor"""
    x = lab.parameter(shape)
    scaled = lab.ops.multiply(x, lab.ops.constant(np.full((1, shape[1]), factor, np.float32)))
    return lab.ov.Model([lab.ops.result(scaled, name="y")], [x], "scaling")


def chain(lab, steps=2000, size=256):
    """x * 1 * 1 ... as products of matrices."""
    x = lab.parameter((size, size))
    node, one = x, lab.ops.constant(np.eye(size, dtype=np.float32))
    for _ in range(steps):
        node = lab.ops.matmul(node, one, False, False)
    return lab.ov.Model([lab.ops.result(node, name="y")], [x], "chain")


@pytest.mark.parametrize("name", [KEY, "DENORMALS_OPTIMIZATION"])
def test_what_it_is_and_reads_back(mine, name):
    core, model = mine.ov.Core(), mine.plus_one()
    assert core.get_property("CPU", name) is True
    assert core.get_property("CPU", "SUPPORTED_PROPERTIES")[name] == "RW"
    assert core.compile_model(model, "CPU").get_property(name) is True
    compiled = core.compile_model(model, "CPU", {name: False})
    assert compiled.get_property(KEY) is compiled.get_property("DENORMALS_OPTIMIZATION") is False
    assert compiled.get_property("SUPPORTED_PROPERTIES")[name] == "RO"
    core.set_property("CPU", {KEY: False})
    assert core.compile_model(model, "CPU").get_property(KEY) is False
    assert core.compile_model(model, "CPU", {name: True}).get_property(KEY) is True
    core.set_property("CPU", {name: "YES"})
    assert core.get_property("CPU", KEY) is True
    imported = core.import_model(compiled.export_model(), "CPU")
    assert imported.get_property(name) is False
    with pytest.raises(RuntimeError, match="to take a bool, 'YES' or 'NO'"):
        core.compile_model(model, "CPU", {name: "off"})
    properties = mine.submodule("properties")
    assert properties.denormals_optimization(True)[1].value is True


@pytest.mark.parametrize("off", [False, "NO"])
def test_off_is_exact_where_both_define_it(lab, off):
    compiled = lab.compile(scaling(lab, 1), **{KEY: off})
    assert compiled.get_property(KEY) is False
    np.testing.assert_array_equal(compiled(np.full(WIDE, TINY))[0], TINY)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("streams", [1, 2])
def test_operands_and_results(mine, threads, streams):
    model = scaling(mine, 1e-20)
    for x, product in ((TINY, TINY * np.float32(0)), (np.float32(1e-20), np.float32(1e-20) ** 2)):
        array = np.full(WIDE, x)
        for on in (True, False):
            compiled = mine.compile(model, INFERENCE_NUM_THREADS=threads, NUM_STREAMS=streams, **{KEY: on})
            expected = 0 if on else product
            np.testing.assert_array_equal(compiled(array)[0], expected)
            queue = mine.ov.AsyncInferQueue(compiled, 2)
            results = []
            queue.set_callback(lambda request, results: results.append(request.results[0]))
            for _ in range(4):
                queue.start_async([array], results)
            queue.wait_all()
            for result in results:
                np.testing.assert_array_equal(result, expected)


def products(mine):
    """Models that multiply their input by denormal weights, by name, and the shape of the input."""
    ops, rng = mine.ops, np.random.default_rng(0)

    def weights(*shape):
        return ops.constant((rng.uniform(1, 2, shape) * 1e-39).astype(np.float32))

    def convolution(x, *kernel):
        pads = [length // 2 for length in kernel]
        return ops.convolution(x, weights(8, 8, *kernel), [1, 1], pads, pads, [1, 1])

    def depthwise(x):
        return ops.group_convolution(x, weights(8, 1, 1, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])

    def transposed(x):
        return ops.convolution_backprop_data(x, weights(8, 8, 2, 2), [2, 2])

    image = (1, 8, 16, 16)
    yield "matmul", image, lambda x: ops.matmul(x, weights(16, 24), False, False)
    yield "matmul, transposed", image, lambda x: ops.matmul(x, weights(24, 16), False, True)
    yield "3 x 3", image, lambda x: convolution(x, 3, 3)
    yield "1 x 1", image, lambda x: convolution(x, 1, 1)
    yield "depthwise", image, depthwise
    yield "transposed", image, transposed


@pytest.mark.parametrize("threads", [1, 2])
def test_weights(mine, threads):
    for name, shape, build in products(mine):
        x = mine.parameter(shape)
        model = mine.ov.Model([build(x)], [x], name)
        array = np.full(shape, LARGE)
        for hint in ("f32", "dynamic"):
            config = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": hint}
            flushed = mine.compile(model, **config)(array)[0]
            exact = mine.compile(model, **config, **{KEY: False})(array)[0]
            again = mine.compile(model, **config)(array)[0]
            assert not flushed.any() and not again.any(), name
            assert (exact > 0.5e-9).all(), name


def test_recurrent_weights(mine):
    ops, hidden = mine.ops, 16
    x, zeros = mine.parameter((1, 5, 4)), ops.constant(np.zeros((1, 1, hidden), np.float32))
    w, r = (ops.constant(np.full((1, hidden, n), 1e-39, np.float32)) for n in (4, hidden))
    node = ops.rnn_sequence(
        x, zeros, ops.constant(np.array([5])), w, r, ops.constant(np.zeros((1, hidden), np.float32)), hidden, "forward",
        ["relu"],
    )  # fmt: skip
    model = mine.ov.Model([node.output(0)], [x], "rnn")
    array = np.full((1, 5, 4), LARGE)
    assert not mine.compile(model)(array)[0].any()
    assert (mine.compile(model, **{KEY: False})(array)[0] > 3e-9).all()


def test_constants_are_folded_exactly(mine):
    x = mine.parameter((4,))
    small, large = (mine.ops.constant(np.full(4, value)) for value in (TINY, LARGE))
    model = mine.ov.Model([mine.ops.add(x, mine.ops.multiply(small, large))], [x], "folded")
    np.testing.assert_array_equal(mine.compile(model)(np.zeros(4, np.float32))[0], TINY * LARGE)


def test_moved_elements_keep_their_bits(mine):
    x = mine.parameter((8, 16))
    model = mine.ov.Model([mine.ops.transpose(x, mine.ops.constant(np.array([1, 0])))], [x], "moved")
    array = (np.arange(128, dtype=np.uint32) * 1001).view(np.float32).reshape(8, 16)
    np.testing.assert_array_equal(mine.compile(model)(array)[0].view(np.uint32), array.T.view(np.uint32))


def test_numbers_of_narrower_types_are_not_denormal_f32(mine):
    halves = np.arange(1, 1024, dtype=np.uint16).view(np.float16)
    x = mine.parameter(halves.shape, np.float16)
    model = mine.ov.Model([mine.ops.multiply(x, mine.ops.constant(np.array(1, np.float16)))], [x], "halves")
    np.testing.assert_array_equal(mine.compile(model)(halves)[0], halves)


def body_of_loop(mine):
    """y = x times 1 in each of 3 iterations."""
    ops = mine.ops
    inner = mine.parameter((64,), name="inner")
    body = mine.ov.Model([ops.multiply(inner, np.float32(1)), ops.constant(np.array(True))], [inner], "body")
    x = mine.parameter((64,))
    loop = ops.loop(ops.constant(np.array(3)), ops.constant(np.array(True)))
    loop.set_function(body)
    loop.set_special_body_ports([-1, 1])
    loop.set_merged_input(inner, x.output(0), body.results[0].input_value(0))
    return mine.ov.Model([loop.get_iter_value(body.results[0].input_value(0), -1)], [x], "loop")


def test_loops(mine):
    for on in (True, False):
        found = mine.compile(body_of_loop(mine), **{KEY: on})(np.full(64, TINY))[0]
        np.testing.assert_array_equal(found, 0 if on else TINY)
        assert exact_here()


@pytest.mark.parametrize("threads", [1, 2])
def test_the_caller_s_numbers_are_untouched(mine, threads):
    array = np.full(WIDE, TINY)
    compiled = mine.compile(scaling(mine, 1), INFERENCE_NUM_THREADS=threads)
    compiled(array)
    assert exact_here()
    request, seen = compiled.create_infer_request(), []
    request.set_callback(lambda _: seen.append(exact_here()), None)
    request.start_async([array])
    request.wait()
    queue = mine.ov.AsyncInferQueue(compiled, 3)
    queue.set_callback(lambda *_: seen.append(exact_here()))
    for _ in range(9):
        queue.start_async([array], None)
    queue.wait_all()
    assert seen == [True] * 10 and exact_here()


def test_after_errors(mine):
    compiled = mine.compile(mine.choosy())
    with pytest.raises(RuntimeError):
        compiled(np.ones(4, np.float32))
    assert exact_here()
    x, index = mine.parameter((4,)), mine.parameter((1,), np.int64, "i")
    gather = mine.ov.Model([mine.ops.gather(x, index, mine.ops.constant(np.array(0)))], [x, index], "gather")
    compiled = mine.compile(gather)
    with pytest.raises(RuntimeError, match="out of range"):
        compiled([np.ones(4, np.float32), np.array([9])])
    assert exact_here()
    request = compiled.create_infer_request()
    request.start_async([np.ones(4, np.float32), np.array([9])])
    with pytest.raises(RuntimeError, match="out of range"):
        request.wait()
    assert exact_here()


def test_operations_in_python_see_the_caller_s_mode(mine):
    seen = []

    class Look(mine.ov.Op):
        def __init__(self, inputs=None):
            super().__init__(self, inputs)

        def validate_and_infer_types(self):
            self.set_output_type(0, self.get_input_element_type(0), self.get_input_partial_shape(0))

        def evaluate(self, outputs, inputs):
            seen.append(exact_here())
            outputs[0].data[...] = inputs[0].data * np.float32(2)
            return True

    x = mine.parameter((4,))
    model = mine.ov.Model([mine.ops.multiply(Look([mine.ops.abs(x)]), np.float32(1))], [x], "looking")
    compiled = mine.compile(model)
    assert compiled(np.full(4, TINY))[0].tolist() == [0] * 4
    request = compiled.create_infer_request()
    request.start_async([np.full(4, TINY)])
    request.wait()
    assert seen == [True, True] and exact_here()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers that signal")
def test_handlers_of_signals_see_the_caller_s_mode(mine):
    seen = []
    before = signal.signal(signal.SIGALRM, lambda *_: seen.append(exact_here()))
    try:
        compiled = mine.compile(chain(mine), INFERENCE_NUM_THREADS=1)
        x = np.eye(256, dtype=np.float32)
        x[0, 1] = TINY
        for _ in range(20):
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            assert compiled(x)[0][0, 1] == 0
            if seen:
                break
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert seen and all(seen) and exact_here()


def test_a_caller_who_flushes(mine):
    """Exact results are exact whatever the caller's mode, which stays as it is."""
    torch = pytest.importorskip("torch")
    compiled = mine.compile(scaling(mine, 1), **{KEY: False})
    flushing = mine.compile(scaling(mine, 1))
    found = []

    def call():
        torch.set_flush_denormal(True)
        for one in (compiled, flushing):
            found.append(one(np.full(WIDE, TINY))[0])
            found.append(exact_here())

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    np.testing.assert_array_equal(found[0].view(np.uint32), np.float32(TINY).view(np.uint32))
    assert found[1] is found[3] is False and not found[2].any() and exact_here()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_in_a_forked_child(mine):
    compiled = mine.compile(scaling(mine, 1))
    array = np.full(WIDE, TINY)
    compiled(array)
    child = os.fork()
    if not child:
        os._exit(0 if not compiled(array)[0].any() and exact_here() else 1)
    assert os.waitpid(child, 0)[1] == 0
