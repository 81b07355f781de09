# cython: wraparound=True
"""Convolution with 3 x 3 or 5 x 5 windows at stride 1 by Winograd's F(m x m, r x r), m = 2 or 4; see winograd.h.

The output is cut into tiles of m x m pixels. A unit of work is a block of tiles and a block of a group's columns: the
input tiles are transformed into (m + r - 1)^2 matrices of tiles x channels in scratch memory, each is multiplied
by its matrix of transformed weights, and the products are transformed back. A member that has several column
blocks of one block of tiles transforms the input once.

An infinity or a NaN in the input reaches all the outputs of its tile, not only those whose window holds it.
"""

import numpy as np

from ovlite.kernels.runtime.step cimport (
    CANCELLED, OK, Member, Span, Step, View, address, dim_t, first_element, share, stopped)
from ovlite.kernels.runtime import transforms
from ovlite.kernels.runtime.checks import check_f32, check_images
from ovlite.kernels.runtime.strides import broadcast_strides

from .activation cimport Activation, activation_from_tuple
from .matmul_kernels cimport NO_OFFSET, MatmulKernel, MatmulTile
from .matmul_weights cimport PackedWeights, whole_blocks
from .matmul_weights import kernel_for
from .requantization cimport Requantization, Requantizer
from .requantization import check_types, padded_columns

cdef extern from "winograd.h" nogil:
    ctypedef struct OutputTile:
        const float* bias
        const float* residual
        float* y
        dim_t y_line
        dim_t y_pixel
        dim_t residual_line
        dim_t residual_pixel
        dim_t residual_step
        dim_t lines
        dim_t pixels
        dim_t columns
        Activation activation
    enum:
        LANES
        MOST_IN
    void transform_input(int side, const float** line, const dim_t* pixel, dim_t channels, float* parts,
                         dim_t part_stride) noexcept
    void transform_output(int side, int out, const OutputTile* tile, const float* parts, dim_t part_stride) noexcept

cdef extern from "winograd_int8.h" nogil:
    ctypedef struct ResultRows:
        char* y[2]
        const char* residual[2]
        dim_t y_stride
        dim_t residual_stride
        dim_t residual_step
        dim_t column
        dim_t columns
    ctypedef struct PairProduct:
        const char* a
        const char* b
        int* sums
        dim_t a_stride
        dim_t sums_stride
        dim_t pairs
    enum:
        PARTS
        WHOLE
    void multiply_pairs(PairProduct product, dim_t rows) noexcept
    void transform_bytes(const char** line, const dim_t* pixel, dim_t channels, char* parts,
                         dim_t part_stride) noexcept
    void write_bytes(const Requantization* to, const ResultRows* rows, dim_t lines, dim_t pixels, dim_t y_line,
                     dim_t residual_line, const char* sums, dim_t part_stride) noexcept

cdef enum:
    COLUMN_BLOCK = 64              # a multiple of the columns of a panel
    NARROW_BLOCK = 32              # where wider ones would be too few to share
    FEWEST_UNITS = 8               # of work, for as many members
    CACHED_BYTES = 3 << 17         # of a block's transformed input, so that L2 holds weights and output beside it
    CACHED_WEIGHTS = 1 << 20       # bytes that stay in a cache from one block to the next
    STREAMED_BYTES = 1 << 21       # as CACHED_BYTES where they don't; AVX-512 would wait for such a block
    SMALL_FLOPS = 200000           # see Step.share_above


cdef struct Tiling:
    Span x
    Span y
    Span residual              # its slot is -1 where there is none
    int out                    # pixels of an output tile, a side
    int side                   # the same of an input tile
    int parts                  # side^2
    dim_t groups
    dim_t tile_lines           # tiles in an image: tile_lines x tile_pixels
    dim_t tile_pixels
    dim_t tiles                # of all images
    dim_t block                # tiles in a block
    dim_t blocks
    dim_t column_block
    dim_t column_blocks
    dim_t x_image              # strides in floats
    dim_t x_line
    dim_t x_pixel
    dim_t y_image
    dim_t residual_image
    dim_t channels             # of a group
    dim_t padded_channels      # to whole vectors
    dim_t columns              # of a group
    dim_t height               # of the output
    dim_t width
    dim_t in_part              # floats between the parts of a block's transformed input
    dim_t out_part             # the same of its products
    const float* weights
    dim_t weights_part
    const MatmulKernel* kernel
    MatmulTile tile            # with what all multiplications have in common
    OutputTile output          # the same of all output tiles


cdef struct ByteTiling:        # of a convolution of bytes, with output tiles of 2 x 2; strides are in bytes
    Span x
    Span y
    Span residual
    dim_t tile_lines
    dim_t tile_pixels
    dim_t tiles
    dim_t blocks
    dim_t column_blocks
    dim_t x_image
    dim_t x_line
    dim_t x_pixel
    dim_t y_image
    dim_t y_line
    dim_t y_size
    dim_t residual_image
    dim_t residual_line
    dim_t channels
    dim_t columns
    dim_t height
    dim_t width
    dim_t row_bytes            # of a tile's part of transformed input
    dim_t in_part
    dim_t out_part
    const char* weights
    dim_t weights_part
    const Requantization* requantization
    ResultRows rows            # with what all results have in common


cdef void transform_tile(const Tiling* p, char* const* slots, dim_t group, dim_t index, float* parts) noexcept nogil:
    """Transforms the input of tile `index`. Pixels outside all windows, past odd edges, are not read."""
    cdef dim_t row = index // p.tile_pixels, i, line, pixel, beyond = p.side - p.out - 1
    cdef dim_t image = row // p.tile_lines
    cdef const float* x = <const float*>address(&p.x, slots) + image * p.x_image + group * p.channels
    cdef const float* lines[MOST_IN]
    cdef dim_t pixels[MOST_IN]
    index -= row * p.tile_pixels
    row -= image * p.tile_lines
    for i in range(p.side):
        line = min(row * p.out + i, p.height + beyond)
        pixel = min(index * p.out + i, p.width + beyond)
        lines[i] = x + line * p.x_line
        pixels[i] = pixel * p.x_pixel
    transform_input(p.side, lines, pixels, p.channels, parts, p.in_part)


cdef void multiply_parts(
    const Tiling* p, dim_t tiles, dim_t group, dim_t column, const float* parts, float* sums
) noexcept nogil:
    """Multiplies each part of a block of tiles by its weights, for the column block that begins at `column`."""
    cdef MatmulTile tile = p.tile
    cdef const MatmulKernel* kernel = p.kernel
    cdef dim_t part, j, row, rows, last = min(column + p.column_block, p.columns)
    cdef dim_t count = (tiles + kernel.rows - 1) // kernel.rows
    cdef const float* weights = p.weights + group * p.parts * p.weights_part
    cdef dim_t piece
    for part in range(p.parts):
        j = column
        while j < last:
            tile.b = <const char*>(weights + part * p.weights_part + j * p.channels)
            tile.columns = kernel.columns if last - j > kernel.columns // 2 else kernel.columns // 2
            tile.b_stride = tile.columns * sizeof(float)
            for piece in range(count):
                row = tiles * piece // count
                rows = tiles * (piece + 1) // count - row
                tile.a[0] = <const char*>(parts + part * p.in_part) + row * tile.a_stride
                tile.a[1] = tile.a[0] + (rows + 1) // 2 * tile.a_stride
                tile.y[0] = <char*>(sums + part * p.out_part + row * p.column_block + j - column)
                tile.y[1] = tile.y[0] + (rows + 1) // 2 * tile.y_stride
                kernel.tiles[rows - 1][tile.columns == kernel.columns](&tile)
            j += kernel.columns


cdef void write_tile(const Tiling* p, char* const* slots, dim_t index, dim_t column, const float* sums,
                     OutputTile* output) noexcept nogil:
    """Transforms the sums of tile `index` back, for the block that begins at `column` of all groups'."""
    cdef dim_t row = index // p.tile_pixels
    cdef dim_t image = row // p.tile_lines
    index -= row * p.tile_pixels
    row -= image * p.tile_lines
    row *= p.out
    index *= p.out
    output.lines = min(p.height - row, <dim_t>p.out)
    output.pixels = min(p.width - index, <dim_t>p.out)
    output.y = (<float*>address(&p.y, slots) + image * p.y_image + row * output.y_line
                + index * output.y_pixel + column)
    if p.residual.slot >= 0:
        output.residual = (<const float*>address(&p.residual, slots) + image * p.residual_image
                           + row * output.residual_line + index * output.residual_pixel
                           + column * output.residual_step)
    transform_output(p.side, p.out, output, sums, p.out_part)


cdef void transform_tile_of_bytes(const ByteTiling* p, char* const* slots, dim_t index, char* parts) noexcept nogil:
    """Transforms the input of tile `index`."""
    cdef dim_t row = index // p.tile_pixels, i
    cdef dim_t image = row // p.tile_lines
    cdef const char* x = address(&p.x, slots) + image * p.x_image
    cdef const char* lines[4]
    cdef dim_t pixels[4]
    index -= row * p.tile_pixels
    row -= image * p.tile_lines
    for i in range(4):
        lines[i] = x + min(2 * row + i, p.height + 1) * p.x_line
        pixels[i] = min(2 * index + i, p.width + 1) * p.x_pixel
    transform_bytes(lines, pixels, p.channels, parts, p.in_part)


cdef void multiply_bytes(const ByteTiling* p, dim_t tiles, dim_t column, const char* parts, char* sums) noexcept nogil:
    """Multiplies each part of a block of tiles by its weights, for the column block that begins at `column`."""
    cdef PairProduct product
    cdef dim_t part, j, last = min(column + COLUMN_BLOCK, p.columns)
    product.a_stride = p.row_bytes
    product.sums_stride = COLUMN_BLOCK * sizeof(int)
    product.pairs = (p.channels + 1) // 2
    for part in range(PARTS):
        j = column
        while j < last:
            product.a = parts + part * p.in_part
            product.b = p.weights + part * p.weights_part + j * product.pairs * 2 * sizeof(short)
            product.sums = <int*>(sums + part * p.out_part) + j - column
            multiply_pairs(product, tiles)
            j += WHOLE


cdef void write_tile_of_bytes(const ByteTiling* p, char* const* slots, dim_t index, const char* sums,
                              ResultRows* rows) noexcept nogil:
    """Makes results of the sums of tile `index`, in the columns of `rows`."""
    cdef dim_t row = index // p.tile_pixels
    cdef dim_t image = row // p.tile_lines
    index -= row * p.tile_pixels
    row -= image * p.tile_lines
    rows.y[0] = (address(&p.y, slots) + image * p.y_image + 2 * row * p.y_line + 2 * index * rows.y_stride
                 + rows.column * p.y_size)
    rows.residual[0] = NULL
    if p.residual.slot >= 0:
        rows.residual[0] = (address(&p.residual, slots) + image * p.residual_image + 2 * row * p.residual_line
                            + 2 * index * rows.residual_stride + rows.column * rows.residual_step)
    write_bytes(p.requantization, rows, min(p.height - 2 * row, <dim_t>2), min(p.width - 2 * index, <dim_t>2),
                p.y_line, p.residual_line, sums, p.out_part)


cdef int convolve_bytes(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const ByteTiling* p = <const ByteTiling*>arguments
    cdef char* parts = me.scratch
    cdef char* sums = parts + PARTS * p.in_part
    cdef ResultRows rows = p.rows
    cdef dim_t at, end, block, first, count, tile, transformed = -1
    share(me, p.blocks * p.column_blocks, 1, &at, &end)
    for at in range(at, end):
        if stopped(me):
            return CANCELLED
        block = at // p.column_blocks
        rows.column = (at - block * p.column_blocks) * COLUMN_BLOCK
        rows.columns = min(<dim_t>COLUMN_BLOCK, p.columns - rows.column)
        first = p.tiles * block // p.blocks
        count = p.tiles * (block + 1) // p.blocks - first
        if transformed != block:
            transformed = block
            for tile in range(count):
                transform_tile_of_bytes(p, slots, first + tile, parts + tile * p.row_bytes)
        multiply_bytes(p, count, rows.column, parts, sums)
        for tile in range(count):
            write_tile_of_bytes(p, slots, first + tile, sums + tile * COLUMN_BLOCK * sizeof(int), &rows)
    return OK


cdef int convolve(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const Tiling* p = <const Tiling*>arguments
    cdef float* parts = <float*>me.scratch
    cdef float* sums = parts + p.parts * p.in_part
    cdef OutputTile output = p.output
    cdef dim_t at, end, block, group, first, count, tile, column, transformed = -1
    share(me, p.groups * p.blocks * p.column_blocks, 1, &at, &end)
    for at in range(at, end):
        if stopped(me):
            return CANCELLED
        block = at // p.column_blocks
        column = (at - block * p.column_blocks) * p.column_block
        group = block // p.blocks
        first = p.tiles * (block - group * p.blocks) // p.blocks
        count = p.tiles * (block - group * p.blocks + 1) // p.blocks - first
        if transformed != block:
            transformed = block
            for tile in range(count):
                transform_tile(p, slots, group, first + tile, parts + tile * p.padded_channels)
        multiply_parts(p, count, group, column, parts, sums)
        output.columns = min(p.column_block, p.columns - column)
        if p.output.bias != NULL:
            output.bias = p.output.bias + group * p.column_blocks * p.column_block + column
        for tile in range(count):
            write_tile(p, slots, first + tile, group * p.columns + column, sums + tile * p.column_block, &output)
    return OK


class TransformedWeights:
    """Weights packed for Winograd, from an f32 array (Cout, Cin / groups, 3, 3), for output tiles of out x out pixels.

    out: 2 or 4, or 2 for an array (Cout, Cin / groups, 5, 5). packed: as of PackedWeights. nbytes: memory held.
    """

    def __init__(self, weights, out, packed=None, groups=1):
        if out not in (2, 4) or (weights.shape[2:] != (3, 3) and (out, weights.shape[2:]) != (2, (5, 5))):
            raise ValueError("expected output tiles of 2 x 2 or 4 x 4 for windows of 3 x 3, or 2 x 2 for 5 x 5, "
                             f"got {out} x {out} for weights {weights.shape}")
        self.out = out
        columns, self.depth, *window = weights.shape
        self.columns, self.groups, self.window = columns // groups, groups, tuple(window)
        kernel = kernel_for("f32", "f32")
        if packed is None:
            self.packed = PackedWeights(kernel, transforms.transformed(weights, out, groups), panels=True)
        else:
            shape = groups * (out + window[0] - 1) ** 2, 1, self.depth, self.columns
            self.packed = PackedWeights(kernel, np.broadcast_to(np.float32(0), shape), panels=True, packed=packed)
        self.nbytes = self.packed.nbytes


cdef class Winograd(Step):
    """y = activation(convolution(x, weights) + bias + residual) with 3 x 3 or 5 x 5 windows at stride 1, all f32.

    x: (N, Cin, H, W), y: (N, Cout, H, W), of channel stride 1. weights: TransformedWeights. For the rest
    see convolution.DirectConvolution.
    flops: floating-point operations of a direct convolution.
    """

    cdef Tiling tiling
    cdef PackedWeights packed
    cdef const float[::1] bias
    cdef readonly object flops

    def __init__(self, View x not None, View y not None, weights not None, pads_begin, bias=None, View residual=None,
                 activation=None):
        cdef Tiling* p = &self.tiling
        cdef PackedWeights packed = weights.packed
        check_f32(x=x, y=y, residual=residual)
        self.packed = packed
        p.kernel = packed.kernel.row
        p.out, p.groups = weights.out, weights.groups
        p.side = p.out + weights.window[0] - 1
        p.parts = p.side * p.side
        p.channels, p.columns = packed.depth, packed.columns
        p.weights = <const float*>first_element(packed.data)
        p.weights_part = packed.group_bytes // sizeof(float)
        self.set_images(x, y, residual, pads_begin)
        self.set_blocks(y.shape[0])
        self.set_bias(bias)
        p.output.activation = activation_from_tuple(activation)
        self.reads = (x,) if residual is None else (x, residual)
        self.writes = (y,)
        self.flops = 2 * y.size * p.channels * weights.window[0] ** 2
        self.share_above(SMALL_FLOPS, self.flops, p.groups * p.blocks * p.column_blocks)
        self.args = p
        self.run = convolve

    cdef int set_images(self, View x, View y, View residual, pads_begin) except -1:
        cdef Tiling* p = &self.tiling
        p.x = x.span
        p.y = y.span
        p.residual.slot = -1
        p.height, p.width = y.shape[2:]
        p.x_image, _, p.x_line, p.x_pixel = x.strides
        p.x.offset -= 4 * (pads_begin[0] * p.x_line + pads_begin[1] * p.x_pixel)
        p.y_image, _, p.output.y_line, p.output.y_pixel = y.strides
        if residual is not None:
            p.residual = residual.span
            strides = broadcast_strides(residual, y.shape, "residual")
            p.residual_image, p.output.residual_step, p.output.residual_line, p.output.residual_pixel = strides
        return 0

    cdef dim_t fewest_blocks(self, dim_t size) noexcept:
        """How many blocks of tiles there have to be, for the transformed input of each to take `size` bytes at most, or
        that of one register tile's rows where that is more."""
        cdef Tiling* p = &self.tiling
        cdef dim_t most = size // (4 * p.parts * max(p.padded_channels, <dim_t>1))
        most = max(most, <dim_t>p.kernel.rows)
        return (p.tiles + most - 1) // most

    cdef int set_blocks(self, dim_t images) except -1:
        cdef Tiling* p = &self.tiling
        cdef dim_t padded = (p.channels + LANES - 1) // LANES * LANES
        cdef dim_t narrow, fewest
        p.padded_channels = padded
        p.tile_lines = (p.height + p.out - 1) // p.out
        p.tile_pixels = (p.width + p.out - 1) // p.out
        p.tiles = images * p.tile_lines * p.tile_pixels
        p.blocks = self.fewest_blocks(CACHED_BYTES)
        if LANES < 16 and p.parts * p.weights_part * <dim_t>sizeof(float) > CACHED_WEIGHTS:
            narrow = p.groups * ((p.columns + NARROW_BLOCK - 1) // NARROW_BLOCK)
            fewest = max(self.fewest_blocks(STREAMED_BYTES), (FEWEST_UNITS + narrow - 1) // narrow)
            p.blocks = min(p.blocks, fewest)
        p.block = (p.tiles + p.blocks - 1) // max(p.blocks, <dim_t>1)
        p.column_block = COLUMN_BLOCK
        if LANES < 16 and p.groups * p.blocks * ((p.columns + COLUMN_BLOCK - 1) // COLUMN_BLOCK) < FEWEST_UNITS:
            p.column_block = NARROW_BLOCK
        p.column_blocks = (p.columns + p.column_block - 1) // p.column_block
        p.in_part = p.block * padded + LANES
        p.out_part = p.block * p.column_block + LANES
        p.tile.taps = 1
        p.tile.offset = NO_OFFSET
        p.tile.depth = p.channels
        p.tile.a_stride = padded * sizeof(float)
        p.tile.y_stride = p.column_block * sizeof(float)
        self.scratch = 4 * p.parts * (p.in_part + p.out_part)
        return 0

    cdef int set_bias(self, bias) except -1:
        cdef Tiling* p = &self.tiling
        if bias is None:
            return 0
        if np.shape(bias) != (p.groups * p.columns,):
            raise ValueError(f"expected a bias of shape {(p.groups * p.columns,)}, got {np.shape(bias)}")
        self.bias = padded_columns(bias, np.float32, (p.groups, p.columns, p.column_blocks * p.column_block)).ravel()
        p.output.bias = <const float*>first_element(self.bias)
        return 0


class TransformedBytes(transforms.TransformedBytes):
    """Weights packed for this level's QuantizedWinograd, see there."""

    width = WHOLE


cdef class QuantizedWinograd(Step):
    """y = results of (convolution(x, weights) + shifts), exact integer sums, with 3 x 3 windows at stride 1.

    x: u8 (N, Cin, H, W), y: (N, Cout, H, W) of f32, u8 or i8, of channel stride 1. weights: TransformedBytes. What the
    windows reach beyond x must hold x's zero point in memory. results: what Requantizer takes, with a value for each
    output channel.
    flops: those of a direct convolution.
    """

    cdef ByteTiling tiling
    cdef Requantizer requantizer
    cdef const unsigned char[::1] weights
    cdef readonly object flops

    def __init__(self, View x not None, View y not None, weights not None, pads_begin, View residual=None, **results):
        cdef ByteTiling* p = &self.tiling
        check_types(x, y)
        check_images(x, y, weights, residual, 1)
        p.channels, p.columns = weights.depth, weights.columns
        self.weights = weights.packed
        p.weights = <const char*>first_element(self.weights)
        p.weights_part = weights.nbytes // PARTS
        p.column_blocks = (p.columns + COLUMN_BLOCK - 1) // COLUMN_BLOCK
        self.requantizer = Requantizer(
            y, (1, p.columns, p.column_blocks * COLUMN_BLOCK), residual=residual, **results)
        p.requantization = &self.requantizer.requantization
        self.set_byte_images(x, y, residual, pads_begin)
        self.set_byte_blocks(y.shape[0])
        self.reads = (x,) if residual is None else (x, residual)
        self.writes = (y,)
        self.flops = 2 * y.size * p.channels * 9
        self.share_above(SMALL_FLOPS, self.flops, p.blocks * p.column_blocks)
        self.args = p
        self.run = convolve_bytes

    cdef int set_byte_images(self, View x, View y, View residual, pads_begin) except -1:
        cdef ByteTiling* p = &self.tiling
        p.x = x.span
        p.y = y.span
        p.residual.slot = -1
        p.height, p.width = y.shape[2:]
        p.x_image, _, p.x_line, p.x_pixel = x.strides
        p.x.offset -= pads_begin[0] * p.x_line + pads_begin[1] * p.x_pixel
        p.y_size = y.dtype.itemsize
        p.y_image, _, p.y_line, p.rows.y_stride = [p.y_size * stride for stride in y.strides]
        if residual is not None:
            p.residual = residual.span
            strides = broadcast_strides(residual, y.shape, "residual")
            p.residual_image, p.rows.residual_step, p.residual_line, p.rows.residual_stride = [
                residual.dtype.itemsize * stride for stride in strides]
        return 0

    cdef int set_byte_blocks(self, dim_t images) except -1:
        cdef ByteTiling* p = &self.tiling
        cdef dim_t most, block
        p.row_bytes = 2 * whole_blocks(p.channels, WHOLE)
        p.tile_lines = (p.height + 1) // 2
        p.tile_pixels = (p.width + 1) // 2
        p.tiles = images * p.tile_lines * p.tile_pixels
        most = max(CACHED_BYTES // (PARTS * max(p.row_bytes, <dim_t>1)), <dim_t>1)
        p.blocks = (p.tiles + most - 1) // most
        block = (p.tiles + p.blocks - 1) // max(p.blocks, <dim_t>1)
        p.in_part = block * p.row_bytes + 64
        p.out_part = (block * COLUMN_BLOCK + LANES) * sizeof(int)
        self.scratch = PARTS * (p.in_part + p.out_part)
        return 0
