"""Blocks of memory for packed weights and scratch space."""

from cpython.buffer cimport PyBuffer_FillInfo

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
