/* Local response normalization of f32: y = x / (bias + alpha * sum of squares over a window)^beta, the
 * window reaching `before` and `after` elements to both sides. */
#ifndef OVLITE_LRN_H
#define OVLITE_LRN_H

#include <stddef.h>

#include "vmath.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

enum { LRN_BLOCK = 64, LRN_COLUMNS = 512 };

typedef struct {
    ptrdiff_t before;
    ptrdiff_t after;
    float alpha;
    float beta;
    float bias;
} LrnParameters;

INLINE float responded(float x, float squares, const LrnParameters *with) {
    return x * vexp(-with->beta * vlog(with->bias + with->alpha * squares));
}

/* Along a dense run. squares: room for before + n + after + LRN_BLOCK elements. */
static void lrn_run(const float *x, float *y, ptrdiff_t n, const LrnParameters *with, float *squares) {
    const LrnParameters p = *with;
    const ptrdiff_t window = p.before + 1 + p.after;
    memset(squares, 0, (size_t)p.before * sizeof *squares);
    for (ptrdiff_t i = 0; i < n; i++)
        squares[p.before + i] = x[i] * x[i];
    memset(squares + p.before + n, 0, (size_t)(p.after + LRN_BLOCK) * sizeof *squares);
    for (ptrdiff_t i = 0; i < n; i += LRN_BLOCK) {
        float sum[LRN_BLOCK];
        const ptrdiff_t count = n - i < LRN_BLOCK ? n - i : LRN_BLOCK;
        for (int j = 0; j < LRN_BLOCK; j++)
            sum[j] = 0.0f;
        for (ptrdiff_t k = 0; k < window; k++)
            for (int j = 0; j < LRN_BLOCK; j++)
                sum[j] += squares[i + j + k];
        for (ptrdiff_t j = 0; j < count; j++)
            y[i + j] = responded(x[i + j], sum[j], &p);
    }
}

/* Down each of n <= LRN_COLUMNS dense columns; rows are x_row and y_row elements apart. */
static void lrn_columns(const float *x, ptrdiff_t x_row, float *y, ptrdiff_t y_row, ptrdiff_t rows, ptrdiff_t n,
                        const LrnParameters *with) {
    const LrnParameters p = *with;
    for (ptrdiff_t r = 0; r < rows; r++) {
        float sum[LRN_COLUMNS];
        const ptrdiff_t first = r < p.before ? 0 : r - p.before;
        const ptrdiff_t last = r + p.after < rows ? r + p.after : rows - 1;
        for (ptrdiff_t j = 0; j < n; j++)
            sum[j] = 0.0f;
        for (ptrdiff_t k = first; k <= last; k++)
            for (ptrdiff_t j = 0; j < n; j++)
                sum[j] += x[k * x_row + j] * x[k * x_row + j];
        for (ptrdiff_t j = 0; j < n; j++)
            y[r * y_row + j] = responded(x[r * x_row + j], sum[j], &p);
    }
}

#pragma GCC pop_options

#endif
