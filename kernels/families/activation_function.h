/* What Activation.apply is: long, and therefore built once a level, in the family activation. */
#ifndef OVLITE_ACTIVATION_FUNCTION_H
#define OVLITE_ACTIVATION_FUNCTION_H

#include "gelu.h"
#include "logistic.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

#define EACH(formula)                           \
    {                                           \
        _Pragma("GCC ivdep")                    \
        for (ptrdiff_t i = 0; i < n; i++) {     \
            float v = x[i];                     \
            y[i] = (formula);                   \
        }                                       \
        return;                                 \
    }

#define CASE_OF(kind, name, formula) case kind: EACH(formula)

INLINE void apply_formula(const Activation *activation, const float *x, float *y, ptrdiff_t n) {
    const float alpha = activation->alpha, beta = activation->beta;
    switch (activation->kind) {
        ACTIVATIONS(CASE_OF)
    default: EACH(v)
    }
}

/* y[i] = f(x[i]) for i < n; y may be x. */
static void apply_activation(const Activation *activation, const float *x, float *y, ptrdiff_t n) {
    if (activation->kind == ACT_GELU_ERF)
        gelu(x, y, n);
    else if (activation->kind == ACT_SWISH)
        logistic(ACT_SWISH, activation->alpha, x, y, n);
    else if (activation->kind == ACT_SIGMOID)
        logistic(ACT_SIGMOID, 1.0f, x, y, n);
    else if (activation->kind == ACT_GELU_TANH)
        logistic(ACT_GELU_TANH, 1.0f, x, y, n);
    else
        apply_formula(activation, x, y, n);
}

#undef CASE_OF
#undef EACH

#pragma GCC pop_options

#endif
