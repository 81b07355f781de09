from cpython.ref cimport PyObject
from ovlite.kernels.runtime.executor cimport CTeam, Cancellation

cdef extern from "stream.h" nogil:
    ctypedef struct Job:
        void* owner
        int state
        int lost
        int reports
        int lease
        unsigned loan
        unsigned submitted
        unsigned done
    ctypedef struct CStreams "Streams":
        int count
    ctypedef struct CPool "Pool":
        int idle


cdef class Streams:
    cdef CStreams* streams
    cdef list teams
    cdef CTeam** members       # the same, for threads without the interpreter's lock


cdef class Awaited:
    cdef list futures

    cdef bint wait_with(self, object future, int set) except -1
    cdef int settle_futures(self) except -1


cdef class Runnable(Awaited):
    cdef Job* job
    cdef Cancellation cancellation
    cdef readonly Streams streams
    cdef bint without_gil      # the submitted run needs none
    cdef bint ran              # there was a run that has ended
    cdef bint cancelled        # the last asynchronous run
    cdef object error          # what wait() raises for the last asynchronous run
    cdef object callback
    cdef readonly object userdata
    cdef PyObject* pool        # the RequestPool it belongs to, which clears this when it goes; or NULL

    cdef int open(self, Streams streams) except -1
    cdef bint try_hold(self) noexcept
    cdef int hold(self) except -1
    cdef int hold_once(self) except -1
    cdef void release(self) noexcept
    cdef void renew(self)
    cdef int check_idle(self) except -1
    cdef int begin(self, object inputs, bint share, bint reports) except -1
    cdef int submit(self, bint reports) except -1
    cdef int run_without_gil(self, int stream) noexcept nogil
    cdef int run_with_gil(self, int stream) except -1
    cdef PyObject* keep(self) except NULL
    cdef int run_and_store_error(self, int stream) except -1
    cdef int report(self) except -1
    cdef int raise_error(self) except -1


cdef class Loan:
    cdef RequestPool pool
    cdef readonly Runnable request
    cdef unsigned number


cdef class RequestPool(Awaited):
    cdef CPool* pool
    cdef readonly list requests
    cdef object callback
    cdef list errors

    cdef Job* take(self, bint peek) except NULL
    cdef int wait_idle(self) except -1
    cdef int raise_error(self) except -1
