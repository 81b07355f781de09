/* Loops over runs of one length: one loop serves operands of many elements and of one, and has no remainder. */
#ifndef OVLITE_ELEMENTWISE_RUNS_H
#define OVLITE_ELEMENTWISE_RUNS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "convert.h"

enum { RUN_BYTES = 512 };

typedef struct {
    const char *at[3]; /* of the next run */
    ptrdiff_t step[3]; /* to the one behind it */
    char copy[4][RUN_BYTES] __attribute__((aligned(64)));
} Runs;

/* A single element, of `size` bytes, is repeated. */
__attribute__((noinline)) static void begin_runs(Runs *runs, const Source *const *in, int operands, size_t size) {
    for (int k = 0; k < operands; k++) {
        runs->at[k] = in[k]->step ? in[k]->at : runs->copy[k];
        runs->step[k] = in[k]->step ? RUN_BYTES : 0;
        if (in[k]->step)
            continue;
        char bytes[8];
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = in[k]->at[i & (size - 1)];
        for (size_t i = 0; i < RUN_BYTES; i += sizeof bytes)
            memcpy(runs->copy[k] + i, bytes, sizeof bytes);
    }
}

/* Completes what is left of the operands to a run, with zeros. */
__attribute__((noinline)) static void complete_runs(Runs *runs, int operands, size_t left) {
    for (int k = 0; k < operands; k++) {
        if (!runs->step[k])
            continue;
        memcpy(runs->copy[k], runs->at[k], left);
        memset(runs->copy[k] + left, 0, RUN_BYTES - left);
        runs->at[k] = runs->copy[k];
    }
}

#define BY_RUNS(name, operands, T, ...)                                                          \
    static int name(const Source *const *in, char *to, ptrdiff_t n, const Activation *with) {    \
        Runs runs;                                                                               \
        ptrdiff_t left = n * (ptrdiff_t)sizeof(T);                                               \
        begin_runs(&runs, in, operands, sizeof(T));                                              \
        for (; left > 0; left -= RUN_BYTES, to += RUN_BYTES) {                                   \
            const int whole = left >= RUN_BYTES;                                                 \
            if (!whole)                                                                          \
                complete_runs(&runs, operands, (size_t)left);                                    \
            const char *const a = runs.at[0], *const b = runs.at[1], *const c = runs.at[operands - 1];\
            T *y = (T *)(whole ? to : runs.copy[3]);                                             \
            (void)a, (void)b, (void)c;                                                           \
            _Pragma("GCC unroll 2") EACH(RUN_BYTES / (ptrdiff_t)sizeof(T)) __VA_ARGS__           \
            if (!whole)                                                                          \
                memcpy(to, runs.copy[3], (size_t)left);                                          \
            for (int k = 0; k < operands; k++)                                                   \
                runs.at[k] += runs.step[k];                                                      \
        }                                                                                        \
        return STATUS_OK;                                                                        \
    }

/* BINARY's, for types of which more loops would take much code. */
#define BINARY_BY_RUNS(name, T_, W_, R, formula)                                                 \
    BY_RUNS(name, 2, R, {                                                                        \
        typedef T_ T;                                                                            \
        typedef W_ W;                                                                            \
        const T u = ((const T *)a)[i], v = ((const T *)b)[i];                                    \
        y[i] = (R)(formula);                                                                     \
    })

/* Two operations at once, whose results are rounded as those of each by itself are: (u first v) second w, and for rsub
 * w - (u first v). */
#define PAIR(name, T, formula)                                                                   \
    __attribute__((optimize("fp-contract=off"))) BY_RUNS(name, 3, T, {                           \
        const T u = ((const T *)a)[i], v = ((const T *)b)[i], w = ((const T *)c)[i];             \
        y[i] = formula;                                                                          \
    })

#define PAIRS_WITH(X, first, cost, sign, ...)                                                    \
    X(first##_add, cost, (u sign v) + w, __VA_ARGS__)                                            \
    X(first##_sub, cost, (u sign v) - w, __VA_ARGS__)                                            \
    X(first##_rsub, cost, w - (u sign v), __VA_ARGS__)                                           \
    X(first##_mul, cost, (u sign v) * w, __VA_ARGS__)

#define PAIRS(X, ...)                                                                            \
    PAIRS_WITH(X, add, 2, +, __VA_ARGS__)                                                        \
    PAIRS_WITH(X, sub, 2, -, __VA_ARGS__)                                                        \
    PAIRS_WITH(X, mul, 2, *, __VA_ARGS__)                                                        \
    PAIRS_WITH(X, div, 3, /, __VA_ARGS__)

#endif
