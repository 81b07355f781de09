# cython: wraparound=True
"""Convolutions of f32 images whose channels lie side by side, as matrix products with a tap per kernel element.

Nothing is copied: the pixels under a kernel element are rows of a matrix, read where they lie. Zero
padding is read from memory too: an image that a window can leave has a border of zeros around it, as
wide as convolution_border() and transpose_border() say.
"""

import math

import numpy as np

from ovlite.kernels.runtime.images cimport channels_second
from ovlite.kernels.runtime.block cimport Block
from ovlite.kernels.runtime.step cimport (
    OK, Member, Step, View, alone, check_status, dim_t, first_element, strided_view)
from ovlite.kernels.runtime.bands import banded, bands
from ovlite.kernels.runtime.checks import check_f32, check_images
from ovlite.kernels.runtime.images import bordered, convolution_border, window_counts
from ovlite.kernels.runtime.step import BF16
from ovlite.kernels.runtime.phases import Phases, packed_phases, phase_size
from ovlite.kernels.runtime.strides import broadcast_strides, merge_dimensions, nested_sums
from ovlite.kernels.runtime.transforms import can_transform, int8_parts, winograd_tile

from . import depthwise
from .matmul_driver cimport Matmul, MatmulStep, run_matmul
from .matmul_kernels cimport BF16_A, BF16_RESIDUAL, CHUNK, MatmulTile
from .matmul_space cimport place_of
from .matmul_weights cimport Kernel, PackedWeights, joins_taps, whole_blocks
from .matmul_weights import kernel_for
from .requantization import check_types
from .winograd import TransformedWeights, Winograd

PACKED = (depthwise.Packed, PackedWeights, TransformedWeights)    # what pack() may give


def convolution(const float[:, :, :, :] x not None, weights, float[:, :, :, ::1] out=None, *, strides=(1, 1),
                dilations=(1, 1), pads_begin=(0, 0), pads_end=(0, 0), groups=1, bias=None, activation=None,
                winograd=0):
    """The convolution that plans run, of a batch of images, on the calling thread and without the GIL.

    x: f32 (N, H, W, Cin) with its channels side by side; padding copies it. weights: f32 (Cout, Cin / groups, KH, KW)
    or pack() of one. out: f32 (N, OH, OW, Cout) in C order, apart from x; a new array when None. strides, dilations,
    pads_begin, pads_end: for height and width. bias: f32 (Cout,). activation, winograd: see convolution_step().
    Returns out. Raises ValueError where shapes, strides or element types don't fit.
    """
    cdef Member me
    cdef Step step
    cdef Block scratch
    cdef char* slots[2]
    cdef int status
    batch, *spatial, _ = np.shape(x)
    if isinstance(weights, PACKED):
        columns, kernel = weights.groups * weights.columns, weights.window
    else:
        columns, _, *kernel = np.shape(weights)
    size = window_counts(spatial, kernel, strides, dilations, pads_begin, pads_end)
    x, x_view = bordered(x, convolution_border(spatial, size, kernel, strides, dilations, pads_begin))
    out = np.empty((batch, *size, columns), np.float32) if out is None else out
    if np.shape(out) != (batch, *size, columns):
        raise ValueError(f"expected out of shape {(batch, *size, columns)}, got {np.shape(out)}")
    step = convolution_step(
        x_view, channels_second(strided_view(1, "f4", out.shape, out.strides, 4)), weights=weights, strides=strides,
        dilations=dilations, pads_begin=pads_begin, groups=groups, bias=bias, activation=activation, winograd=winograd)
    slots[0], slots[1] = first_element(x), first_element(out)
    scratch = Block(step.scratch)
    me = alone(scratch.data)
    with nogil:
        status = step.run(step.args, slots, &me)
    check_status("convolution", status)
    return np.asarray(out)


def pack(weights, groups=1, winograd=0, Kernel kernel=None):
    """Packs weights, an f32 array (Cout, Cin / groups, *kernel), for convolution_step().

    winograd: winograd_tile() of the convolution, to do it that way; such weights fit windows at stride 1. Others
    than can_transform() are packed for a direct convolution.
    kernel: the matrix kernel to pack for; the level's best for f32 when None.
    """
    weights = np.asarray(weights, np.float32)
    columns, depth, *window = weights.shape
    if columns % groups:
        raise ValueError(f"expected weights for a multiple of {groups} groups, got {weights.shape}")
    if groups > 1 and depth * groups == columns and depthwise.group_fits(depth):
        return depthwise.Packed(weights)
    if winograd and can_transform(weights):
        return TransformedWeights(weights, winograd, groups=groups)
    shape = (groups, columns // groups, depth, math.prod(window))
    return PackedWeights(
        kernel or kernel_for("f32", "f32"), weights.reshape(shape).transpose(0, 3, 2, 1), tuple(window))


def convolution_step(View x not None, View y not None, *, weights, strides, dilations, pads_begin, bias=None, groups=1,
                     View residual=None, activation=None, winograd=0):
    """The fastest Step for y = activation(convolution(x, weights) + bias + residual), all f32.

    x: (N, Cin, *spatial), y: (N, Cout, *spatial), of 1 to 3 spatial dimensions and channel stride 1.
    weights: array (Cout, Cin / groups, *kernel) or pack() of one. bias: array (Cout,). residual: View that
    broadcasts to y, of channel stride 1. strides, dilations, pads_begin: for each spatial dimension; what the
    windows reach beyond x must be zeros in memory, see convolution_border(). winograd: allows Winograd's
    algorithm, where it is faster, with output tiles of at most that side, 2 or 4; see winograd.h.
    """
    if isinstance(weights, PACKED):
        packed = weights
    else:
        lanes = kernel_for("f32", "f32").columns // 2
        tile = winograd_tile(np.shape(weights), y.shape, strides, dilations, groups, winograd, lanes)
        packed = pack(weights, groups, tile)
    if isinstance(packed, depthwise.Packed):
        return depthwise.Depthwise(
            x, y, weights=packed, strides=strides, dilations=dilations, pads_begin=pads_begin, bias=bias,
            residual=residual, activation=activation)
    check_f32(bf16=isinstance(packed, PackedWeights), x=x, y=y, residual=residual)
    check_images(x, y, packed, residual, groups)
    if isinstance(packed, TransformedWeights):
        return Winograd(x, y, packed, pads_begin, bias, residual, activation)
    parts = [] if has_own_rows(packed) else bands(
        x.shape[2:], y.shape[2:], packed.window, strides, dilations, pads_begin)
    if parts:
        steps = [
            Windows(x, target, packed, None, strides, bias, added, activation, kept)
            for target, added, kept in banded(
                x, y, residual, (packed.depth, packed.window), parts, strides, dilations, pads_begin)]
        return ConvolutionInParts(steps, (x,) if residual is None else (x, residual), y)
    return DirectConvolution(x, y, packed, strides, dilations, pads_begin, bias, residual, activation)


cdef bint has_own_rows(PackedWeights packed):
    """Whether the kernel does not read rows and panels where they lie."""
    return packed.few_columns or packed.kernel.row.parts or packed.kernel.row.k_block > 1


def pack_phases(weights, strides, dilations, pads_begin, groups=1, Kernel kernel=None):
    """Packs weights, an f32 array (Cin, Cout / groups, *kernel), for ConvolutionTranspose.

    kernel: the matrix kernel to pack for; the level's best for f32 when None.
    """
    best = kernel or kernel_for("f32", "f32")
    return packed_phases(
        np.asarray(weights, np.float32), strides, dilations, pads_begin, groups,
        lambda part, window: PackedWeights(best, part, window))


cdef class Windows(MatmulStep):
    """y[q] = activation(bias + residual + sum over taps t of x[q * strides + t] @ weights[t]).

    taps: a range of input positions for each spatial dimension; or kept: kept_taps() of some of the kernel elements.
    """

    cdef object kept_rows

    def __init__(self, View x, View y, PackedWeights packed, taps, strides, bias, View residual, activation, kept=None):
        cdef Matmul* p = &self.matmul
        cdef dim_t by, r_step, r_size
        cdef int i
        self.set_kernel(packed.kernel, y)
        if x.dtype == BF16:
            self.allow_bf16("x", BF16_A)
        if residual is not None and residual.dtype == BF16:
            self.allow_bf16("residual", BF16_RESIDUAL)
        if len(strides) != y.span.rank - 2:
            raise ValueError(f"expected {y.span.rank - 2} strides, got {strides}")
        r_strides = broadcast_strides(residual, y.shape, "residual")
        r_size = 4 if residual is None else residual.dtype.itemsize
        rows = []
        for i in range(y.span.rank):
            if i != 1:
                by = strides[i - 2] if i else 1
                r_step = r_strides[i]
                rows.append((y.span.shape[i], x.span.stride[i] * by * p.a_size, 0, y.span.stride[i] * p.y_size,
                             r_step * r_size))
        if kept is None:
            self.set_taps(x, packed, taps)
        else:
            self.set_kept_taps(packed, kept)
        self.set_pixel(x, packed)
        p.a = place_of(x)
        p.y = place_of(y)
        p.tile.k_stride = p.a_size
        p.group_a = packed.depth * p.a_size
        p.tile.residual_step = r_strides[1] * r_size
        self.set_weights(packed)
        self.set_columns(packed.groups, packed.columns)
        self.set_rows([], rows)
        self.set_epilogue(y, bias, residual, activation)
        self.reads = (x,) if residual is None else (x, residual)
        self.writes = (y,)
        self.finish(x.size * p.a_size)
        if kept is not None:
            p.tile.taps = len(self.offsets)

    cdef int set_kept_taps(self, PackedWeights packed, kept) except -1:
        """A tap for each kernel element that is kept. Panels hold all of them, which finish() has to know."""
        cdef MatmulTile* tile = &self.matmul.tile
        cdef const dim_t[::1] offsets, rows
        offsets, rows = self.offsets, self.kept_rows = kept
        tile.taps, tile.depth = packed.taps, packed.depth
        tile.offset, tile.b_row = &offsets[0], &rows[0]
        return 0

    cdef int set_taps(self, View x, PackedWeights packed, taps) except -1:
        """Taps that follow each other in memory make one longer tap. All are walked as often as weights are the sum of
        several."""
        cdef dim_t depth = packed.depth, parts = packed.taps // max(math.prod(packed.window), 1)
        cdef const dim_t[::1] offsets
        cdef int i
        walks = [(parts, 0)]
        for i, places in enumerate(taps):
            walks.append((len(places), places.step * x.span.stride[2 + i]))
        if packed.joined > 1:
            if walks.pop() != (packed.joined, depth):
                raise ValueError(f"expected pixels of {depth} channels side by side for taps that are joined")
            inner, run = merge_dimensions(walks), packed.joined * depth
        elif self.matmul.kernel.splits_pairs or (       # each tap's rows are filled up, or are counted for themselves
                depth % self.matmul.kernel.k_block and not joins_taps(self.matmul.kernel)):
            inner, run = merge_dimensions(walks), depth
        else:
            inner = merge_dimensions([*walks, (depth, 1)]) or [(1, 1)]
            run = inner.pop()[0] if inner[-1][1] == 1 else 1
        start = sum([places.start * x.span.stride[2 + i] for i, places in enumerate(taps)])
        size = self.matmul.a_size
        offsets = self.offsets = nested_sums(start * size, [(length, stride * size) for length, stride in inner])
        self.matmul.tile.taps = len(offsets)
        self.matmul.tile.depth = run
        self.matmul.tile.offset = <const dim_t*>first_element(offsets)
        return 0

    cdef int set_pixel(self, View x, PackedWeights packed) except -1:
        """Where each line of x is a whole number of pixels away from the next one, taps may share split pixels."""
        cdef Matmul* p = &self.matmul
        pixel = x.strides[len(x.shape) - 1]
        if p.tile.bf16 & BF16_A:                # which is not split
            return 0
        if packed.taps > 1 and packed.depth % CHUNK == 0 and packed.depth and pixel >= packed.groups * packed.depth \
                and not any([stride % pixel for stride in (x.strides[0], *x.strides[2:])]):
            p.pixel = pixel * p.a_size
        return 0


cdef class DirectConvolution(Windows):
    """A convolution as one matrix product with a tap for each kernel element; made by convolution_step()."""

    def __init__(self, View x, View y, PackedWeights packed, strides, dilations, pads_begin, bias, View residual,
                 activation):
        taps = [range(-pad, size * gap - pad, gap)
                for size, gap, pad in zip(packed.window, dilations, pads_begin, strict=True)]
        super().__init__(x, y, packed, taps, strides, bias, residual, activation)


def joined_taps(View x, window, dilations, groups, Kernel kernel not None):
    """How many taps of QuantizedConvolution lie side by side in an image, and are better multiplied as one; or 1."""
    depth = x.shape[1] // groups
    if groups > 1 or joins_taps(kernel.row) or x.strides[len(x.shape) - 1] * dilations[-1] != depth or not x.size:
        return 1
    joined = whole_blocks(depth * window[-1], kernel.k_block)
    return window[-1] if joined < window[-1] * whole_blocks(depth, kernel.k_block) else 1


def pack_int8(weights, groups=1, Kernel kernel=None, joined=1):
    """Packs weights (Cout, Cin / groups, *kernel) for QuantizedConvolution.

    weights: i8; or i16 from -256 to 255, which are multiplied as sums of signed bytes. kernel: the matrix kernel to
    pack for; the level's best for u8 by i8 when None. joined: joined_taps() of the convolution.
    """
    weights = np.asarray(weights)
    columns, depth, *window = weights.shape
    if columns % groups:
        raise ValueError(f"weights of shape {weights.shape} can't be divided into {groups} groups")
    shape = (groups, columns // groups, depth, math.prod(window))
    parts = [part.reshape(shape).transpose(0, 3, 2, 1) for part in int8_parts(weights)]
    return PackedWeights(kernel or kernel_for("u8", "i8"), np.concatenate(parts, 1), tuple(window), joined=joined)


cdef class QuantizedConvolution(Windows):
    """y = results of (convolution(x, weights) + shifts), exact integer sums.

    x: u8, y: f32, u8 or i8, of channel stride 1 as for convolution_step(). What the windows reach beyond x must hold
    x's zero point in memory. weights: array (Cout, Cin / groups, *kernel) that pack_int8() takes, or that of one. The
    rest is as for matmul.QuantizedMatMul, with a value for each output channel.
    """

    def __init__(self, View x not None, View y not None, *, weights, strides, dilations, pads_begin, groups=1,
                 View residual=None, View zero_point=None, column_sums=None, **results):
        packed = weights if isinstance(weights, PackedWeights) else pack_int8(weights, groups)
        check_types(x, y)
        check_images(x, y, packed, residual, groups)
        taps = [range(-pad, size * gap - pad, gap)
                for size, gap, pad in zip(packed.window, dilations, pads_begin, strict=True)]
        super().__init__(x, y, packed, taps, strides, None, residual, None)
        self.set_requantization(y, residual, results)
        self.set_zero_point(zero_point, column_sums)


cdef struct PhaseList:
    int count
    const Matmul** phases


cdef int convolve_phases(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const PhaseList* parts = <const PhaseList*>arguments
    cdef int i, status = OK
    for i in range(parts.count):
        if status == OK:
            status = run_matmul(parts.phases[i], slots, me)
    return status


cdef class ConvolutionInParts(Step):
    """Convolutions of x, each to a part of y."""

    cdef PhaseList parts
    cdef list steps
    cdef const size_t[::1] table
    cdef readonly object flops

    def __init__(self, list steps, reads, View y):
        cdef Windows step
        cdef Step part
        table = np.empty(max(len(steps), 1), np.uintp)
        self.width, self.flops = 1, 0
        for index, step in enumerate(steps):
            part = step
            table[index] = <size_t>&step.matmul
            self.width, self.scratch = max(self.width, part.width), max(self.scratch, part.scratch)
            self.flops += step.flops
        self.steps = steps
        self.table = table
        self.parts.count = len(steps)
        self.parts.phases = <const Matmul**>first_element(self.table)
        self.reads, self.writes = reads, (y,)
        self.args = &self.parts
        self.run = convolve_phases


cdef class ConvolutionTranspose(ConvolutionInParts):
    """The transpose of a convolution of y's shape to x's, all f32; a convolution for each phase of the output.

    x: (N, Cin, *spatial), y: (N, Cout, *spatial), of 1 to 3 spatial dimensions and channel stride 1.
    weights: array (Cin, Cout / groups, *kernel) or pack_phases() of one. bias: array (Cout,).
    strides, dilations, pads_begin: of that convolution. What transpose_border() says around x must be zeros.
    """

    def __init__(self, View x not None, View y not None, *, weights, strides, dilations, pads_begin, bias=None,
                 groups=1, activation=None):
        if not isinstance(weights, Phases):
            weights = pack_phases(weights, strides, dilations, pads_begin, groups)
        check_f32(x=x, y=y)
        steps = []
        for phase, part in zip(weights.phases, weights.packed, strict=True):
            check_images(x, y, part, None, groups)
            shape = [phase_size(size, p, by) for size, by, (p, _, _) in zip(y.shape[2:], strides, phase, strict=True)]
            start = sum([p * stride for stride, (p, _, _) in zip(y.strides[2:], phase, strict=True)])
            target = y.like(
                (*y.shape[:2], *shape),
                (*y.strides[:2], *[stride * by for stride, by in zip(y.strides[2:], strides, strict=True)]),
                y.offset + 4 * start)
            taps = [places for _, _, places in phase]
            steps.append(Windows(x, target, part, taps, [1] * len(taps), bias, None, activation))
        super().__init__(steps, (x,), y)
