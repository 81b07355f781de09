"""Gather: rows of a tensor in the order of an index tensor."""

from ovlite.kernels.runtime.step cimport INDEX_OUT_OF_RANGE, OK, Member, Span, Step, View, address, dim_t, share

cdef extern from "gather_rows.h" nogil:
    int look_up(
        char* y, const char* x, const char* indices, int size, dim_t rows, dim_t length, dim_t bytes) noexcept

cdef enum:
    BYTES_PER_MEMBER = 65536   # of output; less is not worth waking a thread for

cdef struct GatherArgs:
    Span x
    Span indices
    Span y
    int index_size             # bytes of an index
    dim_t outer                # tables that share a batch's indices
    dim_t length               # rows of a table
    dim_t count                # indices of a batch
    dim_t row_bytes
    dim_t rows                 # of y


cdef int gather(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const GatherArgs* args = <const GatherArgs*>arguments
    cdef const char* x = address(&args.x, slots)
    cdef const char* indices = address(&args.indices, slots)
    cdef char* y = address(&args.y, slots)
    cdef dim_t row, end, table, at, rows
    share(me, args.rows, 1, &row, &end)
    while row < end:
        table = row // args.count
        at = row - table * args.count
        rows = min(args.count - at, end - row)
        if look_up(y + row * args.row_bytes, x + table * args.length * args.row_bytes,
                   indices + (table // args.outer * args.count + at) * args.index_size,
                   args.index_size, rows, args.length, args.row_bytes):
            return INDEX_OUT_OF_RANGE
        row += rows
    return OK


cdef class Gather(Step):
    """y = the rows of x along `axis` that `indices` (int32 or int64) name.

    x: (batch..., outer..., length, inner...) with `axis` the place of length, indices: (batch..., I...),
    y: (batch..., outer..., I..., inner...), all contiguous; batch_dims is the number of batch
    dimensions. A negative index counts from the end. The run fails with INDEX_OUT_OF_RANGE when an
    index isn't in -length .. length - 1.
    """

    cdef GatherArgs arguments

    def __init__(self, View x, View indices, View y, int axis, int batch_dims=0):
        cdef GatherArgs* args = &self.arguments
        shape, chosen = x.shape, indices.shape
        axis += len(shape) if axis < 0 else 0
        if not 0 <= batch_dims <= axis < len(shape) or chosen[:batch_dims] != shape[:batch_dims]:
            raise ValueError(
                f"Gather: axis {axis} and {batch_dims} batch dimensions of {list(shape)} by {list(chosen)}")
        expected = (*shape[:axis], *chosen[batch_dims:], *shape[axis + 1:])
        if y.shape != expected or y.dtype != x.dtype:
            raise ValueError(
                f"Gather: gives {x.dtype.name}{list(expected)}, not {y.dtype.name}{list(y.shape)}")
        if indices.dtype.name not in ("int32", "int64"):
            raise ValueError(f"Gather: takes int32 or int64 indices, not {indices.dtype.name}")
        if y.size and not (x.contiguous and indices.contiguous and y.contiguous):
            raise ValueError("Gather: takes contiguous tensors")
        args.x, args.indices, args.y = x.span, indices.span, y.span
        args.index_size = indices.dtype.itemsize
        args.outer = _product(shape[batch_dims:axis])
        args.length = shape[axis]
        args.count = _product(chosen[batch_dims:])
        args.row_bytes = _product(shape[axis + 1:]) * x.dtype.itemsize
        args.rows = y.size * x.dtype.itemsize // args.row_bytes if y.size else 0
        self.width = max(1, min(args.rows, y.size * x.dtype.itemsize // BYTES_PER_MEMBER))
        self.reads, self.writes = (x, indices), (y,)
        self.args = args
        self.run = gather


def _product(sizes):
    result = 1
    for size in sizes:
        result *= size
    return result
