"""Places in the operands of a product, and the nested dimensions that lead to them."""

from libc.string cimport memset
from ovlite.kernels.runtime.step cimport MAX_RANK, dim_t

from .matmul_kernels cimport MatmulTile


cdef struct Position:          # in each operand, in bytes
    dim_t a
    dim_t b
    dim_t y
    dim_t residual


cdef struct Space:             # nested dimensions, outermost first
    int rank
    dim_t size                 # product of the shape
    dim_t shape[MAX_RANK]
    Position stride[MAX_RANK]


cdef inline void set_position(Position* position, dim_t a, dim_t b, dim_t y, dim_t residual) noexcept nogil:
    position.a = a
    position.b = b
    position.y = y
    position.residual = residual


cdef inline Position position_of(const Space* space, dim_t index) noexcept nogil:
    """Position of the index-th element of a space."""
    cdef Position found
    cdef dim_t i
    cdef int axis
    set_position(&found, 0, 0, 0, 0)
    for axis in range(space.rank - 1, -1, -1):
        i = index
        if axis > 0:
            index = index // space.shape[axis]
            i -= index * space.shape[axis]
        found.a += i * space.stride[axis].a
        found.b += i * space.stride[axis].b
        found.y += i * space.stride[axis].y
        found.residual += i * space.stride[axis].residual
    return found


cdef inline void set_half(MatmulTile* tile, int half, const MatmulTile* origin, Position position,
                          dim_t row) noexcept nogil:
    """Points a half of `tile` at a row of the line at `position`."""
    tile.a[half] = origin.a[0] + position.a + row * tile.a_stride
    tile.y[half] = origin.y[0] + position.y + row * tile.y_stride
    tile.residual[half] = NULL
    if origin.residual[0] != NULL:
        tile.residual[half] = origin.residual[0] + position.residual + row * tile.residual_stride


cdef inline Space space_of(list dims) except *:
    """The space of (size, a, b, y, residual) tuples, outermost first."""
    cdef Space space
    cdef int axis
    memset(&space, 0, sizeof(space))
    space.rank = len(dims)
    space.size = 1
    for axis, (size, a, b, y, residual) in enumerate(dims):
        space.shape[axis] = size
        space.size *= size
        set_position(&space.stride[axis], a, b, y, residual)
    return space
