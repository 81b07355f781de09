"""Gathering from and scattering to places of a tensor that tuples of indices name.

All steps here move runs: adjacent elements of a tensor on one side, and on the other a dense array of
such runs. Where a run lies in the tensor is the sum of two parts: what its coordinates in the dense
array say, and what its tuple of indices says.
"""

from math import prod

import numpy as np

from ovlite.kernels.runtime.call cimport Call
from ovlite.kernels.runtime.step cimport (
    INDEX_OUT_OF_RANGE, MAX_RANK, OK, Member, Span, Step, View, address, dim_t, share
)
from ovlite.kernels.runtime.strides import merge_dimensions

cdef extern from "indexed_copy.h" nogil:
    ctypedef struct Tuples:
        const char* indices
        int index_bytes
        int count
        dim_t length[MAX_RANK]
        dim_t stride[MAX_RANK]
        dim_t step
    enum:
        REPLACE, SUM, SUB, PROD, MIN, MAX
    int gather_row(const Tuples* tuples, char* tensor, char* dense, dim_t runs, dim_t bytes) noexcept
    int scatter_row(const Tuples* tuples, char* tensor, char* dense, dim_t runs, dim_t bytes, int reduction,
                    bint is_float, int size) noexcept

cdef enum:
    RUN_COST = 16              # beside its bytes, see Step.set_width

cdef struct PlacesArgs:
    Span tensor
    Span indices
    Span dense
    int rank                   # of the dense array of runs; its last dimension is a row
    dim_t shape[MAX_RANK]
    dim_t stride[MAX_RANK]     # of the tensor, in bytes, for each of these dimensions
    dim_t runs
    dim_t index_runs           # that the indices are for; they repeat for those behind
    dim_t bytes                # of a run
    bint scatter
    int reduction
    bint is_float
    int size
    Tuples tuples


cdef int move(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const PlacesArgs* args = <const PlacesArgs*>arguments
    cdef Tuples tuples = args.tuples
    cdef char* tensor
    cdef char* dense
    cdef dim_t run, end, at, row, column, first, count, length = args.shape[args.rank - 1]
    cdef int d, failed
    share(me, args.runs, 1, &run, &end)
    while run < end:
        row = run // length
        column = run - row * length
        first = run % args.index_runs
        count = min(min(length - column, end - run), args.index_runs - first)
        tensor = address(&args.tensor, slots) + column * tuples.step
        for d in range(args.rank - 2, -1, -1):
            at = row // args.shape[d]
            tensor += (row - at * args.shape[d]) * args.stride[d]
            row = at
        dense = address(&args.dense, slots) + run * args.bytes
        tuples.indices = address(&args.indices, slots) + first * tuples.count * tuples.index_bytes
        if args.scatter:
            failed = scatter_row(&tuples, tensor, dense, count, args.bytes, args.reduction, args.is_float, args.size)
        else:
            failed = gather_row(&tuples, tensor, dense, count, args.bytes)
        if failed:
            return INDEX_OUT_OF_RANGE
        run += count
    return OK


def gather_elements(data, indices, axis=0, out=None):
    """out[i][j]... = data[indices[i][j]...][j]... for axis 0, and so on, without the GIL.

    data: of any element type of 1, 2, 4 or 8 bytes. indices: int32 or int64, of data's rank and along no other axis
    longer, from -length to length - 1. out: of the indices' shape and data's type, apart from both; a new array when
    None. All in C order. Returns out. Raises ValueError where shapes, strides or types don't fit, TypeError for what
    is no such array, RuntimeError for an index out of range.
    """
    cdef Call call = Call()
    cdef View tensor = call.read("data", data), places = call.read("indices", indices)
    call.run(GatherElements(tensor, places, call.write(out, places.shape, tensor.dtype), axis))
    return call.out


def gather_nd(data, indices, out=None, *, batch_dims=0):
    """The slices of data that tuples of indices name, without the GIL.

    data: (batch..., L1, .. Lk, inner...). indices: (batch..., I..., k). out: (batch..., I..., inner...). The rest is
    as for gather_elements().
    """
    cdef Call call = Call()
    cdef View tensor = call.read("data", data), places = call.read("indices", indices)
    count = _tuple_length("gather_nd", tensor, places, batch_dims)
    shape = (*places.shape[:places.span.rank - 1], *tensor.shape[batch_dims + count:])
    call.run(GatherND(tensor, places, call.write(out, shape, tensor.dtype), batch_dims))
    return call.out


def scatter_elements(data, indices, updates, axis=0, out=None, *, reduction="none"):
    """A copy of data in which [indices[i][j]...][j]... is updates[i][j]... for axis 0, and so on, without the GIL.

    data: of any element type of 1, 2, 4 or 8 bytes. indices: as for gather_elements(). updates: of the indices'
    shape and data's type; they count in their order. out: of data's shape and type, may be data; a new array when
    None. All in C order. reduction: "none", or of f32, int32 and int64 "sum", "sub", "prod", "min" and "max" of the
    element and the update. Returns out, changed in part when an index is out of range. Errors: see gather_elements().
    """
    cdef Call call = Call()
    cdef View places = call.read("indices", indices), given = call.read("updates", updates)
    call.run(ScatterElements(_copied(call, data, out), places, given, axis, reduction))
    return call.out


def scatter_nd(data, indices, updates, out=None, *, reduction="none"):
    """A copy of data in which the slices that tuples of indices name are updates, without the GIL.

    data: (L1, .. Lk, inner...). indices: (I..., k). updates: (I..., inner...). The rest is as for scatter_elements().
    """
    cdef Call call = Call()
    cdef View places = call.read("indices", indices), given = call.read("updates", updates)
    call.run(ScatterND(_copied(call, data, out), places, given, reduction))
    return call.out


def scatter_update(data, indices, updates, axis=0, out=None):
    """A copy of data in which the slices along `axis` that indices name are updates, without the GIL.

    data: (outer..., length, inner...). indices: (I...). updates: (outer..., I..., inner...). The rest is as for
    scatter_elements().
    """
    cdef Call call = Call()
    cdef View places = call.read("indices", indices), given = call.read("updates", updates)
    call.run(ScatterUpdate(_copied(call, data, out), places, given, axis))
    return call.out


cdef View _copied(Call call, data, out):
    """The result, with data's elements in it."""
    data = np.asarray(data)
    cdef View view = call.write(out, data.shape, data.dtype)
    if call.out is not data:
        np.copyto(call.out, data)
    return view


cdef class Places(Step):
    """Base of the steps of this module. Tensors are contiguous; indices are int32 or int64."""

    cdef PlacesArgs arguments

    cdef int prepare(self, View tensor, View indices, View dense, shape, strides, axes, run_axis,
                     index_runs=None) except -1:
        """shape: of the dense array of runs. strides: of the tensor, in elements, for its dimensions. axes: of
        the tensor, that a tuple's indices are for. run_axis: the tensor's first dimension within a run."""
        cdef PlacesArgs* args = &self.arguments
        cdef int size = tensor.dtype.itemsize
        cdef int i
        if indices.dtype.name not in ("int32", "int64"):
            raise ValueError(f"{self.name}: expected indices of int32 or int64, got {indices.dtype.name}")
        if tensor.dtype != dense.dtype:
            raise ValueError(f"{self.name}: expected {tensor.dtype.name}, got {dense.dtype.name}")
        for view in (tensor, indices, dense):
            if view.size and not view.contiguous:
                raise ValueError(f"{self.name}: expected contiguous tensors, got strides {view.strides}")
        shape, strides = zip(*merge_dimensions(zip(shape, strides)) or [(1, 0)])
        args.tensor, args.indices, args.dense = tensor.span, indices.span, dense.span
        args.size = size
        args.rank = len(shape)
        args.runs = prod(shape)
        args.index_runs = prod(shape) if index_runs is None else index_runs
        args.bytes = prod(tensor.shape[run_axis:]) * size
        for i in range(args.rank):
            args.shape[i] = shape[i]
            args.stride[i] = strides[i] * size
        args.tuples.step = args.stride[args.rank - 1]
        args.tuples.index_bytes = indices.dtype.itemsize
        args.tuples.count = len(axes)
        for i, axis in enumerate(axes):
            args.tuples.length[i] = tensor.shape[axis]
            args.tuples.stride[i] = prod(tensor.shape[axis + 1:]) * size
        self.args = args
        self.run = move
        return 0

    cdef int gathers(self, View tensor, View indices, View dense) except -1:
        cdef PlacesArgs* args = &self.arguments
        self.reads, self.writes = (tensor, indices), (dense,)
        self.set_width(args.runs * (RUN_COST + args.bytes), args.runs)
        return 0

    cdef int scatters(self, View tensor, View indices, View dense, reduction) except -1:
        """The order of updates matters, so that one member makes them all."""
        cdef PlacesArgs* args = &self.arguments
        args.scatter = True
        args.reduction = _reduction(self.name, reduction, tensor)
        args.is_float = tensor.dtype.kind == "f"
        self.reads, self.writes = (tensor, indices, dense), (tensor,)
        return 0

    def expect(self, View view, shape, what):
        if view.shape != tuple(shape):
            raise ValueError(f"{self.name}: expected {what} of shape {tuple(shape)}, got {view.shape}")


def _reduction(name, reduction, View tensor):
    names = {"none": REPLACE, "sum": SUM, "sub": SUB, "prod": PROD, "min": MIN, "max": MAX}
    if reduction not in names:
        raise ValueError(f"{name}: expected a reduction of {', '.join(names)}, got {reduction!r}")
    if reduction != "none" and tensor.dtype.name not in ("float32", "int32", "int64"):
        raise ValueError(f"{name}: expected float32, int32 or int64 to reduce, got {tensor.dtype.name}")
    return names[reduction]


def _strides(View view):
    return [prod(view.shape[d + 1:]) for d in range(view.span.rank)]


def _axis(name, View view, int axis):
    axis += view.span.rank if axis < 0 else 0
    if not 0 <= axis < view.span.rank:
        raise ValueError(f"{name}: expected an axis of {view.span.rank} dimensions, got {axis}")
    return axis


def _element_strides(name, View tensor, View indices, axis):
    """Strides of the tensor for the dimensions of indices that name elements along `axis`."""
    wide = [d for d in range(tensor.span.rank) if d != axis and indices.shape[d] > tensor.shape[d]] \
        if indices.span.rank == tensor.span.rank else [0]
    if wide:
        raise ValueError(
            f"{name}: expected indices of the rank of {tensor.shape} and no longer along other axes, "
            f"got {indices.shape}")
    return [0 if d == axis else stride for d, stride in enumerate(_strides(tensor))]


def _tuple_length(name, View tensor, View indices, batch_dims):
    """Elements of an index tuple, in the last dimension of indices."""
    count = indices.shape[indices.span.rank - 1] if indices.span.rank > batch_dims else 0
    if not 1 <= count <= tensor.span.rank - batch_dims or tensor.shape[:batch_dims] != indices.shape[:batch_dims]:
        raise ValueError(
            f"{name}: expected tuples of 1 to {tensor.span.rank - batch_dims} indices, and the batch dimensions of "
            f"{tensor.shape}, got indices {indices.shape}")
    return count


cdef class GatherElements(Places):
    """y[i][j]... = x[indices[i][j]...][j]... for axis 0, and so on: y has the indices' shape, x their rank.

    The run fails with INDEX_OUT_OF_RANGE when an index isn't in -length .. length - 1.
    """

    def __init__(self, View x not None, View indices not None, View y not None, int axis):
        axis = _axis(self.name, x, axis)
        strides = _element_strides(self.name, x, indices, axis)
        self.expect(y, indices.shape, "a result")
        self.prepare(x, indices, y, indices.shape, strides, [axis], x.span.rank)
        self.gathers(x, indices, y)


cdef class GatherND(Places):
    """y = the slices of x that tuples of indices name.

    x: (batch..., L1, .. Lk, inner...), indices: (batch..., I..., k), y: (batch..., I..., inner...) or its
    batch dimensions flattened. The run fails with INDEX_OUT_OF_RANGE when index j isn't in -Lj .. Lj - 1.
    """

    def __init__(self, View x not None, View indices not None, View y not None, int batch_dims=0):
        count = _tuple_length(self.name, x, indices, batch_dims)
        runs = indices.shape[:indices.span.rank - 1]
        if y.size != prod(runs) * prod(x.shape[batch_dims + count:]):
            self.expect(y, (*runs, *x.shape[batch_dims + count:]), "a result")
        strides = [*_strides(x)[:batch_dims], *[0] * (len(runs) - batch_dims)]
        self.prepare(x, indices, y, runs, strides, range(batch_dims, batch_dims + count), batch_dims + count)
        self.gathers(x, indices, y)


cdef class ScatterElements(Places):
    """y[indices[i][j]...][j]... = updates[i][j]... for axis 0, and so on, in the order of the updates.

    updates: of the indices' shape, which have y's rank. reduction: "none" replaces; "sum", "sub", "prod", "min"
    and "max" combine y's element with the update: f32, int32 or int64. The run fails with INDEX_OUT_OF_RANGE
    when an index isn't in -length .. length - 1; y is then updated in part.
    """

    def __init__(self, View y not None, View indices not None, View updates not None, int axis, reduction="none"):
        axis = _axis(self.name, y, axis)
        strides = _element_strides(self.name, y, indices, axis)
        self.expect(updates, indices.shape, "updates")
        self.prepare(y, indices, updates, indices.shape, strides, [axis], y.span.rank)
        self.scatters(y, indices, updates, reduction)


cdef class ScatterND(Places):
    """The slices of y that tuples of indices name = updates, in their order.

    y: (L1, .. Lk, inner...), indices: (I..., k), updates: (I..., inner...). reduction and failures:
    see ScatterElements.
    """

    def __init__(self, View y not None, View indices not None, View updates not None, reduction="none"):
        count = _tuple_length(self.name, y, indices, 0)
        runs = indices.shape[:indices.span.rank - 1]
        self.expect(updates, (*runs, *y.shape[count:]), "updates")
        self.prepare(y, indices, updates, runs, [0] * len(runs), range(count), count)
        self.scatters(y, indices, updates, reduction)


cdef class ScatterUpdate(Places):
    """The slices of y along `axis` that indices name = updates, in their order.

    y: (outer..., length, inner...), indices: (I...), updates: (outer..., I..., inner...). Failures: see
    ScatterElements.
    """

    def __init__(self, View y not None, View indices not None, View updates not None, int axis):
        axis = _axis(self.name, y, axis)
        outer, inner = y.shape[:axis], y.shape[axis + 1:]
        self.expect(updates, (*outer, *indices.shape, *inner), "updates")
        runs = (*outer, prod(indices.shape))
        strides = [*_strides(y)[:axis], 0]
        self.prepare(y, indices, updates, runs, strides, [axis], axis + 1, prod(indices.shape))
        self.scatters(y, indices, updates, "none")
