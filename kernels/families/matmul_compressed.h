/* Products by weights that are codes of 2, 4 or 8 bits in memory, with a scale and a zero point for each column and
 * each group of neighbouring k:
 *
 *     y[i][j] = f(bias[j] + sum over groups g of scale[g][j] * (sum over k in g of a[i][k] * (code[k][j] - zero[g][j]))
 *                 + residual[i][j])
 *
 * A few rows read the codes, which become real in registers. For more rows a panel is decompressed for the tiles of
 * matmul_tile.h.
 *
 * A panel, which always has all its columns, has for each group a row of scales, a row of zero points unless they are
 * all the same, and units of codes. A unit of 8 bits is a row of bytes. One of 2 or 4 bits is a row of words of 32
 * bits, which hold as many neighbouring k as fit, the first in the lowest bits; the group's last unit is filled up with
 * zeros. */
#ifndef OVLITE_MATMUL_COMPRESSED_H
#define OVLITE_MATMUL_COMPRESSED_H

#include "bytes.h"
#include "matmul_tile.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

/* COMPRESSED_ROWS: of the largest tile. FEW_COMPRESSED_ROWS: so many take less time than making panels real. */
#if TILE_ROWS == 14
#define COMPRESSED_ROWS 4
#define FEW_COMPRESSED_ROWS 16
#else
#define COMPRESSED_ROWS 2
#define FEW_COMPRESSED_ROWS 3
#endif
#define MOST_UNIT 16       /* k of a unit of 2 bits */
#define CODES_AHEAD 2048   /* bytes between the codes in use and those fetched ahead */

INLINE int unit_length(const int bits) { return bits == 8 ? 4 : 32 / bits; }

/* Bytes of a column of a panel. */
static ptrdiff_t compressed_bytes(const Compression *c) {
    ptrdiff_t total = 0;
    for (ptrdiff_t first = 0; first < c->depth; first += c->group) {
        const ptrdiff_t n = c->depth - first < c->group ? c->depth - first : c->group, unit = unit_length(c->bits);
        total += (c->has_zeros ? 8 : 4) + (n + unit - 1) / unit * 4;
    }
    return total;
}

/* Real numbers of codes in the lowest bits of integers; of 8 bits there is nothing above them. */
INLINE Lanes real_codes(const int bits, LaneMask codes) {
    if (bits == 8)
        return as_reals(codes);
#if defined(__AVX512F__)
    if (bits == 4)
        return (Lanes)_mm512_permutexvar_ps((__m512i)codes, (__m512)as_reals(LANE_NUMBERS));
    return (Lanes)_mm512_permutexvar_ps((__m512i)codes, (__m512)as_reals(LANE_NUMBERS & 3));
#else
    return as_reals(codes & ((1 << bits) - 1));
#endif
}

/* Adds the products of a unit with the elements at `x` of `rows` rows. */
INLINE void add_unit(const int bits, const int rows, const int chains, const float *const *x, const char *b,
                     const Lanes zero[2], Lanes sums[][COMPRESSED_ROWS][2]) {
    LaneMask codes[2] = {};
    if (bits < 8)
#pragma GCC unroll 2
        for (int j = 0; j < 2; j++)
            codes[j] = load_ints(b + 4 * LANES * j);
#pragma GCC unroll 2
    for (int k = 0; k < unit_length(bits); k += 4)
#pragma GCC unroll 4
        for (int u = 0; u < 4; u++) {
            Lanes weights[2];
#pragma GCC unroll 2
            for (int j = 0; j < 2; j++) {
                if (bits == 8)
                    codes[j] = load_bytes(b + (2 * u + j) * LANES, LANES, 0);
                weights[j] = real_codes(bits, codes[j]) - zero[j];
                codes[j] >>= bits;
            }
#pragma GCC unroll 4
            for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
                for (int j = 0; j < 2; j++)
                    sums[u % chains][i][j] += splat(x[i][k + u]) * weights[j];
        }
}

/* The zero points of a group, behind its scales; gives where its codes begin. */
INLINE const char *load_zeros(const Compression *c, const char *b, Lanes zero[2]) {
    b += 4 * PANEL;
#pragma GCC unroll 2
    for (int j = 0; j < 2; j++)
        zero[j] = c->has_zeros ? load((const float *)b + j * LANES) : splat(c->zero);
    return c->has_zeros ? b + 4 * PANEL : b;
}

/* The n elements at x with zeros behind them. */
static __attribute__((noinline)) const float *copy_rest(const float *x, ptrdiff_t n, float rest[MOST_UNIT]) {
    for (ptrdiff_t k = 0; k < MOST_UNIT; k++)
        rest[k] = k < n ? x[k] : 0;
    return rest;
}

INLINE void compressed_body(const int bits, const int rows, const MatmulTile *t) {
    const int chains = rows == 1 ? 4 : 2, unit = unit_length(bits);
    const Compression *c = t->compression;
    const char *b = t->b;
    const float *x[COMPRESSED_ROWS];
    Lanes total[COMPRESSED_ROWS][2];
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++) {
        x[i] = (const float *)(TILE_ROW(t->a, i, rows, t->a_stride) + t->offset[0]);
#pragma GCC unroll 2
        for (int j = 0; j < 2; j++)
            total[i][j] = t->bias ? load(t->bias + j * LANES) : splat(0);
    }
    for (ptrdiff_t first = 0; first < c->depth; first += c->group) {
        const ptrdiff_t end = c->depth - first < c->group ? c->depth : first + c->group;
        const float *scales = (const float *)b;
        ptrdiff_t k = first;
        Lanes zero[2], sums[4][COMPRESSED_ROWS][2] = {};
        b = load_zeros(c, b, zero);
        for (; k < end; k += unit, b += 4 * PANEL) {
            const float *at[COMPRESSED_ROWS];
            float rest[COMPRESSED_ROWS][MOST_UNIT];
#pragma GCC unroll 4
            for (int i = 0; i < rows; i++)
                at[i] = x[i] + k;
            if (__builtin_expect(end - k < unit, 0))
                for (int i = 0; i < rows; i++)
                    at[i] = copy_rest(at[i], end - k, rest[i]);
#pragma GCC unroll 2
            for (int j = 0; j < PANEL; j += CACHE_LINE)
                __builtin_prefetch(b + CODES_AHEAD + 4 * j);
            add_unit(bits, rows, chains, at, b, zero, sums);
        }
#pragma GCC unroll 4
        for (int u = 1; u < chains; u++)
#pragma GCC unroll 4
            for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
                for (int j = 0; j < 2; j++)
                    sums[0][i][j] += sums[u][i][j];
#pragma GCC unroll 2
        for (int j = 0; j < 2; j++) {
            const Lanes scale = load(scales + j * LANES);
#pragma GCC unroll 4
            for (int i = 0; i < rows; i++)
                total[i][j] += scale * sums[0][i][j];
        }
    }
    tile_store(rows, 2, t, total);
}

/* Makes a panel of f32, `vectors` vectors wide, of a compressed one. */
INLINE void decompress_body(const int bits, ptrdiff_t vectors, const Compression *c, const char *b, float *to) {
    for (ptrdiff_t first = 0; first < c->depth; first += c->group) {
        const ptrdiff_t end = c->depth - first < c->group ? c->depth : first + c->group;
        const float *scales = (const float *)b;
        Lanes zero[2];
        b = load_zeros(c, b, zero);
        for (ptrdiff_t k = first; k < end; k += unit_length(bits), b += 4 * PANEL)
            for (ptrdiff_t j = 0; j < vectors; j++) {
                const Lanes scale = load(scales + j * LANES), at = j ? zero[1] : zero[0];
                LaneMask codes = bits < 8 ? load_ints(b + 4 * LANES * j) : (LaneMask){};
#pragma GCC unroll 1
                for (int u = 0; u < unit_length(bits) && k + u < end; u++, codes >>= bits) {
                    if (bits == 8)
                        codes = load_bytes(b + (2 * u + j) * LANES, LANES, 0);
                    store(to + ((k + u) * vectors + j) * LANES, (real_codes(bits, codes) - at) * scale);
                }
            }
    }
}

#define COMPRESSED_TILE(bits, rows) \
    static __attribute__((noinline)) void codes_##bits##_##rows(const MatmulTile *t) { compressed_body(bits, rows, t); }
#define COMPRESSED_ENTRY(bits, rows) {codes_##bits##_##rows, codes_##bits##_##rows},
#if COMPRESSED_ROWS == 4
#define FOR_COMPRESSED_ROWS(X, bits) X(bits, 1) X(bits, 2) X(bits, 3) X(bits, 4)
#else
#define FOR_COMPRESSED_ROWS(X, bits) X(bits, 1) X(bits, 2)
#endif
FOR_COMPRESSED_ROWS(COMPRESSED_TILE, 2)
FOR_COMPRESSED_ROWS(COMPRESSED_TILE, 4)
FOR_COMPRESSED_ROWS(COMPRESSED_TILE, 8)

static const TileFunction codes_2_tiles[COMPRESSED_ROWS][2] = {FOR_COMPRESSED_ROWS(COMPRESSED_ENTRY, 2)};
static const TileFunction codes_4_tiles[COMPRESSED_ROWS][2] = {FOR_COMPRESSED_ROWS(COMPRESSED_ENTRY, 4)};
static const TileFunction codes_8_tiles[COMPRESSED_ROWS][2] = {FOR_COMPRESSED_ROWS(COMPRESSED_ENTRY, 8)};

static void decompress(const Compression *c, const char *b, ptrdiff_t width, float *to) {
    if (c->bits == 2)
        decompress_body(2, width / LANES, c, b, to);
    else if (c->bits == 4)
        decompress_body(4, width / LANES, c, b, to);
    else
        decompress_body(8, width / LANES, c, b, to);
}

#pragma GCC pop_options

/* Packs `columns` rows of codes, row_bytes apart, whose lowest bits come first, and of their `groups` scales and zero
 * points into a panel. */
static void pack_compressed(const Compression *c, const uint8_t *codes, ptrdiff_t row_bytes, const float *scales,
                            const float *zeros, ptrdiff_t groups, ptrdiff_t columns, char *panel) {
    const int bits = c->bits, unit = unit_length(bits), mask = (1 << bits) - 1;
    for (ptrdiff_t g = 0, first = 0; first < c->depth; first += c->group, g++) {
        const ptrdiff_t end = c->depth - first < c->group ? c->depth : first + c->group;
        for (int of_zeros = 0; of_zeros <= c->has_zeros; of_zeros++, panel += 4 * PANEL)
            for (ptrdiff_t n = 0; n < PANEL; n++)
                ((float *)panel)[n] = n < columns ? (of_zeros ? zeros : scales)[n * groups + g] : 0;
        for (ptrdiff_t k = first; k < end; k += unit, panel += 4 * PANEL)
            for (ptrdiff_t n = 0; n < PANEL; n++) {
                uint32_t word = 0;
                for (int i = 0; i < unit && k + i < end && n < columns; i++) {
                    const uint8_t *at = codes + n * row_bytes;
                    const uint32_t code = at[(k + i) * bits / 8] >> ((k + i) * bits % 8) & mask;
                    if (bits == 8)
                        panel[i * PANEL + n] = (char)code;
                    word |= code << (i * bits % 32);
                }
                if (bits < 8)
                    ((uint32_t *)panel)[n] = word;
            }
    }
}

#endif
