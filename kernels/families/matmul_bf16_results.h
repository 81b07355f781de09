/* What becomes of the sums of bf16 products, see matmul_bf16_split.h: those that cannot be right are computed again;
 * bias, residual and activation follow, and results go where they belong, as f32 or bf16. */
#ifndef OVLITE_MATMUL_BF16_RESULTS_H
#define OVLITE_MATMUL_BF16_RESULTS_H

#include "matmul_bf16_split.h"

BEGIN_TILE_CODE

/* Row i of a tile by its panel, in f32: the chain of multiply-adds of the f32 kernels. */
static __attribute__((noinline)) void row_in_f32(const MatmulTile *t, int parts, int width, int i, float *sums) {
    const char *a = t->pitch ? t->a[0] + i * t->a_stride : TILE_ROW(t->a, i, t->count, t->a_stride);
    ptrdiff_t at = 0;
    memset(sums, 0, (size_t)width * sizeof(float));
    for (ptrdiff_t tap = 0; tap < t->taps; tap++)
        for (ptrdiff_t k = 0; k < t->depth; k++, at++) {
            const char *b = t->b + at / CHUNK * t->b_stride + at % CHUNK / 2 * TILE_BYTES;
            const char *place = a + t->offset[tap] + k * t->k_stride;
            uint32_t bits = 0;
            if (t->bf16 & BF16_A)
                memcpy((char *)&bits + 2, place, 2);
            else
                memcpy(&bits, place, 4);
            const float x = float_of(bits);
            for (int n = 0; n < width; n++) {
                float weight = 0;
                for (int part = parts - 1; part >= 0; part--) {
                    uint32_t pair;
                    memcpy(&pair, b + part * width * TILE_BYTES + n / TILE_COLUMNS * TILE_SIZE + n % TILE_COLUMNS * 4, 4);
                    weight += float_of(at & 1 ? pair & 0xffff0000u : pair << 16);
                }
                sums[n] += x * weight;
            }
        }
}

/* Where the results of a tile's rows go, and what is added to them, or NULL; y is NULL where nothing goes. */
typedef struct {
    char *y[MATRIX_ROWS];
    const char *residual[MATRIX_ROWS];
} Places;

INLINE void find_places(const MatmulTile *t, Places *places) {
    const int rows = (int)t->count, adds = t->residual[0] != NULL;
    if (!t->pitch) {
        for (int i = 0; i < rows; i++) {
            places->y[i] = TILE_ROW(t->y, i, rows, t->y_stride);
            places->residual[i] = tile_residual(t, rows, i);
        }
        return;
    }
    ptrdiff_t line = t->first / t->pitch, column = t->first % t->pitch;
    for (int i = 0; i < rows; i++) {
        places->y[i] = column < t->width ? t->y[0] + line * t->y_line + column * t->y_stride : NULL;
        places->residual[i] = adds ? t->residual[0] + line * t->residual_line + column * t->residual_stride : NULL;
        if (++column == t->pitch) {
            column = 0;
            line++;
        }
    }
}

INLINE void widen_row(const char *from, ptrdiff_t columns, float *to) {
    for (ptrdiff_t j = 0; j < columns; j += LANES) {
        LooseHalves halves = {};
        if (columns - j >= LANES)
            halves = *(const LooseHalves *)(from + 2 * j);
        else
            memcpy(&halves, from + 2 * j, (size_t)(columns - j) * 2);
        store(to + j, (Lanes)(__builtin_convertvector(halves, LaneBits) << 16));
    }
}

/* from: whole vectors. */
INLINE void narrow_row(int how, const float *from, ptrdiff_t columns, char *to) {
    for (ptrdiff_t j = 0; j < columns; j += LANES) {
#if defined(__AVX512F__)
        if (how == BY_TILES && columns - j >= 2 * LANES) {
            _mm512_storeu_si512(to + 2 * j, nearest_pair(load(from + j), load(from + j + LANES)));
            j += LANES;
            continue;
        }
#endif
        const LooseHalves halves = __builtin_convertvector(nearest_bf16(load(from + j)) >> 16, LaneHalves);
        if (columns - j >= LANES)
            *(LooseHalves *)(to + 2 * j) = halves;
        else
            memcpy(to + 2 * j, &halves, (size_t)(columns - j) * 2);
    }
}

INLINE int has_lane(LaneBits mask) {
    int found = 0;
#if defined(__AVX512F__)
    found = _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0;
#else
    for (int i = 0; i < LANES; i++)
        found |= mask[i] != 0;
#endif
    return found;
}

/* All bits set in the lanes whose sum is zero, small or not finite. */
INLINE LaneBits any_odd(Lanes sum) {
    const LaneBits magnitude = (LaneBits)sum & 0x7fffffff;
    return (LaneBits)(magnitude - SMALL_SUM >= INFINITE_SUM - SMALL_SUM + (LaneBits){});
}

/* Whether a row of sums has to be computed again. Most rows have no odd one; most odd ones are zeros. */
INLINE int any_unsure(const float *row, const int width) {
    LaneBits odd = {};
    for (int j = 0; j < width; j += LANES)
        odd |= any_odd(load(row + j));
    if (__builtin_expect(!has_lane(odd), 1))
        return 0;
    LaneBits unsure = {};
    for (int j = 0; j < width; j += LANES)
        unsure |= any_odd(load(row + j)) & (LaneBits)(((LaneBits)load(row + j) & 0x7fffffff) != 0);
    return has_lane(unsure);
}

/* Writes a row of sums that all count: bias, residual, activation. */
INLINE void store_whole_row(const int width, const MatmulTile *t, float *y, const float *residual, const float *row) {
    const Lanes low = splat(t->activation.alpha), high = splat(t->activation.beta);
#pragma GCC unroll 8
    for (int j = 0; j < width; j += LANES) {
        Lanes sum = load(row + j);
        if (t->bias)
            sum += load(t->bias + j);
        if (residual)
            sum += load(residual + j);
        if (t->activation.kind == ACT_CLAMP)
            sum = clamp_lanes(sum, low, high);
        store(y + j, sum);
    }
    if (t->activation.kind > ACT_CLAMP)
        activate(&t->activation, y, width);
}

/* Writes the sums of a tile, `stride` floats to a row, of which those from `first` on lie at `rest`. */
INLINE void finish_sums(int how, int parts, const int width, const MatmulTile *t, const float *sums,
                        const float *rest, int first, ptrdiff_t stride) {
    const int whole = t->columns == width && (!t->residual[0] || t->residual_step);
    Places places;
    find_places(t, &places);
    for (int i = 0; i < t->count; i++) {
        const float *row = i < first ? sums + i * stride : rest + (i - first) * stride;
        const float *residual = (const float *)places.residual[i];
        float again[MATRIX_COLUMNS], widened[MATRIX_COLUMNS], results[MATRIX_COLUMNS];
        float *y = t->bf16 & BF16_Y ? results : (float *)places.y[i];
        if (!places.y[i])
            continue;
        if (any_unsure(row, width)) {
            row_in_f32(t, parts, width, i, again);
            row = again;
        }
        if (residual && t->bf16 & BF16_RESIDUAL) {
            widen_row(places.residual[i], t->residual_step ? t->columns : 1, widened);
            residual = widened;
        }
        if (whole)
            store_whole_row(width, t, y, residual, row);
        else
            store_row(t, y, residual, row, t->bias);
        if (t->bf16 & BF16_Y)
            narrow_row(how, results, t->columns, places.y[i]);
    }
}

static __attribute__((noinline)) void finish_wide(int how, int parts, const MatmulTile *t, const float *sums,
                                                  const float *rest, int first, ptrdiff_t stride) {
    finish_sums(how, parts, MATRIX_COLUMNS, t, sums, rest, first, stride);
}

static __attribute__((noinline)) void finish_narrow(int how, int parts, const MatmulTile *t, const float *sums,
                                                    const float *rest, int first, ptrdiff_t stride) {
    finish_sums(how, parts, TILE_COLUMNS, t, sums, rest, first, stride);
}

#pragma GCC pop_options

#endif
