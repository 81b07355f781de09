/* Register tiles of u8 x i8 -> i32.
 *
 *     sum[i][j] = shift[j] + sum over taps t, k < depth of a[i][offset[t] + k] * b[t][k][j]
 *
 * of which requantize.h makes results. Sums are exact: nothing saturates on the way. A panel holds four neighbouring k of a column side by side, so that
 * one instruction (vpdpbusd), or a few that give the same, adds four products to each lane. Depth is filled up with
 * zeros to a multiple of four: a tile reads up to three bytes behind the `depth` bytes of a row at each tap, which may
 * hold anything. */
#ifndef OVLITE_MATMUL_INT8_H
#define OVLITE_MATMUL_INT8_H

#include <string.h>

#include "matmul_tile.h"

/* Packs depth x columns bytes of b, the strides in bytes, into groups of four rows, a column's four side by side. */
static void pack_int8_panel(const char *b, ptrdiff_t depth, ptrdiff_t k_stride, ptrdiff_t columns, ptrdiff_t n_stride,
                            char *panel, ptrdiff_t width) {
    for (ptrdiff_t k = 0; k < depth; k += 4, panel += 4 * width)
        for (ptrdiff_t n = 0; n < width; n++)
            for (int i = 0; i < 4; i++)
                panel[4 * n + i] = n < columns && k + i < depth ? b[(k + i) * k_stride + n * n_stride] : 0;
}

_Static_assert(2 * TILE_ROWS <= MOST_SUMS, "a tile has more sums than are stored at once");

#pragma GCC push_options
#pragma GCC optimize("O3")

enum { BY_PAIRS, BY_VNNI };

/* acc + the products of four bytes of a, unsigned, with four of b, in each lane. */
INLINE LaneMask add_products(const int how, LaneMask acc, LaneMask a, LaneMask b) {
#if defined(__AVX512BW__)
    if (how == BY_VNNI) {
        __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(a), "v"(b));
        return acc;
    }
    const __m512i low = _mm512_srai_epi16(_mm512_slli_epi16((__m512i)b, 8), 8), high = _mm512_srai_epi16((__m512i)b, 8);
    const __m512i even = (__m512i)(a & 0x00ff00ff), odd = _mm512_srli_epi16((__m512i)a, 8);
    return acc + (LaneMask)_mm512_madd_epi16(even, low) + (LaneMask)_mm512_madd_epi16(odd, high);
#elif defined(__AVX2__)
    if (how == BY_VNNI) {
        __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(acc) : "x"(a), "x"(b));
        return acc;
    }
    const __m256i low = _mm256_srai_epi16(_mm256_slli_epi16((__m256i)b, 8), 8), high = _mm256_srai_epi16((__m256i)b, 8);
    const __m256i even = (__m256i)(a & 0x00ff00ff), odd = _mm256_srli_epi16((__m256i)a, 8);
    return acc + (LaneMask)_mm256_madd_epi16(even, low) + (LaneMask)_mm256_madd_epi16(odd, high);
#elif defined(__SSE2__)
    const __m128i low = _mm_srai_epi16(_mm_slli_epi16((__m128i)b, 8), 8), high = _mm_srai_epi16((__m128i)b, 8);
    const __m128i even = (__m128i)(a & 0x00ff00ff), odd = _mm_srli_epi16((__m128i)a, 8);
    return acc + (LaneMask)_mm_madd_epi16(even, low) + (LaneMask)_mm_madd_epi16(odd, high);
#else
    return acc + (a & 255) * (b << 24 >> 24) + (a >> 8 & 255) * (b << 16 >> 24) + (a >> 16 & 255) * (b << 8 >> 24) +
           (a >> 24 & 255) * (b >> 24);
#endif
}

INLINE void int8_body(const int how, const int rows, const int vectors, const MatmulTile *t) {
    const int half = (rows + 1) / 2;
    const ptrdiff_t a_stride = t->a_stride, b_stride = t->b_stride;
    const char *b = t->b;
    const Requantization *to = t->requantization;
    LaneMask sums[TILE_ROWS * 2];
#pragma GCC unroll 2
    for (int j = 0; j < vectors; j++) {
        const LaneMask shift = load_ints(to->shift + t->column + j * LANES);
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
            sums[i * vectors + j] = shift;
    }
    for (ptrdiff_t tap = 0; tap < t->taps; tap++) {
        const char *first = t->a[0] + t->offset[tap];
        const char *second = t->a[1] + t->offset[tap];
        for (ptrdiff_t k = t->depth; k > 0; k -= 4) {
            LaneMask weights[2];
#pragma GCC unroll 2
            for (int j = 0; j < vectors; j++) {
                weights[j] = load_ints(b + 4 * LANES * j);
                __builtin_prefetch(b + 4 * (B_AHEAD + j * LANES));
            }
#pragma GCC unroll 16
            for (int i = 0; i < rows; i++) {
                const LaneMask a =
                    splat_int(*(const int *)(i < half ? first + i * a_stride : second + (i - half) * a_stride));
#pragma GCC unroll 2
                for (int j = 0; j < vectors; j++)
                    sums[i * vectors + j] = add_products(how, sums[i * vectors + j], a, weights[j]);
            }
            first += 4;
            second += 4;
            b += b_stride;
        }
    }
    const ResultRows results = {
        .y = {t->y[0], t->y[1]}, .residual = {t->residual[0], t->residual[1]}, .y_stride = t->y_stride,
        .residual_stride = t->residual_stride, .residual_step = t->residual_step, .column = t->column,
        .columns = t->columns,
    };
    store_sums(to, &results, rows, vectors, sums);
}

static void pack_int8_rows(const char *a, ptrdiff_t rows, ptrdiff_t row_stride, ptrdiff_t depth, ptrdiff_t k_stride,
                           char *to, ptrdiff_t to_stride) {
    const ptrdiff_t padded = (depth + 3) / 4 * 4;
    for (ptrdiff_t i = 0; i < rows; i++, a += row_stride, to += to_stride) {
        if (k_stride == 1)
            memcpy(to, a, (size_t)depth);
        else
            for (ptrdiff_t k = 0; k < depth; k++)
                to[k] = a[k * k_stride];
        memset(to + depth, 0, (size_t)(padded - depth));
    }
}

#define INT8_TILE(how, name, rows)                                                                                     \
    static __attribute__((noinline)) void name##_##rows##_narrow(const MatmulTile *t) { int8_body(how, rows, 1, t); } \
    static __attribute__((noinline)) void name##_##rows##_wide(const MatmulTile *t) { int8_body(how, rows, 2, t); }
#define INT8_ENTRY(name, rows) {name##_##rows##_narrow, name##_##rows##_wide},

/* Pairs of products need registers for the widened operands: their tiles are smaller. */
#if TILE_ROWS == 14
#define PAIR_ROWS 8
#define FOR_PAIR_ROWS(X, ...)                                                                                  \
    X(__VA_ARGS__, 1) X(__VA_ARGS__, 2) X(__VA_ARGS__, 3) X(__VA_ARGS__, 4) X(__VA_ARGS__, 5) X(__VA_ARGS__, 6) \
    X(__VA_ARGS__, 7) X(__VA_ARGS__, 8)
#define FOR_TILE_ROWS(X, ...)                                                                       \
    FOR_PAIR_ROWS(X, __VA_ARGS__) X(__VA_ARGS__, 9) X(__VA_ARGS__, 10) X(__VA_ARGS__, 11)           \
    X(__VA_ARGS__, 12) X(__VA_ARGS__, 13) X(__VA_ARGS__, 14)
#else
#define PAIR_ROWS 4
#define FOR_PAIR_ROWS(X, ...) X(__VA_ARGS__, 1) X(__VA_ARGS__, 2) X(__VA_ARGS__, 3) X(__VA_ARGS__, 4)
#define FOR_TILE_ROWS(X, ...) FOR_PAIR_ROWS(X, __VA_ARGS__) X(__VA_ARGS__, 5) X(__VA_ARGS__, 6)
#endif

FOR_PAIR_ROWS(INT8_TILE, BY_PAIRS, pairs)
static const TileFunction pair_tiles[PAIR_ROWS][2] = {FOR_PAIR_ROWS(INT8_ENTRY, pairs)};

#if defined(__AVX2__)
FOR_TILE_ROWS(INT8_TILE, BY_VNNI, vnni)
static const TileFunction vnni_tiles[TILE_ROWS][2] = {FOR_TILE_ROWS(INT8_ENTRY, vnni)};
#endif

#pragma GCC pop_options

#endif
