/* Copies of rows that an index tensor chooses. */
#ifndef OVLITE_LOOKUP_H
#define OVLITE_LOOKUP_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#pragma GCC push_options
#pragma GCC optimize("O3")

/* Index i of a tensor of int32 (size 4) or int64, counted from the end when it is negative. */
static inline ptrdiff_t index_at(const char *indices, ptrdiff_t i, int size, ptrdiff_t length) {
    int64_t index = size == 4 ? ((const int32_t *)indices)[i] : ((const int64_t *)indices)[i];
    return (ptrdiff_t)(index < 0 ? index + length : index);
}

/* For i < rows: `bytes` bytes from x + indices[i] * bytes to y + i * bytes. Returns 0, or 1 as soon as
 * an index is outside of `length`. */
#define LOOK_UP(COPY)                                                       \
    for (ptrdiff_t i = 0; i < rows; i++) {                                  \
        const ptrdiff_t index = index_at(indices, i, size, length);         \
        if (index < 0 || index >= length)                                   \
            return 1;                                                       \
        COPY(y + i * bytes, x + index * bytes, bytes);                      \
    }                                                                       \
    return 0;

#define COPY_1(y, x, bytes) memcpy(y, x, 1)
#define COPY_2(y, x, bytes) memcpy(y, x, 2)
#define COPY_4(y, x, bytes) memcpy(y, x, 4)
#define COPY_8(y, x, bytes) memcpy(y, x, 8)

static inline __attribute__((always_inline)) int look_up_sized(
    char *y, const char *x, const char *indices, const int size, ptrdiff_t rows, ptrdiff_t length, ptrdiff_t bytes) {
    switch (bytes) {
    case 1: LOOK_UP(COPY_1)
    case 2: LOOK_UP(COPY_2)
    case 4: LOOK_UP(COPY_4)
    case 8: LOOK_UP(COPY_8)
    default: LOOK_UP(memcpy)
    }
}

static int look_up(
    char *y, const char *x, const char *indices, int size, ptrdiff_t rows, ptrdiff_t length, ptrdiff_t bytes) {
    return size == 4 ? look_up_sized(y, x, indices, 4, rows, length, bytes)
                     : look_up_sized(y, x, indices, 8, rows, length, bytes);
}

#pragma GCC pop_options

#endif
