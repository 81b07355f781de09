/* Register tiles of u8 x i8 -> i32.
 *
 *     sum[i][j] = shift[j] + sum over taps t, k < depth of a[i][offset[t] + k] * b[t][k][j]
 *
 * of which requantize.h makes results. Sums are exact: nothing saturates on the way. Depth is filled up with zeros to
 * whole groups of what a panel holds of a column side by side.
 *
 * Where the processor has vpdpbusd, that is four neighbouring k, which it adds to a lane at once. A tile reads rows where
 * they lie, up to three bytes behind the `depth` bytes of each tap, which may hold anything.
 *
 * With AVX2 alone pmaddubsw adds the products of a pair of k in 16 bits, which hold them where weights of one sign add up
 * to at most 128; what is more than that lies behind the panel, see split_pairs() in transforms.py.
 *
 * Elsewhere a panel holds pairs of k, and pmaddwd adds the products of a pair of 16 bits. Weights are widened as they
 * are loaded, once for all rows of a tile; rows are copied before, see `widen_rows` in matmul_kernels.h, which joins
 * their taps. Bytes less their zero points, on both sides, have 16 bits in memory already: see `words`. */
#ifndef OVLITE_MATMUL_INT8_H
#define OVLITE_MATMUL_INT8_H

#include <string.h>

#include "matmul_pack.h"

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

INLINE ResultRows results_of(const MatmulTile *t) {
    return (ResultRows){
        .y = {t->y[0], t->y[1]}, .residual = {t->residual[0], t->residual[1]}, .y_stride = t->y_stride,
        .residual_stride = t->residual_stride, .residual_step = t->residual_step, .column = t->column,
        .columns = t->columns,
    };
}

/* Sums begin with the shifts; what the results are written to, and added to, is fetched meanwhile. */
INLINE void begin_sums(const int rows, const int vectors, const MatmulTile *t, LaneMask *sums) {
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
        __builtin_prefetch(TILE_ROW(t->y, i, rows, t->y_stride), 1);
    if (t->residual[0])
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
            __builtin_prefetch(TILE_ROW(t->residual, i, rows, t->residual_stride));
#pragma GCC unroll 2
    for (int j = 0; j < vectors; j++) {
        const LaneMask shift = load_ints(t->requantization->shift + t->column + j * LANES);
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
            sums[i * vectors + j] = shift;
    }
}

/* Makes results of the sums. A function is given a copy of them: those that it could reach would lie in memory from the
 * beginning, and be written there again behind each loop. */
INLINE void make_results(const int rows, const int vectors, const MatmulTile *t, const LaneMask *sums) {
    const ResultRows results = results_of(t);
    LaneMask stored[TILE_ROWS * 2];
#pragma GCC unroll 32
    for (int i = 0; i < rows * vectors; i++)
        stored[i] = sums[i];
    store_sums(t->requantization, &results, rows, vectors, stored);
}

typedef short Pairs __attribute__((vector_size(4 * LANES)));
typedef signed char LooseBytes __attribute__((vector_size(2 * LANES), aligned(1), may_alias));
typedef unsigned char LooseCodes __attribute__((vector_size(2 * LANES), aligned(1), may_alias));
typedef short LoosePairs __attribute__((vector_size(4 * LANES), aligned(1), may_alias));

/* Two bytes of each lane as pairs. */
INLINE Pairs widened_bytes(const char *p) {
#if defined(__AVX512BW__)
    return (Pairs)_mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)p));
#elif defined(__AVX2__)
    return (Pairs)_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)p));
#elif defined(__SSE2__)
    const __m128i bytes = _mm_loadl_epi64((const __m128i *)p);
    return (Pairs)_mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8);
#else
    return __builtin_convertvector(*(const LooseBytes *)p, Pairs);
#endif
}

/* The same of bytes without a sign. */
INLINE Pairs widened_codes(const char *p) {
#if defined(__AVX512BW__)
    return (Pairs)_mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)p));
#elif defined(__AVX2__)
    return (Pairs)_mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)p));
#elif defined(__SSE2__)
    return (Pairs)_mm_unpacklo_epi8(_mm_loadl_epi64((const __m128i *)p), _mm_setzero_si128());
#else
    return __builtin_convertvector(*(const LooseCodes *)p, Pairs);
#endif
}

/* acc + the products of a pair of a with one of b, in each lane. */
INLINE LaneMask add_pairs(LaneMask acc, LaneMask a, Pairs b) {
#if defined(__AVX512BW__)
    return acc + (LaneMask)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return acc + (LaneMask)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return acc + (LaneMask)_mm_madd_epi16((__m128i)a, (__m128i)b);
#else
    const LaneMask w = (LaneMask)b;
    return acc + (a << 16 >> 16) * (w << 16 >> 16) + (a >> 16) * (w >> 16);
#endif
}

/* Two columns of sums, two of weights and a pair of a row leave one register: rows have to come one after the other. */
INLINE void keep_order(LaneMask a) {
#if defined(__AVX512F__)
    __asm__ volatile("" : : "v"(a));
#elif defined(__SSE2__)
    __asm__ volatile("" : : "x"(a));
#else
    (void)a;
#endif
}

/* words: rows and weights are of 16 bits in memory. */
INLINE void int_pairs_body(const int rows, const int vectors, const MatmulTile *t, const int words) {
    const int half = (rows + 1) / 2;
    const ptrdiff_t a_stride = t->a_stride;
    const char *b = t->b, *first = t->a[0], *second = t->a[1];
    LaneMask sums[TILE_ROWS * 2];
    begin_sums(rows, vectors, t, sums);
    for (ptrdiff_t pair = t->row_chunks; pair > 0; pair--) {
        Pairs weights[2];
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++)
            weights[j] = words ? (Pairs) * (const LoosePairs *)(b + 4 * LANES * j) : widened_bytes(b + 2 * LANES * j);
        __builtin_prefetch(b + 4 * B_AHEAD);
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++) {
            const LaneMask a = splat_bytes(i < half ? first + i * a_stride : second + (i - half) * a_stride);
            keep_order(a);
#pragma GCC unroll 2
            for (int j = 0; j < vectors; j++)
                sums[i * vectors + j] = add_pairs(sums[i * vectors + j], a, weights[j]);
        }
        first += 4;
        second += 4;
        b += (words ? 4 : 2) * vectors * LANES;
    }
    make_results(rows, vectors, t, sums);
}

INLINE void wide_pairs_body(const int rows, const int vectors, const MatmulTile *t) {
    int_pairs_body(rows, vectors, t, 0);
}

INLINE void words_body(const int rows, const int vectors, const MatmulTile *t) { int_pairs_body(rows, vectors, t, 1); }

typedef unsigned char EightCodes __attribute__((vector_size(8), aligned(1), may_alias));
typedef short EightWords __attribute__((vector_size(16), aligned(1), may_alias));
typedef unsigned char FourCodes __attribute__((vector_size(4), aligned(1), may_alias));
typedef short FourWords __attribute__((vector_size(8), aligned(1), may_alias));

/* Widens n bytes side by side. Of fewer than a vector has, such as three pixels of three colours, eight or four
 * at a time. */
INLINE void widen_run(const char *from, ptrdiff_t n, char *to) {
    enum { STEP = 2 * LANES, FEW = 8, FEWER = 4 };
    ptrdiff_t k = 0;
    if (n >= FEWER && n < FEW) {
        *(FourWords *)to = __builtin_convertvector(*(const FourCodes *)from, FourWords);
        k = n - FEWER;
        *(FourWords *)(to + 2 * k) = __builtin_convertvector(*(const FourCodes *)(from + k), FourWords);
        return;
    }
    if (n >= FEW && n < STEP) {
        for (; k + FEW <= n; k += FEW)
            *(EightWords *)(to + 2 * k) = __builtin_convertvector(*(const EightCodes *)(from + k), EightWords);
        k = n - FEW;
        *(EightWords *)(to + 2 * k) = __builtin_convertvector(*(const EightCodes *)(from + k), EightWords);
        return;
    }
    for (; k + STEP <= n; k += STEP)
        *(LoosePairs *)(to + 2 * k) = widened_codes(from + k);
    if (k < n && n >= STEP) {
        k = n - STEP;
        *(LoosePairs *)(to + 2 * k) = widened_codes(from + k);
        return;
    }
#pragma GCC unroll 1
    for (; k < n; k++)
        *(int16_t *)(to + 2 * k) = *(const unsigned char *)(from + k);
}

/* Copies rows of a, of all taps one behind the other, as 16 bits an element. */
static void widen_rows(const char *a, ptrdiff_t rows, ptrdiff_t row_stride, const ptrdiff_t *offset, ptrdiff_t taps,
                       ptrdiff_t depth, ptrdiff_t k_stride, char *to, ptrdiff_t to_stride) {
    for (ptrdiff_t i = 0; i < rows; i++, a += row_stride, to += to_stride)
        for (ptrdiff_t tap = 0; tap < taps; tap++) {
            const char *from = a + offset[tap];
            char *run = to + 2 * tap * depth;
            if (k_stride == 1)
                widen_run(from, depth, run);
            else
                for (ptrdiff_t k = 0; k < depth; k++)
                    ((int16_t *)run)[k] = (unsigned char)from[k * k_stride];
        }
}

/* Packs depth x columns bytes of b, the strides in bytes, into pairs of rows. */
static void pack_int8_pairs(const char *b, ptrdiff_t depth, ptrdiff_t k_stride, ptrdiff_t columns, ptrdiff_t n_stride,
                            char *panel, ptrdiff_t width) {
    for (ptrdiff_t k = 0; k < depth; k += 2, panel += 2 * width)
        for (ptrdiff_t n = 0; n < width; n++)
            for (int i = 0; i < 2; i++)
                panel[2 * n + i] = n < columns && k + i < depth ? b[(k + i) * k_stride + n * n_stride] : 0;
}

/* Packs depth x columns elements of 16 bits, the strides in bytes, into pairs of rows. */
static void pack_words(const char *b, ptrdiff_t depth, ptrdiff_t k_stride, ptrdiff_t columns, ptrdiff_t n_stride,
                       char *panel, ptrdiff_t width) {
    ptrdiff_t n = 0;
    if (k_stride == 2)
        for (; n + LANES <= columns; n += LANES)
            for (ptrdiff_t k = 0; k + 2 * LANES <= depth; k += 2 * LANES) {
                Lanes rows[LANES];
#pragma GCC unroll 16
                for (int i = 0; i < LANES; i++)
                    rows[i] = (Lanes) * (const LoosePairs *)(b + (n + i) * n_stride + 2 * k);
                transpose_lanes(rows);
#pragma GCC unroll 16
                for (int i = 0; i < LANES; i++)
                    *(LoosePairs *)(panel + 2 * k * width + 4 * (i * width + n)) = (Pairs)rows[i];
            }
    const ptrdiff_t transposed = k_stride == 2 ? depth / (2 * LANES) * (2 * LANES) : 0;
    for (ptrdiff_t k = 0; k < depth; k += 2) {
        int16_t *to = (int16_t *)(panel + 2 * k * width);
        const char *first = b + k * k_stride, *second = k + 1 < depth ? first + k_stride : NULL;
        ptrdiff_t done = k < transposed ? n : 0;
        if (n_stride == 2 && second)
#pragma GCC ivdep
            for (; done < columns; done++) {
                to[2 * done] = ((const int16_t *)first)[done];
                to[2 * done + 1] = ((const int16_t *)second)[done];
            }
        for (; done < width; done++) {
            to[2 * done] = done < columns ? *(const int16_t *)(first + done * n_stride) : 0;
            to[2 * done + 1] = done < columns && second ? *(const int16_t *)(second + done * n_stride) : 0;
        }
    }
}

/* Copies rows whose elements of 16 bits lie apart. */
static void pack_word_rows(const char *a, ptrdiff_t rows, ptrdiff_t row_stride, ptrdiff_t depth, ptrdiff_t k_stride,
                           char *to, ptrdiff_t to_stride) {
    for (ptrdiff_t i = 0; i < rows; i++, a += row_stride, to += to_stride) {
        for (ptrdiff_t k = 0; k < depth; k++)
            ((int16_t *)to)[k] = *(const int16_t *)(a + k * k_stride);
        if (depth % 2)
            ((int16_t *)to)[depth] = 0;
    }
}

#if defined(__AVX2__) && !defined(__AVX512F__)
/* acc + the products of four bytes of a, unsigned, with four at b, in each lane; `one` has ones of 16 bits. */
INLINE LaneMask add_quads(LaneMask acc, LaneMask a, const char *b, LaneMask one) {
    __m256i pairs;
    __asm__("vpmaddubsw %2, %1, %0" : "=x"(pairs) : "x"(a), "m"(*(const LooseInts *)b));
    return acc + (LaneMask)_mm256_madd_epi16(pairs, (__m256i)one);
}

/* Weights are read anew for each row: with them, the sums would not all stay in registers. */
INLINE void add_group(const int rows, const int vectors, LaneMask *sums, const char *first, const char *second,
                      ptrdiff_t a_stride, const char *b, LaneMask one) {
    const int half = (rows + 1) / 2;
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
        const LaneMask a = splat_bytes(i < half ? first + i * a_stride : second + (i - half) * a_stride);
        keep_order(a);
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++)
            sums[i * vectors + j] = add_quads(sums[i * vectors + j], a, b + 4 * LANES * j, one);
    }
}

INLINE void quads_body(const int rows, const int vectors, const MatmulTile *t) {
    const ptrdiff_t a_stride = t->a_stride, b_stride = t->b_stride;
    const char *b = t->b;
    LaneMask sums[TILE_ROWS * 2], one = splat_int(0x10001);
    __asm__("" : "+x"(one));
    begin_sums(rows, vectors, t, sums);
    const char *end = b + t->taps * ((t->depth + 3) / 4) * b_stride;
    const ptrdiff_t steps = t->taps + (t->more ? ((const int *)(end + b_stride))[2] : 0);
    for (ptrdiff_t tap = 0; tap < steps; tap++) {
        const int behind = tap >= t->taps, *place = (const int *)(b + b_stride);
        const ptrdiff_t offset = behind ? t->offset[place[0]] + place[1] : t->offset[tap];
        const char *first = t->a[0] + offset, *second = t->a[1] + offset;
        for (ptrdiff_t k = behind ? 4 : t->depth; k > 0; k -= 4) {
            __builtin_prefetch(b + 4 * B_AHEAD);
            add_group(rows, vectors, sums, first, second, a_stride, b, one);
            first += 4;
            second += 4;
            b += b_stride;
        }
        b += behind ? b_stride : 0;
    }
    make_results(rows, vectors, t, sums);
}
#endif

#if defined(__AVX2__)
/* acc + the products of four bytes of a, unsigned, with four of b, in each lane. */
INLINE LaneMask add_products(LaneMask acc, LaneMask a, LaneMask b) {
#if defined(__AVX512BW__)
    __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(a), "v"(b));
#else
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(acc) : "x"(a), "x"(b));
#endif
    return acc;
}

INLINE void add_vnni_group(const int rows, const int vectors, LaneMask *sums, const char *first, const char *second,
                           ptrdiff_t a_stride, const char *b) {
    const int half = (rows + 1) / 2;
    LaneMask weights[2];
#pragma GCC unroll 2
    for (int j = 0; j < vectors; j++) {
        weights[j] = load_ints(b + 4 * LANES * j);
        __builtin_prefetch(b + 4 * (B_AHEAD + j * LANES));
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
        const LaneMask a = splat_bytes(i < half ? first + i * a_stride : second + (i - half) * a_stride);
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++)
            sums[i * vectors + j] = add_products(sums[i * vectors + j], a, weights[j]);
    }
}

/* Few rows have several sums each, since one would wait for itself. */
INLINE void vnni_body(const int rows, const int vectors, const MatmulTile *t) {
    enum { MOST_CHAINS = 4 };
    const int chains = rows == 1 ? MOST_CHAINS : rows <= 3 ? 2 : 1;
    const ptrdiff_t a_stride = t->a_stride, b_stride = t->b_stride;
    const char *b = t->b;
    LaneMask sums[TILE_ROWS * 2], others[(MOST_CHAINS - 1) * 3 * 2];
    begin_sums(rows, vectors, t, sums);
#pragma GCC unroll 18
    for (int i = 0; i < (chains - 1) * rows * vectors; i++)
        others[i] = splat_int(0);
    for (ptrdiff_t tap = 0; tap < t->taps; tap++) {
        const char *first = t->a[0] + t->offset[tap];
        const char *second = t->a[1] + t->offset[tap];
        ptrdiff_t k = t->depth;
        for (; chains > 1 && k > 4 * (chains - 1); k -= 4 * chains)
#pragma GCC unroll 4
            for (int u = 0; u < chains; u++) {
                LaneMask *chain = u ? others + (u - 1) * rows * vectors : sums;
                add_vnni_group(rows, vectors, chain, first, second, a_stride, b);
                first += 4;
                second += 4;
                b += b_stride;
            }
        for (; k > 0; k -= 4) {
            add_vnni_group(rows, vectors, sums, first, second, a_stride, b);
            first += 4;
            second += 4;
            b += b_stride;
        }
    }
#pragma GCC unroll 18
    for (int i = 0; i < (chains - 1) * rows * vectors; i++)
        sums[i % (rows * vectors)] += others[i];
    make_results(rows, vectors, t, sums);
}
#endif

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

#define INT8_TILE(name, rows)                                                                                      \
    static __attribute__((noinline)) void name##_##rows##_narrow(const MatmulTile *t) { name##_body(rows, 1, t); } \
    static __attribute__((noinline)) void name##_##rows##_wide(const MatmulTile *t) { name##_body(rows, 2, t); }
#define INT8_ENTRY(name, rows) {name##_##rows##_narrow, name##_##rows##_wide},

#define FOR_FEW_ROWS(X, ...)                                                                          \
    X(__VA_ARGS__, 1) X(__VA_ARGS__, 2) X(__VA_ARGS__, 3) X(__VA_ARGS__, 4) X(__VA_ARGS__, 5) X(__VA_ARGS__, 6)
#if TILE_ROWS == 14
#define FOR_TILE_ROWS(X, ...)                                                                               \
    FOR_FEW_ROWS(X, __VA_ARGS__) X(__VA_ARGS__, 7) X(__VA_ARGS__, 8) X(__VA_ARGS__, 9) X(__VA_ARGS__, 10) \
    X(__VA_ARGS__, 11) X(__VA_ARGS__, 12) X(__VA_ARGS__, 13) X(__VA_ARGS__, 14)
#else
#define FOR_TILE_ROWS FOR_FEW_ROWS
#endif

#define PAIR_ROWS 6 /* the registers of all levels do; where there are more, there mostly is VNNI */
FOR_FEW_ROWS(INT8_TILE, wide_pairs)
static const TileFunction pair_tiles[PAIR_ROWS][2] = {FOR_FEW_ROWS(INT8_ENTRY, wide_pairs)};
FOR_FEW_ROWS(INT8_TILE, words)
static const TileFunction word_tiles[PAIR_ROWS][2] = {FOR_FEW_ROWS(INT8_ENTRY, words)};

#if defined(__AVX2__) && !defined(__AVX512F__)
FOR_FEW_ROWS(INT8_TILE, quads)
static const TileFunction quad_tiles[PAIR_ROWS][2] = {FOR_FEW_ROWS(INT8_ENTRY, quads)};
#endif

#if defined(__AVX2__)
FOR_TILE_ROWS(INT8_TILE, vnni)
static const TileFunction vnni_tiles[TILE_ROWS][2] = {FOR_TILE_ROWS(INT8_ENTRY, vnni)};
#endif

#pragma GCC pop_options

#endif
