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
#ifndef OVLITE_MATMUL_BF16_SPLIT_H
#define OVLITE_MATMUL_BF16_SPLIT_H

#include "matmul_int8.h"
#include "matmul_pack.h"
#include "tiles.h"

#if defined(__AVX512F__)
#include <cpuid.h>
#endif

BEGIN_TILE_CODE

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

#pragma GCC pop_options

#endif
