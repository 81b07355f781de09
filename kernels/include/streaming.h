/* Memory that a step passes through once: read ahead of its use, and written past the caches. */
#ifndef OVLITE_STREAMING_H
#define OVLITE_STREAMING_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

enum { STREAM_LINE = 64 };

/* Asks for the lines of bytes begin .. end behind `at`, which may be no memory of ours. */
static inline void read_ahead(const char *at, ptrdiff_t begin, ptrdiff_t end) {
    for (ptrdiff_t i = begin; i < end; i += STREAM_LINE)
        __builtin_prefetch((const char *)((uintptr_t)at + (uintptr_t)i));
}

#if defined(__AVX512F__)
typedef __m512i Streamed;
#define STREAM(to, from) _mm512_stream_si512((__m512i *)(to), _mm512_loadu_si512(from))
#elif defined(__AVX__)
typedef __m256i Streamed;
#define STREAM(to, from) _mm256_stream_si256((__m256i *)(to), _mm256_loadu_si256((const __m256i *)(from)))
#elif defined(__SSE2__)
typedef __m128i Streamed;
#define STREAM(to, from) _mm_stream_si128((__m128i *)(to), _mm_loadu_si128((const __m128i *)(from)))
#endif

/* Copies a block to memory without reading that into the caches first: whole lines, and the parts of lines at both
 * ends as they are always written. What is written so is in order for other threads after stream_end(). */
static inline void stream(char *to, const char *from, ptrdiff_t bytes) {
#if defined(STREAM)
    ptrdiff_t head = (ptrdiff_t)(-(uintptr_t)to % STREAM_LINE);
    head = head < bytes ? head : bytes;
    const ptrdiff_t lines = (bytes - head) / STREAM_LINE * STREAM_LINE;
    memcpy(to, from, (size_t)head);
    to += head, from += head, bytes -= head + lines;
    for (ptrdiff_t i = 0; i < lines; i += (ptrdiff_t)sizeof(Streamed))
        STREAM(to + i, from + i);
    to += lines, from += lines;
#endif
    memcpy(to, from, (size_t)bytes);
}

static inline void stream_end(void) {
#if defined(STREAM)
    _mm_sfence();
#endif
}

#endif
