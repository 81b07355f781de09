# cython: embedsignature=True, embedsignature.format=clinic
"""Streams carry out asynchronous runs; a Runnable is what they run, and a RequestPool gives out several in turn.

Who waits on an event loop instead of in a thread gives a future, see Awaited.
"""

from cpython.exc cimport PyErr_CheckSignals
from cpython.number cimport PyNumber_Index
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.stdlib cimport free
from ovlite.kernels.runtime.block cimport zeros
from ovlite.kernels.runtime.executor cimport CTeam, Cancellation, Team

from ovlite.kernels.runtime.failures import FAILURES

cdef extern from "Python.h":
    int Py_AddPendingCall(int (*function)(void*) except -1, void* argument)
    int Py_MakePendingCalls() except -1     # and handlers of signals

cdef extern from "stream.h" nogil:
    enum: JOB_HELD, JOB_QUEUED, JOB_RUNNING, POOL_LENT, POOL_KEPT
    enum: WAIT_TIMEOUT, WAIT_DONE, WAIT_TAKEN, WAIT_BUSY, WAIT_OWN, WAIT_DEADLOCK
    const long long SLICE           # nanoseconds between two looks at pending signals
    CStreams* streams_new(int count, void* (*run)(void*, int) noexcept nogil, void* (*report)(void*) noexcept nogil,
                          void (*decref)(void*) noexcept nogil, void (*notify)(void*) noexcept nogil)
    void streams_stop()
    Job* job_new(void* owner, CStreams* streams)
    void job_free(Job* job)
    bint job_try(Job* job)
    int job_hold(Job* job)
    void job_release(Job* job)
    bint job_submit(Job* job, bint reports)
    bint job_withdraw(Job* job)
    void job_perform(Job* job, int stream)
    int job_wait(Job* job, long long timeout, bint limited)
    int job_set_notified(Job* job)
    int job_settle(Job* job)

cdef extern from "job_pool.h" nogil:
    CPool* pool_new()
    void pool_free(CPool* pool)
    void pool_join(CPool* pool, Job* job)
    int pool_take(CPool* pool, bint peek, long long timeout, Job** job)
    void pool_keep(Job* job)
    void pool_return(Job* job, unsigned loan)
    int pool_set_notified(CPool* pool, void* owner, bint all)
    int pool_wait(CPool* pool, Job** job)
    int pool_settle(CPool* pool, Job** job)
    bint pool_reports(CPool* pool)


def stop_streams():
    """Carries out what is queued, lets no more in, and ends the streams' threads."""
    with nogil:
        streams_stop()


APART = "wait in a thread of its own, or with `await` in a coroutine"


cdef int attend(int answer) except -1:
    """After each part of a wait: handlers of signals, and after a long one all that is left to the main thread."""
    return Py_MakePendingCalls() if answer == WAIT_TIMEOUT else PyErr_CheckSignals()


cdef class Streams:
    """Threads that carry out asynchronous runs: `count` streams with a team of `threads` each.

    They live as long as the process; threads start with the first run. pinned: each thread has a processor
    of its own among those of the process, see Team.
    """

    def __cinit__(self, int count, int threads, bint pinned=False):
        self.teams = [Team(threads, i * threads if pinned else -1) for i in range(count)]
        self.members = <CTeam**>zeros(count, sizeof(CTeam*))
        self.streams = streams_new(count, run_job, report_job, decref, notify)
        if self.streams == NULL:
            raise MemoryError("no memory for a model's streams")
        for i, team in enumerate(self.teams):
            self.members[<int>i] = (<Team>team).team

    def __dealloc__(self):
        free(self.members)


def _caused(text, cause):
    error = RuntimeError(text)
    error.__cause__ = cause
    return error


cdef void* run_job(void* owner, int stream) noexcept nogil:
    cdef int status = 1
    if (<Runnable>owner).without_gil:
        status = (<Runnable>owner).run_without_gil(stream)
    if not status:
        return NULL
    with gil:
        kept = (<Runnable>owner).keep()
        (<Runnable>owner).run_and_store_error(stream)
        return <void*>kept


cdef void* report_job(void* owner) noexcept nogil:
    with gil:
        kept = (<Runnable>owner).keep()
        (<Runnable>owner).report()
        return <void*>kept


cdef void decref(void* kept) noexcept nogil:
    with gil:
        Py_DECREF(<object>kept)


cdef void notify(void* owner) noexcept nogil:
    with gil:
        (<Awaited>owner).settle_futures()
        Py_DECREF(<Awaited>owner)


cdef class Awaited:
    """Something that coroutines wait for: a future that is given to it gets None as its result."""

    cdef bint wait_with(self, object future, int set) except -1:
        """Keeps the future when it was `set` to be notified, see stream.h."""
        if not set:
            return False
        if self.futures is None:
            self.futures = []
        self.futures.append(future)
        if set == 1:
            Py_INCREF(self)
        return True

    cdef int settle_futures(self) except -1:
        futures, self.futures = self.futures, None
        return settle(futures or [], None)  # none when the notice before was late and took the new ones along


cdef int settle(list futures, object raised) except -1:
    """Settles futures. Where a handler of a signal raises meanwhile, or the stack is used up, the interpreter does
    the rest in the main thread as soon as it can, and raises there what the handler `raised`."""
    cdef list left = []
    for future in futures:
        try:
            loop = future.get_loop()
            if not loop.is_closed():  # else nobody waits any more
                loop.call_soon_threadsafe(_settle, future)
        except BaseException as error:
            left.append(future)
            if not isinstance(error, RuntimeError):  # of recursion, or of a loop that was closed meanwhile
                raised = error
    if left or raised is not None:
        rest = (left, raised)
        Py_INCREF(rest)
        if Py_AddPendingCall(settle_rest, <void*>rest):
            Py_DECREF(rest)
    return 0


cdef int settle_rest(void* rest) except -1:
    left, raised = <tuple>rest
    Py_DECREF(<tuple>rest)
    if left:
        return settle(left, raised)
    raise raised


def _settle(future):
    if not future.done():
        future.set_result(None)


cdef class Runnable(Awaited):
    """Something that one user at a time works with, and whose runs a stream can carry out.

    A subclass gives begin(), run_without_gil() and run_with_gil().
    """

    def __cinit__(self, *arguments, **keywords):
        pass

    cdef int open(self, Streams streams) except -1:
        self.streams = streams
        self.cancellation = Cancellation()
        self.job = job_new(<void*>self, streams.streams)
        if self.job == NULL:
            raise MemoryError("no memory for a request")
        return 0

    def __del__(self):
        if self.job != NULL and (self.job.done != self.job.submitted or self.job.state != 0):
            with nogil:
                while job_settle(self.job) == WAIT_TAKEN:
                    job_perform(self.job, 0)

    def __dealloc__(self):
        if self.job != NULL:
            with nogil:
                job_free(self.job)

    cdef bint try_hold(self) noexcept:
        return job_try(self.job)

    cdef int hold(self) except -1:
        """Waits for other synchronous users; RuntimeError while an asynchronous run, or this thread, has the
        request."""
        if not self.hold_once():
            raise RuntimeError("the request is busy: the thread that asks for a run is within a call of it")
        return 0

    cdef int hold_once(self) except -1:
        """As hold(), but 0 where this thread has the request."""
        cdef int answer = WAIT_DONE if job_try(self.job) else WAIT_TIMEOUT
        while answer == WAIT_TIMEOUT:
            with nogil:
                answer = job_hold(self.job)
            if answer == WAIT_TIMEOUT:
                attend(answer)
        if answer == WAIT_OWN:
            return 0
        if answer == WAIT_DEADLOCK:
            raise RuntimeError(f"the request is busy in a call that waits for this thread; {APART}")
        if answer == WAIT_BUSY:
            self.check_idle()
            raise RuntimeError("the request is busy")
        return 1

    cdef void release(self) noexcept:
        job_release(self.job)

    cdef void renew(self):
        """Clears the outcome of the last asynchronous run: another run starts."""
        self.error = None
        self.cancelled = False

    cdef int check_idle(self) except -1:
        if self.job.state >= JOB_QUEUED:
            raise RuntimeError("the request is busy: an asynchronous run is in progress; call wait() first")
        return 0

    cdef int begin(self, object inputs, bint share, bint reports) except -1:
        """Holds this, binds the inputs, and submits a run; `reports`: its end is told to the callback."""
        raise NotImplementedError

    cdef int submit(self, bint reports) except -1:
        """Queues a run; the caller holds this, and no more after it."""
        cdef bint submitted
        self.renew()
        self.cancellation.reset()
        submitted = job_submit(self.job, reports)
        if not submitted:
            self.release()
            raise RuntimeError("no thread can be started for an asynchronous run, or the interpreter is shutting down")
        return 0

    cdef int run_without_gil(self, int stream) noexcept nogil:
        """Carries out a run that needs nothing of Python; when it fails, run_with_gil() tells why."""
        return 1

    cdef int run_with_gil(self, int stream) except -1:
        """Carries out any run, or raises for the failed run_without_gil()."""
        raise NotImplementedError

    cdef PyObject* keep(self) except NULL:
        """A reference to this, which must outlive the Python code of a run."""
        Py_INCREF(self)
        return <PyObject*>self

    cdef int run_and_store_error(self, int stream) except -1:
        """Carries out a run and keeps its failure for who waits for it; the callback is not called then."""
        try:
            self.run_with_gil(stream)
        except BaseException as error:
            wrapped = isinstance(error, FAILURES) and not isinstance(error, MemoryError)
            if error is self.cancellation.raised or not wrapped:
                self.error = error
            else:
                self.error = _caused(f"the inference failed: {error}", error)
            self.job.reports = False
            if self.pool != NULL and self.job.lease != POOL_KEPT:
                (<RequestPool>self.pool).errors.append(self.error)
        return 0

    cdef int report(self) except -1:
        """Calls the callback: the queue's for a run that the queue started."""
        cdef bint pooled = self.pool != NULL and self.job.lease == POOL_LENT
        # Not the queue itself: who drops it waits for this, or is within the callback.
        errors = (<RequestPool>self.pool).errors if pooled else None
        callback = (<RequestPool>self.pool).callback if pooled else self.callback
        if callback is None:  # the queue has gone
            return 0
        try:
            if pooled:
                callback(self, self.userdata)
            else:
                callback(self.userdata)
        except BaseException as error:
            if pooled:
                errors.append(error)
            else:
                self.error = _caused(f"the callback raised {type(error).__name__}: {error}", error)
        return 0

    cdef int raise_error(self) except -1:
        if self.job.lost:
            raise RuntimeError("the process was forked while the request ran; in the child it has to be started again")
        if self.cancelled:
            raise RuntimeError("the inference was cancelled")
        if self.error is not None:
            raise self.error.with_traceback(None)
        return 0

    def wait_with_future(self, future):
        """True when the run is under way: its end then settles the future, an asyncio one."""
        return self.wait_with(future, job_set_notified(self.job))

    def wait(self):
        """Waits until the run, and its callback, has ended; raises RuntimeError when either failed, and when the
        end would have to wait for this call."""
        cdef int answer = WAIT_TIMEOUT
        while answer == WAIT_TIMEOUT and self.job.done != self.job.submitted:
            with nogil:
                answer = job_wait(self.job, SLICE, False)
                if answer == WAIT_TAKEN:
                    job_perform(self.job, 0)
            if answer == WAIT_DEADLOCK:
                raise RuntimeError(f"the run, or its callback, waits for the thread that waits for it here; {APART}")
            attend(answer)
        self.raise_error()

    def wait_for(self, timeout):
        """Waits `timeout` milliseconds at the most; True when a run has ended. RuntimeError when it failed.

        Within a callback it carries out the run when no thread has begun it, and takes as long as that takes.
        """
        cdef long long left
        cdef int answer
        timeout = PyNumber_Index(timeout)
        if timeout < 0:
            raise RuntimeError(f"wait_for can't wait {timeout} milliseconds")
        if not self.job.submitted:
            return self.ran
        left = min(timeout, 10**12) * 1_000_000
        while True:
            with nogil:
                answer = job_wait(self.job, min(left, SLICE), True)
                if answer == WAIT_TAKEN:
                    job_perform(self.job, 0)
                    answer = WAIT_DONE
            attend(answer)
            left -= SLICE
            if answer == WAIT_DONE:
                self.raise_error()
                return True
            if left <= 0:
                return False

    def cancel(self):
        """Stops the run in progress, if there is one: infer(), or wait() for it, then raises RuntimeError."""
        if self.job.state >= JOB_QUEUED:
            self.cancelled = True
            with nogil:
                job_withdraw(self.job)
        if self.job.state >= JOB_HELD:
            self.cancellation.token.stopped = 1

    def set_callback(self, callback, userdata):
        """callback(userdata) is called on a stream's thread at the end of each asynchronous run."""
        if not callable(callback):
            raise TypeError(f"expected a callback to be callable, got {type(callback).__name__}")
        self.check_idle()
        self.callback = callback
        self.userdata = userdata

    def ensure_idle(self):
        """RuntimeError while an asynchronous run is in progress."""
        self.check_idle()


cdef class Loan:
    """A request that its pool gives to nobody else before end(), or before this goes: whatever is raised where."""

    def end(self):
        """Gives the request back; a run of it that is under way ends first."""
        if self.request is not None:
            with nogil:
                pool_return(self.request.job, self.number)

    def __del__(self):
        self.end()


cdef class RequestPool(Awaited):
    """Requests that are given work in turn, the one that was freed first in front."""

    def __cinit__(self, list requests):
        cdef Runnable request
        self.pool = pool_new()
        if self.pool == NULL:
            raise MemoryError("no memory for a queue of requests")
        self.requests = requests
        self.errors = []
        for request in requests:
            request.pool = <PyObject*>self
            pool_join(self.pool, request.job)

    def __del__(self):
        cdef Runnable request
        cdef Job* stolen = NULL
        if self.pool == NULL:  # it was not made
            return
        with nogil:
            while pool_settle(self.pool, &stolen) == WAIT_TAKEN:
                job_perform(stolen, 0)
        for request in self.requests:
            request.pool = NULL

    def __dealloc__(self):
        if self.pool != NULL:
            with nogil:
                pool_free(self.pool)

    cdef Job* take(self, bint peek) except NULL:
        """Takes an idle job, which pool_return() must be told of unless it is submitted; a handler of a signal
        may raise only before. look: shows it only."""
        cdef Job* job = NULL
        cdef int answer = WAIT_TIMEOUT
        while True:
            with nogil:
                answer = pool_take(self.pool, peek, SLICE, &job)
                if answer == WAIT_TAKEN:
                    job_perform(job, 0)
            if answer == WAIT_DONE:
                return job
            if answer == WAIT_DEADLOCK:
                raise RuntimeError(
                    "no request becomes idle before the callback, or the coroutine, that waits for it here goes on: "
                    f"all are in use by threads that wait as well; make the queue with more requests, or {APART}")
            attend(answer)

    cdef int raise_error(self) except -1:
        """Raises what a run or its callback left, except in another callback, which is not who started it."""
        if self.errors and not pool_reports(self.pool):
            raise self.errors.pop(0)
        return 0

    def start_async(self, inputs=None, userdata=None, share_inputs=False):
        """Starts a run on the request that has been idle longest, after waiting for one to become idle."""
        cdef bint shared = share_inputs
        cdef Job* job
        cdef Runnable request
        cdef unsigned loan
        self.raise_error()
        job = self.take(False)
        loan = job.loan
        request = <Runnable>job.owner
        try:
            self.raise_error()
            request.check_idle()
            request.userdata = userdata
            request.begin(inputs, shared, self.callback is not None)
        except BaseException:
            with nogil:
                pool_return(job, loan)
            raise

    def set_callback(self, callback):
        """callback(request, userdata) is called on a stream's thread at the end of each run."""
        if not callable(callback):
            raise TypeError(f"expected a callback to be callable, got {type(callback).__name__}")
        self.callback = callback

    def is_ready(self):
        """True when a request is idle."""
        return self.pool.idle > 0

    def get_idle_request_id(self):
        """The index of the request that start_async() would take, after waiting for one to become idle."""
        cdef Job* job
        self.raise_error()
        job = self.take(True)
        self.raise_error()
        return self.requests.index(<Runnable>job.owner)

    def lend(self):
        """A Loan of an idle request; None when there is none."""
        cdef Job* job
        cdef Loan loan = Loan.__new__(Loan)
        if pool_take(self.pool, False, 0, &job) != WAIT_DONE:
            return None
        pool_keep(job)
        loan.pool = self
        loan.request = <Runnable>job.owner
        loan.number = job.loan
        return loan

    def wait_with_future(self, future, all=False):
        """True when no request is idle, or not `all` of them: the next that becomes so settles the future."""
        return self.wait_with(future, pool_set_notified(self.pool, <void*>self, all))

    def wait_all(self):
        """Waits until all requests are idle; raises what a callback raised, RuntimeError for a failed run."""
        self.wait_idle()
        self.raise_error()

    cdef int wait_idle(self) except -1:
        cdef int answer = WAIT_TIMEOUT
        cdef Job* stolen = NULL
        while answer != WAIT_DONE:
            with nogil:
                answer = pool_wait(self.pool, &stolen)
                if answer == WAIT_TAKEN:
                    job_perform(stolen, 0)
            if answer == WAIT_DEADLOCK:
                raise RuntimeError(
                    "a callback, or a coroutine, of the queue can't wait for all requests, of which its own is one, or "
                    f"waits for this thread; {APART}")
            attend(answer)

    @property
    def userdata(self):
        """The userdata that start_async() was given last for each request."""
        return [(<Runnable>request).userdata for request in self.requests]
