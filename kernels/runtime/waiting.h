/* Threads that wait, and the detection of deadlocks among them.
 *
 * A thread waits for a job to be released, for a run to end, for one or for all jobs of a pool to be idle. What it
 * waits for is up to other threads: the one that holds or keeps the job, that is in its run or report, or, for a
 * job in the queue, any thread of its streams. As those may wait as well,
 *
 *   1. who may carry out the queued job that it waits for does so, and does not wait. Threads of streams may carry
 *      out any, others those without a report, because callbacks come on threads of streams;
 *   2. who waits is listed, and looks whether it is in a deadlock: whether no order in which the threads that do not
 *      wait, and those they release, can go on brings what it waits for. Then the call fails, and what this thread
 *      has is there for the others.
 *
 * What a thread does elsewhere, with locks of its own or in the loop of coroutines, is not known: it counts as going
 * on. A thread that nobody waits for need not look. Of those in a circle each looks, the last to come at once when it
 * is within a run or a report, and every SLICE. Calls that may not fail are the ends of objects. A pool's then
 * leaves the remaining runs to themselves. A request's can't be in a circle: it goes only when no Python code is
 * within a run or report of it, so that it waits for kernels, or in the queue for a thread that may fail.
 */
#ifndef OVLITE_WAITING_H
#define OVLITE_WAITING_H

#include "jobs.h"

#define SLICE 100000000LL /* nanoseconds between two looks, at pending signals too */

enum { FOR_RELEASE, FOR_RUN, FOR_REST, FOR_ONE, FOR_ALL, FOR_END, FOR_EXIT };

typedef struct Waiter {
    int what;
    Job *job;         /* FOR_RELEASE, FOR_RUN number `run`, FOR_REST: of all its runs */
    unsigned run;
    Pool *pool;       /* FOR_ONE, FOR_ALL; FOR_END of what it lent to others than this thread */
    void *thread;
    Streams *streams;
    Report *reports;
    int lives;        /* it need not wait for ever */
    struct Waiter *next;
} Waiter;

static Waiter *waiters;

static int thread_lives(void *thread) {
    for (Waiter *waiter = waiters; waiter; waiter = waiter->next)
        if (waiter->thread == thread)
            return waiter->lives;
    return 1;
}

static int in_report_of(Report *report, Job *job) {
    for (; report; report = report->outer)
        if (report->job == job)
            return 1;
    return 0;
}

static int in_report_of_run(Report *report, Job *job, unsigned run) {
    for (; report; report = report->outer)
        if (report->job == job && report->run == run)
            return 1;
    return 0;
}

/* Returns whether a thread of `streams`, or no streams' when NULL, may carry out the job. */
static int may_start(Streams *streams, Job *job) { return job->state == JOB_QUEUED && (!job->reports || streams); }

/* Returns whether a queued job begins: the waiting thread, or some other, carries it out. */
static int job_begins(Waiter *waiter, Job *job) {
    int waiting = 0;
    for (Waiter *other = waiters; other; other = other->next)
        if (other->streams == job->streams) {
            if (other->lives)
                return 1;
            waiting++;
        }
    int carries = waiter->streams || (waiter->what != FOR_REST && waiter->what != FOR_END);
    return job->streams->started > waiting || (carries && may_start(waiter->streams, job));
}

/* Returns whether that run of the job, or a later one, ends. */
static int run_ends(Waiter *waiter, Job *job, unsigned run) {
    if ((int)(job->done - run) >= 0)
        return 1;
    for (; (int)(job->submitted - run) >= 0; run++) {
        int ends = 1;
        if (run == job->submitted && job->state == JOB_QUEUED)
            ends = job_begins(waiter, job);
        else
            for (Waiter *other = waiters; other; other = other->next)
                ends = ends && (other->lives || !in_report_of_run(other->reports, job, run));
        if (ends)
            return 1;
    }
    return 0;
}

/* Returns whether a time comes when nobody works with the job or keeps it. */
static int job_rests(Waiter *waiter, Job *job) {
    for (Waiter *other = waiters; other; other = other->next)
        if (!other->lives && in_report_of(other->reports, job))
            return 0;
    return (job->state != JOB_QUEUED || job_begins(waiter, job)) &&
           (job->state != JOB_HELD || thread_lives(job->holder)) && (job->keeper == NULL || thread_lives(job->keeper));
}

/* Returns whether the end of the pool waits for the job: it is lent, and not to a run that the thread is in. */
static int outlasts(Report *reports, Job *job) { return job->lease == POOL_LENT && !in_report_of(reports, job); }

static int pool_rests(Waiter *waiter) {
    for (Job *job = all_jobs; job; job = job->sibling) {
        if (job->pool != waiter->pool || (waiter->what == FOR_END && !outlasts(waiter->reports, job)))
            continue;
        int rests = job->lease == POOL_HAS || job_rests(waiter, job);
        if (rests == (waiter->what == FOR_ONE))
            return rests;
    }
    return waiter->what != FOR_ONE;
}

/* Returns whether what the thread waits for comes, as far as it is known which others go on. */
static int goes_on(Waiter *waiter) {
    switch (waiter->what) {
    case FOR_RELEASE:
        return waiter->job->state != JOB_HELD || thread_lives(waiter->job->holder);
    case FOR_RUN:
        return run_ends(waiter, waiter->job, waiter->run);
    case FOR_REST:
        return job_rests(waiter, waiter->job);
    case FOR_EXIT:
        return 0;
    default:
        return pool_rests(waiter);
    }
}

static int is_deadlocked(Waiter *self) {
    int more = 1;
    for (Waiter *waiter = waiters; waiter; waiter = waiter->next)
        waiter->lives = 0;
    while (more && !self->lives) {
        more = 0;
        for (Waiter *waiter = waiters; waiter; waiter = waiter->next)
            if (!waiter->lives && goes_on(waiter))
                waiter->lives = more = 1;
    }
    return !self->lives;
}

/* Returns whether others may have to wait for this thread. */
static int is_waited_for(void) {
    int found = reports_here != NULL;
    for (Job *job = all_jobs; job && !found; job = job->sibling)
        found = job->keeper == this_thread() || (job->state == JOB_HELD && job->holder == this_thread());
    return found;
}

static void list_waiter(Waiter *waiter) {
    waiter->thread = this_thread();
    waiter->streams = streams_here;
    waiter->reports = reports_here;
    waiter->next = waiters;
    waiters = waiter;
}

static void unlist_waiter(Waiter *waiter) {
    Waiter **link = &waiters;
    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
}

/* Sleeps until the condition is signalled, or for an unknown reason; the lock is held before and after.
 * Answers WAIT_DONE, WAIT_TIMEOUT or WAIT_DEADLOCK; asks for what it waits again after each. */
static int wait_listed(Waiter *waiter, pthread_cond_t *changed, const struct timespec *end) {
    int answer = WAIT_DONE;
    list_waiter(waiter);
    if (reports_here && waiter->what != FOR_REST && is_deadlocked(waiter))
        answer = WAIT_DEADLOCK;
    else if (pthread_cond_timedwait(changed, &jobs_mutex, end) == ETIMEDOUT)
        answer = is_waited_for() && is_deadlocked(waiter) ? WAIT_DEADLOCK : WAIT_TIMEOUT;
    unlist_waiter(waiter);
    return answer;
}

#endif
