"""Nested loops over one or two operands: what remains of shapes and strides below a constructor."""

from .step cimport MAX_RANK, View, dim_t


cdef struct LoopNest:
    int rank
    dim_t count                # of all passes together
    dim_t length[MAX_RANK]     # outermost first
    dim_t x[MAX_RANK]          # bytes from one pass to the next
    dim_t y[MAX_RANK]


# Adds to x and y the distances in bytes from pass 0 to pass `index`.
cdef inline void offset_of(const LoopNest* nest, dim_t index, dim_t* x, dim_t* y) noexcept nogil:
    cdef int i
    cdef dim_t at
    for i in range(nest.rank - 1, 0, -1):
        at = index % nest.length[i]
        index //= nest.length[i]
        x[0] += at * nest.x[i]
        y[0] += at * nest.y[i]
    if nest.rank > 0:
        x[0] += index * nest.x[0]
        y[0] += index * nest.y[0]


# Fills in a nest from dimensions [(length, stride of x, stride of y), ...], strides in elements of the sizes given.
cdef int set_nest(LoopNest* nest, list dims, int x_size, int y_size) except -1
