/* Recurrent cells: what becomes of one row's gates, for `n` hidden units. */
#ifndef OVLITE_CELLS_H
#define OVLITE_CELLS_H

#include <stdint.h>

#include "activation.h"
#include "bytes.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

typedef struct {
    Activation clip;         /* of what the activations are given; none or a clamp */
    Activation function[3];  /* in the order in which OpenVINO's operators name them */
} CellFunctions;

/* gates: f, i, c, o before activation, n of each; overwritten. state, cell: h and c, updated. */
static void lstm_cell(
    const CellFunctions *a, float *restrict gates, float *restrict state, float *restrict cell, ptrdiff_t n) {
    const float *forget = gates, *input = gates + n, *candidate = gates + 2 * n, *output = gates + 3 * n;
    activate(&a->clip, gates, 4 * n);
    activate(&a->function[0], gates, 2 * n);
    activate(&a->function[1], gates + 2 * n, n);
    activate(&a->function[0], gates + 3 * n, n);
    for (ptrdiff_t i = 0; i < n; i++)
        cell[i] = forget[i] * cell[i] + input[i] * candidate[i];
    activate_to(&a->function[2], cell, gates, n);
    for (ptrdiff_t i = 0; i < n; i++)
        state[i] = output[i] * gates[i];
}

#define LEAST_MAGNITUDE 0x1p-100f /* a row of smaller numbers counts as zeros */

/* A row as bytes round(x * 127 / its largest magnitude) + 128; returns what a step of them stands for. A row with a NaN
 * or an infinity gives a NaN. */
static float quantize_row(const float *x, uint8_t *codes, ptrdiff_t n) {
    const Lanes end = splat(127.0f);
    Lanes largest = splat(0), nothing = splat(0);
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        const Lanes value = n - i < LANES ? load_part(x + i, n - i) : load(x + i);
        largest = cut_lanes((Lanes)((LaneMask)value & 0x7fffffff), largest, splat(INFINITY));
        nothing += value * 0.0f;
    }
    float most = 0, step = 0;
    for (int i = 0; i < LANES; i++) {
        most = largest[i] > most ? largest[i] : most;
        step += nothing[i];
    }
    const Lanes inverse = splat(most >= LEAST_MAGNITUDE ? 127 / most : 0);
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        const ptrdiff_t some = n - i < LANES ? n - i : LANES;
        const Lanes value = some < LANES ? load_part(x + i, some) : load(x + i);
        store_bytes(codes + i, round_lanes(cut_lanes(value * inverse, -end, end)) + 128, some);
    }
    return most >= LEAST_MAGNITUDE ? most / 127 + step : step;
}

/* gates: what the states gave, in their steps; become gates before activation. */
static void add_gates(float *restrict gates, float step, const float *restrict inputs, float input_step,
                      const float *restrict bias, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++)
        gates[i] = gates[i] * step + (inputs[i] * input_step + bias[i]);
}

/* gates: z and r before activation, n of each; activated. product: becomes r * factor. */
static void gru_reset(const CellFunctions *a, float *restrict gates, const float *factor, float *product, ptrdiff_t n) {
    activate(&a->clip, gates, 2 * n);
    activate(&a->function[0], gates, 2 * n);
    for (ptrdiff_t i = 0; i < n; i++)
        product[i] = gates[n + i] * factor[i];
}

/* gates: z; candidate: before activation, overwritten. state: h, updated. */
static void gru_cell(
    const CellFunctions *a, const float *restrict gates, float *restrict candidate, float *restrict state,
    ptrdiff_t n) {
    activate(&a->clip, candidate, n);
    activate(&a->function[1], candidate, n);
    for (ptrdiff_t i = 0; i < n; i++)
        state[i] = candidate[i] + gates[i] * (state[i] - candidate[i]);
}

#pragma GCC pop_options

#endif
