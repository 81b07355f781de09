/* What attention does to rows of scores between its two products: see attention.pyx. */
#ifndef OVLITE_ATTENTION_H
#define OVLITE_ATTENTION_H

#include "vectors.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

enum {
    SCORES = 16,        /* rows of scores are filled up to multiples of it, with -infinity */
    MOST_KEYS = 1024,   /* of a block */
};

/* to[i][k] = from[i][k] * scale, the strides of `from` in bytes. */
static void scaled_rows(const char *from, ptrdiff_t row_stride, ptrdiff_t k_stride, ptrdiff_t rows, ptrdiff_t depth,
                        float scale, float *to) {
    for (ptrdiff_t i = 0; i < rows; i++, from += row_stride, to += depth)
        if (k_stride == sizeof(float))
            for (ptrdiff_t k = 0; k < depth; k++)
                to[k] = ((const float *)from)[k] * scale;
        else
            for (ptrdiff_t k = 0; k < depth; k++)
                to[k] = *(const float *)(from + k * k_stride) * scale;
}

/* scores[j] += mask[j * step] */
static void add_to_scores(float *scores, const float *mask, ptrdiff_t step, ptrdiff_t n) {
    if (step == 1)
        for (ptrdiff_t j = 0; j < n; j++)
            scores[j] += mask[j];
    else
        for (ptrdiff_t j = 0; j < n; j++)
            scores[j] += mask[j * step];
}

/* scores[j] where mask[j * step] is true, else `hidden` */
static void hide_scores(float *scores, const unsigned char *mask, ptrdiff_t step, ptrdiff_t n, float hidden) {
    if (step == 1)
        for (ptrdiff_t j = 0; j < n; j++)
            scores[j] = mask[j] ? scores[j] : hidden;
    else
        for (ptrdiff_t j = 0; j < n; j++)
            scores[j] = mask[j * step] ? scores[j] : hidden;
}

/* Scores first .. n - 1 of a row, and those that fill it up, become -infinity. */
static ptrdiff_t fill_scores(float *scores, ptrdiff_t first, ptrdiff_t n) {
    const ptrdiff_t whole = (n + SCORES - 1) / SCORES * SCORES;
    for (ptrdiff_t j = first; j < whole; j++)
        scores[j] = -INFINITY;
    return whole;
}

static void scale_row(float *y, ptrdiff_t n, float by) {
    for (ptrdiff_t j = 0; j < n; j++)
        y[j] *= by;
}

static void fill_row(float *y, ptrdiff_t n, float value) {
    for (ptrdiff_t j = 0; j < n; j++)
        y[j] = value;
}

/* The larger of two lanes; b where a is NaN. */
INLINE Lanes larger_lanes(Lanes a, Lanes b) { return clamp_lanes(b, a, splat(INFINITY)); }

static float largest_score(const float *scores, ptrdiff_t whole) {
    Lanes top = splat(-INFINITY);
    for (ptrdiff_t j = 0; j < whole; j += LANES)
        top = larger_lanes(load(scores + j), top);
#pragma GCC unroll 4
    for (int span = LANES / 2; span > 0; span /= 2)
        top = larger_lanes(__builtin_shuffle(top, LANE_NUMBERS ^ span), top);
    return top[0];
}

/* Scores become exp(score - shift); returns the sum. */
static float sum_of_exponentials(float *scores, ptrdiff_t whole, float shift) {
    Lanes sum = splat(0);
    for (ptrdiff_t j = 0; j < whole; j += SCORES) {
        _Pragma("GCC ivdep")
        for (ptrdiff_t i = j; i < j + SCORES; i++)
            scores[i] = vexp_negative(scores[i] - shift);
        for (ptrdiff_t i = j; i < j + SCORES; i += LANES)
            sum += load(scores + i);
    }
    return sum_of_lanes(sum);
}

/* Scores become exp(score - the largest so far). top, sum: of the blocks before, and then with this one. Returns by
 * what exponentials of the blocks before are to be multiplied. */
static float exponentials_of_scores(float *scores, ptrdiff_t whole, float *top, float *sum) {
    const float part = largest_score(scores, whole), largest = part > *top ? part : *top;
    const float shift = largest == -INFINITY ? 0.0f : largest;
    const float before = *top == largest ? 1.0f : vexp_negative(*top - shift);
    *sum = *sum * before + sum_of_exponentials(scores, whole, shift);
    *top = largest;
    return before;
}

#pragma GCC pop_options

#endif
