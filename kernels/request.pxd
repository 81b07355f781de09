cimport numpy as cnp
from cpython.ref cimport PyObject
from ovlite.kernels.executor cimport CTeam, Frame
from ovlite.kernels.results cimport OVDict, Ports
from ovlite.kernels.step cimport MAX_RANK
from ovlite.kernels.storage cimport Storage

cdef extern from "stream.h" nogil:
    ctypedef struct Job:
        void* owner
        int state
        int lost
        int reports
        unsigned submitted
        unsigned done
    ctypedef struct CStreams "Streams":
        int count
    ctypedef struct CPool "Pool":
        Job* first


cdef struct Operand:
    int type                   # numpy's number of its dtype
    bint odd                   # only Python can bind values
    int rank                   # of what is bound, -1 before anything is
    int slot                   # -1 while there is no program
    char* begin                # memory of the array that is bound
    char* end
    cnp.npy_intp dims[MAX_RANK]


cdef class Streams:
    cdef CStreams* streams
    cdef list teams
    cdef CTeam** members       # the same, for threads without the interpreter's lock


cdef class Request:
    cdef Job* job
    cdef readonly Ports ports
    cdef readonly Streams streams
    cdef object executable
    cdef type tensor_class
    cdef bint hidden
    cdef bint direct           # the run's results go to new arrays where there is no target
    cdef bint profiled
    # inputs
    cdef int input_count
    cdef Operand* inputs
    cdef list kinds            # element types
    cdef list arrays           # bound now; None before the first
    cdef list own              # Storage that conversions write to, or None
    cdef list live             # Storage to look at before each run, or None
    cdef int live_count
    # outputs
    cdef int output_count
    cdef Operand* outputs
    cdef list targets          # Storage, or None where results go to new arrays
    cdef list tensors          # (memory, Tensor) behind the views handed out, or None
    cdef list spills           # [(index, array)] results to copy to a target that is not contiguous
    cdef list latest           # results that have no target
    # variables
    cdef tuple variables       # their names
    cdef int variable_count
    cdef list states           # array, or None before the first run
    cdef list spares
    # plan
    cdef bint planned
    cdef bint settled          # planned, and nothing to look at before a run
    cdef readonly object plan
    cdef Frame frame
    cdef list frames           # [(plan, Frame)]
    cdef list shapes           # of the outputs
    cdef list found            # results of a plan in stages
    # runs
    cdef bint plain            # a run needs nothing of Python
    cdef bint prepared         # a submitted run has its plan
    cdef long long began
    cdef long long ended
    cdef object error          # (cause, text) of the last asynchronous run
    cdef object callback
    cdef readonly object userdata

    cdef PyObject* pool        # the RequestPool it belongs to, which clears this when it goes; or NULL

    cdef bint try_hold(self) noexcept
    cdef int hold(self) except -1
    cdef void release(self) noexcept
    cdef int check_idle(self) except -1
    cdef OVDict infer_held(self, object inputs, bint share_inputs, bint share_outputs, bint decode)
    cdef int give(self, object inputs, bint share) except -1
    cdef int give_one(self, Py_ssize_t index, object value, bint share) except -1
    cdef int give_array(self, Py_ssize_t index, cnp.ndarray array, bint share) except -1
    cdef int set_dims(self, Py_ssize_t index, cnp.ndarray array) except -1
    cdef int bind(self, Py_ssize_t index, cnp.ndarray array) except -1
    cdef void point(self, Py_ssize_t index, cnp.ndarray array)
    cdef int watch(self, Py_ssize_t index, Storage storage) except -1
    cdef int refresh(self, Py_ssize_t index) except -1
    cdef int settle(self) except -1
    cdef int look(self) except -1
    cdef int replan(self) except -1
    cdef int use(self, object plan) except -1
    cdef Frame frame_of(self, object plan)
    cdef int bind_states(self) except -1
    cdef list bind_new(self)
    cdef int bind_targets(self) except -1
    cdef int bind_target(self, Py_ssize_t index) except -1
    cdef bint is_read(self, cnp.ndarray array) noexcept
    cdef int run(self, int stream) except -1
    cdef int run_stages(self, int stream) except -1
    cdef int after_run(self) except -1
    cdef object view(self, Py_ssize_t index)
    cdef object copy(self, Py_ssize_t index)
    cdef bint complete(self) noexcept
    cdef int forget(self) except -1
    cdef int begin(self, object inputs, bint share, bint reports) except -1
    cdef int prepare(self) except -1
    cdef int run_plain(self, int stream) noexcept nogil
    cdef int run_recorded(self, int stream) except -1
    cdef int record(self, object error) except -1
    cdef int report(self) except -1
    cdef int raise_error(self) except -1


cdef class RequestPool:
    cdef CPool* pool
    cdef readonly list requests
    cdef object callback
    cdef list errors

    cdef Job* take(self, bint look) except NULL
    cdef int raise_error(self) except -1
