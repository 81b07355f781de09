/* Copies of one plane of elements whose strides differ between source and target.
 *
 * A plane has `rows` by `columns` elements: y[r][c] = x[r][c], where an element of either side lies at
 * r * row stride + c * column stride. Strides are in bytes. Elements of 1, 2, 4 and 8 bytes are moved
 * and never interpreted; they need not be aligned.
 */
#ifndef OVLITE_TRANSPOSE_H
#define OVLITE_TRANSPOSE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "row_copy.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

typedef struct {
    char *y;
    const char *x;
    ptrdiff_t rows, columns;
    ptrdiff_t y_row, y_column;
    ptrdiff_t x_row, x_column;
} Plane;

/* Rows are runs of adjacent elements on both sides. */
static void copy_runs(const Plane *p, int element) {
    copy_rows(p->y, p->y_row, p->x, p->x_row, p->rows, p->columns * element);
}

/* Any strides; a column stride of 0 in x repeats one element along the row. */
#define DEFINE_COPY_ELEMENTS(name, type)                                                   \
    static void name(const Plane *p) {                                                     \
        const ptrdiff_t columns = p->columns, y_step = p->y_column, x_step = p->x_column;  \
        for (ptrdiff_t r = 0; r < p->rows; r++) {                                          \
            char *y = p->y + r * p->y_row;                                                 \
            const char *x = p->x + r * p->x_row;                                           \
            if (x_step == 0 && y_step == sizeof(type)) {                                   \
                type value;                                                                \
                memcpy(&value, x, sizeof value);                                           \
                for (ptrdiff_t c = 0; c < columns; c++)                                    \
                    memcpy(y + c * sizeof value, &value, sizeof value);                    \
            } else {                                                                       \
                for (ptrdiff_t c = 0; c < columns; c++)                                    \
                    memcpy(y + c * y_step, x + c * x_step, sizeof(type));                  \
            }                                                                              \
        }                                                                                  \
    }

DEFINE_COPY_ELEMENTS(copy_elements_1, uint8_t)
DEFINE_COPY_ELEMENTS(copy_elements_2, uint16_t)
DEFINE_COPY_ELEMENTS(copy_elements_4, uint32_t)
DEFINE_COPY_ELEMENTS(copy_elements_8, uint64_t)

static void copy_elements(const Plane *p, int size) {
    switch (size) {
    case 1: copy_elements_1(p); break;
    case 2: copy_elements_2(p); break;
    case 4: copy_elements_4(p); break;
    default: copy_elements_8(p);
    }
}

/* A square block in registers: y's columns and x's rows are adjacent elements. Interleaving vector i
 * with vector i + lanes / 2, log2(lanes) times over, transposes: each pass moves one bit of an
 * element's row number into its lane number. */
#define DEFINE_TRANSPOSE_BLOCK(name, type, lanes, passes, LOW, HIGH)                        \
    typedef type name##_lanes __attribute__((vector_size(lanes * sizeof(type))));           \
    static inline __attribute__((always_inline)) void name(                                 \
        char *y, ptrdiff_t y_row, const char *x, ptrdiff_t x_column) {                      \
        const name##_lanes low = LOW, high = HIGH;                                          \
        name##_lanes v[lanes], w[lanes];                                                    \
        _Pragma("GCC unroll 16") for (int i = 0; i < lanes; i++)                            \
            memcpy(&v[i], x + i * x_column, sizeof v[i]);                                   \
        _Pragma("GCC unroll 4") for (int pass = 0; pass < passes; pass++) {                 \
            _Pragma("GCC unroll 8") for (int i = 0; i < lanes / 2; i++) {                   \
                w[2 * i] = __builtin_shuffle(v[i], v[i + lanes / 2], low);                  \
                w[2 * i + 1] = __builtin_shuffle(v[i], v[i + lanes / 2], high);             \
            }                                                                               \
            _Pragma("GCC unroll 16") for (int i = 0; i < lanes; i++) v[i] = w[i];           \
        }                                                                                   \
        _Pragma("GCC unroll 16") for (int i = 0; i < lanes; i++)                            \
            memcpy(y + i * y_row, &v[i], sizeof v[i]);                                      \
    }

#define LOW_2 {0, 2}
#define HIGH_2 {1, 3}
#define LOW_4 {0, 4, 1, 5}
#define HIGH_4 {2, 6, 3, 7}
#define LOW_8 {0, 8, 1, 9, 2, 10, 3, 11}
#define HIGH_8 {4, 12, 5, 13, 6, 14, 7, 15}
#define LOW_16 {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23}
#define HIGH_16 {8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31}

DEFINE_TRANSPOSE_BLOCK(transpose_block_1, int8_t, 16, 4, LOW_16, HIGH_16)
DEFINE_TRANSPOSE_BLOCK(transpose_block_2, int16_t, 8, 3, LOW_8, HIGH_8)
DEFINE_TRANSPOSE_BLOCK(transpose_small_4, int32_t, 4, 2, LOW_4, HIGH_4)
#if defined(__AVX512F__)
DEFINE_TRANSPOSE_BLOCK(transpose_block_4, int32_t, 16, 4, LOW_16, HIGH_16)
DEFINE_TRANSPOSE_BLOCK(transpose_block_8, int64_t, 8, 3, LOW_8, HIGH_8)
#elif defined(__AVX2__)
DEFINE_TRANSPOSE_BLOCK(transpose_block_4, int32_t, 8, 3, LOW_8, HIGH_8)
DEFINE_TRANSPOSE_BLOCK(transpose_block_8, int64_t, 4, 2, LOW_4, HIGH_4)
#else
#define transpose_block_4 transpose_small_4
typedef transpose_small_4_lanes transpose_block_4_lanes;
DEFINE_TRANSPOSE_BLOCK(transpose_block_8, int64_t, 2, 1, LOW_2, HIGH_2)
#endif

/* The same of 4 by 4 bytes, within one register. */
typedef int8_t Bytes16 __attribute__((vector_size(16)));
typedef int32_t Words4 __attribute__((vector_size(16)));
typedef int8_t transpose_small_1_lanes __attribute__((vector_size(4)));
static inline __attribute__((always_inline)) void transpose_small_1(
    char *y, ptrdiff_t y_row, const char *x, ptrdiff_t x_column) {
    const Bytes16 places = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
    int32_t column[4];
    for (int i = 0; i < 4; i++)
        memcpy(&column[i], x + i * x_column, 4);
    const Words4 columns = {column[0], column[1], column[2], column[3]};
    const Words4 rows = (Words4)__builtin_shuffle((Bytes16)columns, places);
    for (int i = 0; i < 4; i++) {
        const int32_t row = rows[i];
        memcpy(y + i * y_row, &row, 4);
    }
}

/* A plane at least as large as the block: the last blocks of a side overlap the ones before. */
#define DEFINE_TRANSPOSE_BLOCKS(name, block, size)                                          \
    static void name(const Plane *p) {                                                      \
        const ptrdiff_t lanes = sizeof(block##_lanes) / size;                               \
        for (ptrdiff_t row = 0; row < p->rows; row += lanes) {                              \
            ptrdiff_t r = row + lanes <= p->rows ? row : p->rows - lanes;                   \
            for (ptrdiff_t column = 0; column < p->columns; column += lanes) {              \
                ptrdiff_t c = column + lanes <= p->columns ? column : p->columns - lanes;   \
                block(p->y + r * p->y_row + c * size, p->y_row,                             \
                      p->x + r * size + c * p->x_column, p->x_column);                      \
            }                                                                               \
        }                                                                                   \
    }

DEFINE_TRANSPOSE_BLOCKS(transpose_blocks_1, transpose_block_1, 1)
DEFINE_TRANSPOSE_BLOCKS(transpose_small_blocks_1, transpose_small_1, 1)
DEFINE_TRANSPOSE_BLOCKS(transpose_blocks_2, transpose_block_2, 2)
DEFINE_TRANSPOSE_BLOCKS(transpose_blocks_4, transpose_block_4, 4)
DEFINE_TRANSPOSE_BLOCKS(transpose_blocks_8, transpose_block_8, 8)
DEFINE_TRANSPOSE_BLOCKS(transpose_small_blocks_4, transpose_small_4, 4)

/* Two or three columns of 4 bytes, such as the coordinates of points or the colours of pixels. */
static void interleave_4(const Plane *p) {
    const char *x0 = p->x, *x1 = x0 + p->x_column, *x2 = x1 + p->x_column;
    for (ptrdiff_t r = 0; r < p->rows; r++) {
        char *y = p->y + r * p->y_row;
        memcpy(y, x0 + 4 * r, 4);
        memcpy(y + 4, x1 + 4 * r, 4);
        if (p->columns == 3)
            memcpy(y + 8, x2 + 4 * r, 4);
    }
}

typedef uint8_t Loose1 __attribute__((may_alias));
typedef uint32_t Loose4 __attribute__((may_alias, aligned(1)));

/* Colours of adjacent pixels. The constant stride lets the compiler shuffle whole vectors. */
#define DEFINE_COLOURS(size, type)                                                          \
    static void join_colours_##size(                                                        \
        type *restrict y, const type *restrict red, const type *restrict green,             \
        const type *restrict blue, ptrdiff_t pixels) {                                      \
        for (ptrdiff_t i = 0; i < pixels; i++) {                                            \
            y[3 * i] = red[i];                                                              \
            y[3 * i + 1] = green[i];                                                        \
            y[3 * i + 2] = blue[i];                                                         \
        }                                                                                   \
    }                                                                                       \
    static void split_colours_##size(                                                       \
        const type *restrict x, type *restrict red, type *restrict green,                   \
        type *restrict blue, ptrdiff_t pixels) {                                            \
        for (ptrdiff_t i = 0; i < pixels; i++) {                                            \
            red[i] = x[3 * i];                                                              \
            green[i] = x[3 * i + 1];                                                        \
            blue[i] = x[3 * i + 2];                                                         \
        }                                                                                   \
    }                                                                                       \
    /* Three colours on either side, their pixels adjacent; tells whether it was such a plane. */ \
    static int copy_colours_##size(const Plane *p) {                                        \
        if (p->columns == 3 && p->y_row == 3 * size)                                        \
            join_colours_##size((type *)p->y, (const type *)p->x, (const type *)(p->x + p->x_column), \
                                (const type *)(p->x + 2 * p->x_column), p->rows);           \
        else if (p->rows == 3 && p->x_column == 3 * size)                                   \
            split_colours_##size((const type *)p->x, (type *)p->y, (type *)(p->y + p->y_row), \
                                 (type *)(p->y + 2 * p->y_row), p->columns);                \
        else                                                                                \
            return 0;                                                                       \
        return 1;                                                                           \
    }

DEFINE_COLOURS(1, Loose1)
DEFINE_COLOURS(4, Loose4)

/* Two columns of bytes, such as channels of two groups. */
static void join_pairs_1(Loose1 *restrict y, const Loose1 *restrict a, const Loose1 *restrict b, ptrdiff_t pairs) {
    for (ptrdiff_t i = 0; i < pairs; i++) {
        y[2 * i] = a[i];
        y[2 * i + 1] = b[i];
    }
}

/* Adjacent elements form a row in y and a column in x. */
static void transpose(const Plane *p, int size) {
    const ptrdiff_t least = p->rows < p->columns ? p->rows : p->columns;
    if ((size == 1 && copy_colours_1(p)) || (size == 4 && copy_colours_4(p)))
        return;
    if (size == 1 && least >= 16)
        transpose_blocks_1(p);
    else if (size == 1 && least >= 4)
        transpose_small_blocks_1(p);
    else if (size == 1 && p->columns == 2 && p->y_row == 2)
        join_pairs_1((Loose1 *)p->y, (const Loose1 *)p->x, (const Loose1 *)(p->x + p->x_column), p->rows);
    else if (size == 2 && least >= 8)
        transpose_blocks_2(p);
    else if (size == 4 && least >= (ptrdiff_t)sizeof(transpose_block_4_lanes) / 4)
        transpose_blocks_4(p);
    else if (size == 4 && least >= 4)
        transpose_small_blocks_4(p);
    else if (size == 4 && (p->columns == 2 || p->columns == 3))
        interleave_4(p);
    else if (size == 8 && least >= (ptrdiff_t)sizeof(transpose_block_8_lanes) / 8)
        transpose_blocks_8(p);
    else
        copy_elements(p, size);
}

#pragma GCC pop_options

#endif
