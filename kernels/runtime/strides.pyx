# cython: wraparound=True
"""Shapes and strides as nested loops: what a step's constructor makes of the Views of its operands.

A dimension is a tuple (length, stride of an operand, stride of the next one, ...), outermost first in a list.
"""

import numpy as np

cdef enum:
    SHORT_ROW = 24             # shorter rows share a tile
    STRIP = 4096               # elements of a tile whose rows are walked one by one


def merge_dimensions(dims):
    """The fewest dimensions that walk the same elements in the same order.

    Those of one element are dropped, and neighbours become one where every operand walks both in even steps.
    """
    cdef list merged = []
    cdef tuple dim, outer
    cdef dim_t length
    cdef Py_ssize_t i, last = -1
    for each in dims:
        dim = tuple(each)
        length = dim[0]
        if length == 1:
            continue
        if last >= 0:
            outer = merged[last]
            for i in range(1, len(dim)):
                if <dim_t>outer[i] != <dim_t>dim[i] * length:
                    break
            else:
                merged[last] = (<dim_t>outer[0] * length, *dim[1:])
                continue
        merged.append(dim)
        last += 1
    return merged


def lines_join(dims, dim_t rows):
    """Whether fewer register tiles of `rows` rows, in two halves, hold the innermost two dimensions as one line, from
    the first element to the last one by the strides of the first operand, than line by line, or by two lines to a tile.

    dims: (length, *strides) tuples, outermost first.
    """
    cdef dim_t lines, width, pitch, per_line, single, double
    if len(dims) < 2 or dims[-1][1] <= 0 or dims[-2][1] % dims[-1][1]:
        return False
    lines, width, pitch = dims[-2][0], dims[-1][0], dims[-2][1] // dims[-1][1]
    if pitch < width:
        return False
    per_line = (width + rows - 1) // rows
    single = lines * per_line * (1 if width <= per_line * (rows // 2) else 2)
    double = (lines + 1) // 2 * ((2 * width + rows - 1) // rows) * 2
    return ((lines - 1) * pitch + width + rows - 1) // rows * 2 < min(single, double)


def nested_sums(dim_t start, walks):
    """start + i * step + j * step + ... for all places i, j, ... of walks (length, step), the last one fastest, as an
    array of intp."""
    cdef dim_t[::1] sums
    cdef dim_t count = 1, filled = 1, length, step, first, i, j
    for length, _ in walks:
        count *= length
    found = np.empty(count, np.intp)
    sums = found
    if count == 0:
        return found
    sums[0] = start
    for length, step in walks:
        for i in range(filled - 1, -1, -1):
            first = sums[i]
            for j in range(length):
                sums[i * length + j] = first + j * step
        filled *= length
    return found


def ordered_dimensions(dims):
    """merge_dimensions() of the dimensions in the order of the strides of the last operand, the largest first.

    Where it has none, the strides of those before it decide.
    """
    return merge_dimensions(sorted(dims, key=_distances, reverse=True))


def _distances(dim):
    return [abs(stride) for stride in dim[:0:-1]]


def broadcast_strides(View view, shape, name="an operand"):
    """The strides, in elements, with which `view` is read as `shape`: 0 where it is broadcast, or where it is None.

    Raises ValueError, which calls the view `name`, when it can't be broadcast as numpy broadcasts.
    """
    if view is None:
        return (0,) * len(shape)
    missing = len(shape) - len(view.shape)
    if missing < 0 or any([have not in (1, want) for have, want in zip(view.shape, shape[missing:], strict=True)]):
        raise ValueError(f"{name} of shape {view.shape} can't be broadcast to {tuple(shape)}")
    strides = [0 if have == 1 else stride for have, stride in zip(view.shape, view.strides, strict=True)]
    return (0,) * missing + tuple(strides)


def element_loops(View write, tuple reads):
    """[(length, stride of each read, stride of write), ...] outermost first, in the order of write's strides."""
    shape = write.shape
    if write.size and any([length > 1 and stride == 0 for length, stride in zip(shape, write.strides)]):
        raise ValueError(f"Map: several elements of the result {write} lie at one place")
    strides = [broadcast_strides(read, shape, "Map: an operand") for read in reads]
    return ordered_dimensions(zip(shape, *strides, write.strides))


def rows_of_tile(list loops, dim_t block, dim_t run):
    """(rows in a tile of `block` elements, whether they are joined). They are when they are short, or when no
    operand but one that is the same in each row has to be copied for it; rows that need no copies are walked
    one by one. run: elements that are computed at a time, by which less than a run takes longer than copies of it."""
    rows, *row_steps = loops[len(loops) - 2]
    columns, *column_steps = loops[len(loops) - 1]
    write = len(row_steps) - 1
    rows = max(rows, 1)
    joins = [row == column * columns or (index < write and row == 0)
             for index, (row, column) in enumerate(zip(row_steps, column_steps))]
    if columns < SHORT_ROW or (2 * columns <= block and all(joins)) or (3 * columns <= block and columns % run):
        return min(rows, block // max(columns, 1)), True
    if columns <= block and all([column in (0, 1) for column in column_steps]):
        return min(rows, STRIP // columns), False
    return 1, True


def matrix_strides(outer, operands):
    """Strides in bytes of operands (name, view, rows, columns) with the dimensions in front broadcast to `outer`; zeros
    where the view is None. ValueError as above."""
    return [
        [step * (view.dtype.itemsize if view is not None else 0)
         for step in broadcast_strides(view, (*outer, rows, columns), name)]
        for name, view, rows, columns in operands
    ]


def axes_from_front(axes, rank):
    """The set of `axes`, an int or several, of `rank` dimensions, negative ones counted from the back. ValueError for
    what is no axis."""
    found = set()
    for axis in (axes,) if isinstance(axes, int) else axes:
        if not -rank <= axis < rank:
            raise ValueError(f"expected axes of {rank} dimensions, got {axis}")
        found.add(int(axis) % rank)
    return found


cdef int set_nest(LoopNest* nest, list dims, int x_size, int y_size) except -1:
    cdef int i
    if len(dims) > MAX_RANK:
        raise ValueError(f"{len(dims)} loops: kernels walk at most {MAX_RANK}")
    nest.rank = len(dims)
    nest.count = 1
    for i, (length, x, y) in enumerate(dims):
        nest.length[i] = length
        nest.x[i] = x * x_size
        nest.y[i] = y * y_size
        nest.count *= nest.length[i]
    return 0
