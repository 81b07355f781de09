/* The table of this level's matrix kernels. A row says all that packing, planning, tests and benches ask of a
 * kernel; a new element type is a row, a function that packs panels, and the tile functions. */
#ifndef OVLITE_MATMUL_KERNELS_H
#define OVLITE_MATMUL_KERNELS_H

#include "element_type.h"
#include "matmul_bf16.h"
#include "matmul_compressed.h"
#include "matmul_dots.h"
#include "matmul_int8.h"
#include "matmul_int8_tiles.h"
#include "matmul_pack.h"

/* Packs depth x columns elements of b, the strides in bytes, into a panel `width` columns wide. */
typedef void (*PackPanel)(const char *b, ptrdiff_t depth, ptrdiff_t k_stride, ptrdiff_t columns, ptrdiff_t n_stride,
                          char *panel, ptrdiff_t width);
/* Copies rows x depth elements of a, the strides in bytes, into rows that a tile reads in place, to_stride apart. */
typedef void (*PackRows)(const char *a, ptrdiff_t rows, ptrdiff_t row_stride, ptrdiff_t depth, ptrdiff_t k_stride,
                         char *to, ptrdiff_t to_stride);

/* Copies rows x depth elements of a at each tap, the strides in bytes, into rows to_stride apart, with all taps one
 * behind the other. */
typedef void (*WidenRows)(const char *a, ptrdiff_t rows, ptrdiff_t row_stride, const ptrdiff_t *offset, ptrdiff_t taps,
                          ptrdiff_t depth, ptrdiff_t k_stride, char *to, ptrdiff_t to_stride);

typedef struct {
    const char *name;
    const char *needs;                 /* processor features beyond those of the level, with blanks between them */
    enum ElementType a, b, sum, y;
    int rows;                          /* of the largest tile */
    int columns;                       /* of a full panel; a narrow one has half as many */
    int k_block;                       /* elements of k that lie side by side in a panel */
    int few_rows, few_columns;         /* of the largest tile of `few` */
    const TileFunction (*tiles)[2];    /* [rows - 1][the panel is full] */
    const TileFunction *single_row;    /* [the panel is full]: for products of one row */
    const TileFunction *dots;          /* likewise, by columns of b that are read where they lie; or NULL */
    const TileFunction (*few)[FEW_COLUMNS]; /* [rows - 1][columns - 1]: columns packed one after the other; or NULL */
    PackPanel pack_panel;
    PackRows pack_rows;
    /* Of kernels that split f32 operands, see matmul_bf16.h; all others have zeros here. */
    int parts;                         /* of an operand */
    SplitRows split_rows;
    SplitPixels split_pixels;
    SplitRows copy_rows;               /* of bf16; NULL where all rows must be f32 */
    void (*begin)(void);               /* before the first tile that a thread computes in a step, or NULL */
    void (*end)(void);                 /* behind the last one */
    int (*permitted)(void);            /* whether the system lets this process run it, or NULL; asked before it is chosen */
    int (*gain)(void);                 /* how many times as fast as f32's full tiles it is on this processor */
    int whole_rows;                    /* rows cost as much as the next multiple of it */
    /* Before tiles of other numbers of rows than those before, in the first half and behind it, at least 1; or NULL. */
    void (*shape)(int first, int second);
    int narrow_rows;                   /* of the largest tile of a narrow panel; 0: as of a full one */
    WidenRows widen_rows;              /* of kernels whose tiles read copies of rows alone, of 16 bits an element; or NULL */
    int splits_pairs;                  /* weights whose pairs are too great are split in two */
} MatmulKernel;

/* A row that multiplies f32 in parts. */
#define SPLIT_ROW(name, needs, rows, columns, tiles, parts, how, begin, end, permitted, gain, whole_rows)       \
    {name, needs, F32, F32, F32, F32, rows, columns, CHUNK, 0, 0, tiles, NULL, NULL, NULL, pack_tiles_##parts,   \
     NULL, parts, split_rows_##how##_##parts, split_pixels_##how##_##parts,                                       \
     (parts) == 1 && (whole_rows) > 1 ? copy_bf16_rows : NULL, begin, end, permitted, gain, whole_rows}
#define MATRIX_ROW(name, needs, tiles, parts, how, permitted)                                                    \
    SPLIT_ROW(name, needs, MATRIX_ROWS, MATRIX_COLUMNS, tiles##_tiles_##parts, parts, how, begin_##tiles,         \
              end_##tiles, permitted, gain_of_tiles_##parts, TILE_HEIGHT)
#define INT8_TILES_ROW(name, needs, tiles, permitted)                                                            \
    {name, needs, U8, I8, I32, F32, MATRIX_ROWS, MATRIX_COLUMNS, TILE_BYTES, 0, 0, tiles##_int8_tiles, NULL, NULL, \
     NULL, pack_int8_tiles, pack_int8_rows, 0, NULL, NULL, NULL, begin_##tiles, end_##tiles, permitted, NULL, 0,  \
     shape_##tiles}

/* Bytes of rows that are to stay in the second-level cache while weights that don't fit in there stream past them. It has
 * 256 to 512 KiB on many processors without AVX-512. */
#define CACHED_ROWS (LANES == 16 ? 1 << 19 : 1 << 17)

static const MatmulKernel matmul_kernels[] = {
    {"f32", "", F32, F32, F32, F32, TILE_ROWS, PANEL, 1, FEW_ROWS, FEW_COLUMNS, tile_functions, row_functions,
     dot_functions, few_functions, pack_panel, pack_rows, .narrow_rows = NARROW_ROWS},
    {.name = "u8i8", .needs = "", .a = U8, .b = I8, .sum = I32, .y = F32, .rows = PAIR_ROWS, .columns = PANEL,
     .k_block = 2, .tiles = pair_tiles, .pack_panel = pack_int8_pairs, .widen_rows = widen_rows},
    {.name = "i16i16", .needs = "", .a = I16, .b = I16, .sum = I32, .y = F32, .rows = PAIR_ROWS, .columns = PANEL,
     .k_block = 2, .tiles = word_tiles, .pack_panel = pack_words, .pack_rows = pack_word_rows},
#if defined(__AVX2__) && !defined(__AVX512F__)
    {.name = "u8i8 quads", .needs = "", .a = U8, .b = I8, .sum = I32, .y = F32, .rows = PAIR_ROWS, .columns = PANEL,
     .k_block = 4, .tiles = quad_tiles, .pack_panel = pack_int8_panel, .pack_rows = pack_int8_rows, .splits_pairs = 1},
#endif
#if defined(__AVX512F__)
    {"u8i8 vnni", "avx512_vnni", U8, I8, I32, F32, TILE_ROWS, PANEL, 4, 0, 0, vnni_tiles, NULL, NULL, NULL,
     pack_int8_panel, pack_int8_rows},
#elif defined(__AVX2__)
    {"u8i8 vnni", "avx_vnni", U8, I8, I32, F32, TILE_ROWS, PANEL, 4, 0, 0, vnni_tiles, NULL, NULL, NULL,
     pack_int8_panel, pack_int8_rows},
#endif
#if EMULATES
    INT8_TILES_ROW("u8i8 emulated", "emulation", emulated, NULL),
#endif
#if defined(__AVX512F__) && defined(TILE_INSTRUCTIONS)
    INT8_TILES_ROW("u8i8 amx", "amx_tile amx_int8", amx, tiles_permitted),
#endif
#if defined(__AVX512F__)
    SPLIT_ROW("bf16", "avx512_bf16", TILE_ROWS, PANEL, bf16_pair_tiles, 1, by_conversion, NULL, NULL, NULL,
              gain_of_pairs, 1),
#if defined(TILE_INSTRUCTIONS)
    MATRIX_ROW("bf16x6 amx", "amx_tile amx_bf16 avx512_bf16", amx, 3, by_conversion, tiles_permitted),
    MATRIX_ROW("bf16x3 amx", "amx_tile amx_bf16 avx512_bf16", amx, 2, by_conversion, tiles_permitted),
    MATRIX_ROW("bf16 amx", "amx_tile amx_bf16 avx512_bf16", amx, 1, by_conversion, tiles_permitted),
#endif
    MATRIX_ROW("bf16x6 emulated with conversions", "emulation avx512_bf16", emulated, 3, by_conversion, NULL),
    MATRIX_ROW("bf16x3 emulated with conversions", "emulation avx512_bf16", emulated, 2, by_conversion, NULL),
    MATRIX_ROW("bf16 emulated with conversions", "emulation avx512_bf16", emulated, 1, by_conversion, NULL),
#endif
#if EMULATES
    MATRIX_ROW("bf16x6 emulated", "emulation", emulated, 3, by_integers, NULL),
    MATRIX_ROW("bf16x3 emulated", "emulation", emulated, 2, by_integers, NULL),
    MATRIX_ROW("bf16 emulated", "emulation", emulated, 1, by_integers, NULL),
#endif
    {0},
};

/* The same for weights that stay compressed in panels, of 2, 4 and 8 bits. */
#define COMPRESSED_ROW(bits)                                                                                     \
    {"f32 by " #bits " bits", "", F32, U8, F32, F32, COMPRESSED_ROWS, PANEL, 1, 0, 0, codes_##bits##_tiles, NULL, \
     NULL, NULL, NULL, pack_rows}
static const MatmulKernel compressed_kernels[] = {COMPRESSED_ROW(2), COMPRESSED_ROW(4), COMPRESSED_ROW(8)};

#pragma GCC push_options
#pragma GCC optimize("O3")

/* Tiles first .. first + count - 1 of the rows of a line, `rows` in each, and one more in those before `larger`. t: of the
 * line's first row. Rows of more than one tile are multiplied by a narrow panel at once. */
static void multiply_line(const MatmulKernel *kernel, MatmulTile *t, const int full, ptrdiff_t rows, ptrdiff_t larger,
                          ptrdiff_t first, ptrdiff_t count) {
    const ptrdiff_t begin = first * rows + (first < larger ? first : larger), end = first + count;
    const ptrdiff_t most = full ? 0 : kernel->narrow_rows;
    const char *a = t->a[0] + begin * t->a_stride, *residual = t->residual[0];
    char *y = t->y[0] + begin * t->y_stride;
    if (residual)
        residual += begin * t->residual_stride;
    t->residual[1] = NULL;
    while (first < end) {
        ptrdiff_t n = rows + (first < larger);
        for (first++; first < end && n + rows + (first < larger) <= most; first++)
            n += rows + (first < larger);
        const ptrdiff_t half = (n + 1) / 2;
        t->count = t->first_rows = n;
        t->a[0] = a;
        t->a[1] = a + half * t->a_stride;
        t->y[0] = y;
        t->y[1] = y + half * t->y_stride;
        if (residual) {
            t->residual[0] = residual;
            t->residual[1] = residual + half * t->residual_stride;
            residual += n * t->residual_stride;
        }
        kernel->tiles[n - 1][full](t);
        a += n * t->a_stride;
        y += n * t->y_stride;
    }
}

#pragma GCC pop_options

#endif
