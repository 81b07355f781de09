"""Functions of one f32 that other families apply to what they have just computed: see activation.h."""

from ovlite.kernels.runtime.step cimport dim_t

cdef extern from "activation_function.h" nogil:
    void apply_activation(const Activation* activation, const float* x, float* y, dim_t n) noexcept
    const char* const* ACTIVATION_NAMES      # by kind; the first is no function
    int ACTIVATION_COUNT                     # of the names


cdef list activation_names():
    """The names of the functions, as their table in activation.h has them."""
    return [ACTIVATION_NAMES[kind].decode() for kind in range(1, ACTIVATION_COUNT)]


cdef dict KINDS = {name: kind for kind, name in enumerate(activation_names(), 1)}


cdef Activation activation_from_tuple(object description) except *:
    """The struct for a Python description: None, or (kind, alpha, beta) with kind one of activation_names()."""
    cdef Activation found
    found.kind = 0
    found.alpha = found.beta = 0
    found.apply = apply_activation
    if description is not None:
        name, alpha, beta = description
        if name not in KINDS:
            raise ValueError(f"expected an activation of {', '.join(KINDS)}, got {name!r}")
        found.kind = KINDS[name]
        found.alpha = alpha
        found.beta = beta
    return found
