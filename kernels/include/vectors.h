/* Vectors of f32 for the matrix and window kernels, as wide as this level's registers. */
#ifndef OVLITE_VECTORS_H
#define OVLITE_VECTORS_H

#include <stddef.h>

#include "vmath.h"

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif

#if defined(__SSE2__)
#include <immintrin.h>

#pragma GCC push_options
#pragma GCC optimize("O3")
#endif

#define CACHE_LINE 16 /* floats */

typedef float Lanes __attribute__((vector_size(4 * LANES)));
typedef float LooseLanes __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int LaneMask __attribute__((vector_size(4 * LANES)));

INLINE Lanes load(const float *p) { return *(const LooseLanes *)p; }
INLINE void store(float *p, Lanes v) { *(LooseLanes *)p = v; }
INLINE Lanes splat(float x) { return x - (Lanes){}; }

#if LANES == 16
#define LANE_NUMBERS ((LaneMask){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
#elif LANES == 8
#define LANE_NUMBERS ((LaneMask){0, 1, 2, 3, 4, 5, 6, 7})
#else
#define LANE_NUMBERS ((LaneMask){0, 1, 2, 3})
#endif

INLINE LaneMask first_lanes(ptrdiff_t n) { return LANE_NUMBERS < (int)n; }

/* The first n floats at p, n <= LANES, and zeros; memory behind them is not touched. */
INLINE Lanes load_part(const float *p, ptrdiff_t n) {
#if defined(__AVX512F__)
    if (n == 8)
        return _mm512_zextps256_ps512(_mm256_loadu_ps(p));
    return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif defined(__AVX__)
    return _mm256_maskload_ps(p, (__m256i)first_lanes(n));
#else
    Lanes v = {};
    for (ptrdiff_t i = 0; i < n; i++)
        v[i] = p[i];
    return v;
#endif
}

/* Stores the first n floats of v, n <= LANES. Processors of AMD take 20 to 40 micro-operations for a masked store of AVX. */
INLINE void store_part(float *p, Lanes v, ptrdiff_t n) {
#if defined(__AVX512F__)
    if (n == 8)
        _mm256_storeu_ps(p, _mm512_castps512_ps256(v));
    else
        _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), v);
#elif defined(__AVX__)
    __m128 rest = _mm256_castps256_ps128(v);
    if (n == LANES) {
        store(p, v);
        return;
    }
    if (n & 4) {
        _mm_storeu_ps(p, rest);
        rest = _mm256_extractf128_ps(v, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)p, rest);
        rest = _mm_movehl_ps(rest, rest);
        p += 2;
    }
    if (n & 1)
        _mm_store_ss(p, rest);
#else
    for (ptrdiff_t i = 0; i < n; i++)
        p[i] = v[i];
#endif
}

INLINE int any_lane(LaneMask mask) {
#if defined(__AVX512F__)
    return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0;
#elif defined(__AVX__)
    return _mm256_movemask_ps((__m256)mask) != 0;
#elif defined(__SSE2__)
    return _mm_movemask_ps((__m128)mask) != 0;
#else
    int any = 0;
    for (int i = 0; i < LANES; i++)
        any |= mask[i];
    return any != 0;
#endif
}

INLINE float sum_of_lanes(Lanes v) {
#pragma GCC unroll 4
    for (int span = LANES / 2; span > 0; span /= 2)
        v += __builtin_shuffle(v, LANE_NUMBERS ^ span);
    return v[0];
}

/* min(max(x, low), high) of each lane; NaN stays. */
INLINE Lanes clamp_lanes(Lanes x, Lanes low, Lanes high) {
#if defined(__AVX512F__)
    return _mm512_min_ps(high, _mm512_max_ps(low, x));
#elif defined(__AVX__)
    return _mm256_min_ps(high, _mm256_max_ps(low, x));
#elif defined(__SSE2__)
    return _mm_min_ps(high, _mm_max_ps(low, x));
#else
    LaneMask below = x < low;
    x = (Lanes)((below & (LaneMask)low) | (~below & (LaneMask)x));
    LaneMask above = x > high;
    return (Lanes)((above & (LaneMask)high) | (~above & (LaneMask)x));
#endif
}

#pragma GCC pop_options

#endif
