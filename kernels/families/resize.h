/* Copies and weighted sums for resizing images. */
#ifndef OVLITE_RESIZE_H
#define OVLITE_RESIZE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "vectors.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

#define COPY_ELEMENTS(bytes)                                                           \
    for (ptrdiff_t i = 0; i < pixels; i++)                                             \
        memcpy(y + i * step, x + source[i], bytes);

/* Runs of at least `part` bytes: whole parts, and one that ends with the run. */
#define COPY_RUNS(part)                                                                \
    for (ptrdiff_t i = 0; i < pixels; i++) {                                           \
        char *to = y + i * step;                                                       \
        const char *from = x + source[i];                                              \
        for (ptrdiff_t b = 0; b + part < size; b += part)                              \
            memcpy(to + b, from + b, part);                                            \
        memcpy(to + size - part, from + size - part, part);                            \
    }

/* For each pixel: the `size` bytes at x + source[i] go to y + i * step. */
static void copy_pixels(
    char *y, ptrdiff_t step, const char *x, const ptrdiff_t *source, ptrdiff_t pixels, ptrdiff_t size) {
    if (size >= 64) {
        COPY_RUNS(64)
    } else if (size >= 16) {
        COPY_RUNS(16)
    } else if (size == 8) {
        COPY_ELEMENTS(8)
    } else if (size == 4) {
        COPY_ELEMENTS(4)
    } else if (size > 4) {
        COPY_RUNS(4)
    } else if (size == 2) {
        COPY_ELEMENTS(2)
    } else if (size == 1) {
        COPY_ELEMENTS(1)
    } else if (size == 3) {
        COPY_ELEMENTS(3)
    }
}

/* y[i] = sum over taps of weight[tap] * x[tap][i] */
INLINE void blend_taps(const float *const *x, const float *weight, const int taps, float *y, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        const ptrdiff_t part = n - i < LANES ? n - i : LANES;
        Lanes sum = {};
        for (int t = 0; t < taps; t++) {
            Lanes tap = part < LANES ? load_part(x[t] + i, part) : load(x[t] + i);
            sum = t == 0 ? splat(weight[0]) * tap : sum + splat(weight[t]) * tap;
        }
        if (part < LANES)
            store_part(y + i, sum, part);
        else
            store(y + i, sum);
    }
}

/* Of 1, 2, 4 or 8 taps. */
static void blend(const float *const *x, const float *weight, int taps, float *y, ptrdiff_t n) {
    switch (taps) {
    case 1: blend_taps(x, weight, 1, y, n); break;
    case 2: blend_taps(x, weight, 2, y, n); break;
    case 4: blend_taps(x, weight, 4, y, n); break;
    default: blend_taps(x, weight, 8, y, n);
    }
}

/* y[i] between x[lower[i]] and x[upper[i]] */
static void interpolate(
    float *restrict y, const float *restrict x, const ptrdiff_t *lower, const ptrdiff_t *upper, const float *weight,
    ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++)
        y[i] = (1.0f - weight[i]) * x[lower[i]] + weight[i] * x[upper[i]];
}

#pragma GCC pop_options

#endif
