/* Matrix tiles of u8 x i8 -> i32: the sums of matmul_int8.h, by AMX or emulated.
 *
 * A panel holds, for each 64 elements of k, a tile of 16 rows for each 16 columns: row i holds k = 4 i to 4 i + 3. Depth
 * is filled up with zeros: a tile reads up to 63 bytes behind the `depth` bytes of a row at each tap, which may hold
 * anything. Rows are read where they lie, and no others: tiles are shaped for them, see `shape` in matmul_kernels.h. */
#ifndef OVLITE_MATMUL_INT8_TILES_H
#define OVLITE_MATMUL_INT8_TILES_H

#include "matmul_bf16.h"
#include "matmul_int8.h"
#include "tiles.h"

BEGIN_TILE_CODE

/* Packs depth x columns bytes of b, the strides in bytes, into tiles. */
static void pack_int8_tiles(const char *b, ptrdiff_t depth, ptrdiff_t k_stride, ptrdiff_t columns, ptrdiff_t n_stride,
                            char *panel, ptrdiff_t width) {
    for (ptrdiff_t k = 0; k < depth; k += TILE_BYTES)
        for (ptrdiff_t n = 0; n < width; n += TILE_COLUMNS, panel += TILE_SIZE) {
            const ptrdiff_t left = depth - k < TILE_BYTES ? depth - k : TILE_BYTES;
            memset(panel, 0, TILE_SIZE);
            for (ptrdiff_t j = 0; j < TILE_COLUMNS && n + j < columns; j++)
                for (ptrdiff_t i = 0; i < left; i++)
                    panel[i / 4 * TILE_BYTES + 4 * j + i % 4] = b[(k + i) * k_stride + (n + j) * n_stride];
        }
}

/* Writes the results of `rows` rows of sums, `width` to a row. */
INLINE void finish_ints(const MatmulTile *t, int rows, const int width, const int32_t *sums) {
    enum { COLUMNS = 2 * LANES };
    const Requantization *to = t->requantization;
    ResultRows results = results_of(t);
    if (width <= COLUMNS) {
        store_sums(to, &results, rows, width / LANES, (const LaneMask *)sums);
        return;
    }
    for (ptrdiff_t n = 0; n < t->columns; n += COLUMNS) {
        LaneMask part[MATRIX_ROWS * 2];
        for (int i = 0; i < rows; i++)
            memcpy(&part[2 * i], sums + i * width + n, COLUMNS * sizeof(int32_t));
        results.column = t->column + n;
        results.columns = t->columns - n < COLUMNS ? t->columns - n : COLUMNS;
        for (int half = 0; half < 2; half++) {
            results.y[half] = t->y[half] + n * (to->bytes ? 1 : (ptrdiff_t)sizeof(float));
            if (t->residual[half])
                results.residual[half] = t->residual[half] + n * t->residual_step;
        }
        store_sums(to, &results, rows, 2, part);
    }
}

/* Up to 32 rows by a panel of 16 or 32 columns: tiles 0 to 3 are sums, which begin with the shifts, 4 and 5 of a, 6 and
 * 7 of b. */
INLINE void int8_tiles_body(const int how, const int wide, const MatmulTile *t) {
    const int width = wide ? MATRIX_COLUMNS : TILE_COLUMNS, rows = (int)t->count, first_rows = (int)t->first_rows;
    const int two = rows > first_rows;
    const ptrdiff_t a_stride = t->a_stride;
    const char *b = t->b, *shift = (const char *)(t->requantization->shift + t->column);
    int32_t sums[MATRIX_ROWS * MATRIX_COLUMNS] __attribute__((aligned(64)));
    load_tile(how, 0, shift, 0);
    if (wide)
        load_tile(how, 1, shift + TILE_BYTES, 0);
    if (two) {
        load_tile(how, 2, shift, 0);
        if (wide)
            load_tile(how, 3, shift + TILE_BYTES, 0);
    }
    for (ptrdiff_t tap = 0; tap < t->taps; tap++) {
        const char *first = t->a[0] + t->offset[tap], *second = t->a[1] + t->offset[tap];
        for (ptrdiff_t k = t->depth; k > 0; k -= TILE_BYTES) {
            if (t->ahead)
                for (ptrdiff_t i = 0; i < t->b_stride; i += TILE_BYTES)
                    __builtin_prefetch(b + t->ahead + i);
            load_tile(how, 6, b, TILE_BYTES);
            load_tile(how, 4, first, a_stride);
            dot_tiles_u8i8(how, 0, 4, 6);
            if (wide) {
                load_tile(how, 7, b + TILE_SIZE, TILE_BYTES);
                dot_tiles_u8i8(how, 1, 4, 7);
            }
            if (two) {
                load_tile(how, 5, second, a_stride);
                dot_tiles_u8i8(how, 2, 5, 6);
                if (wide)
                    dot_tiles_u8i8(how, 3, 5, 7);
            }
            first += TILE_BYTES;
            second += TILE_BYTES;
            b += t->b_stride;
        }
    }
    store_tile(how, 0, (char *)sums, width * 4);
    if (wide)
        store_tile(how, 1, (char *)(sums + TILE_COLUMNS), width * 4);
    if (two) {
        store_tile(how, 2, (char *)(sums + first_rows * width), width * 4);
        if (wide)
            store_tile(how, 3, (char *)(sums + first_rows * width + TILE_COLUMNS), width * 4);
    }
    finish_ints(t, rows, width, sums);
}

#define INT8_TILES(how, name)                                                                                    \
    static void shape_##name(int first, int second) { tiles_shape(how, first, second); }                         \
    static __attribute__((noinline)) void name##_int8_narrow(const MatmulTile *t) { int8_tiles_body(how, 0, t); } \
    static __attribute__((noinline)) void name##_int8_wide(const MatmulTile *t) { int8_tiles_body(how, 1, t); }   \
    static const TileFunction name##_int8_tiles[MATRIX_ROWS][2] = {                                              \
        [0 ... MATRIX_ROWS - 1] = {name##_int8_narrow, name##_int8_wide}};
#if EMULATES
INT8_TILES(BY_EMULATION, emulated)
#endif
#if defined(__AVX512F__) && defined(TILE_INSTRUCTIONS)
INT8_TILES(BY_TILES, amx)
#endif
#undef INT8_TILES

#pragma GCC pop_options

#endif
