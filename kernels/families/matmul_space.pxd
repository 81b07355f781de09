"""Places in the operands of a product, and the nested dimensions that lead to them."""

from libc.stdlib cimport free
from ovlite.kernels.runtime.block cimport zeros
from ovlite.kernels.runtime.step cimport View, dim_t

from .matmul_kernels cimport MatmulTile


cdef struct Position:          # in each operand, in bytes
    dim_t a
    dim_t b
    dim_t y
    dim_t residual


cdef struct Place:             # of an operand's first element: see Span
    int slot
    dim_t offset


cdef struct Dimension:
    dim_t length
    Position stride


cdef struct Space:             # nested dimensions, outermost first
    int rank
    dim_t size                 # product of the lengths
    Dimension* dims            # for free() to free


cdef inline Place place_of(View view) noexcept:
    """Where a View begins; a product holds its strides by itself. View is never None: callers have declared it so."""
    return Place(view.span.slot, view.span.offset)


cdef inline char* place_address(const Place* place, char* const* slots) noexcept nogil:
    return slots[place.slot] + place.offset


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
            index = index // space.dims[axis].length
            i -= index * space.dims[axis].length
        found.a += i * space.dims[axis].stride.a
        found.b += i * space.dims[axis].stride.b
        found.y += i * space.dims[axis].stride.y
        found.residual += i * space.dims[axis].stride.residual
    return found


cdef inline void set_half(MatmulTile* tile, int half, const MatmulTile* origin, Position position,
                          dim_t row) noexcept nogil:
    """Points a half of `tile` at a row of the line at `position`."""
    tile.a[half] = origin.a[0] + position.a + row * tile.a_stride
    tile.y[half] = origin.y[0] + position.y + row * tile.y_stride
    tile.residual[half] = NULL
    if origin.residual[0] != NULL:
        tile.residual[half] = origin.residual[0] + position.residual + row * tile.residual_stride


cdef inline int set_space(Space* space, list dims) except -1:
    """The space of (length, a, b, y, residual) tuples, outermost first."""
    cdef int axis
    free(space.dims)
    space.dims = NULL
    space.rank, space.size = len(dims), 1
    space.dims = <Dimension*>zeros(space.rank, sizeof(Dimension))
    for axis, (length, a, b, y, residual) in enumerate(dims):
        space.dims[axis].length = length
        space.size *= length
        set_position(&space.dims[axis].stride, a, b, y, residual)
    return 0
