/* Copies of rows whose elements are adjacent on both sides. */
#ifndef OVLITE_ROW_COPY_H
#define OVLITE_ROW_COPY_H

#include <stddef.h>
#include <string.h>

#pragma GCC push_options
#pragma GCC optimize("O3")

/* Rows of half .. 2 * half bytes, as their first and their last `half` bytes. */
#define COPY_SHORT_ROWS(half)                                                                    \
    for (ptrdiff_t r = 0; r < rows; r++) {                                                       \
        char first[half], last[half];                                                            \
        memcpy(first, x + r * x_row, half);                                                      \
        memcpy(last, x + r * x_row + size - half, half);                                         \
        memcpy(y + r * y_row, first, half);                                                      \
        memcpy(y + r * y_row + size - half, last, half);                                         \
    }

/* `rows` rows of `size` bytes, which begin y_row and x_row bytes apart. */
static void copy_rows(char *y, ptrdiff_t y_row, const char *x, ptrdiff_t x_row, ptrdiff_t rows, ptrdiff_t size) {
    if (size > 32 || size < 4)
        for (ptrdiff_t r = 0; r < rows; r++)
            memcpy(y + r * y_row, x + r * x_row, size);
    else if (size >= 16)
        COPY_SHORT_ROWS(16)
    else if (size >= 8)
        COPY_SHORT_ROWS(8)
    else
        COPY_SHORT_ROWS(4)
}

#pragma GCC pop_options

#endif
