/* gelu(x) = x * (1 + erf(x / sqrt 2)) / 2, a block of vectors at a time, as max(x, 0) - |x| * 2^(-p - 1) with 2^-p the
 * erfc of |x| / sqrt 2, which keeps the digits that 1 + erf loses where x < 0. */
#ifndef OVLITE_GELU_H
#define OVLITE_GELU_H

#include "vector_blocks.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

#define ROOT_HALF 0x1.6a09e6p-1f
#define EACH EACH_VECTOR(BLOCK_VECTORS)
#define GELU_END 5.65685425f         /* 4 sqrt 2: beyond it ERFC2_TERMS are a bound only */
#define GELU_MOST 20.0f              /* where 2^-p has long been 0 */

/* p / |x|: ERFC_TERMS as a polynomial in |x|, to the base 2. */
#define ERFC2_TERMS                                                                                            \
    2.87204305e-08f, -8.56521069e-07f, 1.09560715e-05f, -7.650919e-05f, 0.00028034905f, -2.54407223e-06f,       \
        -0.00694263075f, 0.0524381027f, 0.459221661f, 1.15110421f
/* 2^-g for |g| <= 1/2, to 9.2e-8. */
#define EXP2_TERMS -0.00132647238f, 0.00967151299f, -0.0555073358f, 0.240222424f, -0.693147004f, 1.0f

/* Where x is below -GELU_END, p becomes right: there log(erfc(t)) + t^2 is a polynomial around t = 6.75. */
static __attribute__((noinline)) void tail_exponents(const float *x, Lanes exponent[BLOCK_VECTORS]) {
    static const float terms[] = {
        1.5222632e-07f, -1.4068188e-06f, 1.04311111e-05f, -9.69757821e-05f, 0.0009583098f, -0.0103128422f, 0.145061836f,
        2.49259591f,
    };
    Lanes v[BLOCK_VECTORS], w[BLOCK_VECTORS], p[BLOCK_VECTORS];
    EACH v[u] = clamp_lanes(load(x + u * LANES), splat(-GELU_MOST), splat(0));
    EACH w[u] = clamp_lanes(v[u] * -ROOT_HALF, splat(0), splat(9.6f)) - 6.75f;
    add_terms(BLOCK_VECTORS, p, w, terms, sizeof terms / sizeof *terms);
    EACH {
        const LaneMask below = v[u] < -GELU_END;
        const Lanes found = (0.5f * v[u] * v[u] + p[u]) * LOG2_E;
        exponent[u] = (Lanes)((below & (LaneMask)found) | (~below & (LaneMask)exponent[u]));
    }
}

INLINE void gelu_block(const float *x, float *y) {
    static const float terms[] = {ERFC2_TERMS}, powers[] = {EXP2_TERMS};
    Lanes size[BLOCK_VECTORS], t[BLOCK_VECTORS], p[BLOCK_VECTORS];
    LaneMask scale[BLOCK_VECTORS], zero[BLOCK_VECTORS], below = {};
    EACH size[u] = clamp_lanes(absolute_lanes(load(x + u * LANES)), splat(0), splat(GELU_MOST));
    EACH t[u] = clamp_lanes(size[u], splat(0), splat(GELU_END));
    add_terms_in_two(BLOCK_VECTORS, p, t, terms, sizeof terms / sizeof *terms);
    EACH p[u] *= size[u];
    EACH below |= load(x + u * LANES) < -GELU_END;
    if (any_lane(below))
        tail_exponents(x, p);
    EACH zero[u] = p[u] > 125.0f;
    EACH {
        const Lanes shifted = ROUNDER - p[u];
        p[u] += shifted - ROUNDER;
        scale[u] = (LaneMask)shifted << 23;
    }
    add_terms_in_two(BLOCK_VECTORS, t, p, powers, sizeof powers / sizeof *powers);
    EACH {
        const Lanes v = load(x + u * LANES);
        const Lanes half = (Lanes)(~zero[u] & ((LaneMask)t[u] + scale[u] - 0x800000));
        store(y + u * LANES, clamp_lanes(v, splat(0), splat(INFINITY)) - size[u] * half);
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
