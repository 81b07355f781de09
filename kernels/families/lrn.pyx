"""Local response normalization across channels, in any layout."""

from libc.math cimport sqrtf
from libc.string cimport memset

from ovlite.kernels.runtime.call cimport Call
from ovlite.kernels.runtime.step cimport OK, Member, Step, View, dim_t, share
from ovlite.kernels.runtime.strides cimport LoopNest, offset_of, set_nest
from ovlite.kernels.runtime.strides import axes_from_front, ordered_dimensions

cdef extern from "vectorize.h":
    pass

cdef extern from "vmath.h" nogil:
    float vexp(float x) noexcept
    float vlog(float x) noexcept

cdef enum:
    F32 = 4                      # bytes
    BLOCK = 64                   # elements of a run whose sums stay in registers
    COLUMNS = 512                # at most, of a tile, whose sums stay in the first-level cache
    TOO_SMALL_TO_SHARE = 2048    # elements; see Step.share_above


def lrn(x, int size, double alpha=1e-4, double beta=0.75, double bias=1.0, int axis=1, out=None):
    """x / (bias + alpha / size * s)^beta, s being the sum of x^2 over a window of `size` channels.

    It is what plans compute, on the calling thread and without the GIL. x: f32 of any shape and strides, with its
    channels along `axis`. out: of the same shape, apart from x; a new array when None.
    Returns out. Raises ValueError where shapes, the axis or the size don't fit, TypeError for other element types.
    """
    cdef Call call = Call()
    cdef View x_view = call.read("x", x, "f4")
    cdef View y_view = call.write(out, x_view.shape, "f4")
    call.run(LRN(x_view, y_view, size, alpha, beta, bias, axis))
    return call.out


cdef struct Window:              # y = x / (bias + alpha * sum of squares over before + 1 + after elements)^beta
    dim_t before
    dim_t after
    float alpha
    float beta
    float bias


cdef void respond(const float* x, const float* squares, float* y, dim_t n, const Window* w) noexcept nogil:
    """The results of sums of squares. Nearly all models have a power of 3/4, which is made of two roots."""
    cdef float root
    cdef dim_t i
    if w.beta == 0.75:
        for i in range(n):
            root = 1 / sqrtf(w.bias + w.alpha * squares[i])
            y[i] = x[i] * (root * sqrtf(root))
    else:
        for i in range(n):
            y[i] = x[i] * vexp(-w.beta * vlog(w.bias + w.alpha * squares[i]))


cdef void lrn_run(const float* x, float* y, dim_t n, const Window* window, float* squares) noexcept nogil:
    """Along a dense run. squares: room for before + n + after + BLOCK elements."""
    cdef Window w = window[0]
    cdef float total[BLOCK]
    cdef dim_t i, k, begin = 0
    cdef int j
    memset(squares, 0, w.before * sizeof(float))
    for i in range(n):
        squares[w.before + i] = x[i] * x[i]
    memset(squares + w.before + n, 0, (w.after + BLOCK) * sizeof(float))
    while begin < n:
        for j in range(BLOCK):
            total[j] = squares[begin + j]
        for k in range(begin + 1, begin + w.before + 1 + w.after):
            for j in range(BLOCK):
                total[j] += squares[k + j]
        respond(x + begin, total, y + begin, min(n - begin, <dim_t>BLOCK), &w)
        begin += BLOCK


cdef void lrn_columns(
        const float* x, dim_t x_row, float* y, dim_t y_row, dim_t rows, dim_t n, const Window* window) noexcept nogil:
    """Down each of n <= COLUMNS dense columns; rows are x_row and y_row elements apart."""
    cdef Window w = window[0]
    cdef float total[COLUMNS]
    cdef const float* row
    cdef dim_t r, k, j
    for r in range(rows):
        for j in range(n):
            total[j] = 0
        for k in range(max(r - w.before, <dim_t>0), min(r + w.after + 1, rows)):
            row = x + k * x_row
            for j in range(n):
                total[j] += row[j] * row[j]
        respond(x + r * x_row, total, y + r * y_row, n, &w)


cdef struct LrnArguments:
    int x
    int y
    dim_t x_offset
    dim_t y_offset
    LoopNest loops                  # over the runs of channels, but for the columns of a tile
    dim_t channels
    dim_t x_step                 # elements from one channel to the next
    dim_t y_step
    bint by_columns
    dim_t columns
    dim_t tile
    dim_t tiles                  # of all columns
    Window window


cdef int normalize_responses(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const LrnArguments* args = <const LrnArguments*>arguments
    cdef dim_t index, begin, end, column, x, y
    share(me, args.loops.count * args.tiles, 1, &begin, &end)
    for index in range(begin, end):
        column = index % args.tiles * args.tile
        x = args.x_offset + column * F32
        y = args.y_offset + column * F32
        offset_of(&args.loops, index // args.tiles, &x, &y)
        if args.by_columns:
            lrn_columns(<const float*>(slots[args.x] + x), args.x_step, <float*>(slots[args.y] + y), args.y_step,
                        args.channels, min(args.columns - column, args.tile), &args.window)
        else:
            lrn_run(<const float*>(slots[args.x] + x), <float*>(slots[args.y] + y), args.channels, &args.window,
                    <float*>me.scratch)
    return OK


cdef class LRN(Step):
    """y = x / (bias + alpha / size * s)^beta, s being the sum of x^2 over a window of `size` channels.

    x, y: f32 of one shape and any strides, not the same memory. The window reaches (size - 1) // 2 channels
    down and size // 2 up, as ONNX and OpenVINO place it. axis: that of the channels.
    """

    cdef LrnArguments arguments

    def __init__(self, View x, View y, int size, double alpha, double beta, double bias, int axis=1):
        cdef LrnArguments* args = &self.arguments
        if x.dtype.name != "float32" or y.dtype.name != "float32" or x.shape != y.shape:
            raise ValueError(f"LRN of {x} to {y}: both have to be float32 of one shape")
        if size < 1:
            raise ValueError(f"LRN over a window of {size} channels")
        (axis,) = axes_from_front(axis, len(x.shape))
        self.reads = (x,)
        self.writes = (y,)
        args.x, args.x_offset = x.slot, x.offset
        args.y, args.y_offset = y.slot, y.offset
        args.window.before, args.window.after = (size - 1) // 2, size // 2
        args.window.alpha, args.window.beta, args.window.bias = alpha / size, beta, bias
        args.channels, args.x_step, args.y_step = x.shape[axis], x.strides[axis], y.strides[axis]
        dims = list(zip(x.shape, x.strides, y.strides))
        del dims[axis]
        self.set_walk(ordered_dimensions(dims))
        self.args = args
        self.run = normalize_responses
        self.share_above(TOO_SMALL_TO_SHARE, x.size, args.loops.count * args.tiles)

    def set_walk(self, list loops):
        """Runs where channels are dense, else tiles of the dense columns, else single columns."""
        cdef LrnArguments* args = &self.arguments
        args.by_columns = not (args.x_step == args.y_step == 1)
        args.columns = 1
        if not args.by_columns:
            self.scratch = (args.channels + args.window.before + args.window.after + BLOCK) * F32
        elif loops and loops[len(loops) - 1][1:] == (1, 1):
            args.columns = loops.pop()[0]
        args.tile = min(<dim_t>COLUMNS, max(<dim_t>32, args.columns // 4))
        args.tiles = (args.columns + args.tile - 1) // args.tile
        set_nest(&args.loops, loops, F32, F32)
