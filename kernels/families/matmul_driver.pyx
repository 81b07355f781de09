# cython: wraparound=True
"""The core of MatMul and Convolution: rows times panels of packed weights, on any kernel of the level's table.

A product multiplies rows, which lie anywhere that nested strides lead to, by panels of packed weights. Its work is
a list of tiles (see matmul_tile.h), one for each group of rows and each panel:

    for each batch
        for each block of row tiles
            for each panel               a run-time b is packed here, or before as a whole if it is small; so are
                                         panels of compressed weights made
                for each row tile of the block

Each member of the team takes an equal, contiguous part of that list. A block of few row tiles keeps the rows in the
first-level cache and streams the weights; a block of all row tiles streams the rows past one panel at a time, and
then the members share the weights out. What block is best depends on which of the two fits in the second-level
cache. All distances are in bytes, so the driver knows no element type: those are the kernel's, see matmul_kernels.h.
"""

from libc.stdlib cimport free

import numpy as np

from ovlite.kernels.runtime.step cimport CANCELLED, OK, Member, View, first_element, share, stopped
from ovlite.kernels.runtime.step import BF16
from ovlite.kernels.runtime.strides import lines_join, merge_dimensions

from .activation cimport activation_from_tuple
from .requantization cimport Requantization, Requantizer, without_zero
from .requantization import padded_columns
from .matmul_kernels cimport (
    BF16_A, BF16_Y, CACHED_ROWS, CHUNK, CHUNK_BYTES, ELEMENT_BYTES, NO_OFFSET, TILE_BYTES, TILE_HEIGHT, TILE_SIZE,
    MatmulKernel, MatmulTile, SplitRows, TileFunction, decompress, multiply_line)
from .matmul_space cimport Position, place_of, position_of, set_half, set_space
from .matmul_weights cimport (
    CompressedWeights, Kernel, PackedWeights, joins_taps, panel_depth, panel_size, panel_width, whole_blocks)

cdef enum:
    CACHED_BYTES = 1 << 19     # of an operand that is to stay in the second-level cache
    FIRST_CACHED_BYTES = 1 << 14  # the same for the first level, beside what streams through it
    DECOMPRESSED_FOR = 1 << 22  # bytes of rows by which a panel that is decompressed is multiplied
    SMALL_FLOPS = 200000       # about 2 us of one core's f32 multiply-adds; see Step.share_above
    PAGE_BYTES = 4096          # rows a multiple of this apart share one set of the first-level cache,
    ALIASED_ROWS = 7           # which holds 8 lines: of the rows of one tile, and of the panel
    PACKED_PANELS = 4          # by which rows that are so far apart are multiplied, for a copy of them to pay
    LINE = 64                  # bytes of a cache line
    FETCHED_AHEAD = 8192       # bytes of panels that don't stay in the second-level cache
    POLL_EVERY = 64            # runs of tiles between two questions whether the run is to end

cdef inline int set_tile_rows(const Matmul* p, dim_t index, const MatmulTile* origin, MatmulTile* tile) noexcept nogil:
    """Points `tile` at the rows of row tile `index`; returns how many there are."""
    cdef dim_t line = 0, begin, rows
    cdef Position position
    if p.lines.size > 1:
        line = index // p.per_line
        index -= line * p.per_line
    begin = index * p.rows + min(index, p.remainder_tiles)
    rows = p.rows + (index < p.remainder_tiles)
    line *= p.tile_lines
    position = position_of(&p.lines, line)
    set_half(tile, 0, origin, position, begin)
    if p.tile.pitch:
        tile.first = begin
        tile.y[0] -= begin * tile.y_stride
        if tile.residual[0] != NULL:
            tile.residual[0] -= begin * tile.residual_stride
    if p.tile_lines == 1 or line + 1 == p.lines.size:
        set_half(tile, 1, origin, position, begin + (rows + 1) // 2)
        return <int>rows
    set_half(tile, 1, origin, position_of(&p.lines, line + 1), begin)
    return <int>(2 * rows)


cdef inline dim_t group_of(const Matmul* p, dim_t panel) noexcept nogil:
    return panel // p.group_panels if p.group_panels < p.panels else 0


cdef inline TileFunction set_panel(const Matmul* p, dim_t index, const MatmulTile* batch, MatmulTile* origin,
                                   MatmulTile* tile, char* scratch) noexcept nogil:
    """Points `tile` at panel `index` and `origin` at its columns; packs the panel if b can't be read in place.

    Returns the function of a product of one row, else NULL.
    """
    cdef const MatmulKernel* kernel = p.kernel
    cdef dim_t group = group_of(p, index)
    cdef dim_t first = (index - group * p.group_panels) * kernel.columns
    cdef dim_t width, y_column = (group * p.group_columns + first)
    tile.columns = min(<dim_t>kernel.columns, p.group_columns - first)
    width = panel_width(kernel, tile.columns)
    tile.b_stride = width * p.panel_size * kernel.k_block
    tile.column = index * kernel.columns
    tile.bias = p.tile.bias + index * kernel.columns if p.tile.bias != NULL else NULL
    origin.a[0] = batch.a[0] + group * p.group_a
    origin.y[0] = batch.y[0] + y_column * p.y_size
    origin.residual[0] = NULL
    if batch.residual[0] != NULL:
        origin.residual[0] = batch.residual[0] + y_column * tile.residual_step
    if p.few_columns:
        tile.b = batch.b + group * p.group_bytes
        tile.b_stride = tile.taps * tile.depth * p.b_size
    elif not p.packs_b:
        tile.b = batch.b + group * p.group_bytes + first * p.column_bytes
    elif p.row_by_columns:
        tile.b = batch.b + first * p.b_n_stride
        tile.b_stride = p.b_n_stride
        return kernel.dots[width == kernel.columns]
    elif p.pack_whole_b:
        tile.b = scratch + first * p.panel_depth * p.panel_size
    elif (p.tiles == 1 and kernel.k_block == 1 and p.b_n_stride == p.b_size and tile.columns == width
          and not p.decompresses):
        tile.b = batch.b + first * p.b_size
        tile.b_stride = p.b_k_stride
    else:
        tile.b = scratch
        make_panel(p, batch, first, tile.columns, scratch)
    return kernel.single_row[width == kernel.columns] if p.single_row else NULL


cdef void make_panel(const Matmul* p, const MatmulTile* batch, dim_t first, dim_t columns, char* to) noexcept nogil:
    """Packs, or decompresses, the panel of `columns` columns from the given one on."""
    cdef dim_t width = panel_width(p.kernel, columns)
    if p.decompresses:
        decompress(p.tile.compression, batch.b + first * p.column_bytes, width, <float*>to)
    else:
        p.kernel.pack_panel(
            batch.b + first * p.b_n_stride, p.tile.depth, p.b_k_stride, columns, p.b_n_stride, to, width)


cdef void make_panels(const Matmul* p, const MatmulTile* batch, char* scratch) noexcept nogil:
    """All panels of b."""
    cdef dim_t first = 0
    while first < p.group_columns:
        make_panel(p, batch, first, min(<dim_t>p.kernel.columns, p.group_columns - first),
                   scratch + first * p.panel_depth * p.panel_size)
        first += p.kernel.columns


cdef void pack_half(const Matmul* p, const MatmulTile* tile, int half, dim_t rows, char* to) noexcept nogil:
    """Copies, widens or splits the rows of a half of a tile."""
    cdef const MatmulKernel* kernel = p.kernel
    cdef SplitRows split = kernel.copy_rows if p.tile.bf16 & BF16_A else kernel.split_rows
    if kernel.widen_rows != NULL:
        kernel.widen_rows(tile.a[half], rows, tile.a_stride, tile.offset, tile.taps, tile.depth, tile.k_stride, to,
                          p.row_bytes)
    elif kernel.parts == 0:
        kernel.pack_rows(tile.a[half], rows, tile.a_stride, tile.depth, tile.k_stride, to, p.row_bytes)
    else:
        split(tile.a[half], rows, tile.a_stride, tile.offset, tile.taps, tile.depth, tile.k_stride, to)


cdef void pack_tile(const Matmul* p, const MatmulTile* tile, dim_t rows, char* to) noexcept nogil:
    """Brings the rows of a tile to scratch memory, the halves one behind the other."""
    cdef dim_t half = (rows + 1) // 2
    pack_half(p, tile, 0, half, to)
    if p.kernel.parts == 0:
        to += half * p.row_bytes
    else:
        to += half * TILE_BYTES if rows <= TILE_HEIGHT else TILE_HEIGHT * p.row_bytes
    pack_half(p, tile, 1, rows - half, to)


cdef const char* window_of(const Matmul* p, dim_t first, dim_t count, const MatmulTile* group,
                           dim_t* pixels) noexcept nogil:
    """The first of the pixels that the taps of `count` row tiles read, and how many there are until the last one.

    Lines follow one another in memory, and so do the rows of a line.
    """
    cdef MatmulTile begin = p.tile, end = p.tile
    cdef int rows
    set_tile_rows(p, first, group, &begin)
    rows = set_tile_rows(p, first + count - 1, group, &end)
    if rows > 1:
        rows //= 2
        end.a[0] = end.a[1]
    pixels[0] = (end.a[0] - begin.a[0] + (rows - 1) * end.a_stride + p.last_offset - p.first_offset) // p.pixel + 1
    return begin.a[0] + p.first_offset


cdef const char* pack_block(const Matmul* p, dim_t first, dim_t count, const MatmulTile* group, MatmulTile* tile,
                            char* scratch) noexcept nogil:
    """Makes ready the rows of a block's tiles in scratch memory, with a group's channels; `tile` is pointed at each.
    Gives the pixel that comes first there, if any."""
    cdef const char* origin = NULL
    cdef dim_t index, pixels
    if p.split_pixel:
        origin = window_of(p, first, count, group, &pixels)
        p.kernel.split_pixels(origin, pixels, p.pixel, p.split_pixel // (CHUNK_BYTES * p.kernel.parts) * CHUNK, scratch)
        return origin
    for index in range(first, first + count):
        pack_tile(p, tile, set_tile_rows(p, index, group, tile), scratch)
        scratch += p.tile_bytes
    return origin


cdef inline void set_packed_rows(const Matmul* p, int rows, char* packed, MatmulTile* tile) noexcept nogil:
    """Points `tile` at its rows in scratch memory, as pack_tile() lays them out."""
    cdef dim_t half = (rows + 1) // 2
    if p.kernel.parts == 0:
        tile.a[0] = packed
        tile.a[1] = packed + half * p.row_bytes
        tile.a_stride = p.row_bytes
    elif rows <= TILE_HEIGHT:
        tile.first_rows = rows
        tile.rows[0] = packed
        tile.rows[1] = packed + half * TILE_BYTES
    else:
        tile.first_rows = half
        tile.rows[0] = packed
        tile.rows[1] = packed + TILE_HEIGHT * p.row_bytes


cdef inline void set_pixels(const Matmul* p, const char* window, const char* split, MatmulTile* tile) noexcept nogil:
    """Points `tile` at its rows among split pixels, of which that at `window` is the first."""
    cdef int half
    for half in range(2):
        tile.rows[half] = split + (tile.a[half] - window + p.first_offset) // p.pixel * p.split_pixel


cdef inline void set_shape(const Matmul* p, int rows, MatmulTile* tile) noexcept nogil:
    """Shapes matrix tiles for `rows` rows."""
    if tile.shaped != rows:
        tile.shaped = rows
        p.kernel.shape(<int>tile.first_rows, max(rows - <int>tile.first_rows, 1))


cdef void run_lines(const Matmul* p, dim_t row, dim_t count, const MatmulTile* origin, MatmulTile* tile) noexcept nogil:
    """Multiplies row tiles row .. row + count - 1 by one panel, where p.whole_lines."""
    cdef dim_t line = 0, end = row + count
    while row < end:
        if p.lines.size > 1:
            line = row // p.per_line
        set_half(tile, 0, origin, position_of(&p.lines, line), 0)
        row -= line * p.per_line
        count = min(p.per_line - row, end - line * p.per_line - row)
        multiply_line(p.kernel, tile, tile.columns > p.kernel.columns // 2, p.rows, p.remainder_tiles, row, count)
        row += line * p.per_line + count


cdef void run_tiles(const Matmul* p, dim_t first, dim_t row, dim_t count, const MatmulTile* origin, MatmulTile* tile,
                    TileFunction function, char* rows_packed, const char* window) noexcept nogil:
    """Multiplies row tiles row .. row + count - 1 of the block that begins at `first` by one panel."""
    cdef const MatmulKernel* kernel = p.kernel
    cdef bint full = tile.columns > kernel.columns // 2
    cdef int rows
    cdef dim_t index
    if p.whole_lines and not p.few_columns and function == NULL:
        run_lines(p, row, count, origin, tile)
        return
    for index in range(row, row + count):
        rows = set_tile_rows(p, index, origin, tile)
        tile.count = rows
        tile.first_rows = rows if rows <= TILE_HEIGHT and p.tile_lines == 1 else (rows + 1) // 2
        tile.ahead = p.tile.ahead if index == row else 0
        if kernel.shape != NULL:
            set_shape(p, rows, tile)
        if p.split_pixel:
            set_pixels(p, window, rows_packed, tile)
        elif not p.read_in_place:
            set_packed_rows(p, rows, rows_packed + (index - first) * p.tile_bytes, tile)
        elif kernel.parts:
            tile.rows[0], tile.rows[1] = tile.a[0], tile.a[1]
        if function != NULL:
            function(tile)
        elif p.few_columns:
            kernel.few[rows - 1][tile.columns - 1](tile)
        else:
            kernel.tiles[rows - 1][full](tile)
        tile.a_stride = p.tile.a_stride


cdef int run_matmul(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const Matmul* p = <const Matmul*>arguments
    cdef int status
    if p.kernel.begin == NULL:
        return run_part(p, slots, me)
    p.kernel.begin()
    status = run_part(p, slots, me)
    p.kernel.end()
    return status


cdef int run_part(const Matmul* p, char* const* slots, const Member* me) noexcept nogil:
    """A member's part of the list of tiles."""
    cdef char* scratch = me.scratch
    cdef MatmulTile tile = p.tile, batch, origin
    cdef TileFunction function
    cdef const char* window = NULL
    cdef dim_t at, end, count, index, first, rows, panel, group
    cdef dim_t packed = -1, packed_group = -1, packed_batch = -1, known = -1
    cdef dim_t per_batch = p.tiles * p.panels, per_block = p.block * p.panels
    cdef unsigned turns = 0
    share(me, p.batch.size * per_batch, 1, &at, &end)
    while at < end:
        turns += 1
        if turns % POLL_EVERY == 0:
            if stopped(me):
                return CANCELLED
            if p.kernel.begin != NULL:      # a signal's handler may have run a model in this thread
                p.kernel.begin()
                tile.shaped = 0
        index = at // per_batch if p.batch.size > 1 else 0
        if known != index:
            known = index
            batch = origin_of(p, slots, index)
        if p.pack_whole_b and packed_batch != index:
            packed_batch = index
            make_panels(p, &batch, scratch + p.b_scratch_offset)
        index = at - index * per_batch
        first = index // per_block * p.block
        rows = min(p.block, p.tiles - first)
        index -= first * p.panels
        panel = index // rows if rows > 1 else index
        index -= panel * rows
        count = min(rows - index, end - at)
        function = set_panel(p, panel, &batch, &origin, &tile, scratch + p.b_scratch_offset)
        group = group_of(p, panel)
        if not p.read_in_place and (packed != at - index - panel * rows or packed_group != group):
            packed = at - index - panel * rows
            packed_group = group
            window = pack_block(p, first, rows, &origin, &tile, scratch)
        run_tiles(p, first, first + index, count, &origin, &tile, function, scratch, window)
        at += count
    return OK


cdef inline dim_t most_rows(const Matmul* p) noexcept:
    """Of the largest tile."""
    cdef bint narrow = p.kernel.narrow_rows and p.group_columns <= p.kernel.columns // 2
    return p.kernel.narrow_rows if narrow else p.kernel.rows


cdef int run_matmul_of_zero(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    """A product of bytes less their zero point, which is known now."""
    cdef Matmul p = (<const Matmul*>arguments)[0]
    cdef Member rest = me[0]
    cdef Requantization centred = without_zero(p.tile.requantization, p.zero, slots, <int*>me.scratch)
    p.tile.requantization = &centred
    rest.scratch += p.zero_bytes
    return run_matmul(&p, slots, &rest)


cdef class MatmulStep(Step):
    """Base of MatMul and Convolution.

    flops: floating-point operations of one run.
    """

    def __dealloc__(self):
        free(self.matmul.batch.dims)
        free(self.matmul.lines.dims)

    cdef int set_kernel(self, Kernel kernel, View y) except -1:
        cdef Matmul* p = &self.matmul
        p.kernel = kernel.row
        p.a_size = ELEMENT_BYTES[kernel.row.a]
        p.b_size = ELEMENT_BYTES[kernel.row.b]
        p.panel_size = panel_size(kernel.row)
        if kernel.row.parts:
            self.name = f"{self.name} {kernel.name}"
        p.y_size = y.dtype.itemsize
        if y.dtype == BF16:
            self.allow_bf16("y", BF16_Y)
        return 0

    cdef int allow_bf16(self, str name, int flag) except -1:
        """An operand is bf16 where others are f32. Comes after set_kernel; that of a, before p.a_size is used."""
        cdef Matmul* p = &self.matmul
        if p.kernel.copy_rows == NULL:
            raise TypeError(f"{name} is bf16; this kernel takes float32")
        p.tile.bf16 |= flag
        if flag == BF16_A:
            p.a_size = 2
        return 0

    cdef int set_requantization(self, View y, View residual, dict results) except -1:
        """How integer sums become results; results: what Requantizer takes. Comes after set_columns."""
        cdef Matmul* p = &self.matmul
        groups = p.panels // max(p.group_panels, <dim_t>1)
        self.requantizer = Requantizer(
            y, (groups, p.group_columns, p.group_panels * p.kernel.columns), residual=residual, **results)
        p.tile.requantization = &self.requantizer.requantization
        return 0

    cdef int set_zero_point(self, View zero, column_sums) except -1:
        """See Requantizer.set_zero_point. Comes after finish and set_requantization."""
        cdef Matmul* p = &self.matmul
        if zero is None:
            return 0
        self.requantizer.set_zero_point(zero, column_sums)
        p.zero = &self.requantizer.zero_point
        p.zero_bytes = self.requantizer.zero_bytes
        self.scratch += p.zero_bytes
        self.reads = (*self.reads, zero)
        self.run = run_matmul_of_zero
        return 0

    cdef int set_rows(self, list batch, list rows, bint dense=False) except -1:
        """batch, rows: (size, a, b, y, residual) dimensions with strides in bytes, outermost first. dense: a row is one
        run of elements, which can be copied.

        set_kernel, set_weights, set_columns and tile.k_stride come before.
        """
        cdef Matmul* p = &self.matmul
        cdef dim_t most = most_rows(p)
        rows = merge_dimensions(rows) or [(1, 0, 0, 0, 0)]
        if p.kernel.parts and p.kernel.whole_rows > 1 and lines_join(rows, p.kernel.rows):
            self.join_lines(rows)
        set_space(&p.batch, merge_dimensions(batch))
        set_space(&p.lines, rows[:-1])
        p.width, p.tile.a_stride, _, p.tile.y_stride, p.tile.residual_stride = rows[-1]
        p.read_in_place = p.tile.k_stride == p.a_size and (
            not joins_taps(p.kernel) or (p.tile.bf16 & BF16_A and p.tile.depth % CHUNK == 0))
        if p.tile.a_stride % PAGE_BYTES == 0 and p.read_in_place and p.kernel.parts == 0 and p.width > ALIASED_ROWS:
            if dense and p.panels >= PACKED_PANELS:
                p.read_in_place = False
            elif p.kernel.shape == NULL:
                most = min(most, <dim_t>ALIASED_ROWS)
        if p.few_columns:
            most = p.kernel.few_rows
        p.tile_lines = 1
        p.per_line = (p.width + most - 1) // most
        p.tiles = p.lines.size * p.per_line
        if not p.tile.pitch and (p.lines.size + 1) // 2 * ((2 * p.width + most - 1) // most) < p.tiles:
            p.tile_lines = 2
            p.per_line = (2 * p.width + most - 1) // most
            p.tiles = (p.lines.size + 1) // 2 * p.per_line
        p.rows = p.width // max(p.per_line, <dim_t>1)
        p.remainder_tiles = p.width - p.rows * p.per_line
        p.whole_lines = p.tile_lines == 1 and p.read_in_place and not (p.kernel.parts or p.kernel.shape)
        return 0

    cdef int join_lines(self, list rows) except -1:
        """Makes one line of the innermost two dimensions, with rows for what lies between the lines of a, of which no
        result is kept."""
        cdef MatmulTile* tile = &self.matmul.tile
        width, a, b, y, residual = rows.pop()
        lines, a_line, _, tile.y_line, tile.residual_line = rows.pop()
        tile.width, tile.pitch = width, a_line // a
        rows.append(((lines - 1) * tile.pitch + width, a, b, y, residual))
        return 0

    cdef int set_weights(self, PackedWeights weights) except -1:
        cdef Matmul* p = &self.matmul
        self.weights = weights
        p.weights = <const char*>&weights.data[0] if weights.nbytes else <const char*>p
        p.group_bytes, p.tile.more = weights.group_bytes, weights.more
        p.few_columns = weights.few_columns
        return 0

    cdef int set_compressed(self, CompressedWeights weights) except -1:
        """Weights that stay compressed: panels of them are read as they are, or made real for the kernel of f32."""
        cdef Matmul* p = &self.matmul
        self.compressed = weights
        p.weights = <const char*>&weights.data[0] if weights.nbytes else <const char*>p
        p.tile.compression = &weights.compression
        p.decompresses = p.kernel.pack_panel != NULL
        self.name = f"{self.name} of {weights.bits} bits"
        return 0

    cdef int set_columns(self, dim_t groups, dim_t columns) except -1:
        cdef Matmul* p = &self.matmul
        p.group_columns = columns
        p.group_panels = (columns + p.kernel.columns - 1) // p.kernel.columns
        p.panels = groups * p.group_panels
        return 0

    cdef int set_epilogue(self, View y, bias, View residual, activation) except -1:
        """Bias of one f32 a column, or (groups, columns of whole panels) of them, which is not copied; the residual's
        columns; the activation."""
        cdef Matmul* p = &self.matmul
        cdef const float[:, ::1] values
        groups = p.panels // max(p.group_panels, <dim_t>1)
        p.tile.activation = activation_from_tuple(activation)
        p.residual.slot = -1
        if residual is not None:
            p.residual = place_of(residual)
        if bias is not None:
            bias = np.asarray(bias, np.float32)
            filled = p.group_panels * p.kernel.columns
            if bias.shape == (groups, filled):
                self.bias = bias if bias.flags.c_contiguous and bias.flags.aligned else np.require(bias, None, "CA")
            elif bias.shape == (groups * p.group_columns,):
                self.bias = padded_columns(bias, np.float32, (groups, p.group_columns, filled))
            else:
                raise ValueError(f"a bias of shape {bias.shape} for {groups * p.group_columns} columns")
            values = self.bias
            p.tile.bias = <const float*>first_element(values)
        return 0

    cdef int set_split(self, dim_t b_bytes) except -1:
        """How rows are split: each tile's for itself, or where `pixel` says that taps share pixels, those of a block
        once, if that is less work."""
        cdef Matmul* p = &self.matmul
        cdef MatmulTile* tile = &p.tile
        cdef dim_t cached = CACHED_BYTES // 4, block, unit, pixels = 0, total = 0
        cdef const dim_t[::1] offsets
        if b_bytes > CACHED_BYTES:
            tile.ahead = FETCHED_AHEAD
            cached = CACHED_BYTES
        tile.row_stride = TILE_BYTES
        tile.part_stride = TILE_SIZE
        tile.chunk_stride = TILE_SIZE * p.kernel.parts
        tile.row_taps = 1
        tile.row_chunks = p.panel_depth // CHUNK
        tile.row_offset = NO_OFFSET
        if p.read_in_place:
            tile.row_stride = tile.a_stride
            tile.chunk_stride = CHUNK_BYTES
            tile.row_taps = tile.taps
            tile.row_chunks = tile.depth // CHUNK
            tile.row_offset = tile.offset
            self.beyond = (TILE_HEIGHT - 1) * abs(tile.a_stride)
            return 0
        if not p.pixel or not p.tiles or not p.panels or p.tile_lines * p.rows <= p.kernel.whole_rows:
            return 0
        p.split_pixel = self.weights.depth // CHUNK * CHUNK_BYTES * p.kernel.parts
        p.first_offset, p.last_offset = min(self.offsets), max(self.offsets) + tile.depth * p.a_size - 1
        block = p.tiles
        unit = 1 if tile.pitch else p.per_line
        while True:
            pixels, total = self.window_sizes(block)
            if pixels * p.split_pixel <= cached or block <= unit:
                break
            block = max((block + 1) // 2 // unit, <dim_t>1) * unit
        if 2 * total * p.split_pixel > p.tiles * p.tile_bytes:
            p.split_pixel = 0
            return 0
        p.block = block
        offsets = self.split_offsets = (self.offsets - p.first_offset) // p.pixel * p.split_pixel
        tile.row_offset = <const dim_t*>first_element(offsets)
        tile.row_stride = tile.a_stride // p.pixel * p.split_pixel
        tile.part_stride = CHUNK_BYTES
        tile.chunk_stride = CHUNK_BYTES * p.kernel.parts
        tile.row_taps = tile.taps
        tile.row_chunks = tile.depth // CHUNK
        # A tile of a reads TILE_HEIGHT rows, whether it has as many or not.
        p.b_scratch_offset = whole_blocks(pixels * p.split_pixel + TILE_HEIGHT * tile.row_stride, TILE_BYTES)
        return 0

    def window_sizes(self, dim_t block):
        """Pixels that the windows of blocks of so many tiles take: the most, and of all of them."""
        cdef const Matmul* p = &self.matmul
        cdef MatmulTile origin
        cdef dim_t first, pixels, most = 0, total = 0
        origin.a[0] = origin.y[0] = <char*>p    # any address: how far others lie from it is what counts
        origin.residual[0] = NULL
        for first in range(0, p.tiles, block):
            window_of(p, first, min(block, p.tiles - first), &origin, &pixels)
            most = max(most, pixels)
            total += pixels
        return most, total

    cdef int finish(self, dim_t a_bytes) except -1:
        """Chooses the block, the scratch memory and the width, when all else is set. a_bytes: of all rows."""
        cdef Matmul* p = &self.matmul
        cdef dim_t rows, panel_bytes, b_bytes, cached = DECOMPRESSED_FOR if p.decompresses else CACHED_ROWS
        p.panel_depth = panel_depth(p.kernel, p.tile.taps, p.tile.depth)
        p.column_bytes = p.panel_depth * p.panel_size + 8 * p.tile.more
        panel_bytes = p.kernel.columns * p.column_bytes
        b_bytes = p.panels * panel_bytes
        p.packs_b = p.weights == NULL or p.decompresses
        if self.compressed is not None:
            p.column_bytes = self.compressed.column_bytes
        p.row_bytes = p.panel_depth * (p.panel_size if p.kernel.parts else 2 if p.kernel.widen_rows else p.a_size)
        p.tile.row_chunks = p.panel_depth // p.kernel.k_block
        if p.row_bytes % PAGE_BYTES == 0 and p.kernel.parts == 0:
            p.row_bytes += LINE
        p.tile_bytes = whole_blocks(most_rows(p), TILE_HEIGHT if p.kernel.parts else 1) * p.row_bytes
        p.single_row = p.tiles == 1 and p.width == 1 and not p.few_columns and p.kernel.single_row != NULL
        p.row_by_columns = (p.single_row and p.weights == NULL and p.kernel.dots != NULL
                            and p.b_k_stride == p.b_size and p.b_n_stride != p.b_size)
        a_bytes = (p.tiles * p.tile_bytes if joins_taps(p.kernel) and not p.read_in_place
                   else a_bytes // max(p.batch.size, <dim_t>1))
        p.block = p.tiles
        if b_bytes <= CACHED_BYTES * (1 if p.packs_b else 2) and b_bytes < a_bytes and p.tiles > 1:
            p.block = 1 if p.kernel.parts else min(p.tiles, FIRST_CACHED_BYTES // max(p.tile_bytes, <dim_t>1))
            p.pack_whole_b = p.packs_b
        elif a_bytes > cached:
            p.block = p.tiles * cached // a_bytes
        p.block = max(p.block, <dim_t>1)
        if not p.read_in_place:
            p.b_scratch_offset = p.block * p.tile_bytes
        if p.kernel.parts:
            self.set_split(b_bytes)
        elif p.kernel.shape != NULL and b_bytes > CACHED_BYTES:
            p.tile.ahead = FETCHED_AHEAD
        self.scratch = p.b_scratch_offset
        if p.packs_b:
            self.scratch += panel_bytes * (p.panels if p.pack_whole_b else 1)
        rows = p.width if not p.tile.pitch else ((p.width - p.tile.width) // p.tile.pitch + 1) * p.tile.width
        self.flops = 2 * p.batch.size * p.lines.size * rows * p.panels // max(p.group_panels, <dim_t>1) \
            * p.group_columns * p.tile.taps * p.tile.depth
        self.share_above(SMALL_FLOPS, self.flops, p.batch.size * p.tiles * p.panels)
        self.args = p
        self.run = run_matmul
        return 0
