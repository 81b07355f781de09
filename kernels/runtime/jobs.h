/* Jobs of requests, the streams that carry them out, and pools of jobs: what there is, and its states.
 *
 * Each request is one Job. Its state, and who moves it on:
 *
 *               job_hold             job_submit              job_start                  job_perform
 *     FREE ------------------> HELD ------------> QUEUED ------------------> RUNNING ----------------+
 *      ^      any thread        |    the holder     |    a thread of its        the same thread      |
 *      |                        |                   |    streams, or one that                        |
 *      +--- job_release --------+                   |    waits for it                                |
 *      +--- job_withdraw, for cancel() -------------+                                                |
 *      +---------------------------------------------------------------------------------------------+
 *
 * A run ends with its report, which the thread that ran it makes with the job FREE again (`reporting`): the
 * callback may use the request, and even submit it anew. `done` and `submitted` number the runs.
 *
 * A job of a Pool is besides in one of these, whatever its state, for its own users need not ask the pool:
 *
 *               pool_take             the run that was submitted, and all reports, have ended
 *     HAS ------------------> LENT ------------------------------------------------------------> HAS
 *      |                       ^       pool_return, by whoever took it and submitted nothing
 *      +--> KEPT --------------+
 *           pool_keep          pool_return; a run that is under way ends first
 *
 * Until a LENT job is submitted, and while it is KEPT, `keeper` is the thread that took it. A loan is
 * numbered: giving back one that fork() or the pool's end has cancelled does nothing.
 *
 * One lock guards all of this; it is never held while anything else is waited for, the interpreter's lock
 * included. After fork() the child has no threads: its queues are empty, jobs that were under way are
 * marked as lost, and the thread that forked is in no run and in no report.
 *
 * Why no threads wait for each other for ever: see waiting.h.
 */
#ifndef OVLITE_JOBS_H
#define OVLITE_JOBS_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { JOB_FREE, JOB_HELD, JOB_QUEUED, JOB_RUNNING };
enum { POOL_HAS, POOL_LENT, POOL_KEPT };

/* Results of a call that waits. TAKEN: the caller has a job that had not begun, and job_perform() must follow.
 * DEADLOCK: nothing that the caller waits for happens while it waits. */
enum { WAIT_TIMEOUT, WAIT_DONE, WAIT_TAKEN, WAIT_BUSY, WAIT_OWN, WAIT_DEADLOCK };

typedef struct Job {
    _Atomic int state;
    void *_Atomic holder;        /* HELD: names the thread, see this_thread() */
    _Atomic int waiting;         /* threads in job_hold() */
    _Atomic unsigned submitted, done; /* written under the lock */
    int reports;                 /* the run's end is reported through Streams.report */
    int reporting;
    int lost;                    /* the last run was cut off by fork() */
    void *owner;
    struct Streams *streams;
    struct Pool *pool;           /* or NULL */
    int lease;                   /* POOL_HAS, POOL_LENT, POOL_KEPT */
    void *keeper;
    unsigned loan;
    void *notified;              /* see send_notices() */
    struct Job *next;            /* in the queue, or among the idle jobs of the pool */
    struct Job *sibling;         /* in the list of all jobs */
    pthread_cond_t changed;
} Job;

typedef struct Stream {
    struct Streams *streams;
    int index;
    pthread_t thread;
} Stream;

typedef struct Streams {
    void *(*run)(void *owner, int stream);
    void *(*report)(void *owner);
    void (*decref)(void *kept);  /* what run and report return, or NULL: to be kept until the run has ended */
    void (*notify)(void *owner);
    int count, started, idle;
    int running;                 /* jobs that are being carried out, by whomever */
    int queued;
    Job *first, **last;
    pthread_cond_t work;
    struct Streams *sibling;
    Stream stream[];
} Streams;

typedef struct Pool {
    Job *first, **last;          /* idle jobs, the one that was freed first in front */
    _Atomic int idle;            /* written under the lock */
    int count;
    void *notified;
    pthread_cond_t changed;
    struct Pool *sibling;
} Pool;

/* The runs and their reports that a thread is in: one may wait for another job, and carry that out. */
typedef struct Report {
    Job *job;
    unsigned run;
    unsigned forks;
    struct Report *outer;
} Report;

static pthread_mutex_t jobs_mutex = PTHREAD_MUTEX_INITIALIZER;
static Streams *all_streams;
static Job *all_jobs;
static Pool *all_pools;
static int stopping;
static unsigned forks;                           /* how many separate this process from its first ancestor */
static _Thread_local Streams *streams_here;      /* whose thread this is, or NULL */
static _Thread_local Report *reports_here;       /* innermost first */

static void jobs_lock(void) { pthread_mutex_lock(&jobs_mutex); }
static void jobs_unlock(void) { pthread_mutex_unlock(&jobs_mutex); }

static inline void *this_thread(void) { return &streams_here; }

static void cond_init(pthread_cond_t *cond) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* The time `timeout` nanoseconds from now. */
static struct timespec after(long long timeout) {
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    timeout += end.tv_nsec;
    end.tv_sec += timeout / 1000000000;
    end.tv_nsec = timeout % 1000000000;
    return end;
}

#endif
