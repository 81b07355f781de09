"""Trees: what the leaves give in which the rows of a table end, tree by tree."""

import numpy as np

from ovlite.kernels.runtime.block cimport Block
from ovlite.kernels.runtime.step cimport (
    CANCELLED, OK, Member, Span, Step, View, address, alone, check_status, dim_t, first_element, share, stopped)

cdef extern from "denormals.h" nogil:
    ctypedef unsigned long FloatMode
    FloatMode denormals_set(bint flush)
    void denormals_restore(FloatMode before)

cdef extern from "trees.h" nogil:
    enum: TREE_LANES
    enum: TREE_ROWS
    enum: NAN_FIRST
    enum: TREES_SUM
    enum: TREES_MIN
    enum: TREES_MAX
    ctypedef struct Forest:
        const void* nodes
        const void* weights
        const int* roots
        const int* depths
        const int* offsets
        const int* targets
        int trees
        int first_leaf
        int width
        int single
        int nan_first
    void trees_float(const Forest* forest, const char* x, dim_t columns, dim_t rows, char* y,
                     unsigned char* reached, int aggregate) noexcept
    void trees_double(const Forest* forest, const char* x, dim_t columns, dim_t rows, char* y,
                      unsigned char* reached, int aggregate) noexcept

ctypedef void (*trees_fn)(const Forest* forest, const char* x, dim_t columns, dim_t rows, char* y,
                          unsigned char* reached, int aggregate) noexcept nogil

cdef enum:
    BRANCH_COST = 8            # see Step.set_width

AGGREGATES = {"sum": TREES_SUM, "min": TREES_MIN, "max": TREES_MAX}

cdef struct TreesArgs:
    Forest forest
    Span x
    Span y
    Span reached
    bint marks                 # whether `reached` is written
    dim_t rows
    dim_t columns
    int aggregate
    trees_fn run


cdef int run_trees(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const TreesArgs* args = <const TreesArgs*>arguments
    cdef dim_t row, end, count, width = args.forest.width
    cdef dim_t size = 4 if args.run == trees_float else 8
    cdef const char* x = address(&args.x, slots)
    cdef char* y = address(&args.y, slots)
    cdef unsigned char* reached = <unsigned char*>address(&args.reached, slots) if args.marks else NULL
    cdef int status = OK
    cdef FloatMode mode = denormals_set(False)    # a threshold may be the greatest number below 0
    share(me, args.rows, TREE_LANES, &row, &end)
    while row < end:
        if stopped(me):
            status = CANCELLED
            break
        count = min(<dim_t>TREE_ROWS, end - row)
        args.run(&args.forest, x + row * args.columns * size, args.columns, count, y + row * width * size,
                 NULL if reached == NULL else reached + row * width, args.aggregate)
        row += count
    denormals_restore(mode)
    return status


cdef class Ensemble:
    """Trees as the kernel walks them; several plans may share one.

    thresholds: f32 or f64 [nodes]; features: int32 [nodes]; children: int32 [nodes, 2], the index of a later node, or
    ~i for leaf i; nan_first: bool [nodes]; roots: int32 [trees], as children. A row goes on to children[n, 0] where its
    feature is at most the threshold, or NaN and nan_first[n], else to children[n, 1]. offsets: int32 [leaves + 1],
    targets: int32 [weights], weights in the thresholds' type: leaf i gives weights[k] to targets[k] for k in
    offsets[i] .. offsets[i + 1] - 1. width: how many targets there are. ValueError for anything else.
    """

    cdef Forest forest
    cdef const unsigned char[::1] nodes      # and leaves: a struct of trees.h each
    cdef const unsigned char[::1] weights    # of dtype
    cdef const int[::1] roots
    cdef const int[::1] depths
    cdef const int[::1] offsets
    cdef const int[::1] targets
    cdef readonly object dtype
    cdef readonly int features     # columns that a table needs at least
    cdef readonly int depth        # the sum of all trees' depths

    def __init__(self, thresholds, features, children, nan_first, roots, offsets, targets, weights, int width):
        self.dtype = np.dtype(np.asarray(thresholds).dtype)
        if self.dtype not in (np.float32, np.float64):
            raise ValueError(f"Ensemble: expected thresholds of float32 or float64, got {self.dtype}")
        thresholds, weights = (np.ascontiguousarray(array, self.dtype) for array in (thresholds, weights))
        features, children, roots, offsets, targets = (
            np.ascontiguousarray(array, np.int32) for array in (features, children, roots, offsets, targets))
        nodes, leaves = len(thresholds), len(offsets) - 1
        self.check(nodes, leaves, features, children, np.asarray(nan_first), roots, offsets, targets, weights, width)
        packed = np.zeros(nodes + leaves, np.dtype(
            [("threshold", self.dtype), ("feature", np.int32), ("child", np.int32, (2,))], align=True))
        packed["threshold"][:nodes] = thresholds
        packed["feature"][:nodes] = features | np.where(nan_first, np.int32(NAN_FIRST), np.int32(0))
        packed["child"][:nodes] = np.where(children < 0, nodes + ~children, children)
        packed["child"][nodes:] = np.arange(nodes, nodes + leaves, dtype=np.int32)[:, None]
        roots = np.where(roots < 0, nodes + ~roots, roots).astype(np.int32)
        depths = _depths(packed["child"], nodes, roots)
        self.nodes, self.weights = packed.view(np.uint8), weights.view(np.uint8)
        self.roots, self.depths, self.offsets, self.targets = roots, depths, offsets, targets
        self.features = int(features.max(initial=-1)) + 1
        self.depth = int(depths.sum())
        cdef Forest* forest = &self.forest
        forest.nodes = first_element(self.nodes)
        forest.weights = first_element(self.weights)
        forest.roots = <const int*>first_element(self.roots)
        forest.depths = <const int*>first_element(self.depths)
        forest.offsets = <const int*>first_element(self.offsets)
        forest.targets = <const int*>first_element(self.targets)
        forest.trees, forest.first_leaf, forest.width = len(roots), nodes, width
        forest.single = width == 1 and len(weights) == leaves and bool((np.diff(offsets) == 1).all())
        forest.nan_first = bool(np.any(nan_first))

    def check(self, nodes, leaves, features, children, nan_first, roots, offsets, targets, weights, width):
        if leaves < 0 or nodes + leaves >= 2**31:
            raise ValueError(f"Ensemble: expected fewer than 2**31 nodes and leaves, got {nodes} and {leaves}")
        if features.shape != (nodes,) or children.shape != (nodes, 2) or nan_first.shape != (nodes,):
            raise ValueError(
                f"Ensemble: expected a feature, two children and a nan_first for each of {nodes} nodes, "
                f"got {features.shape}, {children.shape} and {nan_first.shape}")
        if ((children < -leaves) | (children >= nodes)).any() or ((roots < -leaves) | (roots >= nodes)).any():
            raise ValueError(f"Ensemble: expected all children and roots among {nodes} nodes and {leaves} leaves")
        if ((children >= 0) & (children <= np.arange(nodes)[:, None])).any():
            raise ValueError("Ensemble: expected children behind their parents, got a child before its parent")
        if (features < 0).any() or ((targets < 0) | (targets >= width)).any():
            raise ValueError(f"Ensemble: expected features from 0 on and targets of 0 to {width - 1}, got others")
        if offsets[0] != 0 or offsets[leaves] != len(weights) or (np.diff(offsets) < 0).any() or \
                targets.shape != weights.shape or weights.ndim != 1:
            raise ValueError(
                f"Ensemble: expected offsets that rise from 0 to the number of targets and weights, "
                f"got {offsets[0]} to {offsets[leaves]} for {targets.shape} and {weights.shape}")


cdef object _depths(child, Py_ssize_t nodes, roots):
    """The depth of each tree, from the heights of its nodes, the last of which is found first."""
    heights = np.zeros(len(child), np.int32)
    cdef const int[:, :] children = child
    cdef int[::1] height = heights
    cdef Py_ssize_t node
    for node in range(nodes - 1, -1, -1):
        height[node] = 1 + max(height[children[node, 0]], height[children[node, 1]])
    return heights[roots]


def trees(const float[:, ::1] x not None, Ensemble ensemble not None, float[:, ::1] out=None, *, aggregate="sum"):
    """Scores of the rows of x by an f32 ensemble, as plans compute them, on the calling thread and without the GIL.

    x: f32 (rows, features). out: f32 (rows, targets); a new array when None. aggregate: sum, min or max of what leaves
    give. Returns out. Raises ValueError where shapes or element types don't fit.
    """
    cdef Member me = alone(NULL)
    cdef char* slots[3]
    cdef dim_t rows = x.shape[0], width = ensemble.forest.width
    cdef int status
    if out is None:
        out = np.empty((rows, width), np.float32)
    marks = Block(max(<dim_t>1, rows * width))
    cdef Trees step = Trees(View(0, "f4", (rows, x.shape[1])), View(1, "f4", (out.shape[0], out.shape[1])),
                            None if aggregate == "sum" else View(2, "u1", (rows, width)), ensemble, aggregate)
    slots[0], slots[1], slots[2] = first_element(x), first_element(out), (<Block>marks).data
    with nogil:
        status = run_trees(&step.arguments, slots, &me)
    check_status("trees", status)
    return np.asarray(out)


cdef class Trees(Step):
    """y[row] = for each target the sum, least or greatest of what the leaves give in which the row ends; 0 for none.

    x: [rows, features], y: [rows, targets], both contiguous and of the ensemble's type; reached: uint8 or bool of y's
    shape, 1 where a leaf gave something, which "min" and "max" need. Sums go tree by tree.
    """

    cdef TreesArgs arguments
    cdef Ensemble ensemble

    def __init__(self, View x not None, View y not None, View reached, Ensemble ensemble not None, aggregate="sum"):
        cdef TreesArgs* args = &self.arguments
        if len(x.shape) != 2 or y.shape != (x.shape[0], ensemble.forest.width):
            raise ValueError(
                f"Trees: expected x (rows, features) and y (rows, {ensemble.forest.width}), "
                f"got {x.shape} and {y.shape}")
        if x.shape[1] < ensemble.features:
            raise ValueError(f"Trees: expected rows of at least {ensemble.features} features, got {x.shape[1]}")
        if x.dtype != ensemble.dtype or y.dtype != ensemble.dtype:
            raise ValueError(f"Trees: expected x and y of {ensemble.dtype}, got {x.dtype} and {y.dtype}")
        if aggregate not in AGGREGATES or (reached is None and aggregate != "sum"):
            raise ValueError(f"Trees: expected an aggregate of sum, or of min or max with `reached`, got {aggregate!r}")
        if reached is not None and (reached.shape != y.shape or reached.dtype.itemsize != 1):
            raise ValueError(
                f"Trees: expected reached of bytes and shape {y.shape}, got {reached.dtype} {reached.shape}")
        if not all(view.contiguous for view in (x, y, reached) if view is not None):
            raise ValueError("Trees: expected contiguous tensors, got strided ones")
        args.forest, args.x, args.y = ensemble.forest, x.span, y.span
        args.marks = reached is not None
        if args.marks:
            args.reached = reached.span
        args.rows, args.columns = x.shape
        args.aggregate = AGGREGATES[aggregate]
        args.run = trees_float if ensemble.dtype == np.float32 else trees_double
        self.set_width(args.rows * ensemble.depth * BRANCH_COST, (args.rows + TREE_LANES - 1) // TREE_LANES)
        self.reads, self.writes = (x,), (y,) if reached is None else (y, reached)
        self.ensemble = ensemble
        self.args = args
        self.run = run_trees
