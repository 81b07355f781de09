from ovlite.kernels.runtime.step cimport View

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
        float multiplier
        float low
        float high
        float step
        float zero
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
        float multiplier
        float zero
        float low
        float high
        int stages
        Stage stage[MOST_STAGES]


cdef class Requantizer:
    cdef Requantization requantization
    cdef readonly tuple groups            # (how many, columns of each, columns of each filled up)
    cdef list arrays                      # what the requantization points to
    cdef const char* column_array(self, values, dtype) except NULL
    cdef int set_stage(self, Stage* stage, str kind, tuple operands, View residual) except -1
    cdef int fold_clamp(self) except -1
