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

#define EACH_OF_RUN(T, unrolled) _Pragma(unrolled) EACH(RUN_BYTES / (ptrdiff_t)sizeof(T))
#define IN_TWOS "GCC unroll 2"
#define IN_ONES "GCC unroll 1" /* for formulas that are long already */

/* Statements for a run: y of operands a, b and c. given: the elements of it that count. */
#define BY_RUNS(name, operands, T, ...) BY_RUNS_TO(name, operands, T, T, __VA_ARGS__)

/* Of operands of T and results of R, which is not longer. */
#define BY_RUNS_TO(name, operands, T, R, ...)                                                    \
    static int name(const Source *const *in, char *to, ptrdiff_t n, const Activation *with) {    \
        Runs runs;                                                                               \
        ptrdiff_t left = n * (ptrdiff_t)sizeof(T);                                               \
        begin_runs(&runs, in, operands, sizeof(T));                                              \
        for (; left > 0; left -= RUN_BYTES, to += RUN_BYTES / sizeof(T) * sizeof(R)) {           \
            const int whole = left >= RUN_BYTES;                                                 \
            if (!whole)                                                                          \
                complete_runs(&runs, operands, (size_t)left);                                    \
            const char *const a = runs.at[0], *const b = runs.at[1], *const c = runs.at[operands - 1];\
            R *y = (R *)(whole ? to : runs.copy[3]);                                             \
            const ptrdiff_t given = whole ? RUN_BYTES / (ptrdiff_t)sizeof(T) : left / (ptrdiff_t)sizeof(T);\
            (void)a, (void)b, (void)c, (void)given;                                              \
            __VA_ARGS__                                                                          \
            if (!whole)                                                                          \
                memcpy(to, runs.copy[3], (size_t)left / sizeof(T) * sizeof(R));                  \
            for (int k = 0; k < operands; k++)                                                   \
                runs.at[k] += runs.step[k];                                                      \
        }                                                                                        \
        return STATUS_OK;                                                                        \
    }

/* BINARY's, for types of which more loops would take much code. */
#define BINARY_BY_RUNS(name, T_, W_, R, formula)                                                 \
    BY_RUNS_TO(name, 2, T_, R, EACH_OF_RUN(T_, IN_TWOS) {                                        \
        typedef T_ T;                                                                            \
        typedef W_ W;                                                                            \
        const T u = ((const T *)a)[i], v = ((const T *)b)[i];                                    \
        y[i] = (R)(formula);                                                                     \
    })

#define UNARY_BY_RUNS(name, T, R, formula)                                                       \
    BY_RUNS_TO(name, 1, T, R, EACH_OF_RUN(T, IN_ONES) {                                          \
        const T u = ((const T *)a)[i];                                                           \
        y[i] = formula;                                                                          \
    })

/* Two operations at once, whose results are rounded as those of each by itself are: (u first v) second w, and for rsub
 * w - (u first v). */
#define PAIR(name, T, formula)                                                                   \
    __attribute__((optimize("fp-contract=off"))) BY_RUNS(name, 3, T, EACH_OF_RUN(T, IN_TWOS) {\
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
