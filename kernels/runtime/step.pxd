"""A kernel as the executor sees it: a function, its arguments, and the slots it works on."""

ctypedef Py_ssize_t dim_t

cdef enum:
    MAX_RANK = 8
    MOST_PARTS = 1 << 16       # that a step is divided into
    MEMBER_COST = 65536        # below which a part of a step is not worth waking a thread for; see Step.set_width

cdef extern from "cancellation.h" nogil:
    ctypedef unsigned long FloatMode
    ctypedef struct CancelToken:
        int stopped
        FloatMode mode
        long long next
        void (*poll)(CancelToken* token) noexcept nogil
        void* owner
    bint is_cancelled(CancelToken* token, bint looks)

cdef extern from *:
    """
    #define FIRST_ELEMENT(view) ((char *)(view).data)
    """
    # Address of a typed memoryview's first element, or where that would be: the view may be empty.
    char* first_element "FIRST_ELEMENT" (...) noexcept nogil

cdef enum Status:
    OK = 0
    INDEX_OUT_OF_RANGE = 1
    DIVISION_BY_ZERO = 2
    CANCELLED = 3

cdef struct Span:              # where the elements of one operand lie
    int slot
    int rank
    dim_t offset               # bytes from the slot's address to element (0, ..., 0)
    dim_t shape[MAX_RANK]
    dim_t stride[MAX_RANK]     # in elements; 0 where the operand is broadcast

cdef struct Member:            # who carries out a part of a step, as a kernel sees it
    int rank                   # of the part: 0 .. count - 1
    int count
    bint leads                 # this is the thread that carries out the run
    char* scratch              # this part's own, 64-byte aligned, Step.scratch bytes
    CancelToken* token

ctypedef int (*run_fn)(const void* args, char* const* slots, const Member* me) noexcept nogil


# The only member of a step that one thread carries out by itself.
cdef Member alone(char* scratch) noexcept nogil

# A View of a memoryview's elements on slot `slot`, from its shape and its strides in bytes.
cdef View strided_view(int slot, dtype, const Py_ssize_t* shape, const Py_ssize_t* strides, int rank)


cdef class View:
    cdef Span span
    cdef readonly object dtype


cdef class Step:
    cdef run_fn run            # NULL for a step that Python carries out
    cdef const void* args
    cdef readonly dim_t scratch
    cdef readonly dim_t beyond
    cdef readonly int width
    cdef readonly str name
    cdef readonly tuple reads
    cdef readonly tuple writes
    cdef void set_width(self, dim_t cost, dim_t parts) noexcept
    cdef void share_above(self, dim_t least, dim_t work, dim_t parts) noexcept


# Raises RuntimeError for a status other than OK.
cdef int check_status(str name, int status) except -1


# Address of element (0, ..., 0) of an operand.
cdef inline char* address(const Span* span, char* const* slots) noexcept nogil:
    return slots[span.slot] + span.offset


# Whether the run is to end; kernels ask it every millisecond or so, and then return CANCELLED.
cdef inline bint stopped(const Member* me) noexcept nogil:
    return is_cancelled(me.token, me.leads)


# Splits `count` items evenly over the team; `grain` items stay together, so that what a member
# gets begins at a multiple of it whatever the team's size.
cdef inline void share(const Member* me, dim_t count, dim_t grain, dim_t* begin, dim_t* end) noexcept nogil:
    cdef dim_t grains = (count + grain - 1) // grain
    begin[0] = grains * me.rank // me.count * grain
    end[0] = grains * (me.rank + 1) // me.count * grain
    if end[0] > count:
        end[0] = count
