from ovlite.kernels.runtime.step cimport Member, Step, View, dim_t

from .activation cimport Activation
from .matmul_kernels cimport MatmulKernel, MatmulTile
from .matmul_space cimport Place, Position, Space, place_address, position_of
from .matmul_weights cimport CompressedWeights, Kernel, PackedWeights
from .requantization cimport Requantizer, ZeroPoint


cdef struct Matmul:
    const MatmulKernel* kernel
    int a_size                 # bytes of an element of a, b, y
    int b_size
    int y_size
    Place a
    Place b
    Place y
    Place residual             # its slot is -1 where there is none
    Space batch                # products with a `b` each
    Space lines                # lines of rows
    dim_t width                # rows in a line
    dim_t tile_lines           # lines that a row tile takes rows of: 1 or 2
    dim_t per_line             # row tiles to a line, or to two lines
    dim_t rows                 # of a line in a tile; the first remainder_tiles have one more
    dim_t remainder_tiles
    dim_t tiles                # row tiles in a product
    dim_t block                # row tiles that meet all panels before the next ones do
    dim_t panels               # of all groups
    dim_t group_panels
    dim_t group_columns
    dim_t group_a              # bytes between the groups' channels in a
    dim_t group_bytes          # of packed weights
    dim_t panel_depth          # of a panel, of all taps: filled up to whole blocks of k
    dim_t column_bytes         # of a column of packed weights
    dim_t row_bytes            # of a packed row
    dim_t tile_bytes           # of a packed row tile
    int panel_size             # bytes of an element of a panel
    dim_t b_k_stride
    dim_t b_n_stride
    dim_t b_scratch_offset     # of b's panel in the scratch memory: behind a's rows
    bint read_in_place         # rows of a are
    bint whole_lines           # likewise, and no tile has rows of two lines
    dim_t pixel                # bytes between the pixels that rows are made of, where they are split once for all taps
    dim_t split_pixel          # the same between split ones; 0 where rows are packed instead
    dim_t first_offset         # of the taps, least and largest
    dim_t last_offset
    bint single_row            # a product has one row
    bint few_columns           # of weights, which are not in panels: see matmul_dots.h
    bint packs_b               # b is run-time, or compressed weights of which panels are made
    bint decompresses          # it is the latter
    bint pack_whole_b          # it is packed as a whole
    bint row_by_columns        # one row by columns that are runs of elements
    const char* weights        # NULL for a run-time b
    const ZeroPoint* zero      # of a, where it is known at run time only
    dim_t zero_bytes           # of scratch memory for what follows from it
    MatmulTile tile            # with what all tiles have in common


cdef inline MatmulTile origin_of(const Matmul* p, char* const* slots, dim_t batch) noexcept nogil:
    """The addresses of a batch's first elements, as a tile."""
    cdef MatmulTile tile
    cdef Position position = position_of(&p.batch, batch)
    tile.a[0] = place_address(&p.a, slots) + position.a
    tile.b = place_address(&p.b, slots) + position.b if p.weights == NULL else p.weights
    tile.y[0] = place_address(&p.y, slots) + position.y
    tile.residual[0] = NULL
    if p.residual.slot >= 0:
        tile.residual[0] = place_address(&p.residual, slots) + position.residual
    return tile


cdef int run_matmul_of_zero(const void* arguments, char* const* slots, const Member* me) noexcept nogil
cdef int run_matmul(const void* arguments, char* const* slots, const Member* me) noexcept nogil


cdef class MatmulStep(Step):
    cdef Matmul matmul
    cdef PackedWeights weights
    cdef CompressedWeights compressed
    cdef object bias           # arrays that the tile points into
    cdef object offsets
    cdef object split_offsets
    cdef readonly object flops
    cdef Requantizer requantizer
    cdef int set_kernel(self, Kernel kernel, View y) except -1
    cdef int allow_bf16(self, str name, int flag) except -1
    cdef int set_requantization(self, View y, View residual, dict results) except -1
    cdef int set_zero_point(self, View zero, column_sums) except -1
    cdef int set_rows(self, list batch, list rows, bint dense=*) except -1
    cdef int join_lines(self, list rows) except -1
    cdef int set_weights(self, PackedWeights weights) except -1
    cdef int set_compressed(self, CompressedWeights weights) except -1
    cdef int set_columns(self, dim_t groups, dim_t columns) except -1
    cdef int set_epilogue(self, View y, bias, View residual, activation) except -1
    cdef int set_split(self, dim_t b_bytes) except -1
    cdef int finish(self, dim_t a_bytes) except -1
