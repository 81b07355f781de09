/* Running sums along one dimension. */
#ifndef OVLITE_SCAN_H
#define OVLITE_SCAN_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC push_options
#pragma GCC optimize("O3")

/* y[i] = x[0] + ... + x[i] for n elements; exclusive leaves x[i] out. Steps are in elements. f32 is added up in f64. */
#define DEFINE_SCAN(name, type, total)                                                                    \
    static void name(char *to, ptrdiff_t y_step, const char *from, ptrdiff_t x_step, ptrdiff_t n,    \
                     int exclusive) {                                                                \
        type *y = (type *)to;                                                                        \
        total sum = 0;                                                                               \
        const type *x = (const type *)from;                                                          \
        for (ptrdiff_t i = 0; i < n; i++) {                                                          \
            const total next = sum + x[i * x_step];                                                  \
            y[i * y_step] = (type)(exclusive ? sum : next);                                          \
            sum = next;                                                                              \
        }                                                                                            \
    }

DEFINE_SCAN(scan_f32, float, double)
DEFINE_SCAN(scan_i32, int32_t, int32_t)
DEFINE_SCAN(scan_i64, int64_t, int64_t)

#pragma GCC pop_options

#endif
