"""Memory: blocks for packed weights and scratch space, and arrays of C structures."""

from cpython.buffer cimport PyBuffer_FillInfo
from libc.stdlib cimport calloc

cdef extern from "memory.h" nogil:
    char* block_new(dim_t size)
    void block_free(char* block, dim_t size)


cdef class Block:
    """`size` bytes, aligned to a cache line, large ones on huge pages; a buffer that memoryviews can be taken of."""

    def __cinit__(self, dim_t size):
        self.size = size
        self.data = block_new(size)
        if self.data == NULL:
            raise MemoryError(f"no memory for {size} bytes")

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        PyBuffer_FillInfo(buffer, self, self.data, self.size, False, flags)

    def __dealloc__(self):
        block_free(self.data, self.size)


cdef void* zeros(dim_t count, size_t size) except NULL:
    """Zeros for `count` elements of `size` bytes and one more, for free() to free; MemoryError without room."""
    cdef void* found = calloc(count + 1, size)
    if found == NULL:
        raise MemoryError(f"no memory for {count} elements of {size} bytes")
    return found
