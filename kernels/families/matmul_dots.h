/* Products by columns of b that are runs of floats, b_stride bytes apart: a dot product for each y. For one
 * row by a run-time b that is stored so, and for constant weights of a few columns, which would leave
 * most of a panel empty. The tile is that of matmul_tile.h; the sum of a y has LANES chains. */
#ifndef OVLITE_MATMUL_DOTS_H
#define OVLITE_MATMUL_DOTS_H

#include "matmul_tile.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

#define FEW_COLUMNS 4
#define FEW_ROWS 4

/* One row by up to PANEL columns. */
INLINE void row_by_columns(const int vectors, const MatmulTile *t) {
    enum { COLUMNS = 4 };
    float buffer[PANEL] = {0};
    const float *a = (const float *)(t->a[0] + t->offset[0]);
    Lanes all[1][2];
    for (ptrdiff_t column = 0; column < t->columns; column += COLUMNS) {
        Lanes sums[COLUMNS] = {};
        const float *b[COLUMNS];
        ptrdiff_t k = 0;
#pragma GCC unroll 4
        for (int j = 0; j < COLUMNS; j++)
            b[j] = (const float *)(t->b + (column + j < t->columns ? column + j : column) * t->b_stride);
        for (; k + LANES <= t->depth; k += LANES)
#pragma GCC unroll 4
            for (int j = 0; j < COLUMNS; j++)
                sums[j] += load(a + k) * load(b[j] + k);
        if (k < t->depth)
#pragma GCC unroll 4
            for (int j = 0; j < COLUMNS; j++)
                sums[j] += load_part(a + k, t->depth - k) * load_part(b[j] + k, t->depth - k);
#pragma GCC unroll 4
        for (int j = 0; j < COLUMNS; j++)
            buffer[column + j] = sum_of_lanes(sums[j]);
    }
#pragma GCC unroll 2
    for (int j = 0; j < vectors; j++)
        all[0][j] = (t->bias ? load(t->bias + j * LANES) : splat(0)) + load(buffer + j * LANES);
    tile_store(1, vectors, t, all);
}

/* A few rows by a few columns; a column holds its weights for all taps. */
INLINE void few_columns(const int rows, const int columns, const MatmulTile *t) {
    const float *b = (const float *)t->b;
    const ptrdiff_t b_stride = t->b_stride / (ptrdiff_t)sizeof(float);
    float buffer[FEW_ROWS][LANES] = {{0}};
    Lanes sums[FEW_ROWS][FEW_COLUMNS] = {}, all[FEW_ROWS][2];
    for (ptrdiff_t tap = 0; tap < t->taps; tap++, b += t->depth)
        for (ptrdiff_t k = 0; k < t->depth; k += LANES) {
            const ptrdiff_t n = t->depth - k < LANES ? t->depth - k : LANES;
            Lanes weights[FEW_COLUMNS];
#pragma GCC unroll 4
            for (int j = 0; j < columns; j++)
                weights[j] = n == LANES ? load(b + j * b_stride + k) : load_part(b + j * b_stride + k, n);
#pragma GCC unroll 4
            for (int i = 0; i < rows; i++) {
                const float *a = (const float *)(TILE_ROW(t->a, i, rows, t->a_stride) + t->offset[tap]) + k;
                const Lanes values = n == LANES ? load(a) : load_part(a, n);
#pragma GCC unroll 4
                for (int j = 0; j < columns; j++)
                    sums[i][j] += values * weights[j];
            }
        }
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
        for (int j = 0; j < columns; j++)
            buffer[i][j] = sum_of_lanes(sums[i][j]);
        all[i][0] = load(buffer[i]) + (t->bias ? load(t->bias) : splat(0));
    }
    tile_store(rows, 1, t, all);
}

static __attribute__((noinline)) void row_by_narrow_panel(const MatmulTile *t) { row_by_columns(1, t); }
static __attribute__((noinline)) void row_by_wide_panel(const MatmulTile *t) { row_by_columns(2, t); }

/* [columns > LANES] */
static const TileFunction dot_functions[2] = {row_by_narrow_panel, row_by_wide_panel};

#define FEW(rows, columns) \
    static __attribute__((noinline)) void few_##rows##_##columns(const MatmulTile *t) { few_columns(rows, columns, t); }
FEW(1, 1) FEW(1, 2) FEW(1, 3) FEW(1, 4) FEW(2, 1) FEW(2, 2) FEW(2, 3) FEW(2, 4)
FEW(3, 1) FEW(3, 2) FEW(3, 3) FEW(3, 4) FEW(4, 1) FEW(4, 2) FEW(4, 3) FEW(4, 4)
#undef FEW

/* [rows - 1][columns - 1] */
static const TileFunction few_functions[FEW_ROWS][FEW_COLUMNS] = {
    {few_1_1, few_1_2, few_1_3, few_1_4}, {few_2_1, few_2_2, few_2_3, few_2_4},
    {few_3_1, few_3_2, few_3_3, few_3_4}, {few_4_1, few_4_2, few_4_3, few_4_4},
};

/* Returns whether dot products are faster than a panel. The sum of LANES chains takes about as long as 8 multiplications;
 * for 8 LANES the limit is measured. */
INLINE int few_columns_pay(ptrdiff_t columns, ptrdiff_t terms) {
    if (LANES == 8)
        return columns <= FEW_COLUMNS && terms >= 32 * (columns + 1);
    return columns <= FEW_COLUMNS && 2 * columns * (terms / LANES + 8) < terms;
}

#pragma GCC pop_options

#endif
