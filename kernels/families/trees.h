/* Decision trees: rows walk down together, a leaf is a node that leads to itself. */
#ifndef OVLITE_TREES_H
#define OVLITE_TREES_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC push_options
#pragma GCC optimize("O3")

#define TREE_LANES 16 /* walks side by side, whose loads do not wait for each other */
#define TREE_ROWS 64  /* rows that go through one tree before the next tree's nodes are fetched */
#define TREE_STEPS 4  /* levels between two looks at whether all lanes are in leaves */
#define NAN_FIRST INT32_MIN

enum { TREES_SUM, TREES_MIN, TREES_MAX };

/* Nodes 0 .. first_leaf - 1 branch: on child[0] where x[feature] <= threshold, else on child[1], and on child[0] where
 * x[feature] is NaN and NAN_FIRST is set in `feature`. The nodes from first_leaf on are leaves. Leaf i adds
 * weights[k] to targets[k] for k in offsets[i] .. offsets[i + 1] - 1. */
typedef struct {
    const void *nodes;
    const void *weights;
    const int32_t *roots;
    const int32_t *depths; /* of each tree: the most branches on a way to a leaf */
    const int32_t *offsets;
    const int32_t *targets;
    int32_t trees;
    int32_t first_leaf;
    int32_t width;    /* targets of a row */
    int32_t single;   /* whether there is one target, and one weight a leaf */
    int32_t nan_first; /* whether NAN_FIRST is set in any node */
} Forest;

#define DEFINE_TREES(T)                                                                                              \
    typedef struct {                                                                                                 \
        T threshold;                                                                                                 \
        int32_t feature;                                                                                             \
        int32_t child[2];                                                                                            \
    } Node_##T;                                                                                                      \
                                                                                                                     \
    static inline __attribute__((always_inline)) int32_t step_##T(const Node_##T *node, const T *x, int nan_first) { \
        const T value = x[nan_first ? node->feature & ~NAN_FIRST : node->feature];                                   \
        int second = !(value <= node->threshold);                                                                    \
        if (nan_first)                                                                                               \
            second &= !((node->feature < 0) & (value != value));                                                     \
        return node->child[second];                                                                                  \
    }                                                                                                                \
                                                                                                                     \
    /* Leads TREE_LANES walks to their leaves; lane i looks at x + i * step. */                                      \
    static inline __attribute__((always_inline)) void walk_##T(const Node_##T *nodes, int32_t first_leaf,            \
                                                               const T *x, ptrdiff_t step, int32_t *at, int depth,  \
                                                               int nan_first) {                                      \
        for (int level = 0; level < depth; level += TREE_STEPS) {                                                    \
            for (int i = 0; i < TREE_STEPS; i++)                                                                     \
                _Pragma("GCC unroll 16") for (int lane = 0; lane < TREE_LANES; lane++)                               \
                    at[lane] = step_##T(nodes + at[lane], x + lane * step, nan_first);                               \
            int32_t least = at[0];                                                                                   \
            for (int lane = 1; lane < TREE_LANES; lane++)                                                            \
                least = at[lane] < least ? at[lane] : least;                                                         \
            if (least >= first_leaf)                                                                                 \
                break;                                                                                               \
        }                                                                                                            \
    }                                                                                                                \
                                                                                                                     \
    static void lead_##T(const Forest *forest, const T *x, ptrdiff_t step, int32_t *at, int depth) {                 \
        if (forest->nan_first)                                                                                       \
            walk_##T(forest->nodes, forest->first_leaf, x, step, at, depth, 1);                                      \
        else                                                                                                         \
            walk_##T(forest->nodes, forest->first_leaf, x, step, at, depth, 0);                                      \
    }                                                                                                                \
                                                                                                                     \
    static inline __attribute__((always_inline)) void gain_##T(const Forest *forest, int32_t at, T *y,               \
                                                               uint8_t *reached, int aggregate) {                    \
        const T *weights = forest->weights;                                                                          \
        const int32_t leaf = at - forest->first_leaf;                                                                \
        if (forest->single && aggregate == TREES_SUM && !reached) {                                                  \
            *y += weights[leaf];                                                                                     \
            return;                                                                                                  \
        }                                                                                                            \
        for (int32_t k = forest->offsets[leaf]; k < forest->offsets[leaf + 1]; k++) {                                \
            const int32_t target = forest->targets[k];                                                               \
            const T weight = weights[k], held = y[target];                                                           \
            if (aggregate == TREES_SUM)                                                                              \
                y[target] = held + weight;                                                                           \
            else if (!reached[target] || (aggregate == TREES_MIN ? weight < held : weight > held))                   \
                y[target] = weight;                                                                                  \
            if (reached)                                                                                             \
                reached[target] = 1;                                                                                 \
        }                                                                                                            \
    }                                                                                                                \
                                                                                                                     \
    /* Up to TREE_ROWS rows of x, `columns` apart, to rows of y, and of `reached`, zeros before. */                  \
    static void block_##T(const Forest *forest, const T *x, ptrdiff_t columns, ptrdiff_t rows, T *y,                 \
                          uint8_t *reached, int aggregate) {                                                         \
        const ptrdiff_t width = forest->width, whole = rows - rows % TREE_LANES;                                     \
        int32_t at[TREE_LANES];                                                                                      \
        for (int32_t tree = 0; tree < forest->trees; tree++)                                                         \
            for (ptrdiff_t row = 0; row < whole; row += TREE_LANES) {                                                \
                for (int lane = 0; lane < TREE_LANES; lane++)                                                        \
                    at[lane] = forest->roots[tree];                                                                  \
                lead_##T(forest, x + row * columns, columns, at, forest->depths[tree]);                              \
                for (int lane = 0; lane < TREE_LANES; lane++)                                                        \
                    gain_##T(forest, at[lane], y + (row + lane) * width,                                             \
                             reached ? reached + (row + lane) * width : NULL, aggregate);                            \
            }                                                                                                        \
        for (ptrdiff_t row = whole; row < rows; row++)                                                               \
            for (int32_t first = 0; first < forest->trees; first += TREE_LANES) {                                    \
                const int32_t rest = forest->trees - first, count = rest < TREE_LANES ? rest : TREE_LANES;           \
                int depth = 0;                                                                                       \
                for (int lane = 0; lane < TREE_LANES; lane++) {                                                      \
                    const int32_t tree = first + (lane < count ? lane : 0);                                          \
                    at[lane] = forest->roots[tree];                                                                  \
                    depth = forest->depths[tree] > depth ? forest->depths[tree] : depth;                             \
                }                                                                                                    \
                lead_##T(forest, x + row * columns, 0, at, depth);                                                   \
                for (int lane = 0; lane < count; lane++)                                                             \
                    gain_##T(forest, at[lane], y + row * width, reached ? reached + row * width : NULL, aggregate);  \
            }                                                                                                        \
    }                                                                                                                \
                                                                                                                     \
    static void trees_##T(const Forest *forest, const char *from, ptrdiff_t columns, ptrdiff_t rows, char *to,       \
                          uint8_t *reached, int aggregate) {                                                         \
        const ptrdiff_t width = forest->width;                                                                       \
        const T *x = (const T *)from;                                                                                \
        T *y = (T *)to;                                                                                              \
        for (ptrdiff_t i = 0; i < rows * width; i++)                                                                 \
            y[i] = 0;                                                                                                \
        for (ptrdiff_t i = 0; reached && i < rows * width; i++)                                                      \
            reached[i] = 0;                                                                                          \
        block_##T(forest, x, columns, rows, y, reached, aggregate);                                                  \
    }

DEFINE_TREES(float)
DEFINE_TREES(double)

#pragma GCC pop_options

#endif
