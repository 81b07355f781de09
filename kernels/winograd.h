/* Winograd's F(2 x 2, 3 x 3): the 2 x 2 outputs of a 3 x 3 window from 4 x 4 pixels d, with 16
 * multiplications a channel instead of 36 (Lavin and Gray, "Fast Algorithms for Convolutional Neural
 * Networks", 2016).
 *
 *     y = A' [(G g G') * (B' d B)] A      * element by element, summed over channels
 *
 * B and A hold 0, 1 and -1 alone, so the transforms add little rounding. Channels are side by side. */
#ifndef OVLITE_WINOGRAD_H
#define OVLITE_WINOGRAD_H

#include "activation.h"
#include "vectors.h"

enum {
    OUT = 2,             /* pixels of an output tile, a side */
    IN = 4,              /* of the input tile */
    PARTS = IN * IN,
};

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

/* B' applied to four vectors that are `step` apart. */
INLINE void to_parts(Lanes *d, const int step) {
    Lanes a = d[0], b = d[step], c = d[2 * step], e = d[3 * step];
    d[0] = a - c;
    d[step] = b + c;
    d[2 * step] = c - b;
    d[3 * step] = b - e;
}

/* A' applied to four vectors that are `step` apart; the first two receive the result. */
INLINE void from_parts(Lanes *m, const int step) {
    Lanes a = m[0], b = m[step], c = m[2 * step], e = m[3 * step];
    m[0] = a + b + c;
    m[step] = b - c - e;
}

/* Transforms one tile. line[i] + pixel[j] leads to the channels of pixel (i, j); part p of the result
 * goes to parts + p * part_stride, `channels` floats rounded up to LANES. */
static void transform_input(const float *const line[IN], const ptrdiff_t pixel[IN], ptrdiff_t channels, float *parts,
                            ptrdiff_t part_stride) {
    for (ptrdiff_t c = 0; c < channels; c += LANES) {
        const ptrdiff_t n = channels - c;
        Lanes d[PARTS];
#pragma GCC unroll 16
        for (int i = 0; i < PARTS; i++) {
            const float *p = line[i / IN] + pixel[i % IN] + c;
            d[i] = n < LANES ? load_part(p, n) : load(p);
        }
#pragma GCC unroll 4
        for (int i = 0; i < IN; i++)
            to_parts(d + i, IN);
#pragma GCC unroll 4
        for (int i = 0; i < IN; i++)
            to_parts(d + i * IN, 1);
#pragma GCC unroll 16
        for (int i = 0; i < PARTS; i++)
            store(parts + i * part_stride + c, d[i]);
    }
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

/* Transforms the sums of one tile back; part p is at parts + p * part_stride. */
static void transform_output(const OutputTile *t, const float *parts, ptrdiff_t part_stride) {
    for (ptrdiff_t j = 0; j < t->columns; j += LANES) {
        const Lanes bias = t->bias ? load(t->bias + j) : splat(0);
        Lanes m[PARTS];
#pragma GCC unroll 16
        for (int i = 0; i < PARTS; i++)
            m[i] = load(parts + i * part_stride + j);
#pragma GCC unroll 4
        for (int i = 0; i < IN; i++)
            from_parts(m + i, IN);
#pragma GCC unroll 2
        for (int i = 0; i < OUT; i++)
            from_parts(m + i * IN, 1);
#pragma GCC unroll 2
        for (int line = 0; line < OUT; line++)
#pragma GCC unroll 2
            for (int pixel = 0; pixel < OUT; pixel++)
                if (line < t->lines && pixel < t->pixels)
                    write_pixel(t, line, pixel, j, m[line * IN + pixel] + bias);
    }
    if (t->activation.kind > ACT_CLAMP)
        for (ptrdiff_t line = 0; line < t->lines; line++)
            for (ptrdiff_t pixel = 0; pixel < t->pixels; pixel++)
                activate(&t->activation, t->y + line * t->y_line + pixel * t->y_pixel, t->columns);
}

#endif
