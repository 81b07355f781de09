from ovlite.kernels.runtime.step cimport MAX_RANK, Member, Span, Step, View, dim_t

from .activation cimport Activation
from .requantization cimport Requantization, Requantizer

cdef extern from "matmul_kernels.h" nogil:
    ctypedef struct MatmulTile:
        const char* a[2]
        const char* residual[2]
        char* y[2]
        const char* b
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
        dim_t column
        const Requantization* requantization
        Activation activation
        dim_t count
        dim_t first_rows
        dim_t k_stride
        const char* rows[2]
        dim_t row_stride
        dim_t chunk_stride
        dim_t part_stride
        const dim_t* row_offset
        dim_t row_taps
        dim_t row_chunks
        dim_t ahead
    ctypedef void (*TileFunction)(const MatmulTile* tile) noexcept
    ctypedef TileFunction[2] TileWidths
    ctypedef TileFunction[4] TileColumns
    ctypedef struct MatmulKernel:
        const char* name
        const char* needs
        int a
        int b
        int sum
        int y
        int rows
        int columns
        int k_block
        int few_rows
        int few_columns
        const TileWidths* tiles
        const TileFunction* single_row
        const TileFunction* dots
        const TileColumns* few
        void (*pack_panel)(const char* b, dim_t depth, dim_t k_stride, dim_t columns, dim_t n_stride, char* panel,
                           dim_t width) noexcept nogil
        void (*pack_rows)(const char* a, dim_t rows, dim_t row_stride, dim_t depth, dim_t k_stride,
                          char* to) noexcept nogil
        int parts
        void (*split_rows)(const char* a, dim_t rows, dim_t row_stride, const dim_t* offset, dim_t taps, dim_t depth,
                           dim_t k_stride, char* to) noexcept nogil
        void (*split_pixels)(const char* a, dim_t pixels, dim_t stride, dim_t depth, char* to) noexcept nogil
        void (*begin)() noexcept nogil
        void (*end)() noexcept nogil
        bint (*permitted)() noexcept nogil
        int (*gain)() noexcept nogil
        int whole_rows
    enum:
        CHUNK
        CHUNK_BYTES
        TILE_BYTES
        TILE_SIZE
        TILE_HEIGHT
    const MatmulKernel matmul_kernels[1]
    const dim_t NO_OFFSET[2]
    bint few_columns_pay(dim_t columns, dim_t terms) noexcept


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


cdef struct Matmul:
    const MatmulKernel* kernel
    int a_size                 # bytes of an element of a, b, y
    int b_size
    int y_size
    Span a
    Span b
    Span y
    Span residual              # its slot is -1 where there is none
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
    dim_t row_bytes            # of a packed row
    dim_t tile_bytes           # of a packed row tile
    int panel_size             # bytes of an element of a panel
    dim_t b_k_stride
    dim_t b_n_stride
    dim_t b_scratch_offset     # of b's panel in the scratch memory: behind a's rows
    bint read_in_place         # rows of a are
    dim_t pixel                # bytes between the pixels that rows are made of, where they are split once for all taps
    dim_t split_pixel          # the same between split ones; 0 where rows are packed instead
    dim_t first_offset         # of the taps, least and largest
    dim_t last_offset
    bint single_row            # a product has one row
    bint few_columns           # of weights, which are not in panels: see matmul_dots.h
    bint pack_whole_b          # a run-time b is packed as a whole
    bint row_by_columns        # one row by columns that are runs of elements
    const char* weights        # NULL for a run-time b
    Span zero                  # of a, one byte that is known at run time only; its slot is -1 where there is none
    const int* column_sums     # of the weights, for each column of all panels, where `zero` is
    dim_t zero_scratch         # bytes of scratch memory for the shifts that follow from it
    MatmulTile tile            # with what all tiles have in common


cdef int run_matmul_of_zero(const void* arguments, char* const* slots, const Member* me) noexcept nogil
cdef int run_matmul(const void* arguments, char* const* slots, const Member* me) noexcept nogil


cdef class Kernel:
    cdef const MatmulKernel* row


cdef class PackedWeights:
    cdef readonly Kernel kernel
    cdef bint few_columns
    # [group][panel][tap][depth][width of the panel]; few: [group][column][tap][depth]
    cdef const unsigned char[::1] data
    cdef readonly dim_t groups
    cdef readonly dim_t taps
    cdef readonly dim_t depth
    cdef readonly dim_t columns
    cdef readonly dim_t nbytes
    cdef readonly dim_t group_bytes
    cdef readonly tuple window
    cdef int fill(self, weights, char* to) except -1


cdef class MatmulStep(Step):
    cdef Matmul matmul
    cdef PackedWeights weights
    cdef const float[:, ::1] bias
    cdef const dim_t[::1] offsets
    cdef const dim_t[::1] split_offsets
    cdef readonly object flops
    cdef Requantizer requantizer
    cdef const int[:, ::1] column_sums
    cdef int set_kernel(self, Kernel kernel, View y) except -1
    cdef int set_requantization(self, View y, View residual, dict results) except -1
    cdef int set_zero_point(self, View zero, column_sums) except -1
    cdef int set_rows(self, list batch, list rows) except -1
    cdef int set_weights(self, PackedWeights weights) except -1
    cdef int set_columns(self, dim_t groups, dim_t columns) except -1
    cdef int set_epilogue(self, View y, bias, View residual, activation) except -1
    cdef int set_split(self, dim_t b_bytes) except -1
    cdef int finish(self, dim_t a_bytes) except -1
