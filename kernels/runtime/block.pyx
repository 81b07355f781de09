"""Memory: blocks for packed weights and scratch space, arrays of C structures, and sums that find damaged bytes."""

from cpython.buffer cimport PyBuffer_FillInfo
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

cdef extern from "memory.h" nogil:
    char* block_new(dim_t size)
    void block_free(char* block, dim_t size)


cdef unsigned long long PRIME = 0x9E3779B185EBCA87
cdef enum:
    LANES = 8


cdef unsigned long long mixed(unsigned long long total, unsigned long long word) noexcept nogil:
    """A bijection of either operand while the other one stays."""
    total = (total ^ word) * PRIME
    return total ^ (total >> 29)


def checksum(const unsigned char[::1] data not None):
    """A number of 64 bits that is another one where bytes are damaged. Not against who damages them on purpose."""
    cdef unsigned long long[LANES] totals
    cdef unsigned long long total = len(data), word
    cdef Py_ssize_t at = 0, size = len(data)
    cdef const unsigned char* bytes = &data[0] if size else NULL
    cdef int lane
    with nogil:
        for lane in range(LANES):
            totals[lane] = lane
        while at + LANES * 8 <= size:
            for lane in range(LANES):
                memcpy(&word, bytes + at + 8 * lane, 8)
                totals[lane] = mixed(totals[lane], word)
            at += LANES * 8
        for lane in range(LANES):
            total = mixed(total, totals[lane])
        while at < size:
            total = mixed(total, bytes[at])
            at += 1
    return total


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


cdef struct Placed:
    dim_t begin
    dim_t end
    dim_t first
    dim_t last


def lowest_offsets(list buffers):
    """Where buffers (size, first, last) lie that are placed in this order: each at the lowest offset where it overlaps
    none before it that is live in some of the same steps, `first` to `last`."""
    cdef Placed* placed = <Placed*>zeros(len(buffers), sizeof(Placed))    # by begin
    cdef Placed new
    cdef dim_t size
    cdef int i, count = 0
    offsets = []
    try:
        for size, new.first, new.last in buffers:
            new.begin = 0
            for i in range(count):
                if placed[i].last < new.first or new.last < placed[i].first:
                    continue
                if new.begin + size <= placed[i].begin:
                    break
                new.begin = max(new.begin, placed[i].end)
            new.end = new.begin + size
            i = count
            while i > 0 and placed[i - 1].begin > new.begin:
                placed[i] = placed[i - 1]
                i -= 1
            placed[i] = new
            count += 1
            offsets.append(new.begin)
    finally:
        free(placed)
    return offsets
