/* The activations that divide by 1 + exp(w), in blocks of vectors: sigmoid, swish, and GELU by tanh. */
#ifndef OVLITE_LOGISTIC_H
#define OVLITE_LOGISTIC_H

#include "vector_blocks.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

/* y = v / (1 + exp(w)) with v = x, or 1 for a sigmoid. Beyond the limits of w the quotient is v, or 0. (1 + tanh(u)) / 2
 * is 1 / (1 + exp(-2 u)). */
INLINE void logistic_block(const int count, const int kind, float alpha, const float *x, float *y) {
    const Lanes factor = splat(kind == ACT_SWISH ? -alpha : -1.0f);
    Lanes w[BLOCK_VECTORS];
    EACH_VECTOR(count) w[u] = load(x + u * LANES);
    if (kind == ACT_GELU_TANH)
        EACH_VECTOR(count) w[u] = w[u] * (w[u] * w[u] * 0.0713548162726f + 1.59576912161f);
    EACH_VECTOR(count) w[u] = clamp_lanes(w[u] * factor, splat(-87.3f), splat(89.0f));
    exponentials(count, w);
    if (kind == ACT_SIGMOID)
        EACH_VECTOR(count) store(y + u * LANES, 1.0f / (1.0f + w[u]));
    else
        EACH_VECTOR(count) store(y + u * LANES, load(x + u * LANES) / (1.0f + w[u]));
}

INLINE void logistic(const int kind, float alpha, const float *x, float *y, ptrdiff_t n) {
    for (; n >= BLOCK; x += BLOCK, y += BLOCK, n -= BLOCK)
        logistic_block(BLOCK_VECTORS, kind, alpha, x, y);
    if (n >= 2 * LANES) {
        logistic_block(2, kind, alpha, x, y);
        x += 2 * LANES, y += 2 * LANES, n -= 2 * LANES;
    }
    while (n > 0) {
        const ptrdiff_t part = n < LANES ? n : LANES;
        float values[LANES];
        store(values, load_part(x, part));
        logistic_block(1, kind, alpha, values, values);
        store_part(y, load(values), part);
        x += part, y += part, n -= part;
    }
}

#pragma GCC pop_options

#endif
