/* Reductions as loops over dense runs (rows) and over dense rows added up element by element (columns).
 *
 * f32 is accumulated in f32 over at most RUN elements of a row or COLUMN_RUN of a column; these partial
 * results are combined in f64. Integers and bools are accumulated in i64, modulo 2^64. */
#ifndef OVLITE_REDUCE_H
#define OVLITE_REDUCE_H

#include <stdint.h>
#include <string.h>

#include "runs.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

enum {
    COLUMN_TILE = 512,         /* columns whose totals (8 bytes each) stay in the first-level cache */
    COLUMN_RUN = 64,           /* rows whose f32 sums are kept before they join the f64 totals */
    NARROW_TILE = 128,         /* columns whose sums are kept in registers, 64 or 16 at a time */
    FEW_TERMS = 4,             /* of a row, added up in f32 before they go to its total */
    SHORT_ROW = 32,            /* elements of rows that are added up side by side, ROWS at a time */
    ROWS = 16,
};

typedef union {
    double f;
    int64_t i;
} Total;

typedef struct {
    const char *name;
    const char *type;          /* numpy's name of the element type */
    int is_float;
    Total start;
    /* Adds x[0 .. n) to *total. */
    void (*row)(const void *x, ptrdiff_t n, float shift, Total *total);
    /* Adds x[r * stride + j], r < rows, to total[j] for j < n <= COLUMN_TILE. */
    void (*columns)(const void *x, ptrdiff_t stride, ptrdiff_t rows, const float *shift, Total *total, ptrdiff_t n);
    /* Adds x[r * stride + i], i < n <= SHORT_ROW, to total[r] for r < rows; NULL where row() has to do. */
    void (*short_rows)(const float *x, ptrdiff_t stride, ptrdiff_t rows, Total *total, ptrdiff_t n);
} Accumulation;

#define FLOAT_ACCUMULATION(name, identity, combine, value)                                       \
    RUN_REDUCTION(run_##name, identity, combine, value)                                          \
    static void row_##name(const void *from, ptrdiff_t n, float shift, Total *total) {           \
        const float *x = (const float *)from;                                                    \
        for (ptrdiff_t i = 0; i < n; i += RUN) {                                                 \
            const double part = run_##name(x + i, NULL, n - i < RUN ? n - i : RUN, shift);       \
            total->f = combine(total->f, part);                                                  \
        }                                                                                        \
    }                                                                                            \
    INLINE void tile_##name(const float *x, ptrdiff_t stride, ptrdiff_t rows, const float *shifts, \
                            Total *total, ptrdiff_t n) {                                         \
        float sum[COLUMN_TILE];                                                                  \
        for (ptrdiff_t j = 0; j < n; j++)                                                        \
            sum[j] = identity;                                                                   \
        for (ptrdiff_t r = 0; r < rows; r++, x += stride)                                        \
            for (ptrdiff_t j = 0; j < n; j++) {                                                  \
                const float v = x[j], shift = shifts[j];                                         \
                (void)shift;                                                                     \
                sum[j] = combine(sum[j], value);                                                 \
            }                                                                                    \
        for (ptrdiff_t j = 0; j < n; j++) {                                                      \
            const double part = sum[j];                                                          \
            total[j].f = combine(total[j].f, part);                                              \
        }                                                                                        \
    }                                                                                            \
    static void columns_##name(const void *from, ptrdiff_t stride, ptrdiff_t rows, const float *shifts, \
                               Total *total, ptrdiff_t n) {                                      \
        const float *x = (const float *)from;                                                    \
        for (ptrdiff_t r = 0; r < rows; r += COLUMN_RUN, x += COLUMN_RUN * stride) {             \
            const ptrdiff_t count = rows - r < COLUMN_RUN ? rows - r : COLUMN_RUN;               \
            ptrdiff_t j = 0;                                                                     \
            if (n <= NARROW_TILE) {                                                              \
                for (; j + 64 <= n; j += 64)                                                     \
                    tile_##name(x + j, stride, count, shifts + j, total + j, 64);                \
                for (; j + 16 <= n; j += 16)                                                     \
                    tile_##name(x + j, stride, count, shifts + j, total + j, 16);                \
            }                                                                                    \
            tile_##name(x + j, stride, count, shifts + j, total + j, n - j);                     \
        }                                                                                        \
    }

FLOAT_ACCUMULATION(sum_f, 0.0f, SUM_OF, v)
FLOAT_ACCUMULATION(sum_abs_f, 0.0f, SUM_OF, fabsf(v))
FLOAT_ACCUMULATION(sum_square_f, 0.0f, SUM_OF, v * v)
FLOAT_ACCUMULATION(sum_exp_f, 0.0f, SUM_OF, vexp(v - shift))
FLOAT_ACCUMULATION(prod_f, 1.0f, PRODUCT_OF, v)
FLOAT_ACCUMULATION(max_f, -INFINITY, MAX_OF, v)
FLOAT_ACCUMULATION(min_f, INFINITY, MIN_OF, v)

/* Totals of ROWS rows: sums of a few terms in f32 join them in f64. */
static __attribute__((noinline)) void side_by_side_sum_f(const float *x, ptrdiff_t stride, Total *total, ptrdiff_t n) {
    float sum[ROWS];
    for (ptrdiff_t i = 0; i < n;) {
        const ptrdiff_t end = n - i < FEW_TERMS ? n : i + FEW_TERMS;
        for (int r = 0; r < ROWS; r++)
            sum[r] = 0;
        for (; i < end; i++)
            for (int r = 0; r < ROWS; r++)
                sum[r] += x[r * stride + i];
        for (int r = 0; r < ROWS; r++)
            total[r].f += sum[r];
    }
}

/* The same of extremes, which f32 holds exactly. */
#define SIDE_BY_SIDE(name, combine)                                                              \
    static __attribute__((noinline)) void side_by_side_##name(const float *x, ptrdiff_t stride, Total *total, \
                                                              ptrdiff_t n) {                     \
        float found[ROWS];                                                                       \
        for (int r = 0; r < ROWS; r++)                                                           \
            found[r] = (float)total[r].f;                                                        \
        for (ptrdiff_t i = 0; i < n; i++)                                                        \
            OVER_LANES_16                                                                        \
            for (int r = 0; r < ROWS; r++)                                                       \
                found[r] = combine(found[r], x[r * stride + i]);                                 \
        for (int r = 0; r < ROWS; r++)                                                           \
            total[r].f = found[r];                                                               \
    }
SIDE_BY_SIDE(max_f, MAX_OF)
SIDE_BY_SIDE(min_f, MIN_OF)

/* The last rows are copied, so that there is one loop for all. A sum of products would be fused in one version of the
 * loop and not in another, and rows alone differ from those in a batch. */
#define SHORT_ROWS(name)                                                                         \
    static void short_rows_##name(const float *x, ptrdiff_t stride, ptrdiff_t rows, Total *total, ptrdiff_t n) { \
        float last[ROWS * SHORT_ROW];                                                            \
        Total totals[ROWS];                                                                      \
        for (; rows >= ROWS; rows -= ROWS, x += ROWS * stride, total += ROWS)                    \
            side_by_side_##name(x, stride, total, n);                                            \
        if (rows == 0)                                                                           \
            return;                                                                              \
        memset(last, 0, sizeof last);                                                            \
        memset(totals, 0, sizeof totals);                                                        \
        memcpy(totals, total, rows * sizeof *total);                                             \
        for (ptrdiff_t r = 0; r < rows; r++)                                                     \
            memcpy(last + r * n, x + r * stride, n * sizeof *x);                                 \
        side_by_side_##name(last, n, totals, n);                                                 \
        memcpy(total, totals, rows * sizeof *total);                                             \
    }
SHORT_ROWS(sum_f)
SHORT_ROWS(max_f)
SHORT_ROWS(min_f)

#define INTEGER_ACCUMULATION(name, T, combine)                                                   \
    static void row_##name(const void *from, ptrdiff_t n, float shift, Total *total) {           \
        const T *x = (const T *)from;                                                            \
        for (ptrdiff_t i = 0; i < n; i++)                                                        \
            total->i = (int64_t)combine(total->i, (int64_t)x[i]);                                \
    }                                                                                            \
    static void columns_##name(const void *from, ptrdiff_t stride, ptrdiff_t rows, const float *shifts, \
                               Total *total, ptrdiff_t n) {                                      \
        const T *x = (const T *)from;                                                            \
        for (ptrdiff_t r = 0; r < rows; r++)                                                     \
            for (ptrdiff_t j = 0; j < n; j++)                                                    \
                total[j].i = (int64_t)combine(total[j].i, (int64_t)x[r * stride + j]);           \
    }

#define WRAPPED_SUM_OF(a, b) ((uint64_t)(a) + (uint64_t)(b))
#define WRAPPED_PRODUCT_OF(a, b) ((uint64_t)(a) * (uint64_t)(b))

#define INTEGER_ACCUMULATIONS(t, T)                                                              \
    INTEGER_ACCUMULATION(sum_##t, T, WRAPPED_SUM_OF)                                             \
    INTEGER_ACCUMULATION(prod_##t, T, WRAPPED_PRODUCT_OF)                                        \
    INTEGER_ACCUMULATION(max_##t, T, MAX_OF)                                                     \
    INTEGER_ACCUMULATION(min_##t, T, MIN_OF)

INTEGER_ACCUMULATIONS(i32, int32_t)
INTEGER_ACCUMULATIONS(i64, int64_t)
INTEGER_ACCUMULATION(max_bool, uint8_t, MAX_OF)
INTEGER_ACCUMULATION(min_bool, uint8_t, MIN_OF)

#define FLOAT_ENTRY(name, identity, short_rows) \
    {#name, "float32", 1, {.f = identity}, row_##name##_f, columns_##name##_f, short_rows}
#define INTEGER_ENTRY(name, t, type, identity) {#name, type, 0, {.i = identity}, row_##name##_##t, columns_##name##_##t, NULL}

static const Accumulation ACCUMULATIONS[] = {
    FLOAT_ENTRY(sum, 0, short_rows_sum_f),
    FLOAT_ENTRY(sum_abs, 0, NULL),
    FLOAT_ENTRY(sum_square, 0, NULL),
    FLOAT_ENTRY(sum_exp, 0, NULL),
    FLOAT_ENTRY(prod, 1, NULL),
    FLOAT_ENTRY(max, -INFINITY, short_rows_max_f),
    FLOAT_ENTRY(min, INFINITY, short_rows_min_f),
    INTEGER_ENTRY(sum, i32, "int32", 0),
    INTEGER_ENTRY(prod, i32, "int32", 1),
    INTEGER_ENTRY(max, i32, "int32", INT32_MIN),
    INTEGER_ENTRY(min, i32, "int32", INT32_MAX),
    INTEGER_ENTRY(sum, i64, "int64", 0),
    INTEGER_ENTRY(prod, i64, "int64", 1),
    INTEGER_ENTRY(max, i64, "int64", INT64_MIN),
    INTEGER_ENTRY(min, i64, "int64", INT64_MAX),
    {"logical_or", "bool", 0, {.i = 0}, row_max_bool, columns_max_bool, NULL},
    {"logical_and", "bool", 0, {.i = 1}, row_min_bool, columns_min_bool, NULL},
};

enum { ACCUMULATION_COUNT = sizeof ACCUMULATIONS / sizeof *ACCUMULATIONS };

enum Finish { AS_IS, DIVIDED, ROOT, LOGARITHM, SHIFTED_LOGARITHM };

INLINE float finished(double total, int finish, double count, float shift) {
    switch (finish) {
    case DIVIDED: return (float)(total / count);
    case ROOT: return (float)sqrt(total);
    case LOGARITHM: return (float)log(total);
    case SHIFTED_LOGARITHM: return (float)(log(total) + shift);
    default: return (float)total;
    }
}

/* y[j * step] = the result for total[j], as an element of `size` bytes. */
static void finish_totals(const Total *total, int is_float, int finish, ptrdiff_t count, const float *shift,
                          void *y, ptrdiff_t step, int size, ptrdiff_t n) {
    if (is_float)
        for (ptrdiff_t j = 0; j < n; j++)
            ((float *)y)[j * step] = finished(total[j].f, finish, (double)count, shift[j]);
    else if (size == 8)
        for (ptrdiff_t j = 0; j < n; j++)
            ((int64_t *)y)[j * step] = total[j].i;
    else if (size == 4)
        for (ptrdiff_t j = 0; j < n; j++)
            ((int32_t *)y)[j * step] = (int32_t)total[j].i;
    else
        for (ptrdiff_t j = 0; j < n; j++)
            ((uint8_t *)y)[j * step] = (uint8_t)total[j].i;
}

/* Sets the numbers to subtract before exp: the maximum, or 0 where that isn't finite. The totals become `start`. */
static void maxima_to_shifts(Total *total, float *shift, Total start, ptrdiff_t n) {
    for (ptrdiff_t j = 0; j < n; j++) {
        shift[j] = isfinite(total[j].f) ? (float)total[j].f : 0.0f;
        total[j] = start;
    }
}

#pragma GCC pop_options

#endif
