/* The first k elements of a line in an order, and where they lie.
 *
 * An element's key is a signed integer, the smaller the better: NaN counts as larger than any number,
 * -0 as equal to 0. Elements of equal keys are taken in the order of their places, so that a key
 * and a place together, as the halves of one number, order a line completely. */
#ifndef OVLITE_TOPK_H
#define OVLITE_TOPK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "vmath.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

typedef struct {
    int is_float;      /* f32, else i32 */
    int largest;       /* the largest elements are the best */
} Order;

INLINE int32_t key_of(const char *x, const int is_float, const int largest) {
    int32_t key;
    if (is_float) {
        float value;
        memcpy(&value, x, sizeof value);
        const int32_t bits = (int32_t)bits_of(value + 0.0f), nan = -(value != value);
        key = ((bits ^ (bits >> 31 & INT32_MAX)) & ~nan) | (nan & INT32_MAX);
    } else
        memcpy(&key, x, sizeof key);
    return largest ? ~key : key;
}

INLINE int64_t ranked(int32_t key, ptrdiff_t place) {
    return (int64_t)((uint64_t)(uint32_t)key << 32 | (uint32_t)place);
}
INLINE int32_t key_in(int64_t entry) { return (int32_t)(entry >> 32); }
INLINE ptrdiff_t place_in(int64_t entry) { return (ptrdiff_t)(uint32_t)entry; }

/* heap[0] is the largest of n; restores that below `at`. */
static void sift_down(int64_t *heap, ptrdiff_t at, ptrdiff_t n) {
    const int64_t entry = heap[at];
    for (;;) {
        ptrdiff_t child = 2 * at + 1;
        if (child >= n)
            break;
        child += child + 1 < n && heap[child + 1] > heap[child];
        if (heap[child] <= entry)
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = entry;
}

static void make_heap(int64_t *heap, ptrdiff_t n) {
    for (ptrdiff_t i = n / 2; i-- > 0;)
        sift_down(heap, i, n);
}

/* Sorts a heap, smallest first. */
static void sort_heap(int64_t *heap, ptrdiff_t n) {
    for (ptrdiff_t last = n - 1; last > 0; last--) {
        const int64_t largest = heap[0];
        heap[0] = heap[last];
        heap[last] = largest;
        sift_down(heap, 0, last);
    }
}

enum { SCAN = 64 };    /* elements that are looked at together */

INLINE int32_t least_key(
    const char *x, const ptrdiff_t step, const ptrdiff_t n, const int is_float, const int largest) {
    int32_t least = INT32_MAX;
    for (ptrdiff_t i = 0; i < n; i++) {
        const int32_t key = key_of(x + i * step, is_float, largest);
        least = key < least ? key : least;
    }
    return least;
}

INLINE void first_of_line(
    const char *x, const ptrdiff_t step, ptrdiff_t n, int64_t *best, const int is_float, const int largest) {
    const int32_t least = least_key(x, step, n, is_float, largest);
    ptrdiff_t i = 0;
    while (key_of(x + i * step, is_float, largest) != least)
        i++;
    *best = ranked(least, i);
}

INLINE void select_line(
    const char *x, const ptrdiff_t step, ptrdiff_t n, int64_t *best, ptrdiff_t k, const int is_float,
    const int largest) {
    ptrdiff_t i = 0;
    for (; i < k; i++)
        best[i] = ranked(key_of(x + i * step, is_float, largest), i);
    make_heap(best, k);
    while (i < n) {
        const ptrdiff_t end = i + SCAN <= n ? i + SCAN : n;
        if (end - i == SCAN && least_key(x + i * step, step, SCAN, is_float, largest) >= key_in(best[0]))
            i = end;
        for (; i < end; i++) {
            const int32_t key = key_of(x + i * step, is_float, largest);
            if (key < key_in(best[0])) {
                best[0] = ranked(key, i);
                sift_down(best, 0, k);
            }
        }
    }
}

INLINE void first_of_columns(
    const char *x, ptrdiff_t step, ptrdiff_t n, int64_t *best, ptrdiff_t columns, const int is_float,
    const int largest) {
    int32_t keys[SCAN], places[SCAN];
    for (ptrdiff_t c = 0; c < columns; c++) {
        keys[c] = key_of(x + 4 * c, is_float, largest);
        places[c] = 0;
    }
    for (ptrdiff_t i = 1; i < n; i++)
        for (ptrdiff_t c = 0; c < columns; c++) {
            const int32_t key = key_of(x + i * step + 4 * c, is_float, largest);
            const int better = key < keys[c];
            keys[c] = better ? key : keys[c];
            places[c] = better ? (int32_t)i : places[c];
        }
    for (ptrdiff_t c = 0; c < columns; c++)
        best[c] = ranked(keys[c], places[c]);
}

#define FOR_ORDER(function, ...)                                                            \
    if (order->is_float && order->largest) function(__VA_ARGS__, 1, 1);                     \
    else if (order->is_float) function(__VA_ARGS__, 1, 0);                                  \
    else if (order->largest) function(__VA_ARGS__, 0, 1);                                   \
    else function(__VA_ARGS__, 0, 0);

/* best: the k best of n elements that lie `step` bytes apart, as a heap. 0 < k <= n. */
static void top_of_line(const Order *order, const char *x, ptrdiff_t step, ptrdiff_t n, int64_t *best, ptrdiff_t k) {
    if (step == 4 && k == 1) {
        FOR_ORDER(first_of_line, x, 4, n, best)
    } else if (k == 1) {
        FOR_ORDER(first_of_line, x, step, n, best)
    } else if (step == 4) {
        FOR_ORDER(select_line, x, 4, n, best, k)
    } else {
        FOR_ORDER(select_line, x, step, n, best, k)
    }
}

/* best: the best element of each of up to SCAN adjacent columns. n > 0. */
static void top_of_columns(
    const Order *order, const char *x, ptrdiff_t step, ptrdiff_t n, int64_t *best, ptrdiff_t columns) {
    if (columns == SCAN) {
        FOR_ORDER(first_of_columns, x, step, n, best, SCAN)
    } else {
        FOR_ORDER(first_of_columns, x, step, n, best, columns)
    }
}

/* Orders the entries of a heap of k: best first, or by place. */
static void arrange(int64_t *best, ptrdiff_t k, int by_place) {
    if (by_place) {
        for (ptrdiff_t i = 0; i < k; i++)
            best[i] = place_in(best[i]);
        make_heap(best, k);
    }
    sort_heap(best, k);
}

#pragma GCC pop_options

#endif
