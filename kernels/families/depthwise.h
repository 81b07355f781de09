/* Convolution of each channel, or of small groups of channels, with kernels of their own, on
 * channels-last images of f32 or of u8: a strip of up to STRIP neighbouring output pixels at a time, whose windows share
 * the pixels that they read.
 *
 * A kernel is a list of rows, each at an offset from the first output's pixel, of `width` taps that are
 * `tap_step` bytes apart. With dilations, the outputs of a strip are as far apart as the taps. In a group of g
 * channels every output channel takes all g input channels: a vector of weights holds what its lanes' outputs take
 * from the s-th channel of their groups, and meets the input vector with that channel copied to all lanes of the
 * group. g divides LANES.
 *
 * Every y is one chain of multiply-adds, which begins with the bias, whatever the strip it falls in. Sums of bytes are
 * whole numbers that f32 holds exactly as long as they stay below 2^24, which the caller sees to; requantize.h makes
 * results of them.
 */
#ifndef OVLITE_DEPTHWISE_H
#define OVLITE_DEPTHWISE_H

#include "requantize.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

#define STRIP 8
#define MOST_WIDTH 7 /* of the kernels below */

typedef struct {
    const char *x;
    const char *residual;      /* NULL without one */
    char *y;
    const float *weights;      /* per LANES channels: vectors [row][channel of the group][tap] */
    const float *bias;         /* LANES floats per LANES channels */
    const ptrdiff_t *offset;   /* of each kernel row, in bytes */
    ptrdiff_t rows;
    ptrdiff_t width;
    ptrdiff_t group;           /* channels in a group */
    ptrdiff_t tap_step;
    ptrdiff_t x_stride;        /* bytes between the windows of neighbouring outputs */
    ptrdiff_t y_stride;
    ptrdiff_t residual_stride;
    ptrdiff_t residual_step;   /* bytes between its channels, or 0 for one value a pixel */
    ptrdiff_t channels;
    ptrdiff_t channel;         /* the first one */
    const Requantization *requantization; /* of bytes; else NULL */
    Activation activation;
} Strip;

typedef void (*StripFunction)(const Strip *);

/* n elements of a pixel; memory behind them is not touched. */
INLINE Lanes load_pixel(const char *x, ptrdiff_t n, const int bytes) {
    return bytes ? as_reals(load_bytes(x, n, 0)) : n == LANES ? load((const float *)x) : load_part((const float *)x, n);
}

/* Writes the sums of `count` pixels for `n` channels from channel c on. */
INLINE void strip_store_reals(const int count, const Strip *s, ptrdiff_t c, ptrdiff_t n, Lanes sums[STRIP]) {
    const Lanes low = splat(s->activation.alpha), high = splat(s->activation.beta);
    char *y = s->y + c * sizeof(float);
    const ptrdiff_t y_stride = s->y_stride;
    if (s->residual)
#pragma GCC unroll 8
        for (int i = 0; i < count; i++) {
            const char *residual = s->residual + i * s->residual_stride + c * s->residual_step;
            sums[i] += s->residual_step ? load_part((const float *)residual, n) : splat(*(const float *)residual);
        }
    if (s->activation.kind == ACT_CLAMP)
#pragma GCC unroll 8
        for (int i = 0; i < count; i++)
            sums[i] = clamp_lanes(sums[i], low, high);
    if (n == LANES)
#pragma GCC unroll 8
        for (int i = 0; i < count; i++)
            store((float *)(y + i * y_stride), sums[i]);
    else
        for (int i = 0; i < count; i++)
            store_part((float *)(y + i * y_stride), sums[i], n);
}

/* Bytes of whole vectors without stages, which most are: as store_columns() does, without its choices. */
INLINE void store_strip_bytes(int count, const Strip *s, ptrdiff_t column, char *y, LaneMask shift, const Lanes *sums) {
    const Requantization *to = s->requantization;
    const Lanes low = splat(to->low - to->zero), high = splat(to->high - to->zero), scale = load(to->scale + column);
    const Lanes bias = to->bias ? load(to->bias + column) : splat(0);
    const LaneMask zero = splat_int((int)to->zero);
    for (int i = 0; i < count; i++, y += s->y_stride) {
        const Lanes value = as_reals(__builtin_convertvector(sums[i], LaneMask) + shift) * scale + bias;
        store_bytes(y, round_lanes(cut_lanes(value, low, high)) + zero, LANES);
    }
}

static __attribute__((noinline, noclone)) void strip_store_sums(int count, const Strip *s, ptrdiff_t c, ptrdiff_t n,
                                                       const Lanes *sums) {
    const Requantization *to = s->requantization;
    const int half = (count + 1) / 2;
    const ptrdiff_t y_size = to->bytes ? 1 : sizeof(float);
    char *y = s->y + c * y_size;
    const char *residual = s->residual ? s->residual + c * s->residual_step : y;
    const ResultRows rows = {
        .y = {y, y + half * s->y_stride}, .residual = {residual, residual + half * s->residual_stride},
        .y_stride = s->y_stride, .residual_stride = s->residual_stride, .residual_step = s->residual_step,
        .column = s->channel + c, .columns = n,
    };
    const LaneMask shift = load_ints(to->shift + s->channel + c);
    LaneMask whole[STRIP];
    if (to->bytes && !to->stages && n == LANES) {
        store_strip_bytes(count, s, s->channel + c, y, shift, sums);
        return;
    }
    for (int i = 0; i < count; i++)
        whole[i] = __builtin_convertvector(sums[i], LaneMask) + shift;
    store_sums(to, &rows, count, 1, whole);
}

INLINE void strip_store(const int count, const Strip *s, ptrdiff_t c, ptrdiff_t n, Lanes sums[STRIP],
                        const int bytes) {
    if (bytes)
        strip_store_sums(count, s, c, n, sums);
    else
        strip_store_reals(count, s, c, n, sums);
}

/* Copies the s-th of each `group` lanes to all of them. */
INLINE Lanes spread(Lanes v, const int group, const int s) {
    return group == 1 ? v : __builtin_shuffle(v, (LANE_NUMBERS & -group) + s);
}

/* `width` taps side by side in each kernel row, `stride` pixels between windows: each pixel is read
 * once for all the windows that it is in. Whole vectors of channels; returns how many channels. */
INLINE ptrdiff_t sliding_body(const int count, const int width, const int stride, const int group, const Strip *t,
                              const int bytes) {
    const ptrdiff_t size = bytes ? 1 : sizeof(float);
    const float *weights = t->weights;
    const ptrdiff_t pixel = t->tap_step;
    ptrdiff_t c = 0;
    for (; c + LANES <= t->channels; c += LANES) {
        Lanes sums[STRIP];
#pragma GCC unroll 8
        for (int i = 0; i < count; i++)
            sums[i] = bytes ? splat(0) : load(t->bias + c);
        for (ptrdiff_t row = 0; row < t->rows; row++)
#pragma GCC unroll 8
            for (int s = 0; s < group; s++) {
                const char *x = t->x + t->offset[row] + c * size;
                Lanes w[MOST_WIDTH];
#pragma GCC unroll 7
                for (int k = 0; k < width; k++)
                    w[k] = load(weights + k * LANES);
                weights += width * LANES;
#pragma GCC unroll 20
                for (int j = 0; j < (count - 1) * stride + width; j++) {
                    Lanes value = spread(load_pixel(x, LANES, bytes), group, s);
                    x += pixel;
#pragma GCC unroll 7
                    for (int k = 0; k < width; k++)
                        if (j >= k && (j - k) % stride == 0 && (j - k) / stride < count)
                            sums[(j - k) / stride] += value * w[k];
                }
            }
        strip_store(count, t, c, LANES, sums, bytes);
    }
    return c;
}

/* Any kernel, and vectors that are not whole; from channel c on. */
INLINE void any_body(const int count, const Strip *t, ptrdiff_t c, const int bytes) {
    const ptrdiff_t size = bytes ? 1 : sizeof(float);
    const float *weights = t->weights + c * t->rows * t->width * t->group;
    for (; c < t->channels; c += LANES) {
        const ptrdiff_t n = t->channels - c < LANES ? t->channels - c : LANES;
        Lanes sums[STRIP];
#pragma GCC unroll 8
        for (int i = 0; i < count; i++)
            sums[i] = bytes ? splat(0) : load(t->bias + c);
        for (ptrdiff_t row = 0; row < t->rows; row++)
            for (ptrdiff_t s = 0; s < t->group; s++) {
                const char *x = t->x + t->offset[row] + c * size;
                const LaneMask lanes = (LANE_NUMBERS & -(int)t->group) + (int)s;
                for (ptrdiff_t k = t->width; k > 0; k--) {
                    Lanes w = load(weights);
#pragma GCC unroll 8
                    for (int i = 0; i < count; i++) {
                        Lanes value = load_pixel(x + i * t->x_stride, n, bytes);
                        sums[i] += (t->group == 1 ? value : __builtin_shuffle(value, lanes)) * w;
                    }
                    x += t->tap_step;
                    weights += LANES;
                }
            }
        strip_store(count, t, c, n, sums, bytes);
    }
}

#define NOINLINE static __attribute__((noinline))
#define SLIDING(name, count, width, stride, group, bytes)                              \
    NOINLINE void name##_##count##_##width##_##stride##_##group(const Strip *t) {      \
        name##_##count(t, sliding_body(count, width, stride, group, t, bytes));        \
    }
#if LANES > 8
#define SLIDING_EIGHTS(count) SLIDING(strip, count, 3, 1, 8, 0) SLIDING(strip, count, 3, 2, 8, 0)
#else
#define SLIDING_EIGHTS(count)
#endif
#if LANES > 4
#define SLIDING_BYTES(count)                                                              \
    SLIDING(bytes, count, 3, 1, 1, 1) SLIDING(bytes, count, 3, 2, 1, 1)                   \
    SLIDING(bytes, count, 5, 1, 1, 1) SLIDING(bytes, count, 5, 2, 1, 1)
#else
#define SLIDING_BYTES(count)
#endif
#define STRIPS(count)                                                                     \
    NOINLINE void strip_##count(const Strip *t, ptrdiff_t c) { any_body(count, t, c, 0); } \
    NOINLINE void bytes_##count(const Strip *t, ptrdiff_t c) { any_body(count, t, c, 1); } \
    NOINLINE void any_##count(const Strip *t) { strip_##count(t, 0); }                    \
    NOINLINE void any_bytes_##count(const Strip *t) { bytes_##count(t, 0); }              \
    SLIDING(strip, count, 3, 1, 1, 0) SLIDING(strip, count, 3, 2, 1, 0)                   \
    SLIDING(strip, count, 5, 1, 1, 0) SLIDING(strip, count, 5, 2, 1, 0) SLIDING(strip, count, 7, 1, 1, 0) \
    SLIDING_BYTES(count)
/* Of several channels to a group: fewer pixels, as the narrowest images have, are for any_body. */
#define GROUP_STRIPS(count)                                                               \
    SLIDING(strip, count, 3, 1, 2, 0) SLIDING(strip, count, 3, 2, 2, 0)                   \
    SLIDING(strip, count, 3, 1, 4, 0) SLIDING(strip, count, 3, 2, 4, 0) SLIDING_EIGHTS(count)
STRIPS(1) STRIPS(2) STRIPS(3) STRIPS(4) STRIPS(5) STRIPS(6) STRIPS(7) STRIPS(8)
GROUP_STRIPS(4) GROUP_STRIPS(5) GROUP_STRIPS(6) GROUP_STRIPS(7) GROUP_STRIPS(8)
#undef GROUP_STRIPS
#undef STRIPS

/* A kernel's functions: [pixels - 1]. */
#define STRIPS(prefix, suffix)                                                         \
    {prefix##1##suffix, prefix##2##suffix, prefix##3##suffix, prefix##4##suffix,       \
     prefix##5##suffix, prefix##6##suffix, prefix##7##suffix, prefix##8##suffix}
#define GROUP_STRIPS(suffix)                                                           \
    {any_1, any_2, any_3, strip_4##suffix, strip_5##suffix, strip_6##suffix, strip_7##suffix, strip_8##suffix}
static const struct {
    int width, stride, group, bytes;
    StripFunction functions[STRIP];
} sliding_kernels[] = {
    {3, 1, 1, 0, STRIPS(strip_, _3_1_1)}, {3, 2, 1, 0, STRIPS(strip_, _3_2_1)},
    {5, 1, 1, 0, STRIPS(strip_, _5_1_1)}, {5, 2, 1, 0, STRIPS(strip_, _5_2_1)},
    {7, 1, 1, 0, STRIPS(strip_, _7_1_1)},
    {3, 1, 2, 0, GROUP_STRIPS(_3_1_2)}, {3, 2, 2, 0, GROUP_STRIPS(_3_2_2)},
    {3, 1, 4, 0, GROUP_STRIPS(_3_1_4)}, {3, 2, 4, 0, GROUP_STRIPS(_3_2_4)},
#if LANES > 8
    {3, 1, 8, 0, GROUP_STRIPS(_3_1_8)}, {3, 2, 8, 0, GROUP_STRIPS(_3_2_8)},
#endif
#if LANES > 4
    {3, 1, 1, 1, STRIPS(bytes_, _3_1_1)}, {3, 2, 1, 1, STRIPS(bytes_, _3_2_1)},
    {5, 1, 1, 1, STRIPS(bytes_, _5_1_1)}, {5, 2, 1, 1, STRIPS(bytes_, _5_2_1)},
#endif
};
/* [of bytes] */
static const StripFunction any_kernel[2][STRIP] = {STRIPS(any_, ), STRIPS(any_bytes_, )};
#undef GROUP_STRIPS
#undef STRIPS

/* The functions for a kernel whose windows are `stride` taps apart. */
static const StripFunction *strip_functions(const Strip *t, ptrdiff_t stride) {
    const int bytes = t->requantization != NULL;
    for (size_t i = 0; i < sizeof sliding_kernels / sizeof *sliding_kernels; i++)
        if (sliding_kernels[i].width == t->width && sliding_kernels[i].stride == stride &&
            sliding_kernels[i].group == t->group && sliding_kernels[i].bytes == bytes)
            return sliding_kernels[i].functions;
    return any_kernel[bytes];
}

/* Finishes `count` pixels: the activations that strip_store does not know. */
static void activate_strip(const Strip *s, ptrdiff_t count) {
    ptrdiff_t n = s->channels;
    if (s->activation.kind <= ACT_CLAMP)
        return;
    if (s->y_stride == n * (ptrdiff_t)sizeof(float)) { /* more of them fill whole blocks of vectors */
        n *= count;
        count = 1;
    }
    for (ptrdiff_t i = 0; i < count; i++)
        activate(&s->activation, (float *)(s->y + i * s->y_stride), n);
}

#pragma GCC pop_options

#endif
