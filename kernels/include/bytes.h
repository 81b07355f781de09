/* Bytes, signed or not, as vectors of f32 and of integers. */
#ifndef OVLITE_BYTES_H
#define OVLITE_BYTES_H

#include "vectors.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

typedef int LooseInts __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

INLINE LaneMask load_ints(const void *p) { return *(const LooseInts *)p; }
INLINE LaneMask splat_int(int x) { return x - (LaneMask){}; }

/* Four bytes, which may lie anywhere, in each lane. */
INLINE LaneMask splat_bytes(const char *at) {
    int bytes;
    memcpy(&bytes, at, sizeof bytes);
    return splat_int(bytes);
}
INLINE Lanes as_reals(LaneMask x) { return __builtin_convertvector(x, Lanes); }

#if !defined(__AVX512F__)
static __attribute__((noinline)) LaneMask load_few_bytes(const void *p, ptrdiff_t n, int is_signed) {
    LaneMask ints = {};
    for (ptrdiff_t i = 0; i < n; i++)
        ints[i] = is_signed ? ((const int8_t *)p)[i] : ((const uint8_t *)p)[i];
    return ints;
}

static __attribute__((noinline)) void store_few_bytes(void *p, LaneMask ints, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++)
        ((uint8_t *)p)[i] = (uint8_t)ints[i];
}
#endif

/* The n <= LANES bytes at p as integers, and zeros; memory behind them is not touched. */
INLINE LaneMask load_bytes(const void *p, ptrdiff_t n, const int is_signed) {
#if defined(__AVX512F__)
    const __m128i bytes =
        n == LANES ? _mm_loadu_si128((const __m128i *)p) : _mm_maskz_loadu_epi8((__mmask16)((1u << n) - 1), p);
    return (LaneMask)(is_signed ? _mm512_cvtepi8_epi32(bytes) : _mm512_cvtepu8_epi32(bytes));
#else
#if defined(__AVX2__)
    if (n == LANES) {
        const __m128i bytes = _mm_loadl_epi64((const __m128i *)p);
        return (LaneMask)(is_signed ? _mm256_cvtepi8_epi32(bytes) : _mm256_cvtepu8_epi32(bytes));
    }
#elif defined(__SSE2__)
    if (n == LANES) {
        int word;
        __builtin_memcpy(&word, p, sizeof word);
        const __m128i wide = _mm_unpacklo_epi8(_mm_setzero_si128(), _mm_cvtsi32_si128(word));
        const __m128i wider = _mm_unpacklo_epi16(_mm_setzero_si128(), wide);
        return (LaneMask)(is_signed ? _mm_srai_epi32(wider, 24) : _mm_srli_epi32(wider, 24));
    }
#endif
    return load_few_bytes(p, n, is_signed);
#endif
}

/* Stores the low bytes of the first n <= LANES integers. */
INLINE void store_bytes(void *p, LaneMask ints, ptrdiff_t n) {
#if defined(__AVX512F__)
    const __m128i bytes = _mm512_cvtepi32_epi8((__m512i)ints);
    if (n == LANES)
        _mm_storeu_si128((__m128i *)p, bytes);
    else
        _mm_mask_storeu_epi8(p, (__mmask16)((1u << n) - 1), bytes);
#else
#if defined(__AVX2__)
    if (n == LANES) {
        const __m256i low = _mm256_and_si256((__m256i)ints, _mm256_set1_epi32(255));
        const __m128i halves = _mm_packs_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
        _mm_storel_epi64((__m128i *)p, _mm_packus_epi16(halves, halves));
        return;
    }
#elif defined(__SSE2__)
    if (n == LANES) {
        const __m128i low = _mm_and_si128((__m128i)ints, _mm_set1_epi32(255));
        const __m128i halves = _mm_packs_epi32(low, low);
        const int word = _mm_cvtsi128_si32(_mm_packus_epi16(halves, halves));
        __builtin_memcpy(p, &word, sizeof word);
        return;
    }
#endif
    store_few_bytes(p, ints, n);
#endif
}

/* min(max(x, low), high) of each lane; a NaN gives low. */
INLINE Lanes cut_lanes(Lanes x, Lanes low, Lanes high) {
#if defined(__AVX512F__)
    return _mm512_min_ps(_mm512_max_ps(x, low), high);
#elif defined(__AVX__)
    return _mm256_min_ps(_mm256_max_ps(x, low), high);
#elif defined(__SSE2__)
    return _mm_min_ps(_mm_max_ps(x, low), high);
#else
    const LaneMask above = x > low;
    x = (Lanes)((above & (LaneMask)x) | (~above & (LaneMask)low));
    const LaneMask below = x < high;
    return (Lanes)((below & (LaneMask)x) | (~below & (LaneMask)high));
#endif
}

/* round(x), half to even, of |x| < 2^22. */
INLINE LaneMask round_lanes(Lanes x) {
#if defined(__AVX512F__)
    return (LaneMask)_mm512_cvtps_epi32(x);
#elif defined(__AVX__)
    return (LaneMask)_mm256_cvtps_epi32(x);
#elif defined(__SSE2__)
    return (LaneMask)_mm_cvtps_epi32(x);
#else
    return (LaneMask)(x + splat(ROUNDER)) - splat_int(bits_of(ROUNDER));
#endif
}

#if defined(__AVX2__) && !defined(__AVX512F__)
/* Stores the bytes of two rows of 2 * LANES reals: cut(round(x) + zero, low, high), half to even; a NaN gives low. What is
 * below the range of bytes saturates, as does the least integer, which too great a real becomes. */
INLINE void store_rounded_rows(char *first, char *second, const Lanes a[2], const Lanes b[2], float low, float high,
                               float zero, const int is_signed) {
    const __m256 most = _mm256_set1_ps(high - zero);
    const __m256i shift = _mm256_set1_epi16((short)zero), least = _mm256_set1_epi8((char)(int)low);
#define ROUNDED(x) _mm256_cvtps_epi32(_mm256_min_ps(most, x))
    const __m256i p = _mm256_adds_epi16(_mm256_packs_epi32(ROUNDED(a[0]), ROUNDED(a[1])), shift);
    const __m256i q = _mm256_adds_epi16(_mm256_packs_epi32(ROUNDED(b[0]), ROUNDED(b[1])), shift);
#undef ROUNDED
    const __m256i mixed = is_signed ? _mm256_max_epi8(_mm256_packs_epi16(p, q), least)
                                    : _mm256_max_epu8(_mm256_packus_epi16(p, q), least);
    const __m256i bytes = _mm256_permutevar8x32_epi32(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm_storeu_si128((__m128i *)first, _mm256_castsi256_si128(bytes));
    _mm_storeu_si128((__m128i *)second, _mm256_extracti128_si256(bytes, 1));
}
#else
/* Stores the bytes of two rows of 2 * LANES integers, which are in the range of signed or of unsigned bytes. */
INLINE void store_byte_rows(char *first, char *second, const LaneMask a[2], const LaneMask b[2], const int is_signed) {
#if defined(__AVX512BW__)
    const __m512i places = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i p = _mm512_packs_epi32((__m512i)a[0], (__m512i)a[1]);
    const __m512i q = _mm512_packs_epi32((__m512i)b[0], (__m512i)b[1]);
    const __m512i mixed = is_signed ? _mm512_packs_epi16(p, q) : _mm512_packus_epi16(p, q);
    const __m512i bytes = _mm512_permutexvar_epi32(places, mixed);
    _mm256_storeu_si256((__m256i *)first, _mm512_castsi512_si256(bytes));
    _mm256_storeu_si256((__m256i *)second, _mm512_extracti64x4_epi64(bytes, 1));
#elif defined(__SSE2__)
    const __m128i p = _mm_packs_epi32((__m128i)a[0], (__m128i)a[1]), q = _mm_packs_epi32((__m128i)b[0], (__m128i)b[1]);
    const __m128i bytes = is_signed ? _mm_packs_epi16(p, q) : _mm_packus_epi16(p, q);
    _mm_storel_epi64((__m128i *)first, bytes);
    _mm_storel_epi64((__m128i *)second, _mm_unpackhi_epi64(bytes, bytes));
#else
    for (int j = 0; j < 2; j++) {
        store_bytes(first + j * LANES, a[j], LANES);
        store_bytes(second + j * LANES, b[j], LANES);
    }
#endif
}

/* Stores the bytes of two rows of 2 * LANES reals: cut(round(x) + zero, low, high), half to even; a NaN gives low. */
INLINE void store_rounded_rows(char *first, char *second, const Lanes a[2], const Lanes b[2], float low, float high,
                               float zero, const int is_signed) {
    const Lanes least = splat(low - zero), most = splat(high - zero);
    LaneMask whole[2][2];
#pragma GCC unroll 2
    for (int j = 0; j < 2; j++) {
        whole[0][j] = round_lanes(cut_lanes(a[j], least, most)) + splat_int((int)zero);
        whole[1][j] = round_lanes(cut_lanes(b[j], least, most)) + splat_int((int)zero);
    }
    store_byte_rows(first, second, whole[0], whole[1], is_signed);
}
#endif

#pragma GCC pop_options

#endif
