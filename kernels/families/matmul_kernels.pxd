from ovlite.kernels.runtime.step cimport dim_t

from .activation cimport Activation
from .requantization cimport Requantization

cdef extern from "matmul_kernels.h" nogil:
    ctypedef struct Compression:
        dim_t depth
        dim_t group
        float zero
        int bits
        int has_zeros
    ctypedef struct MatmulTile:
        const char* a[2]
        const char* residual[2]
        char* y[2]
        const char* b
        const float* bias
        const dim_t* offset
        const dim_t* b_row
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
        const Compression* compression
        dim_t more
        Activation activation
        int bf16
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
        dim_t pitch
        dim_t width
        dim_t first
        dim_t y_line
        dim_t residual_line
        dim_t shaped
    ctypedef void (*TileFunction)(const MatmulTile* tile) noexcept
    ctypedef TileFunction[2] TileWidths
    ctypedef TileFunction[4] TileColumns
    ctypedef void (*SplitRows)(const char* a, dim_t rows, dim_t row_stride, const dim_t* offset, dim_t taps,
                               dim_t depth, dim_t k_stride, char* to) noexcept
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
                          char* to, dim_t to_stride) noexcept nogil
        int parts
        SplitRows split_rows
        void (*split_pixels)(const char* a, dim_t pixels, dim_t stride, dim_t depth, char* to) noexcept nogil
        SplitRows copy_rows
        void (*begin)() noexcept nogil
        void (*end)() noexcept nogil
        bint (*permitted)() noexcept nogil
        int (*gain)() noexcept nogil
        int whole_rows
        void (*shape)(int first, int second) noexcept nogil
        int narrow_rows
        void (*widen_rows)(const char* a, dim_t rows, dim_t row_stride, const dim_t* offset, dim_t taps, dim_t depth,
                           dim_t k_stride, char* to, dim_t to_stride) noexcept nogil
        bint splits_pairs
    enum:
        BF16_A
        BF16_Y
        BF16_RESIDUAL
        CACHED_ROWS
        CHUNK
        CHUNK_BYTES
        TILE_BYTES
        TILE_SIZE
        TILE_HEIGHT
    const int ELEMENT_BYTES[13]
    const MatmulKernel matmul_kernels[1]
    const MatmulKernel compressed_kernels[3]
    enum:
        FEW_COMPRESSED_ROWS
    dim_t compressed_bytes(const Compression* compression) noexcept
    void pack_compressed(
        const Compression* compression, const unsigned char* codes, dim_t row_bytes, const float* scales,
        const float* zeros, dim_t groups, dim_t columns, char* panel) noexcept
    void decompress(const Compression* compression, const char* panel, dim_t width, float* to) noexcept
    void multiply_line(const MatmulKernel* kernel, MatmulTile* tile, bint full, dim_t rows, dim_t larger, dim_t first,
                       dim_t count) noexcept
    const dim_t NO_OFFSET[3]
    bint few_columns_pay(dim_t columns, dim_t terms) noexcept
