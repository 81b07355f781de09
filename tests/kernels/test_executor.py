"""Programs and frames: the order of steps, where slots lie, scratch memory, failures, profiles and loops."""

import gc
import threading
import weakref

import numpy as np
import pytest

from ovlite.kernels import family
from ovlite.kernels.runtime.executor import Frame, Program, PythonStep, Team, check_stopped, run_steps
from ovlite.kernels.runtime.failures import StepError
from ovlite.kernels.runtime.step import View

from ..data import normal
from .layouts import view_of

F32 = np.float32
TEAMS = [1, 2, 3, 8]


def vector(slot, size=4, dtype=F32):
    return View(slot, dtype, (size,))


def add(left, right, result, size=4):
    """result = left + right, by slots."""
    return family("elementwise").Map([("add", 0, 1)], [vector(left, size), vector(right, size)], vector(result, size))


def python(call, reads, writes, name="Python"):
    """A step that calls `call` with the arrays that it reads, by slots."""
    views = [vector(slot) for slot in reads], [vector(slot) for slot in writes]
    return PythonStep(name, lambda arrays, team: call(*arrays), *views)


def pick(index, x, y):
    """y = x[index], which fails for an index out of range; by slots."""
    return family("gather").Gather(vector(x), View(index, np.int64, (4,)), vector(y), 0)


def frame_of(program, *arrays, threads=1):
    frame = Frame(program, threads)
    for slot, array in enumerate(arrays):
        frame.bind(slot, array)
    return frame


@pytest.mark.parametrize("threads", TEAMS)
def test_steps_run_in_order_those_of_python_between_those_of_kernels(threads):
    steps = [add(0, 0, 1), python(lambda x: [x * x], [1], [2]), add(2, 1, 3), add(3, 3, 4)]
    program = Program(steps, 5)
    assert program.segments == [(0, 1), (1, None), (2, 4)] and not program.native and program.steps == steps
    arrays = [np.arange(4, dtype=F32), *np.zeros((4, 4), F32)]
    frame_of(program, *arrays, threads=threads).execute(Team(threads))
    np.testing.assert_array_equal(arrays[4], [0, 12, 40, 84])  # 2 ((2x)^2 + 2x)


def test_a_program_of_kernels_alone_is_native():
    assert Program([add(0, 0, 1)], 2).native
    program = Program([], 0)
    assert program.native and program.segments == [] and program.scratch == 0
    frame_of(program).execute(Team(2))


@pytest.mark.parametrize("threads", TEAMS)
def test_a_failure_names_its_step_and_ends_the_run(threads):
    x, index, y, z = np.ones(4, F32), np.array([0, 1, 9, 2]), np.zeros(4, F32), np.zeros(4, F32)
    frame = frame_of(Program([add(0, 0, 2), pick(1, 0, 2), add(0, 0, 3)], 4), x, index, y, z, threads=threads)
    with pytest.raises(StepError, match=r"step 1 \(Gather\): an index is out of range") as raised:
        frame.execute(Team(threads))
    assert (raised.value.index, raised.value.code) == (1, 1)
    assert isinstance(raised.value, RuntimeError)
    np.testing.assert_array_equal(z, 0)
    index[2] = 3
    frame.execute(Team(threads))  # the frame can be used again
    np.testing.assert_array_equal(z, 2)


def test_a_failure_behind_a_step_of_python_counts_all_steps():
    arrays = np.ones(4, F32), np.array([7] * 4), *np.zeros((2, 4), F32)
    program = Program([python(lambda x: [x], [0], [2]), add(0, 0, 2), pick(1, 0, 3)], 4)
    with pytest.raises(StepError, match="step 2 "):
        frame_of(program, *arrays).execute(Team(1))


def test_what_a_step_of_python_raises_names_the_step():
    def fail(x):
        raise KeyError("mine")

    arrays = np.zeros((3, 4), F32)
    with pytest.raises(StepError, match=r"step 0 \(Python\): KeyError: 'mine'") as caught:
        run_steps([python(fail, [0], [1]), add(0, 0, 2)], list(arrays))
    assert isinstance(caught.value.__cause__, KeyError) and caught.value.index == 0


def test_what_is_no_failure_of_a_step_comes_out_as_it_is():
    def stop(x):
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        run_steps([python(stop, [0], [1])], list(np.zeros((2, 4), F32)))


@pytest.mark.parametrize("threads", [1, 2])
def test_failures_name_the_origin_of_a_step_and_integers(threads):
    x, index, y = np.zeros(4, F32), np.array([0, 9, -1, 2]), np.zeros(4, F32)
    frame = frame_of(Program([pick(1, 0, 2)], 3, origins=["Gather 'words'"]), x, index, y, threads=threads)
    with pytest.raises(StepError, match=r"^Gather 'words': an index .*; it was given i64\[4\] from -1 to 9$"):
        frame.execute(Team(threads))


def test_a_step_of_python_gives_what_was_planned():
    arrays = list(np.zeros((2, 4), F32))
    with pytest.raises(RuntimeError, match=r"\(Odd\): it gave shape \(3,\) where \(4,\) was planned"):
        run_steps([python(lambda x: [x[:3]], [0], [1], "Odd")], arrays)
    with pytest.raises(StepError, match="zip"):
        run_steps([python(lambda x: [], [0], [1])], arrays)


def test_slots_are_bound_one_by_one():
    frame = Frame(Program([add(0, 0, 1)], 2))
    for slot in (-1, 2):
        with pytest.raises(IndexError, match=f"slot {slot} of 2"):
            frame.bind(slot, np.zeros(4, F32))
    with pytest.raises(TypeError):
        frame.bind(0, [1.0, 2.0])
    first, second, y = np.full(4, 1, F32), np.full(4, 5, F32), np.zeros(4, F32)
    frame.bind(1, y)
    for x in (first, second):
        frame.bind(0, x)
        frame.execute(Team(1))
        np.testing.assert_array_equal(y, 2 * x)


def test_constants_and_the_arena():
    constant = np.arange(4, dtype=F32)
    program = Program([add(0, 1, 2), add(2, 2, 3)], 4, {1: constant}, {2: 64}, 128)
    assert (program.slots, program.arena_bytes) == (4, 128)
    x, y = np.ones(4, F32), np.zeros(4, F32)
    frames = [frame_of(program, x) for _ in range(2)]
    frames[0].bind(3, y)
    frames[0].execute(Team(1))
    np.testing.assert_array_equal(y, 2 * (1 + constant))
    np.testing.assert_array_equal(frames[0].array(vector(2)), 1 + constant)
    inner = [frame.array(vector(2)).__array_interface__["data"][0] for frame in frames]
    assert inner[0] != inner[1] and all(address % 64 == 0 for address in inner)


def test_a_frame_keeps_its_program_and_that_its_constants():
    class Array(np.ndarray):
        pass

    constant = np.ones(4, F32).view(Array)
    watch = weakref.ref(constant)
    frame = Frame(Program([add(0, 1, 2)], 3, {1: constant}))
    del constant
    gc.collect()
    assert watch() is not None and frame.program.slots == 3
    del frame
    gc.collect()
    assert watch() is None


def test_a_view_of_a_slot():
    memory = np.arange(12, dtype=F32).reshape(3, 4)
    frame = frame_of(Program([], 1), memory)
    np.testing.assert_array_equal(frame.array(view_of(0, memory.T)), memory.T)
    np.testing.assert_array_equal(frame.array(view_of(0, memory[::-1, 1::2], memory)), memory[::-1, 1::2])
    frame.array(View(0, F32, (4,), offset=16))[:] = 0
    np.testing.assert_array_equal(memory[1], 0)


@pytest.mark.parametrize("threads", TEAMS)
def test_each_member_has_scratch_memory(level, threads):
    """A strided operand is gathered into scratch memory: members that shared it would mix their tiles up."""
    x = normal(300, 2 * 70)[:, ::2]
    y = np.zeros((300, 70), F32)
    step = family("elementwise").Map([("exp", 0), ("mul", 1, 0)], [view_of(0, x)], view_of(1, y))
    program = Program([step], 2)
    assert program.scratch >= step.scratch > 0 and program.scratch % 64 == 0
    frame_of(program, x, y, threads=threads).execute(Team(threads))
    again = np.zeros_like(y)
    run_steps([step], [x, again], 1)
    np.testing.assert_array_equal(y, again)


def test_times_of_steps():
    program = Program([add(0, 0, 1), python(lambda x: [x], [1], [2]), add(2, 2, 3)], 4)
    frame = frame_of(program, *np.ones((4, 4), F32))
    assert frame.step_spans() == []
    frame.profile(True)
    assert frame.step_spans() == [[], [], []]
    frame.execute(Team(1))
    spans = frame.step_spans()
    assert {thread for ((thread, _, _),) in spans} == {threading.get_ident()}
    assert all(begin <= end for ((_, begin, end),) in spans) and spans[1][0][2] <= spans[2][0][1]
    frame.profile(False)
    assert frame.step_spans() == []


def test_a_run_without_cancellation_is_not_stopped():
    check_stopped()
    seen = []
    run_steps([python(lambda x: [seen.append(check_stopped()) or x], [0], [1])], list(np.zeros((2, 4), F32)))
    assert seen == [None]


@pytest.mark.parametrize("threads", TEAMS)
def test_loops_carry_states_and_walk_through_arrays(threads):
    """total[i + 1] = total[i] + data[i], each total kept."""
    data, sums, start = np.arange(20, dtype=F32).reshape(5, 4), np.zeros((5, 4), F32), np.full(4, 10, F32)
    frame = frame_of(Program([add(0, 1, 2)], 3), start, threads=threads)
    turns = [(1, data, 16, 5), (2, sums, 16, 5)]
    assert frame.run_loop(Team(threads), 5, turns, [(0, 2)]) == 5
    np.testing.assert_array_equal(sums, 10 + np.cumsum(data, 0))
    assert frame.run_loop(Team(threads), 0, turns, [(0, 2)]) == 0


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_loops_end_by_their_condition(dtype):
    """goes_on = number < 3, beside two results that are written in turn."""
    number, limit, goes_on = np.zeros(1, dtype), np.full(1, 3, dtype), np.zeros(1, np.bool_)
    views = [View(slot, dtype, (1,)) for slot in (0, 1)]
    step = family("elementwise").Map([("less", 0, 1)], views, View(2, np.bool_, (1,)))
    frame = frame_of(Program([step], 3), number, limit, goes_on)
    assert frame.run_loop(Team(1), None, [], [], condition=2, counter=number) == 4
    assert number[0] == 3 and not goes_on[0]
    assert frame.run_loop(Team(1), 2, [], [], condition=2, counter=number) == 2


def test_a_loop_ends_at_a_failure():
    indices = np.array([[0] * 4, [1] * 4, [9] * 4])
    frame = frame_of(Program([pick(1, 0, 2)], 3), np.ones(4, F32), indices, np.zeros(4, F32))
    with pytest.raises(StepError, match="an index is out of range"):
        frame.run_loop(Team(1), 3, [(1, indices, 32, 3)], [])


def test_a_team_counts_its_caller():
    assert Team(1).size == 1 and Team(8).size == 8


def test_threads_may_share_a_team():
    """A team that is busy lets the next caller run alone: all get their results."""
    team, x = Team(3), normal(200, 300)
    expected = np.exp(x.astype(np.float64))
    results = [np.zeros_like(x) for _ in range(6)]
    step = family("elementwise").Map([("exp", 0)], [view_of(0, x)], view_of(1, x))

    def run(y):
        frame = frame_of(Program([step], 2), x, y, threads=3)
        for _ in range(10):
            frame.execute(team)

    workers = [threading.Thread(target=run, args=[y]) for y in results]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for y in results:
        np.testing.assert_array_equal(y, results[0])
    np.testing.assert_allclose(results[0], expected, rtol=3e-7)
