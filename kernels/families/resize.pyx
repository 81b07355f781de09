"""Resizing of images of one to three spatial dimensions by nearest elements or linear interpolation.

Which elements an output is made of, and with which weights, the caller says with a table for each
spatial dimension, so that every convention of rounding and alignment is the same kernel. Offsets are
worked out from the tables once; a run goes through the output line by line.
"""

from libc.string cimport memcpy

import math

import numpy as np

from ovlite.kernels.runtime.call cimport Call
from ovlite.kernels.runtime.images cimport channels_second, result_images
from ovlite.kernels.runtime.step cimport OK, Member, Span, Step, View, address, dim_t, first_element, share
from ovlite.kernels.runtime.step import are_channels_last, are_planar

cdef extern from "resize.h" nogil:
    void copy_pixels(char* y, dim_t step, const char* x, const dim_t* source, dim_t pixels, dim_t size) noexcept
    void blend(const float* const* x, const float* weight, int taps, float* y, dim_t n) noexcept
    void interpolate(
        float* y, const float* x, const dim_t* lower, const dim_t* upper, const float* weight, dim_t n) noexcept

cdef enum:
    MOST_TAPS = 4              # lines of x that a line of y lies between

cdef struct Axis:              # of one spatial dimension, an entry for each output coordinate
    const dim_t* lower         # offset of the element, in bytes (nearest) or floats (linear)
    const dim_t* upper
    const float* weight        # of the upper element

cdef struct ResizeArgs:
    Span x
    Span y
    dim_t channels             # a line is of all channels (1 here), or of one
    dim_t outputs[3]           # depth, height, width
    dim_t y_stride[3]          # in elements
    dim_t pixel                # elements that lie together: all channels, or 1
    dim_t width                # of x
    int size                   # bytes of an element
    Axis axes[3]
    dim_t lines

cdef struct Line:
    dim_t x                    # elements from the operands' first elements, spatial dimensions of x apart
    dim_t y
    dim_t depth
    dim_t height


cdef inline Line line_at(const ResizeArgs* args, dim_t index) noexcept nogil:
    """Lines are numbered by image, channel, depth and height."""
    cdef Line line
    cdef dim_t channel
    line.height = index % args.outputs[1]
    index //= args.outputs[1]
    line.depth = index % args.outputs[0]
    index //= args.outputs[0]
    channel = index % args.channels
    index //= args.channels
    line.x = index * args.x.stride[0] + channel * args.x.stride[1]
    line.y = (index * args.y.stride[0] + channel * args.y.stride[1]
              + line.depth * args.y_stride[0] + line.height * args.y_stride[1])
    return line


cdef int run_nearest(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const ResizeArgs* args = <const ResizeArgs*>arguments
    cdef const char* x
    cdef const char* x_before = NULL
    cdef char* y
    cdef char* y_before = NULL
    cdef dim_t step = args.y_stride[2] * args.size, pixel = args.pixel * args.size
    cdef Line line
    cdef dim_t begin, end, index
    share(me, args.lines, 1, &begin, &end)
    for index in range(begin, end):
        line = line_at(args, index)
        x = address(&args.x, slots) + line.x * args.size
        x += args.axes[0].lower[line.depth] + args.axes[1].lower[line.height]
        y = address(&args.y, slots) + line.y * args.size
        if x == x_before and step == pixel:
            memcpy(y, y_before, pixel * args.outputs[2])
        else:
            copy_pixels(y, step, x, args.axes[2].lower, args.outputs[2], pixel)
        x_before = x
        y_before = y
    return OK


cdef inline int split(const Axis* axis, dim_t at, const float** x, float* weight, int taps) noexcept nogil:
    """Replaces each tap by the lower and the upper one of a dimension; returns their number.

    Where the two are the same element the taps only move."""
    cdef int tap
    cdef dim_t lower = axis.lower[at], upper = axis.upper[at]
    cdef float part = axis.weight[at]
    if lower == upper:
        for tap in range(taps):
            x[tap] += lower
        return taps
    for tap in range(taps):
        x[taps + tap] = x[tap] + upper
        weight[taps + tap] = weight[tap] * part
        x[tap] += lower
        weight[tap] *= 1 - part
    return 2 * taps


cdef inline int line_taps(const ResizeArgs* args, const Line* line, const float* first, const float** x,
                          float* weight) noexcept nogil:
    """The lines of x that an output line lies between, and their weights; returns their number, up to 4."""
    cdef int taps = 1
    x[0] = first + line.x
    weight[0] = 1
    taps = split(&args.axes[0], line.depth, x, weight, taps)
    return split(&args.axes[1], line.height, x, weight, taps)


cdef int run_channels_last(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const ResizeArgs* args = <const ResizeArgs*>arguments
    cdef const float* lines[MOST_TAPS]
    cdef const float* x[2 * MOST_TAPS]
    cdef float line_weight[MOST_TAPS]
    cdef float weight[2 * MOST_TAPS]
    cdef float* y
    cdef Line line
    cdef dim_t begin, end, index, column
    cdef int count, taps, tap
    share(me, args.lines, 1, &begin, &end)
    for index in range(begin, end):
        line = line_at(args, index)
        count = line_taps(args, &line, <const float*>address(&args.x, slots), lines, line_weight)
        y = <float*>address(&args.y, slots) + line.y
        for column in range(args.outputs[2]):
            for tap in range(count):
                x[tap] = lines[tap]
                weight[tap] = line_weight[tap]
            taps = split(&args.axes[2], column, x, weight, count)
            blend(x, weight, taps, y + column * args.y_stride[2], args.pixel)
    return OK


cdef int run_planar(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const ResizeArgs* args = <const ResizeArgs*>arguments
    cdef const Axis* width = &args.axes[2]
    cdef const float* x[MOST_TAPS]
    cdef float weight[MOST_TAPS]
    cdef float* y
    cdef float* between = <float*>me.scratch
    cdef Line line
    cdef dim_t begin, end, index
    cdef int count
    share(me, args.lines, 1, &begin, &end)
    for index in range(begin, end):
        line = line_at(args, index)
        count = line_taps(args, &line, <const float*>address(&args.x, slots), x, weight)
        blend(x, weight, count, between, args.width)
        y = <float*>address(&args.y, slots) + line.y
        interpolate(y, between, width.lower, width.upper, width.weight, args.outputs[2])
    return OK


cdef int keep(const float** kept, const float* line, const float* const* needed, int count) noexcept nogil:
    """Where `line` is kept among MOST_TAPS lines, or will be: in the place of one that is not needed; then below 0."""
    cdef int place, tap
    for place in range(MOST_TAPS):
        if kept[place] == line:
            return place
    for place in range(MOST_TAPS):
        for tap in range(count):
            if kept[place] == needed[tap]:
                break
        else:
            break
    kept[place] = line
    return place - MOST_TAPS


cdef int run_planar_enlarged(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    """Lines of x are interpolated once, and kept while lines of y lie between them."""
    cdef const ResizeArgs* args = <const ResizeArgs*>arguments
    cdef const Axis* width = &args.axes[2]
    cdef const float* kept[MOST_TAPS]
    cdef const float* x[MOST_TAPS]
    cdef const float* taps[MOST_TAPS]
    cdef float weight[MOST_TAPS]
    cdef float* to
    cdef Line line
    cdef dim_t begin, end, index
    cdef int count, tap, place
    for place in range(MOST_TAPS):
        kept[place] = NULL
    share(me, args.lines, 1, &begin, &end)
    for index in range(begin, end):
        line = line_at(args, index)
        count = line_taps(args, &line, <const float*>address(&args.x, slots), x, weight)
        for tap in range(count):
            place = keep(kept, x[tap], x, count)
            to = <float*>me.scratch + (place + MOST_TAPS if place < 0 else place) * args.outputs[2]
            if place < 0:
                interpolate(to, x[tap], width.lower, width.upper, width.weight, args.outputs[2])
            taps[tap] = to
        blend(taps, weight, count, <float*>address(&args.y, slots) + line.y, args.outputs[2])
    return OK


def resize_nearest(x, size=None, out=None, *, tables=None):
    """Images of another size, made of their nearest elements, on the calling thread and without the GIL.

    x: (N, H, W, C) of any strides and any element type of 1, 2, 4 or 8 bytes. size: (OH, OW), with pixels' centres
    at half coordinates, and of two that are as near the first taken; else tables: indices into the rows of x and into
    its columns. out: (N, OH, OW, C) of x's type, apart from x; a new array when None. Returns out. Raises ValueError
    where shapes, strides or types don't fit, TypeError for what is no such array.
    """
    cdef Call call = Call()
    cdef View x_view = channels_second(call.read("x", x)), y_view
    if (size is None) == (tables is None):
        raise ValueError("expected either size or tables")
    if tables is None:
        tables = [np.ceil(at - 0.5).astype(np.intp) for at in _centres(x_view, size)]
    y_view = _result(call, out, x_view, tables)
    call.run(ResizeNearest(x_view, y_view, tables))
    return call.out


def resize_linear(x, size=None, out=None, *, tables=None):
    """Images of another size, interpolated between two elements a dimension, without the GIL.

    x: f32 (N, H, W, C) with its channels, or the pixels of its lines, side by side; out likewise. size: (OH, OW),
    with pixels' centres at half coordinates; else tables: (lower, upper, weight) for height and for width, see
    ResizeLinear. The rest is as for resize_nearest().
    """
    cdef Call call = Call()
    cdef View x_view = channels_second(call.read("x", x)), y_view
    if (size is None) == (tables is None):
        raise ValueError("expected either size or tables")
    if tables is None:
        tables = [(np.floor(at).astype(np.intp), np.ceil(at).astype(np.intp), at - np.floor(at))
                  for at in _centres(x_view, size)]
    y_view = _result(call, out, x_view, [weight for _, _, weight in tables])
    call.run(ResizeLinear(x_view, y_view, tables))
    return call.out


cdef View _result(Call call, out, View x, tables):
    """The result (N, C, OH, OW) of resizing x by tables of these lengths."""
    batch, channels = x.shape[:2]
    shape = (batch, *map(len, tables), channels)
    return channels_second(call.write(result_images(out, shape, x), shape, x.dtype))


def _centres(View x, size):
    """For height and width of x: where the centres of `size` pixels lie, in pixels of x, but not outside of it."""
    if len(size) != 2 or min(size) < 0 or (0 in x.shape[2:] and 0 not in size):
        raise ValueError(f"expected a size (height, width) for images of {x.shape[2:]}, got {tuple(size)}")
    return [np.clip((np.arange(outputs) + 0.5) * (inputs / max(outputs, 1)) - 0.5, 0, max(inputs - 1, 0))
            for inputs, outputs in zip(x.shape[2:], size, strict=True)]


cdef class Resize(Step):
    """Base of ResizeNearest and ResizeLinear: the checks, the sizes and the tables."""

    cdef ResizeArgs arguments
    cdef const dim_t[:, ::1] offsets   # of the lower and the upper elements, for all axes one after the other
    cdef const float[::1] weights

    cdef int prepare(self, View x, View y, tables, int unit, bint channels_last) except -1:
        """tables: (lower, upper, weight) for each spatial dimension. unit: offsets to an element in x."""
        cdef ResizeArgs* args = &self.arguments
        missing = 5 - x.span.rank
        args.x, args.y = x.span, y.span
        args.size = y.dtype.itemsize
        args.channels, args.pixel = (1, x.shape[1]) if channels_last else (x.shape[1], 1)
        args.width = x.span.shape[x.span.rank - 1]
        args.outputs = [1] * missing + list(y.shape[2:])
        args.y_stride = [0] * missing + list(y.strides[2:])
        tables = [([0], [0], [0])] * missing + list(tables)
        self.set_axes(tables, [0] * missing + [stride * unit for stride in x.strides[2:]])
        args.lines = x.shape[0] * args.channels * args.outputs[0] * args.outputs[1] if y.size else 0
        self.set_width(y.size * args.size, args.lines)
        self.reads, self.writes = (x,), (y,)
        self.args = args
        return 0

    cdef int set_axes(self, tables, strides) except -1:
        """strides: of x, in units of the offsets, for each table."""
        cdef dim_t first = 0
        cdef int i
        self.offsets = np.ascontiguousarray(np.concatenate([
            np.array([lower, upper], np.intp) * stride for (lower, upper, _), stride in zip(tables, strides)], axis=1))
        self.weights = np.concatenate([weight for _, _, weight in tables], dtype=np.float32)
        for i in range(3):
            self.arguments.axes[i].lower = <const dim_t*>first_element(self.offsets) + first
            self.arguments.axes[i].upper = self.arguments.axes[i].lower + self.weights.shape[0]
            self.arguments.axes[i].weight = <const float*>first_element(self.weights) + first
            first += self.arguments.outputs[i]
        return 0

    def check(self, View x, View y, tables):
        """Checks shapes, and that the tables point into x."""
        spatial = x.span.rank - 2
        if not 1 <= spatial <= 3 or y.span.rank != x.span.rank or y.shape[:2] != x.shape[:2]:
            raise ValueError(
                f"{self.name}: expected x and y of shape (N, C, spatial...) with 1 to 3 spatial dimensions, "
                f"got {x.shape} and {y.shape}")
        if y.dtype != x.dtype:
            raise ValueError(f"{self.name}: expected y of {x.dtype.name}, got {y.dtype.name}")
        if len(tables) != spatial:
            raise ValueError(
                f"{self.name}: expected a table for each of {spatial} spatial dimensions, got {len(tables)}")
        for table, inputs, outputs in zip(tables, x.shape[2:], y.shape[2:]):
            for column in table:
                if len(column) != outputs:
                    raise ValueError(
                        f"{self.name}: expected tables of {outputs} entries, got {len(column)}")
            for column in table[:2]:
                if len(column) and not 0 <= np.min(column) <= np.max(column) < inputs:
                    raise ValueError(
                        f"{self.name}: expected indices of 0 to {inputs - 1} in a table, "
                        f"got {np.min(column)} to {np.max(column)}")


cdef class ResizeNearest(Resize):
    """y[n, c, i, j] = x[n, c, tables[0][i], tables[1][j]], and likewise with one or three spatial dimensions.

    x, y: (N, C, spatial...), of one element type and any strides; fastest with channel stride 1.
    tables: a sequence of indices into x for each spatial dimension, as long as y is there.
    """

    def __init__(self, View x, View y, tables):
        tables = [(table, table, [0] * len(table)) for table in tables]
        self.check(x, y, tables)
        planar = x.shape[1] == 1 if len(x.shape) > 1 else False
        self.prepare(x, y, tables, y.dtype.itemsize, are_channels_last(x, y) and not planar)
        self.run = run_nearest


cdef class ResizeLinear(Resize):
    """y = x interpolated between two elements in each spatial dimension, all f32.

    x, y: (N, C, spatial...), both with channel stride 1 or both with stride 1 in the last dimension.
    tables: (lower, upper, weight) for each spatial dimension, each as long as y is there: output o lies
    between the elements lower[o] and upper[o], whose shares are 1 - weight[o] and weight[o].
    """

    def __init__(self, View x, View y, tables):
        self.check(x, y, tables)
        if x.dtype != np.float32:
            raise ValueError(f"ResizeLinear: expected x of float32, got {x.dtype.name}")
        planar = are_planar(x, y) and (x.shape[1] == 1 or not are_channels_last(x, y))
        if not planar and not are_channels_last(x, y):
            raise ValueError(
                "ResizeLinear: expected two channels-last or two planar images, "
                f"got strides {x.strides} and {y.strides}")
        self.prepare(x, y, tables, 1, not planar)
        self.run = run_channels_last
        if planar:
            self.set_planar(math.prod(x.shape[2:-1]))

    cdef int set_planar(self, dim_t lines) except -1:
        """lines: of x, for each channel."""
        cdef ResizeArgs* args = &self.arguments
        if args.outputs[0] * args.outputs[1] > lines:
            self.scratch = 4 * MOST_TAPS * args.outputs[2]
            self.run = run_planar_enlarged
        else:
            self.scratch = 4 * args.width
            self.run = run_planar
        return 0
