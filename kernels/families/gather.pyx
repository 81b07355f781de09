"""Gather: rows of a tensor in the order of an index tensor; and rows of codes as the real numbers that they are."""

from math import prod

import numpy as np

from ovlite.kernels.runtime.call cimport Call
from ovlite.kernels.runtime.step cimport INDEX_OUT_OF_RANGE, OK, Member, Span, Step, View, address, dim_t, share

cdef extern from "gather_rows.h" nogil:
    int look_up(
        char* y, const char* x, const char* indices, int size, dim_t rows, dim_t length, dim_t bytes) noexcept

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


cdef int gather_rows(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
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


def gather(data, indices, axis=0, out=None, *, batch_dims=0):
    """The rows of data along `axis` that indices name, on the calling thread and without the GIL.

    data: (batch..., outer..., length, inner...) with `axis` the place of length, of any element type of 1, 2, 4 or 8
    bytes. indices: int32 or int64 (batch..., I...), from -length to length - 1. out: (batch..., outer..., I...,
    inner...) of data's type, apart from both; a new array when None. All in C order. batch_dims: the number of batch
    dimensions. Returns out. Raises ValueError where shapes, strides or types don't fit, TypeError for what is no such
    array, RuntimeError for an index out of range.
    """
    cdef Call call = Call()
    cdef View rows = call.read("data", data), chosen = call.read("indices", indices)
    cdef View result = call.write(out, _result_shape(rows, chosen, axis, batch_dims), rows.dtype)
    call.run(Gather(rows, chosen, result, axis, batch_dims))
    return call.out


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
        expected = _result_shape(x, indices, axis, batch_dims)
        if y.shape != expected or y.dtype != x.dtype:
            raise ValueError(
                f"Gather: expected y of {x.dtype.name} and shape {expected}, got {y.dtype.name} {y.shape}")
        if indices.dtype.name not in ("int32", "int64"):
            raise ValueError(f"Gather: expected indices of int32 or int64, got {indices.dtype.name}")
        if y.size and not (x.contiguous and indices.contiguous and y.contiguous):
            raise ValueError(
                f"Gather: expected contiguous tensors, got strides {x.strides}, {indices.strides} and {y.strides}")
        args.x, args.indices, args.y = x.span, indices.span, y.span
        args.index_size = indices.dtype.itemsize
        args.outer = prod(shape[batch_dims:axis])
        args.length = shape[axis]
        args.count = prod(chosen[batch_dims:])
        args.row_bytes = prod(shape[axis + 1:]) * x.dtype.itemsize
        args.rows = y.size * x.dtype.itemsize // args.row_bytes if y.size else 0
        self.set_width(y.size * x.dtype.itemsize, args.rows)
        self.reads, self.writes = (x, indices), (y,)
        self.args = args
        self.run = gather_rows


def _result_shape(View x, View indices, axis, batch_dims):
    """Raises ValueError where axis and batch_dims don't fit."""
    shape, chosen = x.shape, indices.shape
    axis += len(shape) if axis < 0 else 0
    if not 0 <= batch_dims <= axis < len(shape) or chosen[:batch_dims] != shape[:batch_dims]:
        raise ValueError(
            f"Gather: expected an axis of x behind batch dimensions that x and indices share, "
            f"got axis {axis} and {batch_dims} batch dimensions of {shape} by {chosen}")
    return (*shape[:axis], *chosen[batch_dims:], *shape[axis + 1:])


cdef struct DecompressArgs:
    Span codes
    Span scales
    Span zeros
    Span y
    dim_t rows
    dim_t row_bytes
    dim_t depth
    dim_t group
    dim_t groups
    dim_t zero_groups          # zero points of a row; 0: one for all
    int bits


cdef int decompress_rows(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const DecompressArgs* args = <const DecompressArgs*>arguments
    cdef const unsigned char* codes = <const unsigned char*>address(&args.codes, slots)
    cdef const float* scales = <const float*>address(&args.scales, slots)
    cdef const float* zeros = <const float*>address(&args.zeros, slots)
    cdef float* y = <float*>address(&args.y, slots)
    cdef const unsigned char* row_codes
    cdef dim_t row, end, g, k, stop
    cdef float scale, zero
    cdef int code, mask = (1 << args.bits) - 1
    share(me, args.rows, 1, &row, &end)
    while row < end:
        row_codes = codes + row * args.row_bytes
        k = 0
        for g in range(args.groups):
            scale, zero = scales[row * args.groups + g], zeros[row * args.zero_groups + (g if args.zero_groups else 0)]
            stop = min(k + args.group, args.depth)
            while k < stop:
                code = row_codes[k * args.bits // 8] >> (k * args.bits % 8) & mask
                y[row * args.depth + k] = (code - zero) * scale
                k += 1
        row += 1
    return OK


cdef class Decompress(Step):
    """y = (code - zero) * scale, of rows of codes of 2, 4 or 8 bits, lowest bits first, each row in whole bytes.

    codes: u8 (..., bytes). scales: f32 (..., groups), each for `group` neighbours. zeros: f32, one or as scales are.
    y: f32 (..., depth). All contiguous.
    """

    cdef DecompressArgs arguments

    def __init__(self, View codes, View scales, View zeros, View y, int bits, dim_t group):
        cdef DecompressArgs* args = &self.arguments
        depth, outer = y.shape[len(y.shape) - 1], y.shape[:len(y.shape) - 1]
        groups = (depth + group - 1) // group
        if bits not in (2, 4, 8) or codes.dtype != np.uint8 or codes.shape != (*outer, (depth * bits + 7) // 8):
            raise ValueError(f"Decompress: expected codes of uint8 for {y.shape} of {bits} bits, got {codes}")
        if scales.shape != (*outer, groups) or (zeros.size != 1 and zeros.shape != scales.shape):
            raise ValueError(f"Decompress: expected {groups} scales and zeros a row, got {scales} and {zeros}")
        for view in (scales, zeros, y):
            if view.dtype != np.float32 or not view.contiguous:
                raise ValueError(f"Decompress: expected contiguous float32, got {view}")
        if not codes.contiguous:
            raise ValueError(f"Decompress: expected contiguous codes, got {codes}")
        args.codes, args.scales, args.zeros, args.y = codes.span, scales.span, zeros.span, y.span
        args.rows = prod(outer)
        args.depth, args.group, args.groups, args.bits = depth, group, groups, bits
        args.row_bytes = (depth * bits + 7) // 8
        args.zero_groups = 0 if zeros.size == 1 else groups
        self.set_width(y.size * sizeof(float), args.rows)
        self.reads, self.writes = (codes, scales, zeros), (y,)
        self.args = args
        self.run = decompress_rows
