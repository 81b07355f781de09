"""Reductions over any axes of any layout.

Design
* Dimensions are sorted into kept and reduced ones and merged where they are walked evenly. When the kept
  ones hold the dense dimension, a tile of its columns is accumulated over all reduced positions (a
  channels-last spatial mean, a sum over the first axis); else each result is accumulated over dense runs, short ones of
  neighbouring results side by side.
* Members share the results, never the terms of one, so that every result is the same whatever their
  number. A reduction to few results is done in two steps over a workspace: see `reduction`.
"""

import numpy as np

from ovlite.kernels.runtime.call cimport Call
from ovlite.kernels.runtime.step cimport OK, Member, Step, View, dim_t, share
from ovlite.kernels.runtime.strides cimport LoopNest, offset_of, set_nest
from ovlite.kernels.runtime.strides import axes_from_front, ordered_dimensions

cdef extern from "reduction.h" nogil:
    ctypedef union Total:
        double f
        long long i
    ctypedef struct Accumulation:
        const char* name
        const char* type
        bint is_float
        Total start
        void (*row)(const void* x, dim_t n, float shift, Total* total) noexcept nogil
        void (*columns)(
            const void* x, dim_t stride, dim_t rows, const float* shift, Total* total, dim_t n) noexcept nogil
        void (*short_rows)(const float* x, dim_t stride, dim_t rows, Total* total, dim_t n) noexcept nogil
    const Accumulation ACCUMULATIONS[1]
    int ACCUMULATION_COUNT
    int AS_IS, DIVIDED, ROOT, LOGARITHM, SHIFTED_LOGARITHM
    enum:
        COLUMN_TILE
        SHORT_ROW
    void finish_totals(const Total* total, bint is_float, int finish, dim_t count, const float* shift, void* y,
                       dim_t step, int size, dim_t n) noexcept
    void maxima_to_shifts(Total* total, float* shift, Total start, dim_t n) noexcept

cdef extern from "tile_copy.h" nogil:
    void gather(const char* source, dim_t row, dim_t step, char* to, dim_t rows, dim_t cols, int size) noexcept

cdef enum:
    BLOCK = 1024               # elements gathered at a time from a run that isn't dense
    TOO_SMALL_TO_SHARE = 32768  # elements; see Step.share_above
    PARTS = 16                 # at most, of a reduction in two steps
    ENOUGH_RESULTS = 128       # to be shared without that

# kind: (accumulation, what becomes of the total, accumulation of partial results, what becomes of theirs)
KINDS = {
    "sum": ("sum", AS_IS, "sum"),
    "mean": ("sum", DIVIDED, "mean"),
    "max": ("max", AS_IS, "max"),
    "min": ("min", AS_IS, "min"),
    "prod": ("prod", AS_IS, "prod"),
    "l1": ("sum_abs", AS_IS, "sum"),
    "l2": ("sum_square", ROOT, "l2"),
    "sum_square": ("sum_square", AS_IS, "sum"),
    "log_sum": ("sum", LOGARITHM, "log_sum"),
    "log_sum_exp": ("sum_exp", SHIFTED_LOGARITHM, "log_sum_exp"),
    "logical_and": ("logical_and", AS_IS, "logical_and"),
    "logical_or": ("logical_or", AS_IS, "logical_or"),
}

# Of each accumulation in its table, by its name and its element type.
cdef dict PLACES = {(ACCUMULATIONS[i].name.decode(), np.dtype(ACCUMULATIONS[i].type.decode())): i
                    for i in range(ACCUMULATION_COUNT)}


def reduce(x, str kind="sum", axes=None, bint keepdims=False, out=None):
    """x reduced over `axes`, an int or several, or over all when None, on the calling thread and without the GIL.

    kind: see Reduce, as for element types. x: of any shape and strides. out: of x's type, without the reduced
    dimensions or with 1 for each with `keepdims`, apart from x; a new array when None.
    Returns out. Raises ValueError where shapes or axes don't fit and where there is no such kind for x's type.
    """
    cdef Call call = Call()
    cdef View x_view = call.read("x", x)
    shape = x_view.shape
    axes = axes_from_front(range(len(shape)) if axes is None else axes, len(shape))
    kept = [1 if axis in axes else length for axis, length in enumerate(shape) if keepdims or axis not in axes]
    cdef View y_view = call.write(out, kept, x_view.dtype)
    call.run(Reduce(kind, x_view, y_view, axes))
    return call.out


cdef struct ReduceArguments:
    int x
    int y
    dim_t x_offset
    dim_t y_offset
    int x_size                 # bytes of an element
    int y_size
    LoopNest kept                 # over the results, but for the columns of a tile
    LoopNest reduced              # over the runs that make up one result
    dim_t run                  # terms of a run, and the elements from one to the next
    dim_t run_step
    bint by_columns
    bint by_rows               # short dense runs, whose results are columns of a tile too
    dim_t row_step             # elements of x from one of these to the next
    dim_t columns              # dense results; one where runs are dense instead
    dim_t column_tile
    dim_t tiles                # of all columns
    dim_t y_step               # elements of y from one column to the next
    dim_t terms                # of one result
    int finish
    const Accumulation* accumulation
    const Accumulation* maximum      # what is found first and subtracted before exp, or NULL


cdef void add_run(const ReduceArguments* args, const Accumulation* add, const char* x, float shift, Total* total,
                  char* scratch) noexcept nogil:
    """Adds one run to a result; a run that isn't dense is gathered in blocks."""
    cdef dim_t left = args.run, count
    cdef dim_t step = args.run_step * args.x_size
    if args.run_step == 1:
        add.row(x, args.run, shift, total)
        return
    while left > 0:
        count = min(left, <dim_t>BLOCK)
        gather(x + (args.run - left) * step, 0, step, scratch, 1, count, args.x_size)
        add.row(scratch, count, shift, total)
        left -= count


cdef void add_all(const ReduceArguments* args, const Accumulation* add, const char* x, const float* shift,
                  Total* total, dim_t columns, char* scratch) noexcept nogil:
    """Adds every run to the results of one tile."""
    cdef dim_t index, at, unused
    for index in range(args.reduced.count):
        at = unused = 0
        offset_of(&args.reduced, index, &at, &unused)
        if args.by_rows:
            add.short_rows(<const float*>(x + at), args.row_step, columns, total, args.run)
        elif args.by_columns:
            add.columns(x + at, args.run_step, args.run, shift, total, columns)
        else:
            add_run(args, add, x + at, shift[0], total, scratch)


cdef int reduce_tiles(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const ReduceArguments* args = <const ReduceArguments*>arguments
    cdef const Accumulation* add = args.accumulation
    cdef Total total[COLUMN_TILE]
    cdef float shift[COLUMN_TILE]
    cdef dim_t begin, end, index, column, columns, j, x, y
    share(me, args.kept.count * args.tiles, 1, &begin, &end)
    for index in range(begin, end):
        column = index % args.tiles * args.column_tile
        columns = min(args.columns - column, args.column_tile)
        x = args.x_offset + column * args.row_step * args.x_size
        y = args.y_offset + column * args.y_step * args.y_size
        offset_of(&args.kept, index // args.tiles, &x, &y)
        for j in range(columns):
            total[j] = add.start if args.maximum == NULL else args.maximum.start
            shift[j] = 0
        if args.maximum != NULL:
            add_all(args, args.maximum, slots[args.x] + x, shift, total, columns, me.scratch)
            maxima_to_shifts(total, shift, add.start, columns)
        add_all(args, add, slots[args.x] + x, shift, total, columns, me.scratch)
        finish_totals(total, add.is_float, args.finish, args.terms, shift, slots[args.y] + y, args.y_step, args.y_size,
                      columns)
    return OK


cdef class Reduce(Step):
    """y = x reduced over `axes`.

    kind: sum mean max min prod l1 l2 sum_square log_sum log_sum_exp of f32; sum max min prod of i32 and i64,
        modulo their size; logical_and logical_or of bool.
    y: of x's type and rank with 1 for each reduced dimension, or without these dimensions; any strides.

    f32 sums keep the error of a few roundings however many terms there are. NaN among the terms gives
    NaN. No terms at all give 0, 1, or the infinity that max and min start from.
    """

    cdef ReduceArguments arguments

    def __init__(self, str kind, View x, View y, axes):
        cdef ReduceArguments* args = &self.arguments
        self.reads = (x,)
        self.writes = (y,)
        self.name = f"Reduce({kind})"
        if kind not in KINDS or x.dtype != y.dtype:
            raise ValueError(f"Reduce: no {kind} of {x.dtype} to {y.dtype}")
        args.accumulation = find_accumulation(KINDS[kind][0], x.dtype)
        args.maximum = find_accumulation("max", x.dtype) if kind == "log_sum_exp" else NULL
        if args.accumulation == NULL or (KINDS[kind][1] != AS_IS and not args.accumulation.is_float):
            raise ValueError(f"Reduce: there is no {kind} of {x.dtype}")
        args.finish = KINDS[kind][1]
        args.x, args.x_offset, args.x_size = x.slot, x.offset, x.dtype.itemsize
        args.y, args.y_offset, args.y_size = y.slot, y.offset, y.dtype.itemsize
        kept, reduced = split_dimensions(x, y, axes)
        self.set_loops(kept, reduced)
        self.args = args
        self.run = reduce_tiles
        self.scratch = BLOCK * args.x_size
        self.share_above(TOO_SMALL_TO_SHARE, x.size, args.kept.count * args.tiles)

    def set_loops(self, list kept, list reduced):
        """Chooses the run and the columns, and sets the loops around them."""
        cdef ReduceArguments* args = &self.arguments
        args.terms = 1
        for length, _, _ in reduced:
            args.terms *= length
        run = reduced.pop() if reduced else (1, 1, 0)
        args.by_columns = bool(kept) and kept[len(kept) - 1][1] == 1
        args.by_rows = (not args.by_columns and args.accumulation.short_rows != NULL
                        and run[0] <= SHORT_ROW and run[1] == 1)
        columns = (kept.pop() if kept else (1, 1, 1)) if args.by_columns or args.by_rows else None
        set_nest(&args.kept, kept, args.x_size, args.y_size)
        set_nest(&args.reduced, reduced, args.x_size, args.y_size)
        args.run, args.run_step, _ = run
        args.columns = args.column_tile = args.tiles = args.row_step = 1
        if columns is not None:
            args.columns, args.row_step, args.y_step = columns
            args.column_tile = tile_of_columns(args.columns, args.kept.count)
            args.tiles = (args.columns + args.column_tile - 1) // args.column_tile


cdef dim_t tile_of_columns(dim_t columns, dim_t repeats) noexcept:
    """Columns of a tile: narrower where there would be too few tiles to share."""
    cdef dim_t quarter = (columns * repeats // 2 + 15) // 16 * 16
    return min(<dim_t>COLUMN_TILE, max(<dim_t>32, quarter))


cdef const Accumulation* find_accumulation(str name, dtype):
    found = PLACES.get((name, dtype))
    return NULL if found is None else &ACCUMULATIONS[<int>found]


def split_dimensions(View x, View y, axes):
    """The kept and the reduced dimensions as loops [(length, stride of x, stride of y), ...], the loop
    with the smallest stride of x last."""
    rank = len(x.shape)
    axes = axes_from_front(axes, len(x.shape))
    left = [axis for axis in range(rank) if axis not in axes]
    places = range(rank) if len(y.shape) == rank else left
    expected = tuple([1 if axis in axes else x.shape[axis] for axis in places])
    if y.shape != expected:
        raise ValueError(f"Reduce: {x.shape} over axes {sorted(axes)} has shape {expected}, not {y.shape}")
    y_stride = dict(zip(places, y.strides, strict=True))
    kept = ordered_dimensions([(x.shape[axis], y_stride[axis], x.strides[axis]) for axis in left])
    reduced = ordered_dimensions([(x.shape[axis], 0, x.strides[axis]) for axis in axes])
    return [[(length, x_step, y_step) for length, y_step, x_step in loops] for loops in (kept, reduced)]


def workspace_size(View x, axes):
    """Elements of x's type that `reduction` can use to share the work of reducing x; 0 when it needs none."""
    axes = axes_from_front(axes, len(x.shape))
    results = x.like(shape=[length for axis, length in enumerate(x.shape) if axis not in axes]).size
    parts, _ = equal_parts(x, axes)
    if x.size < TOO_SMALL_TO_SHARE or results >= ENOUGH_RESULTS or parts == 1:
        return 0
    return parts * results


def reduction(str kind, View x, View y, axes, View workspace=None):
    """The steps that reduce x to y as Reduce does: two, which all members share, when there is a workspace.

    workspace: a View of `workspace_size(x, axes)` elements of x's type, where partial results lie meanwhile.
    """
    if workspace is None or workspace_size(x, axes) == 0:
        return [Reduce(kind, x, y, axes)]
    axes = axes_from_front(axes, len(x.shape))
    parts, cut = equal_parts(x, axes)
    kept = [axis for axis in range(len(x.shape)) if axis not in axes]
    kept_shape = [x.shape[axis] for axis in kept]
    partial = workspace.like(shape=[parts, *kept_shape])
    shape, strides = list(x.shape), list(x.strides)
    shape[cut] //= parts
    whole = x.like(shape=[parts, *shape], strides=[strides[cut] * shape[cut], *strides])
    first = Reduce("sum" if kind == "log_sum" else kind, whole, partial, [axis + 1 for axis in axes])
    if len(y.shape) == len(x.shape):
        y = y.like(shape=kept_shape, strides=[y.strides[axis] for axis in kept])
    return [first, Reduce(KINDS[kind][2], partial, y, [0])]


def equal_parts(View x, set axes):
    """(how many equal parts, of which reduced dimension) share a reduction: of those that give the most
    parts, the dimension with the largest stride."""
    best = (1, 0)
    for axis in sorted(axes, key=lambda axis: -abs(x.strides[axis])):
        parts = max([part for part in range(1, PARTS + 1) if x.shape[axis] % part == 0])
        if parts > best[0]:
            best = (parts, axis)
    return best
