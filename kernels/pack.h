/* Packing of the operands of a matrix product: see tile.h for what a panel is. */
#ifndef OVLITE_PACK_H
#define OVLITE_PACK_H

#include "tile.h"

/* One stage of a transposition: exchanges the off-diagonal blocks of `span` of each pair of rows. */
INLINE void exchange(Lanes rows[LANES], const int span) {
    LaneMask low, high;
    for (int i = 0; i < LANES; i++) {
        low[i] = i & span ? LANES + i - span : i;
        high[i] = i & span ? LANES + i : i + span;
    }
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        if (!(i & span)) {
            Lanes first = rows[i], second = rows[i + span];
            rows[i] = __builtin_shuffle(first, second, low);
            rows[i + span] = __builtin_shuffle(first, second, high);
        }
}

/* to[k][n] = from[n][k] for LANES x LANES floats. */
INLINE void transpose_block(const float *from, ptrdiff_t from_stride, float *to, ptrdiff_t to_stride) {
    Lanes rows[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        rows[i] = load(from + i * from_stride);
#pragma GCC unroll 4
    for (int span = 1; span < LANES; span *= 2)
        exchange(rows, span);
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        store(to + i * to_stride, rows[i]);
}

/* Packs depth x columns floats of b, the strides given in floats, into depth rows of `width` floats
 * each; columns beyond `columns` become 0. */
static void pack_panel(const float *b, ptrdiff_t depth, ptrdiff_t k_stride, ptrdiff_t columns, ptrdiff_t n_stride,
                       float *panel, ptrdiff_t width) {
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

/* Copies rows x depth floats of a, the strides given in floats, into rows of `depth` floats. */
static void pack_rows(const float *a, ptrdiff_t rows, ptrdiff_t row_stride, ptrdiff_t depth, ptrdiff_t k_stride,
                      float *to) {
    for (ptrdiff_t k = 0; k < depth; k++)
        for (ptrdiff_t i = 0; i < rows; i++)
            to[i * depth + k] = a[i * row_stride + k * k_stride];
}

#endif
