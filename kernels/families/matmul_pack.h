/* Packing of the operands of a matrix product: see matmul_tile.h for what a panel is. */
#ifndef OVLITE_MATMUL_PACK_H
#define OVLITE_MATMUL_PACK_H

#include "matmul_tile.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

/* Exchanges the off-diagonal blocks of `span` lanes of the rows i and i + span. */
INLINE void exchange_blocks(Lanes rows[LANES], const int span) {
    const LaneMask upper = ((LANE_NUMBERS & span) != 0) & (LANES - span);
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        if (!(i & span)) {
            Lanes first = rows[i], second = rows[i + span];
            rows[i] = __builtin_shuffle(first, second, LANE_NUMBERS + upper);
            rows[i + span] = __builtin_shuffle(first, second, LANE_NUMBERS + upper + span);
        }
}

/* Transposes each 4 x 4 block. */
INLINE void transpose_quads(Lanes rows[LANES]) {
    const LaneMask quad = LANE_NUMBERS & ~3, low = LANE_NUMBERS & 1, high = LANE_NUMBERS >> 1 & 1;
    const LaneMask singles = quad + high + low * LANES, pairs = quad + low + high * LANES;
#pragma GCC unroll 4
    for (int i = 0; i < LANES; i += 4) {
        Lanes a = __builtin_shuffle(rows[i], rows[i + 1], singles);
        Lanes b = __builtin_shuffle(rows[i], rows[i + 1], singles + 2);
        Lanes c = __builtin_shuffle(rows[i + 2], rows[i + 3], singles);
        Lanes d = __builtin_shuffle(rows[i + 2], rows[i + 3], singles + 2);
        rows[i] = __builtin_shuffle(a, c, pairs);
        rows[i + 1] = __builtin_shuffle(a, c, pairs + 2);
        rows[i + 2] = __builtin_shuffle(b, d, pairs);
        rows[i + 3] = __builtin_shuffle(b, d, pairs + 2);
    }
}

/* Transposes LANES x LANES elements of 32 bits. */
INLINE void transpose_lanes(Lanes rows[LANES]) {
    transpose_quads(rows);
    if (LANES > 4)
        exchange_blocks(rows, 4);
    if (LANES > 8)
        exchange_blocks(rows, 8);
}

/* to[k][n] = from[n][k] for LANES x LANES floats. */
INLINE void transpose_block(const float *from, ptrdiff_t from_stride, float *to, ptrdiff_t to_stride) {
    Lanes rows[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        rows[i] = load(from + i * from_stride);
    transpose_lanes(rows);
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        store(to + i * to_stride, rows[i]);
}

/* Packs depth x columns floats of b, the strides in bytes, into depth rows of `width` floats each; columns beyond
 * `columns` become 0. */
static void pack_panel(const char *from, ptrdiff_t depth, ptrdiff_t k_bytes, ptrdiff_t columns, ptrdiff_t n_bytes,
                       char *to, ptrdiff_t width) {
    const float *b = (const float *)from;
    float *panel = (float *)to;
    const ptrdiff_t k_stride = k_bytes / (ptrdiff_t)sizeof(float), n_stride = n_bytes / (ptrdiff_t)sizeof(float);
    ptrdiff_t n = 0;
    if (k_stride == 1)
        for (; n + LANES <= columns; n += LANES) {
            ptrdiff_t k = 0;
            for (; k + LANES <= depth; k += LANES)
                transpose_block(b + n * n_stride + k, n_stride, panel + k * width + n, width);
            for (; k < depth; k++)
                for (ptrdiff_t i = n; i < n + LANES; i++)
                    panel[k * width + i] = b[i * n_stride + k];
        }
    else if (n_stride == 1)
        for (; n + LANES <= columns; n += LANES)
            for (ptrdiff_t k = 0; k < depth; k++)
                store(panel + k * width + n, load(b + k * k_stride + n));
    if (n < width)
        for (ptrdiff_t k = 0; k < depth; k++)
            for (ptrdiff_t i = n; i < width; i++)
                panel[k * width + i] = i < columns ? b[k * k_stride + i * n_stride] : 0;
}

/* Copies rows x depth floats of a, the strides in bytes, into dense rows that lie to_stride bytes apart. */
static void pack_rows(const char *a, ptrdiff_t rows, ptrdiff_t row_stride, ptrdiff_t depth, ptrdiff_t k_stride,
                      char *to, ptrdiff_t to_stride) {
    if (k_stride == sizeof(float)) {
        for (ptrdiff_t i = 0; i < rows; i++)
            memcpy(to + i * to_stride, a + i * row_stride, depth * sizeof(float));
        return;
    }
    for (ptrdiff_t k = 0; k < depth; k++)
        for (ptrdiff_t i = 0; i < rows; i++)
            ((float *)(to + i * to_stride))[k] = *(const float *)(a + i * row_stride + k * k_stride);
}

#pragma GCC pop_options

#endif
