/* What turns the integer sums of a product into its results.
 *
 *     value = scale[j] * (sum + shift[j]) + bias[j], then each stage in order
 *     y = value, as f32, or round(value), half to even, + zero, cut to low .. high, as a byte
 *
 * j counts the columns of the product, the channels of a convolution. Arrays of one element a column are filled up to
 * whole vectors. */
#ifndef OVLITE_REQUANTIZE_H
#define OVLITE_REQUANTIZE_H

#include "activation.h"
#include "bytes.h"
#include "element_type.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

#define MOST_STAGES 16
#define MOST_SUMS 64 /* vectors of a tile */

enum StageKind {
    STAGE_ROUND,    /* cut(round(value), low, high) */
    STAGE_ADD,      /* value + residual * step */
    STAGE_SCALE,    /* value * scale[j] + bias[j] */
    STAGE_ACTIVATE,
};

typedef struct {
    int kind;
    float low, high, step;
    const float *scale, *bias;
    Activation activation;
} Stage;

typedef struct {
    const int32_t *shift;
    const float *scale;
    const float *bias;         /* NULL is 0 */
    int residual_type;         /* enum ElementType: F32, U8 or I8 */
    int bytes;                 /* results are bytes, else f32 */
    int is_signed;             /* bytes are */
    float zero;
    float low, high;
    int stages;
    Stage stage[MOST_STAGES];
} Requantization;

/* Rows of results; they come in two halves with a base address each, the first one of (rows + 1) / 2 rows. */
typedef struct {
    char *y[2];
    const char *residual[2];
    ptrdiff_t y_stride;        /* bytes between the rows of a half */
    ptrdiff_t residual_stride;
    ptrdiff_t residual_step;   /* bytes between its columns: an element's, or 0 for one value a row */
    ptrdiff_t column;          /* the first one */
    ptrdiff_t columns;         /* no more are written */
} ResultRows;

/* Row i of `rows` rows whose halves begin at `base`. */
#define TILE_ROW(base, i, rows, stride) \
    ((i) < ((rows) + 1) / 2 ? (base)[0] + (i) * (stride) : (base)[1] + ((i) - ((rows) + 1) / 2) * (stride))

typedef float SharedLanes __attribute__((vector_size(4 * LANES), may_alias)); /* values in memory of integers */

/* What a vector of a tile is before it is rounded: of sums, or where `staged` of values. */
INLINE Lanes value_of(const LaneMask *tile, Lanes scale, Lanes bias, const int staged) {
    return staged ? (Lanes)*tile : as_reals(*tile) * scale + bias;
}

/* Results in `vectors` vectors of columns; bytes: 0 for f32, 1 for u8, 2 for i8. */
INLINE void store_columns(const Requantization *to, const ResultRows *t, int rows, int vectors, const LaneMask *tile,
                          const int bytes, const int staged) {
    const Lanes low = splat(to->low - to->zero), high = splat(to->high - to->zero);
    const LaneMask zero = splat_int((int)to->zero);
    for (int j = 0; j < vectors && j * LANES < t->columns; j++) {
        const ptrdiff_t left = t->columns - j * LANES, n = left < LANES ? left : LANES, column = t->column + j * LANES;
        const Lanes scale = load(to->scale + column), bias = to->bias ? load(to->bias + column) : splat(0);
#pragma GCC unroll 1
        for (int i = 0; i < rows; i++) {
            const Lanes value = value_of(tile + i * vectors + j, scale, bias, staged);
            char *y = TILE_ROW(t->y, i, rows, t->y_stride);
            if (bytes)
                store_bytes(y + j * LANES, round_lanes(cut_lanes(value, low, high)) + zero, n);
            else if (n == LANES)
                store((float *)y + j * LANES, value);
            else
                store_part((float *)y + j * LANES, value, n);
        }
    }
}

/* What a stage makes of the values of two rows, `values` of either one in two whole vectors of columns. */
INLINE void apply_to_rows(const Requantization *to, const Stage *stage, const ResultRows *t, const char *const row[2],
                          Lanes values[2][2]) {
    const Lanes low = splat(stage->low), high = splat(stage->high), step = splat(stage->step);
    const Lanes alpha = splat(stage->activation.alpha), beta = splat(stage->activation.beta);
#pragma GCC unroll 2
    for (int j = 0; j < 2; j++)
#pragma GCC unroll 2
        for (int i = 0; i < 2; i++) {
            const char *at = row[i] + j * LANES * t->residual_step;
            Lanes *value = &values[i][j];
            if (stage->kind == STAGE_ROUND)
                *value = as_reals(round_lanes(cut_lanes(*value, low, high)));
            else if (stage->kind == STAGE_SCALE)
                *value = *value * load(stage->scale + t->column + j * LANES) +
                         load(stage->bias + t->column + j * LANES);
            else if (stage->kind == STAGE_ACTIVATE)
                *value = clamp_lanes(*value, alpha, beta);
            else if (to->residual_type == F32)
                *value += load((const float *)at) * step;
            else if (to->residual_type == U8)
                *value += as_reals(load_bytes(at, LANES, 0)) * step;
            else
                *value += as_reals(load_bytes(at, LANES, 1)) * step;
        }
}

/* Bytes in two whole vectors of columns, a row of either half at a time. stages: those that keep the values of two rows
 * in registers are applied. */
INLINE void store_wide_bytes(const Requantization *to, const ResultRows *t, int rows, const LaneMask *tile,
                             const int bytes, const int staged, const int stages) {
    const int half = (rows + 1) / 2;
    const LaneMask *other = tile + 2 * half;
    const char *residual = t->residual[0], *other_residual = t->residual[1];
    char *y = t->y[0], *other_y = t->y[1];
    Lanes scale[2], bias[2];
#pragma GCC unroll 2
    for (int j = 0; j < 2; j++) {
        scale[j] = load(to->scale + t->column + j * LANES);
        bias[j] = to->bias ? load(to->bias + t->column + j * LANES) : splat(0);
    }
#pragma GCC unroll 1
    for (int i = 0; i < half; i++) {
        Lanes values[2][2];
        if (half + i == rows) { /* the last one of the first half stands for itself */
            other = tile;
            other_y = y;
            other_residual = residual;
        }
#pragma GCC unroll 2
        for (int j = 0; j < 2; j++) {
            values[0][j] = value_of(tile + j, scale[j], bias[j], staged);
            values[1][j] = value_of(other + j, scale[j], bias[j], staged);
        }
        if (stages) {
            const char *row[2] = {residual, other_residual};
#pragma GCC unroll 1
            for (int stage = 0; stage < to->stages; stage++)
                apply_to_rows(to, &to->stage[stage], t, row, values);
            residual += t->residual_stride;
            other_residual += t->residual_stride;
        }
        store_rounded_rows(y, other_y, values[0], values[1], to->low, to->high, to->zero, bytes == 2);
        tile += 2;
        other += 2;
        y += t->y_stride;
        other_y += t->y_stride;
    }
}

INLINE void store_results(const Requantization *to, const ResultRows *t, int rows, int vectors, const LaneMask *tile,
                       const int staged) {
    const int bytes = !to->bytes ? 0 : to->is_signed ? 2 : 1;
    if (bytes == 1 && vectors == 2 && t->columns == 2 * LANES)
        store_wide_bytes(to, t, rows, tile, 1, staged, 0);
    else if (bytes == 2 && vectors == 2 && t->columns == 2 * LANES)
        store_wide_bytes(to, t, rows, tile, 2, staged, 0);
    else if (bytes)
        store_columns(to, t, rows, vectors, tile, 1, staged);
    else
        store_columns(to, t, rows, vectors, tile, 0, staged);
}

INLINE void add_residual(const Requantization *to, const Stage *stage, const ResultRows *t, int rows, int vectors,
                         SharedLanes *values, const int type) {
    const Lanes step = splat(stage->step);
#pragma GCC unroll 1
    for (int i = 0; i < rows; i++) {
        const char *row = TILE_ROW(t->residual, i, rows, t->residual_stride);
        for (int j = 0; j < vectors && j * LANES < t->columns; j++) {
            const ptrdiff_t left = t->columns - j * LANES, n = left < LANES ? left : LANES;
            const char *at = row + j * LANES * t->residual_step;
            Lanes residual;
            if (type == F32)
                residual = !t->residual_step ? splat(*(const float *)at)
                           : n == LANES      ? load((const float *)at)
                                             : load_part((const float *)at, n);
            else {
                LaneMask ints = load_bytes(at, t->residual_step ? n : 1, type == I8);
                residual = t->residual_step ? as_reals(ints) : splat((float)ints[0]);
            }
            values[i * vectors + j] += residual * step;
        }
    }
}

INLINE void apply_stage(const Requantization *to, const Stage *stage, const ResultRows *t, int rows, int vectors,
                        SharedLanes *values) {
    const int count = rows * vectors;
    if (stage->kind == STAGE_ROUND) {
        const Lanes low = splat(stage->low), high = splat(stage->high);
#pragma GCC unroll 1
        for (int i = 0; i < count; i++)
            values[i] = as_reals(round_lanes(cut_lanes(values[i], low, high)));
    } else if (stage->kind == STAGE_SCALE) {
        for (int j = 0; j < vectors; j++) {
            const Lanes scale = load(stage->scale + t->column + j * LANES);
            const Lanes bias = load(stage->bias + t->column + j * LANES);
#pragma GCC unroll 1
            for (int i = j; i < count; i += vectors)
                values[i] = values[i] * scale + bias;
        }
    } else if (stage->kind == STAGE_ADD) {
        if (to->residual_type == U8)
            add_residual(to, stage, t, rows, vectors, values, U8);
        else if (to->residual_type == I8)
            add_residual(to, stage, t, rows, vectors, values, I8);
        else
            add_residual(to, stage, t, rows, vectors, values, F32);
    } else if (stage->activation.kind == ACT_CLAMP) {
        const Lanes low = splat(stage->activation.alpha), high = splat(stage->activation.beta);
#pragma GCC unroll 1
        for (int i = 0; i < count; i++)
            values[i] = clamp_lanes(values[i], low, high);
    } else
        activate(&stage->activation, (float *)values, count * LANES);
}

/* With stages. The values have memory of their own: an activation's function is given them, and sums that it could reach
 * would not stay in registers while they are added up. */
static __attribute__((noinline, noclone)) void store_staged(const Requantization *to, const ResultRows *t, int rows,
                                                   int vectors, const LaneMask *sums) {
    LaneMask memory[MOST_SUMS];
    SharedLanes *values = (SharedLanes *)memory;
    for (int j = 0; j < vectors; j++) {
        const Lanes scale = load(to->scale + t->column + j * LANES);
        const Lanes bias = to->bias ? load(to->bias + t->column + j * LANES) : splat(0);
#pragma GCC unroll 1
        for (int i = j; i < rows * vectors; i += vectors)
            values[i] = (SharedLanes)(as_reals(sums[i]) * scale + bias);
    }
    for (int stage = 0; stage < to->stages; stage++)
        apply_stage(to, &to->stage[stage], t, rows, vectors, values);
    store_results(to, t, rows, vectors, memory, 1);
}

static __attribute__((noinline, noclone)) void store_wide_staged(const Requantization *to, const ResultRows *t, int rows,
                                                        const LaneMask *sums) {
    store_wide_bytes(to, t, rows, sums, to->is_signed ? 2 : 1, 0, 1);
}

/* Whether store_wide_staged() takes the stages: others than clamps are functions that want many values at a time. */
INLINE int stages_stay_in_registers(const Requantization *to, const ResultRows *t) {
    for (int i = 0; i < to->stages; i++)
        if ((to->stage[i].kind == STAGE_ACTIVATE && to->stage[i].activation.kind != ACT_CLAMP) ||
            (to->stage[i].kind == STAGE_ADD && !t->residual_step))
            return 0;
    return 1;
}

/* Writes the results of rows x vectors vectors of sums, to which the shifts are added already. */
static __attribute__((noinline, noclone)) void store_sums(const Requantization *to, const ResultRows *t, int rows, int vectors,
                                                 const LaneMask *sums) {
    if (to->stages && to->bytes && vectors == 2 && t->columns == 2 * LANES && stages_stay_in_registers(to, t))
        store_wide_staged(to, t, rows, sums);
    else if (to->stages)
        store_staged(to, t, rows, vectors, sums);
    else
        store_results(to, t, rows, vectors, sums, 0);
}

#pragma GCC pop_options

#endif
