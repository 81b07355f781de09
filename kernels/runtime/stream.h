/* Jobs of requests, the streams that carry them out, and pools of jobs.
 *
 * Each request is one Job. Whoever works with a request holds it: a synchronous call (HELD), or an
 * asynchronous run from its submission to its end (QUEUED, RUNNING). Jobs that are submitted wait in
 * the queue of their Streams, whose threads start when the first job comes and sleep between jobs.
 * Whoever waits for a job that no thread has begun may carry it out itself.
 *
 * One lock guards all queues and pools; it is never held while anything else is waited for, the
 * interpreter's lock included. After fork() the child has no threads: its queues are empty, and jobs
 * that were under way are marked as lost.
 */
#ifndef OVLITE_STREAM_H
#define OVLITE_STREAM_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { JOB_FREE, JOB_HELD, JOB_QUEUED, JOB_RUNNING };
enum { WAIT_TIMEOUT, WAIT_DONE, WAIT_TAKEN, WAIT_BUSY, WAIT_OWN };
enum { POOL_HAS, POOL_LENT, POOL_KEPT };

typedef struct Job {
    _Atomic int state;
    void *_Atomic holder;        /* HELD: names the thread, see this_thread() */
    _Atomic int waiting;         /* threads in job_hold() */
    unsigned submitted, done;    /* runs; a run is done when its report is */
    int reports;                 /* the run's end is reported through Streams.report */
    int reporting;
    int lost;                    /* the last run was cut off by fork() */
    void *owner;
    struct Streams *streams;
    struct Pool *pool;           /* or NULL */
    int taken;                   /* POOL_LENT: idle again when its run ends; POOL_KEPT: when pool_return() says */
    void *bell;                  /* see bells_ring() */
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
    void (*drop)(void *kept);    /* what run and report return, or NULL: to be kept until the run has ended */
    void (*ring)(void *owner);
    int count, started, idle;
    int running;                 /* jobs that are being carried out, by whomever */
    Job *first, **last;
    pthread_cond_t work;
    struct Streams *sibling;
    Stream stream[];
} Streams;

typedef struct Pool {
    Job *first, **last;          /* idle jobs, the one that was freed first in front */
    int idle, count;
    void *bell;
    pthread_cond_t changed;
    struct Pool *sibling;
} Pool;

/* The bells to ring once the lock is free. */
typedef struct {
    void *job, *pool;
} Bells;

static pthread_mutex_t board = PTHREAD_MUTEX_INITIALIZER;
static Streams *all_streams;
static Job *all_jobs;
static Pool *all_pools;
static int stopping;
static _Thread_local int on_stream;        /* this thread is a stream's */

/* The runs and their reports that a thread is in: one may wait for another job, and carry that out. */
typedef struct Report {
    Job *job;
    struct Report *outer;
} Report;
static _Thread_local Report *reports_here;

static int in_report_of(Job *job) {
    for (Report *report = reports_here; report; report = report->outer)
        if (report->job == job)
            return 1;
    return 0;
}

static inline void *this_thread(void) { return &on_stream; }

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

static void pool_add_idle(Pool *pool, Job *job) {
    job->next = NULL;
    *pool->last = job;
    pool->last = &job->next;
    pool->idle++;
}

static void pool_drop(Pool *pool, Job *job) {
    pool->count--;
    for (Job **link = &pool->first; *link; link = &(*link)->next)
        if (*link == job) {
            *link = job->next;
            if (pool->last == &job->next)
                pool->last = link;
            pool->idle--;
            break;
        }
}

static void pool_clear(Pool *pool) {
    pool->first = NULL;
    pool->last = &pool->first;
    pool->idle = 0;
    cond_init(&pool->changed);
}

/* Who must not block has a bell set: it rings once, when the job's run is done or a job of the pool becomes
 * idle. A bell is the owner of the job or the pool; the ringing takes over a reference to it. */
static void bells_ring(Bells bells, Streams *streams) {
    if (bells.job)
        streams->ring(bells.job);
    if (bells.pool)
        streams->ring(bells.pool);
}

static void streams_clear(Streams *streams) {
    streams->started = streams->idle = streams->running = 0;
    streams->first = NULL;
    streams->last = &streams->first;
    cond_init(&streams->work);
}

static void board_lock(void) { pthread_mutex_lock(&board); }
static void board_unlock(void) { pthread_mutex_unlock(&board); }
static void board_in_child(void) {
    for (Streams *streams = all_streams; streams; streams = streams->sibling)
        streams_clear(streams);
    for (Pool *pool = all_pools; pool; pool = pool->sibling) {
        pool_clear(pool);
        pool->bell = NULL;
    }
    for (Job *job = all_jobs; job; job = job->sibling) {
        if (job->state >= JOB_QUEUED)
            job->lost = 1;
        job->state = JOB_FREE;
        job->waiting = job->reporting = job->taken = 0;
        job->bell = job->holder = NULL;
        job->done = job->submitted;
        cond_init(&job->changed);
        if (job->pool)
            pool_add_idle(job->pool, job);
    }
    board_unlock();
}

/* Groups of streams live as long as the process. */
static Streams *streams_new(int count, void *(*run)(void *, int), void *(*report)(void *), void (*drop)(void *),
                            void (*ring)(void *)) {
    static int registered;
    Streams *streams = calloc(1, sizeof(Streams) + sizeof(Stream) * count);
    if (streams == NULL)
        return NULL;
    streams->count = count;
    streams->run = run;
    streams->report = report;
    streams->drop = drop;
    streams->ring = ring;
    streams_clear(streams);
    board_lock();
    if (!registered)
        pthread_atfork(board_lock, board_unlock, board_in_child);
    registered = 1;
    streams->sibling = all_streams;
    all_streams = streams;
    board_unlock();
    return streams;
}

static Job *job_new(void *owner, Streams *streams) {
    Job *job = calloc(1, sizeof(Job));
    if (job == NULL)
        return NULL;
    job->owner = owner;
    job->streams = streams;
    cond_init(&job->changed);
    board_lock();
    job->sibling = all_jobs;
    all_jobs = job;
    board_unlock();
    return job;
}

/* Frees a job after job_settle(). */
static void job_free(Job *job) {
    board_lock();
    if (job->pool)
        pool_drop(job->pool, job);
    for (Job **link = &all_jobs; *link; link = &(*link)->sibling)
        if (*link == job) {
            *link = job->sibling;
            break;
        }
    board_unlock();
    free(job);
}

static inline int job_try(Job *job) {
    int state = JOB_FREE;
    if (!atomic_compare_exchange_strong(&job->state, &state, JOB_HELD))
        return 0;
    job->holder = this_thread();
    return 1;
}

/* Holds the job, after other synchronous holders, `timeout` nanoseconds at the most. WAIT_BUSY when an
 * asynchronous run has it, WAIT_OWN when the caller does. */
static int job_hold(Job *job, long long timeout) {
    int answer = WAIT_DONE, state;
    struct timespec end = after(timeout);
    board_lock();
    job->waiting++;
    while (answer == WAIT_DONE && !job_try(job)) {
        state = job->state;
        if (state >= JOB_QUEUED)
            answer = WAIT_BUSY;
        else if (state == JOB_HELD && job->holder == this_thread())
            answer = WAIT_OWN;
        else if (state == JOB_HELD && pthread_cond_timedwait(&job->changed, &board, &end) == ETIMEDOUT)
            answer = WAIT_TIMEOUT;
    }
    job->waiting--;
    board_unlock();
    return answer;
}

static inline void job_release(Job *job) {
    job->holder = NULL;
    job->state = JOB_FREE;
    if (job->waiting) {
        board_lock();
        pthread_cond_broadcast(&job->changed);
        board_unlock();
    }
}

/* Takes a job out of its queue; the lock is held. */
static void job_unqueue(Job *job) {
    Streams *streams = job->streams;
    Job **link = &streams->first;
    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    if (streams->last == &job->next)
        streams->last = link;
}

/* Ends run number `run` of a job; the lock is held. */
static Bells job_finish(Job *job, unsigned run) {
    Bells bells = {NULL, NULL};
    if ((int)(run - job->done) > 0)
        job->done = run;
    pthread_cond_broadcast(&job->changed);
    if (job->done == job->submitted) {
        bells.job = job->bell;
        job->bell = NULL;
    }
    if (job->taken == POOL_LENT && job->state < JOB_QUEUED) {
        job->taken = POOL_HAS;
        pool_add_idle(job->pool, job);
        pthread_cond_broadcast(&job->pool->changed);
        bells.pool = job->pool->bell;
        job->pool->bell = NULL;
    }
    return bells;
}

/* Sets the bell of a run that is under way. Returns 0 when none is, 1 when the bell now has to own a reference,
 * 2 when it was set already. */
static int job_set_bell(Job *job) {
    board_lock();
    int set = job->done == job->submitted ? 0 : job->bell ? 2 : 1;
    if (set)
        job->bell = job->owner;
    board_unlock();
    return set;
}

/* The same for a pool: 0 when some job is idle, or `all` jobs are. */
static int pool_set_bell(Pool *pool, void *owner, int all) {
    board_lock();
    int set = pool->idle >= (all ? pool->count : 1) ? 0 : pool->bell ? 2 : 1;
    if (set)
        pool->bell = owner;
    board_unlock();
    return set;
}

/* Carries out a job in state RUNNING, and its report. What Python code of either lets go of is dropped last: that
 * may be the owner, who then waits for nothing. */
static void job_perform(Job *job, int stream) {
    Streams *streams = job->streams;
    unsigned run = job->submitted;
    Report here = {job, reports_here};
    reports_here = &here;
    void *kept = streams->run(job->owner, stream), *reported = NULL;
    board_lock();
    int reports = job->reports;
    job->state = JOB_FREE;
    if (reports) {
        job->reporting++;
        pthread_cond_broadcast(&job->changed);
        board_unlock();
        reported = streams->report(job->owner);
        board_lock();
        job->reporting--;
    }
    reports_here = here.outer;
    streams->running--;
    Bells bells = job_finish(job, run);
    board_unlock();
    bells_ring(bells, streams);
    if (kept)
        streams->drop(kept);
    if (reported)
        streams->drop(reported);
}

/* Takes a job out of its queue; job_perform() must follow. The lock is held. */
static void job_start(Job *job) {
    job_unqueue(job);
    job->state = JOB_RUNNING;
    job->streams->running++;
}

static void *stream_main(void *argument) {
    Stream *stream = argument;
    Streams *streams = stream->streams;
    on_stream = 1;
    board_lock();
    for (;;) {
        while (streams->first == NULL && !stopping) {
            streams->idle++;
            pthread_cond_wait(&streams->work, &board);
            streams->idle--;
        }
        Job *job = streams->first;
        if (job == NULL)
            break;
        job_start(job);
        board_unlock();
        job_perform(job, stream->index);
        board_lock();
    }
    board_unlock();
    return NULL;
}

/* Starts one more thread; the lock is held. */
static int stream_start(Streams *streams) {
    Stream *stream = &streams->stream[streams->started];
    stream->streams = streams;
    stream->index = streams->started;
    if (pthread_create(&stream->thread, NULL, stream_main, stream))
        return 0;
    streams->started++;
    return 1;
}

/* Queues a job that the caller holds. Returns 0, the job still held, when there can be no thread for it. */
static int job_submit(Job *job, int reports) {
    Streams *streams = job->streams;
    board_lock();
    int waits = streams->first != NULL;
    int ready = !stopping && (streams->started || stream_start(streams));
    if (ready) {
        job->reports = reports;
        job->lost = 0;
        job->submitted++;
        job->next = NULL;
        *streams->last = job;
        streams->last = &job->next;
        job->holder = NULL;
        job->state = JOB_QUEUED;
        if (streams->idle)
            pthread_cond_signal(&streams->work);
        if (streams->idle <= waits && streams->started < streams->count)
            stream_start(streams);
        if (job->waiting)
            pthread_cond_broadcast(&job->changed);
    }
    board_unlock();
    return ready;
}

/* Takes a submitted job that no thread has begun out of the queue. */
static int job_withdraw(Job *job) {
    Streams *streams = job->streams;
    Bells bells = {NULL, NULL};
    board_lock();
    int queued = job->state == JOB_QUEUED;
    if (queued) {
        job_unqueue(job);
        job->state = JOB_FREE;
        bells = job_finish(job, job->submitted);
    }
    board_unlock();
    bells_ring(bells, streams);
    return queued;
}

/* True when this thread may carry out a job instead of waiting: reports come on streams' threads only. */
static int job_stealable(Job *job) { return job->state == JOB_QUEUED && (!job->reports || on_stream); }

/* Waits until the runs submitted so far are done, `timeout` nanoseconds at the most. WAIT_TAKEN, only if
 * `steal`: the job had not begun, and job_perform() by the caller must follow. */
static int job_wait(Job *job, long long timeout, int steal) {
    int answer = WAIT_DONE;
    struct timespec end = after(timeout);
    board_lock();
    unsigned run = job->submitted;
    if (in_report_of(job) && job->state < JOB_QUEUED)
        run = job->done;
    while (answer == WAIT_DONE && (int)(job->done - run) < 0) {
        if (steal && job_stealable(job)) {
            job_start(job);
            answer = WAIT_TAKEN;
        } else if (pthread_cond_timedwait(&job->changed, &board, &end) == ETIMEDOUT && (int)(job->done - run) < 0) {
            answer = WAIT_TIMEOUT;
        }
    }
    board_unlock();
    return answer;
}

/* Waits until nothing works with the job any more. WAIT_TAKEN: it had not begun, and job_perform() by the caller,
 * who is a stream's thread and must not wait for that, must follow. */
static int job_settle(Job *job) {
    int answer = WAIT_DONE;
    board_lock();
    while (answer == WAIT_DONE && (job->state != JOB_FREE || job->reporting > 0 || job->done != job->submitted))
        if (on_stream && job_stealable(job)) {
            job_start(job);
            answer = WAIT_TAKEN;
        } else {
            pthread_cond_wait(&job->changed, &board);
        }
    board_unlock();
    return answer;
}

/* Carries out what is queued, lets no more in, and ends all threads. */
static void streams_stop(void) {
    board_lock();
    stopping = 1;
    for (Streams *streams = all_streams; streams; streams = streams->sibling)
        pthread_cond_broadcast(&streams->work);
    board_unlock();
    for (Streams *streams = all_streams; streams; streams = streams->sibling)
        for (int i = 0; i < streams->started; i++)
            pthread_join(streams->stream[i].thread, NULL);
}

#endif
