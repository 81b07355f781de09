"""Nested loops over one or two operands: what remains of shapes and strides below a constructor."""

from ovlite.kernels.runtime.step cimport MAX_RANK, dim_t


cdef struct Loops:
    int rank
    dim_t count                # of all passes together
    dim_t length[MAX_RANK]     # outermost first
    dim_t x[MAX_RANK]          # bytes from one pass to the next
    dim_t y[MAX_RANK]


# Adds to x and y the distances in bytes from pass 0 to pass `index`.
cdef inline void place(const Loops* loops, dim_t index, dim_t* x, dim_t* y) noexcept nogil:
    cdef int i
    cdef dim_t at
    for i in range(loops.rank - 1, 0, -1):
        at = index % loops.length[i]
        index //= loops.length[i]
        x[0] += at * loops.x[i]
        y[0] += at * loops.y[i]
    if loops.rank > 0:
        x[0] += index * loops.x[0]
        y[0] += index * loops.y[0]


# Fills in from [(length, (stride of x, stride of y)), ...], strides in elements of the sizes given.
cdef inline int set_loops(Loops* loops, list dims, int x_size, int y_size) except -1:
    cdef int i
    loops.rank = len(dims)
    loops.count = 1
    for i, (length, (x, y)) in enumerate(dims):
        loops.length[i] = length
        loops.x[i] = x * x_size
        loops.y[i] = y * y_size
        loops.count *= loops.length[i]
    return 0
