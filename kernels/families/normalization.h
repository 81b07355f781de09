/* Normalization of f32: statistics of a run, or of each of some dense columns, and what applies them.
 *
 * The mean is found first and the squared deviations from it are added up in a second pass, so that a
 * mean that is large against the deviations costs no digits. */
#ifndef OVLITE_NORM_H
#define OVLITE_NORM_H

#include "reduction.h"
#include "vectors.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

FLOAT_ACCUMULATION(deviations, 0.0f, SUM_OF, (v - shift) * (v - shift))

/* The sum of n <= RUN elements, or with `squares` of their squared distances from the mean. */
INLINE float sum_of_run(const float *x, ptrdiff_t n, Lanes mean, const int squares) {
    enum { CHAINS = 4 };
    Lanes sum[CHAINS] = {{0}};
    ptrdiff_t i = 0;
    for (; i + CHAINS * LANES <= n; i += CHAINS * LANES)
#pragma GCC unroll 4
        for (int u = 0; u < CHAINS; u++) {
            const Lanes v = load(x + i + u * LANES) - mean;
            sum[u] += squares ? v * v : v;
        }
    for (; i + LANES <= n; i += LANES) {
        const Lanes v = load(x + i) - mean;
        sum[0] += squares ? v * v : v;
    }
    if (i < n) {
        const Lanes v = (Lanes)(first_lanes(n - i) & (LaneMask)(load_part(x + i, n - i) - mean));
        sum[1] += squares ? v * v : v;
    }
    return sum_of_lanes((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

static __attribute__((noinline)) double sum_of_row(const float *x, ptrdiff_t n) {
    double sum = 0;
    for (ptrdiff_t i = 0; i < n; i += RUN)
        sum += sum_of_run(x + i, n - i < RUN ? n - i : RUN, splat(0), 0);
    return sum;
}

static __attribute__((noinline)) double deviations_of_row(const float *x, ptrdiff_t n, float mean) {
    double sum = 0;
    for (ptrdiff_t i = 0; i < n; i += RUN)
        sum += sum_of_run(x + i, n - i < RUN ? n - i : RUN, splat(mean), 1);
    return sum;
}

enum Scaling {
    UNSCALED,
    VARIANCE_PLUS_EPSILON,     /* 1 / sqrt(variance + epsilon) */
    DEVIATION_PLUS_EPSILON,    /* 1 / (sqrt(variance) + epsilon) */
    SQUARES_PLUS_EPSILON,      /* 1 / sqrt(sum of squares + epsilon) */
    SQUARES_OR_EPSILON,        /* 1 / sqrt(max(sum of squares, epsilon)) */
};

/* squares: the sum of the squared terms, or of their squared deviations from the mean. */
static float scale_of(double squares, double terms, int scaling, double epsilon) {
    switch (scaling) {
    case VARIANCE_PLUS_EPSILON: return (float)(1 / sqrt(squares / terms + epsilon));
    case DEVIATION_PLUS_EPSILON: return (float)(1 / (sqrt(squares / terms) + epsilon));
    case SQUARES_PLUS_EPSILON: return (float)(1 / sqrt(squares + epsilon));
    case SQUARES_OR_EPSILON: return (float)(1 / sqrt(squares < epsilon ? epsilon : squares));
    default: return 1.0f;
    }
}

INLINE void normalize_lanes(const float *x, float *y, ptrdiff_t n, Lanes mean, Lanes factor, const float *gamma,
                            const float *beta, Lanes offset) {
    ptrdiff_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const Lanes v = (load(x + i) - mean) * factor;
        store(y + i, (gamma ? v * load(gamma + i) : v) + (beta ? load(beta + i) : offset));
    }
    if (i < n) {
        const Lanes v = (load_part(x + i, n - i) - mean) * factor;
        store_part(y + i, (gamma ? v * load_part(gamma + i, n - i) : v) + (beta ? load_part(beta + i, n - i) : offset),
                   n - i);
    }
}

/* y = (x - mean) * scale * gamma + beta. gamma and beta: NULL, one number (step 0), or one for each
 * element (step 1). y may be x. */
static void normalize_run(const float *x, float *y, ptrdiff_t n, float mean, float scale, const float *gamma,
                          ptrdiff_t gamma_step, const float *beta, ptrdiff_t beta_step) {
    const Lanes factor = splat(gamma && !gamma_step ? scale * *gamma : scale);
    const Lanes offset = splat(beta && !beta_step ? *beta : 0.0f), means = splat(mean);
    if (gamma_step && beta_step)
        normalize_lanes(x, y, n, means, factor, gamma, beta, offset);
    else if (gamma_step)
        normalize_lanes(x, y, n, means, factor, gamma, NULL, offset);
    else if (beta_step)
        normalize_lanes(x, y, n, means, factor, NULL, beta, offset);
    else
        normalize_lanes(x, y, n, means, factor, NULL, NULL, offset);
}

/* A row that is normalized by itself. */
static void normalize_row(const float *x, float *y, ptrdiff_t n, int centred, int scaling, double epsilon,
                          const float *gamma, ptrdiff_t gamma_step, const float *beta, ptrdiff_t beta_step) {
    const float mean = centred ? (float)(sum_of_row(x, n) / (double)n) : 0.0f;
    const double squares = scaling == UNSCALED ? 0.0 : deviations_of_row(x, n, mean);
    normalize_run(x, y, n, mean, scale_of(squares, (double)n, scaling, epsilon), gamma, gamma_step, beta, beta_step);
}

/* Replaces each total by the sum over its group of neighbours. */
static void add_up_groups(Total *total, ptrdiff_t n, ptrdiff_t group) {
    for (ptrdiff_t begin = 0; begin < n; begin += group) {
        double sum = 0;
        for (ptrdiff_t j = begin; j < begin + group; j++)
            sum += total[j].f;
        for (ptrdiff_t j = begin; j < begin + group; j++)
            total[j].f = sum;
    }
}

/* Coefficients that normalize n dense columns: y = (x - mean[j]) * factor[j] + offset[j]. */
typedef struct {
    float mean[COLUMN_TILE];
    float factor[COLUMN_TILE];
    float offset[COLUMN_TILE];
} ColumnNorms;

static void set_column_means(ColumnNorms *norms, const Total *total, ptrdiff_t n, double terms) {
    for (ptrdiff_t j = 0; j < n; j++)
        norms->mean[j] = (float)(total[j].f / terms);
}

/* gamma, beta: NULL, or for column j at j * step. */
static void set_column_factors(ColumnNorms *norms, const Total *squares, ptrdiff_t n, double terms, int scaling,
                               double epsilon, const float *gamma, ptrdiff_t gamma_step, const float *beta,
                               ptrdiff_t beta_step) {
    for (ptrdiff_t j = 0; j < n; j++) {
        const float scale = scale_of(squares[j].f, terms, scaling, epsilon);
        norms->factor[j] = gamma ? scale * gamma[j * gamma_step] : scale;
        norms->offset[j] = beta ? beta[j * beta_step] : 0.0f;
    }
}

INLINE void normalize_strip(const float *x, ptrdiff_t x_row, float *y, ptrdiff_t y_row, ptrdiff_t rows,
                            const ColumnNorms *norms, ptrdiff_t begin, ptrdiff_t n) {
    float mean[COLUMN_TILE], factor[COLUMN_TILE], offset[COLUMN_TILE];
    for (ptrdiff_t j = 0; j < n; j++) {
        mean[j] = norms->mean[begin + j];
        factor[j] = norms->factor[begin + j];
        offset[j] = norms->offset[begin + j];
    }
    for (ptrdiff_t r = 0; r < rows; r++)
        _Pragma("GCC ivdep")
        for (ptrdiff_t j = 0; j < n; j++)
            y[r * y_row + begin + j] = (x[r * x_row + begin + j] - mean[j]) * factor[j] + offset[j];
}

/* Normalizes rows of n columns, row strides in elements. gamma, beta: NULL, or of row r at r * step; they
 * come on top of the columns'. */
static void normalize_columns(const float *x, ptrdiff_t x_row, float *y, ptrdiff_t y_row, ptrdiff_t rows, ptrdiff_t n,
                              const ColumnNorms *norms, const float *gamma, ptrdiff_t gamma_step, const float *beta,
                              ptrdiff_t beta_step) {
    if (!gamma && !beta) {
        ptrdiff_t j = 0;
        for (; n <= NARROW_TILE && j + 32 <= n; j += 32)
            normalize_strip(x, x_row, y, y_row, rows, norms, j, 32);
        normalize_strip(x, x_row, y, y_row, rows, norms, j, n - j);
        return;
    }
    for (ptrdiff_t r = 0; r < rows; r++, x += x_row, y += y_row) {
        const float g = gamma ? gamma[r * gamma_step] : 1.0f, b = beta ? beta[r * beta_step] : 0.0f;
        _Pragma("GCC ivdep")
        for (ptrdiff_t j = 0; j < n; j++)
            y[j] = (x[j] - norms->mean[j]) * norms->factor[j] * g + (norms->offset[j] + b);
    }
}

#pragma GCC pop_options

#endif
