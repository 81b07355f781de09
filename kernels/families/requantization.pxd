from ovlite.kernels.runtime.step cimport Span, View, address, dim_t

from .activation cimport Activation

cdef extern from "requantize.h" nogil:
    enum:
        MOST_STAGES
        F32
        U8
        I8
        STAGE_ROUND
        STAGE_ADD
        STAGE_SCALE
        STAGE_ACTIVATE
    ctypedef struct Stage:
        int kind
        float low
        float high
        float step
        const float* scale
        const float* bias
        Activation activation
    ctypedef struct Requantization:
        const int* shift
        const float* scale
        const float* bias
        int residual_type
        int bytes
        int is_signed
        float zero
        float low
        float high
        int stages
        Stage stage[MOST_STAGES]


cdef struct ZeroPoint:         # of the left operand, which is known at run time only
    Span span                  # one byte
    const int* column_sums     # of the weights, for each column of all groups, filled up
    dim_t columns


cdef inline Requantization without_zero(const Requantization* to, const ZeroPoint* zero, char* const* slots,
                                        int* shift) noexcept nogil:
    """The same for sums of products with numbers that are greater by the zero point. shift: memory for all columns."""
    cdef Requantization found = to[0]
    cdef int value = (<unsigned char*>address(&zero.span, slots))[0]
    cdef dim_t column
    for column in range(zero.columns):
        shift[column] = to.shift[column] - value * zero.column_sums[column]
    found.shift = shift
    return found


cdef class Requantizer:
    cdef Requantization requantization
    cdef ZeroPoint zero_point
    cdef readonly dim_t zero_bytes        # of scratch memory for the shifts that follow from a zero point
    cdef readonly tuple groups            # (how many, columns of each, columns of each filled up)
    cdef list arrays                      # what the requantization points to
    cdef const char* column_array(self, values, dtype) except NULL
    cdef int set_stage(self, Stage* stage, str kind, tuple operands) except -1
    cdef int fold_clamp(self) except -1
    cdef int set_zero_point(self, View zero, column_sums) except -1
