/* Recurrent cells: what becomes of one row's gates, for `n` hidden units. */
#ifndef OVLITE_CELLS_H
#define OVLITE_CELLS_H

#include "activation.h"

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
