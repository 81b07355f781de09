"""Copies, constants and padding: everything that moves elements and computes nothing.

A step here is a list of pieces, and a piece is one strided copy (or one value written everywhere).
The constructor drops and merges dimensions and picks the two that form a plane:

    runs        the innermost dimension is contiguous on both sides: whole rows move
    transposed  it is contiguous in y, and another one is in x: square blocks turn in registers
    elements    anything else, one by one

Planes are cut into blocks of some 16 KiB. All blocks of all pieces, numbered in order, are divided
among the team. Pieces write apart from each other and read nothing that the step writes, so that
their order does not matter.
"""

from libc.stdlib cimport free, llabs
from libc.string cimport memcpy, memset

from itertools import product

import numpy as np

from ovlite.kernels.runtime.block cimport zeros
from ovlite.kernels.runtime.call cimport Call
from ovlite.kernels.runtime.step cimport MAX_RANK, OK, Member, Span, Step, View, dim_t, share

cdef extern from "transpose.h" nogil:
    ctypedef struct Plane:
        char* y
        const char* x
        dim_t rows, columns
        dim_t y_row, y_column
        dim_t x_row, x_column
    void copy_runs(const Plane* plane, int size) noexcept
    void copy_elements(const Plane* plane, int size) noexcept
    void copy_transposed "transpose" (const Plane* plane, int size) noexcept

cdef enum:
    BLOCK_BYTES = 16384        # read and written, they fill a first-level cache of 32 KiB
    BLOCK_SIDE = 64            # elements; of a transposed block
    LANES = 16                 # blocks of more than one vector are multiples of this
    BYTE_COST = 2              # see Step.set_width

cdef enum Kind:
    RUNS
    TRANSPOSED
    ELEMENTS

cdef struct Piece:
    int x_slot                 # -1: x is `value`
    int y_slot
    dim_t x_offset
    dim_t y_offset
    char value[8]
    Kind kind
    int size                   # bytes of an element
    Plane plane                # one whole plane, its addresses unset
    dim_t row_grain            # rows and columns of a block
    dim_t column_grain
    dim_t blocks
    int rank                   # the planes, then the blocks of rows and of columns of a plane
    dim_t shape[MAX_RANK + 2]
    dim_t y_stride[MAX_RANK + 2]
    dim_t x_stride[MAX_RANK + 2]

cdef struct CopyArgs:
    Piece* pieces
    int count
    dim_t blocks


cdef void copy_block(const Piece* piece, const dim_t* index, char* y, const char* x) noexcept nogil:
    """Copies the block whose first elements are at y and x."""
    cdef Plane plane = piece.plane
    plane.y = y
    plane.x = x
    plane.rows = min(piece.row_grain, plane.rows - index[piece.rank - 2] * piece.row_grain)
    plane.columns = min(piece.column_grain, plane.columns - index[piece.rank - 1] * piece.column_grain)
    if piece.kind == RUNS:
        copy_runs(&plane, piece.size)
    elif piece.kind == TRANSPOSED:
        copy_transposed(&plane, piece.size)
    else:
        copy_elements(&plane, piece.size)


cdef void copy_blocks(const Piece* piece, char* const* slots, dim_t begin, dim_t end) noexcept nogil:
    """Copies blocks begin .. end - 1 of a piece."""
    cdef dim_t index[MAX_RANK + 2]
    cdef char* y = slots[piece.y_slot] + piece.y_offset
    cdef const char* x = &piece.value[0]
    cdef dim_t rest = begin
    cdef int d
    if piece.x_slot >= 0:
        x = slots[piece.x_slot] + piece.x_offset
    for d in range(piece.rank - 1, -1, -1):
        index[d] = rest % piece.shape[d]
        rest //= piece.shape[d]
        y += index[d] * piece.y_stride[d]
        x += index[d] * piece.x_stride[d]
    for _ in range(begin, end):
        copy_block(piece, index, y, x)
        for d in range(piece.rank - 1, -1, -1):
            index[d] += 1
            y += piece.y_stride[d]
            x += piece.x_stride[d]
            if index[d] < piece.shape[d]:
                break
            y -= piece.shape[d] * piece.y_stride[d]
            x -= piece.shape[d] * piece.x_stride[d]
            index[d] = 0


cdef int run_copy(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const CopyArgs* args = <const CopyArgs*>arguments
    cdef const Piece* piece
    cdef dim_t begin, end, first = 0
    cdef int i
    share(me, args.blocks, 1, &begin, &end)
    for i in range(args.count):
        piece = &args.pieces[i]
        if first < end and begin < first + piece.blocks:
            copy_blocks(piece, slots, max(begin - first, 0), min(end - first, piece.blocks))
        first += piece.blocks
    return OK


cdef struct Dim:
    dim_t length
    dim_t y                    # strides in bytes
    dim_t x


cdef int dims_of(const Span* y, const dim_t* x_stride, dim_t size, Dim* dims) noexcept nogil:
    """Fills in the dimensions of more than one element by the strides of y, the largest first; those that both operands
    walk in even steps are one. Returns how many there are."""
    cdef Dim dim, outer
    cdef int count = 0, merged = 0, i, k
    for i in range(y.rank):
        if y.shape[i] == 1:
            continue
        dim = Dim(y.shape[i], size * y.stride[i], size * x_stride[i])
        k = count
        while k > 0 and llabs(dims[k - 1].y) < llabs(dim.y):
            dims[k] = dims[k - 1]
            k -= 1
        dims[k] = dim
        count += 1
    for i in range(count):
        dim = dims[i]
        if merged > 0:
            outer = dims[merged - 1]
            if outer.y == dim.y * dim.length and outer.x == dim.x * dim.length:
                dim.length *= outer.length
                merged -= 1
        dims[merged] = dim
        merged += 1
    return merged


cdef Kind take_plane(Dim* dims, int* count, dim_t size, Dim* rows, Dim* columns) noexcept nogil:
    """Takes the two dimensions of the planes away from the others."""
    cdef Dim swapped
    cdef int i, k
    rows[0], columns[0] = Dim(1, 0, 0), Dim(1, size, size)
    if count[0] > 0:
        count[0] -= 1
        columns[0] = dims[count[0]]
    if columns.y == size and columns.x != 0 and columns.x != size:
        for i in range(count[0]):
            if dims[i].x == size:
                rows[0] = dims[i]
                count[0] -= 1
                for k in range(i, count[0]):
                    dims[k] = dims[k + 1]
                return TRANSPOSED
    if count[0] > 0:
        count[0] -= 1
        rows[0] = dims[count[0]]
    if columns.y == size and columns.x == size:
        return RUNS
    if columns.length < min(<dim_t>8, rows.length):
        swapped = rows[0]
        rows[0] = columns[0]
        columns[0] = swapped
    return ELEMENTS


cdef dim_t even(dim_t length, dim_t limit) noexcept nogil:
    """A block length, at most about `limit`, that divides `length` evenly."""
    cdef dim_t blocks = max(<dim_t>1, (length + limit - 1) // limit)
    cdef dim_t grain = (length + blocks - 1) // blocks
    return grain if blocks == 1 else (grain + LANES - 1) // LANES * LANES


cdef void set_grains(Piece* piece) noexcept nogil:
    """Rows and columns of a block."""
    cdef dim_t area = BLOCK_SIDE * BLOCK_SIDE, rows = piece.plane.rows, columns = piece.plane.columns
    if piece.kind == TRANSPOSED:
        piece.row_grain = even(rows, max(<dim_t>BLOCK_SIDE, area // columns))
        piece.column_grain = even(columns, max(<dim_t>BLOCK_SIDE, area // rows))
        return
    piece.column_grain = even(columns, BLOCK_BYTES // piece.size)
    piece.row_grain = max(<dim_t>1, BLOCK_BYTES // (piece.column_grain * piece.size))


cdef void describe(Piece* piece, View y, const dim_t* x_stride) noexcept:
    """Fills in a piece that writes y. x_stride: in elements."""
    cdef Dim dims[MAX_RANK + 2]
    cdef Dim rows, columns
    cdef int count, i
    piece.y_slot = y.span.slot
    piece.y_offset = y.span.offset
    piece.size = y.dtype.itemsize
    if y.size == 0:
        return
    count = dims_of(&y.span, x_stride, piece.size, dims)
    piece.kind = take_plane(dims, &count, piece.size, &rows, &columns)
    piece.plane.rows, piece.plane.y_row, piece.plane.x_row = rows.length, rows.y, rows.x
    piece.plane.columns, piece.plane.y_column, piece.plane.x_column = columns.length, columns.y, columns.x
    set_grains(piece)
    dims[count] = blocks_of(rows, piece.row_grain)
    dims[count + 1] = blocks_of(columns, piece.column_grain)
    piece.rank = count + 2
    piece.blocks = 1
    for i in range(piece.rank):
        piece.shape[i] = dims[i].length
        piece.y_stride[i] = dims[i].y
        piece.x_stride[i] = dims[i].x
        piece.blocks *= dims[i].length


cdef inline Dim blocks_of(Dim dim, dim_t grain) noexcept nogil:
    return Dim((dim.length + grain - 1) // grain, grain * dim.y, grain * dim.x)


def copy(x, out=None):
    """A copy of an array, on the calling thread and without the GIL.

    x: of any strides, and of any element type of 1, 2, 4 or 8 bytes. out: of x's shape and type and of any strides,
    apart from x; a new array in C order when None. Returns out. Raises ValueError where shapes or strides don't fit,
    TypeError or ValueError for other types.
    """
    cdef Call call = Call()
    cdef View view = call.read("x", x)
    call.run(Copy(view, call.write(out, view.shape, view.dtype)))
    return call.out


def transpose(x, axes=None, out=None):
    """A copy of x whose dimension d is x's dimension axes[d], or its dimensions in reverse, without the GIL.

    The rest is as for copy().
    """
    return copy(np.transpose(x, axes), out)


def pad(x, begin, end, out=None, *, mode="constant", value=0):
    """x with begin[d] elements more in front of and end[d] behind dimension d, without the GIL.

    begin, end: negative numbers crop. mode, value: see Pad. The rest is as for copy().
    """
    cdef Call call = Call()
    cdef View view = call.read("x", x)
    if len(begin) != view.span.rank or len(end) != view.span.rank:
        raise ValueError(
            f"pad: expected begin and end of {view.span.rank} numbers, got {tuple(begin)} and {tuple(end)}")
    shape = tuple([b + n + e for b, n, e in zip(begin, view.shape, end, strict=True)])
    if min(shape, default=0) < 0:
        raise ValueError(f"pad: expected at least as many elements as are cropped, got {tuple(begin)} and {tuple(end)} "
                         f"for shape {view.shape}")
    call.run(Pad(view, call.write(out, shape, view.dtype), begin, end, mode, value))
    return call.out


cdef class CopyMany(Step):
    """y = x for each (x, y) of `pairs`; the y must not overlap each other or an x.

    x is a View of y's shape and element type, which may repeat elements with strides of 0, or a
    number that fills y. Elements are of 1, 2, 4 or 8 bytes. Raises ValueError for views that differ.
    """

    cdef CopyArgs arguments

    def __init__(self, pairs):
        cdef Piece* piece
        cdef View x, y
        cdef dim_t[MAX_RANK] none
        cdef bytes value = b""
        memset(none, 0, sizeof(none))
        pairs, number, dtype = list(pairs), None, None
        free(self.arguments.pieces)
        self.arguments.pieces = NULL
        self.arguments.pieces = <Piece*>zeros(len(pairs), sizeof(Piece))
        self.arguments.count = len(pairs)
        self.arguments.blocks = 0
        for i, (source, y) in enumerate(pairs):
            piece = &self.arguments.pieces[i]
            if y.dtype.itemsize not in (1, 2, 4, 8):
                raise ValueError(f"{self.name}: expected elements of 1, 2, 4 or 8 bytes, got {y.dtype.name}")
            if isinstance(source, View):
                x = source
                if x.shape != y.shape or x.dtype != y.dtype:
                    raise ValueError(
                        f"{self.name}: expected y of {x.dtype.name} {x.shape}, got {y.dtype.name} {y.shape}")
                piece.x_slot = x.span.slot
                piece.x_offset = x.span.offset
                describe(piece, y, x.span.stride)
            else:
                if source is not number or y.dtype is not dtype:
                    number, dtype = source, y.dtype
                    value = np.array(number, dtype).tobytes()
                memcpy(piece.value, <const char*>value, len(value))
                piece.x_slot = -1
                describe(piece, y, none)
            self.arguments.blocks += piece.blocks
        size = sum([y.size * y.dtype.itemsize for _, y in pairs])
        self.set_width(size * BYTE_COST, self.arguments.blocks)
        self.reads = tuple([source for source, _ in pairs if isinstance(source, View)])
        self.writes = tuple([y for _, y in pairs])
        self.args = &self.arguments
        self.run = run_copy

    def __dealloc__(self):
        free(self.arguments.pieces)


cdef class Copy(CopyMany):
    """y = x: Views of one shape and element type, x possibly with strides of 0."""

    def __init__(self, View x, View y):
        super().__init__([(x, y)])


cdef class Fill(CopyMany):
    """Every element of y = value."""

    def __init__(self, View y, value):
        super().__init__([(value, y)])


cdef class FillBorder(CopyMany):
    """Writes `value` into the border around an image view (N, C, spatial...), and nothing else.

    begin, end: pixels of border in front of and behind the view, for each spatial dimension. value: a number, or a View
    of one element of y's type.
    """

    def __init__(self, View y, begin, end, value=0.0):
        super().__init__([(repeated(value, part), part) for part in border(y, (0, 0, *begin), (0, 0, *end))])


cdef class Pad(CopyMany):
    """y = x with begin[d] elements more in front of and end[d] behind dimension d; negative numbers crop.

    mode: "constant" adds `value`, "edge" repeats the first or last element, "reflect" mirrors at its
    middle, "symmetric" behind it, "wrap" continues at the other end. Raises ValueError for an unknown
    mode, a y of another shape, or pads that are longer than the mode can take from x.
    """

    def __init__(self, View x, View y, begin, end, mode="constant", value=0):
        begin, end = tuple(begin), tuple(end)
        expected = tuple([b + n + e for b, n, e in zip(begin, x.shape, end, strict=True)])
        if y.shape != expected:
            raise ValueError(
                f"Pad: expected y of shape {expected} for {x.shape} padded by {begin} and {end}, got {y.shape}")
        if mode == "constant":
            pairs = _constant_pad(x, y, begin, end, value)
        else:
            pairs = _copying_pad(x, y, begin, end, mode)
        super().__init__(pairs)


def repeated(value, View y):
    """A number as it is, a View of one element as one of y's shape."""
    return value.like(y.shape, (0,) * len(y.shape)) if isinstance(value, View) else value


def border(View view, begin, end):
    """Views that together cover begin[d] elements in front of and end[d] behind each dimension d of `view`.

    They do not overlap, and lie outside of it: their memory is the caller's promise.
    """
    parts = []
    rank = view.span.rank
    for d in range(rank):
        for start, length in (-begin[d], begin[d]), (view.span.shape[d], end[d]):
            if length > 0:
                starts = [0] * d + [start] + [-b for b in begin[d + 1:]]
                lengths = list(view.shape[:d]) + [length]
                lengths += [begin[e] + view.span.shape[e] + end[e] for e in range(d + 1, rank)]
                parts.append(_part(view, starts, lengths, [1] * rank))
    return parts


cdef View _part(View view, starts, lengths, steps):
    """The view of `lengths` elements from `starts` on, each step steps[d] elements of dimension d."""
    cdef View part = View.__new__(View)
    cdef dim_t offset = 0
    cdef int d
    part.dtype, part.span = view.dtype, view.span
    for d in range(view.span.rank):
        offset += <dim_t>starts[d] * view.span.stride[d]
        part.span.shape[d] = lengths[d]
        part.span.stride[d] *= <dim_t>steps[d]
    part.span.offset += offset * <dim_t>view.dtype.itemsize
    return part


def _constant_pad(View x, View y, begin, end, value):
    ones = [1] * x.span.rank
    crop = [max(-b, 0) for b in begin]
    lengths = [max(n + min(b, 0) + min(e, 0), 0) for n, b, e in zip(x.shape, begin, end)]
    if 0 in lengths:
        return [(value, y)]
    begin, end = [max(b, 0) for b in begin], [max(e, 0) for e in end]
    inside = _part(y, begin, lengths, ones)
    return [(_part(x, crop, lengths, ones), inside)] + [(value, part) for part in border(inside, begin, end)]


# For each mode: the largest pad of n elements, then (first element of x, step) of what is added in
# front and behind, for a pad of p elements.
_PAD_SOURCES = {
    "edge": (lambda n: np.inf if n else 0, lambda n, p: (0, 0), lambda n, p: (n - 1, 0)),
    "reflect": (lambda n: n - 1, lambda n, p: (p, -1), lambda n, p: (n - 2, -1)),
    "symmetric": (lambda n: n, lambda n, p: (p - 1, -1), lambda n, p: (n - 1, -1)),
    "wrap": (lambda n: n, lambda n, p: (n - p, 1), lambda n, p: (0, 1)),
}


def _pad_segments(n, begin, end, mode):
    """(first element of y, length, first element of x, step in x) of the parts of one padded dimension."""
    longest, front, behind = _PAD_SOURCES[mode]
    crop = max(-begin, 0)
    n -= crop + max(-end, 0)
    if max(begin, end, 0) > longest(n):
        raise ValueError(
            f"Pad: expected at most {longest(n)} elements to be added to {n} in mode {mode}, got {max(begin, end)}")
    begin, end = max(begin, 0), max(end, 0)
    parts = [(0, begin, *front(n, begin)), (begin, n, 0, 1), (begin + n, end, *behind(n, end))]
    return [(start, length, crop + source, step) for start, length, source, step in parts if length > 0]


def _copying_pad(View x, View y, begin, end, mode):
    if mode not in _PAD_SOURCES:
        raise ValueError(f"Pad: expected a mode of constant, {', '.join(_PAD_SOURCES)}, got {mode!r}")
    pairs = []
    ones = [1] * x.span.rank
    for segments in product(*map(_pad_segments, x.shape, begin, end, [mode] * x.span.rank)):
        starts, lengths, sources, steps = zip(*segments) if segments else ((), (), (), ())
        pairs.append((_part(x, sources, lengths, steps), _part(y, starts, lengths, ones)))
    return pairs
