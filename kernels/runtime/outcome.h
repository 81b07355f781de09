/* The outcome of a run whose parts several threads carry out: the first failure. */
#ifndef OVLITE_OUTCOME_H
#define OVLITE_OUTCOME_H

/* The status that a part gave, 0 while none has failed. */
static inline int outcome_status(const int *status)
{
    return __atomic_load_n(status, __ATOMIC_RELAXED);
}

/* Notes that a task failed, unless another one has. `failed` is read when all parts have ended. */
static inline void outcome_fail(int *status, int *failed, int code, int task)
{
    int none = 0;
    if (__atomic_compare_exchange_n(status, &none, code, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        *failed = task;
}

#endif
