/* The register tile of the f32 matrix kernels: up to TILE_ROWS rows of A times a panel of B, or NARROW_ROWS rows
 * times half a panel.
 *
 *     y[i][j] = f(bias[j] + sum over taps t, k < depth of a[i][offset[t] + k] * b[t][k][j] + residual[i][j])
 *
 * A row of A is read where it lies, `depth` elements in a run at each tap's offset: one tap is a plain
 * matrix product, the taps of a kernel make a convolution. The rows come in two halves with a base
 * address each, so that a tile may cover two lines of a narrow image. B is packed a panel at a time:
 * a panel is LANES or 2 * LANES columns wide and holds taps * depth rows of that width. It may also be
 * read where it lies, with its rows b_stride bytes apart. All strides and offsets are in bytes, so that
 * the driver (matmul_driver.pyx) serves kernels of any element types.
 *
 * Every y is one chain of multiply-adds in the order of the taps and of k, which begins with the bias,
 * whatever the tile it falls in. A product of one row alone has functions of its own, with several chains.
 */
#ifndef OVLITE_MATMUL_TILE_H
#define OVLITE_MATMUL_TILE_H

#include "requantize.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

#if defined(__AVX512F__) || defined(__aarch64__) /* 32 registers */
#define TILE_ROWS 14
#define NARROW_ROWS 14
#else
#define TILE_ROWS 6
#define NARROW_ROWS 12 /* by one vector of columns: 6 sums are too few to hide how long each waits for itself */
#endif

#define PANEL (2 * LANES)  /* columns of a full panel */
#define B_AHEAD 512        /* floats between the panel's row in use and the one fetched ahead */
#define ROW_B_AHEAD 1024   /* the same where the panel is used once */

/* How weights are compressed, see matmul_compressed.h. group: k that share a scale. zero: of all columns, where panels
 * hold none. */
typedef struct {
    ptrdiff_t depth, group;
    float zero;
    int bits, has_zeros;
} Compression;

enum { BF16_A = 1, BF16_Y = 2, BF16_RESIDUAL = 4 };

typedef struct {
    const char *a[2];          /* first row of either half; the first half has (rows + 1) / 2 rows */
    const char *residual[2];   /* likewise; NULL without a residual */
    char *y[2];
    const char *b;             /* the panel */
    const float *bias;         /* one for each column of a full panel; NULL is 0 */
    const ptrdiff_t *offset;   /* of each tap from a row's address */
    const ptrdiff_t *b_row;    /* of each tap, its first row of the panel; NULL where they follow one another */
    ptrdiff_t taps;
    ptrdiff_t depth;           /* elements */
    ptrdiff_t a_stride;        /* between the rows of a half */
    ptrdiff_t b_stride;        /* between the rows of the panel */
    ptrdiff_t y_stride;
    ptrdiff_t residual_stride;
    ptrdiff_t residual_step;   /* between its columns: an element, or 0 for one value a row */
    ptrdiff_t columns;         /* that y has: no more are written */
    ptrdiff_t column;          /* of the panel's first among those of all panels */
    const Requantization *requantization; /* of kernels with integer sums */
    const Compression *compression;       /* of kernels that read codes */
    ptrdiff_t more;            /* groups behind a panel that hold what is too much for 16 bits, see matmul_int8.h */
    Activation activation;
    int bf16;                  /* BF16_A and so on: which operands are bf16 where others are f32 */
    /* Of kernels that split their operands, see matmul_bf16.h. */
    ptrdiff_t count;           /* rows */
    ptrdiff_t first_rows;      /* of them in the first of `rows`, or of the matrix tiles of bytes */
    ptrdiff_t k_stride;        /* of a */
    const char *rows[2];       /* of a, split */
    ptrdiff_t row_stride;
    ptrdiff_t chunk_stride;
    ptrdiff_t part_stride;
    const ptrdiff_t *row_offset; /* of each of row_taps from a row's address */
    ptrdiff_t row_taps;
    ptrdiff_t row_chunks;      /* of a tap */
    ptrdiff_t ahead;           /* bytes between the chunk of b in use and the one fetched ahead; 0: none */
    ptrdiff_t shaped;          /* rows that matrix tiles are shaped for; 0: all */
    /* Where rows run on over the ends of lines, with a row for each of `pitch` pixels of a line of a, of which the first
     * `width` are results; else pitch is 0. y and residual are those of the first line, `first` counts from there. */
    ptrdiff_t pitch;
    ptrdiff_t width;
    ptrdiff_t first;
    ptrdiff_t y_line;
    ptrdiff_t residual_line;
} MatmulTile;

static const ptrdiff_t NO_OFFSET[3];  /* taps where the row begins, for as many parts as weights have */

typedef void (*TileFunction)(const MatmulTile *);

INLINE const char *tile_residual(const MatmulTile *t, int rows, int i) {
    return t->residual[0] ? TILE_ROW(t->residual, i, rows, t->residual_stride) : NULL;
}

/* Writes the sums of a row of a tile, whole vectors of them, and what is added to each, or NULL: no column too many. */
INLINE void store_row(const MatmulTile *t, float *y, const float *residual, const float *sums, const float *bias) {
    const Lanes low = splat(t->activation.alpha), high = splat(t->activation.beta);
    for (ptrdiff_t left = t->columns; left > 0; left -= LANES) {
        ptrdiff_t first = t->columns - left, n = left < LANES ? left : LANES;
        Lanes sum = load(sums + first);
        if (bias)
            sum += load(bias + first);
        if (residual)
            sum += t->residual_step ? load_part(residual + first, n) : splat(*residual);
        if (t->activation.kind == ACT_CLAMP)
            sum = clamp_lanes(sum, low, high);
        if (n == LANES)
            store(y + first, sum);
        else
            store_part(y + first, sum, n);
    }
    if (t->activation.kind > ACT_CLAMP)
        activate(&t->activation, y, t->columns);
}

/* Adds the residual to `sums`, rows of LANES or 2 * LANES floats of which y has fewer columns, or writes them to y. */
INLINE void each_part(const MatmulTile *t, int rows, ptrdiff_t width, float *sums, const int writes) {
    const Lanes low = splat(t->activation.alpha), high = splat(t->activation.beta);
    for (int i = 0; i < rows; i++, sums += width) {
        const float *residual = (const float *)tile_residual(t, rows, i);
        float *y = (float *)TILE_ROW(t->y, i, rows, t->y_stride);
        for (ptrdiff_t j = 0; j < t->columns; j += LANES) {
            const ptrdiff_t n = t->columns - j < LANES ? t->columns - j : LANES;
            Lanes sum = load(sums + j);
            if (!writes)
                store(sums + j, sum + (t->residual_step ? load_part(residual + j, n) : splat(*residual)));
            else
                store_part(y + j, t->activation.kind == ACT_CLAMP ? clamp_lanes(sum, low, high) : sum, n);
        }
    }
}

static __attribute__((noinline)) void store_parts(const MatmulTile *t, int rows, int vectors, float *sums) {
    if (t->residual[0])
        each_part(t, rows, vectors * LANES, sums, 0);
    if (t->activation.kind > ACT_CLAMP)
        activate(&t->activation, sums, rows * vectors * LANES);
    each_part(t, rows, vectors * LANES, sums, 1);
}

/* Puts the sums of a tile one behind the other, or takes them from there. */
INLINE void move_sums(const int rows, const int vectors, Lanes sums[][2], float *to, const float *from) {
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++)
            if (from)
                sums[i][j] = load(from + (i * vectors + j) * LANES);
            else
                store(to + (i * vectors + j) * LANES, sums[i][j]);
}

/* Writes a tile of sums: residual, clamp or another activation, and no column too many. An activation is for all rows at
 * a time, since the vectors of one row are too few to keep a processor busy while each waits for itself. */
INLINE void tile_store(const int rows, const int vectors, const MatmulTile *t, Lanes sums[][2]) {
    const ptrdiff_t y_stride = t->y_stride, residual_stride = t->residual_stride;
    char *y[2] = {t->y[0], t->y[1]};
    const int masked = LANES == 16 && vectors == 1; /* AVX-512 has masks for a vector that is not whole */
    const ptrdiff_t n = masked ? t->columns : LANES;
    float buffer[rows * vectors * LANES];
    if (!masked && t->columns < vectors * LANES) {
        move_sums(rows, vectors, sums, buffer, NULL);
        store_parts(t, rows, vectors, buffer);
        return;
    }
    if (t->residual[0] && t->residual_step) {
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
            for (int j = 0; j < vectors; j++) {
                const float *r = (const float *)TILE_ROW(t->residual, i, rows, residual_stride) + j * LANES;
                sums[i][j] += n == LANES ? load(r) : load_part(r, n);
            }
    } else if (t->residual[0]) {
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
            for (int j = 0; j < vectors; j++)
                sums[i][j] += splat(*(const float *)TILE_ROW(t->residual, i, rows, residual_stride));
    }
    if (t->activation.kind == ACT_CLAMP) {
        const Lanes low = splat(t->activation.alpha), high = splat(t->activation.beta);
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
            for (int j = 0; j < vectors; j++)
                sums[i][j] = clamp_lanes(sums[i][j], low, high);
    } else if (t->activation.kind == ACT_HARD_SWISH) {
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
            for (int j = 0; j < vectors; j++)
                sums[i][j] = hard_swish_lanes(sums[i][j]);
    } else if (t->activation.kind > ACT_CLAMP) {
        move_sums(rows, vectors, sums, buffer, NULL);
        activate_to(&t->activation, buffer, buffer, rows * vectors * LANES);
        move_sums(rows, vectors, sums, NULL, buffer);
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++) {
            float *p = (float *)TILE_ROW(y, i, rows, y_stride) + j * LANES;
            if (n == LANES)
                store(p, sums[i][j]);
            else
                store_part(p, sums[i][j], n);
        }
}

INLINE void tile_body(const int rows, const int vectors, const MatmulTile *t) {
    const int half = (rows + 1) / 2;
    const ptrdiff_t a_stride = t->a_stride, b_stride = t->b_stride;
    const char *b = t->b;
    /* Of lines that rows of y share with the panel before, the end is what is not in the cache yet. */
    const int ahead = (vectors * LANES < CACHE_LINE ? vectors * LANES : CACHE_LINE) - 1;
    Lanes sums[NARROW_ROWS][2];
#pragma GCC unroll 2
    for (int j = 0; j < vectors; j++) {
        Lanes bias = t->bias ? load(t->bias + j * LANES) : splat(0);
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
            sums[i][j] = bias;
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int j = 0; j < vectors * LANES; j += CACHE_LINE)
            __builtin_prefetch((float *)TILE_ROW(t->y, i, rows, t->y_stride) + j + ahead, 1);
    for (ptrdiff_t tap = 0; tap < t->taps; tap++) {
        const char *first = t->a[0] + t->offset[tap];
        const char *second = t->a[1] + t->offset[tap];
        if (t->b_row)
            b = t->b + t->b_row[tap] * b_stride;
        for (ptrdiff_t k = t->depth; k > 0; k--) {
            Lanes weights[2];
#pragma GCC unroll 2
            for (int j = 0; j < vectors; j++) {
                weights[j] = load((const float *)b + j * LANES);
                if (j * LANES % CACHE_LINE == 0)
                    __builtin_prefetch((const float *)b + B_AHEAD + j * LANES);
            }
#pragma GCC unroll 16
            for (int i = 0; i < rows; i++) {
                Lanes a = splat(*(const float *)(i < half ? first + i * a_stride : second + (i - half) * a_stride));
#pragma GCC unroll 2
                for (int j = 0; j < vectors; j++)
                    sums[i][j] += a * weights[j];
            }
            first += sizeof(float);
            second += sizeof(float);
            b += b_stride;
        }
    }
    tile_store(rows, vectors, t, sums);
}

/* One row: the sum over k is kept in several chains, as the panel is read once and is what takes time. */
INLINE void row_body(const int vectors, const MatmulTile *t) {
    enum { CHAINS = 4 };
    Lanes sums[CHAINS][2], all[1][2];
    const float *b = (const float *)t->b;
    const ptrdiff_t b_stride = t->b_stride / (ptrdiff_t)sizeof(float);
#pragma GCC unroll 2
    for (int j = 0; j < vectors; j++) {
        sums[0][j] = t->bias ? load(t->bias + j * LANES) : splat(0);
#pragma GCC unroll 8
        for (int u = 1; u < CHAINS; u++)
            sums[u][j] = splat(0);
    }
    for (ptrdiff_t tap = 0; tap < t->taps; tap++) {
        const float *a = (const float *)(t->a[0] + t->offset[tap]);
        ptrdiff_t k = 0;
        if (t->b_row)
            b = (const float *)t->b + t->b_row[tap] * b_stride;
        for (; k + CHAINS <= t->depth; k += CHAINS, b += CHAINS * b_stride)
#pragma GCC unroll 8
            for (int u = 0; u < CHAINS; u++)
#pragma GCC unroll 2
                for (int j = 0; j < vectors; j++) {
                    const float *row = b + u * b_stride + j * LANES;
                    sums[u][j] += splat(a[k + u]) * load(row);
                    if (j * LANES % CACHE_LINE == 0)
                        __builtin_prefetch(row + ROW_B_AHEAD);
                }
        for (; k < t->depth; k++, b += b_stride)
#pragma GCC unroll 2
            for (int j = 0; j < vectors; j++)
                sums[0][j] += splat(a[k]) * load(b + j * LANES);
    }
#pragma GCC unroll 2
    for (int j = 0; j < vectors; j++)
        all[0][j] = (sums[0][j] + sums[1][j]) + (sums[2][j] + sums[3][j]);
    tile_store(1, vectors, t, all);
}

#define NARROW(rows) \
    static __attribute__((noinline)) void tile_##rows##_narrow(const MatmulTile *t) { tile_body(rows, 1, t); }
#define TILE(rows) \
    NARROW(rows)   \
    static __attribute__((noinline)) void tile_##rows##_wide(const MatmulTile *t) { tile_body(rows, 2, t); }
TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
#if TILE_ROWS == 14
TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12) TILE(13) TILE(14)
#else
NARROW(7) NARROW(8) NARROW(9) NARROW(10) NARROW(11) NARROW(12)
#endif
#undef TILE
#undef NARROW

/* [rows - 1][columns > LANES] */
static const TileFunction tile_functions[NARROW_ROWS][2] = {
#define TILE(rows) {tile_##rows##_narrow, tile_##rows##_wide},
#define NARROW(rows) {tile_##rows##_narrow, NULL},
    TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
#if TILE_ROWS == 14
    TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12) TILE(13) TILE(14)
#else
    NARROW(7) NARROW(8) NARROW(9) NARROW(10) NARROW(11) NARROW(12)
#endif
#undef TILE
#undef NARROW
};

static __attribute__((noinline)) void row_times_narrow_panel(const MatmulTile *t) { row_body(1, t); }
static __attribute__((noinline)) void row_times_wide_panel(const MatmulTile *t) { row_body(2, t); }

/* [columns > LANES] */
static const TileFunction row_functions[2] = {row_times_narrow_panel, row_times_wide_panel};

/* The width that a panel of `columns` columns is packed with. */
INLINE ptrdiff_t panel_width(ptrdiff_t columns) { return columns <= LANES ? LANES : PANEL; }

#pragma GCC pop_options

#endif
