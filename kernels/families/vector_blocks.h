/* Blocks of vectors, on which each step of a formula is carried out for all vectors before the next step, since the steps
 * of one wait for each other, and are too many for a processor to look ahead to the next vector. */
#ifndef OVLITE_VECTOR_BLOCKS_H
#define OVLITE_VECTOR_BLOCKS_H

#include "activation.h"
#include "vectors.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

enum { BLOCK_VECTORS = 4, BLOCK = BLOCK_VECTORS * LANES };

#define EACH_VECTOR(count) _Pragma("GCC unroll 4") for (int u = 0; u < (count); u++)

INLINE Lanes absolute_lanes(Lanes x) { return (Lanes)((LaneMask)x & 0x7fffffff); }

INLINE void add_terms(const int count, Lanes p[], const Lanes x[], const float *coefficients, const int terms) {
    EACH_VECTOR(count) p[u] = splat(coefficients[0]);
#pragma GCC unroll 16
    for (int i = 1; i < terms; i++)
        EACH_VECTOR(count) p[u] = p[u] * x[u] + coefficients[i];
}

/* The same of an even number of terms, as a polynomial in x^2 plus x times another: half as many steps wait for each
 * other. Where there are registers for both. */
INLINE void add_terms_in_two(const int count, Lanes p[], const Lanes x[], const float *coefficients, const int terms) {
#if LANES == 16
    Lanes square[BLOCK_VECTORS], even[BLOCK_VECTORS];
    EACH_VECTOR(count) square[u] = x[u] * x[u];
    EACH_VECTOR(count) p[u] = square[u] * coefficients[0] + coefficients[2];
    EACH_VECTOR(count) even[u] = square[u] * coefficients[1] + coefficients[3];
#pragma GCC unroll 16
    for (int i = 4; i < terms; i += 2) {
        EACH_VECTOR(count) p[u] = p[u] * square[u] + coefficients[i];
        EACH_VECTOR(count) even[u] = even[u] * square[u] + coefficients[i + 1];
    }
    EACH_VECTOR(count) p[u] = p[u] * x[u] + even[u];
#else
    add_terms(count, p, x, coefficients, terms);
#endif
}

/* x[u] = exp(x[u]), as vexp_negative(), for results that are normal numbers; from 2^127.5 on inf, up to x = 89. */
INLINE void exponentials(const int count, Lanes x[]) {
    static const float terms[] = {EXP_TERMS};
    Lanes shifted[BLOCK_VECTORS], e[BLOCK_VECTORS];
    EACH_VECTOR(count) shifted[u] = x[u] * LOG2_E + ROUNDER;
    EACH_VECTOR(count) x[u] = x[u] - (shifted[u] - ROUNDER) * LN2_HIGH;
    EACH_VECTOR(count) x[u] = x[u] - (shifted[u] - ROUNDER) * LN2_LOW;
    add_terms(count, e, x, terms, sizeof terms / sizeof *terms);
    EACH_VECTOR(count) e[u] = (e[u] * x[u] + 1.0f) * x[u] + 1.0f;
    EACH_VECTOR(count) x[u] = e[u] * (Lanes)(((LaneMask)shifted[u] << 23) + 0x3f800000);
}

#pragma GCC pop_options

#endif
