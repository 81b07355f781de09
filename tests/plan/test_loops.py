"""Bodies of Loop and TensorIterator run as plans of their own, and give what numpy gives."""

import mmap
import tracemalloc
from pathlib import Path

import numpy as np
import onnx.reference
import pytest
from onnx import parser

from ovlite.frontend.onnx import read_onnx
from ovlite.graph import Constant, Model, Result
from ovlite.kernels.runtime.executor import Frame, Program, Team
from ovlite.ops.building import tensor_iterator
from ovlite.ops.interpreter import evaluate_model
from ovlite.plan import Executable, Options
from ovlite.types import Type

from .support import noise, ops, parameter, run

HEADER = '<ir_version: 9, opset_import: ["" : 18]>'
STEADY = f"""{HEADER} g (float[T, 1, 8] x, float[1, 8] h, float[8, 8] w, int64 n)
=> (float[N, 1, 8] y, float[1, 8] last)
<bool yes = {{1}}> {{
    last, y = Loop(n, yes, h) <
        body = b (int64 i, bool on, float[1, 8] before) => (bool still, float[1, 8] after, float[1, 8] out) {{
        part = Gather(x, i)
        product = MatMul(before, w)
        sum = Add(product, part)
        after = Tanh(sum)
        out = Relu(after)
        still = Identity(on)
    }}>
}}"""
SCAN = f"""{HEADER} g (float[T, 1, 8] x, float[1, 8] h, float[8, 8] w) => (float[T, 1, 8] y, float[1, 8] last) {{
    last, y = Scan <num_scan_inputs = 1, body =
        b (float[1, 8] before, float[1, 8] part) => (float[1, 8] after, float[1, 8] out) {{
        product = MatMul(before, w)
        sum = Add(product, part)
        after = Tanh(sum)
        out = Exp(after)
    }}> (h, x)
}}"""
GROWING = f"""{HEADER} g (float[K] x, int64 n) => (float[N] y)
<bool yes = {{1}}> {{
    y = Loop(n, yes, x) <body = b (int64 i, bool on, float[M] before) => (bool still, float[L] after) {{
        twice = Add(before, before)
        after = Concat<axis = 0>(before, twice)
        still = Identity(on)
    }}>
}}"""
APPENDED = f"""{HEADER} g (float[K] x, int64 n) => (float[N] y)
<bool yes = {{1}}, int64[1] none = {{0}}, int64[1] one = {{1}}> {{
    y = Loop(n, yes, x) <body = b (int64 i, bool on, float[M] before) => (bool still, float[L] after) {{
        first = Slice(before, none, one)
        after = Concat<axis = 0>(before, first)
        still = Identity(on)
    }}>
}}"""
LAST = f"""{HEADER} g (float[K] x, int64 n) => (float[K] y)
<bool yes = {{1}}, float one = {{1}}> {{
    y = Loop(n, yes, x) <body = b (int64 i, bool on, float[K] before) => (bool still, float[K] after) {{
        after = Add(before, one)
        still = Identity(on)
    }}>
}}"""
FIRST = f"""{HEADER} g (float[3] x, int64 n) => (float y)
<bool yes = {{1}}, int64[1] none = {{0}}, int64[1] one = {{1}}, int64[2] shape = {{1, 1}}> {{
    y = Loop(n, yes, x) <body = b (int64 i, bool on, float before) => (bool still, float after) {{
        first = Slice(before, none, one)
        after = Reshape(first, shape)
        still = Identity(on)
    }}>
}}"""
UNTIL = f"""{HEADER} g (float[2] x, float limit) => (float[2] y)
<int64 n = {{1000}}, bool yes = {{1}}> {{
    y = Loop(n, yes, x) <body = b (int64 i, bool on, float[2] before) => (bool still, float[2] after) {{
        after = Add(before, before)
        greatest = ReduceMax<keepdims = 0>(after)
        still = Less(greatest, limit)
    }}>
}}"""

SELECTED = f"""{HEADER} g (float[9, 2] x, int64[1] n, float start) => (float y)
<bool yes = {{1}}, int64[1] none = {{0}}, int64[1] one = {{1}}, int64 zero = {{0}}> {{
    count = Squeeze(n)
    y = Loop(count, yes, start) <
        body = b (int64 i, bool on, float before) => (bool still, float after) {{
        begin = Reshape(i, one)
        end = Add(begin, one)
        part = Slice(x, begin, end, none)
        length = Shape(part)
        many = Expand(before, length)
        sum = Add(many, part)
        negative = Less(before, start)
        chosen = If(negative) <
            then_branch = t () => (float[K, L] u) {{ u = Neg(sum) }},
            else_branch = e () => (float[K, L] v) {{ v = Identity(sum) }}
        >
        after = ReduceMean<keepdims = 0>(chosen)
        still = Identity(on)
    }}>
}}"""


def executable(text):
    model = read_onnx(parser.parse_model(text).SerializeToString())
    return model, Executable(model, Options())


@pytest.mark.parametrize("trips", [0, 1, 6])
def test_a_loop_gives_what_numpy_gives(trips):
    model, compiled = executable(STEADY)
    for seed in (0, 1):
        arrays = [noise(7, 1, 8, seed=seed), noise(1, 8), noise(8, 8) / np.float32(4), np.array(trips)]
        for found, expected in zip(run(compiled, arrays, 2), evaluate_model(model, arrays), strict=True):
            assert found.shape == expected.shape
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("length", [1, 5])
def test_a_scan_gives_what_onnx_gives(length):
    _, compiled = executable(SCAN)
    arrays = [noise(length, 1, 8), noise(1, 8), noise(8, 8) / np.float32(4)]
    reference = onnx.reference.ReferenceEvaluator(parser.parse_model(SCAN))
    expected = reference.run(None, dict(zip("xhw", arrays, strict=True)))
    for found, wanted in zip(run(compiled, arrays), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_a_state_that_grows():
    _, compiled = executable(GROWING)
    (found,) = run(compiled, [noise(3), np.array(4)])
    assert found.shape == (48,)
    np.testing.assert_array_equal(found[-3:], noise(3) * 16)


@pytest.mark.parametrize("trips", [2, 0, 1])
@pytest.mark.parametrize(("text", "shape"), [("[1] shape = {1}", (1,)), ("[2] shape = {1, 1}", (1, 1))])
def test_without_an_iteration_a_state_is_of_the_shape_that_it_was(text, shape, trips):
    """Whatever a body would make of it."""
    _, compiled = executable(FIRST.replace("[2] shape = {1, 1}", text))
    (found,) = run(compiled, [noise(3), np.array(trips)])
    expected = noise(3)[:1].reshape(shape) if trips else noise(3)
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


def test_bounds_that_change_in_each_iteration(monkeypatch):
    """Elements that decide shapes inside the body are others in each iteration: the stages stay the same."""
    from ovlite.plan import stage

    made = []
    build = stage.Stage._lower
    monkeypatch.setattr(stage.Stage, "_lower", lambda self, calls: made.append(self) or build(self, calls))
    model, compiled = executable(SELECTED)
    arrays = [noise(9, 2), np.array([9]), np.float32(0)]
    expected = evaluate_model(model, arrays)
    (found,) = run(compiled, arrays)
    np.testing.assert_allclose(found, expected[0], rtol=1e-5, atol=1e-6)
    assert len(made) < 9
    run(compiled, arrays)
    assert len(made) < 9


def test_a_state_that_grows_longer_than_plans_are_made():
    model, compiled = executable(APPENDED)
    arrays = [noise(1), np.array(40)]
    (first,), (second,) = run(compiled, arrays), run(compiled, arrays)
    np.testing.assert_array_equal(first, np.repeat(arrays[0], 41))
    np.testing.assert_array_equal(second, first)


def test_results_that_no_output_takes_are_not_kept():
    """A loop holds what its outputs need: here of 100 results of 1 MB the last."""
    _, compiled = executable(LAST)
    arrays = [np.trunc(4 * noise(1 << 18)), np.array(100)]  # whole numbers, whose sums are exact
    run(compiled, arrays)
    tracemalloc.start()
    (found,) = run(compiled, arrays)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(found, arrays[0] + 100)
    assert peak < 10 << 20


def test_a_condition_that_the_body_computes():
    _, compiled = executable(UNTIL)
    for limit, expected in ((100, 128), (0.5, 2)):
        (found,) = run(compiled, [np.float32([1, -1]), np.float32(limit)])
        np.testing.assert_array_equal(found, [expected, -expected])


@pytest.fixture
def rounds(monkeypatch):
    """The loops that have run without Python between their iterations."""
    from ovlite.plan import loops

    done = []
    run_native_loop = loops.run_native_loop

    def noted(*args):
        outputs = run_native_loop(*args)
        done.append(outputs)
        return outputs

    monkeypatch.setattr(loops, "run_native_loop", noted)
    return done


def in_parts(axis, stride, part, joined_axis, joined_stride):
    """A TensorIterator over parts of x that gives sums so far, joined and the last, and the parts' doubles."""
    x = parameter((3, 4, 6))
    shape = [3, 4, 6]
    shape[axis] = part
    piece, state = parameter(shape), parameter(shape)
    total = Result(ops["add"](state, piece).output(0))
    double = Result(ops["add"](piece, piece).output(0))
    node = tensor_iterator()
    node.set_body(Model([total, double], [piece, state]))
    bounds = (0, -1) if stride > 0 else (-1, 0)
    node.set_sliced_input(piece, x.output(0), bounds[0], stride, part, bounds[1], axis)
    node.set_merged_input(state, Constant(np.ones(shape, np.float32)), total.output(0))
    ends = (0, -1) if joined_stride > 0 else (-1, 0)
    outputs = [
        node.get_concatenated_slices(total.output(0), ends[0], joined_stride, part, ends[1], joined_axis),
        node.get_iter_value(total.output(0)),
        node.get_iter_value(double.output(0)),
    ]
    return Model([Result(output) for output in outputs], [x])


@pytest.mark.parametrize("joined", [(0, 1), (1, -1), (2, 1), (-1, -1)])
@pytest.mark.parametrize(("axis", "stride"), [(0, 1), (1, 1), (2, -1), (1, -1), (-1, 2), (0, -1)])
def test_parts_along_any_axis(rounds, axis, stride, joined):
    model = in_parts(axis, stride, 1, *joined)
    x = noise(3, 4, 6)
    for found, expected in zip(run(Executable(model, Options()), [x]), evaluate_model(model, [x]), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert len(rounds) == 1


@pytest.mark.parametrize(("axis", "stride", "native"), [(0, 3, True), (1, 2, False), (2, -2, False)])
def test_parts_of_several_elements(rounds, axis, stride, native):
    model = in_parts(axis, stride, abs(stride), 1, 1)
    x = noise(3, 4, 6)
    for found, expected in zip(run(Executable(model, Options()), [x]), evaluate_model(model, [x]), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert bool(rounds) is native


@pytest.mark.parametrize("text", [STEADY, SCAN, UNTIL, LAST])
def test_native_bodies_run_without_python_in_between(rounds, text):
    model, compiled = executable(text)
    shapes = [[dim.get_length() if dim.is_static else 5 for dim in kind.shape] for kind in compiled.inputs]
    arrays = [
        np.array(5) if kind.element_type is Type.i64 else np.float32(9) if not shape else noise(*shape)
        for kind, shape in zip(compiled.inputs, shapes, strict=True)
    ]
    for found, expected in zip(run(compiled, arrays), evaluate_model(model, arrays), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert len(rounds) == 1


def test_states_that_change_places():
    text = f"""{HEADER} g (float[2] x, float[2] y, int64 n) => (float[2] a, float[2] b)
    <bool yes = {{1}}> {{
        a, b = Loop(n, yes, x, y) <
            body = c (int64 i, bool on, float[2] p, float[2] q) => (bool still, float[2] r, float[2] s) {{
            r = Identity(q)
            s = Add(p, q)
            still = Identity(on)
        }}>
    }}"""
    model, compiled = executable(text)
    for trips in range(5):
        arrays = [noise(2), noise(2, seed=1), np.array(trips)]
        for found, expected in zip(run(compiled, arrays), evaluate_model(model, arrays), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_the_number_of_the_iteration(rounds):
    text = f"""{HEADER} g (int64 n) => (int64[N] y, int64 last)
    <bool yes = {{1}}, int64 none = {{0}}> {{
        last, y = Loop(n, yes, none) <
            body = c (int64 i, bool on, int64 p) => (bool still, int64 s, int64 t) {{
            s = Add(p, i)
            t = Mul(i, i)
            still = Identity(on)
        }}>
    }}"""
    _, compiled = executable(text)
    numbers, total = run(compiled, [np.array(7)])
    assert (numbers.tolist(), total) == ([i * i for i in range(7)], 21)
    assert len(rounds) == 1


def test_the_body_of_a_loop_is_planned_once(monkeypatch):
    from ovlite.plan import loops

    made = []
    plan = loops.Repeated._plan
    monkeypatch.setattr(loops.Repeated, "_plan", lambda self, *body: made.append(body) or plan(self, *body))
    _, compiled = executable(SCAN)
    arrays = [noise(9, 1, 8), noise(1, 8), noise(8, 8)]
    for _ in range(3):
        run(compiled, arrays)
    assert len(made) == 1


def test_what_is_no_array_among_the_turns_leaves_no_memory_behind():
    program = Program([], 1)
    frame, team = Frame(program), Team(1)
    turns = [(0, np.zeros(1, np.float32), 4, 1)] * 100_000
    assert frame.run_loop(team, 2, turns, []) == 2

    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE

    before = resident()
    for _ in range(40):
        with pytest.raises(TypeError):
            frame.run_loop(team, 2, [*turns, (0, "no array", 4, 1)], [])
    assert resident() - before < 64 << 20  # what all the lists of turns would take is twice that
