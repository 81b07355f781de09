"""Normalization of f32 by the mean and the spread over some axes, in any layout.

Design
* One Step serves every kind: y = (x - mean) * scale * gamma + beta, with the mean and the scale over the
  reduced dimensions of each kept index. Classes choose what the scale is and how gamma is placed.
* Dense reduced dimensions are walked as runs, dense kept ones as tiles of columns, as in a reduction.
* A group of channels of a channels-last image is a few neighbouring columns: their columns' sums are added.
* Members share what is normalized by one mean, never its terms.
"""

import numpy as np

from ovlite.kernels.runtime.call cimport Call
from ovlite.kernels.runtime.step cimport OK, Member, Step, View, dim_t, share
from ovlite.kernels.runtime.strides cimport LoopNest, offset_of, set_nest
from ovlite.kernels.runtime.strides import axes_from_front, broadcast_strides, ordered_dimensions

cdef extern from "normalization.h" nogil:
    ctypedef union Total:
        double f
    enum:
        COLUMN_TILE
    int UNSCALED, VARIANCE_PLUS_EPSILON, DEVIATION_PLUS_EPSILON, SQUARES_PLUS_EPSILON, SQUARES_OR_EPSILON
    ctypedef struct ColumnNorms:
        float mean[1]
    double sum_of_row(const float* x, dim_t n) noexcept
    double deviations_of_row(const float* x, dim_t n, float mean) noexcept
    void columns_sum_f(const void* x, dim_t stride, dim_t rows, const float* shift, Total* total, dim_t n) noexcept
    void columns_deviations(const void* x, dim_t stride, dim_t rows, const float* shift, Total* total, dim_t n) noexcept
    float scale_of(double squares, double terms, int scaling, double epsilon) noexcept
    void normalize_run(const float* x, float* y, dim_t n, float mean, float scale, const float* gamma, dim_t gamma_step,
                       const float* beta, dim_t beta_step) noexcept
    void normalize_row(const float* x, float* y, dim_t n, bint centred, int scaling, double epsilon, const float* gamma,
                       dim_t gamma_step, const float* beta, dim_t beta_step) noexcept
    void add_up_groups(Total* total, dim_t n, dim_t group) noexcept
    void set_column_means(ColumnNorms* norms, const Total* total, dim_t n, double terms) noexcept
    void set_column_factors(ColumnNorms* norms, const Total* squares, dim_t n, double terms, int scaling,
                            double epsilon, const float* gamma, dim_t gamma_step, const float* beta,
                            dim_t beta_step) noexcept
    void normalize_columns(const float* x, dim_t x_row, float* y, dim_t y_row, dim_t rows, dim_t n,
                           const ColumnNorms* norms, const float* gamma, dim_t gamma_step, const float* beta,
                           dim_t beta_step) noexcept

cdef enum:
    F32 = 4                      # bytes
    TOO_SMALL_TO_SHARE = 8192    # elements; see Step.share_above
    SHORT_GROUP = 64             # channels; longer groups are runs

SINGLE = np.dtype(np.float32)
SCALINGS = {
    "none": UNSCALED,
    "inside_sqrt": VARIANCE_PLUS_EPSILON,
    "outside_sqrt": DEVIATION_PLUS_EPSILON,
    "add": SQUARES_PLUS_EPSILON,
    "max": SQUARES_OR_EPSILON,
}


def layer_norm(x, gamma=None, beta=None, axes=-1, double epsilon=1e-5, str mode="inside_sqrt", out=None):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta over `axes`, on the calling thread and without the GIL.

    It is what plans compute. x: f32 of any shape and strides. gamma, beta: f32, broadcast to x, or None. axes: an int
    or several. mode: "outside_sqrt" adds epsilon to the deviation instead. out: of x's shape, x itself or apart from
    it; a new array when None. Returns out. Raises ValueError where shapes, axes or strides don't fit, TypeError for
    other element types.
    """
    return normalization_call(LayerNorm, x, gamma, beta, out, axes, epsilon=epsilon, mode=mode)


def rms_norm(x, gamma=None, axes=-1, double epsilon=1e-5, out=None):
    """gamma * x / sqrt(mean of x^2 + epsilon) over `axes`; otherwise as layer_norm()."""
    return normalization_call(RMSNorm, x, gamma, None, out, axes, epsilon=epsilon)


def mvn(x, axes, double epsilon=1e-5, str mode="inside_sqrt", bint variance=True, out=None):
    """x - mean over `axes`, with `variance` divided by the deviation; otherwise as layer_norm()."""
    return normalization_call(MVN, x, None, None, out, axes, epsilon=epsilon, mode=mode, variance=variance)


def normalize_l2(x, axes, double epsilon=1e-10, str mode="add", out=None):
    """x / sqrt(sum of x^2 + epsilon) over `axes`; mode "max": the larger of sum and epsilon; see layer_norm()."""
    return normalization_call(NormalizeL2, x, None, None, out, axes, epsilon=epsilon, mode=mode)


def group_norm(x, int groups, gamma=None, beta=None, double epsilon=1e-5, out=None):
    """Each of `groups` groups of channels of x (N, C, ...) by its own mean and deviation; gamma, beta: f32 (C,).

    Otherwise as layer_norm().
    """
    return normalization_call(GroupNorm, x, gamma, beta, out, groups, epsilon=epsilon)


def normalization_call(kind, x, gamma, beta, out, what, **options):
    cdef Call call = Call()
    cdef View x_view = call.read("x", x, "f4")
    affine = {name: call.read(name, array, "f4") for name, array in (("gamma", gamma), ("beta", beta))
              if array is not None}
    cdef View y_view = call.write(out, x_view.shape, "f4", in_place=True)
    call.run(kind(x_view, y_view, what, **affine, **options))
    return call.out


# Where the four operands of an index lie; gamma and beta are NULL where there is none.
cdef struct Place:
    const float* x
    float* y
    const float* gamma
    const float* beta


# Elements from one index of a loop to the next.
cdef struct Steps:
    dim_t x
    dim_t y
    dim_t gamma
    dim_t beta


cdef struct NormArguments:
    int slot[4]                  # of x, y, gamma, beta; -1 where there is none
    dim_t offset[4]
    LoopNest kept                   # over what is normalized together, but for the columns of a tile
    LoopNest kept_affine            # the same loops for gamma and beta
    LoopNest reduced                # over the runs of its terms
    LoopNest reduced_affine
    dim_t run                    # terms of a run
    Steps run_step
    bint by_columns
    dim_t columns
    Steps column_step
    dim_t tile                   # columns
    dim_t tiles
    dim_t group                  # columns that have their mean in common
    bint affine_by_rows          # gamma and beta differ among the terms of a column
    dim_t terms
    bint centred
    int scaling
    double epsilon


cdef inline Place moved(const Place* at, const LoopNest* data, const LoopNest* affine, dim_t index) noexcept nogil:
    """The operands of pass `index` of the loops."""
    cdef Place to
    cdef dim_t x = 0, y = 0, gamma = 0, beta = 0
    offset_of(data, index, &x, &y)
    to.x = at.x + x // F32
    to.y = at.y + y // F32
    to.gamma, to.beta = at.gamma, at.beta
    if at.gamma == NULL and at.beta == NULL:
        return to
    offset_of(affine, index, &gamma, &beta)
    if at.gamma != NULL:
        to.gamma += gamma // F32
    if at.beta != NULL:
        to.beta += beta // F32
    return to


cdef inline Place beginning(const NormArguments* args, char* const* slots) noexcept nogil:
    cdef Place at
    at.x = <const float*>(slots[args.slot[0]] + args.offset[0])
    at.y = <float*>(slots[args.slot[1]] + args.offset[1])
    at.gamma = at.beta = NULL
    if args.slot[2] >= 0:
        at.gamma = <const float*>(slots[args.slot[2]] + args.offset[2])
    if args.slot[3] >= 0:
        at.beta = <const float*>(slots[args.slot[3]] + args.offset[3])
    return at


cdef void normalize_by_runs(const NormArguments* args, const Place* at) noexcept nogil:
    cdef Place run
    cdef dim_t index
    cdef double total = 0
    cdef float mean = 0, scale
    if args.centred:
        for index in range(args.reduced.count):
            total += sum_of_row(moved(at, &args.reduced, &args.reduced_affine, index).x, args.run)
        mean = <float>(total / args.terms)
    total = 0
    if args.scaling != UNSCALED:
        for index in range(args.reduced.count):
            total += deviations_of_row(moved(at, &args.reduced, &args.reduced_affine, index).x, args.run, mean)
    scale = scale_of(total, args.terms, args.scaling, args.epsilon)
    for index in range(args.reduced.count):
        run = moved(at, &args.reduced, &args.reduced_affine, index)
        normalize_run(run.x, run.y, args.run, mean, scale, run.gamma, args.run_step.gamma, run.beta, args.run_step.beta)


cdef void normalize_rows(const NormArguments* args, const Place* start, dim_t begin, dim_t end) noexcept nogil:
    """Runs begin .. end - 1, each of which is all that is normalized together."""
    cdef int inner = args.kept.rank - 1
    cdef dim_t left = 0
    cdef Place at
    while begin < end:
        if left == 0:
            at = moved(start, &args.kept, &args.kept_affine, begin)
            left = args.kept.length[inner] - begin % args.kept.length[inner] if inner >= 0 else 1
        normalize_row(at.x, at.y, args.run, args.centred, args.scaling, args.epsilon,
                      at.gamma, args.run_step.gamma, at.beta, args.run_step.beta)
        begin += 1
        left -= 1
        if left:
            at.x += args.kept.x[inner] // F32
            at.y += args.kept.y[inner] // F32
            if at.gamma != NULL:
                at.gamma += args.kept_affine.x[inner] // F32
            if at.beta != NULL:
                at.beta += args.kept_affine.y[inner] // F32


ctypedef void (*Columns)(
    const void* x, dim_t stride, dim_t rows, const float* shift, Total* total, dim_t n) noexcept nogil


cdef void add_columns(const NormArguments* args, Columns add, const Place* at, const float* shift, Total* total,
                      dim_t columns) noexcept nogil:
    """Adds up every term of each column of a tile, and the columns of each group."""
    cdef const float* x
    cdef dim_t index, j
    for j in range(columns):
        total[j].f = 0
    for index in range(args.reduced.count):
        x = moved(at, &args.reduced, &args.reduced_affine, index).x
        add(x, args.run_step.x, args.run, shift, total, columns)
    if args.group > 1:
        add_up_groups(total, columns, args.group)


cdef void normalize_tile(const NormArguments* args, Place* at, dim_t columns) noexcept nogil:
    cdef Total total[COLUMN_TILE]
    cdef ColumnNorms norms
    cdef Place run, of_columns = at[0]
    cdef dim_t index
    for index in range(columns):
        total[index].f = norms.mean[index] = 0
    if args.centred:
        add_columns(args, columns_sum_f, at, norms.mean, total, columns)
        set_column_means(&norms, total, columns, args.terms)
    if args.scaling != UNSCALED:
        add_columns(args, columns_deviations, at, norms.mean, total, columns)
    if args.affine_by_rows:
        of_columns.gamma = of_columns.beta = NULL
    set_column_factors(&norms, total, columns, args.terms, args.scaling, args.epsilon,
                       of_columns.gamma, args.column_step.gamma, of_columns.beta, args.column_step.beta)
    if not args.affine_by_rows:
        at.gamma = at.beta = NULL
    for index in range(args.reduced.count):
        run = moved(at, &args.reduced, &args.reduced_affine, index)
        normalize_columns(run.x, args.run_step.x, run.y, args.run_step.y, args.run, columns, &norms,
                          run.gamma, args.run_step.gamma, run.beta, args.run_step.beta)


cdef int normalize(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const NormArguments* args = <const NormArguments*>arguments
    cdef dim_t index, begin, end, column
    cdef Place start = beginning(args, slots), at
    share(me, args.kept.count * args.tiles, 1, &begin, &end)
    if not args.by_columns and args.reduced.count == 1:
        normalize_rows(args, &start, begin, end)
        return OK
    for index in range(begin, end):
        at = moved(&start, &args.kept, &args.kept_affine, index // args.tiles)
        if not args.by_columns:
            normalize_by_runs(args, &at)
            continue
        column = index % args.tiles * args.tile
        at.x += column * args.column_step.x
        at.y += column * args.column_step.y
        if at.gamma != NULL:
            at.gamma += column * args.column_step.gamma
        if at.beta != NULL:
            at.beta += column * args.column_step.beta
        normalize_tile(args, &at, min(args.columns - column, args.tile))
    return OK


cdef class Normalize(Step):
    """y = (x - mean) * scale * gamma + beta, mean and scale being those over `axes` of x.

    x, y: f32 of one shape, any strides; y may be the memory of x when it has the same strides.
    gamma, beta: f32, broadcast to x's shape, or None.
    scaling: "inside_sqrt" 1 / sqrt(variance + epsilon), "outside_sqrt" 1 / (sqrt(variance) + epsilon),
        "add" 1 / sqrt(sum of squares + epsilon), "max" 1 / sqrt(max(sum of squares, epsilon)), "none" 1.
    centred: False leaves the mean where it is: it is 0 in these formulas.
    """

    cdef NormArguments arguments

    def __init__(self, View x, View y, axes, View gamma=None, View beta=None, double epsilon=0,
                 str scaling="inside_sqrt", bint centred=True):
        cdef NormArguments* args = &self.arguments
        cdef int i
        operands = [x, y, gamma, beta]
        for view in operands:
            if view is not None and view.dtype != SINGLE:
                raise ValueError(f"{self.name}: {view} has to be float32")
        if x.shape != y.shape:
            raise ValueError(f"{self.name} of shape {x.shape} to shape {y.shape}")
        self.reads = tuple([view for view in (x, gamma, beta) if view is not None])
        self.writes = (y,)
        for i in range(4):
            args.slot[i] = -1 if operands[i] is None else operands[i].slot
            args.offset[i] = 0 if operands[i] is None else operands[i].offset
        args.centred = centred
        if scaling not in SCALINGS:
            raise ValueError(f"{self.name}: expected a mode of {', '.join(SCALINGS)}, got {scaling!r}")
        args.scaling = SCALINGS[scaling]
        args.epsilon = epsilon
        self.set_walk(*self.dimensions(axes, operands))
        self.args = args
        self.run = normalize
        self.share_above(TOO_SMALL_TO_SHARE, x.size, args.kept.count * args.tiles)

    def dimensions(self, axes, list operands):
        """The kept and the reduced dimensions as loops [(length, steps of x, gamma, beta, y), ...]."""
        x, y, gamma, beta = operands
        shape = x.shape
        axes = axes_from_front(axes, len(shape))
        strides = (x.strides, broadcast_strides(gamma, shape), broadcast_strides(beta, shape), y.strides)
        dims = list(zip(shape, *strides))
        kept, reduced = ([dim for axis, dim in enumerate(dims) if (axis in axes) == chosen] for chosen in (False, True))
        return [ordered_dimensions(kept), ordered_dimensions(reduced)]

    def set_walk(self, list kept, list reduced):
        """Chooses runs or columns, and sets the loops around them."""
        cdef NormArguments* args = &self.arguments
        args.terms = 1
        for length, *_ in reduced:
            args.terms *= length
        args.group = 1
        columns = self.dense_columns(kept, reduced)
        run = reduced.pop() if reduced else (1, 1, 0, 0, 1)
        if columns is None and not (run[1] == run[4] == 1 or run[0] == 1):
            columns = (1, 1, 0, 0, 1)
        args.by_columns = columns is not None
        args.columns, args.column_step = (1, steps_of((0, 0, 0, 0))) if columns is None else (
            columns[0], steps_of(columns[1:]))
        args.run, args.run_step = run[0], steps_of(run[1:])
        set_nest(&args.kept, [(length, x, y) for length, x, _, _, y in kept], F32, F32)
        set_nest(&args.kept_affine, [(length, gamma, beta) for length, _, gamma, beta, _ in kept], F32, F32)
        set_nest(&args.reduced, [(length, x, y) for length, x, _, _, y in reduced], F32, F32)
        set_nest(&args.reduced_affine, [(length, gamma, beta) for length, _, gamma, beta, _ in reduced], F32, F32)
        args.affine_by_rows = any([gamma or beta for _, _, gamma, beta, _ in [*reduced, run]])
        args.tile = max(1, min(COLUMN_TILE, max(32, args.columns * args.kept.count // 2)) // args.group) * args.group
        args.tiles = (args.columns + args.tile - 1) // args.tile
        for step in (args.column_step.gamma, args.column_step.beta) if args.by_columns else (
                args.run_step.gamma, args.run_step.beta):
            if step not in (0, 1) or (args.by_columns and step and args.affine_by_rows):
                raise ValueError(f"{self.name}: gamma and beta have to be dense along the dense dimension of x")

    def dense_columns(self, list kept, list reduced):
        """Takes the dimension that is walked as columns out of the loops; None where runs are dense."""
        cdef NormArguments* args = &self.arguments
        if not kept:
            return None
        columns, *steps = kept[len(kept) - 1]
        if steps[0] == steps[3] == 1:
            return kept.pop()
        if not reduced:
            return None
        group, *group_steps = reduced[len(reduced) - 1]
        if (len(reduced) > 1 and group <= SHORT_GROUP and group_steps[0] == group_steps[3] == 1
                and all([step == group * inner for step, inner in zip(steps, group_steps)])):
            reduced.pop()
            kept.pop()
            args.group = group
            return columns * group, *group_steps
        return None


cdef Steps steps_of(steps):
    cdef Steps found
    found.x, found.gamma, found.beta, found.y = steps
    return found


cdef class LayerNorm(Normalize):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta over `axes`; gamma, beta: broadcast to x, or None."""

    def __init__(self, View x, View y, axes, View gamma=None, View beta=None, double epsilon=1e-5,
                 str mode="inside_sqrt"):
        super().__init__(x, y, axes, gamma, beta, epsilon, mode)


cdef class RMSNorm(Normalize):
    """gamma * x / sqrt(mean of x^2 + epsilon) over `axes`."""

    def __init__(self, View x, View y, axes, View gamma=None, double epsilon=1e-5):
        super().__init__(x, y, axes, gamma, None, epsilon, "inside_sqrt", False)


cdef class MVN(Normalize):
    """(x - mean) over `axes`, divided by the standard deviation as `mode` says when `variance` is asked for."""

    def __init__(self, View x, View y, axes, double epsilon=1e-5, str mode="inside_sqrt", bint variance=True):
        super().__init__(x, y, axes, None, None, epsilon, mode if variance else "none")


cdef class NormalizeL2(Normalize):
    """x / sqrt(sum of x^2 + epsilon) over `axes`; mode "max": the larger of sum and epsilon instead."""

    def __init__(self, View x, View y, axes, double epsilon=1e-10, str mode="add"):
        super().__init__(x, y, axes, None, None, epsilon, mode, False)


cdef class GroupNorm(Normalize):
    """Groups of channels of x (N, C, ...) normalized each by itself; gamma and beta: (C,) or None.

    One channel a group is instance normalization.
    """

    def __init__(self, View x, View y, int groups, View gamma=None, View beta=None, double epsilon=1e-5):
        if len(x.shape) < 2:
            raise ValueError(f"GroupNorm: expected x of shape (N, C, ...), got {x.shape}")
        channels = x.shape[1]
        for view in (gamma, beta):
            if view is not None and view.shape != (channels,):
                raise ValueError(f"GroupNorm: expected gamma and beta of shape {(channels,)}, got {view.shape}")
        if groups < 1 or channels % groups:
            raise ValueError(f"GroupNorm: {channels} channels in {groups} groups")
        size = channels // groups
        spatial = len(x.shape) - 2
        affine = [None if view is None else view.like(
            shape=(groups, size, *(1,) * spatial), strides=(size * view.strides[0], view.strides[0], *(0,) * spatial))
            for view in (gamma, beta)]
        super().__init__(grouped(x, groups), grouped(y, groups), range(2, spatial + 3), *affine, epsilon)


def grouped(View view, int groups):
    """(N, C, ...) as (N, groups, C / groups, ...)."""
    shape, strides = view.shape, view.strides
    size = shape[1] // groups
    return view.like(shape=(shape[0], groups, size, *shape[2:]),
                     strides=(strides[0], size * strides[1], strides[1], *strides[2:]))
