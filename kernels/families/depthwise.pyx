# cython: wraparound=True
"""Depthwise convolution of images of f32 or of bytes, channels side by side: each channel, or each small group of
channels, with kernels of its own.

The work is a list of lines (output rows) for each block of channels; each member of the team takes an
equal, contiguous part of it. A part is done column block by column block, downwards, so that the input
lines that neighbouring windows share are still in the first-level cache.
"""

from libc.string cimport memset

import math

import numpy as np

from ovlite.kernels.runtime.images cimport channels_second
from ovlite.kernels.runtime.step cimport (
    CANCELLED, OK, Member, Span, Step, View, address, alone, check_status, dim_t, first_element, share, stopped,
    strided_view)
from ovlite.kernels.runtime.checks import check_depthwise, check_f32
from ovlite.kernels.runtime.images import bordered, convolution_border, window_counts
from ovlite.kernels.runtime.strides import broadcast_strides, nested_sums

from .activation cimport Activation, activation_from_tuple
from .requantization cimport Requantization, Requantizer, ZeroPoint, without_zero
from .requantization import check_types, padded_columns

cdef extern from "depthwise.h" nogil:
    ctypedef struct Strip:
        const char* x
        const char* residual
        char* y
        const float* weights
        const float* bias
        const dim_t* offset
        dim_t rows
        dim_t width
        dim_t group
        dim_t tap_step
        dim_t x_stride
        dim_t y_stride
        dim_t residual_stride
        dim_t residual_step
        dim_t channels
        dim_t channel
        const Requantization* requantization
        Activation activation
    ctypedef void (*StripFunction)(const Strip* strip) noexcept
    const StripFunction* strip_functions(const Strip* strip, dim_t stride) noexcept
    void activate_strip(const Strip* strip, dim_t count) noexcept
    enum:
        LANES
        STRIP

cdef enum:
    CHANNEL_BLOCK = 128        # most channels that a part of the work keeps together
    CACHED_FLOATS = 6144       # of the lines under a column block, to stay in the first-level cache
    SMALL_FLOPS = 60000        # see Step.share_above


cdef struct Windows:
    Span x
    Span y
    Span residual              # its slot is -1 where there is none
    dim_t lines                # output rows of all images
    dim_t depth                # output shape: depth, height and width
    dim_t height
    dim_t width
    int x_size                 # bytes of an element
    int y_size
    dim_t x_line[3]            # bytes between images, between depths and between heights of windows
    dim_t y_line[3]
    dim_t residual_line[3]
    dim_t channels
    dim_t blocks               # of the channels, about equal
    dim_t block                # channels in a block, a multiple of LANES
    dim_t columns              # output pixels in a column block
    dim_t step                 # between the output pixels of a strip
    const StripFunction* functions
    const ZeroPoint* zero      # of bytes x, where it is known at run time only
    Strip strip                # with what all strips have in common


cdef inline void convolve_line(const Windows* p, const Strip* origin, dim_t line, dim_t begin, dim_t end,
                               Strip* strip) noexcept nogil:
    """Outputs begin .. end - 1 of a line, in strips of about the same length."""
    cdef dim_t row = line // p.height
    cdef dim_t image = row // p.depth
    cdef dim_t phase, outputs, count, piece, first, pixels
    line -= row * p.height
    row -= image * p.depth
    for phase in range(begin, min(begin + p.step, end)):
        outputs = (end - phase + p.step - 1) // p.step
        count = (outputs + STRIP - 1) // STRIP
        for piece in range(count):
            first = outputs * piece // count
            pixels = outputs * (piece + 1) // count - first
            first = phase + first * p.step
            strip.x = origin.x + image * p.x_line[0] + row * p.x_line[1] + line * p.x_line[2] + first * origin.x_stride
            strip.y = origin.y + image * p.y_line[0] + row * p.y_line[1] + line * p.y_line[2] + first * origin.y_stride
            if origin.residual != NULL:
                strip.residual = (origin.residual + image * p.residual_line[0] + row * p.residual_line[1]
                                  + line * p.residual_line[2] + first * origin.residual_stride)
            p.functions[pixels - 1](strip)
            activate_strip(strip, pixels)


cdef void convolve_lines(const Windows* p, const Strip* origin, dim_t first, dim_t last, Strip* strip) noexcept nogil:
    """Lines first .. last - 1 for one block of channels."""
    cdef dim_t column = 0, line
    while column < p.width:
        for line in range(first, last):
            convolve_line(p, origin, line, column, min(column + p.columns, p.width), strip)
        column += p.columns


cdef int convolve(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const Windows* p = <const Windows*>arguments
    cdef Strip origin = p.strip, strip = p.strip
    cdef dim_t at, end, channel, line, last
    strip.x_stride *= p.step
    strip.y_stride *= p.step
    strip.residual_stride *= p.step
    share(me, p.blocks * p.lines, 1, &at, &end)
    while at < end:
        if stopped(me):
            return CANCELLED
        channel = at // p.lines * p.block
        line = at - at // p.lines * p.lines
        last = min(p.lines, line + end - at)
        strip.channel = channel
        strip.channels = min(p.block, p.channels - channel)
        strip.weights = p.strip.weights + channel * p.strip.rows * p.strip.width * p.strip.group
        strip.bias = p.strip.bias + channel
        origin.x = address(&p.x, slots) + channel * p.x_size
        origin.y = address(&p.y, slots) + channel * p.y_size
        if p.residual.slot >= 0:
            origin.residual = address(&p.residual, slots) + channel * strip.residual_step
        at += last - line
        convolve_lines(p, &origin, line, last, &strip)
    return OK


cdef int convolve_of_zero(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    """The same of bytes less their zero point, which is known now."""
    cdef Windows p = (<const Windows*>arguments)[0]
    cdef Requantization centred = without_zero(p.strip.requantization, p.zero, slots, <int*>me.scratch)
    p.strip.requantization = &centred
    return convolve(&p, slots, me)


def depthwise(const float[:, :, :, :] x not None, weights, float[:, :, :, ::1] out=None, *, strides=(1, 1),
              dilations=(1, 1), pads_begin=(0, 0), pads_end=(0, 0), bias=None, activation=None):
    """The depthwise convolution that plans run, of a batch of images, on the calling thread and without the GIL.

    x: f32 (N, H, W, C) with its channels side by side; padding copies it. weights: f32 (C, 1, KH, KW), or (C, g, KH,
    KW) for groups of g channels where the level has them, see group_fits(); or pack() of one. out: f32 (N, OH, OW, C)
    in C order, apart from x; a new array when None. strides, dilations, pads_begin, pads_end: for height and width.
    bias: f32 (C,). activation: see activation.pxd. Returns out. Raises ValueError where shapes, strides or element
    types don't fit.
    """
    cdef Packed packed = weights if isinstance(weights, Packed) else Packed(weights)
    cdef Depthwise step
    cdef Member me = alone(NULL)
    cdef char* slots[2]
    cdef int status
    batch, *spatial, channels = np.shape(x)
    size = window_counts(spatial, packed.window, strides, dilations, pads_begin, pads_end)
    x, x_view = bordered(x, convolution_border(spatial, size, packed.window, strides, dilations, pads_begin))
    out = np.empty((batch, *size, channels), np.float32) if out is None else out
    if np.shape(out) != (batch, *size, channels):
        raise ValueError(f"expected out of shape {(batch, *size, channels)}, got {np.shape(out)}")
    step = Depthwise(
        x_view, channels_second(strided_view(1, "f4", out.shape, out.strides, 4)), weights=packed, strides=strides,
        dilations=dilations, pads_begin=pads_begin, bias=bias, activation=activation)
    slots[0], slots[1] = first_element(x), first_element(out)
    with nogil:
        status = convolve(&step.windows, slots, &me)
    check_status("depthwise", status)
    return np.asarray(out)


cdef class Packed:
    """Weights for Depthwise; plans may share them.

    weights: f32 array (channels, g, *kernel): output channel c takes the g input channels of its group,
    from c // g * g on. g is 1, or another number that divides a vector, see group_fits(). packed: as of
    matmul_weights.PackedWeights.
    nbytes: memory held.
    """

    cdef const float[:, :, :, :, ::1] vectors   # [block][row][channel of the group][tap][lane]
    cdef readonly tuple window
    cdef readonly dim_t channels
    cdef readonly dim_t group

    def __init__(self, weights, packed=None):
        weights = np.asarray(weights, np.float32)
        if weights.ndim not in (3, 4, 5):
            raise ValueError("expected weights of shape (channels, 1, *kernel) with 1 to 3 spatial dimensions, "
                             f"got {weights.shape}")
        self.channels, self.group, *kernel = weights.shape
        if not group_fits(self.group) or self.channels % self.group:
            raise ValueError("expected weights of shape (channels, 1, *kernel), or of groups of a number that divides "
                             f"{LANES} and the channels, got {weights.shape}")
        self.window = tuple(kernel)
        blocks = (self.channels + LANES - 1) // LANES
        rows = math.prod(kernel[:-1])
        if packed is not None:
            self.vectors = np.frombuffer(packed, np.float32).reshape(blocks, rows, self.group, kernel[-1], LANES)
            return
        padded = np.zeros((blocks * LANES, self.group, rows, kernel[-1]), np.float32)
        padded[:self.channels] = weights.reshape(self.channels, *padded.shape[1:])
        self.vectors = np.ascontiguousarray(padded.reshape(blocks, LANES, *padded.shape[1:]).transpose(0, 3, 2, 4, 1))

    @property
    def packed(self):
        """The packed weights, as bytes."""
        return np.asarray(self.vectors).reshape(-1).view(np.uint8)

    @property
    def groups(self):
        return self.channels // self.group

    @property
    def columns(self):
        """Output channels of a group."""
        return self.group

    @property
    def nbytes(self):
        return self.vectors.nbytes


def group_fits(group):
    """Return whether groups of this many channels can be mixed within vectors."""
    return group == 1 or 1 < group < LANES and LANES % group == 0


def pack(weights):
    return Packed(weights)


cdef class Depthwise(Step):
    """y = activation(depthwise convolution(x, weights) + bias + residual), all f32.

    weights of (C, g, *kernel) make a convolution in groups of g channels to g channels.

    x: (N, C, *spatial), y: (N, C, *spatial), of 1 to 3 spatial dimensions and channel stride 1.
    weights: array (C, 1, *kernel) or pack() of one. bias: array (C,). residual: View that broadcasts to y, of
    channel stride 1. strides, dilations, pads_begin: for each spatial dimension; what the windows reach beyond
    x must be zeros in memory, see convolution.convolution_border().
    flops: floating-point operations of one run.
    """

    cdef Windows windows
    cdef Packed packed
    cdef const float[::1] bias
    cdef const dim_t[::1] offsets
    cdef readonly object flops

    def __init__(self, View x not None, View y not None, *, weights, strides, dilations, pads_begin, bias=None,
                 View residual=None, activation=None):
        cdef Packed packed = weights if isinstance(weights, Packed) else Packed(weights)
        check_f32(x=x, y=y, residual=residual)
        self.windows.strip.activation = activation_from_tuple(activation)
        self.set_windows(x, y, packed, strides, dilations, pads_begin, bias, residual)

    cdef int set_windows(self, View x, View y, Packed packed, strides, dilations, pads_begin, bias,
                         View residual) except -1:
        check_depthwise(x, y, residual, packed)
        self.packed = packed
        self.windows.residual.slot = -1
        self.set_images(x, y, strides, residual)
        self.set_taps(x, packed, strides, dilations, pads_begin)
        self.set_blocks(packed, bias)
        self.reads = (x,) if residual is None else (x, residual)
        self.writes = (y,)
        self.flops = 2 * y.size * math.prod(packed.window) * packed.group
        self.share_above(SMALL_FLOPS, self.flops, self.windows.blocks * self.windows.lines)
        self.args = &self.windows
        self.run = convolve
        return 0

    cdef int set_images(self, View x, View y, strides, View residual) except -1:
        cdef Windows* p = &self.windows
        cdef int i, axis, missing = 5 - y.span.rank
        cdef dim_t r_size = 4 if residual is None else residual.dtype.itemsize
        cdef dim_t lengths[4]
        cdef dim_t steps[4][3]         # of x, y and the residual, for the image and three spatial dimensions
        if len(strides) != y.span.rank - 2:
            raise ValueError(f"expected {y.span.rank - 2} strides, got {strides}")
        memset(steps, 0, sizeof(steps))
        residual_strides = broadcast_strides(residual, y.shape, "residual")
        p.x = x.span
        p.y = y.span
        p.x_size, p.y_size = x.dtype.itemsize, y.dtype.itemsize
        if residual is not None:
            p.residual = residual.span
        for i in range(4):
            lengths[i] = 1
            axis = i + 1 - missing if i else 0
            if i == 0 or axis > 1:
                lengths[i] = y.span.shape[axis]
                steps[i][0] = x.span.stride[axis] * p.x_size * <dim_t>(strides[axis - 2] if axis else 1)
                steps[i][1] = y.span.stride[axis] * p.y_size
                steps[i][2] = <dim_t>residual_strides[axis] * r_size
            if i < 3:
                p.x_line[i], p.y_line[i], p.residual_line[i] = steps[i][0], steps[i][1], steps[i][2]
        p.strip.x_stride, p.strip.y_stride, p.strip.residual_stride = steps[3][0], steps[3][1], steps[3][2]
        p.channels = y.span.shape[1]
        p.depth, p.height, p.width = lengths[1], lengths[2], lengths[3]
        p.lines = lengths[0] * p.depth * p.height
        p.strip.residual_step = residual_strides[1] * r_size
        return 0

    cdef int set_taps(self, View x, Packed packed, strides, dilations, pads_begin) except -1:
        cdef Windows* p = &self.windows
        cdef Strip* strip = &p.strip
        steps = [stride * p.x_size for stride in x.strides[2:]]
        start = sum([pad * step for pad, step in zip(pads_begin, steps, strict=True)])
        walks = [(size, step * dilation) for size, step, dilation in zip(packed.window[:-1], steps, dilations)]
        self.offsets = nested_sums(-start, walks)
        strip.offset = <const dim_t*>first_element(self.offsets)
        strip.rows = len(self.offsets)
        strip.width = packed.window[-1]
        strip.tap_step = steps[-1] * dilations[-1]
        strip.group = packed.group
        apart = dilations[-1] if strip.width > 1 else 1
        p.step = apart // math.gcd(strides[-1], apart)  # windows of outputs that far apart share pixels
        p.functions = strip_functions(strip, strides[-1] * p.step // apart)
        return 0

    cdef int set_blocks(self, Packed packed, bias) except -1:
        """Weights, bias, and the blocks of channels and columns."""
        cdef Windows* p = &self.windows
        filled = max(packed.vectors.shape[0], 1) * LANES
        if bias is None:
            self.bias = np.zeros(filled, np.float32)
        else:
            if np.shape(bias) != (p.channels,):
                raise ValueError(f"expected a bias of shape {(p.channels,)}, got {np.shape(bias)}")
            self.bias = padded_columns(bias, np.float32, (1, p.channels, filled))[0]
        p.strip.bias = <const float*>first_element(self.bias)
        p.strip.weights = <const float*>first_element(packed.vectors)
        p.blocks = (p.channels + CHANNEL_BLOCK - 1) // CHANNEL_BLOCK
        p.block = (packed.vectors.shape[0] + p.blocks - 1) // max(p.blocks, <dim_t>1) * LANES
        floats = (p.strip.rows + 1) * min(p.channels, p.block)
        p.columns = max(CACHED_FLOATS // max(floats, 1) // (STRIP * p.step), 1) * STRIP * p.step
        return 0


cdef class QuantizedDepthwise(Depthwise):
    """y = results of (depthwise convolution(x, weights) + shifts), exact integer sums.

    x: u8, y: f32, u8 or i8. What the windows reach beyond x must hold x's zero point in memory. weights: integers, as
    for Depthwise; the products of 255 with those of a channel have to stay below 2^24 in sum. residual, zero_point,
    column_sums, results: as for matmul.QuantizedMatMul, with a value for each channel.
    """

    cdef Requantizer requantizer

    def __init__(self, View x not None, View y not None, *, weights, strides, dilations, pads_begin,
                 View residual=None, View zero_point=None, column_sums=None, **results):
        cdef Packed packed = weights if isinstance(weights, Packed) else Packed(weights)
        check_types(x, y)
        filled = (packed.channels + LANES - 1) // LANES * LANES
        self.requantizer = Requantizer(y, (1, packed.channels, filled), residual=residual, **results)
        self.windows.strip.requantization = &self.requantizer.requantization
        self.set_windows(x, y, packed, strides, dilations, pads_begin, None, residual)
        if zero_point is not None:
            self.requantizer.set_zero_point(zero_point, column_sums)
            self.windows.zero = &self.requantizer.zero_point
            self.scratch = self.requantizer.zero_bytes
            self.reads = (*self.reads, zero_point)
            self.run = convolve_of_zero
