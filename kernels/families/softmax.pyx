"""Softmax and log-softmax of f32 along one axis of any layout.

Where the axis is dense, each run of it is done by itself; where another dimension is, tiles of its
columns are; where none is, runs are gathered into scratch memory first. Short runs are gathered so
that they lie side by side. Members share runs or tiles.
"""

from ovlite.kernels.runtime.call cimport Call
from ovlite.kernels.runtime.step cimport OK, Member, Step, View, dim_t, share
from ovlite.kernels.runtime.strides cimport LoopNest, offset_of, set_nest
from ovlite.kernels.runtime.strides import ordered_dimensions

cdef extern from "softmax.h" nogil:
    enum:
        SOFTMAX_COLUMNS
    void softmax_row(const float* x, float* y, dim_t n, bint logarithm) noexcept
    void softmax_columns(const float* x, dim_t x_row, float* y, dim_t y_row, dim_t rows, dim_t columns,
                         bint logarithm) noexcept

cdef extern from "tile_copy.h" nogil:
    void gather(const char* source, dim_t row, dim_t step, char* to, dim_t rows, dim_t cols, int size) noexcept
    void scatter(const char* source, char* to, dim_t row, dim_t step, dim_t rows, dim_t cols, int size) noexcept

cdef enum:
    F32 = 4                      # bytes
    TOO_SMALL_TO_SHARE = 4096    # elements; see Step.share_above
    TILE = 65536                 # elements of a tile of columns, at most about
    SHORT_ROW = 24               # elements of rows that are done side by side,
    SHORT_ROWS = 64              # so many at a time


def softmax(x, axis=-1, out=None):
    """exp(x - max) / sum(exp(x - max)) along `axis`, as plans compute it, on the calling thread and without the GIL.

    x: f32 of any shape and strides. out: of the same shape, x itself or apart from it; a new array when None.
    Returns out. Raises ValueError where shapes or the axis don't fit, TypeError for other element types.
    """
    return softmax_call(x, axis, False, out)


def log_softmax(x, axis=-1, out=None):
    """x - max - log(sum(exp(x - max))) along `axis`; otherwise as softmax()."""
    return softmax_call(x, axis, True, out)


def softmax_call(x, axis, logarithm, out):
    cdef Call call = Call()
    cdef View x_view = call.read("x", x, "f4")
    cdef View y_view = call.write(out, x_view.shape, "f4", in_place=True)
    call.run(Softmax(x_view, y_view, axis, logarithm))
    return call.out


cdef struct SoftmaxArguments:
    int x
    int y
    dim_t x_offset
    dim_t y_offset
    LoopNest loops                  # over the runs, but for the columns of a tile
    dim_t length                 # of the axis
    dim_t x_step                 # elements from one element of the axis to the next
    dim_t y_step
    dim_t columns                # dense ones, or short rows
    dim_t x_row                  # elements from one short row to the next
    dim_t y_row
    dim_t tile
    dim_t tiles                  # of all columns
    bint logarithm


cdef int run_rows(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const SoftmaxArguments* args = <const SoftmaxArguments*>arguments
    cdef dim_t index, begin, end, x, y
    share(me, args.loops.count, 1, &begin, &end)
    for index in range(begin, end):
        x = args.x_offset
        y = args.y_offset
        offset_of(&args.loops, index, &x, &y)
        softmax_row(<const float*>(slots[args.x] + x), <float*>(slots[args.y] + y), args.length, args.logarithm)
    return OK


cdef int run_gathered_rows(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const SoftmaxArguments* args = <const SoftmaxArguments*>arguments
    cdef float* row = <float*>me.scratch
    cdef dim_t index, begin, end, x, y
    share(me, args.loops.count, 1, &begin, &end)
    for index in range(begin, end):
        x = args.x_offset
        y = args.y_offset
        offset_of(&args.loops, index, &x, &y)
        gather(slots[args.x] + x, 0, args.x_step * F32, me.scratch, 1, args.length, F32)
        softmax_row(row, row, args.length, args.logarithm)
        scatter(me.scratch, slots[args.y] + y, 0, args.y_step * F32, 1, args.length, F32)
    return OK


cdef int run_columns(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const SoftmaxArguments* args = <const SoftmaxArguments*>arguments
    cdef dim_t index, begin, end, column, x, y
    share(me, args.loops.count * args.tiles, 1, &begin, &end)
    for index in range(begin, end):
        column = index % args.tiles * args.tile
        x = args.x_offset + column * F32
        y = args.y_offset + column * F32
        offset_of(&args.loops, index // args.tiles, &x, &y)
        softmax_columns(<const float*>(slots[args.x] + x), args.x_step, <float*>(slots[args.y] + y), args.y_step,
                        args.length, min(args.columns - column, args.tile), args.logarithm)
    return OK


cdef int run_short_rows(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    """Rows of a few elements are columns of a tile in scratch memory."""
    cdef const SoftmaxArguments* args = <const SoftmaxArguments*>arguments
    cdef float* tile = <float*>me.scratch
    cdef dim_t index, begin, end, column, count, x, y
    share(me, args.loops.count * args.tiles, 1, &begin, &end)
    for index in range(begin, end):
        column = index % args.tiles * args.tile
        count = min(args.columns - column, args.tile)
        x = args.x_offset + column * args.x_row * F32
        y = args.y_offset + column * args.y_row * F32
        offset_of(&args.loops, index // args.tiles, &x, &y)
        gather(slots[args.x] + x, args.x_step * F32, args.x_row * F32, me.scratch, args.length, count, F32)
        softmax_columns(tile, count, tile, count, args.length, count, args.logarithm)
        scatter(me.scratch, slots[args.y] + y, args.y_step * F32, args.y_row * F32, args.length, count, F32)
    return OK


cdef class Softmax(Step):
    """y = exp(x - max) / sum(exp(x - max)) along `axis`; x and y are f32 of one shape, any strides.

    y may be the memory of x when it has the same strides.
    """

    cdef SoftmaxArguments arguments

    def __init__(self, View x, View y, int axis, bint logarithm=False):
        cdef SoftmaxArguments* args = &self.arguments
        if x.dtype.name != "float32" or y.dtype.name != "float32":
            raise ValueError(f"{self.name} of {x.dtype} to {y.dtype}: both have to be float32")
        if x.shape != y.shape:
            raise ValueError(f"{self.name} of shape {x.shape} to shape {y.shape}")
        if not -len(x.shape) <= axis < len(x.shape):
            raise ValueError(f"{self.name} along axis {axis} of shape {x.shape}")
        if axis < 0:
            axis += len(x.shape)
        self.reads = (x,)
        self.writes = (y,)
        args.x, args.x_offset = x.slot, x.offset
        args.y, args.y_offset = y.slot, y.offset
        args.logarithm = logarithm
        args.length, args.x_step, args.y_step = x.shape[axis], x.strides[axis], y.strides[axis]
        dims = list(zip(x.shape, x.strides, y.strides))
        del dims[axis]
        self.choose_run(ordered_dimensions(dims))
        self.args = args
        self.share_above(TOO_SMALL_TO_SHARE, x.size, args.loops.count * args.tiles)

    def choose_run(self, list loops):
        cdef SoftmaxArguments* args = &self.arguments
        args.tiles = 1
        by_columns = bool(loops) and loops[len(loops) - 1][1:] == (1, 1)
        if not by_columns and 1 < args.length <= SHORT_ROW:
            self.run = run_short_rows
            args.columns, args.x_row, args.y_row = loops.pop() if loops else (1, 1, 1)
            args.tile = SHORT_ROWS
            args.tiles = (args.columns + args.tile - 1) // args.tile
            self.scratch = SHORT_ROWS * args.length * F32
        elif args.length == 1 or args.x_step == args.y_step == 1:
            self.run = run_rows
        elif by_columns:
            self.run = run_columns
            args.columns = loops.pop()[0]
            args.tile = min(<dim_t>SOFTMAX_COLUMNS, max(<dim_t>32, TILE // max(args.length, 1) // 16 * 16))
            args.tiles = (args.columns + args.tile - 1) // args.tile
        else:
            self.run = run_gathered_rows
            self.scratch = args.length * F32
        set_nest(&args.loops, loops, F32, F32)


cdef class LogSoftmax(Softmax):
    """y = x - max - log(sum(exp(x - max))) along `axis`; otherwise as Softmax."""

    def __init__(self, View x, View y, int axis):
        super().__init__(x, y, axis, True)
