from ovlite.kernels.runtime.step cimport dim_t


cdef class Block:
    cdef char* data            # aligned to a cache line, with a cache line to spare behind its end
    cdef readonly dim_t size   # bytes


cdef void* zeros(dim_t count, size_t size) except NULL
