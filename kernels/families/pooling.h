/* Maximum and mean over the taps of a pooling window, of f32, and the maximum of bytes and bf16.
 *
 * Images whose channels are adjacent in memory are pooled one window for all channels, images whose
 * columns are adjacent a line of windows for one channel.
 * A maximum is NaN when an element is. A mean sums the taps of each row, then the rows.
 */
#ifndef OVLITE_POOL_H
#define OVLITE_POOL_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "vectors.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

/* The taps of one window that lie in the image, in elements from `x`. */
typedef struct {
    const char *x;
    ptrdiff_t planes, rows, columns;
    ptrdiff_t plane_step, row_step, column_step;
} Window;

INLINE Lanes larger_lanes(Lanes a, Lanes b) {
#if defined(__AVX512F__)
    return _mm512_mask_mov_ps(_mm512_max_ps(a, b), _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), a);
#elif defined(__AVX__)
    return _mm256_blendv_ps(_mm256_max_ps(a, b), a, _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
#elif defined(__SSE2__)
    return _mm_or_ps(_mm_max_ps(a, b), _mm_and_ps(_mm_cmpunord_ps(a, a), a));
#else
    LaneMask keep = (a >= b) | (a != a);
    return (Lanes)((keep & (LaneMask)a) | (~keep & (LaneMask)b));
#endif
}

/* LANES floats that lie `step` apart. */
INLINE Lanes load_apart(const float *x, const ptrdiff_t step) {
    if (step == 1)
        return load(x);
    Lanes v;
    if (step == 2) {
        LaneMask even;
        for (int i = 0; i < LANES; i++)
            even[i] = i < LANES / 2 ? 2 * i : 2 * i + 1;
        v = __builtin_shuffle(load(x), load(x + LANES - 1), even);
    } else
        for (int i = 0; i < LANES; i++)
            v[i] = x[i * step];
    return v;
}

/* Pools `vectors` vectors of channels, or of windows whose first taps are `step` floats apart;
 * where that is 1, a single vector may want only its first n elements. */
INLINE void pool_vectors(
    const Window *w, const float *first, float *y, const int vectors, ptrdiff_t n, const ptrdiff_t step,
    const int maximum, float count) {
    Lanes total[4];
    for (int v = 0; v < vectors; v++)
        total[v] = splat(maximum ? -INFINITY : 0.0f);
    for (ptrdiff_t p = 0; p < w->planes; p++)
        for (ptrdiff_t r = 0; r < w->rows; r++) {
            const float *x = first + p * w->plane_step + r * w->row_step;
            Lanes row[4] = {};
            for (ptrdiff_t c = 0; c < w->columns; c++, x += w->column_step)
                for (int v = 0; v < vectors; v++) {
                    Lanes tap = n < LANES ? load_part(x, n) : load_apart(x + v * LANES, step);
                    if (maximum)
                        total[v] = larger_lanes(total[v], tap);
                    else
                        row[v] += tap;
                }
            if (!maximum)
                for (int v = 0; v < vectors; v++)
                    total[v] += row[v];
        }
    for (int v = 0; v < vectors; v++) {
        Lanes result = maximum ? total[v] : total[v] / splat(count);
        if (n == LANES)
            store(y + v * LANES, result);
        else
            store_part(y, result, n);
    }
}

INLINE void pool_channels(const Window *w, float *y, ptrdiff_t channels, const int maximum, float count) {
    const float *x = (const float *)w->x;
    ptrdiff_t c = 0;
    for (; c + 4 * LANES <= channels; c += 4 * LANES)
        pool_vectors(w, x + c, y + c, 4, LANES, 1, maximum, count);
    for (; c + 2 * LANES <= channels; c += 2 * LANES)
        pool_vectors(w, x + c, y + c, 2, LANES, 1, maximum, count);
    for (; c + LANES <= channels; c += LANES)
        pool_vectors(w, x + c, y + c, 1, LANES, 1, maximum, count);
    if (c < channels)
        pool_vectors(w, x + c, y + c, 1, channels - c, 1, maximum, count);
}

INLINE void pool_one(const Window *w, const float *first, float *y, const int maximum, float count) {
    float total = maximum ? -INFINITY : 0.0f;
    for (ptrdiff_t p = 0; p < w->planes; p++)
        for (ptrdiff_t r = 0; r < w->rows; r++) {
            const float *x = first + p * w->plane_step + r * w->row_step;
            float row = 0.0f;
            for (ptrdiff_t c = 0; c < w->columns; c++, x += w->column_step)
                if (maximum)
                    total = total >= *x || total != total ? total : *x;
                else
                    row += *x;
            total += row;
        }
    *y = maximum ? total : total / count;
}

/* The last vector overlaps the one before. */
INLINE void pool_line(
    const Window *w, float *y, ptrdiff_t windows, const ptrdiff_t step, const int maximum, float count) {
    const float *x = (const float *)w->x;
    if (windows < LANES)
        for (ptrdiff_t i = 0; i < windows; i++)
            pool_one(w, x + i * step, y + i, maximum, count);
    else
        for (ptrdiff_t i = 0; i < windows; i += LANES) {
            ptrdiff_t at = i + LANES <= windows ? i : windows - LANES;
            pool_vectors(w, x + at * step, y + at, 1, LANES, step, maximum, count);
        }
}

#define DEFINE_POOL(name, maximum)                                                             \
    /* y[c] of one window, for all channels c */                                               \
    static void name##_channels(const Window *w, float *y, ptrdiff_t channels, float count) {  \
        pool_channels(w, y, channels, maximum, count);                                         \
    }                                                                                          \
    /* y[i] of windows that lie `step` floats apart, all with as many taps as the first */     \
    static void name##_line(const Window *w, float *y, ptrdiff_t windows, ptrdiff_t step, float count) { \
        switch (step) {                                                                        \
        case 1: pool_line(w, y, windows, 1, maximum, count); break;                            \
        case 2: pool_line(w, y, windows, 2, maximum, count); break;                            \
        default: pool_line(w, y, windows, step, maximum, count);                               \
        }                                                                                      \
    }

DEFINE_POOL(max, 1)
DEFINE_POOL(mean, 0)

#define BYTES (4 * LANES) /* in a vector */

#if defined(__AVX512BW__)
#define LARGER_OF_64(a, b, suffix) ((__typeof__(a))_mm512_max_##suffix((__m512i)(a), (__m512i)(b)))
#endif
#if defined(__AVX2__)
#define LARGER_OF_32(a, b, suffix) ((__typeof__(a))_mm256_max_##suffix((__m256i)(a), (__m256i)(b)))
#define LARGER_OF_16(a, b, suffix) ((__typeof__(a))_mm_max_##suffix((__m128i)(a), (__m128i)(b)))
#else
#define LARGER_OF_16(a, b, suffix) ((__typeof__(a))(((a) & ((a) > (b))) | ((b) & ~((a) > (b)))))
#endif

/* y[c] of one window for `channels` channels, at least as many as a vector has: the last one overlaps the one before. */
#define DEFINE_BYTE_VECTORS(name, T, least, size, suffix)                                      \
    typedef T name##_##size##_t __attribute__((vector_size(size)));                            \
    typedef T name##_##size##_loose_t __attribute__((vector_size(size), aligned(1), may_alias)); \
    static void name##_##size(const Window *w, T *to, ptrdiff_t channels) {                    \
        for (ptrdiff_t c = 0; c < channels; c += size) {                                       \
            const ptrdiff_t at = c + size <= channels ? c : channels - size;                   \
            name##_##size##_t total = (name##_##size##_t){} + (T)(least);                      \
            for (ptrdiff_t p = 0; p < w->planes; p++)                                          \
                for (ptrdiff_t r = 0; r < w->rows; r++) {                                      \
                    const T *x = (const T *)w->x + at + p * w->plane_step + r * w->row_step;   \
                    for (ptrdiff_t i = 0; i < w->columns; i++, x += w->column_step)            \
                        total = LARGER_OF_##size(*(const name##_##size##_loose_t *)x, total, suffix); \
                }                                                                              \
            *(name##_##size##_loose_t *)(to + at) = total;                                     \
        }                                                                                      \
    }

#define DEFINE_FEW_BYTES(name, T, least)                                                       \
    static void name##_1(const Window *w, T *to, ptrdiff_t channels) {                         \
        for (ptrdiff_t c = 0; c < channels; c++) {                                             \
            T total = (T)(least);                                                              \
            for (ptrdiff_t p = 0; p < w->planes; p++)                                          \
                for (ptrdiff_t r = 0; r < w->rows; r++) {                                      \
                    const T *x = (const T *)w->x + c + p * w->plane_step + r * w->row_step;    \
                    for (ptrdiff_t i = 0; i < w->columns; i++, x += w->column_step)            \
                        total = *x > total ? *x : total;                                       \
                }                                                                              \
            to[c] = total;                                                                     \
        }                                                                                      \
    }

#if LANES > 8
#define DEFINE_WIDE_BYTES(name, T, least, suffix) DEFINE_BYTE_VECTORS(name, T, least, 64, suffix)
#define WIDE_BYTES(name) name##_64
#elif LANES > 4
#define DEFINE_WIDE_BYTES(name, T, least, suffix) DEFINE_BYTE_VECTORS(name, T, least, 32, suffix)
#define WIDE_BYTES(name) name##_32
#else
#define DEFINE_WIDE_BYTES(name, T, least, suffix)
#define WIDE_BYTES(name) name##_16
#endif

/* y[c] of one window for all channels c of bytes of type T; `least` is the smallest T. */
#define DEFINE_BYTE_POOL(name, T, least, suffix)                                               \
    DEFINE_WIDE_BYTES(name, T, least, suffix)                                                  \
    DEFINE_BYTE_VECTORS(name, T, least, 16, suffix)                                            \
    DEFINE_FEW_BYTES(name, T, least)                                                           \
    static void name(const Window *w, void *y, ptrdiff_t channels) {                           \
        (channels >= BYTES ? WIDE_BYTES(name) : channels >= 16 ? name##_16 : name##_1)(w, (T *)y, channels); \
    }

typedef uint16_t Halves __attribute__((vector_size(2 * LANES)));
typedef uint32_t WideHalves __attribute__((vector_size(4 * LANES)));

/* The same of bf16; the maximum is one of the elements. */
static void max_bf16(const Window *w, void *y, ptrdiff_t channels) {
    for (ptrdiff_t c = 0; c < channels; c += LANES) {
        const size_t size = 2 * (size_t)(channels - c < LANES ? channels - c : LANES);
        Lanes total = splat(-INFINITY);
        for (ptrdiff_t p = 0; p < w->planes; p++)
            for (ptrdiff_t r = 0; r < w->rows; r++) {
                const uint16_t *x = (const uint16_t *)w->x + c + p * w->plane_step + r * w->row_step;
                for (ptrdiff_t i = 0; i < w->columns; i++, x += w->column_step) {
                    Halves tap = {};
                    if (size == sizeof tap)
                        __builtin_memcpy(&tap, x, sizeof tap);
                    else
                        __builtin_memcpy(&tap, x, size);
                    total = larger_lanes(total, (Lanes)(__builtin_convertvector(tap, WideHalves) << 16));
                }
            }
        const Halves result = __builtin_convertvector((WideHalves)total >> 16, Halves);
        __builtin_memcpy((uint16_t *)y + c, &result, size);
    }
}

DEFINE_BYTE_POOL(max_u8, uint8_t, 0, epu8)
DEFINE_BYTE_POOL(max_i8, int8_t, -128, epi8)

#pragma GCC pop_options

#endif
