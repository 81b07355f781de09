/* Reductions of a dense run of f32 in interleaved partial results ("lanes"), which vector units of any
 * width can carry: lane j takes elements j, j + lanes, ... and the lanes are folded in halves at the end.
 * The order of the operations depends on the length alone. */
#ifndef OVLITE_RUNS_H
#define OVLITE_RUNS_H

#include <stddef.h>

#include "vmath.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

enum {
    SHORT_RUN = 256,   /* reduced in 16 lanes, longer ones in 64 */
    RUN = 4096,        /* longest run: at most RUN / 64 roundings of f32 follow one another, and the folding */
};

#define SUM_OF(a, b) ((a) + (b))
#define PRODUCT_OF(a, b) ((a) * (b))
#define MAX_OF(a, b) (((b) > (a)) | ((b) != (b)) ? (b) : (a))     /* NaN when either is */
#define MIN_OF(a, b) (((b) < (a)) | ((b) != (b)) ? (b) : (a))

/* Sixteen lanes stay a loop until the compiler has made vectors of them; of sixty-four it does so first. */
#define OVER_LANES_16 _Pragma("GCC unroll 1")
#define OVER_LANES_64

#define FOLD(width, combine)                                                                     \
    OVER_LANES_16                                                                                \
    for (int j = 0; j < (width); j++)                                                            \
        lane[j] = combine(lane[j], lane[j + (width)]);

#define FOLD_64(combine) FOLD(32, combine) FOLD(16, combine)
#define FOLD_16(combine)

#define REDUCTION_IN_LANES(name, lanes, identity, combine, value)                                \
    static inline float name(const float *x, float *y, ptrdiff_t n, float shift) {               \
        float lane[lanes];                                                                       \
        ptrdiff_t i = 0;                                                                         \
        (void)shift, (void)y;                                                                    \
        for (int j = 0; j < lanes; j++)                                                          \
            lane[j] = identity;                                                                  \
        for (; i + lanes <= n; i += lanes) {                                                     \
            _Pragma("GCC ivdep")                                                                 \
            OVER_LANES_##lanes                                                                   \
            for (int j = 0; j < lanes; j++) {                                                    \
                const float v = x[i + j];                                                        \
                lane[j] = combine(lane[j], value);                                               \
            }                                                                                    \
        }                                                                                        \
        _Pragma("GCC ivdep")                                                                     \
        for (int j = 0; j < n - i; j++) {                                                        \
            const float v = x[i + j];                                                            \
            lane[j] = combine(lane[j], value);                                                   \
        }                                                                                        \
        FOLD_##lanes(combine)                                                                    \
        FOLD(8, combine)                                                                         \
        FOLD(4, combine)                                                                         \
        FOLD(2, combine)                                                                         \
        return combine(lane[0], lane[1]);                                                        \
    }

/* name(x, y, n, shift): the `combine`d `value`s of v over x[0 .. n), n <= RUN; `value` may leave something in
 * y[i + j], the place of v. */
#define RUN_REDUCTION(name, identity, combine, value)                                            \
    REDUCTION_IN_LANES(short_##name, 16, identity, combine, value)                               \
    REDUCTION_IN_LANES(long_##name, 64, identity, combine, value)                                \
    static inline float name(const float *x, float *y, ptrdiff_t n, float shift) {               \
        if (n < 8) {                                                                             \
            float total = identity;                                                              \
            const int j = 0;                                                                     \
            for (ptrdiff_t i = 0; i < n; i++) {                                                  \
                const float v = x[i + j];                                                        \
                total = combine(total, value);                                                   \
            }                                                                                    \
            return total;                                                                        \
        }                                                                                        \
        return n <= SHORT_RUN ? short_##name(x, y, n, shift) : long_##name(x, y, n, shift);      \
    }

RUN_REDUCTION(run_sum, 0.0f, SUM_OF, v)

#pragma GCC pop_options

#endif
