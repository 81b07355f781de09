/* Cancellation of a run: cancel(), or a signal whose handler raises.
 *
 * Member 0 looks for signals every now and then, when it is Python's main thread. Kernels whose run may
 * take more than some tens of milliseconds ask in their outer loops whether the run has been stopped.
 */
#ifndef OVLITE_CANCELLATION_H
#define OVLITE_CANCELLATION_H

#include <stdatomic.h>
#include <time.h>

#include "denormals.h"

typedef struct CancelToken {
    _Atomic int stopped;
    FloatMode mode;                    /* of the caller, in which signals are handled */
    long long next;                    /* nanoseconds() at which member 0 looks */
    void (*poll)(struct CancelToken *token);
    void *owner;
} CancelToken;

static inline long long nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void poll_signals(CancelToken *token) {
    FloatMode mode = float_mode();
    set_float_mode(token->mode);
    token->poll(token);
    set_float_mode(mode);
}

/* looks: this is the thread that carries out the run, which handles signals. */
static inline int is_cancelled(CancelToken *token, int looks) {
    if (looks && nanoseconds() >= token->next)
        poll_signals(token);
    return atomic_load_explicit(&token->stopped, memory_order_relaxed);
}

#endif
