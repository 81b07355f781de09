"""View and Step: what the plan builds and the executor runs.

A View says where the elements of one operand lie: a slot of the request's buffer table, a byte
offset into it, a shape, and strides in elements. Layout is nothing else than strides: an image
stored channels-last is an (N, C, H, W) view whose channel stride is 1, a broadcast operand has
stride 0, a slice or a channel range of a larger tensor has an offset and its parent's strides.

A Step is one kernel with its arguments. `run` is called by every member of the thread team with
the request's slots; it divides the work by `Member.rank` and `Member.count` and returns a Status.
Nothing is checked, allocated or formatted there: a Step's constructor does all that once.
"""

cimport cython
from libc.limits cimport LLONG_MAX
from libc.string cimport memset

import numpy as np

MOST_DIMENSIONS = MAX_RANK     # of a View

STATUS_REASONS = {
    INDEX_OUT_OF_RANGE: "an index is out of range",
    DIVISION_BY_ZERO: "an integer is divided by zero",
    CANCELLED: "the inference was cancelled",
}

cdef CancelToken never         # of a run that nothing ends early
memset(&never, 0, sizeof(never))
never.next = LLONG_MAX


cdef Member alone(char* scratch) noexcept nogil:
    cdef Member me
    me.rank = 0
    me.count = 1
    me.leads = False
    me.scratch = scratch
    me.token = &never
    return me


cdef int check_status(str name, int status) except -1:
    if status != OK:
        raise RuntimeError(f"{name}: {STATUS_REASONS.get(status, f'status {status}')}")
    return 0


cdef View strided_view(int slot, dtype, const Py_ssize_t* shape, const Py_ssize_t* strides, int rank):
    cdef int i
    size = np.dtype(dtype).itemsize
    steps = [strides[i] for i in range(rank)]
    if any([step % size for step in steps]):
        raise ValueError(f"expected strides that are multiples of an element's {size} bytes, got {steps}")
    return View(slot, dtype, [shape[i] for i in range(rank)], [step // size for step in steps])


BF16 = np.dtype("V2")    # of Views of bf16, for which numpy has no type


def type_name(dtype):
    """What messages call a View's element type."""
    return "bf16" if dtype == BF16 else dtype.name


@cython.no_gc    # a dtype refers to no View
cdef class View:
    """The place of an operand's elements in memory.

    slot: index into the request's buffer table.
    dtype: numpy dtype of an element.
    shape: tuple of int, at most 8 dimensions.
    strides: in elements, C order when None.
    offset: bytes from the slot's address to element (0, ..., 0).
    """

    def __init__(self, int slot, dtype, shape, strides=None, dim_t offset=0):
        cdef int i
        cdef dim_t step = 1
        rank = len(shape)
        if rank > MAX_RANK:
            raise ValueError(f"expected at most {MAX_RANK} dimensions, got {rank}")
        if strides is not None and len(strides) != rank:
            raise ValueError(f"expected {rank} strides, got {len(strides)}")
        self.dtype = np.dtype(dtype)
        self.span.slot = slot
        self.span.rank = rank
        self.span.offset = offset
        for i in range(rank - 1, -1, -1):
            self.span.shape[i] = shape[i]
            self.span.stride[i] = step if strides is None else strides[i]
            step *= shape[i]

    @property
    def slot(self):
        return self.span.slot

    @property
    def offset(self):
        return self.span.offset

    @property
    def shape(self):
        return tuple([self.span.shape[i] for i in range(self.span.rank)])

    @property
    def strides(self):
        return tuple([self.span.stride[i] for i in range(self.span.rank)])

    @property
    def size(self):
        """Number of elements."""
        cdef dim_t count = 1
        for i in range(self.span.rank):
            count *= self.span.shape[i]
        return count

    @property
    def contiguous(self):
        """True when the elements lie in C order without gaps."""
        cdef dim_t step = 1
        for i in range(self.span.rank - 1, -1, -1):
            if self.span.shape[i] != 1 and self.span.stride[i] != step:
                return False
            step *= self.span.shape[i]
        return True

    def like(self, shape=None, strides=None, offset=None, slot=None):
        """The same view with some of its parts replaced; strides are C order when only shape is."""
        if strides is None and shape is None:
            strides = self.strides
        return View(
            self.slot if slot is None else slot,
            self.dtype,
            self.shape if shape is None else shape,
            strides,
            self.offset if offset is None else offset,
        )

    def __repr__(self):
        kind = type_name(self.dtype)
        return f"View(slot={self.slot}, {kind}, {self.shape}, strides={self.strides}, offset={self.offset})"


def are_channels_last(*views):
    """True when in each of these images, (N, C, spatial...), the channels lie side by side.

    The stride of a dimension of one element says nothing, nor do those of a view without elements: such
    images may be planar as well. What images are is therefore asked for all that a kernel works on at once.
    """
    return all([view.size == 0 or view.shape[1] == 1 or view.strides[1] == 1 for view in views])


def are_planar(*views):
    """True when in each of these images the elements of the last dimension lie side by side; see above."""
    return all([view.size == 0 or view.shape[len(view.shape) - 1] == 1 or view.strides[len(view.shape) - 1] == 1
                for view in views])


cdef class Step:
    """One kernel and its arguments; made by the subclasses in the kernel families.

    scratch: bytes of private memory each member of the team needs.
    beyond: bytes behind an operand in the arena that are read, for nothing.
    width: the most members among which the work can be divided; 1 for a step too small to share.
    reads, writes: the Views of the operands.
    """

    def __cinit__(self):
        self.width = 1
        self.reads = ()
        self.writes = ()
        self.name = type(self).__name__

    cdef void set_width(self, dim_t cost, dim_t parts) noexcept:
        """Sets the width of a step that can be divided into `parts`: each member gets a MEMBER_COST of its work.

        cost: about the time that all of it takes. The unit is a byte of rows that are copied from anywhere, some
        0.1 ns; kernels say in it what they do to an element.
        """
        self.width = max(1, min(parts, cost // MEMBER_COST, MOST_PARTS))

    cdef void share_above(self, dim_t least, dim_t work, dim_t parts) noexcept:
        """Sets the width of a step that all members share once its `work` is `least`: both in the kernel's own unit.

        least: some microseconds of one thread's work, more than waking others takes.
        """
        self.width = max(1, min(parts, MOST_PARTS)) if work >= least else 1

    def __repr__(self):
        return f"<{self.name} {', '.join(map(str, self.reads))} -> {', '.join(map(str, self.writes))}>"
