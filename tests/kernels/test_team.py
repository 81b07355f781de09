"""Teams: results are those of one thread, whoever carries out a part and whatever else runs on the machine."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from ovlite.kernels import family
from ovlite.kernels.runtime.executor import Frame, Program, PythonStep, Team
from ovlite.kernels.runtime.failures import StepError
from ovlite.kernels.runtime.step import View

WIDE = 40_000  # elements for many members
NARROW = 7  # elements for one
PROCESSORS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
linux = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs sched_getaffinity")


@pytest.fixture(params=[1, 2, 3, 5, 8])
def members(request):
    """Of a team; more than there are processors among them."""
    return request.param


@contextlib.contextmanager
def busy_processes(count):
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def add(slot, size, amount):
    """A step that adds to an array in place: done twice, or not at all, it shows."""
    view = View(slot, np.float32, (size,))
    return family("elementwise").Map([("add", 0, float(amount))], [view], view)


def counting(rounds):
    """Steps on two arrays: wide ones, alone and behind each other, and narrow ones, alone and in a row."""
    steps = []
    for i in range(rounds):
        steps += [add(0, WIDE, 1)] * (1 + i % 3) + [add(1, NARROW, 1)] * (i % 4)
    return steps


def totals(rounds):
    return sum(1 + i % 3 for i in range(rounds)), sum(i % 4 for i in range(rounds))


class Counter:
    """A program that counts in its arrays, and a frame of it for a team."""

    def __init__(self, rounds, members):
        self.expected = totals(rounds)
        self.arrays = np.zeros(WIDE, np.float32), np.zeros(NARROW, np.float32)
        self.frame = Frame(Program(counting(rounds), 2), members)
        for slot, array in enumerate(self.arrays):
            self.frame.bind(slot, array)

    def check(self, team):
        for array in self.arrays:
            array[:] = 0
        self.frame.execute(team)
        for array, expected in zip(self.arrays, self.expected, strict=True):
            np.testing.assert_array_equal(array, expected)


def helpers(before):
    """The threads of this process that were not there before."""
    return sorted(set(map(int, os.listdir("/proc/self/task"))) - set(before))


def threads():
    return list(map(int, os.listdir("/proc/self/task")))


def wait_until(condition, seconds=20):
    """Whether the condition comes true."""
    event = threading.Event()
    for _ in range(seconds * 100):
        if condition():
            return True
        event.wait(0.01)
    return False


@pytest.mark.parametrize("rounds", [0, 1, 2, 40])
def test_each_part_is_done_once(members, rounds):
    team, counter = Team(members), Counter(rounds, members)
    for _ in range(20):
        counter.check(team)


def test_pauses_between_jobs(members):
    """Helpers find the next job while they look for one, fall asleep, and are woken."""
    team, counter, pause = Team(members), Counter(9, members), threading.Event()
    for i in range(60):
        counter.check(team)
        pause.wait((0, 0.0001, 0.001, 0.01)[i % 4])


def test_jobs_of_all_widths_on_one_team():
    team = Team(8)
    counters = [Counter(10, members) for members in (2, 8, 1, 3, 5)]
    for i in range(200):
        counters[i * 7 % 5].check(team)


@pytest.mark.parametrize("count", [1, 4])
def test_beside_busy_processes(members, count):
    team, counter = Team(members), Counter(100, members)
    with busy_processes(count):
        for _ in range(40):
            counter.check(team)


@linux
def test_everything_on_one_processor(members):
    """No helper can leave the caller's processor."""
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {PROCESSORS[0]})
        team, counter = Team(members), Counter(50, members)
        for _ in range(20):
            counter.check(team)
        assert os.sched_getaffinity(0) == {PROCESSORS[0]}
    finally:
        os.sched_setaffinity(0, before)


@linux
@pytest.mark.skipif(len(PROCESSORS) < 2, reason="needs two processors")
def test_threads_that_are_moved_while_they_work():
    earlier = threads()
    team, counter = Team(2), Counter(200, 2)
    counter.check(team)
    before = os.sched_getaffinity(0)
    ended = threading.Event()

    def move():
        turn = 0
        while not ended.wait(0.002):
            turn += 1
            for thread in helpers(earlier):
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(thread, {PROCESSORS[turn % 2]} if turn % 3 else before)

    mover = threading.Thread(target=move)
    mover.start()
    try:
        with busy_processes(1):
            for i in range(60):
                os.sched_setaffinity(0, {PROCESSORS[i // 4 % 2]})
                counter.check(team)
    finally:
        ended.set()
        mover.join()
        os.sched_setaffinity(0, before)
    counter.check(team)


@linux
def test_affinity_stays_within_what_is_allowed(members):
    earlier, before = threads(), os.sched_getaffinity(0)
    team, counter = Team(members), Counter(50, members)
    with busy_processes(2):
        for _ in range(20):
            counter.check(team)
            for thread in helpers(earlier):
                assert os.sched_getaffinity(thread) <= before
    assert os.sched_getaffinity(0) == before


@linux
def test_pinned_threads_have_processors_of_their_own():
    earlier, before = threads(), os.sched_getaffinity(0)
    count = len(PROCESSORS)
    team, counter = Team(count, 0), Counter(50, count)
    for _ in range(5):
        counter.check(team)
        assert os.sched_getaffinity(0) == before
    found = helpers(earlier)
    assert len(found) == count - 1
    assert wait_until(lambda: all(len(os.sched_getaffinity(thread)) == 1 for thread in found))
    places = [os.sched_getaffinity(thread) for thread in found]
    assert set().union(*places) == set(PROCESSORS[1:])


@linux
@pytest.mark.parametrize("members", [1, 2])
def test_a_pinned_caller_is_so_while_it_runs(members):
    """Number 1 of the processors, counted round and round."""
    counter, seen = Counter(4000, members), set()
    caller, before, ended = threading.get_native_id(), os.sched_getaffinity(0), threading.Event()

    def look():
        while not ended.is_set():
            seen.add(frozenset(os.sched_getaffinity(caller)))

    looker = threading.Thread(target=look)
    looker.start()
    team = Team(members, 1)
    try:
        for _ in range(40):
            counter.check(team)
            if len(seen) > (len(before) > 1):
                break
    finally:
        ended.set()
        looker.join()
    assert seen == {frozenset(before), frozenset({PROCESSORS[1 % len(PROCESSORS)]})}
    assert os.sched_getaffinity(0) == before


def test_one_team_and_many_callers():
    team = Team(3)
    failures = []

    def work():
        counter = Counter(30, 3)
        try:
            for _ in range(50):
                counter.check(team)
        except BaseException as error:
            failures.append(error)

    callers = [threading.Thread(target=work) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not failures


def test_steps_in_python_between_those_of_the_team(members):
    def doubled(arrays, team):
        assert team.size == members
        return [arrays[0] * 2]

    view = View(0, np.float32, (WIDE,))
    steps = [add(0, WIDE, 1), PythonStep("double", doubled, [view], [view]), add(0, WIDE, 1), add(0, WIDE, 1)]
    frame, array = Frame(Program(steps, 1), members), np.ones(WIDE, np.float32)
    frame.bind(0, array)
    frame.execute(Team(members))
    np.testing.assert_array_equal(array, 6)


def test_a_step_that_fails(members):
    """The steps behind it do nothing, and the team does the next job."""
    size = 2000
    views = [View(1, np.float32, (10, 64)), View(2, np.int64, (size,)), View(3, np.float32, (size, 64))]
    steps = [add(0, WIDE, 1), family("gather").Gather(*views, axis=0), add(0, WIDE, 1)]
    team, frame = Team(members), Frame(Program(steps, 4), members)
    array, indices = np.zeros(WIDE, np.float32), np.zeros(size, np.int64)
    arrays = array, np.ones((10, 64), np.float32), indices, np.empty((size, 64), np.float32)
    for slot, bound in enumerate(arrays):
        frame.bind(slot, bound)
    for wrong in (0, size - 1):
        array[:], indices[:] = 0, 0
        indices[wrong] = 10
        with pytest.raises(StepError, match="out of range") as caught:
            frame.execute(team)
        assert caught.value.index == 1
        np.testing.assert_array_equal(array, 1)
    indices[:] = 9
    frame.execute(team)
    np.testing.assert_array_equal(array, 3)


def test_parts_of_steps_tell_their_threads(members):
    """Each step has a part at least, parts lie within the run, and those of a thread one after the other."""
    counter = Counter(30, members)
    counter.frame.profile(True)
    for _ in range(2):  # nothing of the first run is left in the second
        before = time.monotonic_ns()
        counter.check(Team(members))
        after = time.monotonic_ns()
        spans = counter.frame.step_spans()
        assert len(spans) == sum(counter.expected) and all(1 <= len(parts) <= members for parts in spans)
        threads = {thread for parts in spans for thread, _, _ in parts}
        assert len(threads) <= members
        for thread in threads:
            mine = sorted((begin, end) for parts in spans for by, begin, end in parts if by == thread)
            assert before <= mine[0][0] and mine[-1][1] <= after
            assert all(begin <= end <= following for (begin, end), (following, _) in itertools.pairwise(mine))
    counter.frame.profile(False)
    assert counter.frame.step_spans() == []


@linux
def test_threads_end_with_their_team():
    earlier = threads()
    for i in range(20):
        team, counter = Team(4), Counter(5, 4)
        counter.check(team)
        assert len(helpers(earlier)) == 3
        threading.Event().wait(0.001 * (i % 3))
        del team
        assert wait_until(lambda: not helpers(earlier))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_children_of_a_fork(members):
    team, counter = Team(members), Counter(20, members)
    counter.check(team)
    for _ in range(3):
        child = os.fork()
        if not child:
            try:
                for _ in range(5):
                    counter.check(team)
                os._exit(0)
            finally:
                os._exit(1)
        counter.check(team)
        assert os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not hasattr(signal, "setitimer") or not hasattr(os, "fork"), reason="needs timers and fork")
def test_a_fork_within_a_run():
    """A handler of a signal forks: the parent's run goes on, that of the child, which has no helpers, is ended."""
    team, counter = Team(2), Counter(60000, 2)  # long enough for signals to be looked at
    children = []

    def fork(*_):
        children.append(os.fork())

    def run_and_fork():
        """The child's exit code; 3 when the signal came between two runs."""
        children.clear()
        while not children:
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            try:
                counter.check(team)
            except StepError as error:
                small = Counter(20, 2)
                small.check(team)
                os._exit(0 if children == [0] and "cancelled" in str(error) else 2)
        if children == [0]:
            os._exit(3)
        return os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1])

    before = signal.signal(signal.SIGALRM, fork)
    try:
        codes = [run_and_fork()]
        while codes[-1] == 3 and len(codes) < 50:
            codes.append(run_and_fork())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert codes[-1] == 0
    counter.check(team)
