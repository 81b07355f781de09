from ovlite.kernels.runtime.step cimport dim_t

cdef extern from "activation.h" nogil:
    ctypedef struct Activation:
        int kind
        float alpha
        float beta
        void (*apply)(const Activation* activation, const float* x, float* y, dim_t n) noexcept
    void activate(const Activation* activation, float* x, dim_t n) noexcept
    void activate_to(const Activation* activation, const float* x, float* y, dim_t n) noexcept


cdef list activation_names()
cdef Activation activation_from_tuple(object description) except *
