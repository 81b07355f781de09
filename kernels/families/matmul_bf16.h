/* Matrix tiles, and pairs, of bf16: products of the operands that matmul_bf16_split.h lays out. */
#ifndef OVLITE_MATMUL_BF16_H
#define OVLITE_MATMUL_BF16_H

#include "matmul_bf16_results.h"

BEGIN_TILE_CODE

/* The four (or two, or one) products of the tiles of a that are loaded by those of b. */
INLINE void dot_all(const int how, const int wide, int two) {
    dot_tiles_bf16(how, 0, 4, 6);
    if (wide)
        dot_tiles_bf16(how, 1, 4, 7);
    if (two) {
        dot_tiles_bf16(how, 2, 5, 6);
        if (wide)
            dot_tiles_bf16(how, 3, 5, 7);
    }
}

INLINE void load_rows(const int how, const MatmulTile *t, int two, const char *first, const char *second) {
    load_tile(how, 4, first, t->row_stride);
    if (two)
        load_tile(how, 5, second, t->row_stride);
}

INLINE void load_columns(const int how, const int wide, const char *b) {
    load_tile(how, 6, b, TILE_BYTES);
    if (wide)
        load_tile(how, 7, b + TILE_SIZE, TILE_BYTES);
}

/* Up to 32 rows by a panel of 16 or 32 columns: tiles 0 to 3 are sums, 4 and 5 of a, 6 and 7 of b. */
INLINE void matrix_body(const int how, const int parts, const int wide, const MatmulTile *t) {
    enum { STRIDE = MATRIX_COLUMNS };
    const int width = wide ? MATRIX_COLUMNS : TILE_COLUMNS, two = t->count > t->first_rows;
    const int whole = parts == 3 || (parts == 2 && t->taps * t->depth <= FEW_TERMS);
    const char *b = t->b;
    float sums[MATRIX_ROWS * STRIDE] __attribute__((aligned(64)));
    zero_tile(how, 0);
    zero_tile(how, 1);
    zero_tile(how, 2);
    zero_tile(how, 3);
    for (ptrdiff_t tap = 0; tap < t->row_taps; tap++) {
        const char *first = t->rows[0] + t->row_offset[tap], *second = t->rows[1] + t->row_offset[tap];
        for (ptrdiff_t chunk = 0; chunk < t->row_chunks; chunk++) {
            if (t->ahead)
                for (ptrdiff_t i = 0; i < t->b_stride; i += TILE_BYTES)
                    __builtin_prefetch(b + t->ahead + i);
            if (parts == 3) {
                load_columns(how, wide, b + 2 * width * TILE_BYTES);
                load_rows(how, t, two, first, second);
                dot_all(how, wide, two);
            }
            if (parts > 1) {
                load_columns(how, wide, b + width * TILE_BYTES);
                if (whole) {
                    load_rows(how, t, two, first + t->part_stride, second + t->part_stride);
                    dot_all(how, wide, two);
                }
                load_rows(how, t, two, first, second);
                dot_all(how, wide, two);
                load_columns(how, wide, b);
                dot_all(how, wide, two);
                load_rows(how, t, two, first + t->part_stride, second + t->part_stride);
                dot_all(how, wide, two);
                if (parts == 3) {
                    load_rows(how, t, two, first + 2 * t->part_stride, second + 2 * t->part_stride);
                    dot_all(how, wide, two);
                }
            } else {
                load_rows(how, t, two, first, second);
                load_columns(how, wide, b);
                dot_all(how, wide, two);
            }
            first += t->chunk_stride;
            second += t->chunk_stride;
            b += t->b_stride;
        }
    }
    store_tile(how, 0, (char *)sums, STRIDE * sizeof(float));
    if (wide)
        store_tile(how, 1, (char *)(sums + TILE_COLUMNS), STRIDE * sizeof(float));
    if (two) {
        store_tile(how, 2, (char *)(sums + TILE_HEIGHT * STRIDE), STRIDE * sizeof(float));
        if (wide)
            store_tile(how, 3, (char *)(sums + TILE_HEIGHT * STRIDE + TILE_COLUMNS), STRIDE * sizeof(float));
    }
    (wide ? finish_wide : finish_narrow)(how, parts, t, sums, sums + TILE_HEIGHT * STRIDE, (int)t->first_rows, STRIDE);
}

#if defined(__AVX512F__)
/* Up to TILE_ROWS rows by a panel, one part of each, by vdpbf16ps. */
INLINE void pairs_body(const int rows, const int wide, const MatmulTile *t) {
    const int vectors = wide ? 2 : 1, half = (rows + 1) / 2;
    const ptrdiff_t stride = t->row_stride;
    const char *b = t->b;
    Lanes sums[TILE_ROWS][2];
    float buffer[TILE_ROWS][2 * LANES];
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++)
            sums[i][j] = splat(0);
    for (ptrdiff_t tap = 0; tap < t->row_taps; tap++) {
        const char *first = t->rows[0] + t->row_offset[tap], *second = t->rows[1] + t->row_offset[tap];
        for (ptrdiff_t chunk = 0; chunk < t->row_chunks; chunk++) {
            for (int pair = 0; pair < CHUNK_BYTES; pair += 4) {
                Lanes weights[2];
#pragma GCC unroll 2
                for (int j = 0; j < vectors; j++) {
                    const char *row = b + j * TILE_SIZE + pair * (TILE_BYTES / 4);
                    weights[j] = load((const float *)row);
                    __builtin_prefetch(row + 2 * TILE_SIZE);
                }
#pragma GCC unroll 16
                for (int i = 0; i < rows; i++) {
                    const char *at = (i < half ? first + i * stride : second + (i - half) * stride) + pair;
                    const LaneMask a = splat_bytes(at);
#pragma GCC unroll 2
                    for (int j = 0; j < vectors; j++)
                        __asm__("vdpbf16ps %2, %1, %0" : "+v"(sums[i][j]) : "v"(a), "v"(weights[j]));
                }
            }
            first += t->chunk_stride;
            second += t->chunk_stride;
            b += t->b_stride;
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++)
            store(&buffer[i][j * LANES], sums[i][j]);
    (wide ? finish_wide : finish_narrow)(BY_TILES, 1, t, buffer[0], NULL, (int)t->count, 2 * LANES);
}
#endif

/* The functions of a kernel: its conversion, its parts. */
typedef void (*SplitRows)(const char *a, ptrdiff_t rows, ptrdiff_t row_stride, const ptrdiff_t *offset, ptrdiff_t taps,
                          ptrdiff_t depth, ptrdiff_t k_stride, char *to);
typedef void (*SplitPixels)(const char *a, ptrdiff_t pixels, ptrdiff_t stride, ptrdiff_t depth, char *to);

#define SPLITS(how, name, parts)                                                                                       \
    static void split_rows_##name(const char *a, ptrdiff_t rows, ptrdiff_t row_stride, const ptrdiff_t *offset,         \
                                  ptrdiff_t taps, ptrdiff_t depth, ptrdiff_t k_stride, char *to) {                      \
        split_rows(how, parts, a, rows, row_stride, offset, taps, depth, k_stride, to);                                 \
    }                                                                                                                   \
    static void split_pixels_##name(const char *a, ptrdiff_t pixels, ptrdiff_t stride, ptrdiff_t depth, char *to) {     \
        split_pixels(how, parts, a, pixels, stride, depth, to);                                                         \
    }
SPLITS(BY_INTEGERS, by_integers_1, 1)
SPLITS(BY_INTEGERS, by_integers_2, 2)
SPLITS(BY_INTEGERS, by_integers_3, 3)
#if defined(__AVX512F__)
SPLITS(BY_CONVERSION, by_conversion_1, 1)
SPLITS(BY_CONVERSION, by_conversion_2, 2)
SPLITS(BY_CONVERSION, by_conversion_3, 3)
#endif
#undef SPLITS

#define PACK_TILES(parts)                                                                                              \
    static void pack_tiles_##parts(const char *b, ptrdiff_t depth, ptrdiff_t k_stride, ptrdiff_t columns,               \
                                   ptrdiff_t n_stride, char *panel, ptrdiff_t width) {                                  \
        pack_tiles(parts, b, depth, k_stride, columns, n_stride, panel, width);                                         \
    }
PACK_TILES(1)
PACK_TILES(2)
PACK_TILES(3)
#undef PACK_TILES

#define MATRIX_PARTS(how, name, parts)                                                                                 \
    static __attribute__((noinline)) void name##_narrow_##parts(const MatmulTile *t) { matrix_body(how, parts, 0, t); } \
    static __attribute__((noinline)) void name##_wide_##parts(const MatmulTile *t) { matrix_body(how, parts, 1, t); }   \
    static const TileFunction name##_tiles_##parts[MATRIX_ROWS][2] = {                                                  \
        [0 ... MATRIX_ROWS - 1] = {name##_narrow_##parts, name##_wide_##parts}};
#define MATRIX_TILES(how, name)                                                                                        \
    static void begin_##name(void) { tiles_begin(how); }                                                                \
    static void end_##name(void) { tiles_end(how); }                                                                    \
    MATRIX_PARTS(how, name, 1)                                                                                          \
    MATRIX_PARTS(how, name, 2)                                                                                          \
    MATRIX_PARTS(how, name, 3)
MATRIX_TILES(BY_EMULATION, emulated)
#if defined(__AVX512F__) && defined(TILE_INSTRUCTIONS)
MATRIX_TILES(BY_TILES, amx)
#endif
#undef MATRIX_TILES
#undef MATRIX_PARTS

#if defined(__AVX512F__)
#define PAIRS(name, rows)                                                                                              \
    static __attribute__((noinline)) void name##_##rows##_narrow(const MatmulTile *t) { pairs_body(rows, 0, t); }       \
    static __attribute__((noinline)) void name##_##rows##_wide(const MatmulTile *t) { pairs_body(rows, 1, t); }
#define PAIRS_ENTRY(name, rows) {name##_##rows##_narrow, name##_##rows##_wide},
FOR_TILE_ROWS(PAIRS, bf16_pairs)
static const TileFunction bf16_pair_tiles[TILE_ROWS][2] = {FOR_TILE_ROWS(PAIRS_ENTRY, bf16_pairs)};
#undef PAIRS
#undef PAIRS_ENTRY

/* Processors of AMD multiply pairs of bf16 twice as fast as f32, those of Intel at best as fast. */
static int gain_of_pairs(void) {
    unsigned level, vendor[3];
    return __get_cpuid(0, &level, &vendor[0], &vendor[1], &vendor[2]) && vendor[0] == signature_AMD_ebx ? 2 : 1;
}
#endif

/* A tile product takes 16 cycles, in which f32 has 2 * 16 * 16 multiply-adds. */
static int gain_of_tiles_1(void) { return 16; }
static int gain_of_tiles_2(void) { return 5; }
static int gain_of_tiles_3(void) { return 2; }

#pragma GCC pop_options

#endif
