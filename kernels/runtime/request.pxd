cimport numpy as cnp
from ovlite.kernels.runtime.bindings cimport Bindings, Operand
from ovlite.kernels.runtime.results cimport OVDict
from ovlite.kernels.runtime.storage cimport Storage


cdef class Request(Bindings):
    cdef object executable
    cdef bint internal         # no tensor of it was ever shown
    cdef bint keep_shared_outputs  # views keep what they show
    cdef bint new_results      # the run's results go to new arrays where there is no target
    # outputs
    cdef int output_count
    cdef Operand* outputs
    cdef list shapes
    cdef list targets          # Storage, or None where results go to new arrays
    cdef list tensors          # (memory, Tensor, or a weak reference to it) behind the views handed out, or None
    cdef list sources          # (is an input, index) of what an output shows again, or None
    cdef list spills           # (Storage, array): results to copy to a target that steps can't write
    cdef list latest           # results that have no target
    cdef list found            # results of a plan in stages
    cdef readonly list stage_times  # what its steps took in the last run, None where that is not kept
    # variables
    cdef tuple variables       # their names
    cdef list states           # array, or None before the first run
    cdef list spares
    # runs
    cdef bint needs_no_gil     # the plan
    cdef bint prepared         # a submitted run has its plan
    cdef bint failed           # run_without_gil() did
    cdef long long began
    cdef long long ended

    cdef OVDict infer_held(self, object inputs, bint share_inputs, bint share_outputs, bint decode, object out)
    cdef int update_plan(self) except -1
    cdef int replan(self) except -1
    cdef int bind_states(self) except -1
    cdef list bind_new(self, list given)
    cdef object recycled(self, Py_ssize_t index)
    cdef object bind_given(self, Py_ssize_t index, object array)
    cdef int take_found(self, list given) except -1
    cdef int bind_targets(self) except -1
    cdef int bind_target(self, Py_ssize_t index) except -1
    cdef bint is_read(self, cnp.ndarray array) noexcept
    cdef int run(self, int stream) except -1
    cdef int run_stages(self, int stream) except -1
    cdef int after_run(self) except -1
    cdef int store(self, Storage storage, object array) except -1
    cdef object view(self, Py_ssize_t index)
    cdef int keep_views(self) except -1
    cdef object copy(self, Py_ssize_t index)
    cdef int prepare(self) except -1
