/* Convolution of each channel with a kernel of its own, on channels-last images: a strip of up to
 * STRIP neighbouring output pixels at a time, whose windows share the pixels that they read.
 *
 * A kernel is a list of rows, each at an offset from the first output's pixel, of `width` taps that are
 * `tap_step` floats apart. Every y is one chain of multiply-adds in the order of the taps, which begins
 * with the bias, whatever the strip it falls in.
 */
#ifndef OVLITE_DEPTHWISE_H
#define OVLITE_DEPTHWISE_H

#include "activation.h"
#include "vectors.h"

#define STRIP 8

typedef struct {
    const float *x;
    const float *residual;     /* NULL without one */
    float *y;
    const float *weights;      /* per LANES channels: rows * width vectors */
    const float *bias;         /* LANES floats per LANES channels */
    const ptrdiff_t *offset;   /* of each kernel row, in floats */
    ptrdiff_t rows;
    ptrdiff_t width;
    ptrdiff_t tap_step;
    ptrdiff_t x_stride;        /* floats between the windows of neighbouring outputs */
    ptrdiff_t y_stride;
    ptrdiff_t residual_stride;
    ptrdiff_t residual_step;   /* floats between its channels: 1, or 0 for one value a pixel */
    ptrdiff_t channels;
    Activation activation;
} Strip;

typedef void (*StripFunction)(const Strip *);

/* Writes the sums of `count` pixels for `n` channels from channel c on. */
INLINE void strip_store(const int count, const Strip *s, ptrdiff_t c, ptrdiff_t n, Lanes sums[STRIP]) {
    const Lanes low = splat(s->activation.alpha), high = splat(s->activation.beta);
    float *y = s->y + c;
    const ptrdiff_t y_stride = s->y_stride;
    if (s->residual)
#pragma GCC unroll 8
        for (int i = 0; i < count; i++) {
            const float *residual = s->residual + i * s->residual_stride;
            sums[i] += s->residual_step ? load_part(residual + c, n) : splat(*residual);
        }
    if (s->activation.kind == ACT_CLAMP)
#pragma GCC unroll 8
        for (int i = 0; i < count; i++)
            sums[i] = clamp_lanes(sums[i], low, high);
    if (n == LANES)
#pragma GCC unroll 8
        for (int i = 0; i < count; i++)
            store(y + i * y_stride, sums[i]);
    else
        for (int i = 0; i < count; i++)
            store_part(y + i * y_stride, sums[i], n);
}

/* `width` taps side by side in each kernel row, `stride` pixels between windows: each pixel is read
 * once for all the windows that it is in. Whole vectors of channels; returns how many channels. */
INLINE ptrdiff_t sliding_body(const int count, const int width, const int stride, const Strip *s) {
    const float *weights = s->weights;
    const ptrdiff_t pixel = s->tap_step;
    ptrdiff_t c = 0;
    for (; c + LANES <= s->channels; c += LANES) {
        Lanes sums[STRIP];
#pragma GCC unroll 8
        for (int i = 0; i < count; i++)
            sums[i] = load(s->bias + c);
        for (ptrdiff_t row = 0; row < s->rows; row++) {
            const float *x = s->x + s->offset[row] + c;
            Lanes w[5];
#pragma GCC unroll 5
            for (int k = 0; k < width; k++)
                w[k] = load(weights + k * LANES);
            weights += width * LANES;
#pragma GCC unroll 20
            for (int j = 0; j < (count - 1) * stride + width; j++) {
                Lanes value = load(x);
                x += pixel;
#pragma GCC unroll 5
                for (int k = 0; k < width; k++)
                    if (j >= k && (j - k) % stride == 0 && (j - k) / stride < count)
                        sums[(j - k) / stride] += value * w[k];
            }
        }
        strip_store(count, s, c, LANES, sums);
    }
    return c;
}

/* Any kernel, and vectors that are not whole; from channel c on. */
INLINE void any_body(const int count, const Strip *s, ptrdiff_t c) {
    const float *weights = s->weights + c * s->rows * s->width;
    for (; c < s->channels; c += LANES) {
        ptrdiff_t n = s->channels - c < LANES ? s->channels - c : LANES;
        Lanes sums[STRIP];
#pragma GCC unroll 8
        for (int i = 0; i < count; i++)
            sums[i] = load(s->bias + c);
        for (ptrdiff_t row = 0; row < s->rows; row++) {
            const float *x = s->x + s->offset[row] + c;
            for (ptrdiff_t k = s->width; k > 0; k--) {
                Lanes w = load(weights);
#pragma GCC unroll 8
                for (int i = 0; i < count; i++)
                    sums[i] += load_part(x + i * s->x_stride, n) * w;
                x += s->tap_step;
                weights += LANES;
            }
        }
        strip_store(count, s, c, n, sums);
    }
}

#define NOINLINE static __attribute__((noinline))
#define STRIPS(count)                                                                                       \
    NOINLINE void strip_##count(const Strip *s, ptrdiff_t c) { any_body(count, s, c); }                     \
    NOINLINE void any_##count(const Strip *s) { strip_##count(s, 0); }                                      \
    NOINLINE void strip_##count##_3_1(const Strip *s) { strip_##count(s, sliding_body(count, 3, 1, s)); }   \
    NOINLINE void strip_##count##_3_2(const Strip *s) { strip_##count(s, sliding_body(count, 3, 2, s)); }   \
    NOINLINE void strip_##count##_5_1(const Strip *s) { strip_##count(s, sliding_body(count, 5, 1, s)); }   \
    NOINLINE void strip_##count##_5_2(const Strip *s) { strip_##count(s, sliding_body(count, 5, 2, s)); }
STRIPS(1) STRIPS(2) STRIPS(3) STRIPS(4) STRIPS(5) STRIPS(6) STRIPS(7) STRIPS(8)
#undef STRIPS

/* [kernel][pixels - 1] */
enum { ANY_KERNEL, WIDTH_3_STRIDE_1, WIDTH_3_STRIDE_2, WIDTH_5_STRIDE_1, WIDTH_5_STRIDE_2 };
#define STRIPS(prefix, suffix)                                                                        \
    {prefix##1##suffix, prefix##2##suffix, prefix##3##suffix, prefix##4##suffix,                      \
     prefix##5##suffix, prefix##6##suffix, prefix##7##suffix, prefix##8##suffix}
static const StripFunction strip_functions[5][STRIP] = {
    STRIPS(any_, ), STRIPS(strip_, _3_1), STRIPS(strip_, _3_2), STRIPS(strip_, _5_1), STRIPS(strip_, _5_2),
};
#undef STRIPS

/* Finishes `count` pixels: the activations that strip_store does not know. */
static void activate_strip(const Strip *s, ptrdiff_t count) {
    if (s->activation.kind > ACT_CLAMP)
        for (ptrdiff_t i = 0; i < count; i++)
            activate(&s->activation, s->y + i * s->y_stride, s->channels);
}

#endif
