/* Softmax of a dense run of f32, and of dense columns of them. NaN, or nothing but -infinity, in a run
 * gives NaN for all of it. */
#ifndef OVLITE_SOFTMAX_H
#define OVLITE_SOFTMAX_H

#include "runs.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

/* Columns of a tile, and rows that are added up in f32 before their sum joins the total. */
enum { SOFTMAX_COLUMNS = 256, SOFTMAX_ROWS = 64 };

#define GREATER_OF(a, b) ((b) > (a) ? (b) : (a))      /* b only when it is a number */

RUN_REDUCTION(run_top, -INFINITY, GREATER_OF, v)
RUN_REDUCTION(run_sum_exp, 0.0f, SUM_OF, vexp_negative(v - shift))

static float maximum_of_row(const float *x, ptrdiff_t n) {
    float top = -INFINITY;
    for (ptrdiff_t i = 0; i < n; i += RUN) {
        const float part = run_top(x + i, NULL, n - i < RUN ? n - i : RUN, 0.0f);
        top = GREATER_OF(top, part);
    }
    return top;
}

/* y = exp(x - top); the sum of these. */
RUN_REDUCTION(run_exp, 0.0f, SUM_OF, y[i + j] = vexp_negative(v - shift))

static double exponentials_of_row(const float *x, float *y, ptrdiff_t n, float top) {
    double sum = 0;
    for (ptrdiff_t i = 0; i < n; i += RUN)
        sum += run_exp(x + i, y + i, n - i < RUN ? n - i : RUN, top);
    return sum;
}

static double sum_of_exponentials(const float *x, ptrdiff_t n, float top) {
    double sum = 0;
    for (ptrdiff_t i = 0; i < n; i += RUN)
        sum += run_sum_exp(x + i, NULL, n - i < RUN ? n - i : RUN, top);
    return sum;
}

/* y may be x. */
static void softmax_row(const float *x, float *y, ptrdiff_t n, int logarithm) {
    const float top = maximum_of_row(x, n);
    if (logarithm) {
        const float log_sum = (float)log(sum_of_exponentials(x, n, top));
        _Pragma("GCC ivdep")
        for (ptrdiff_t i = 0; i < n; i++)
            y[i] = x[i] - top - log_sum;
    } else {
        const float scale = (float)(1 / exponentials_of_row(x, y, n, top));
        _Pragma("GCC ivdep")
        for (ptrdiff_t i = 0; i < n; i++)
            y[i] = y[i] * scale;
    }
}

/* Adds exp(x - top) of `rows` <= SOFTMAX_ROWS rows to sum, and leaves it in y unless that is NULL. */
static void add_exponentials(const float *x, ptrdiff_t x_row, float *y, ptrdiff_t y_row, ptrdiff_t rows,
                             ptrdiff_t columns, const float *top, double *sum) {
    float part[SOFTMAX_COLUMNS];
    for (ptrdiff_t j = 0; j < columns; j++)
        part[j] = 0.0f;
    for (ptrdiff_t r = 0; r < rows; r++) {
        if (y) {
            _Pragma("GCC ivdep")
            for (ptrdiff_t j = 0; j < columns; j++) {
                const float e = vexp_negative(x[r * x_row + j] - top[j]);
                y[r * y_row + j] = e;
                part[j] += e;
            }
        } else {
            for (ptrdiff_t j = 0; j < columns; j++)
                part[j] += vexp_negative(x[r * x_row + j] - top[j]);
        }
    }
    for (ptrdiff_t j = 0; j < columns; j++)
        sum[j] += part[j];
}

/* Softmax down each of `columns` <= SOFTMAX_COLUMNS dense columns; rows are x_row and y_row elements apart.
 * y may be x. */
static void softmax_columns(const float *x, ptrdiff_t x_row, float *y, ptrdiff_t y_row, ptrdiff_t rows,
                            ptrdiff_t columns, int logarithm) {
    float top[SOFTMAX_COLUMNS], scale[SOFTMAX_COLUMNS];
    double sum[SOFTMAX_COLUMNS];
    for (ptrdiff_t j = 0; j < columns; j++) {
        top[j] = -INFINITY;
        sum[j] = 0;
    }
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t j = 0; j < columns; j++) {
            const float v = x[r * x_row + j];
            top[j] = GREATER_OF(top[j], v);
        }
    for (ptrdiff_t r = 0; r < rows; r += SOFTMAX_ROWS)
        add_exponentials(x + r * x_row, x_row, logarithm ? NULL : y + r * y_row, y_row,
                         rows - r < SOFTMAX_ROWS ? rows - r : SOFTMAX_ROWS, columns, top, sum);
    for (ptrdiff_t j = 0; j < columns; j++)
        scale[j] = (float)(logarithm ? log(sum[j]) : 1 / sum[j]);
    for (ptrdiff_t r = 0; r < rows; r++) {
        if (logarithm) {
            _Pragma("GCC ivdep")
            for (ptrdiff_t j = 0; j < columns; j++)
                y[r * y_row + j] = x[r * x_row + j] - top[j] - scale[j];
        } else {
            _Pragma("GCC ivdep")
            for (ptrdiff_t j = 0; j < columns; j++)
                y[r * y_row + j] = y[r * y_row + j] * scale[j];
        }
    }
}

#pragma GCC pop_options

#endif
