/* Functions of one f32 that matrix kernels apply to a tile they have just written, and element-wise
 * kernels to any run of elements. NaN gives NaN in each of them. */
#ifndef OVLITE_ACTIVATION_H
#define OVLITE_ACTIVATION_H

#include <stddef.h>

#include "vectors.h"
#include "vmath.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

/* X(kind, name, formula of v, alpha and beta). */
#define ACTIVATIONS(X)                                                                                \
    X(ACT_CLAMP, "clamp", clamp(v, alpha, beta))             /* relu is clamp(v, 0, inf) */           \
    X(ACT_LEAKY_RELU, "leaky_relu", v < 0.0f ? alpha * v : v)                                         \
    X(ACT_SIGMOID, "sigmoid", v)                             /* 1 / (1 + exp(-v)): logistic.h */      \
    X(ACT_TANH, "tanh", vtanh(v))                                                                     \
    X(ACT_SWISH, "swish", v)                                 /* v / (1 + exp(-alpha * v)): logistic.h */  \
    X(ACT_HARD_SIGMOID, "hard_sigmoid", clamp(alpha * v + beta, 0.0f, 1.0f))                          \
    X(ACT_HARD_SWISH, "hard_swish", v * (clamp(v + 3.0f, 0.0f, 6.0f) * 0x1.555556p-3f))  /* / 6 */    \
    X(ACT_GELU_ERF, "gelu_erf", v)                           /* v * (1 + erf(v / sqrt 2)) / 2: gelu.h */  \
    X(ACT_GELU_TANH, "gelu_tanh", v)                         /* gelu_erf, erf by tanh: logistic.h */    \
    X(ACT_ELU, "elu", v < 0.0f ? alpha * vexpm1_negative(at_most(v, 0.0f)) : v)                       \
    X(ACT_SOFTPLUS, "softplus", softplus(v))                 /* log(1 + exp(v)) */                    \
    X(ACT_MISH, "mish", mish(v))                             /* v * tanh(softplus(v)) */

#define KIND_OF(kind, name, formula) kind,
#define NAME_OF(kind, name, formula) [kind] = name,

enum ActivationKind { ACT_NONE, ACTIVATIONS(KIND_OF) ACTIVATION_COUNT };

static const char *const ACTIVATION_NAMES[] = {[ACT_NONE] = "none", ACTIVATIONS(NAME_OF)};

#undef KIND_OF
#undef NAME_OF

typedef struct Activation Activation;
typedef void (*ActivationFunction)(const Activation *activation, const float *x, float *y, ptrdiff_t n);

/* apply: the function of activation_function.h, of which a level has one. */
struct Activation {
    int kind;
    float alpha;
    float beta;
    ActivationFunction apply;
};

INLINE float clamp(float x, float low, float high) { return at_most(at_least(x, low), high); }

INLINE Lanes hard_swish_lanes(Lanes v) {
    return v * (clamp_lanes(v + 3.0f, splat(0.0f), splat(6.0f)) * 0x1.555556p-3f);
}

INLINE float softplus(float x) { return at_least(x, 0.0f) + vlog1p_unit(vexp_negative(-fabsf(x))); }

/* tanh(log(1 + e)) is n / (n + 2) with n = e (e + 2); from x = 20 on it is 1 in f32. */
INLINE float mish(float x) {
    float e = vexp(at_most(x, 20.0f));
    float n = e * (e + 2.0f);
    return x * (n / (n + 2.0f));
}

/* y[i] = f(x[i]) for i < n; y may be x. */
INLINE void activate_to(const Activation *activation, const float *x, float *y, ptrdiff_t n) {
    activation->apply(activation, x, y, n);
}

static void activate(const Activation *activation, float *x, ptrdiff_t n) {
    if (activation->kind != ACT_NONE)
        activate_to(activation, x, x, n);
}

#pragma GCC pop_options

#endif
