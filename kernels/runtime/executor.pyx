"""Runs the steps of a plan, a Program, on the buffers of a request, a Frame.

Frame.run releases the GIL once and the team walks the steps together; steps in Python split that walk in segments.
"""

import os
import threading

from cpython.exc cimport PyErr_CheckSignals
from libc.limits cimport LLONG_MAX
from libc.stdlib cimport free
from libc.string cimport memcpy, memmove, memset

import numpy as np

cimport numpy as cnp
from ovlite.kernels.runtime.block cimport zeros
from ovlite.kernels.runtime.step cimport (
    CANCELLED, MAX_RANK, OK, CancelToken, Member, View, address, is_cancelled, share)

cnp.import_array()

from ovlite.kernels.runtime.failures import FAILURES, StepError, integers, reason
from ovlite.kernels.runtime.step import STATUS_REASONS

cdef extern from "outcome.h" nogil:
    int outcome_status(const int* status)
    void outcome_fail(int* status, int* failed, int code, int task)

cdef extern from "team.h" nogil:
    CTeam* team_new(int size, int pinned)
    void team_free(CTeam* team)
    ctypedef struct TeamJob:
        void (*part)(void* data, int phase, int part, int count, bint leads) noexcept
        void (*alone)(void* data) noexcept
        void* data
        int phases
        CancelToken* token
    bint team_do(CTeam* team, int count, const TeamJob* job)

cdef extern from "cancellation.h" nogil:
    long long nanoseconds()

cdef extern from "denormals.h" nogil:
    ctypedef unsigned long FloatMode
    FloatMode float_mode()
    FloatMode denormals_set(bint flush)
    void denormals_restore(FloatMode before)

cdef extern from "pythread.h" nogil:
    unsigned long PyThread_get_thread_ident()

cdef extern from *:
    "static _Thread_local void *thread_cancellation;"
    void* thread_cancellation     # the Cancellation of the run that this thread carries out, or NULL


cdef long long PERIOD = 80_000_000       # nanoseconds between two looks at pending signals
cdef dim_t PAGE_BYTES = 4096
cdef dim_t SHARED_COPY_BYTES = 1 << 19   # from here on several threads copy faster than one
cdef int PIECE_WIDTH = 1024              # of a task, some milliseconds, between two questions
cdef int QUICK_TASKS = 64                # narrow tasks between two questions whether the run is to end
cdef unsigned long main_thread


def _note_main_thread():
    global main_thread
    main_thread = threading.main_thread().ident


_note_main_thread()
os.register_at_fork(after_in_child=_note_main_thread)


cdef class Team:
    """Threads that run programs; size counts the caller.

    Threads start when a program first needs them. A team that is busy lets the next caller run alone. pinned: the
    caller is pinned, while it runs a program, to the processor of this number among those it may use, and the
    helpers to those that follow; -1: none is.
    """

    def __cinit__(self, int size, int pinned=-1):
        self.team = team_new(size, pinned)
        if self.team == NULL:
            raise MemoryError("no memory for a team of threads")

    def __dealloc__(self):
        if self.team != NULL:
            team_free(self.team)

    @property
    def size(self):
        return self.team.size


cdef class Cancellation:
    """Cancellation: ends a run early, by cancel() or a signal whose handler raises.

    raised: what a handler raised in the last run.
    """

    def __cinit__(self):
        self.token.poll = poll
        self.token.owner = <void*>self
        self.token.next = LLONG_MAX
        self.token.mode = float_mode()

    cdef void begin(self, long long now) noexcept nogil:
        """To be called by the thread that carries out a run; signals are handled in the main thread only."""
        self.token.mode = float_mode()
        self.token.next = now + PERIOD if PyThread_get_thread_ident() == main_thread else LLONG_MAX

    cdef void reset(self) noexcept:
        """To be called when a run is asked for; what cancel() did before is over."""
        self.token.stopped = 0
        self.raised = None

    cdef int poll(self) except -1:
        self.token.next = nanoseconds() + PERIOD
        try:
            PyErr_CheckSignals()
        except BaseException as error:
            self.raised = error
            self.token.stopped = 1
        return 0

    cdef int check(self) except -1:
        """Raises when the run is to end."""
        if is_cancelled(&self.token, True):
            if self.raised is not None:
                raise self.raised
            raise RuntimeError(STATUS_REASONS[CANCELLED])
        return 0


cdef void poll(CancelToken* token) noexcept nogil:
    with gil:
        (<Cancellation>token.owner).poll()


cdef void* enter(Cancellation cancellation) noexcept:
    """Makes `cancellation` that of the run that this thread carries out; leave() takes what this returns."""
    global thread_cancellation
    cdef void* outer = thread_cancellation
    thread_cancellation = <void*>cancellation
    return outer


cdef void leave(void* outer) noexcept:
    global thread_cancellation
    thread_cancellation = outer


cdef Cancellation current_cancellation():
    return None if thread_cancellation == NULL else <Cancellation>thread_cancellation


cdef Cancellation present_cancellation():
    """The Cancellation of the run that this thread carries out, or a new one; raises when the run is to end."""
    cdef Cancellation cancellation = current_cancellation()
    if cancellation is None:
        cancellation = Cancellation()
        cancellation.begin(nanoseconds())
    cancellation.check()
    return cancellation


def check_stopped():
    """Raises when the run that this thread carries out has been cancelled: for loops of Python within a step."""
    if thread_cancellation != NULL:
        (<Cancellation>thread_cancellation).check()


cdef class PythonStep(Step):
    """A step that Python carries out: call(inputs, team) -> sequence of arrays, copied to the outputs.

    It holds the GIL. inputs are numpy views of the operands, not to be kept; the team is idle meanwhile.
    """

    cdef object call

    def __init__(self, str name, call, list reads, list writes):
        self.name = name
        self.call = call
        self.reads = tuple(reads)
        self.writes = tuple(writes)

    cdef int carry_out(self, Frame frame, Team team) except -1:
        results = self.call([frame.array(view) for view in self.reads], team)
        for view, result in zip(self.writes, results, strict=True):
            target = frame.array(view)
            if target.shape != np.shape(result):
                raise RuntimeError(f"it gave shape {np.shape(result)} where {target.shape} was planned")
            target[...] = result
        return 0


cdef class Program:
    """Steps in order, and where their slots lie.

    slots: number of slots. constants: slot -> array, kept alive. placed: slot -> byte offset in the
    arena of arena_bytes. Slots in neither are inputs and outputs, bound with Frame.bind. flush: native
    steps take denormal numbers for zeros, as operands and as results. origins: for each step what failures call it.
    """

    def __cinit__(self, list steps, int slots, dict constants=None, dict placed=None, dim_t arena_bytes=0,
                  bint flush=False, origins=()):
        cdef Step step
        cdef int i
        self.steps = steps
        self.slots = slots
        self.constants = constants or {}
        self.placed = placed or {}
        self.arena_bytes = arena_bytes
        self.count = len(steps)
        self.width = 1
        self.native = True
        self.flush = flush
        self.origins = tuple(origins)
        self.tasks = <Task*>zeros(self.count, sizeof(Task))
        for i in range(self.count):
            step = steps[i]
            self.tasks[i].run = step.run
            self.tasks[i].args = step.args
            self.tasks[i].width = step.width
            self.width = max(self.width, step.width)
            self.scratch = max(self.scratch, step.scratch)
            self.native = self.native and step.run != NULL
        self.scratch = (self.scratch + 63) // 64 * 64
        self.set_phases()
        self.segments = list(_segments(steps))

    def __dealloc__(self):
        free(self.tasks)
        free(self.phases)
        free(self.phase_of)

    def called(self, int index):
        """What failures call a step."""
        return self.origins[index] if self.origins else f"step {index} ({self.steps[index].name})"

    cdef int set_phases(self) except -1:
        """A phase is one wide task, or narrow ones that follow one another."""
        cdef int i, phase = -1
        cdef bint joins = False
        self.phases = <int*>zeros(self.count, sizeof(int))
        self.phase_of = <int*>zeros(self.count, sizeof(int))
        for i in range(self.count):
            if not joins or self.tasks[i].width > 1 or self.tasks[i].run == NULL:
                phase += 1
                self.phases[phase] = i
            self.phase_of[i] = phase
            joins = self.tasks[i].width == 1 and self.tasks[i].run != NULL
        self.phases[phase + 1] = self.count
        return 0


def _segments(steps):
    """(begin, end) of the runs of native steps, and (index, None) for each step that needs Python."""
    begin = 0
    for index, step in enumerate(steps):
        if isinstance(step, PythonStep):
            if begin < index:
                yield begin, index
            yield index, None
            begin = index + 1
    if begin < len(steps):
        yield begin, len(steps)


cdef struct Job:
    Task* tasks
    const int* phases    # from the first of the job on
    int begin
    int end
    char** slots
    char* scratch
    dim_t scratch_bytes
    Span* spans          # of each member's part of each task, or NULL
    int members
    CancelToken* token
    int* status
    int* failed
    bint flush


cdef void run_task(Job* job, int index, Member* me) noexcept nogil:
    """Carries out a member's part of a task, unless the run is to end: that of a long task in pieces."""
    cdef Task* task = &job.tasks[index]
    cdef Span* span = NULL
    cdef int i, status, pieces = max(1, task.width // PIECE_WIDTH // me.count)
    cdef Member part = me[0]
    if outcome_status(job.status) != OK:
        return
    if job.spans != NULL:
        span = &job.spans[index * job.members + me.rank]
        span.thread = PyThread_get_thread_ident()
        span.begin = nanoseconds()
    part.count = me.count * pieces
    for i in range(pieces):
        if outcome_status(job.status) != OK:
            break
        part.rank = me.rank * pieces + i
        status = task.run(task.args, job.slots, &part)
        if me.leads and (task.width > 1 or index % QUICK_TASKS == QUICK_TASKS - 1) and is_cancelled(me.token, True):
            status = CANCELLED
        if status != OK:
            outcome_fail(job.status, job.failed, status, index)
    if span != NULL:
        span.end = nanoseconds()


cdef void run_alone(void* argument) noexcept nogil:
    """All tasks of a job."""
    cdef Job* job = <Job*>argument
    cdef Member me = Member(0, 1, True, job.scratch, job.token)
    cdef int i
    for i in range(job.begin, job.end):
        run_task(job, i, &me)


cdef void run_part(void* argument, int phase, int part, int count, bint leads) noexcept nogil:
    """One part of a phase: that of a wide task, or all of the narrow ones."""
    cdef Job* job = <Job*>argument
    cdef Member me = Member(part, count, leads, job.scratch + part * job.scratch_bytes, job.token)
    cdef int begin = job.phases[phase], end = job.phases[phase + 1]
    cdef FloatMode mode
    cdef int i
    if job.tasks[begin].width == 1:
        if part > 0:
            return
        me.count = 1
    mode = denormals_set(job.flush)
    for i in range(begin, end):
        run_task(job, i, &me)
    denormals_restore(mode)


cdef class Frame:
    """One request's buffers for a Program: the table of slot addresses, and memory for the arena.

    members: threads that may run it at once, each of which gets scratch memory. bytes: of memory that a run takes. own:
    the frame has memory of its own; another one is to be given some by lie_in() before it runs.
    """

    def __cinit__(self, Program program, int members=1, bint own=True):
        cdef cnp.ndarray array
        self.program = program
        self.members = max(1, min(members, program.width))
        self.slots = <char**>zeros(program.slots, sizeof(char*))
        self.bytes = program.arena_bytes + program.scratch * self.members
        for slot, array in program.constants.items():
            self.slots[<int>slot] = <char*>cnp.PyArray_DATA(array)
        if own:
            self.lie_in(Block(self.bytes))

    def __dealloc__(self):
        free(self.slots)
        free(self.spans)

    cdef int lie_in(self, Block memory) except -1:
        """Puts the arena and the scratch memory into a block of at least `bytes`; None to let go of the one in use."""
        if memory is None or memory is self.memory:
            self.memory = memory
            return 0
        if memory.size < self.bytes:
            raise MemoryError(f"expected {self.bytes} bytes for a plan's buffers, got {memory.size}")
        self.memory = memory
        self.scratch = memory.data + self.program.arena_bytes
        for slot, offset in self.program.placed.items():
            self.slots[<int>slot] = memory.data + <dim_t>offset
        return 0

    def bind(self, int slot, array):
        """Points `slot` at the array's memory. The caller keeps the array alive."""
        if not 0 <= slot < self.program.slots:
            raise IndexError(f"slot {slot} of {self.program.slots}")
        self.slots[slot] = <char*>cnp.PyArray_DATA(<cnp.ndarray?>array)

    def array(self, View view):
        """A numpy view of an operand, valid while this frame and what it is bound to live."""
        cdef cnp.npy_intp dims[MAX_RANK]
        cdef cnp.npy_intp strides[MAX_RANK]
        cdef int i
        cdef int size = view.dtype.itemsize
        for i in range(view.span.rank):
            dims[i] = view.span.shape[i]
            strides[i] = view.span.stride[i] * size
        return cnp.PyArray_New(
            np.ndarray, view.span.rank, dims, view.dtype.num, strides, address(&view.span, self.slots), size,
            cnp.NPY_ARRAY_WRITEABLE | cnp.NPY_ARRAY_ALIGNED, None)

    def profile(self, bint on):
        """Keeps, or stops keeping, when which thread worked on each step."""
        if on and self.spans == NULL:
            self.spans = <Span*>zeros(self.program.count * self.members, sizeof(Span))
        elif not on:
            free(self.spans)
            self.spans = NULL

    def step_spans(self):
        """(thread, begin, end) of each part of each step in the last run; empty without profile(True).

        thread: its identifier. begin, end: nanoseconds of a clock that never goes back.
        """
        cdef int i
        found = [[] for _ in range(self.program.count if self.spans != NULL else 0)]
        for i in range(len(found) * self.members):
            if self.spans[i].begin:
                found[i // self.members].append((self.spans[i].thread, self.spans[i].begin, self.spans[i].end))
        return found

    cdef int run_native(self, int begin, int end, CTeam* team, CancelToken* token) noexcept nogil:
        """Runs tasks begin .. end - 1; returns the Status."""
        cdef Job job
        cdef TeamJob work
        cdef FloatMode mode
        job.tasks = self.program.tasks
        job.phases = self.program.phases + self.program.phase_of[begin]
        job.begin = begin
        job.end = end
        job.slots = self.slots
        job.scratch = self.scratch
        job.scratch_bytes = self.program.scratch
        job.spans = self.spans
        job.members = self.members
        job.token = token
        job.status = &self.status
        job.failed = &self.failed
        job.flush = self.program.flush
        self.status = OK
        work = TeamJob(run_part, run_alone, &job, 0, token)
        if begin < end:
            work.phases = self.program.phase_of[end - 1] - self.program.phase_of[begin] + 1
        mode = denormals_set(job.flush)
        if not team_do(team, self.members, &work):
            self.status = CANCELLED
        denormals_restore(mode)
        return self.status

    cdef int run(self, Team team, Cancellation cancellation) except -1:
        """Runs the program. Raises StepError when a step fails or the run is cancelled, or what a handler of
        a signal raised."""
        cdef void* outer
        if self.spans != NULL:
            memset(self.spans, 0, self.program.count * self.members * sizeof(Span))
        if self.program.native:
            return self.native_segment(0, self.program.count, team, cancellation)
        outer = enter(cancellation)
        try:
            for begin, end in self.program.segments:
                if end is None:
                    self.python_step(begin, team, cancellation)
                else:
                    self.native_segment(begin, end, team, cancellation)
        finally:
            leave(outer)
        return 0

    cdef int native_segment(self, int begin, int end, Team team, Cancellation cancellation) except -1:
        cdef int status
        with nogil:
            status = self.run_native(begin, end, team.team, &cancellation.token)
        if status != OK:
            self.fail(cancellation)
        return 0

    cdef int python_step(self, int index, Team team, Cancellation cancellation) except -1:
        cdef long long before = nanoseconds()
        cancellation.check()
        try:
            (<PythonStep>self.program.steps[index]).carry_out(self, team)
        except FAILURES as error:
            cancellation.check()
            raise StepError(f"{self.program.called(index)}: {reason(error)}", index, OK) from error
        if self.spans != NULL:
            self.spans[index * self.members] = Span(before, nanoseconds(), PyThread_get_thread_ident())
        return 0

    cdef int fail(self, Cancellation cancellation) except -1:
        if self.status == CANCELLED and cancellation.raised is not None:
            raise cancellation.raised
        text = STATUS_REASONS.get(self.status, f"status {self.status}")
        if self.status != CANCELLED:
            arrays = [self.array(view) for view in self.program.steps[self.failed].reads]
            text = f"{self.program.called(self.failed)}: {text}{integers(arrays)}"
        raise StepError(text, self.failed, self.status)

    def execute(self, Team team):
        """Runs the program once, as a part of the run that the thread is in, if there is one."""
        self.run(team, present_cancellation())

    def run_loop(self, Team team, limit, list strides, list carried, int condition=-1, counter=None):
        """Runs the program, which needs no Python, `limit` times (None: without limit); returns how often it ran.

        strides: (slot, array, bytes, period): in iteration i the slot is at array + i % period * bytes.
        carried: (state, result): slots; from the second iteration on the state lies where the result of the one
        before does. condition: slot of a boolean result that ends the loop when it is false; -1 for none.
        counter: an int64 or int32 array of one element that is given the number of each iteration.
        """
        cdef Cancellation cancellation = present_cancellation()
        cdef LoopSpec loop
        cdef int status
        cdef int[::1] pairs = np.array([*carried, (0, 0)], np.intc).reshape(-1)
        loop.strides = <SlotStride*>zeros(len(strides), sizeof(SlotStride))
        try:
            loop.stride_count = len(strides)
            for i, (slot, array, step, period) in enumerate(strides):
                loop.strides[i] = SlotStride(slot, <char*>cnp.PyArray_DATA(<cnp.ndarray?>array), step, period)
            loop.carried = &pairs[0]
            loop.carried_count = len(carried)
            loop.counter = NULL if counter is None else <char*>cnp.PyArray_DATA(<cnp.ndarray?>counter)
            loop.counter_bytes = 0 if counter is None else counter.itemsize
            loop.condition = condition
            loop.limit = LLONG_MAX if limit is None else limit
            with nogil:
                status = self.run_loop_native(&loop, team.team, &cancellation.token)
        finally:
            free(loop.strides)
        if status != OK:
            self.fail(cancellation)
        return loop.done

    cdef int run_loop_native(self, LoopSpec* loop, CTeam* team, CancelToken* token) noexcept nogil:
        """See run_loop; returns the Status."""
        cdef SlotStride* stride
        cdef int i, status
        cdef int number
        loop.done = 0
        while loop.done < loop.limit:
            if loop.done > 0:
                for i in range(loop.carried_count):
                    self.slots[loop.carried[2 * i]] = self.slots[loop.carried[2 * i + 1]]
            for i in range(loop.stride_count):
                stride = &loop.strides[i]
                self.slots[stride.slot] = stride.base + loop.done % stride.period * stride.step
            if loop.counter_bytes == sizeof(int):
                number = <int>loop.done
                memcpy(loop.counter, &number, sizeof(int))
            elif loop.counter != NULL:
                memcpy(loop.counter, &loop.done, sizeof(long long))
            status = self.run_native(0, self.program.count, team, token)
            if status == OK and is_cancelled(token, True):
                status = self.status = CANCELLED
            if status != OK:
                return status
            loop.done += 1
            if loop.condition >= 0 and not self.slots[loop.condition][0]:
                break
        return OK


cdef struct Copy:
    char* target
    const char* source
    dim_t bytes


cdef void copy_part(void* argument, int phase, int part, int count, bint leads) noexcept nogil:
    cdef Copy* copy = <Copy*>argument
    cdef Member me
    cdef dim_t begin, end
    me.rank = part
    me.count = count
    share(&me, copy.bytes, PAGE_BYTES, &begin, &end)
    memcpy(copy.target + begin, copy.source + begin, end - begin)


cdef void copy_alone(void* argument) noexcept nogil:
    copy_part(argument, 0, 0, 1, True)


cdef void copy_bytes(Team team, void* target, const void* source, dim_t size) noexcept:
    """memmove; by the whole team and without the GIL where that pays."""
    cdef Copy copy
    cdef TeamJob job
    cdef dim_t apart = <const char*>target - <const char*>source
    if size < SHARED_COPY_BYTES or -size < apart < size:
        memmove(target, source, size)
        return
    copy = Copy(<char*>target, <const char*>source, size)
    job = TeamJob(copy_part, copy_alone, &copy, 1, NULL)
    with nogil:
        team_do(team.team, team.team.size, &job)


def run_steps(list steps, list arrays, int threads=1, bint flush=False):
    """Runs steps on arrays, array i being slot i as its memory lies: the plain way to try a kernel. See Program."""
    frame = Frame(Program(steps, len(arrays), flush=flush), threads)
    for slot, array in enumerate(arrays):
        frame.bind(slot, array)
    frame.execute(Team(threads))
