cimport numpy as cnp
from ovlite.kernels.runtime.block cimport Block
from ovlite.kernels.runtime.executor cimport Frame
from ovlite.kernels.runtime.results cimport Ports
from ovlite.kernels.runtime.step cimport MAX_RANK
from ovlite.kernels.runtime.storage cimport Storage
from ovlite.kernels.runtime.streams cimport Runnable

cdef struct Operand:
    int type                   # numpy's number of its dtype
    bint odd                   # only Python can bind values
    int rank                   # of what is bound, -1 before anything is
    int slot                   # -1 while there is no program
    char* begin                # memory of the array that is bound
    char* end
    cnp.npy_intp dims[MAX_RANK]


cdef class Bindings(Runnable):
    cdef readonly Ports ports
    cdef type tensor_class
    cdef bint profiled
    cdef int input_count
    cdef int variable_count
    cdef Operand* inputs
    cdef list kinds            # element types
    cdef list arrays           # bound now; None before the first
    cdef list own              # Storage that conversions write to, or None
    cdef list live             # Storage to look at before each run, or None
    cdef int live_count
    cdef bint planned
    cdef bint up_to_date       # planned, and nothing to refresh before a run
    cdef readonly object plan
    cdef Frame frame           # None for a plan in stages
    cdef list frames           # [(plan, Frame)]
    cdef Block memory          # that the frame lies in
    cdef Py_ssize_t spare_bytes

    cdef int bind_ports(self, Ports ports, tuple types, type tensor_class) except -1
    cdef int bind_inputs(self, object inputs, bint share) except -1
    cdef int bind_value(self, Py_ssize_t index, object value, bint share) except -1
    cdef int bind_converted(self, Py_ssize_t index, cnp.ndarray array, bint share) except -1
    cdef int set_dims(self, Py_ssize_t index, cnp.ndarray array) except -1
    cdef int bind(self, Py_ssize_t index, cnp.ndarray array) except -1
    cdef void set_address(self, Py_ssize_t index, cnp.ndarray array)
    cdef int bind_shared(self, Py_ssize_t index, Storage storage) except -1
    cdef int refresh(self, Py_ssize_t index) except -1
    cdef bint complete(self) noexcept
    cdef int clear_inputs(self) except -1
    cdef int refresh_shared_inputs(self) except -1
    cdef int set_plan(self, object plan) except -1
    cdef Frame frame_of(self, object plan)
    cdef int make_room(self, Py_ssize_t size) except -1
