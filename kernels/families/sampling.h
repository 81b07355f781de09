/* Images read at taps: elements that each point of the output is a weighted sum of. */
#ifndef OVLITE_SAMPLING_H
#define OVLITE_SAMPLING_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC push_options
#pragma GCC optimize("O3")

enum { POINTS = 32, MOST_TAPS = 16, STRIP = 64 };

/* Taps of up to POINTS points: tap k of point p at [k * POINTS + p]. offset: elements from the image's first channel,
 * -1 for an element outside of the image, which is 0. */
typedef struct {
    int32_t offset[MOST_TAPS * POINTS];
    float weight[MOST_TAPS * POINTS];
} Taps;

/* x where the offset isn't negative, else 0: without a branch. */
static inline float element(const float *x, int32_t offset)
{
    const int32_t outside = offset >> 31;
    const float value = x[offset & ~outside];
    return outside ? 0.0f : value;
}

static inline void read_planar(float *y, ptrdiff_t y_channel, ptrdiff_t y_point, const float *x, ptrdiff_t x_channel,
                               ptrdiff_t channels, const Taps *taps, int count, ptrdiff_t points, int adds)
{
    for (ptrdiff_t c = 0; c < channels; c++, x += x_channel, y += y_channel)
        for (ptrdiff_t p = 0; p < points; p++) {
            float sum = adds ? y[p * y_point] : 0;
            for (int k = 0; k < count; k++)
                sum += taps->weight[k * POINTS + p] * element(x, taps->offset[k * POINTS + p]);
            y[p * y_point] = sum;
        }
}

static void read_side_by_side(float *y, ptrdiff_t y_channel, ptrdiff_t y_point, const float *x, ptrdiff_t channels,
                              const Taps *taps, int count, ptrdiff_t points, int adds)
{
    for (ptrdiff_t p = 0; p < points; p++)
        for (ptrdiff_t first = 0; first < channels; first += STRIP) {
            const ptrdiff_t n = channels - first < STRIP ? channels - first : STRIP;
            float *out = y + p * y_point + first * y_channel;
            float sums[STRIP];
            for (ptrdiff_t c = 0; c < n; c++) sums[c] = adds ? out[c * y_channel] : 0;
            for (int k = 0; k < count; k++) {
                const int32_t offset = taps->offset[k * POINTS + p];
                const float weight = taps->weight[k * POINTS + p];
                if (offset < 0)
                    for (ptrdiff_t c = 0; c < n; c++) sums[c] += weight * 0;
                else
                    for (ptrdiff_t c = 0; c < n; c++) sums[c] += weight * x[offset + first + c];
            }
            for (ptrdiff_t c = 0; c < n; c++) out[c * y_channel] = sums[c];
        }
}

/* y[c, p] = the sum over `count` taps of weight * x[c, tap], to which y[c, p] is added where it `adds`. */
static void read_points(float *y, ptrdiff_t y_channel, ptrdiff_t y_point, const float *x, ptrdiff_t x_channel,
                        ptrdiff_t channels, const Taps *taps, int count, ptrdiff_t points, int adds)
{
    if (x_channel == 1)
        read_side_by_side(y, y_channel, y_point, x, channels, taps, count, points, adds);
    else if (count == 4)
        read_planar(y, y_channel, y_point, x, x_channel, channels, taps, 4, points, adds);
    else
        read_planar(y, y_channel, y_point, x, x_channel, channels, taps, count, points, adds);
}

#pragma GCC pop_options
#endif
