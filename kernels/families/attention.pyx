# cython: wraparound=True
"""Attention: softmax(query @ key^T * scale + mask) @ value, without the matrix of scores in memory.

The rows of queries of each head are divided into tiles of the level's f32 matrix kernel (see matmul_tile.h). For a
block of keys that fits in the second-level cache with its values, packed once for all tiles, a tile's scores are
computed, become exponentials less their largest, and are multiplied by the values:

    for each head
        for each block of keys
            for each tile of queries
                scores = (query * scale) @ key^T, and the mask
                y = y * exp(old largest - new largest) + exp(scores - new largest) @ value

and behind the last block y is divided by the sum of the exponentials. Each member of the team takes an equal,
contiguous part of the tiles of all heads. What a tile gives does not depend on who computes it.
"""

from libc.math cimport INFINITY, NAN
from libc.string cimport memset

import numpy as np

from ovlite.kernels.runtime.call cimport Call
from ovlite.kernels.runtime.step cimport (
    CANCELLED, MAX_RANK, OK, Member, Span, Step, View, address, dim_t, share, stopped)
from ovlite.kernels.runtime.checks import check_f32
from ovlite.kernels.runtime.strides import matrix_strides, merge_dimensions

from .matmul_kernels cimport NO_OFFSET, MatmulKernel, MatmulTile
from .matmul_weights cimport Kernel, panel_width, whole_blocks
from .matmul_weights import kernel_for

cdef extern from "attention.h" nogil:
    enum:
        SCORES
        MOST_KEYS
    void scaled_rows(const char* rows, dim_t row_stride, dim_t k_stride, dim_t count, dim_t depth, float scale,
                     float* to) noexcept
    void add_to_scores(float* scores, const float* mask, dim_t step, dim_t n) noexcept
    void hide_scores(float* scores, const unsigned char* mask, dim_t step, dim_t n, float hidden) noexcept
    dim_t fill_scores(float* scores, dim_t first, dim_t n) noexcept
    void scale_row(float* y, dim_t n, float by) noexcept
    void fill_row(float* y, dim_t n, float value) noexcept
    float exponentials_of_scores(float* scores, dim_t whole, float* top, float* sum) noexcept

cdef enum:
    F32 = 4                    # bytes
    LINE = 64                  # bytes of a cache line
    CACHED_ELEMENTS = 1 << 17  # of a block's keys and values, about
    SMALL_FLOPS = 200000       # about 2 us of one core's f32 multiply-adds; see Step.share_above

cdef enum Undefined:
    GIVES_NAN
    UNSEEN_GIVES_ZERO
    GIVES_ZERO

UNDEFINED = {"nan": GIVES_NAN, "unseen zero": UNSEEN_GIVES_ZERO, "zero": GIVES_ZERO}


def attention(query, key, value, mask=None, *, scale=None, bint causal=False, out=None):
    """softmax(query @ key^T * scale + mask) @ value, as plans compute it, on the calling thread and without the GIL.

    query: f32 (..., L, E). key: f32 (..., S, E). value: f32 (..., S, V). All of any strides; the dimensions in front
    are broadcast, so that several heads of queries may share one of keys. mask: broadcasts to (..., L, S); f32 to be
    added, or booleans that say which keys count. scale: 1 / sqrt(E) when None. causal: query i sees keys 0 .. i. out:
    f32 (..., L, V) with its columns side by side, apart from the rest; a new array when None.

    A query that sees no key gives zeros; one with a score of NaN gives NaN.
    Returns out. Raises ValueError where shapes or strides don't fit, TypeError for other element types.
    """
    cdef Call call = Call()
    views = [call.read("query", query, "f4"), call.read("key", key, "f4"), call.read("value", value, "f4")]
    mask_view = None if mask is None else call.read("mask", mask)
    q, k, v = [view.shape for view in views]
    if min(len(q), len(k), len(v)) < 2:
        raise ValueError(f"expected matrices of query, key and value, got shapes {q}, {k} and {v}")
    outer = np.broadcast_shapes(q[:-2], k[:-2], v[:-2])
    y = call.write(out, (*outer, q[-2], v[-1]), "f4")
    scale = max(q[-1], 1) ** -0.5 if scale is None else scale
    call.run(Attention(*views, y, mask_view, scale=scale, causal=causal))
    return call.out


cdef struct Head:              # where the elements of one product of each kind lie, in bytes
    dim_t query
    dim_t key
    dim_t value
    dim_t y
    dim_t mask


cdef struct AttentionArguments:
    const MatmulKernel* kernel
    Span query
    Span key
    Span value
    Span y
    Span mask                  # its slot is -1 where there is none
    int rank
    dim_t heads                # product of the dimensions in front
    dim_t length[MAX_RANK]
    Head step[MAX_RANK]
    dim_t queries
    dim_t keys
    dim_t depth                # of a query and a key
    dim_t columns              # of a value
    dim_t tiles                # of the queries of a head
    dim_t rows                 # of a tile; the first `larger` have one more
    dim_t larger
    dim_t block                # keys
    dim_t blocks
    dim_t query_row            # strides in bytes
    dim_t query_depth
    dim_t key_row
    dim_t key_depth
    dim_t value_row
    dim_t value_column
    dim_t y_row
    dim_t mask_row
    dim_t mask_column
    bint booleans              # the mask is of them
    bint causal
    bint keys_in_place         # not packed
    bint values_in_place
    float scale
    float hidden               # the score of a key that booleans hide
    int undefined
    dim_t value_scratch        # places in the scratch memory, behind the packed keys
    dim_t row_scratch
    dim_t score_scratch
    dim_t score_row            # bytes
    dim_t state_scratch
    MatmulTile tile            # what all have in common


cdef struct Work:              # a member's, in a block of keys of a head
    Head at
    char* keys
    char* values
    float* rows                # of queries, scaled
    float* scores
    float* top                 # largest score of each query so far
    float* sum                 # of its exponentials
    dim_t first                # key of the block
    dim_t count                # of keys in it


cdef inline Head head_at(const AttentionArguments* p, char* const* slots, dim_t index) noexcept nogil:
    """The addresses of a head's first elements."""
    cdef Head at
    cdef dim_t i
    cdef int axis
    at.query = <dim_t>address(&p.query, slots)
    at.key = <dim_t>address(&p.key, slots)
    at.value = <dim_t>address(&p.value, slots)
    at.y = <dim_t>address(&p.y, slots)
    at.mask = <dim_t>address(&p.mask, slots) if p.mask.slot >= 0 else 0
    for axis in range(p.rank - 1, -1, -1):
        i = index % p.length[axis]
        index //= p.length[axis]
        at.query += i * p.step[axis].query
        at.key += i * p.step[axis].key
        at.value += i * p.step[axis].value
        at.y += i * p.step[axis].y
        at.mask += i * p.step[axis].mask
    return at


cdef inline dim_t first_row(const AttentionArguments* p, dim_t tile) noexcept nogil:
    return tile * p.rows + min(tile, p.larger)


cdef void pack_keys(const AttentionArguments* p, const Work* work) noexcept nogil:
    """Packs a block's keys, transposed, in panels."""
    cdef const MatmulKernel* kernel = p.kernel
    cdef dim_t first = 0, columns
    while first < work.count:
        columns = min(<dim_t>kernel.columns, work.count - first)
        kernel.pack_panel(<char*>work.at.key + (work.first + first) * p.key_row, p.depth, p.key_depth, columns,
                          p.key_row, work.keys + first * p.depth * F32, panel_width(kernel, columns))
        first += kernel.columns


cdef void pack_values(const AttentionArguments* p, const Work* work) noexcept nogil:
    """Packs a block's values in panels."""
    cdef const MatmulKernel* kernel = p.kernel
    cdef dim_t first = 0, columns
    while first < p.columns:
        columns = min(<dim_t>kernel.columns, p.columns - first)
        kernel.pack_panel(<char*>work.at.value + work.first * p.value_row + first * p.value_column, work.count,
                          p.value_row, columns, p.value_column, work.values + first * work.count * F32,
                          panel_width(kernel, columns))
        first += kernel.columns


cdef inline void set_rows(MatmulTile* tile, dim_t rows, char* a, dim_t a_stride, char* y,
                          dim_t y_stride) noexcept nogil:
    cdef dim_t half = (rows + 1) // 2
    tile.a[0], tile.a[1] = a, a + half * a_stride
    tile.y[0], tile.y[1] = y, y + half * y_stride
    tile.a_stride, tile.y_stride = a_stride, y_stride


cdef void multiply(const MatmulKernel* kernel, dim_t rows, bint dots, MatmulTile* tile) noexcept nogil:
    """One panel, of tile.columns."""
    cdef bint full = tile.columns > kernel.columns // 2
    if dots:
        kernel.dots[full](tile)
    elif rows == 1:
        kernel.single_row[full](tile)
    else:
        kernel.tiles[rows - 1][full](tile)


cdef void compute_scores(const AttentionArguments* p, const Work* work, dim_t rows, dim_t count) noexcept nogil:
    """Scores of a tile's rows and the block's first `count` keys."""
    cdef const MatmulKernel* kernel = p.kernel
    cdef MatmulTile tile = p.tile
    cdef dim_t first = 0
    tile.depth = p.depth
    while first < count:
        set_rows(&tile, rows, <char*>work.rows, p.depth * F32, <char*>work.scores + first * F32, p.score_row)
        tile.columns = min(<dim_t>kernel.columns, count - first)
        if p.keys_in_place:
            tile.b = <char*>work.at.key + (work.first + first) * p.key_row
            tile.b_stride = p.key_row
        else:
            tile.b = work.keys + first * p.depth * F32
            tile.b_stride = panel_width(kernel, min(<dim_t>kernel.columns, work.count - first)) * F32
        multiply(kernel, rows, p.keys_in_place, &tile)
        first += kernel.columns


cdef void multiply_values(const AttentionArguments* p, const Work* work, dim_t row, dim_t rows,
                          dim_t count) noexcept nogil:
    """Adds the exponentials of a tile's rows and `count` keys times the values to y, or begins y with that."""
    cdef const MatmulKernel* kernel = p.kernel
    cdef MatmulTile tile = p.tile
    cdef dim_t first = 0, width
    tile.depth = count
    while first < p.columns:
        set_rows(&tile, rows, <char*>work.scores, p.score_row, <char*>work.at.y + row * p.y_row + first * F32, p.y_row)
        tile.columns = min(<dim_t>kernel.columns, p.columns - first)
        width = panel_width(kernel, tile.columns)
        if p.values_in_place:
            tile.b = <char*>work.at.value + work.first * p.value_row + first * F32
            tile.b_stride = p.value_row
        else:
            tile.b = work.values + first * work.count * F32
            tile.b_stride = width * F32
        if work.first:
            tile.residual[0], tile.residual[1] = tile.y[0], tile.y[1]
            tile.residual_stride, tile.residual_step = p.y_row, F32
        multiply(kernel, rows, False, &tile)
        first += kernel.columns


cdef inline void take_mask(const AttentionArguments* p, const Work* work, dim_t row, float* scores,
                           dim_t count) noexcept nogil:
    cdef const char* mask = <const char*>work.at.mask + row * p.mask_row + work.first * p.mask_column
    if p.booleans:
        hide_scores(scores, <const unsigned char*>mask, p.mask_column, count, p.hidden)
    else:
        add_to_scores(scores, <const float*>mask, p.mask_column // F32, count)


cdef inline void finish_row(const AttentionArguments* p, float* y, float total) noexcept nogil:
    """Divides a row by the sum of its exponentials."""
    if total > 0:
        scale_row(y, p.columns, 1 / total)
    elif total == 0:
        fill_row(y, p.columns, NAN if p.undefined == GIVES_NAN and p.keys else 0)
    else:
        fill_row(y, p.columns, 0 if p.undefined == GIVES_ZERO else NAN)


cdef void attend(const AttentionArguments* p, const Work* work, dim_t row, dim_t rows) noexcept nogil:
    """A tile of queries and a block of keys."""
    cdef dim_t i, whole, seen, count = work.count
    cdef float* scores
    cdef float before
    cdef char* y = <char*>work.at.y + row * p.y_row
    if p.causal:
        count = min(count, row + rows - work.first)
        if count <= 0:
            return
    scaled_rows(<char*>work.at.query + row * p.query_row, p.query_row, p.query_depth, rows, p.depth, p.scale, work.rows)
    compute_scores(p, work, rows, count)
    for i in range(rows):
        scores = <float*>(<char*>work.scores + i * p.score_row)
        if p.mask.slot >= 0:
            take_mask(p, work, row + i, scores, count)
        seen = min(count, max(row + i + 1 - work.first, <dim_t>0)) if p.causal else count
        whole = fill_scores(scores, seen, count)
        before = exponentials_of_scores(scores, whole, &work.top[row + i], &work.sum[row + i])
        if before != 1 and work.first:
            scale_row(<float*>(y + i * p.y_row), p.columns, before)
    multiply_values(p, work, row, rows, count)


cdef void run_head(const AttentionArguments* p, Work* work, dim_t tile, dim_t end, bint packed) noexcept nogil:
    """Tiles of a head. packed: its keys and values are, which are one block."""
    cdef dim_t block, index, row
    for row in range(first_row(p, tile), first_row(p, end)):
        work.top[row], work.sum[row] = -INFINITY, 0
    for block in range(p.blocks):
        work.first = block * p.block
        work.count = min(p.block, p.keys - work.first)
        if p.causal and work.first >= first_row(p, end):
            break
        if not packed and not p.keys_in_place:
            pack_keys(p, work)
        if not packed and not p.values_in_place:
            pack_values(p, work)
        for index in range(tile, end):
            row = first_row(p, index)
            attend(p, work, row, first_row(p, index + 1) - row)
    for row in range(first_row(p, tile), first_row(p, end)):
        finish_row(p, <float*>(<char*>work.at.y + row * p.y_row), work.sum[row])


cdef int run_attention(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const AttentionArguments* p = <const AttentionArguments*>arguments
    cdef Work work
    cdef dim_t at, end, tile, last, key = 0, value = 0
    work.keys = me.scratch
    work.values = me.scratch + p.value_scratch
    work.rows = <float*>(me.scratch + p.row_scratch)
    work.scores = <float*>(me.scratch + p.score_scratch)
    work.top = <float*>(me.scratch + p.state_scratch)
    work.sum = work.top + p.queries
    share(me, p.heads * p.tiles, 1, &at, &end)
    while at < end:
        if stopped(me):
            return CANCELLED
        tile = at % p.tiles
        last = min(p.tiles, tile + end - at)
        work.at = head_at(p, slots, at // p.tiles)
        run_head(p, &work, tile, last, p.blocks == 1 and key == work.at.key and value == work.at.value)
        key, value = work.at.key, work.at.value
        at += last - tile
    return OK


cdef class Attention(Step):
    """y = softmax(query @ key^T * scale + mask) @ value, all f32.

    query: (..., L, E). key: (..., S, E). value: (..., S, V). y: (..., L, V) with V stride 1; the others' dimensions in
    front are broadcast to its. mask: f32 that is added, or bool: where it is False the score is `hidden`; broadcasts to
    (..., L, S). causal: the score of query i and key j > i is -infinity. Any strides but y's.

    undefined: what queries give whose softmax is not defined: "nan"; "unseen zero", which is 0 where all scores are
    -infinity and NaN where one is NaN; or "zero". Without any keys all results are 0. Keys that have no part in a
    result because exp(score) is 0 may make it NaN all the same where their value is NaN or infinite.
    """

    cdef AttentionArguments arguments

    def __init__(self, View query not None, View key not None, View value not None, View y not None, View mask=None, *,
                 float scale, bint causal=False, float hidden=-INFINITY, str undefined="unseen zero"):
        cdef AttentionArguments* p = &self.arguments
        if undefined not in UNDEFINED:
            raise ValueError(f"expected undefined to be one of {[*UNDEFINED]}, got {undefined!r}")
        self.check(query, key, value, y, mask)
        p.scale, p.causal, p.hidden, p.undefined = scale, causal, hidden, UNDEFINED[undefined]
        p.query, p.key, p.value, p.y = query.span, key.span, value.span, y.span
        p.mask.slot = -1
        if mask is not None:
            p.mask = mask.span
            p.booleans = mask.dtype == np.bool_
        p.queries, p.columns = y.shape[-2:]
        p.keys, p.depth = key.shape[-2:]
        self.set_strides(query, key, value, y, mask)
        self.set_tiles()
        self.reads = tuple([view for view in (query, key, value, mask) if view is not None])
        self.writes = (y,)
        self.args = p
        self.run = run_attention
        self.share_above(SMALL_FLOPS, 2 * p.heads * p.queries * p.keys * (p.depth + p.columns), p.heads * p.tiles)

    def check(self, View query, View key, View value, View y, View mask):
        shapes = f"query {query.shape}, key {key.shape}, value {value.shape}, y {y.shape}"
        check_f32(query=query, key=key, value=value, y=y)
        if mask is not None and mask.dtype.name not in ("float32", "bool"):
            raise TypeError(f"expected a mask of float32 or bool, got {mask.dtype.name}")
        if min(query.span.rank, key.span.rank, value.span.rank, y.span.rank) < 2:
            raise ValueError(f"expected matrices, got {shapes}")
        if query.shape[-2:] != (y.shape[-2], key.shape[-1]) or value.shape[-2:] != (key.shape[-2], y.shape[-1]):
            raise ValueError(f"expected shapes (..., L, E), (..., S, E), (..., S, V) and (..., L, V), got {shapes}")
        if y.size and y.shape[-1] > 1 and y.strides[-1] != 1:
            raise ValueError(f"expected y with its columns side by side, got a stride of {y.strides[-1]}")

    def set_strides(self, View query, View key, View value, View y, View mask):
        """The dimensions in front, and all strides. Heads of one query each that share keys become its rows."""
        cdef AttentionArguments* p = &self.arguments
        cdef Head* step
        outer = y.shape[:-2]
        strides = matrix_strides(outer, [
            ("query", query, p.queries, p.depth), ("key", key, p.keys, p.depth), ("value", value, p.keys, p.columns),
            ("y", y, p.queries, p.columns), ("the mask", mask, p.queries, p.keys)])
        dims = merge_dimensions(list(zip(outer, *strides)))
        rows = [p.queries, *[steps[-2] for steps in strides]]
        if p.queries == 1 and not p.causal and dims and dims[-1][2] == dims[-1][3] == 0:
            rows = dims.pop()
        p.queries, p.query_row, _, _, p.y_row, p.mask_row = rows
        p.key_row, p.value_row = strides[1][-2], strides[2][-2]
        p.query_depth, p.key_depth, p.value_column, _, p.mask_column = [steps[-1] for steps in strides]
        p.heads = 1
        for dim in dims:
            step = &p.step[p.rank]
            p.length[p.rank], step.query, step.key, step.value, step.y, step.mask = dim
            p.heads *= p.length[p.rank]
            p.rank += 1

    def set_tiles(self):
        """Tiles, blocks of keys, and the scratch memory."""
        cdef AttentionArguments* p = &self.arguments
        cdef Kernel kernel = kernel_for("f32", "f32")
        cdef dim_t panel = kernel.row.columns, most
        p.kernel = kernel.row
        p.tiles = (p.queries + p.kernel.rows - 1) // p.kernel.rows
        p.rows = p.queries // max(p.tiles, <dim_t>1)
        p.larger = p.queries - p.rows * p.tiles
        most = min(<dim_t>MOST_KEYS, max(CACHED_ELEMENTS // max(p.depth + p.columns, <dim_t>1) // panel * panel, panel))
        p.blocks = (p.keys + most - 1) // most
        p.block = whole_blocks((p.keys + p.blocks - 1) // max(p.blocks, <dim_t>1), panel)
        p.keys_in_place = p.queries == 1 and p.key_depth == F32
        p.values_in_place = (p.tiles == 1 and p.value_column == F32
                             and p.columns % panel in (0, panel // 2))
        p.value_scratch = 0 if p.keys_in_place else whole_blocks(p.block * p.depth * F32, LINE)
        p.row_scratch = p.value_scratch
        if not p.values_in_place:
            p.row_scratch += whole_blocks(p.block * whole_blocks(p.columns, panel // 2) * F32, LINE)
        p.score_scratch = p.row_scratch + whole_blocks(p.kernel.rows * p.depth * F32, LINE)
        p.score_row = whole_blocks(p.block, SCORES) * F32 + LINE
        p.state_scratch = p.score_scratch + p.kernel.rows * p.score_row
        self.scratch = p.state_scratch + 2 * p.queries * F32
        memset(&p.tile, 0, sizeof(p.tile))
        p.tile.taps = 1
        p.tile.offset = NO_OFFSET
