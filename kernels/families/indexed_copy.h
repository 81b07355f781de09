/* Runs of a tensor at places that index tuples name. */
#ifndef OVLITE_PLACES_H
#define OVLITE_PLACES_H

#include "gather_rows.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

enum { PLACES_RANK = 8 };

/* How the runs of a row find their places: run i lies at i * step + index * stride for each index of
 * its tuple. */
typedef struct {
    const char *indices;      /* of the row's first run */
    int index_bytes;
    int count;                /* of indices in a tuple */
    ptrdiff_t length[PLACES_RANK];
    ptrdiff_t stride[PLACES_RANK];   /* bytes */
    ptrdiff_t step;           /* bytes */
} Tuples;

enum Reduction { REPLACE, SUM, SUB, PROD, MIN, MAX };

/* The offset in bytes that a run's indices add, or -1 when one is out of range. */
static inline ptrdiff_t indexed_offset(const Tuples *t, ptrdiff_t run) {
    ptrdiff_t offset = 0;
    for (int j = 0; j < t->count; j++) {
        const ptrdiff_t index = index_at(t->indices, run * t->count + j, t->index_bytes, t->length[j]);
        if (index < 0 || index >= t->length[j])
            return -1;
        offset += index * t->stride[j];
    }
    return offset;
}

/* For each run of a row: `place` in the tensor and `run`, where the run lies densely. Returns 1 from the
 * function when an index is out of range. */
#define EACH_RUN(...)                                                       \
    for (ptrdiff_t i = 0; i < runs; i++) {                                  \
        const ptrdiff_t offset = indexed_offset(t, i);                      \
        if (offset < 0)                                                     \
            return 1;                                                       \
        char *place = tensor + i * t->step + offset;                        \
        char *run = dense + i * bytes;                                      \
        __VA_ARGS__;                                                        \
    }                                                                       \
    return 0;

static int gather_row(const Tuples *t, char *tensor, char *dense, ptrdiff_t runs, ptrdiff_t bytes) {
    switch (bytes) {
    case 4: EACH_RUN(memcpy(run, place, 4))
    case 8: EACH_RUN(memcpy(run, place, 8))
    default: EACH_RUN(memcpy(run, place, bytes))
    }
}

#define COMBINE(type, expression)                                           \
    EACH_RUN(for (ptrdiff_t k = 0; k < bytes / (ptrdiff_t)sizeof(type); k++) { \
        const type a = ((type *)place)[k], b = ((type *)run)[k];            \
        ((type *)place)[k] = (expression);                                  \
    })

/* A NaN on either side stays in minimum and maximum. */
#define DEFINE_SCATTER(name, type)                                          \
    static int name(                                                        \
        const Tuples *t, char *tensor, char *dense, ptrdiff_t runs, ptrdiff_t bytes, int reduction) { \
        switch (reduction) {                                                \
        case SUM: COMBINE(type, a + b)                                      \
        case SUB: COMBINE(type, a - b)                                      \
        case PROD: COMBINE(type, a * b)                                     \
        case MIN: COMBINE(type, a <= b || a != a ? a : b)                   \
        default: COMBINE(type, a >= b || a != a ? a : b)                    \
        }                                                                   \
    }

DEFINE_SCATTER(combine_row_f32, float)
DEFINE_SCATTER(combine_row_i32, int32_t)
DEFINE_SCATTER(combine_row_i64, int64_t)

/* Runs of one row from `dense` to the tensor. is_float and the element's size matter to reductions only. */
static int scatter_row(
    const Tuples *t, char *tensor, char *dense, ptrdiff_t runs, ptrdiff_t bytes, int reduction, int is_float,
    int size) {
    if (reduction == REPLACE)
        switch (bytes) {
        case 4: EACH_RUN(memcpy(place, run, 4))
        case 8: EACH_RUN(memcpy(place, run, 8))
        default: EACH_RUN(memcpy(place, run, bytes))
        }
    if (is_float)
        return combine_row_f32(t, tensor, dense, runs, bytes, reduction);
    if (size == 4)
        return combine_row_i32(t, tensor, dense, runs, bytes, reduction);
    return combine_row_i64(t, tensor, dense, runs, bytes, reduction);
}

#pragma GCC pop_options

#endif
