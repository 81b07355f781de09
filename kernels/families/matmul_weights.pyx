# cython: wraparound=True
"""The level's matrix kernels, and weights that are packed for one of them."""

from functools import cache

import numpy as np

from ovlite.kernels.runtime.block cimport Block
from ovlite.kernels.runtime.cpu import cpu_flags
from ovlite.kernels.runtime.step cimport dim_t, first_element
from ovlite.kernels.runtime.transforms import check_pairs, split_pairs

from .matmul_kernels cimport (
    ELEMENT_BYTES, MatmulKernel, compressed_bytes, compressed_kernels, few_columns_pay, matmul_kernels, pack_compressed)

cdef enum:
    SPLIT_COLUMNS = 16         # as many columns of f32 take about as long as splitting a row
    STREAMED_BYTES = 1 << 20   # of weights that come from memory, or from a cache that is hardly faster
    STREAMED_ROWS = 64         # f32 multiplies so many by a weight while its three parts come, half as many bytes more

EMULATION = "emulation"        # what rows need that emulate instructions: no processor has it

# Names of enum ElementType in element_type.h.
ELEMENT_TYPES = ("bool", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f16", "f32", "f64", "bf16")


cdef class Kernel:
    """A row of the level's table of matrix kernels.

    name: as profiles show it. a, b, sum, y: element types of the operands, the accumulator and the result.
    rows, columns: of the register tile. k_block: elements of k that lie side by side in a panel. products: "bf16",
    "bf16x3" or "bf16x6" where f32 is multiplied so, else None: by multiply-adds of f32. emulated: instructions are,
    which is for tests.
    """

    @property
    def name(self):
        return self.row.name.decode()

    @property
    def a(self):
        return ELEMENT_TYPES[self.row.a]

    @property
    def b(self):
        return ELEMENT_TYPES[self.row.b]

    @property
    def sum(self):
        return ELEMENT_TYPES[self.row.sum]

    @property
    def y(self):
        return ELEMENT_TYPES[self.row.y]

    @property
    def products(self):
        return {0: None, 1: "bf16", 2: "bf16x3", 3: "bf16x6"}[self.row.parts]

    @property
    def takes_bf16(self):
        """Whether operands and results may be bf16 where it says f32."""
        return self.row.copy_rows != NULL

    @property
    def splits_pairs(self):
        """Whether weights are split whose neighbours add up to much: see pairs_are_small()."""
        return bool(self.row.splits_pairs)

    @property
    def emulated(self):
        return EMULATION in self.row.needs.decode().split()

    @property
    def rows(self):
        return self.row.rows

    @property
    def columns(self):
        return self.row.columns

    @property
    def k_block(self):
        return self.row.k_block

    @property
    def read_block(self):
        """Elements of a row's depth that are read at a time: what lies behind them is read up to a multiple of it."""
        return 1 if joins_taps(self.row) else self.row.k_block

    def permitted(self):
        """Whether the system lets this process run the kernel; asks it."""
        return self.row.permitted == NULL or self.row.permitted()

    def pays(self, rows, columns, terms):
        """Whether a product of this size is clearly faster than by f32: it is not where tiles are mostly filled up, or
        where few columns share the work of splitting rows. Weights that come from memory count by their size."""
        cdef const MatmulKernel* row = self.row
        if not row.parts:
            return True
        columns = whole_blocks(columns, row.columns // 2)
        depth = whole_blocks(terms, row.k_block)
        if row.parts == 1 and self.gain() > 1 and columns * depth * 2 > STREAMED_BYTES:
            return True
        if row.parts == 3 and rows < STREAMED_ROWS and columns * depth * 6 > STREAMED_BYTES:
            return False
        work = whole_blocks(rows, row.whole_rows) * columns * depth / self.gain() + rows * depth * SPLIT_COLUMNS
        return rows * columns * terms >= 1.25 * work

    def gain(self):
        """How many times as fast as f32 large products are on this processor."""
        return self.row.gain() if self.row.parts else 1

    def beats_winograd(self):
        """Whether plain sums are faster than Winograd's algorithm in f32, which saves three products of four."""
        return self.gain() > 4

    def __repr__(self):
        return f"<matrix kernel {self.name}: {self.a} x {self.b} -> {self.y}, {self.rows} x {self.columns}>"


cdef tuple _table():
    """The rows that this processor can execute, with those that emulate instructions that it may lack."""
    cdef const MatmulKernel* row = matmul_kernels
    cdef Kernel kernel
    flags = {EMULATION, *cpu_flags()}
    found = []
    while row.name != NULL:
        if flags.issuperset(row.needs.decode().split()):
            kernel = Kernel()
            kernel.row = row
            found.append(kernel)
        row += 1
    return tuple(found)


KERNELS = _table()


@cache
def kernel_for(a, b, products=None, emulated=False, split=True):
    """The level's best kernel for operands of these element types, such as "f32"; None when there is none.

    Rows of the table that come later are better. products: of those that multiply so, such as "bf16x3"; exactly,
    when None. emulated: of those that emulate instructions, which are for tests alone, instead of those that don't.
    split: those that split weights are among them.
    """
    cdef Kernel kernel
    wanted = (a, b, products, emulated)
    for kernel in reversed(KERNELS):
        if (kernel.a, kernel.b, kernel.products, kernel.emulated) == wanted and kernel.permitted():
            if split or not kernel.splits_pairs:
                return kernel
    return None


def product_kernel(rows, columns, terms, products=None, emulated=False):
    """The kernel for products of f32 of this size: one that multiplies by way of `products` where there is one and it
    pays, else the one of f32. The rest is as for kernel_for()."""
    kernel = kernel_for("f32", "f32", products, emulated) if products else None
    return kernel if kernel is not None and kernel.pays(rows, columns, terms) else kernel_for("f32", "f32")


cdef class PackedWeights:
    """Constant weights, packed in panels for one of this level's kernels; plans may share one.

    weights: array (groups, taps, depth, columns) of the kernel's type of b, f32 or i8, of any strides. window: the
    spatial shape that the taps make up, () for a matrix. panels: in panels also where there are so few columns that dot
    products are faster, see matmul_dots.h. joined: as many neighbouring taps are filled up to blocks of k as one, for
    rows in which they lie side by side. packed: what the packed weights of an equal array of this shape showed as
    `packed`, in memory that may be read a cache line beyond; `weights` then tells its shape alone.
    nbytes: memory held.
    """

    def __cinit__(self, Kernel kernel not None, weights, tuple window=(), bint panels=False, packed=None,
                  dim_t joined=1):
        cdef const MatmulKernel* row = kernel.row
        cdef dim_t columns, rest
        cdef Block block
        self.kernel = kernel
        self.groups, self.taps, self.depth, self.columns = weights.shape
        self.window = window
        self.joined = joined
        if joined < 1 or self.taps % joined:
            raise ValueError(f"{self.taps} taps can't be joined by {joined}")
        self.few_columns = row.few != NULL and not panels and few_columns_pay(self.columns, self.taps * self.depth)
        rest = self.columns % row.columns
        columns = self.columns
        if not self.few_columns:
            columns += (panel_width(row, rest) if rest else 0) - rest
        self.group_bytes = columns * (self.taps * self.depth * ELEMENT_BYTES[row.b] if self.few_columns else
                                      panel_depth(row, self.taps // joined, joined * self.depth) * panel_size(row))
        self.nbytes = self.groups * self.group_bytes
        if packed is not None:
            if row.splits_pairs and self.nbytes:
                self.set_more(check_pairs(packed, self.group_bytes, *self.form(columns, joined)), columns)
            if len(packed) != self.nbytes:
                raise ValueError(f"expected {self.nbytes} bytes of packed weights, got {len(packed)}")
            self.data = packed
            return
        block = Block(self.nbytes)
        self.data = block
        if self.few_columns or joins_taps(row):
            joined = self.taps
        weights = weights.reshape(self.groups, self.taps // max(joined, 1), joined * self.depth, self.columns)
        self.fill(weights, block.data)
        if row.splits_pairs and self.nbytes:
            split, more = split_pairs(self.packed, *self.form(columns, joined))
            self.set_more(more, columns)
            block = Block(self.nbytes)
            np.asarray(block)[:] = split
            self.data = block

    cdef tuple form(self, dim_t columns, dim_t joined):
        """(groups, panel widths, taps, groups of four rows of each), of panels."""
        cdef dim_t full = self.kernel.row.columns
        widths = [full] * (columns // full) + [columns % full] * (columns % full > 0)
        return self.groups, widths, self.taps // joined, whole_blocks(joined * self.depth, 4) // 4

    cdef int set_more(self, dim_t more, dim_t columns) except -1:
        self.more = more
        self.group_bytes += 8 * more * columns
        self.nbytes = self.groups * self.group_bytes
        return 0

    @property
    def panels(self):
        """Whether the weights lie in panels."""
        return not self.few_columns

    @property
    def packed(self):
        """The packed weights, as bytes."""
        return np.asarray(self.data)

    cdef int fill(self, weights, char* to) except -1:
        cdef const MatmulKernel* row = self.kernel.row
        cdef dim_t size = ELEMENT_BYTES[row.b]
        cdef dim_t[4] step = weights.strides
        cdef const float[:, :, :, :] reals
        cdef const signed char[:, :, :, :] integers
        cdef const char* start
        cdef dim_t group, tap, first, columns, width, depth = weights.shape[2]
        if not self.nbytes:
            return 0
        if size == 1:
            integers = weights
            start = first_element(integers)
        else:
            reals = weights
            start = first_element(reals)
        for group in range(self.groups):
            if self.few_columns:
                row.pack_rows(start + group * step[0], self.columns, step[3], depth, step[2], to, depth * size)
                to += self.columns * depth * size
                continue
            for first in range(0, self.columns, row.columns):
                columns = min(<dim_t>row.columns, self.columns - first)
                width = panel_width(row, columns)
                for tap in range(weights.shape[1]):
                    row.pack_panel(start + group * step[0] + tap * step[1] + first * step[3], depth, step[2],
                                   columns, step[3], to, width)
                    to += whole_blocks(depth, row.k_block) * width * panel_size(row)
        return 0


def compressed_kernel(bits):
    """The level's kernel for a few rows of f32 by weights that stay codes of 2, 4 or 8 bits."""
    cdef Kernel kernel = Kernel()
    kernel.row = &compressed_kernels[(2, 4, 8).index(bits)]
    return kernel


cdef class CompressedWeights:
    """Constant weights (code - zero) * scale that stay codes, packed for CompressedMatMul; plans may share them.

    codes: u8 (columns, bytes), the codes of each column one behind the other, lowest bits first, `bits` of 2, 4 or 8
    bits each. depth: how many a column has. group: those that share a scale and a zero point. scales: f32 (columns,
    groups). zeros: f32 of the same shape, or one number for all. packed: as of PackedWeights.
    nbytes: memory held.
    """

    def __cinit__(self, codes, scales, zeros, dim_t depth, dim_t group, int bits, packed=None):
        cdef Block block
        codes, scales, zeros = np.asarray(codes), np.asarray(scales), np.asarray(zeros)
        if bits not in (2, 4, 8) or group < 1:
            raise ValueError(f"expected codes of 2, 4 or 8 bits in groups, got {bits} bits and a group of {group}")
        self.columns = codes.shape[0]
        shape = self.columns, whole_blocks(depth, group) // group
        if codes.dtype != np.uint8 or codes.shape != (shape[0], (depth * bits + 7) // 8):
            raise ValueError(f"expected codes of uint8 {(shape[0], (depth * bits + 7) // 8)}, got {codes.dtype} "
                             f"{codes.shape}")
        if scales.dtype != np.float32 or zeros.dtype != np.float32 or scales.shape != shape or (
                zeros.size != 1 and zeros.shape != shape):
            raise ValueError(f"expected scales and zeros of float32 {shape}, got {scales.dtype} {scales.shape} and "
                             f"{zeros.dtype} {zeros.shape}")
        self.compression.depth, self.compression.group, self.compression.bits = depth, group, bits
        self.compression.has_zeros = bool((zeros != zeros.reshape(-1)[:1]).any())
        self.compression.zero = zeros.reshape(-1)[0] if zeros.size else 0
        self.column_bytes = compressed_bytes(&self.compression)
        self.nbytes = whole_blocks(self.columns, compressed_kernels[0].columns) * self.column_bytes
        if packed is not None:
            if len(packed) != self.nbytes:
                raise ValueError(f"expected {self.nbytes} bytes of packed weights, got {len(packed)}")
            self.data = packed
            return
        block = Block(self.nbytes)
        self.data = block
        codes, scales, zeros = [
            np.ascontiguousarray(array).reshape(-1) for array in (codes, scales, np.broadcast_to(zeros, shape))]
        self.fill(codes, scales, zeros, shape[1], block.data)

    @property
    def depth(self):
        return self.compression.depth

    @property
    def bits(self):
        return self.compression.bits

    @property
    def packed(self):
        """The packed weights, as bytes."""
        return np.asarray(self.data)

    cdef int fill(self, const unsigned char[::1] codes, const float[::1] scales, const float[::1] zeros, dim_t groups,
                  char* to) except -1:
        cdef dim_t first, panel = compressed_kernels[0].columns, row_bytes
        if not self.nbytes:
            return 0
        row_bytes = codes.shape[0] // self.columns
        for first in range(0, self.columns, panel):
            pack_compressed(
                &self.compression, &codes[first * row_bytes], row_bytes, &scales[first * groups],
                &zeros[first * groups], groups, min(panel, self.columns - first), to)
            to += panel * self.column_bytes
        return 0
