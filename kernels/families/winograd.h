/* Winograd's F(m x m, r x r): the m x m outputs of an r x r window from n x n pixels d, n = m + r - 1, with
 * n^2 multiplications a channel instead of r^2 m^2 (Lavin and Gray, "Fast Algorithms for Convolutional
 * Neural Networks", 2016).
 *
 *     y = A' [(G g G') * (B' d B)] A      * element by element, summed over channels
 *
 * For n = 4 the polynomials behind B and A are taken at 0, 1, -1 and infinity: only additions, and the
 * rounding is no worse than that of the direct sum. For n = 6 they are taken at 0, +-NEAR, +-2 NEAR and
 * infinity; of the points with few digits these give the least rounding error, about twice the direct
 * sum's. Channels are side by side. */
#ifndef OVLITE_WINOGRAD_H
#define OVLITE_WINOGRAD_H

#include "activation.h"
#include "vectors.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

#define NEAR 0.75f
#define MOST_IN 6 /* pixels of the largest input tile, a side */

typedef struct {
    const float *bias;         /* as many floats as columns, rounded up to LANES; NULL is 0 */
    const float *residual;     /* NULL without one */
    float *y;
    ptrdiff_t y_line, y_pixel; /* strides in floats */
    ptrdiff_t residual_line, residual_pixel, residual_step;
    ptrdiff_t lines, pixels;   /* of the tile that are in the image */
    ptrdiff_t columns;
    Activation activation;
} OutputTile;

/* B' applied to `in` vectors that are `step` apart. */
INLINE void to_parts(const int in, Lanes *d, const int step) {
    const Lanes d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
    if (in == 4) {
        d[0] = d0 - d2;
        d[step] = d1 + d2;
        d[2 * step] = d2 - d1;
        d[3 * step] = d1 - d3;
        return;
    }
    const float a = NEAR * NEAR, b = 4 * a;
    const Lanes d4 = d[4 * step], d5 = d[5 * step];
    const Lanes near_even = d4 - b * d2, near_odd = NEAR * (d3 - b * d1);
    const Lanes far_even = d4 - a * d2, far_odd = 2 * NEAR * (d3 - a * d1);
    d[0] = a * b * d0 + (d4 - (a + b) * d2);
    d[step] = near_even + near_odd;
    d[2 * step] = near_even - near_odd;
    d[3 * step] = far_even + far_odd;
    d[4 * step] = far_even - far_odd;
    d[5 * step] = a * b * d1 + (d5 - (a + b) * d3);
}

/* A' applied to `in` vectors that are `step` apart; the first `out` receive the result, others of the first four what is
 * not read. */
INLINE void from_parts(const int in, int out, Lanes *m, const int step) {
    const Lanes m1 = m[step], m2 = m[2 * step], m3 = m[3 * step];
    if (in == 4) {
        m[0] = m[0] + m1 + m2;
        m[step] = m1 - m2 - m3;
        return;
    }
    const Lanes m4 = m[4 * step], m5 = m[5 * step];
    const Lanes near_even = m1 + m2, near_odd = m1 - m2, far_even = m3 + m4, far_odd = m3 - m4;
    m[0] = m[0] + near_even + far_even;
    m[step] = NEAR * (near_odd + 2 * far_odd) + (out == 2 ? m5 : splat(0));
    m[2 * step] = NEAR * NEAR * (near_even + 4 * far_even);
    m[3 * step] = NEAR * NEAR * NEAR * (near_odd + 8 * far_odd) + m5;
}

INLINE void input_body(const int in, const float *const *line, const ptrdiff_t *pixel, ptrdiff_t channels,
                       float *parts, ptrdiff_t part_stride) {
    for (ptrdiff_t c = 0; c < channels; c += LANES) {
        const ptrdiff_t n = channels - c;
        Lanes d[MOST_IN * MOST_IN];
#pragma GCC unroll 6
        for (int j = 0; j < in; j++) {
#pragma GCC unroll 6
            for (int i = 0; i < in; i++) {
                const float *p = line[i] + pixel[j] + c;
                d[i * in + j] = n < LANES ? load_part(p, n) : load(p);
            }
            to_parts(in, d + j, in);
        }
#pragma GCC unroll 6
        for (int i = 0; i < in; i++) {
            to_parts(in, d + i * in, 1);
#pragma GCC unroll 6
            for (int j = 0; j < in; j++)
                store(parts + (i * in + j) * part_stride + c, d[i * in + j]);
        }
    }
}

/* Transforms one input tile of in x in. line[i] + pixel[j] leads to the channels of pixel (i, j); part p of the result
 * goes to parts + p * part_stride, `channels` floats rounded up to LANES. */
static void transform_input(int in, const float *const *line, const ptrdiff_t *pixel, ptrdiff_t channels,
                            float *parts, ptrdiff_t part_stride) {
    if (in == 4)
        input_body(4, line, pixel, channels, parts, part_stride);
    else
        input_body(6, line, pixel, channels, parts, part_stride);
}

/* Writes one output pixel's vector of columns from j on. */
INLINE void write_pixel(const OutputTile *t, ptrdiff_t line, ptrdiff_t pixel, ptrdiff_t j, Lanes v) {
    const ptrdiff_t n = t->columns - j < LANES ? t->columns - j : LANES;
    float *y = t->y + line * t->y_line + pixel * t->y_pixel + j;
    if (t->residual) {
        const float *r = t->residual + line * t->residual_line + pixel * t->residual_pixel;
        v += t->residual_step ? load_part(r + j, n) : splat(*r);
    }
    if (t->activation.kind == ACT_CLAMP)
        v = clamp_lanes(v, splat(t->activation.alpha), splat(t->activation.beta));
    if (n == LANES)
        store(y, v);
    else
        store_part(y, v, n);
}

INLINE void output_body(const int in, int out, const OutputTile *t, const float *parts, ptrdiff_t part_stride) {
    const int most = in == 4 ? 2 : 4;
    for (ptrdiff_t j = 0; j < t->columns; j += LANES) {
        const Lanes bias = t->bias ? load(t->bias + j) : splat(0);
        Lanes m[MOST_IN * MOST_IN];
#pragma GCC unroll 6
        for (int pixel = 0; pixel < in; pixel++) {
#pragma GCC unroll 6
            for (int line = 0; line < in; line++)
                m[line * in + pixel] = load(parts + (line * in + pixel) * part_stride + j);
            from_parts(in, out, m + pixel, in);
        }
#pragma GCC unroll 4
        for (int line = 0; line < most; line++) {
            from_parts(in, out, m + line * in, 1);
#pragma GCC unroll 4
            for (int pixel = 0; pixel < most; pixel++)
                if (line < t->lines && pixel < t->pixels)
                    write_pixel(t, line, pixel, j, m[line * in + pixel] + bias);
        }
    }
}

/* Transforms the sums of one tile of out x out, from in x in pixels, back; part p is at parts + p * part_stride. */
static void transform_output(int in, int out, const OutputTile *t, const float *parts, ptrdiff_t part_stride) {
    if (in == 4)
        output_body(4, 2, t, parts, part_stride);
    else
        output_body(6, out, t, parts, part_stride);
    if (t->activation.kind > ACT_CLAMP)
        for (ptrdiff_t line = 0; line < t->lines; line++)
            for (ptrdiff_t pixel = 0; pixel < t->pixels; pixel++)
                activate(&t->activation, t->y + line * t->y_line + pixel * t->y_pixel, t->columns);
}

#pragma GCC pop_options

#endif
