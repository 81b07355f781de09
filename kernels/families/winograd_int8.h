/* Winograd's F(2 x 2, 3 x 3), see winograd.h, of u8 by i8, exact: all is additions but a quarter, by which the weights'
 * transform is not multiplied but the sums are in the end, of which each is a multiple of four then.
 *
 * A transformed pixel is at most 4 * 255 and a transformed weight at most 9 * 128, so both are held in 16 bits, and
 * pmaddwd adds their products. Sums of 1827 channels fit in 32 bits. */
#ifndef OVLITE_WINOGRAD_INT8_H
#define OVLITE_WINOGRAD_INT8_H

#include <string.h>

#include "matmul_int8.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

enum { WHOLE = 2 * LANES, PARTS = 16 };

typedef unsigned SumBits __attribute__((vector_size(4 * LANES)));

/* Rows of pairs by a panel of WHOLE columns. */
typedef struct {
    const char *a, *b;
    int32_t *sums;
    ptrdiff_t a_stride, sums_stride, pairs;    /* strides in bytes */
} PairProduct;

INLINE void product_body(const int rows, const PairProduct *t) {
    const ptrdiff_t stride = t->a_stride;
    const char *first = t->a, *second = t->a + (rows + 1) / 2 * stride, *b = t->b;
    LaneMask sums[TILE_ROWS * 2];
#pragma GCC unroll 32
    for (int i = 0; i < 2 * rows; i++)
        sums[i] = splat_int(0);
    for (ptrdiff_t pair = t->pairs; pair > 0; pair--) {
        const Pairs low = *(const LoosePairs *)b, high = *(const LoosePairs *)(b + sizeof(Pairs));
        __builtin_prefetch(b + 4 * B_AHEAD);
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++) {
            const int half = (rows + 1) / 2;
            const LaneMask a = splat_bytes(i < half ? first + i * stride : second + (i - half) * stride);
            keep_order(a);
            sums[2 * i] = add_pairs(sums[2 * i], a, low);
            sums[2 * i + 1] = add_pairs(sums[2 * i + 1], a, high);
        }
        first += 4;
        second += 4;
        b += 2 * sizeof(Pairs);
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int j = 0; j < 2; j++)
            *(LooseInts *)((char *)t->sums + i * t->sums_stride + j * sizeof(LaneMask)) = sums[2 * i + j];
}

typedef void (*ProductFunction)(const PairProduct *);
#define PRODUCT(_, rows) static __attribute__((noinline)) void product_##rows(const PairProduct *t) { product_body(rows, t); }
#define PRODUCT_ENTRY(_, rows) product_##rows,
FOR_TILE_ROWS(PRODUCT, )
static const ProductFunction product_functions[TILE_ROWS] = {FOR_TILE_ROWS(PRODUCT_ENTRY, )};
#undef PRODUCT
#undef PRODUCT_ENTRY

/* Multiplies `rows` rows. */
static void multiply_pairs(PairProduct t, ptrdiff_t rows) {
    const ptrdiff_t count = (rows + TILE_ROWS - 1) / TILE_ROWS;
    for (ptrdiff_t piece = 0; piece < count; piece++) {
        const ptrdiff_t n = rows * (piece + 1) / count - rows * piece / count;
        product_functions[n - 1](&t);
        t.a += n * t.a_stride;
        t.sums = (int32_t *)((char *)t.sums + n * t.sums_stride);
    }
}

#define TO_PARTS(d, step)                                                              \
    do {                                                                               \
        const Pairs d0 = (d)[0], d1 = (d)[step], d2 = (d)[2 * (step)], d3 = (d)[3 * (step)]; \
        (d)[0] = d0 - d2;                                                              \
        (d)[step] = d1 + d2;                                                           \
        (d)[2 * (step)] = d2 - d1;                                                     \
        (d)[3 * (step)] = d1 - d3;                                                     \
    } while (0)

/* Transforms one input tile. line[i] + pixel[j] leads to the channels of pixel (i, j); part p of the result goes to
 * parts + p * part_stride, as `channels` elements of 16 bits, filled up to whole vectors. Strides in bytes. */
static void transform_bytes(const char *const *line, const ptrdiff_t *pixel, ptrdiff_t channels, char *parts,
                            ptrdiff_t part_stride) {
    for (ptrdiff_t c = 0; c < channels; c += WHOLE) {
        const ptrdiff_t n = channels - c;
        Pairs d[PARTS];
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) {
                const char *p = line[i] + pixel[j] + c;
                char few[WHOLE] = {0};
                if (n < WHOLE)
                    p = memcpy(few, p, (size_t)n);
                d[4 * i + j] = widened_codes(p);
            }
            TO_PARTS(d + j, 4);
        }
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            TO_PARTS(d + 4 * i, 1);
#pragma GCC unroll 4
            for (int j = 0; j < 4; j++)
                *(LoosePairs *)(parts + (4 * i + j) * part_stride + 2 * c) = d[4 * i + j];
        }
    }
}

/* Results of one tile, `lines` x `pixels` of them in the image, from its sums: part p of those at
 * sums + p * part_stride bytes. t: of the first one, with the strides between lines. */
static void write_bytes(const Requantization *to, const ResultRows *t, ptrdiff_t lines, ptrdiff_t pixels,
                        ptrdiff_t y_line, ptrdiff_t residual_line, const char *sums, ptrdiff_t part_stride) {
    const ptrdiff_t y_size = to->bytes ? 1 : (ptrdiff_t)sizeof(float);
    for (ptrdiff_t j = 0; j < t->columns; j += WHOLE) {
        ResultRows rows = *t;
        LaneMask results[4 * 2];
#pragma GCC unroll 2
        for (int v = 0; v < 2; v++) {
            const char *from = sums + (j + v * LANES) * 4;
            const SumBits shift = (SumBits)load_ints(to->shift + t->column + j + v * LANES);
            SumBits above[4], below[4];
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) {
                SumBits m[4];
#pragma GCC unroll 4
                for (int k = 0; k < 4; k++)
                    m[k] = (SumBits)load_ints(from + (4 * k + i) * part_stride);
                above[i] = m[0] + m[1] + m[2];
                below[i] = m[1] - m[2] - m[3];
            }
            results[v] = (LaneMask)((SumBits)((LaneMask)(above[0] + above[1] + above[2]) >> 2) + shift);
            results[2 + v] = (LaneMask)((SumBits)((LaneMask)(above[1] - above[2] - above[3]) >> 2) + shift);
            results[4 + v] = (LaneMask)((SumBits)((LaneMask)(below[0] + below[1] + below[2]) >> 2) + shift);
            results[6 + v] = (LaneMask)((SumBits)((LaneMask)(below[1] - below[2] - below[3]) >> 2) + shift);
        }
        rows.column += j;
        rows.columns = t->columns - j < WHOLE ? t->columns - j : WHOLE;
        rows.y[0] += j * y_size;
        rows.y[1] = rows.y[0] + (lines == 2 ? y_line : rows.y_stride);
        if (rows.residual[0]) {
            rows.residual[0] += j * t->residual_step;
            rows.residual[1] = rows.residual[0] + (lines == 2 ? residual_line : rows.residual_stride);
        }
        if (pixels == 1) { /* one of each line */
            results[2] = results[4];
            results[3] = results[5];
        }
        store_sums(to, &rows, (int)(lines * pixels), 2, results);
    }
}

#pragma GCC pop_options

#endif
