"""TopK: the k largest or smallest elements along a dimension; with k = 1, ArgMax and ArgMin.

The lines along the dimension are shared among the team. A line's best elements are kept in a heap of
k, which most elements don't enter. With k = 1, lines that lie side by side are searched together.
"""

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy

import numpy as np

from ovlite.kernels.runtime.call cimport Call
from ovlite.kernels.runtime.step cimport OK, Member, Span, Step, View, address, dim_t, share

cdef extern from "topk.h" nogil:
    ctypedef struct Order:
        bint is_float
        bint largest
    enum:
        SCAN
    void top_of_line(const Order* order, const char* x, dim_t step, dim_t n, int64_t* best, dim_t k) noexcept
    void top_of_columns(const Order* order, const char* x, dim_t step, dim_t n, int64_t* best, dim_t columns) noexcept
    void arrange(int64_t* best, dim_t k, bint by_place) noexcept
    dim_t place_in(int64_t entry) noexcept

cdef enum:
    ELEMENT_COST = 4           # see Step.set_width

cdef struct TopKArgs:
    Span x                     # the dimension that is searched last
    Span values                # slot -1 where nobody wants them
    Span indices
    int index_bytes
    Order order
    bint by_place
    dim_t k
    dim_t columns              # adjacent lines that are searched together: 1 or SCAN
    dim_t blocks               # of columns, in the last dimension but one
    dim_t tasks


cdef struct Lines:             # bytes from the operands' first elements
    dim_t x
    dim_t values
    dim_t indices
    dim_t count


cdef inline Lines lines_at(const TopKArgs* args, dim_t task) noexcept nogil:
    """The lines of a task: one, or a block of columns."""
    cdef Lines lines
    cdef int d
    cdef int last = args.x.rank - 2
    cdef dim_t at
    lines.x = lines.values = lines.indices = 0
    lines.count = 1
    for d in range(last, -1, -1):
        if d == last:
            at = task % args.blocks * args.columns
            task //= args.blocks
            lines.count = min(args.columns, args.x.shape[d] - at)
        else:
            at = task % args.x.shape[d]
            task //= args.x.shape[d]
        lines.x += at * args.x.stride[d] * 4
        lines.values += at * args.values.stride[d] * 4
        lines.indices += at * args.indices.stride[d] * args.index_bytes
    return lines


cdef inline void write(const TopKArgs* args, const char* x, dim_t place, char* value, char* index) noexcept nogil:
    """Writes an element of the line at x, and its place; NULL where nobody wants it."""
    if value != NULL:
        memcpy(value, x + place * args.x.stride[args.x.rank - 1] * 4, 4)
    if index != NULL:
        if args.index_bytes == 4:
            (<int32_t*>index)[0] = <int32_t>place
        else:
            (<int64_t*>index)[0] = place


cdef int search(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const TopKArgs* args = <const TopKArgs*>arguments
    cdef int64_t* best = <int64_t*>me.scratch
    cdef int last = args.x.rank - 1
    cdef dim_t step = args.x.stride[last] * 4
    cdef dim_t begin, end, task, i, x_step, value_step, index_step, count
    cdef const char* x
    cdef char* value = NULL
    cdef char* index = NULL
    cdef Lines lines
    share(me, args.tasks, 1, &begin, &end)
    for task in range(begin, end):
        lines = lines_at(args, task)
        x = address(&args.x, slots) + lines.x
        if args.values.slot >= 0:
            value = address(&args.values, slots) + lines.values
        if args.indices.slot >= 0:
            index = address(&args.indices, slots) + lines.indices
        if args.columns > 1:
            top_of_columns(&args.order, x, step, args.x.shape[last], best, lines.count)
            count, i = lines.count, last - 1
            x_step = 4
        else:
            top_of_line(&args.order, x, step, args.x.shape[last], best, args.k)
            arrange(best, args.k, args.by_place)
            count, i = args.k, last
            x_step = 0
        value_step, index_step = args.values.stride[i] * 4, args.indices.stride[i] * args.index_bytes
        for i in range(count):
            write(args, x + i * x_step, place_in(best[i]), value + i * value_step if value != NULL else NULL,
                  index + i * index_step if index != NULL else NULL)
    return OK


def topk(x, k, axis=-1, *, mode="max", sort="value", index_type=np.int64, out=None):
    """The k best elements of x along `axis`, and their places, on the calling thread and without the GIL.

    x: f32 or int32 of any strides. mode, sort: see TopK. index_type: int32 or int64. out: (values, indices), both of
    x's shape but k along `axis`, of any strides and apart from x; new arrays when None. Returns (values, indices).
    Raises ValueError where shapes, strides or types don't fit, TypeError for what is no such array.
    """
    cdef Call call = Call()
    cdef View source = call.read("x", x), value_view, index_view
    place = axis + source.span.rank if axis < 0 else axis
    if not 0 <= place < source.span.rank or not 0 <= k <= source.shape[place]:
        raise ValueError(f"topk: expected an axis and at most as many elements as x has along it, "
                         f"got axis {axis} and k {k} for shape {source.shape}")
    shape = (*source.shape[:place], k, *source.shape[place + 1:])
    values, indices = (None, None) if out is None else out
    value_view = call.write(values, shape, source.dtype)
    values = call.out
    index_view = call.write(indices, shape, index_type if indices is None else np.asarray(indices).dtype)
    call.run(TopK(source, value_view, index_view, place, mode, sort))
    return values, call.out


cdef class TopK(Step):
    """The best elements of x along `axis`, as many as the results hold, and their places.

    x: f32 or int32. values: of x's type; indices: int32 or int64; both of x's shape but for `axis`; one
    may be None. mode: "max" or "min". sort: "value", best first, or "index", in the order of places. Of
    equal elements the first are taken. NaN counts as larger than any number. Views have any strides.
    """

    cdef TopKArgs arguments

    def __init__(self, View x not None, View values, View indices, int axis, mode="max", sort="value"):
        cdef TopKArgs* args = &self.arguments
        cdef int rank = x.span.rank
        axis += rank if axis < 0 else 0
        result = values if values is not None else indices
        self.check(x, values, indices, result, axis, mode, sort)
        args.k = result.shape[axis]
        args.order.is_float = x.dtype.kind == "f"
        args.order.largest = mode == "max"
        args.by_place = sort == "index"
        args.index_bytes = 0 if indices is None else indices.dtype.itemsize
        order = _dimension_order(x, axis)
        _set(&args.x, x, order)
        _set(&args.values, values, order)
        _set(&args.indices, indices, order)
        args.columns = 1
        if args.k == 1 and rank > 1 and args.x.stride[rank - 2] == 1 and args.x.stride[rank - 1] != 1:
            args.columns = SCAN
        lines = result.size // args.k if args.k else 0
        width = args.x.shape[rank - 2] if rank > 1 else 1
        args.blocks = -(-width // args.columns)
        args.tasks = lines // width * args.blocks if lines else 0
        self.scratch = 8 * max(args.k, args.columns)
        self.set_width(x.size * ELEMENT_COST, args.tasks)
        self.reads = (x,)
        self.writes = tuple([view for view in (values, indices) if view is not None])
        self.args = args
        self.run = search

    def check(self, View x, View values, View indices, result, axis, mode, sort):
        if mode not in ("max", "min") or sort not in ("value", "index"):
            raise ValueError(
                f"TopK: expected a mode of max or min and a sort of value or index, got {mode!r} and {sort!r}")
        if x.dtype.name not in ("float32", "int32"):
            raise ValueError(f"TopK: expected x of float32 or int32, got {x.dtype.name}")
        if values is not None and values.dtype != x.dtype:
            raise ValueError(f"TopK: expected values of {x.dtype.name}, got {values.dtype.name}")
        if indices is not None and indices.dtype.name not in ("int32", "int64"):
            raise ValueError(f"TopK: expected indices of int32 or int64, got {indices.dtype.name}")
        if result is None:
            raise ValueError("TopK: expected values, indices or both, got none")
        if not 0 <= axis < x.span.rank:
            raise ValueError(f"TopK: expected an axis of {x.span.rank} dimensions, got {axis}")
        for view in (values, indices):
            if view is not None:
                self.check_shape(x, view, result, axis)

    def check_shape(self, View x, View view, View result, axis):
        shape = x.shape
        if view.span.rank != x.span.rank or view.shape[:axis] != shape[:axis] or \
                view.shape[axis + 1:] != shape[axis + 1:] or view.shape[axis] > shape[axis] or \
                view.shape != result.shape:
            raise ValueError(
                f"TopK: expected results of shape {shape}, but at most as long along axis {axis}, got {view.shape}")


def _dimension_order(View x, int axis):
    """The dimensions with `axis` last, and before it the one whose elements are adjacent, if there is one."""
    others = [d for d in range(x.span.rank) if d != axis]
    others.sort(key=lambda d: x.shape[d] > 1 and x.strides[d] == 1)
    return [*others, axis]


cdef int _set(Span* span, View view, order) except -1:
    """The view's span with its dimensions in `order`."""
    cdef int i
    if view is None:
        span.slot = -1
        return 0
    span[0] = view.span
    for i, d in enumerate(order):
        span.shape[i] = view.shape[d]
        span.stride[i] = view.strides[d]
    return 0
