/* Products of f32 by way of bf16: each operand is one bf16, or the sum of two or three.
 *
 *     bf16      a0 b0
 *     bf16x3    (a0 + a1) (b0 + b1), of which a1 b1 is left out where there are many terms
 *     bf16x6    (a0 + a1 + a2) (b0 + b1 + b2), without a1 b2, a2 b1 and a2 b2
 *
 * where x0 is the bf16 nearest to x, x1 the one nearest to x - x0, and so on: three have all bits of an f32. What is
 * left out of bf16x3 and the rounding of x1 are about 2^-17 of a product each, at any depth; what is left out of bf16x6
 * is 2^-26 of it, less than the rounding of its sum. Rows of a are split to scratch memory, or as a window of pixels
 * that the taps share, and b's when it is packed:
 *
 *     a row       chunks of 32 elements of k of all taps, one behind the other, the last one filled up with zeros;
 *                 each has `parts` runs of 64 bytes
 *     a panel     for each chunk and part, a tile of 16 rows for each 16 columns: row i holds k = 2 i and 2 i + 1
 *
 * Sums are f32. One that is not finite, or so small that the parts of its terms may have been denormal, is computed
 * again from a itself by multiply-adds in f32, so that infinities, NaN and the ends of f32's range come out as they do
 * from the kernels of f32. */
#ifndef OVLITE_MATMUL_BF16_H
#define OVLITE_MATMUL_BF16_H

#include "matmul_int8.h"
#include "matmul_pack.h"
#include "tiles.h"

#if defined(__AVX512F__)
#include <cpuid.h>
#endif

#pragma GCC push_options
#pragma GCC optimize("O3")

/* Tiles are emulated in portable C, and where the instructions may be had; in between nobody would run them. */
#define EMULATES (!defined(__AVX2__) || defined(__AVX512F__))

#define CHUNK 32                   /* elements of k */
#define CHUNK_BYTES 64             /* of one part of it */
#define TILE_COLUMNS 16
#define MATRIX_ROWS (2 * TILE_HEIGHT)
#define MATRIX_COLUMNS (2 * TILE_COLUMNS)
#define FEW_TERMS 512              /* up to here a1 b1 is added too */
#define SMALL_SUM 0x0d800000       /* bits of 2^-100 */
#define INFINITE_SUM 0x7f800000    /* of infinity */

typedef uint32_t LaneBits __attribute__((vector_size(4 * LANES)));
typedef uint16_t LaneHalves __attribute__((vector_size(2 * LANES)));
typedef uint16_t LooseHalves __attribute__((vector_size(2 * LANES), aligned(2), may_alias));
typedef uint32_t LooseBits __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

/* The bf16 nearest to x, in the upper half of each lane; NaN stays NaN. */
INLINE LaneBits nearest_bf16(Lanes x) {
    const LaneBits bits = (LaneBits)x, unordered = (LaneBits)(x != x);
    const LaneBits rounded = bits + 0x7fff + (bits >> 16 & 1);
    return ((rounded & ~unordered) | ((bits | 0x400000) & unordered)) & 0xffff0000;
}

/* How f32 is rounded to bf16: by operations on integers, or by the instruction of avx512_bf16. */
enum { BY_INTEGERS, BY_CONVERSION };

#if defined(__AVX512F__)
INLINE __m512i nearest_pair(Lanes low, Lanes high) {
    __m512i both;
    __asm__("vcvtne2ps2bf16 %2, %1, %0" : "=v"(both) : "v"(high), "v"(low));
    return both;
}
#endif

/* Splits CHUNK floats into parts that lie part_bytes apart. */
INLINE void split_chunk(const int how, const int parts, const float *x, char *to, ptrdiff_t part_bytes) {
#if defined(__AVX512F__)
    if (how == BY_CONVERSION) {
        Lanes low = load(x), high = load(x + LANES);
        __m512i both = nearest_pair(low, high);
        _mm512_storeu_si512(to, both);
        for (int part = 1; part < parts; part++) {
            low -= (Lanes)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(both)), 16);
            high -= (Lanes)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(both, 1)), 16);
            both = nearest_pair(low, high);
            _mm512_storeu_si512(to + part * part_bytes, both);
        }
        return;
    }
#endif
    for (int i = 0; i < CHUNK; i += LANES) {
        Lanes rest = load(x + i);
        for (int part = 0; part < parts; part++) {
            const LaneBits nearest = nearest_bf16(rest);
            *(LooseHalves *)(to + part * part_bytes + 2 * i) = __builtin_convertvector(nearest >> 16, LaneHalves);
            rest -= (Lanes)nearest;
        }
    }
}

/* Copies n floats; what is behind them at `to`, up to a whole vector, is overwritten. */
INLINE void copy_run(const float *from, ptrdiff_t n, float *to) {
    for (ptrdiff_t j = 0; j < n; j += LANES)
        store(to + j, n - j < LANES ? load_part(from + j, n - j) : load(from + j));
}

/* Splits rows of a, of all taps, into row 0 and up of a tile. */
INLINE void split_rows(const int how, const int parts, const char *a, ptrdiff_t rows, ptrdiff_t row_stride,
                       const ptrdiff_t *offset, ptrdiff_t taps, ptrdiff_t depth, ptrdiff_t k_stride, char *to) {
    for (ptrdiff_t i = 0; i < rows; i++, a += row_stride, to += TILE_BYTES) {
        char *chunk = to;
        float buffer[CHUNK + LANES];
        ptrdiff_t filled = 0;
        for (ptrdiff_t tap = 0; tap < taps; tap++) {
            const char *from = a + offset[tap];
            ptrdiff_t k = 0;
            while (k < depth) {
                if (k_stride == sizeof(float) && !filled && depth - k >= CHUNK) {
                    split_chunk(how, parts, (const float *)from + k, chunk, TILE_SIZE);
                    chunk += parts * TILE_SIZE;
                    k += CHUNK;
                    continue;
                }
                ptrdiff_t n = depth - k < CHUNK - filled ? depth - k : CHUNK - filled;
                if (k_stride == sizeof(float))
                    copy_run((const float *)from + k, n, buffer + filled);
                else
                    for (ptrdiff_t j = 0; j < n; j++)
                        buffer[filled + j] = *(const float *)(from + (k + j) * k_stride);
                filled += n;
                k += n;
                if (filled == CHUNK) {
                    split_chunk(how, parts, buffer, chunk, TILE_SIZE);
                    chunk += parts * TILE_SIZE;
                    filled = 0;
                }
            }
        }
        if (filled) {
            memset(buffer + filled, 0, (size_t)(CHUNK - filled) * sizeof(float));
            split_chunk(how, parts, buffer, chunk, TILE_SIZE);
        }
    }
}

/* Copies rows of bf16 to where split_rows() puts them. */
static void copy_bf16_rows(const char *a, ptrdiff_t rows, ptrdiff_t row_stride, const ptrdiff_t *offset, ptrdiff_t taps,
                           ptrdiff_t depth, ptrdiff_t k_stride, char *to) {
    (void)k_stride;
    for (ptrdiff_t i = 0; i < rows; i++, a += row_stride, to += TILE_BYTES) {
        ptrdiff_t filled = 0;
        for (ptrdiff_t tap = 0; tap < taps; tap++) {
            const char *from = a + offset[tap], *end = from + 2 * depth;
            while (from < end) {
                const ptrdiff_t room = CHUNK_BYTES - filled % CHUNK_BYTES, n = end - from < room ? end - from : room;
                memcpy(to + filled / CHUNK_BYTES * TILE_SIZE + filled % CHUNK_BYTES, from, (size_t)n);
                from += n;
                filled += n;
            }
        }
        if (filled % CHUNK_BYTES)
            memset(to + filled / CHUNK_BYTES * TILE_SIZE + filled % CHUNK_BYTES, 0,
                   (size_t)(CHUNK_BYTES - filled % CHUNK_BYTES));
    }
}

/* Splits pixels of `depth` floats, a multiple of CHUNK, that lie `stride` bytes apart; the parts of a chunk lie side by
 * side. */
INLINE void split_pixels(const int how, const int parts, const char *a, ptrdiff_t pixels, ptrdiff_t stride,
                         ptrdiff_t depth, char *to) {
    for (ptrdiff_t i = 0; i < pixels; i++, a += stride)
        for (ptrdiff_t k = 0; k < depth; k += CHUNK, to += parts * CHUNK_BYTES)
            split_chunk(how, parts, (const float *)a + k, to, CHUNK_BYTES);
}

/* A CHUNK x TILE_COLUMNS block of b as floats, filled up with zeros. */
static void gather_block(const char *b, ptrdiff_t depth, ptrdiff_t k_stride, ptrdiff_t columns, ptrdiff_t n_stride,
                         float block[CHUNK][TILE_COLUMNS]) {
    const ptrdiff_t size = sizeof(float);
    if (depth >= CHUNK && columns >= TILE_COLUMNS && n_stride == size) {
        for (int k = 0; k < CHUNK; k++)
            memcpy(block[k], b + k * k_stride, sizeof block[k]);
        return;
    }
    if (depth >= CHUNK && columns >= TILE_COLUMNS && k_stride == size) {
        for (int n = 0; n < TILE_COLUMNS; n += LANES)
            for (int k = 0; k < CHUNK; k += LANES)
                transpose_block((const float *)(b + n * n_stride) + k, n_stride / size, &block[k][n], TILE_COLUMNS);
        return;
    }
    for (int k = 0; k < CHUNK; k++)
        for (int n = 0; n < TILE_COLUMNS; n++)
            block[k][n] = k < depth && n < columns ? *(const float *)(b + k * k_stride + n * n_stride) : 0;
}

/* The first part of b, in the upper half of each lane: finite where b is, so that the parts' sum is b. */
INLINE LaneBits first_part(Lanes b) {
    const LaneBits bits = (LaneBits)b, nearest = nearest_bf16(b);
    const LaneBits overflown =
        (LaneBits)((nearest & 0x7fffffff) == 0x7f800000) & (LaneBits)((bits & 0x7fffffff) != 0x7f800000);
    return nearest - (overflown & 0x10000);
}

/* The parts behind it, which are zeros where b is not finite. */
INLINE LaneBits later_part(Lanes b, LaneBits first, const int part) {
    const LaneBits finite = (LaneBits)((first & 0x7f800000) != 0x7f800000), nearest = nearest_bf16(b - (Lanes)first);
    const LaneBits sum = (LaneBits)((Lanes)first + (Lanes)nearest);
    const LaneBits second = nearest - ((LaneBits)((sum & 0x7fffffff) == 0x7f800000) & 0x10000);
    return finite & (part == 1 ? second : nearest_bf16(b - (Lanes)first - (Lanes)second));
}

/* Packs depth x columns floats of b, the strides in bytes, into tiles. */
INLINE void pack_tiles(const int parts, const char *b, ptrdiff_t depth, ptrdiff_t k_stride, ptrdiff_t columns,
                       ptrdiff_t n_stride, char *panel, ptrdiff_t width) {
    float block[CHUNK][TILE_COLUMNS];
    for (ptrdiff_t k = 0; k < depth; k += CHUNK)
        for (int part = 0; part < parts; part++)
            for (ptrdiff_t n = 0; n < width; n += TILE_COLUMNS) {
                gather_block(b + k * k_stride + n * n_stride, depth - k, k_stride, columns - n, n_stride, block);
                for (int pair = 0; pair < CHUNK; pair += 2, panel += TILE_BYTES)
                    for (int i = 0; i < TILE_COLUMNS; i += LANES) {
                        const Lanes even = load(&block[pair][i]), odd = load(&block[pair + 1][i]);
                        LaneBits low = first_part(even), high = first_part(odd);
                        if (part) {
                            low = later_part(even, low, part);
                            high = later_part(odd, high, part);
                        }
                        *(LooseBits *)(panel + 4 * i) = low >> 16 | high;
                    }
            }
}

/* Row i of a tile by its panel, in f32: the chain of multiply-adds of the f32 kernels. */
static __attribute__((noinline)) void row_in_f32(const MatmulTile *t, int parts, int width, int i, float *sums) {
    const char *a = t->pitch ? t->a[0] + i * t->a_stride : TILE_ROW(t->a, i, t->count, t->a_stride);
    ptrdiff_t at = 0;
    memset(sums, 0, (size_t)width * sizeof(float));
    for (ptrdiff_t tap = 0; tap < t->taps; tap++)
        for (ptrdiff_t k = 0; k < t->depth; k++, at++) {
            const char *b = t->b + at / CHUNK * t->b_stride + at % CHUNK / 2 * TILE_BYTES;
            const char *place = a + t->offset[tap] + k * t->k_stride;
            uint32_t bits = 0;
            if (t->bf16 & BF16_A)
                memcpy((char *)&bits + 2, place, 2);
            else
                memcpy(&bits, place, 4);
            const float x = float_of(bits);
            for (int n = 0; n < width; n++) {
                float weight = 0;
                for (int part = parts - 1; part >= 0; part--) {
                    uint32_t pair;
                    memcpy(&pair, b + part * width * TILE_BYTES + n / TILE_COLUMNS * TILE_SIZE + n % TILE_COLUMNS * 4, 4);
                    weight += float_of(at & 1 ? pair & 0xffff0000u : pair << 16);
                }
                sums[n] += x * weight;
            }
        }
}

/* Where the results of a tile's rows go, and what is added to them, or NULL; y is NULL where nothing goes. */
typedef struct {
    char *y[MATRIX_ROWS];
    const char *residual[MATRIX_ROWS];
} Places;

INLINE void find_places(const MatmulTile *t, Places *places) {
    const int rows = (int)t->count, adds = t->residual[0] != NULL;
    if (!t->pitch) {
        for (int i = 0; i < rows; i++) {
            places->y[i] = TILE_ROW(t->y, i, rows, t->y_stride);
            places->residual[i] = adds ? TILE_ROW(t->residual, i, rows, t->residual_stride) : NULL;
        }
        return;
    }
    ptrdiff_t line = t->first / t->pitch, column = t->first % t->pitch;
    for (int i = 0; i < rows; i++) {
        places->y[i] = column < t->width ? t->y[0] + line * t->y_line + column * t->y_stride : NULL;
        places->residual[i] = adds ? t->residual[0] + line * t->residual_line + column * t->residual_stride : NULL;
        if (++column == t->pitch) {
            column = 0;
            line++;
        }
    }
}

INLINE void widen_row(const char *from, ptrdiff_t columns, float *to) {
    for (ptrdiff_t j = 0; j < columns; j += LANES) {
        LooseHalves halves = {};
        if (columns - j >= LANES)
            halves = *(const LooseHalves *)(from + 2 * j);
        else
            memcpy(&halves, from + 2 * j, (size_t)(columns - j) * 2);
        store(to + j, (Lanes)(__builtin_convertvector(halves, LaneBits) << 16));
    }
}

/* from: whole vectors. */
INLINE void narrow_row(const int how, const float *from, ptrdiff_t columns, char *to) {
    for (ptrdiff_t j = 0; j < columns; j += LANES) {
#if defined(__AVX512F__)
        if (how == BY_TILES && columns - j >= 2 * LANES) {
            _mm512_storeu_si512(to + 2 * j, nearest_pair(load(from + j), load(from + j + LANES)));
            j += LANES;
            continue;
        }
#endif
        const LooseHalves halves = __builtin_convertvector(nearest_bf16(load(from + j)) >> 16, LaneHalves);
        if (columns - j >= LANES)
            *(LooseHalves *)(to + 2 * j) = halves;
        else
            memcpy(to + 2 * j, &halves, (size_t)(columns - j) * 2);
    }
}

INLINE int has_lane(LaneBits mask) {
    int found = 0;
#if defined(__AVX512F__)
    found = _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0;
#else
    for (int i = 0; i < LANES; i++)
        found |= mask[i] != 0;
#endif
    return found;
}

/* All bits set in the lanes whose sum is zero, small or not finite. */
INLINE LaneBits any_odd(Lanes sum) {
    const LaneBits magnitude = (LaneBits)sum & 0x7fffffff;
    return (LaneBits)(magnitude - SMALL_SUM >= INFINITE_SUM - SMALL_SUM + (LaneBits){});
}

/* Whether a row of sums has to be computed again. Most rows have no odd one; most odd ones are zeros. */
INLINE int any_unsure(const float *row, const int width) {
    LaneBits odd = {};
    for (int j = 0; j < width; j += LANES)
        odd |= any_odd(load(row + j));
    if (__builtin_expect(!has_lane(odd), 1))
        return 0;
    LaneBits unsure = {};
    for (int j = 0; j < width; j += LANES)
        unsure |= any_odd(load(row + j)) & (LaneBits)(((LaneBits)load(row + j) & 0x7fffffff) != 0);
    return has_lane(unsure);
}

/* Writes a row of sums that all count: bias, residual, activation. */
INLINE void store_whole_row(const int width, const MatmulTile *t, float *y, const float *residual, const float *row) {
    const Lanes low = splat(t->activation.alpha), high = splat(t->activation.beta);
#pragma GCC unroll 8
    for (int j = 0; j < width; j += LANES) {
        Lanes sum = load(row + j);
        if (t->bias)
            sum += load(t->bias + j);
        if (residual)
            sum += load(residual + j);
        if (t->activation.kind == ACT_CLAMP)
            sum = clamp_lanes(sum, low, high);
        store(y + j, sum);
    }
    if (t->activation.kind > ACT_CLAMP)
        activate(&t->activation, y, width);
}

/* Writes the sums of a tile, `stride` floats to a row, of which those from `first` on lie at `rest`. */
INLINE void finish_sums(const int how, const int parts, const int width, const MatmulTile *t, const float *sums,
                        const float *rest, int first, ptrdiff_t stride) {
    const int whole = t->columns == width && (!t->residual[0] || t->residual_step);
    Places places;
    find_places(t, &places);
    for (int i = 0; i < t->count; i++) {
        const float *row = i < first ? sums + i * stride : rest + (i - first) * stride;
        const float *residual = (const float *)places.residual[i];
        float again[MATRIX_COLUMNS], widened[MATRIX_COLUMNS], results[MATRIX_COLUMNS];
        float *y = t->bf16 & BF16_Y ? results : (float *)places.y[i];
        if (!places.y[i])
            continue;
        if (any_unsure(row, width)) {
            row_in_f32(t, parts, width, i, again);
            row = again;
        }
        if (residual && t->bf16 & BF16_RESIDUAL) {
            widen_row(places.residual[i], t->residual_step ? t->columns : 1, widened);
            residual = widened;
        }
        if (whole)
            store_whole_row(width, t, y, residual, row);
        else
            store_row(t, y, residual, row, t->bias);
        if (t->bf16 & BF16_Y)
            narrow_row(how, results, t->columns, places.y[i]);
    }
}

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
    finish_sums(how, parts, width, t, sums, sums + TILE_HEIGHT * STRIDE, (int)t->first_rows, STRIDE);
}

#if defined(__AVX512F__)
static __attribute__((noinline)) void finish_pairs(const MatmulTile *t, int wide, const float *sums) {
    if (wide)
        finish_sums(BY_TILES, 1, PANEL, t, sums, NULL, (int)t->count, 2 * LANES);
    else
        finish_sums(BY_TILES, 1, LANES, t, sums, NULL, (int)t->count, 2 * LANES);
}

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
                    const LaneMask a = splat_int(*(const int *)at);
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
    finish_pairs(t, wide, buffer[0]);
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
