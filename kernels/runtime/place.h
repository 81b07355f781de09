/* On which processors a thread may run: a helper is kept off one of them for a while, or a thread pinned to one. */
#ifndef OVLITE_PLACE_H
#define OVLITE_PLACE_H

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct {
    pid_t thread;
    int avoided;                       /* the processor that the thread is kept off, or -1 */
    cpu_set_t allowed;                 /* where it may run otherwise */
    cpu_set_t given;                   /* where it may run now, while `avoided` is set */
} Place;

/* To be called in the thread itself. */
static void place_begin(Place *place) {
    place->thread = (pid_t)syscall(SYS_gettid);
    place->avoided = -1;
}

/* Keeps the thread off a processor, and no longer off another. Returns whether there is another that it may use. */
static int place_avoid(Place *place, int processor) {
    cpu_set_t now;
    if (sched_getaffinity(place->thread, sizeof now, &now))
        return 0;
    if (place->avoided < 0 || !CPU_EQUAL(&now, &place->given))
        place->allowed = now;          /* whoever has set it since means it */
    place->given = place->allowed;
    CPU_CLR(processor, &place->given);
    if (CPU_COUNT(&place->given) == 0 || sched_setaffinity(place->thread, sizeof now, &place->given))
        return 0;
    place->avoided = processor;
    return 1;
}

/* Lets the thread run where it might before place_avoid(). */
static void place_restore(Place *place) {
    cpu_set_t now;
    if (place->avoided < 0)
        return;
    place->avoided = -1;
    if (!sched_getaffinity(place->thread, sizeof now, &now) && CPU_EQUAL(&now, &place->given))
        sched_setaffinity(place->thread, sizeof now, &place->allowed);
}

/* Pins this thread to the processor of this number among those it may use, counted round and round; `before`
 * receives those. Returns whether it is pinned. */
static int place_pin(int number, cpu_set_t *before) {
    cpu_set_t one;
    if (sched_getaffinity(0, sizeof *before, before))
        return 0;
    int left = number % CPU_COUNT(before), processor = 0;
    while (!CPU_ISSET(processor, before) || left-- > 0)
        processor++;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    return !sched_setaffinity(0, sizeof one, &one);
}

static void place_unpin(const cpu_set_t *before) { sched_setaffinity(0, sizeof *before, before); }

#endif
