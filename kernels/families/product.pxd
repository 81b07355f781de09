from ovlite.kernels.runtime.step cimport MAX_RANK, Member, Span, Step, View, dim_t

from .activation cimport Activation

cdef extern from "tile.h" nogil:
    ctypedef struct Tile:
        const float* a[2]
        const float* residual[2]
        float* y[2]
        const float* b
        const float* bias
        const dim_t* offset
        dim_t taps
        dim_t depth
        dim_t a_stride
        dim_t b_stride
        dim_t y_stride
        dim_t residual_stride
        dim_t residual_step
        dim_t columns
        Activation activation
    ctypedef void (*TileFunction)(const Tile* tile) noexcept
    const dim_t NO_OFFSET[1]
    enum:
        LANES
        PANEL
        TILE_ROWS


cdef struct Place:             # in each operand, in floats
    dim_t a
    dim_t b
    dim_t y
    dim_t residual


cdef struct Space:             # nested dimensions, outermost first
    int rank
    dim_t size                 # product of the shape
    dim_t shape[MAX_RANK]
    Place stride[MAX_RANK]


cdef struct Product:
    Span a
    Span b
    Span y
    Span residual              # its slot is -1 where there is none
    Space batch                # products with a `b` each
    Space lines                # lines of rows
    dim_t width                # rows in a line
    dim_t tile_lines           # lines that a row tile takes rows of: 1 or 2
    dim_t per_line             # row tiles to a line, or to two lines
    dim_t rows                 # of a line in a tile; the first `longer` tiles have one more
    dim_t longer
    dim_t tiles                # row tiles in a product
    dim_t block                # row tiles that meet all panels before the next ones do
    dim_t panels               # of all groups
    dim_t group_panels
    dim_t group_columns
    dim_t group_a              # floats between the groups' channels in a
    dim_t group_floats         # of packed weights
    dim_t k_stride             # of a; 1 where rows are read in place
    dim_t b_k_stride
    dim_t b_n_stride
    dim_t first                # of b's panel in the scratch memory, in floats: behind a's rows
    bint single                # a product has one row
    bint few                   # columns of weights, which are not in panels: see dots.h
    bint whole                 # a run-time b is packed as a whole
    bint dots                  # of one row by columns that are runs of floats
    const float* weights       # NULL for a run-time b
    Tile tile                  # with what all tiles have in common


cdef int multiply(const void* arguments, char* const* slots, const Member* me) noexcept nogil


cdef class Packed:
    cdef bint few              # columns
    cdef float* data           # [group][panel][tap][depth][width of the panel]; few: [group][column][tap][depth]
    cdef readonly dim_t groups
    cdef readonly dim_t taps
    cdef readonly dim_t depth
    cdef readonly dim_t columns
    cdef readonly dim_t nbytes
    cdef readonly tuple kernel
    cdef dim_t group_floats(self) noexcept
    cdef int fill(self, weights) except -1


cdef class ProductStep(Step):
    cdef Product product
    cdef readonly object flops
    cdef int set_rows(self, list batch, list rows) except -1
    cdef int set_weights(self, Packed weights) except -1
    cdef int set_columns(self, dim_t groups, dim_t columns) except -1
    cdef int set_epilogue(self, View y, bias, View residual, activation) except -1
    cdef int finish(self, dim_t a_bytes) except -1
