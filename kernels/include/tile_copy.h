/* Copies between a strided tile of elements and a dense block. */
#ifndef OVLITE_GATHER_H
#define OVLITE_GATHER_H

#include <stddef.h>
#include <stdint.h>

#include "row_copy.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

/* `rows` by `cols` elements of type T, distances in bytes. */
#define TILE_COPY(T, target_row, target_step, source_row, source_step)                           \
    for (ptrdiff_t r = 0; r < rows; r++) {                                                       \
        char *y = to + r * (ptrdiff_t)(target_row);                                              \
        const char *x = from + r * (ptrdiff_t)(source_row);                                      \
        _Pragma("GCC ivdep")                                                                     \
        for (ptrdiff_t i = 0; i < cols; i++)                                                     \
            *(T *)(y + i * (ptrdiff_t)(target_step)) = *(const T *)(x + i * (ptrdiff_t)(source_step)); \
    }                                                                                            \
    break;

#define GATHER(T) TILE_COPY(T, cols * sizeof(T), sizeof(T), row, step)
#define SCATTER(T) TILE_COPY(T, row, step, cols * sizeof(T), sizeof(T))

/* Elements have `size` bytes; the tile's rows begin `row` bytes apart, its columns `step` bytes. */
static void gather(const char *from, ptrdiff_t row, ptrdiff_t step, char *to, ptrdiff_t rows, ptrdiff_t cols,
                   int size) {
    if (step == size) {
        copy_rows(to, cols * size, from, row, rows, cols * size);
        return;
    }
    switch (size) {
    case 1: GATHER(uint8_t)
    case 2: GATHER(uint16_t)
    case 4: GATHER(uint32_t)
    default: GATHER(uint64_t)
    }
}

static void scatter(const char *from, char *to, ptrdiff_t row, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t cols,
                    int size) {
    if (step == size) {
        copy_rows(to, row, from, cols * size, rows, cols * size);
        return;
    }
    switch (size) {
    case 1: SCATTER(uint8_t)
    case 2: SCATTER(uint16_t)
    case 4: SCATTER(uint32_t)
    default: SCATTER(uint64_t)
    }
}

#pragma GCC pop_options

#endif
