"""A model of jobs, streams and pools, with every order of steps that their threads can take.

It restates the transitions of jobs.h, stream.h and job_pool.h (one step is what is done under the lock at a
time) and the rule of waiting.h by which a thread finds that it waits in vain. In all states that are reached,
a thread can go on or all are done, a thread is told that it waits in vain only when it does, and no request
is lost. The same of the code itself: tests/api/test_queue_stress.py.
"""

import itertools
import random
from typing import NamedTuple

import pytest

FREE, HELD, QUEUED, RUNNING = "free", "held", "queued", "running"
HAS, LENT, KEPT = "has", "lent", "kept"


class Job(NamedTuple):
    state: str = FREE
    holder: int | None = None
    taken: str = HAS
    keeper: int | None = None
    submitted: int = 0
    done: int = 0
    reporting: int = 0
    callback: tuple | None = None  # what the report does; None for runs without one


class Thread(NamedTuple):
    """frames, innermost last: ("code", operations), ("run", job, number), ("report", job, number), ("held", job) or
    ("loan", job). asleep: None, or what it waits for: (kind, job or pool, number of the run)."""

    is_stream: bool
    frames: tuple
    asleep: tuple | None = None


class State(NamedTuple):
    jobs: tuple
    threads: tuple
    queue: tuple = ()
    idle: tuple = ()  # of each pool


class Board:
    """A state that is being changed. pools: the jobs of each pool. There is one group of streams."""

    def __init__(self, pools, state):
        self.pools = pools
        self.jobs, self.threads = list(state.jobs), list(state.threads)
        self.queue, self.idle = list(state.queue), [list(jobs) for jobs in state.idle]

    def state(self):
        return State(tuple(self.jobs), tuple(self.threads), tuple(self.queue), tuple(map(tuple, self.idle)))

    def set_job(self, job, **values):
        self.jobs[job] = self.jobs[job]._replace(**values)

    def pool_of(self, job):
        return next((pool for pool, jobs in enumerate(self.pools) if job in jobs), None)

    # Frames of a thread.

    def push(self, thread, *frames):
        me = self.threads[thread]
        frames = [frame for frame in frames if frame != ("code", ())]
        self.threads[thread] = me._replace(frames=(*me.frames, *frames), asleep=None)

    def pop(self, thread):
        """Leaves the innermost frame."""
        me = self.threads[thread]
        self.threads[thread] = me._replace(frames=me.frames[:-1], asleep=None)

    def code(self, thread, operations):
        """Goes on with these operations."""
        self.pop(thread)
        self.push(thread, ("code", operations))

    def reports(self, thread):
        return [frame[1:] for frame in self.threads[thread].frames if frame[0] in ("run", "report")]

    # Transitions: the names are those of the C code.

    def job_submit(self, job, thread, callback):
        mine = self.jobs[job]
        keeper = None if mine.taken == LENT and mine.keeper == thread else mine.keeper
        number = mine.submitted + 1
        self.set_job(job, state=QUEUED, holder=None, keeper=keeper, submitted=number, callback=callback)
        self.queue.append(job)

    def job_start(self, job, thread):
        self.queue.remove(job)
        self.set_job(job, state=RUNNING)
        self.push(thread, ("run", job, self.jobs[job].submitted))

    def job_finish(self, job, run):
        mine = self.jobs[job]
        self.set_job(job, done=max(run, mine.done))
        if mine.taken == LENT and mine.keeper is None and not mine.reporting and mine.state in (FREE, HELD):
            self.set_job(job, taken=HAS)
            self.idle[self.pool_of(job)].append(job)

    def pool_take(self, pool, thread, taken):
        job = self.idle[pool].pop(0)
        self.set_job(job, taken=taken, keeper=thread)
        return job

    def pool_return(self, job):
        self.set_job(job, taken=LENT, keeper=None)
        self.job_finish(job, self.jobs[job].done)

    def leave(self, thread):
        """The end of a frame that is no code."""
        kind, job, *number = self.threads[thread].frames[-1]
        self.pop(thread)
        if kind == "run":
            self.set_job(job, state=FREE)
            callback = self.jobs[job].callback
            if callback is not None:
                self.set_job(job, reporting=self.jobs[job].reporting + 1)
                self.push(thread, ("report", job, *number), ("code", callback))
                return
        elif kind == "report":
            self.set_job(job, reporting=self.jobs[job].reporting - 1)
        if kind == "held":
            self.set_job(job, state=FREE, holder=None)
        elif kind == "loan":
            self.pool_return(job)
        else:
            self.job_finish(job, *number)

    # Waiting.

    def may_start(self, thread, job):
        mine = self.jobs[job]
        return mine.state == QUEUED and (mine.callback is None or self.threads[thread].is_stream)

    def awaited(self, thread):
        """What the thread's next operation waits for, None when that is there."""
        me = self.threads[thread]
        if me.asleep:
            kind, what, run = me.asleep
        else:
            kind, what = me.frames[-1][1][0][:2]
            run = self.jobs[what].submitted if kind == "wait" else None
            if kind == "wait" and self.jobs[what].state in (FREE, HELD) and (what, run) in self.reports(thread):
                return None
        there = {
            "start": lambda: self.idle[what],
            "all": lambda: len(self.idle[what]) == len(self.pools[what]),
            "end": lambda: not any(self.outlasts(thread, job) for job in self.pools[what]),
            "wait": lambda: self.jobs[what].done >= run,
            "infer": lambda: self.jobs[what].state != HELD or self.jobs[what].holder == thread,
        }[kind]()
        return None if there else (kind, what, run)

    def outlasts(self, thread, job):
        return self.jobs[job].taken == LENT and not any(job == mine for mine, _ in self.reports(thread))

    def is_waited_for(self, thread):
        return bool(self.reports(thread)) or any(thread in (job.keeper, job.holder) for job in self.jobs)

    def startable(self, thread, awaited):
        """The queued job that the thread carries out instead of waiting."""
        kind, what, _ = awaited
        if kind == "infer" or (kind == "end" and not self.threads[thread].is_stream):
            return None
        wanted = [what] if kind == "wait" else self.pools[what]
        running = any(frame[0] in ("run", "report") for other in self.threads for frame in other.frames)
        if kind == "start" and running and not self.is_waited_for(thread):
            return None
        return next((job for job in self.queue if job in wanted and self.may_start(thread, job)), None)

    def is_deadlocked(self, mine):
        waiting = {thread: me.asleep for thread, me in enumerate(self.threads) if me.asleep}
        living = set(range(len(self.threads))) - waiting.keys()

        def blocked(job, run=None):
            return any(
                other == job and run in (None, number)
                for thread in waiting.keys() - living
                for other, number in self.reports(thread)
            )

        def begins(thread, job):
            carries = waiting[thread][0] != "end" or self.threads[thread].is_stream
            streams = any(self.threads[other].is_stream for other in living)
            return streams or (carries and self.may_start(thread, job))

        def rests(thread, job):
            mine = self.jobs[job]
            return (
                not blocked(job)
                and (mine.state != QUEUED or begins(thread, job))
                and (mine.state != HELD or mine.holder in living)
                and (mine.keeper is None or mine.keeper in living)
            )

        def ends(thread, job, run):
            last = self.jobs[job].submitted
            return self.jobs[job].done >= run or any(
                begins(thread, job) if number == last and self.jobs[job].state == QUEUED else not blocked(job, number)
                for number in range(run, last + 1)
            )

        def goes_on(thread):
            kind, what, run = waiting[thread]
            if kind == "infer":
                return self.jobs[what].state != HELD or self.jobs[what].holder in living
            if kind == "wait":
                return ends(thread, what, run)
            jobs = [job for job in self.pools[what] if kind != "end" or self.outlasts(thread, job)]
            found = (self.jobs[job].taken == HAS or rests(thread, job) for job in jobs)
            return any(found) if kind == "start" else all(found)

        while more := {thread for thread in waiting.keys() - living if goes_on(thread)}:
            living |= more
        return mine not in living

    # What threads do.

    def moves(self, thread):
        """(name, change) of each step that the thread can take; change(board) carries it out."""
        me = self.threads[thread]
        if not me.frames:
            return [("start", lambda b: b.job_start(b.queue[0], thread))] if me.is_stream and self.queue else []
        if me.frames[-1][0] != "code":
            return [("leave", lambda b: b.leave(thread))]
        (kind, what, *more), rest = me.frames[-1][1][0], me.frames[-1][1][1:]
        fail = ("fail", lambda b: b.code(thread, ()))

        def submit(b):
            b.job_submit(what, thread, *more)
            b.code(thread, rest)

        def refuse(b):
            b.pool_return(what)
            b.code(thread, ())

        def lend(b):
            job = b.pool_take(what, thread, KEPT)
            b.code(thread, rest)
            b.push(thread, ("loan", job), ("code", *more))

        free = kind in ("submit", "run") and self.jobs[what].state == FREE
        if kind == "submit":
            return [("submit", submit)] * free + [("refuse", refuse)]
        if kind == "run":
            again = free and self.jobs[what].submitted > self.jobs[what].done
            return [("submit again" if again else "submit", submit) if free else fail]
        if kind == "lend":
            return [("lend", lend) if self.idle[what] else ("skip", lambda b: b.code(thread, rest))]
        return self.waits(thread)

    def waits(self, thread):
        """moves() of a thread whose next operation may wait."""
        me = self.threads[thread]
        (kind, what, *more), rest = me.frames[-1][1][0], me.frames[-1][1][1:]
        awaited = self.awaited(thread)
        if awaited is None:
            return [("go on", lambda b: b.answer(thread, kind, what, more, rest))]
        if (job := self.startable(thread, awaited)) is not None:
            return [("carry out", lambda b: b.job_start(job, thread))]
        asleep = Board(self.pools, self.state())
        asleep.threads[thread] = me._replace(asleep=awaited)
        if (me.asleep or self.reports(thread)) and self.is_waited_for(thread) and asleep.is_deadlocked(thread):
            return [("in vain", lambda b: b.code(thread, rest if kind == "end" else ()))]
        if me.asleep:
            return [] if me.is_stream else [("interrupt", lambda b: b.code(thread, ()))]
        return [("sleep", lambda b: b.threads.__setitem__(thread, asleep.threads[thread]))]

    def answer(self, thread, kind, what, more, rest):
        """What a call does that need not wait any more."""
        if kind == "start":
            job = self.pool_take(what, thread, LENT)
            self.code(thread, (("submit", job, *more), *rest))
        elif kind == "infer":
            self.code(thread, rest if self.jobs[what].state == FREE else ())
            if self.jobs[what].state == FREE:
                self.set_job(what, state=HELD, holder=thread)
                self.push(thread, ("held", what), ("code", *more))
        else:
            self.code(thread, rest)


def after(pools, state, without=()):
    """(thread, name of the step, next state) of each step of some thread, `without` those of these names."""
    for thread in range(len(state.threads)):
        for name, change in Board(pools, state).moves(thread):
            if name not in without:
                board = Board(pools, state)
                change(board)
                yield thread, name, board.state()


def first_state(pools, jobs, streams, programs):
    """programs: the operations of each thread that is no stream's."""
    threads = [Thread(True, ())] * streams + [Thread(False, (("code", code),) if code else ()) for code in programs]
    return State((Job(),) * jobs, tuple(threads), (), tuple(map(tuple, pools)))


def check(pools, jobs, streams, programs):
    """Looks at every state that can be reached; returns how many, and how many times a thread waits in vain."""
    begin = first_state(pools, jobs, streams, programs)
    seen, todo, vain = {begin}, [begin], []
    while todo:
        state = todo.pop()
        check_lists(pools, state)
        following = list(after(pools, state))
        vain += [(state, thread) for thread, name, _ in following if name == "in vain"]
        if all(name == "interrupt" for _, name, _ in following):
            check_end(pools, state, programs)
        for _, _, other in following:
            if other not in seen:
                seen.add(other)
                todo.append(other)
    for state, thread in vain:
        assert not goes_on_without(pools, state, thread), (programs, state)
    return len(seen), len(vain)


def check_lists(pools, state):
    queued = [job for job, mine in enumerate(state.jobs) if mine.state == QUEUED]
    assert sorted(state.queue) == queued
    for jobs, idle in zip(pools, state.idle, strict=True):
        assert sorted(idle) == [job for job in jobs if state.jobs[job].taken == HAS]


def check_end(pools, state, programs):
    """Nobody can take a step: all are done, and all requests idle."""
    assert not any(me.frames for me in state.threads), (programs, state)
    assert all(job.state == FREE and job.done == job.submitted and not job.reporting for job in state.jobs)
    assert [sorted(idle) for idle in state.idle] == [sorted(jobs) for jobs in pools], (programs, state)


def goes_on_without(pools, state, thread):
    """Whether the thread's call could still come to its end if nobody were told, or interrupted. That a later run
    of a request may stand in for one whose report does not end is left out."""
    call = state.threads[thread].frames
    seen, todo = {state}, [state]
    while todo:
        here = todo.pop()
        for moved, name, other in after(pools, here, without=("in vain", "interrupt", "submit again")):
            if moved == thread and name == "go on" and here.threads[thread].frames == call:
                return True
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return False


# Two pools, of requests 0 and 1, and of request 2; request 3 is in none.
POOLS = ((0, 1), (2,))
CALLBACKS = [
    None,
    (),
    (("start", 0, ()),),
    (("start", 1, None),),
    (("all", 0),),
    (("end", 1),),
    (("wait", 0),),
    (("wait", 3),),
    (("run", 3, ()), ("wait", 3)),
    (("run", 0, None),),
    (("infer", 3, ()),),
    (("lend", 0, (("all", 1),)),),
]
OPERATIONS = [
    *(("start", pool, callback) for pool in (0, 1) for callback in CALLBACKS),
    *(("run", 3, callback) for callback in CALLBACKS),
    *(("infer", 3, (operation,)) for operation in (("all", 0), ("start", 1, ()), ("wait", 2))),
    *(("lend", pool, (operation,)) for pool in (0, 1) for operation in (("run", 2 * pool, ()), ("all", pool))),
    ("all", 0),
    ("all", 1),
    ("wait", 0),
    ("wait", 3),
    ("end", 0),
]


def drawn(seed, *lengths):
    """Operations for threads, so many for each."""
    chance = random.Random(seed)
    return [tuple(chance.choice(OPERATIONS) for _ in range(length)) for length in lengths]


def test_all_pairs_of_operations():
    for first, second in itertools.combinations_with_replacement(OPERATIONS, 2):
        for streams in (1, 2):
            check(POOLS, 4, streams, [(first,), (second,)])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("streams", [1, 2])
def test_programs_at_random(seed, streams):
    for part in range(8):
        check(POOLS, 4, streams, drawn(f"{seed} {part}", 2, 1))


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("streams", [1, 2])
def test_many_programs_at_random(seed, streams):
    for part in range(50):
        check(POOLS, 4, streams, drawn(f"sweep {seed} {part}", 2, 1))
    check(POOLS, 4, streams, drawn(f"long {seed}", 2, 2))


ONE_MORE = (("start", 0, ()),)


@pytest.mark.parametrize(
    ("streams", "requests", "programs", "told"),
    [
        (1, 1, [(("start", 0, ONE_MORE),)], True),  # its own request is the only one
        (1, 2, [(("start", 0, ONE_MORE), ("start", 0, ()))], False),
        (1, 3, [(("start", 0, ONE_MORE), ("start", 0, ()), ("start", 0, ()))], False),  # they wait for its thread
        (1, 2, [(("start", 0, ONE_MORE), ("start", 0, ONE_MORE))], True),
        (2, 2, [(("start", 0, ONE_MORE), ("start", 0, ONE_MORE))], True),  # one, whichever comes last
        (1, 1, [(("start", 0, ()), ("start", 0, ()))], False),  # with an interrupt at any time
        (1, 1, [(("start", 0, (("all", 0),)), ("all", 0))], True),
        (1, 1, [(("lend", 0, (("all", 0),)),)], True),  # a coroutine blocks its loop
    ],
)
def test_callbacks_that_start_runs(streams, requests, programs, told):
    _, vain = check((tuple(range(requests)),), requests, streams, programs)
    assert bool(vain) == told


def test_the_model_finds_what_the_rules_prevent(monkeypatch):
    """Without either rule of waiting.h some thread waits for ever."""
    monkeypatch.setattr(Board, "is_deadlocked", lambda board, thread: False)
    with pytest.raises(AssertionError):
        check(((0,),), 1, 1, [(("start", 0, ONE_MORE),)])
    monkeypatch.setattr(Board, "is_deadlocked", lambda board, thread: True)
    with pytest.raises(AssertionError):
        check(((0, 1),), 2, 2, [(("start", 0, ONE_MORE), ("start", 0, ()), ("start", 0, ()))])
    monkeypatch.setattr(Board, "startable", lambda board, thread, awaited: None)
    monkeypatch.setattr(Board, "is_deadlocked", lambda board, thread: False)
    with pytest.raises(AssertionError):
        check(((0, 1, 2),), 3, 1, [(("start", 0, ONE_MORE), ("start", 0, ()), ("start", 0, ()))])
