"""CumSum: running sums along one dimension."""

from libc.stdint cimport int32_t, int64_t

from ovlite.kernels.runtime.call cimport Call
from ovlite.kernels.runtime.step cimport OK, Member, Span, Step, View, address, dim_t, share
from ovlite.kernels.runtime.strides cimport LoopNest, offset_of, set_nest
from ovlite.kernels.runtime.strides import axes_from_front, ordered_dimensions

ctypedef void (*scan_fn)(
    char* y, dim_t y_step, const char* x, dim_t x_step, dim_t n, bint exclusive) noexcept nogil

cdef enum:
    ELEMENT_COST = 8              # see Step.set_width

cdef struct ScanArgs:
    Span x
    Span y
    LoopNest lines
    dim_t length                  # of a line
    dim_t x_step                  # bytes from one element of a line to the next
    dim_t y_step
    bint exclusive
    bint reverse
    scan_fn scan


def cumsum(x, int axis=-1, bint exclusive=False, bint reverse=False, out=None):
    """Running sums of x along `axis`, as plans compute them, on the calling thread and without the GIL.

    x: f32, int32 or int64, of any strides. exclusive, reverse: see CumSum. out: of x's type and shape, x itself or
    apart from it; a new array when None. Returns out. Raises ValueError where shapes or the axis don't fit and for
    other element types of x, TypeError for another type of out.
    """
    cdef Call call = Call()
    cdef View x_view = call.read("x", x)
    cdef View y_view = call.write(out, x_view.shape, x_view.dtype, in_place=True)
    call.run(CumSum(x_view, y_view, axis, exclusive, reverse))
    return call.out


# y[i] = x[0] + ... + x[i] for n elements; exclusive leaves x[i] out. Steps are in bytes.

cdef void scan_f32(char* y, dim_t y_step, const char* x, dim_t x_step, dim_t n, bint exclusive) noexcept nogil:
    """Adds up in f64."""
    cdef double before, total = 0
    cdef dim_t _index
    for _index in range(n):
        before = total
        total += (<const float*>x)[0]
        (<float*>y)[0] = <float>(before if exclusive else total)
        x += x_step
        y += y_step


cdef void scan_i32(char* y, dim_t y_step, const char* x, dim_t x_step, dim_t n, bint exclusive) noexcept nogil:
    cdef int32_t before, total = 0
    cdef dim_t _index
    for _index in range(n):
        before = total
        total += (<const int32_t*>x)[0]
        (<int32_t*>y)[0] = before if exclusive else total
        x += x_step
        y += y_step


cdef void scan_i64(char* y, dim_t y_step, const char* x, dim_t x_step, dim_t n, bint exclusive) noexcept nogil:
    cdef int64_t before, total = 0
    cdef dim_t _index
    for _index in range(n):
        before = total
        total += (<const int64_t*>x)[0]
        (<int64_t*>y)[0] = before if exclusive else total
        x += x_step
        y += y_step


cdef int run_cumsum(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const ScanArgs* args = <const ScanArgs*>arguments
    cdef dim_t begin, end, line, x, y, last = args.length - 1 if args.reverse else 0
    cdef int way = -1 if args.reverse else 1
    share(me, args.lines.count, 1, &begin, &end)
    for line in range(begin, end):
        x = last * args.x_step
        y = last * args.y_step
        offset_of(&args.lines, line, &x, &y)
        args.scan(address(&args.y, slots) + y, way * args.y_step, address(&args.x, slots) + x, way * args.x_step,
                  args.length, args.exclusive)
    return OK


cdef class CumSum(Step):
    """y[i] = the sum of x[0] .. x[i] along `axis`, one after the other in x's type: f32, int32 or int64.

    exclusive: without x[i]. reverse: from the other end. x and y have one shape and any strides.
    """

    cdef ScanArgs arguments

    def __init__(self, View x not None, View y not None, int axis, bint exclusive=False, bint reverse=False):
        cdef ScanArgs* args = &self.arguments
        (axis,) = axes_from_front(axis, x.span.rank)
        if x.shape != y.shape or x.dtype != y.dtype:
            raise ValueError(f"CumSum: {x.dtype.name}{list(x.shape)} to {y.dtype.name}{list(y.shape)}")
        if x.dtype.name == "float32":
            args.scan = scan_f32
        elif x.dtype.name == "int32":
            args.scan = scan_i32
        elif x.dtype.name == "int64":
            args.scan = scan_i64
        else:
            raise ValueError(f"CumSum: expected float32, int32 or int64, got {x.dtype.name}")
        args.x, args.y = x.span, y.span
        args.exclusive, args.reverse = exclusive, reverse
        args.length = x.shape[axis]
        size = x.dtype.itemsize
        args.x_step, args.y_step = x.strides[axis] * size, y.strides[axis] * size
        dims = list(zip(x.shape, x.strides, y.strides))
        del dims[axis]
        set_nest(&args.lines, ordered_dimensions(dims), size, size)
        self.set_width(x.size * ELEMENT_COST, args.lines.count)
        self.reads, self.writes = (x,), (y,)
        self.args = args
        self.run = run_cumsum
