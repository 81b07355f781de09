/* gelu(x) = x * (1 + erf(x / sqrt 2)) / 2, a block of vectors at a time. erfc itself, as the exponential of a
 * polynomial, keeps the digits that 1 + erf loses where x < 0. */
#ifndef OVLITE_GELU_H
#define OVLITE_GELU_H

#include "vector_blocks.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

#define ROOT_HALF 0x1.6a09e6p-1f
#define EACH EACH_VECTOR(BLOCK_VECTORS)
#define GELU_TAIL -5.65685425f       /* -4 sqrt 2: below it ERFC_TERMS are a bound only */

/* Where x is below GELU_TAIL, the exponent becomes right: there log(erfc(t)) + t^2 is a polynomial around t = 6.75. */
static __attribute__((noinline)) void tail_exponents(const float *x, Lanes exponent[BLOCK_VECTORS]) {
    static const float terms[] = {
        1.5222632e-07f, -1.4068188e-06f, 1.04311111e-05f, -9.69757821e-05f, 0.0009583098f, -0.0103128422f, 0.145061836f,
        2.49259591f,
    };
    Lanes w[BLOCK_VECTORS], p[BLOCK_VECTORS];
    EACH w[u] = clamp_lanes(absolute_lanes(load(x + u * LANES)) * ROOT_HALF, splat(0), splat(9.6f)) - 6.75f;
    add_terms(BLOCK_VECTORS, p, w, terms, sizeof terms / sizeof *terms);
    EACH {
        const Lanes v = load(x + u * LANES);
        const LaneMask below = v < GELU_TAIL;
        exponent[u] = (Lanes)((below & (LaneMask)(-0.5f * v * v - p[u])) | (~below & (LaneMask)exponent[u]));
    }
}

INLINE void gelu_block(const float *x, float *y) {
    static const float terms[] = {ERFC_TERMS};
    Lanes t[BLOCK_VECTORS], p[BLOCK_VECTORS];
    LaneMask zero[BLOCK_VECTORS], below = {};
    EACH t[u] = clamp_lanes(absolute_lanes(load(x + u * LANES)) * ROOT_HALF, splat(0), splat(4.0f));
    add_terms(BLOCK_VECTORS, p, t, terms, sizeof terms / sizeof *terms);
    EACH p[u] *= absolute_lanes(load(x + u * LANES)) * -ROOT_HALF;
    EACH below |= load(x + u * LANES) < GELU_TAIL;
    if (any_lane(below))
        tail_exponents(x, p);
    EACH zero[u] = p[u] < -87.33654f;
    exponentials(BLOCK_VECTORS, p);
    EACH {
        const Lanes v = load(x + u * LANES);
        p[u] = (Lanes)((LaneMask)p[u] & ~zero[u]);
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

#undef EACH

#pragma GCC pop_options

#endif
