from cpython.buffer cimport Py_buffer

from .step cimport Step, View

cdef enum:
    MAX_ARRAYS = 20


cdef class Call:
    cdef Py_buffer buffers[MAX_ARRAYS]
    cdef char* slots[MAX_ARRAYS]
    cdef list arrays             # (name, array), by slot
    cdef View read(self, str name, array, dtype=*)
    cdef View write(self, out, shape, dtype, bint in_place=*)
    cdef View borrow(self, str name, array, int flags)
    cdef int run(self, Step step) except -1
