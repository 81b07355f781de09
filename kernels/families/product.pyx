# cython: wraparound=True
"""Matrix products of f32: what MatMul and Convolution are made of.

A product multiplies rows, which lie anywhere that nested strides lead to, by panels of packed
weights. Its work is a list of tiles (see tile.h), one for each group of rows and each panel:

    for each batch
        for each block of row tiles
            for each panel               a run-time b is packed here, or before as a whole if it is small
                for each row tile of the block

Each member of the team takes an equal, contiguous part of that list. A block of one row tile keeps
the rows in the first-level cache and streams the weights; a block of all row tiles streams the rows
past one panel at a time, and then the members share the weights out. What block is best depends on
which of the two fits in the second-level cache.
"""

from libc.stdlib cimport free
from libc.string cimport memset

import numpy as np

from ovlite.kernels.runtime.step cimport CANCELLED, OK, Member, View, address, share, stopped

from .activation cimport described

cdef extern from "memory.h" nogil:
    char* block_new(dim_t size)

cdef extern from "pack.h" nogil:
    const TileFunction tile_functions[1][2]
    const TileFunction row_functions[2]
    const TileFunction dot_functions[2]
    const TileFunction few_functions[1][4]
    enum:
        FEW_ROWS
    bint few_columns_pay(dim_t columns, dim_t terms) noexcept
    dim_t panel_width(dim_t columns) noexcept
    void pack_panel(const float* b, dim_t depth, dim_t k_stride, dim_t columns, dim_t n_stride,
                    float* panel, dim_t width) noexcept
    void pack_rows(const float* a, dim_t rows, dim_t row_stride, dim_t depth, dim_t k_stride, float* to) noexcept

cdef enum:
    CACHED_BYTES = 1 << 19     # of an operand that is to stay in the second-level cache
    SMALL_FLOPS = 200000       # not worth waking the team
    PAGE_FLOATS = 1024         # rows a multiple of this apart share one set of the first-level cache,
    ALIASED_ROWS = 7           # which holds 8 lines: of the rows of one tile, and of the panel
    TURNS = 64                 # runs of tiles between two questions whether the run is to end


cdef class Packed:
    """Constant weights, packed in panels for this level's kernels; plans may share one.

    weights: f32 array (groups, taps, depth, columns), of any strides. kernel: the spatial shape that
    the taps make up, () for a matrix. panels: in panels also where there are so few columns that dot
    products are faster, see dots.h.
    nbytes: memory held.
    """

    def __cinit__(self, weights, tuple kernel=(), bint panels=False):
        weights = np.asarray(weights, np.float32)
        self.groups, self.taps, self.depth, self.columns = weights.shape
        self.kernel = kernel
        self.few = not panels and few_columns_pay(self.columns, self.taps * self.depth)
        self.nbytes = self.groups * self.group_floats() * 4
        self.data = <float*>block_new(self.nbytes)
        if self.data == NULL:
            raise MemoryError(f"no memory for {self.nbytes} bytes of packed weights")
        if self.few:
            self.fill(weights.reshape(self.groups, 1, self.taps * self.depth, self.columns))
        else:
            self.fill(weights)

    cdef int fill(self, weights) except -1:
        cdef dim_t[4] step = [stride // 4 for stride in weights.strides]
        cdef const float* start = <const float*><size_t>weights.__array_interface__["data"][0]
        cdef float* to = self.data
        cdef dim_t group, tap, panel, columns, width, depth = weights.shape[2]
        for group in range(self.groups):
            if self.few:
                pack_rows(start + group * step[0], self.columns, step[3], depth, step[2], to)
                to += self.columns * depth
                continue
            for panel in range(0, self.columns, PANEL):
                columns = min(<dim_t>PANEL, self.columns - panel)
                width = panel_width(columns)
                for tap in range(self.taps):
                    pack_panel(start + group * step[0] + tap * step[1] + panel * step[3], depth, step[2],
                               columns, step[3], to, width)
                    to += depth * width
        return 0

    def __dealloc__(self):
        free(self.data)

    cdef dim_t group_floats(self) noexcept:
        cdef dim_t full = self.columns // PANEL * PANEL
        cdef dim_t rest = self.columns - full
        if self.few:
            return self.taps * self.depth * self.columns
        return self.taps * self.depth * (full + (panel_width(rest) if rest else 0))


cdef inline void set_place(Place* place, dim_t a, dim_t b, dim_t y, dim_t residual) noexcept nogil:
    place.a = a
    place.b = b
    place.y = y
    place.residual = residual


cdef inline Place place_of(const Space* space, dim_t index) noexcept nogil:
    """Where the index-th element of a space lies."""
    cdef Place found
    cdef dim_t i
    cdef int axis
    set_place(&found, 0, 0, 0, 0)
    for axis in range(space.rank - 1, -1, -1):
        i = index
        if axis > 0:
            index = index // space.shape[axis]
            i -= index * space.shape[axis]
        found.a += i * space.stride[axis].a
        found.b += i * space.stride[axis].b
        found.y += i * space.stride[axis].y
        found.residual += i * space.stride[axis].residual
    return found


cdef inline void set_half(Tile* tile, int half, const Tile* origin, Place place, dim_t row) noexcept nogil:
    """Points a half of `tile` at a row of the line at `place`."""
    tile.a[half] = origin.a[0] + place.a + row * tile.a_stride
    tile.y[half] = origin.y[0] + place.y + row * tile.y_stride
    tile.residual[half] = NULL
    if origin.residual[0] != NULL:
        tile.residual[half] = origin.residual[0] + place.residual + row * tile.residual_stride


cdef inline int set_tile_rows(const Product* p, dim_t index, const Tile* origin, Tile* tile) noexcept nogil:
    """Points `tile` at the rows of row tile `index`; returns how many there are."""
    cdef dim_t line = 0, begin, rows
    cdef Place place
    if p.lines.size > 1:
        line = index // p.per_line
        index -= line * p.per_line
    begin = index * p.rows + min(index, p.longer)
    rows = p.rows + (index < p.longer)
    line *= p.tile_lines
    place = place_of(&p.lines, line)
    set_half(tile, 0, origin, place, begin)
    if p.tile_lines == 1 or line + 1 == p.lines.size:
        set_half(tile, 1, origin, place, begin + (rows + 1) // 2)
        return <int>rows
    set_half(tile, 1, origin, place_of(&p.lines, line + 1), begin)
    return <int>(2 * rows)


cdef inline Tile origin_of(const Product* p, char* const* slots, dim_t batch) noexcept nogil:
    """The addresses of a batch's first elements, as a tile."""
    cdef Tile tile
    cdef Place place = place_of(&p.batch, batch)
    tile.a[0] = <const float*>address(&p.a, slots) + place.a
    tile.b = <const float*>address(&p.b, slots) + place.b if p.weights == NULL else p.weights
    tile.y[0] = <float*>address(&p.y, slots) + place.y
    tile.residual[0] = NULL
    if p.residual.slot >= 0:
        tile.residual[0] = <const float*>address(&p.residual, slots) + place.residual
    return tile


cdef inline TileFunction set_panel(const Product* p, dim_t index, const Tile* batch, Tile* origin, Tile* tile,
                                   float* scratch) noexcept nogil:
    """Points `tile` at panel `index` and `origin` at its columns; packs the panel if b can't be read in place.

    Returns the function of a product of one row, else NULL.
    """
    cdef dim_t group = index // p.group_panels
    cdef dim_t first = (index - group * p.group_panels) * PANEL
    cdef dim_t width
    tile.columns = min(<dim_t>PANEL, p.group_columns - first)
    width = panel_width(tile.columns)
    tile.b_stride = width
    tile.bias = p.tile.bias + index * PANEL if p.tile.bias != NULL else NULL
    origin.a[0] = batch.a[0] + group * p.group_a
    origin.y[0] = batch.y[0] + group * p.group_columns + first
    origin.residual[0] = NULL
    if batch.residual[0] != NULL:
        origin.residual[0] = batch.residual[0] + (group * p.group_columns + first) * tile.residual_step
    if p.few:
        tile.b = batch.b + group * p.group_floats
        tile.b_stride = tile.taps * tile.depth
    elif p.weights != NULL:
        tile.b = batch.b + group * p.group_floats + first * tile.taps * tile.depth
    elif p.dots:
        tile.b = batch.b + first * p.b_n_stride
        tile.b_stride = p.b_n_stride
        return dot_functions[width > LANES]
    elif p.tiles == 1 and p.b_n_stride == 1 and tile.columns == width:
        tile.b = batch.b + first
        tile.b_stride = p.b_k_stride
    elif p.whole:
        tile.b = scratch + first * tile.depth
    else:
        tile.b = scratch
        pack_panel(batch.b + first * p.b_n_stride, tile.depth, p.b_k_stride, tile.columns, p.b_n_stride,
                   scratch, width)
    return row_functions[width > LANES] if p.single else NULL


cdef void pack_panels(const Product* p, const Tile* batch, float* scratch) noexcept nogil:
    """Packs all of a run-time b."""
    cdef dim_t first = 0, columns
    while first < p.group_columns:
        columns = min(<dim_t>PANEL, p.group_columns - first)
        pack_panel(batch.b + first * p.b_n_stride, p.tile.depth, p.b_k_stride, columns, p.b_n_stride,
                   scratch + first * p.tile.depth, panel_width(columns))
        first += PANEL


cdef void pack_block(const Product* p, dim_t first, dim_t count, const Tile* batch, float* scratch) noexcept nogil:
    """Copies the rows of a block's tiles to scratch memory, TILE_ROWS rows to a tile."""
    cdef Tile tile = p.tile
    cdef dim_t index, rows, half
    cdef float* to = scratch
    for index in range(first, first + count):
        rows = set_tile_rows(p, index, batch, &tile)
        half = (rows + 1) // 2
        pack_rows(tile.a[0], half, tile.a_stride, tile.depth, p.k_stride, to)
        pack_rows(tile.a[1], rows - half, tile.a_stride, tile.depth, p.k_stride, to + half * tile.depth)
        to += TILE_ROWS * tile.depth


cdef void multiply_run(const Product* p, dim_t first, dim_t row, dim_t count, const Tile* origin, Tile* tile,
                       TileFunction function, float* rows_packed) noexcept nogil:
    """Multiplies row tiles row .. row + count - 1 of the block that begins at `first` by one panel."""
    cdef int wide = tile.columns > LANES
    cdef int rows
    cdef dim_t index
    for index in range(row, row + count):
        rows = set_tile_rows(p, index, origin, tile)
        if p.k_stride != 1:
            tile.a[0] = rows_packed + (index - first) * TILE_ROWS * tile.depth
            tile.a[1] = tile.a[0] + (rows + 1) // 2 * tile.depth
            tile.a_stride = tile.depth
        if function != NULL:
            function(tile)
        elif p.few:
            few_functions[rows - 1][tile.columns - 1](tile)
        else:
            tile_functions[rows - 1][wide](tile)
        tile.a_stride = p.tile.a_stride


cdef int multiply(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const Product* p = <const Product*>arguments
    cdef float* scratch = <float*>me.scratch
    cdef Tile tile = p.tile, batch, origin
    cdef TileFunction function
    cdef dim_t at, end, count, index, first, rows, panel, packed = -1, packed_batch = -1
    cdef dim_t per_batch = p.tiles * p.panels, per_block = p.block * p.panels
    cdef unsigned turns = 0
    share(me, p.batch.size * per_batch, 1, &at, &end)
    while at < end:
        turns += 1
        if turns % TURNS == 0 and stopped(me):
            return CANCELLED
        index = at // per_batch
        batch = origin_of(p, slots, index)
        if p.whole and packed_batch != index:
            packed_batch = index
            pack_panels(p, &batch, scratch + p.first)
        index = at - index * per_batch
        first = index // per_block * p.block
        rows = min(p.block, p.tiles - first)
        index -= first * p.panels
        panel = index // rows
        index -= panel * rows
        count = min(rows - index, end - at)
        if p.k_stride != 1 and packed != at - index - panel * rows:
            packed = at - index - panel * rows
            pack_block(p, first, rows, &batch, scratch)
        function = set_panel(p, panel, &batch, &origin, &tile, scratch + p.first)
        multiply_run(p, first, first + index, count, &origin, &tile, function, scratch)
        at += count
    return OK


cdef Space space_of(list dims) except *:
    """The space of (size, a, b, y, residual) tuples, outermost first."""
    cdef Space space
    cdef int axis
    memset(&space, 0, sizeof(space))
    space.rank = len(dims)
    space.size = 1
    for axis, (size, a, b, y, residual) in enumerate(dims):
        space.shape[axis] = size
        space.size *= size
        set_place(&space.stride[axis], a, b, y, residual)
    return space


def fold(dims):
    """Merges neighbours among (size, stride, ...) dimensions that every operand walks in one run."""
    folded = []
    for size, *strides in dims:
        if size == 1:
            continue
        if folded and all(outer == inner * size for outer, inner in zip(folded[-1][1:], strides, strict=True)):
            size *= folded.pop()[0]
        folded.append((size, *strides))
    return folded


def broadcast_strides(View view, shape, name):
    """The strides with which `view` is read as `shape`: 0 where it is broadcast."""
    missing = len(shape) - len(view.shape)
    if missing < 0 or any(have not in (1, want) for have, want in zip(view.shape, shape[missing:], strict=True)):
        raise ValueError(f"{name} of shape {view.shape} can't be broadcast to {tuple(shape)}")
    strides = [0 if have == 1 else stride for have, stride in zip(view.shape, view.strides, strict=True)]
    return [0] * missing + strides


def check_f32(**views):
    for name, view in views.items():
        if view is not None and view.dtype != np.float32:
            raise TypeError(f"{name} is {view.dtype.name}; this kernel takes float32")


cdef class ProductStep(Step):
    """What MatMul and Convolution have in common.

    flops: floating-point operations of one run.
    """

    cdef int set_rows(self, list batch, list rows) except -1:
        """batch, rows: (size, a, b, y, residual) dimensions with strides in floats, outermost first."""
        cdef Product* p = &self.product
        cdef dim_t most = TILE_ROWS
        rows = fold(rows) or [(1, 0, 0, 0, 0)]
        p.batch = space_of(fold(batch))
        p.lines = space_of(rows[:-1])
        p.width, p.tile.a_stride, _, p.tile.y_stride, p.tile.residual_stride = rows[-1]
        if p.tile.a_stride % PAGE_FLOATS == 0 and p.k_stride == 1:
            most = min(most, <dim_t>ALIASED_ROWS)
        if p.few:
            most = FEW_ROWS
        p.tile_lines = 1
        p.per_line = (p.width + most - 1) // most
        p.tiles = p.lines.size * p.per_line
        if (p.lines.size + 1) // 2 * ((2 * p.width + most - 1) // most) < p.tiles:
            p.tile_lines = 2
            p.per_line = (2 * p.width + most - 1) // most
            p.tiles = (p.lines.size + 1) // 2 * p.per_line
        p.rows = p.width // max(p.per_line, <dim_t>1)
        p.longer = p.width - p.rows * p.per_line
        return 0

    cdef int set_weights(self, Packed weights) except -1:
        cdef Product* p = &self.product
        p.weights = weights.data
        p.group_floats = weights.group_floats()
        p.few = weights.few
        self.keep.append(weights)
        return 0

    cdef int set_columns(self, dim_t groups, dim_t columns) except -1:
        cdef Product* p = &self.product
        p.group_columns = columns
        p.group_panels = (columns + PANEL - 1) // PANEL
        p.panels = groups * p.group_panels
        return 0

    cdef int set_epilogue(self, View y, bias, View residual, activation) except -1:
        """Bias of one f32 a column, panel by panel; the residual's columns; the activation."""
        cdef Product* p = &self.product
        columns = p.group_columns * p.panels // max(p.group_panels, 1)
        p.tile.activation = described(activation)
        p.residual.slot = -1
        if residual is not None:
            p.residual = residual.span
        if bias is not None:
            bias = np.asarray(bias, np.float32)
            if bias.shape != (columns,):
                raise ValueError(f"a bias of shape {bias.shape} for {columns} columns")
            padded = np.zeros((p.panels // max(p.group_panels, 1), p.group_panels * PANEL), np.float32)
            padded[:, :p.group_columns] = bias.reshape(len(padded), p.group_columns)
            self.keep.append(padded)
            p.tile.bias = <const float*><size_t>padded.__array_interface__["data"][0]
        return 0

    cdef int finish(self, dim_t a_bytes) except -1:
        """Chooses the block, the scratch memory and the width, when all else is set. a_bytes: of all rows."""
        cdef Product* p = &self.product
        cdef dim_t panel_floats = PANEL * p.tile.depth, b_bytes = 4 * p.panels * panel_floats * p.tile.taps
        p.single = p.tiles == 1 and p.width == 1 and not p.few
        p.dots = p.single and p.weights == NULL and p.b_k_stride == 1 and p.b_n_stride != 1
        a_bytes = a_bytes // max(p.batch.size, <dim_t>1)
        p.block = p.tiles
        if b_bytes <= CACHED_BYTES * (2 if p.weights != NULL else 1) and b_bytes < a_bytes and p.tiles > 1:
            p.block = 1
            p.whole = p.weights == NULL
        elif a_bytes > CACHED_BYTES:
            p.block = p.tiles * CACHED_BYTES // a_bytes
        p.block = max(p.block, <dim_t>1)
        if p.k_stride != 1:
            p.first = p.block * TILE_ROWS * p.tile.depth
        self.scratch = 4 * p.first
        if p.weights == NULL:
            self.scratch += 4 * panel_floats * (p.panels if p.whole else 1)
        self.flops = 2 * p.batch.size * p.lines.size * p.width * p.panels // max(p.group_panels, 1) \
            * p.group_columns * p.tile.taps * p.tile.depth
        self.width = 1 if self.flops < SMALL_FLOPS else min(p.batch.size * p.tiles * p.panels, 1 << 16)
        self.args = p
        self.run = multiply
        return 0
