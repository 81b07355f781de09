from ovlite.kernels.runtime.step cimport dim_t

cdef extern from "activation.h" nogil:
    ctypedef struct Activation:
        int kind
        float alpha
        float beta
    void activate(const Activation* activation, float* x, dim_t n) noexcept
    void activate_to(const Activation* activation, const float* x, float* y, dim_t n) noexcept
    enum:
        ACT_NONE
        ACT_CLAMP
        ACT_LEAKY_RELU
        ACT_SIGMOID
        ACT_TANH
        ACT_SWISH
        ACT_HARD_SIGMOID
        ACT_HARD_SWISH
        ACT_GELU_ERF
        ACT_GELU_TANH
        ACT_ELU
        ACT_SOFTPLUS
        ACT_MISH


# The struct for a Python description: None, or (kind, alpha, beta) with kind a name such as "clamp".
cdef inline Activation activation_from_tuple(object description) except *:
    cdef Activation found
    found.kind = ACT_NONE
    found.alpha = found.beta = 0
    if description is not None:
        name, alpha, beta = description
        found.kind = {
            "clamp": ACT_CLAMP, "leaky_relu": ACT_LEAKY_RELU, "sigmoid": ACT_SIGMOID, "tanh": ACT_TANH,
            "swish": ACT_SWISH, "hard_sigmoid": ACT_HARD_SIGMOID, "hard_swish": ACT_HARD_SWISH,
            "gelu_erf": ACT_GELU_ERF, "gelu_tanh": ACT_GELU_TANH, "elu": ACT_ELU, "softplus": ACT_SOFTPLUS,
            "mish": ACT_MISH,
        }[name]
        found.alpha = alpha
        found.beta = beta
    return found
