"""Pooling: the maximum or the mean of windows of images of one to three spatial dimensions: of f32, and the maximum
of bytes and of bf16 that are channels-last.

An image is channels-last (channel stride 1) or planar (stride 1 in its last spatial dimension); each
has its own loop. Windows are clamped to the image when the step is made: what an image has for a
border in memory is neither read nor needed.
"""

import math

import numpy as np

from libc.stdlib cimport free
from ovlite.kernels.runtime.block cimport zeros
from ovlite.kernels.runtime.images cimport channels_second, result_images
from ovlite.kernels.runtime.step cimport (
    OK, Member, Span, Step, View, address, alone, check_status, dim_t, first_element, share, strided_view)
from ovlite.kernels.runtime.images import window_counts
from ovlite.kernels.runtime.step import are_channels_last, are_planar, type_name

cdef extern from "pooling.h" nogil:
    ctypedef struct Window:
        const char* x
        dim_t planes, rows, columns
        dim_t plane_step, row_step, column_step
    void max_channels(const Window* window, float* y, dim_t channels, float count) noexcept
    void mean_channels(const Window* window, float* y, dim_t channels, float count) noexcept
    void max_u8(const Window* window, void* y, dim_t channels) noexcept
    void max_i8(const Window* window, void* y, dim_t channels) noexcept
    void max_bf16(const Window* window, void* y, dim_t channels) noexcept
    void max_line(const Window* window, float* y, dim_t windows, dim_t step, float count) noexcept
    void mean_line(const Window* window, float* y, dim_t windows, dim_t step, float count) noexcept

cdef enum:
    BLOCK_BYTES = 256          # of channels that are pooled together for a line of windows
    TAP_COST = 2               # see Step.set_width

cdef struct Reach:             # of the windows at one coordinate, in one dimension
    dim_t offset               # elements from the image's first element to the first tap in the image
    dim_t taps                 # taps in the image
    dim_t counted              # taps that the mean divides by

cdef struct PoolArgs:
    Span x                     # (N, C, depth, height, width)
    Span y
    const Reach* depth
    const Reach* height
    const Reach* width
    dim_t stride_width
    dim_t first_whole          # the windows of a line that reach all their columns
    dim_t last_whole
    Window window              # with the steps between taps
    bint maximum
    int size                   # bytes of an element
    bint is_signed             # bytes are
    dim_t block                # channels that are pooled together for a line of windows
    dim_t blocks
    dim_t lines                # output lines, of all images and blocks


cdef struct Line:              # one line of windows
    dim_t image
    dim_t block
    const Reach* depth
    const Reach* height
    dim_t y                    # elements from y's first one


cdef inline Line line_at(const PoolArgs* args, dim_t index) noexcept nogil:
    """Lines are numbered by image, block of channels, depth and height."""
    cdef Line line
    cdef dim_t height = index % args.y.shape[3]
    cdef dim_t depth
    index //= args.y.shape[3]
    depth = index % args.y.shape[2]
    index //= args.y.shape[2]
    line.block = index % args.blocks
    line.image = index // args.blocks
    line.depth = args.depth + depth
    line.height = args.height + height
    line.y = line.image * args.y.stride[0] + depth * args.y.stride[2] + height * args.y.stride[3]
    return line


cdef inline float divisor(const Line* line, const Reach* width) noexcept nogil:
    return <float>max(line.depth.counted * line.height.counted * width.counted, 1)


cdef int pool_channels_last(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const PoolArgs* args = <const PoolArgs*>arguments
    cdef Window window = args.window
    cdef const char* x
    cdef char* y
    cdef const Reach* width
    cdef Line line
    cdef dim_t begin, end, index, column, channel, channels
    share(me, args.lines, 1, &begin, &end)
    for index in range(begin, end):
        line = line_at(args, index)
        channel = line.block * args.block
        channels = min(args.block, args.y.shape[1] - channel)
        x = address(&args.x, slots) + args.size * (
            line.image * args.x.stride[0] + channel + line.depth.offset + line.height.offset)
        y = address(&args.y, slots) + args.size * (line.y + channel)
        window.planes = line.depth.taps
        window.rows = line.height.taps
        for column in range(args.y.shape[4]):
            width = &args.width[column]
            window.x = x + width.offset * args.size
            window.columns = width.taps
            if args.size == 1:
                (max_i8 if args.is_signed else max_u8)(&window, y, channels)
            elif args.size == 2:
                max_bf16(&window, y, channels)
            elif args.maximum:
                max_channels(&window, <float*>y, channels, 1)
            else:
                mean_channels(&window, <float*>y, channels, divisor(&line, width))
            y += args.y.stride[4] * args.size
    return OK


cdef int pool_planar(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const PoolArgs* args = <const PoolArgs*>arguments
    cdef Window window = args.window
    cdef const float* x
    cdef float* y
    cdef const Reach* width
    cdef Line line
    cdef dim_t begin, end, index, column, windows
    share(me, args.lines, 1, &begin, &end)
    for index in range(begin, end):
        line = line_at(args, index)
        x = <const float*>address(&args.x, slots) + line.image * args.x.stride[0] + line.block * args.x.stride[1]
        x += line.depth.offset + line.height.offset
        y = <float*>address(&args.y, slots) + line.y + line.block * args.y.stride[1]
        window.planes = line.depth.taps
        window.rows = line.height.taps
        column = 0
        while column < args.y.shape[4]:
            windows = args.last_whole - column if column == args.first_whole else 1
            width = &args.width[column]
            window.x = <const char*>(x + width.offset)
            window.columns = width.taps
            if args.maximum:
                max_line(&window, y + column, windows, args.stride_width, 1)
            else:
                mean_line(&window, y + column, windows, args.stride_width, divisor(&line, width))
            column += windows
    return OK


def max_pool(const float[:, :, :, :] x not None, kernel, out=None, *, strides=(1, 1), dilations=(1, 1),
             pads_begin=(0, 0), pads_end=(0, 0)):
    """The maximum of windows of a batch of images, on the calling thread and without the GIL.

    x: f32 (N, H, W, C) with its channels, or the pixels of its lines, side by side. out: f32 (N, OH, OW, C) of x's
    layout, apart from x; a new array when None. kernel, strides, dilations, pads_begin, pads_end: for height and
    width. NaN where an element of a window is, -inf where it has none. Returns out. Raises ValueError where shapes,
    strides or element types don't fit.
    """
    return _pool("max_pool", x, kernel, out, strides, dilations, pads_begin, pads_end, None)


def avg_pool(const float[:, :, :, :] x not None, kernel, out=None, *, strides=(1, 1), dilations=(1, 1),
             pads_begin=(0, 0), pads_end=(0, 0), count_include_pad=False):
    """The mean of windows of a batch of images, on the calling thread and without the GIL.

    count_include_pad: padding counts as zeros. A window without elements gives 0. The rest is as for max_pool().
    """
    return _pool("avg_pool", x, kernel, out, strides, dilations, pads_begin, pads_end, bool(count_include_pad))


cdef _pool(str name, const float[:, :, :, :] x, kernel, out, strides, dilations, pads_begin, pads_end,
           count_include_pad):
    """count_include_pad: of a mean; None for a maximum."""
    cdef Pool step
    cdef Member me = alone(NULL)
    cdef View x_view = channels_second(strided_view(0, "f4", x.shape, x.strides, 4)), y_view
    cdef char* slots[2]
    cdef float[:, :, :, :] y
    cdef int status
    size = window_counts((x.shape[1], x.shape[2]), kernel, strides, dilations, pads_begin, pads_end)
    y = out = result_images(out, (x.shape[0], *size, x.shape[3]), x_view)
    y_view = channels_second(strided_view(1, "f4", y.shape, y.strides, 4))
    if count_include_pad is None:
        step = MaxPool(x_view, y_view, kernel, strides, dilations, pads_begin)
    else:
        step = AvgPool(x_view, y_view, kernel, strides, dilations, pads_begin, count_include_pad=count_include_pad,
                       pads_end=pads_end)
    slots[0], slots[1] = first_element(x), first_element(y)
    with nogil:
        status = step.run(step.args, slots, &me)
    check_status(name, status)
    return out


cdef dim_t first_tap(dim_t start, dim_t dilation, dim_t taps) noexcept:
    """The first of a window's taps, which begins at `start`, that does not lie below 0; `taps` when all do."""
    return 0 if start >= 0 else min((-start + dilation - 1) // dilation, taps)


cdef void set_reaches(Reach* reaches, dim_t size, dim_t outputs, dim_t taps, dim_t stride, dim_t dilation, dim_t pad,
                      dim_t pad_end, dim_t element_stride, bint counts_pad) noexcept:
    """Fills in the Reach of each output coordinate of one dimension."""
    cdef dim_t at, start, first, behind
    for at in range(outputs):
        start = at * stride - pad
        first = first_tap(start, dilation, taps)
        behind = max(first_tap(start - size, dilation, taps), first)
        reaches[at].offset = (start + first * dilation) * element_stride if behind > first else 0
        reaches[at].taps = behind - first
        reaches[at].counted = first_tap(start - size - pad_end, dilation, taps) if counts_pad else behind - first


cdef class Pool(Step):
    """Base of MaxPool and AvgPool. See there."""

    cdef PoolArgs arguments
    cdef Reach* reaches        # of the depths, the heights and the widths

    def __dealloc__(self):
        free(self.reaches)

    cdef int prepare(
            self, View x, View y, kernel, strides, dilations, pads_begin, pads_end, count_include_pad) except -1:
        cdef PoolArgs* args = &self.arguments
        cdef Reach* reaches
        cdef dim_t column
        cdef int d
        self.check(x, y, kernel, strides, dilations, pads_begin, pads_end)
        missing = 5 - x.span.rank
        x5, y5 = _five_dimensional(x), _five_dimensional(y)
        kernel, strides, dilations = ([1] * missing + list(each) for each in (kernel, strides, dilations))
        pads_begin, pads_end = ([0] * missing + list(each) for each in (pads_begin, pads_end))
        args.x, args.y = (<View>x5).span, (<View>y5).span
        free(self.reaches)
        self.reaches = NULL
        self.reaches = <Reach*>zeros(args.y.shape[2] + args.y.shape[3] + args.y.shape[4], sizeof(Reach))
        args.depth = reaches = self.reaches
        args.height = args.depth + args.y.shape[2]
        args.width = args.height + args.y.shape[3]
        for d in range(3):
            set_reaches(reaches, args.x.shape[2 + d], args.y.shape[2 + d], kernel[d], strides[d], dilations[d],
                        pads_begin[d], pads_end[d], args.x.stride[2 + d], count_include_pad)
            reaches += args.y.shape[2 + d]
        args.first_whole = args.last_whole = -1
        for column in range(args.y.shape[4]):
            if args.width[column].taps == kernel[2]:
                args.first_whole = column if args.first_whole < 0 else args.first_whole
                args.last_whole = column + 1
        args.stride_width = strides[2]
        args.window.plane_step, args.window.row_step, args.window.column_step = (
            dilation * stride for dilation, stride in zip(dilations, x5.strides[2:]))
        args.size, args.is_signed = x.dtype.itemsize, x.dtype == np.int8
        planar = are_planar(x, y) and (x.shape[1] == 1 or not are_channels_last(x, y)) and args.size == 4
        args.block = BLOCK_BYTES // args.size
        args.blocks = x.shape[1] if planar else -(-x.shape[1] // args.block)
        args.lines = x.shape[0] * args.blocks * y5.shape[2] * y5.shape[3]
        taps = y.size * math.prod(kernel)
        self.set_width(taps * TAP_COST, args.lines)
        self.reads, self.writes = (x,), (y,)
        self.args = args
        self.run = pool_planar if planar else pool_channels_last
        return 0

    def check(self, View x, View y, kernel, strides, dilations, pads_begin, pads_end):
        spatial = x.span.rank - 2
        if not 1 <= spatial <= 3 or y.span.rank != x.span.rank or y.shape[:2] != x.shape[:2]:
            raise ValueError(
                f"{self.name}: expected x and y of shape (N, C, spatial...) with 1 to 3 spatial dimensions, "
                f"got {x.shape} and {y.shape}")
        known = "float32, uint8, int8 or bf16" if self.arguments.maximum else "float32"
        types = type_name(x.dtype), type_name(y.dtype)
        if types[0] != types[1] or types[0] not in known:
            raise ValueError(f"{self.name}: expected x and y of {known}, got {types[0]} and {types[1]}")
        for name, values, least in (
            ("kernel", kernel, 1), ("strides", strides, 1), ("dilations", dilations, 1), ("pads_begin", pads_begin, 0),
            ("pads_end", pads_end, 0),
        ):
            if len(values) != spatial or min(values) < least:
                raise ValueError(
                    f"{self.name}: expected {name} to be {spatial} numbers of at least {least}, got {tuple(values)}")
        if not (are_channels_last(x, y) or are_planar(x, y) and x.dtype == np.float32):
            raise ValueError(
                f"{self.name}: expected two channels-last or two planar images, "
                f"got strides {x.strides} and {y.strides}")


def _five_dimensional(View view):
    """The view of an image with dimensions of size 1 put in front of its spatial ones."""
    missing = 5 - view.span.rank
    return view.like((*view.shape[:2], *[1] * missing, *view.shape[2:]),
                     (*view.strides[:2], *[0] * missing, *view.strides[2:]))


cdef class MaxPool(Pool):
    """y = maximum over windows of x; NaN when one of their elements is, -inf when they have none.

    x: (N, C, spatial...), y: (N, C, outputs...): f32, both channels-last or both planar; or u8, i8 or bf16,
    both channels-last, with their least value where a window has no element. Output o of a
    dimension covers the elements o * strides - pads_begin + k * dilations for k < kernel, as far as x
    has them. Raises ValueError for other element types, layouts and ranks.
    """

    def __init__(self, View x, View y, kernel, strides, dilations, pads_begin):
        self.arguments.maximum = True
        self.prepare(x, y, kernel, strides, dilations, pads_begin, [0] * len(kernel), False)


cdef class AvgPool(Pool):
    """y = mean over windows of x, which are MaxPool's; 0 for a window outside of x.

    count_include_pad: padding counts as zeros, pads_begin elements of it in front and pads_end behind
    each dimension; what a window reaches beyond (when the outputs are rounded up) does not count.
    """

    def __init__(
            self, View x, View y, kernel, strides, dilations, pads_begin, *, count_include_pad=False, pads_end=None):
        pads_end = [0] * len(kernel) if pads_end is None else pads_end
        self.prepare(x, y, kernel, strides, dilations, pads_begin, pads_end, count_include_pad)
