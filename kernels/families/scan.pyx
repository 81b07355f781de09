"""CumSum: running sums along one dimension."""

from ovlite.kernels.runtime.step cimport OK, Member, Span, Step, View, address, dim_t, share

ctypedef void (*scan_fn)(
    char* y, dim_t y_step, const char* x, dim_t x_step, dim_t n, int exclusive) noexcept nogil

cdef extern from "scan.h" nogil:
    void scan_f32(char* y, dim_t y_step, const char* x, dim_t x_step, dim_t n, int exclusive) noexcept
    void scan_i32(char* y, dim_t y_step, const char* x, dim_t x_step, dim_t n, int exclusive) noexcept
    void scan_i64(char* y, dim_t y_step, const char* x, dim_t x_step, dim_t n, int exclusive) noexcept

cdef enum:
    ELEMENTS_PER_MEMBER = 8192    # fewer are not worth waking a thread for

cdef struct ScanArgs:
    Span x
    Span y
    int size                      # bytes of an element
    int axis
    bint exclusive
    bint reverse
    dim_t lines
    scan_fn scan


cdef int cumsum(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const ScanArgs* args = <const ScanArgs*>arguments
    cdef dim_t n = args.x.shape[args.axis]
    cdef dim_t x_step = args.x.stride[args.axis], y_step = args.y.stride[args.axis]
    cdef dim_t begin, end, line, rest, at, x, y
    cdef int d
    share(me, args.lines, 1, &begin, &end)
    for line in range(begin, end):
        x = (n - 1) * x_step if args.reverse else 0
        y = (n - 1) * y_step if args.reverse else 0
        rest = line
        for d in range(args.x.rank - 1, -1, -1):
            if d != args.axis:
                at = rest % args.x.shape[d]
                rest //= args.x.shape[d]
                x += at * args.x.stride[d]
                y += at * args.y.stride[d]
        args.scan(address(&args.y, slots) + y * args.size, -y_step if args.reverse else y_step,
                  address(&args.x, slots) + x * args.size, -x_step if args.reverse else x_step, n, args.exclusive)
    return OK


cdef class CumSum(Step):
    """y[i] = the sum of x[0] .. x[i] along `axis`, one after the other in x's type: f32, int32 or int64.

    exclusive: without x[i]. reverse: from the other end. x and y have one shape and any strides.
    """

    cdef ScanArgs arguments

    def __init__(self, View x not None, View y not None, int axis, bint exclusive=False, bint reverse=False):
        cdef ScanArgs* args = &self.arguments
        axis += x.span.rank if axis < 0 else 0
        if not 0 <= axis < x.span.rank:
            raise ValueError(f"CumSum: axis {axis} of {x.span.rank} dimensions")
        if x.shape != y.shape or x.dtype != y.dtype:
            raise ValueError(f"CumSum: {x.dtype.name}{list(x.shape)} to {y.dtype.name}{list(y.shape)}")
        if x.dtype.name == "float32":
            args.scan = scan_f32
        elif x.dtype.name == "int32":
            args.scan = scan_i32
        elif x.dtype.name == "int64":
            args.scan = scan_i64
        else:
            raise ValueError(f"CumSum: takes float32, int32 or int64, not {x.dtype.name}")
        args.x, args.y = x.span, y.span
        args.size = x.dtype.itemsize
        args.axis, args.exclusive, args.reverse = axis, exclusive, reverse
        args.lines = x.size // x.shape[axis] if x.size else 0
        self.width = max(1, min(args.lines, x.size // ELEMENTS_PER_MEMBER))
        self.reads, self.writes = (x,), (y,)
        self.args = args
        self.run = cumsum
