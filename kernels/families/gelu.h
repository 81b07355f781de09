/* gelu(x) = x * (1 + erf(x / sqrt 2)) / 2, a block of vectors at a time: each step of the formula for all vectors before
 * the next step, since the steps of one wait for each other, and are too many for a processor to look ahead to the next
 * vector. erfc itself, as the exponential of a polynomial, keeps the digits that 1 + erf loses where x < 0. */
#ifndef OVLITE_GELU_H
#define OVLITE_GELU_H

#include "activation.h"
#include "vectors.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

#define ROOT_HALF 0x1.6a09e6p-1f
#define GELU_TAIL -5.65685425f       /* -4 sqrt 2: below it ERFC_TERMS are a bound only */

enum { BLOCK_VECTORS = 4, BLOCK = BLOCK_VECTORS * LANES };

#define EACH_VECTOR _Pragma("GCC unroll 4") for (int u = 0; u < BLOCK_VECTORS; u++)

INLINE Lanes absolute_lanes(Lanes x) { return (Lanes)((LaneMask)x & 0x7fffffff); }

INLINE void add_terms(Lanes p[BLOCK_VECTORS], const Lanes x[BLOCK_VECTORS], const float *coefficients, const int count) {
    EACH_VECTOR p[u] = splat(coefficients[0]);
#pragma GCC unroll 16
    for (int i = 1; i < count; i++)
        EACH_VECTOR p[u] = p[u] * x[u] + coefficients[i];
}

/* Where x is below GELU_TAIL, the exponent becomes right: there -log(erfc(t)) - t^2 is a polynomial around t = 6.75. */
static __attribute__((noinline)) void tail_exponents(const float *x, Lanes exponent[BLOCK_VECTORS]) {
    static const float terms[] = {
        1.5222632e-07f, -1.4068188e-06f, 1.04311111e-05f, -9.69757821e-05f, 0.0009583098f, -0.0103128422f, 0.145061836f,
        2.49259591f,
    };
    Lanes w[BLOCK_VECTORS], p[BLOCK_VECTORS];
    EACH_VECTOR w[u] = clamp_lanes(absolute_lanes(load(x + u * LANES)) * ROOT_HALF, splat(0), splat(9.6f)) - 6.75f;
    add_terms(p, w, terms, sizeof terms / sizeof *terms);
    EACH_VECTOR {
        const Lanes v = load(x + u * LANES);
        const LaneMask below = v < GELU_TAIL;
        exponent[u] = (Lanes)((below & (LaneMask)(0.5f * v * v + p[u])) | (~below & (LaneMask)exponent[u]));
    }
}

/* x[i] = exp(-x[i]), as vexp_negative(). */
INLINE void exponentials(Lanes x[BLOCK_VECTORS]) {
    static const float terms[] = {EXP_TERMS};
    Lanes shifted[BLOCK_VECTORS], r[BLOCK_VECTORS], e[BLOCK_VECTORS];
    EACH_VECTOR shifted[u] = ROUNDER - x[u] * LOG2_E;
    EACH_VECTOR r[u] = -x[u] - (shifted[u] - ROUNDER) * LN2_HIGH;
    EACH_VECTOR r[u] = r[u] - (shifted[u] - ROUNDER) * LN2_LOW;
    add_terms(e, r, terms, sizeof terms / sizeof *terms);
    EACH_VECTOR e[u] = (e[u] * r[u] + 1.0f) * r[u] + 1.0f;
    EACH_VECTOR {
        const Lanes scale = (Lanes)(((LaneMask)shifted[u] << 23) + 0x3f800000);
        x[u] = (Lanes)((LaneMask)(e[u] * scale) & ~(LaneMask)(x[u] > 87.33654f));
    }
}

INLINE void gelu_block(const float *x, float *y) {
    static const float terms[] = {ERFC_TERMS};
    Lanes t[BLOCK_VECTORS], p[BLOCK_VECTORS];
    LaneMask below = {};
    EACH_VECTOR t[u] = clamp_lanes(absolute_lanes(load(x + u * LANES)) * ROOT_HALF, splat(0), splat(4.0f));
    add_terms(p, t, terms, sizeof terms / sizeof *terms);
    EACH_VECTOR p[u] *= absolute_lanes(load(x + u * LANES)) * ROOT_HALF;
    EACH_VECTOR below |= load(x + u * LANES) < GELU_TAIL;
    if (any_lane(below))
        tail_exponents(x, p);
    exponentials(p);
    EACH_VECTOR {
        const Lanes v = load(x + u * LANES);
        /* p where v < 0, else 2 - p */
        store(y + u * LANES, 0.5f * v * absolute_lanes((Lanes)(~(v < 0.0f) & (LaneMask)splat(2.0f)) - p[u]));
    }
}

static void gelu(const float *x, float *y, ptrdiff_t n) {
    float rest[BLOCK] = {0};
    for (; n >= BLOCK; x += BLOCK, y += BLOCK, n -= BLOCK)
        gelu_block(x, y);
    if (n > 0) {
        memcpy(rest, x, n * sizeof *x);
        gelu_block(rest, rest);
        memcpy(y, rest, n * sizeof *y);
    }
}

#undef EACH_VECTOR

#pragma GCC pop_options

#endif
