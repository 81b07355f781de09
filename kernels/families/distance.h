/* Squared distances of a point from many, whose coordinates lie side by side. */
#ifndef OVLITE_DISTANCE_H
#define OVLITE_DISTANCE_H

#include <stddef.h>

#pragma GCC push_options
#pragma GCC optimize("O3")

#define DISTANCE_PANEL 64 /* points whose sums stay in registers */

/* y[i] = the sum over k of (x[k] - points[k * count + i])^2, k after k, for `count` points. */
static void distances(const float *x, ptrdiff_t length, const float *points, ptrdiff_t count, float *y) {
    ptrdiff_t first = 0;
    for (; first + DISTANCE_PANEL <= count; first += DISTANCE_PANEL) {
        float sums[DISTANCE_PANEL] = {0};
        for (ptrdiff_t k = 0; k < length; k++) {
            const float *point = points + k * count + first;
            for (int i = 0; i < DISTANCE_PANEL; i++) {
                const float apart = x[k] - point[i];
                sums[i] += apart * apart;
            }
        }
        for (int i = 0; i < DISTANCE_PANEL; i++)
            y[first + i] = sums[i];
    }
    for (ptrdiff_t i = first; i < count; i++)
        y[i] = 0;
    for (ptrdiff_t k = 0; k < length; k++)
        for (ptrdiff_t i = first; i < count; i++) {
            const float apart = x[k] - points[k * count + i];
            y[i] += apart * apart;
        }
}

#pragma GCC pop_options

#endif
