/* Jobs of requests, and the streams that carry them out. See jobs.h for the states, waiting.h for who waits.
 *
 * Whoever works with a request holds its Job: a synchronous call (HELD), or an asynchronous run from its submission
 * to its end (QUEUED, RUNNING). Jobs that are submitted wait in the queue of their Streams, whose threads start when
 * the first job comes and sleep between jobs. Whoever waits for a job that no thread has begun may carry it out itself.
 */
#ifndef OVLITE_STREAM_H
#define OVLITE_STREAM_H

#include "waiting.h"

/* The owners to notify once the lock is free. */
typedef struct {
    void *job, *pool;
} Notices;

static void pool_add_idle(Pool *pool, Job *job) {
    job->next = NULL;
    *pool->last = job;
    pool->last = &job->next;
    atomic_store_explicit(&pool->idle, pool->idle + 1, memory_order_release);
}

static void pool_remove_idle(Pool *pool, Job *job) {
    for (Job **link = &pool->first; *link; link = &(*link)->next)
        if (*link == job) {
            *link = job->next;
            if (pool->last == &job->next)
                pool->last = link;
            atomic_store_explicit(&pool->idle, pool->idle - 1, memory_order_release);
            break;
        }
}

static void pool_clear(Pool *pool) {
    pool->first = NULL;
    pool->last = &pool->first;
    pool->idle = 0;
    cond_init(&pool->changed);
}

/* Waiters that must not block ask for a notice: `notified`, the owner of the job or the pool, gets one when the job's
 * run is done or a job of the pool becomes idle. The notice takes over a reference to it. */
static void send_notices(Notices notices, Streams *streams) {
    if (notices.job)
        streams->notify(notices.job);
    if (notices.pool)
        streams->notify(notices.pool);
}

static void streams_clear(Streams *streams) {
    streams->started = streams->idle = streams->running = streams->queued = 0;
    streams->first = NULL;
    streams->last = &streams->first;
    cond_init(&streams->work);
}

static void jobs_in_child(void) {
    forks++;
    waiters = NULL;
    streams_here = NULL;
    reports_here = NULL;
    for (Streams *streams = all_streams; streams; streams = streams->sibling)
        streams_clear(streams);
    for (Pool *pool = all_pools; pool; pool = pool->sibling) {
        pool_clear(pool);
        pool->notified = NULL;
    }
    for (Job *job = all_jobs; job; job = job->sibling) {
        if (job->state >= JOB_QUEUED)
            job->lost = 1;
        job->state = JOB_FREE;
        job->waiting = job->reporting = job->lease = 0;
        job->notified = job->holder = job->keeper = NULL;
        job->loan++;
        job->done = job->submitted;
        cond_init(&job->changed);
        if (job->pool)
            pool_add_idle(job->pool, job);
    }
    jobs_unlock();
}

/* Groups of streams live as long as the process. */
static Streams *streams_new(int count, void *(*run)(void *, int), void *(*report)(void *), void (*decref)(void *),
                            void (*notify)(void *)) {
    static int registered;
    Streams *streams = calloc(1, sizeof(Streams) + sizeof(Stream) * count);
    if (streams == NULL)
        return NULL;
    streams->count = count;
    streams->run = run;
    streams->report = report;
    streams->decref = decref;
    streams->notify = notify;
    streams_clear(streams);
    jobs_lock();
    if (!registered)
        pthread_atfork(jobs_lock, jobs_unlock, jobs_in_child);
    registered = 1;
    streams->sibling = all_streams;
    all_streams = streams;
    jobs_unlock();
    return streams;
}

static Job *job_new(void *owner, Streams *streams) {
    Job *job = calloc(1, sizeof(Job));
    if (job == NULL)
        return NULL;
    job->owner = owner;
    job->streams = streams;
    cond_init(&job->changed);
    jobs_lock();
    job->sibling = all_jobs;
    all_jobs = job;
    jobs_unlock();
    return job;
}

/* Frees a job after job_settle(). */
static void job_free(Job *job) {
    jobs_lock();
    if (job->pool) {
        job->pool->count--;
        pool_remove_idle(job->pool, job);
    }
    for (Job **link = &all_jobs; *link; link = &(*link)->sibling)
        if (*link == job) {
            *link = job->sibling;
            break;
        }
    jobs_unlock();
    free(job);
}

static inline int job_try(Job *job) {
    int state = JOB_FREE;
    if (!atomic_compare_exchange_strong(&job->state, &state, JOB_HELD))
        return 0;
    job->holder = this_thread();
    return 1;
}

/* Holds the job, after other synchronous holders, SLICE at the most. WAIT_BUSY when an asynchronous run has it,
 * WAIT_OWN when the caller does. */
static int job_hold(Job *job) {
    int answer = WAIT_DONE, state;
    struct timespec end = after(SLICE);
    Waiter waiter = {.what = FOR_RELEASE, .job = job};
    jobs_lock();
    job->waiting++;
    while (answer == WAIT_DONE && !job_try(job)) {
        state = job->state;
        if (state >= JOB_QUEUED)
            answer = WAIT_BUSY;
        else if (state == JOB_HELD && job->holder == this_thread())
            answer = WAIT_OWN;
        else if (state == JOB_HELD)
            answer = wait_listed(&waiter, &job->changed, &end);
    }
    job->waiting--;
    jobs_unlock();
    return answer;
}

static inline void job_release(Job *job) {
    job->holder = NULL;
    job->state = JOB_FREE;
    if (job->waiting) {
        jobs_lock();
        pthread_cond_broadcast(&job->changed);
        jobs_unlock();
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
    streams->queued--;
}

/* Ends run number `run` of a job; the lock is held. */
static Notices job_finish(Job *job, unsigned run) {
    Notices notices = {NULL, NULL};
    if ((int)(run - job->done) > 0)
        atomic_store_explicit(&job->done, run, memory_order_release);
    pthread_cond_broadcast(&job->changed);
    if (job->done == job->submitted) {
        notices.job = job->notified;
        job->notified = NULL;
    }
    if (job->lease == POOL_LENT && !job->keeper && !job->reporting && job->state < JOB_QUEUED) {
        job->lease = POOL_HAS;
        pool_add_idle(job->pool, job);
        pthread_cond_broadcast(&job->pool->changed);
        notices.pool = job->pool->notified;
        job->pool->notified = NULL;
    }
    return notices;
}

/* Asks for a notice of the end of a run that is under way. 0: none is; 1: it now has to own a reference;
 * 2: it was asked for already. */
static int job_set_notified(Job *job) {
    jobs_lock();
    int set = job->done == job->submitted ? 0 : job->notified ? 2 : 1;
    if (set)
        job->notified = job->owner;
    jobs_unlock();
    return set;
}

/* The same for a pool: 0 when some job is idle, or `all` jobs are. */
static int pool_set_notified(Pool *pool, void *owner, int all) {
    jobs_lock();
    int set = pool->idle >= (all ? pool->count : 1) ? 0 : pool->notified ? 2 : 1;
    if (set)
        pool->notified = owner;
    jobs_unlock();
    return set;
}

/* Carries out a job in state RUNNING, and its report. What Python code of either lets go of is dropped last: that
 * may be the owner, who then waits for nothing. In the child of a fork() within the run nobody knows of it any more. */
static void job_perform(Job *job, int stream) {
    Streams *streams = job->streams;
    Report here = {job, job->submitted, forks, reports_here};
    reports_here = &here;
    void *kept = streams->run(job->owner, stream), *reported = NULL;
    jobs_lock();
    if (here.forks == forks) {
        job->state = JOB_FREE;
        if (job->reports) {
            job->reporting++;
            pthread_cond_broadcast(&job->changed);
            jobs_unlock();
            reported = streams->report(job->owner);
            jobs_lock();
            if (here.forks == forks)
                job->reporting--;
        }
    }
    if (here.forks != forks) {
        jobs_unlock();
        return;
    }
    reports_here = here.outer;
    streams->running--;
    Notices notices = job_finish(job, here.run);
    jobs_unlock();
    send_notices(notices, streams);
    if (kept)
        streams->decref(kept);
    if (reported)
        streams->decref(reported);
}

/* Takes a job out of its queue; job_perform() must follow. The lock is held. */
static int job_start(Job *job) {
    job_unqueue(job);
    job->state = JOB_RUNNING;
    job->streams->running++;
    return WAIT_TAKEN;
}

static void *stream_main(void *argument) {
    Stream *stream = argument;
    Streams *streams = streams_here = stream->streams;
    jobs_lock();
    for (unsigned here = forks; here == forks;) {
        while (streams->first == NULL && !stopping) {
            streams->idle++;
            pthread_cond_wait(&streams->work, &jobs_mutex);
            streams->idle--;
        }
        Job *job = streams->first;
        if (job == NULL)
            break;
        job_start(job);
        jobs_unlock();
        job_perform(job, stream->index);
        jobs_lock();
    }
    jobs_unlock();
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
    jobs_lock();
    int ready = !stopping && (streams->started || stream_start(streams));
    if (ready) {
        job->reports = reports;
        job->lost = 0;
        atomic_store_explicit(&job->submitted, job->submitted + 1, memory_order_release);
        job->next = NULL;
        *streams->last = job;
        streams->last = &job->next;
        job->holder = NULL;
        if (job->lease == POOL_LENT && job->keeper == this_thread())
            job->keeper = NULL;
        job->state = JOB_QUEUED;
        streams->queued++;
        if (streams->idle)
            pthread_cond_signal(&streams->work);
        if (streams->idle < streams->queued && streams->started < streams->count)
            stream_start(streams);
        if (job->waiting)
            pthread_cond_broadcast(&job->changed);
        if (job->pool && waiters)
            pthread_cond_broadcast(&job->pool->changed);
    }
    jobs_unlock();
    return ready;
}

/* Takes a submitted job that no thread has begun out of the queue. */
static int job_withdraw(Job *job) {
    Streams *streams = job->streams;
    Notices notices = {NULL, NULL};
    jobs_lock();
    int queued = job->state == JOB_QUEUED;
    if (queued) {
        job_unqueue(job);
        job->state = JOB_FREE;
        notices = job_finish(job, job->submitted);
    }
    jobs_unlock();
    send_notices(notices, streams);
    return queued;
}

/* Waits until the runs submitted so far are done, those apart that this thread is in the report of, `timeout`
 * nanoseconds at the most. Who waits no longer than that (`limited`) takes a job only where nobody else might. */
static int job_wait(Job *job, long long timeout, int limited) {
    int answer = WAIT_DONE;
    struct timespec end = after(timeout);
    jobs_lock();
    Waiter waiter = {.what = FOR_RUN, .job = job, .run = job->submitted};
    if (job->state < JOB_QUEUED && in_report_of_run(reports_here, job, job->submitted))
        waiter.run = job->done;
    while (answer == WAIT_DONE && (int)(job->done - waiter.run) < 0) {
        if (may_start(streams_here, job) && (streams_here || !limited))
            answer = job_start(job);
        else if (!limited)
            answer = wait_listed(&waiter, &job->changed, &end);
        else if (pthread_cond_timedwait(&job->changed, &jobs_mutex, &end) == ETIMEDOUT)
            answer = WAIT_TIMEOUT;
    }
    if (answer == WAIT_TIMEOUT && (int)(job->done - waiter.run) >= 0)
        answer = WAIT_DONE;
    jobs_unlock();
    return answer;
}

/* Waits until nothing works with the job any more; the caller, who may be a stream's thread, carries it out
 * when nobody else might. */
static int job_settle(Job *job) {
    int answer = WAIT_DONE;
    Waiter waiter = {.what = FOR_REST, .job = job};
    jobs_lock();
    while (answer != WAIT_TAKEN && (job->state != JOB_FREE || job->reporting > 0 || job->done != job->submitted)) {
        struct timespec end = after(SLICE);
        answer = streams_here && may_start(streams_here, job) ? job_start(job)
                                                              : wait_listed(&waiter, &job->changed, &end);
    }
    jobs_unlock();
    return answer == WAIT_TAKEN ? WAIT_TAKEN : WAIT_DONE;
}

/* Carries out what is queued, lets no more in, and ends all threads. */
static void streams_stop(void) {
    Waiter waiter = {.what = FOR_EXIT};
    jobs_lock();
    stopping = 1;
    list_waiter(&waiter);
    for (Streams *streams = all_streams; streams; streams = streams->sibling)
        pthread_cond_broadcast(&streams->work);
    jobs_unlock();
    for (Streams *streams = all_streams; streams; streams = streams->sibling)
        while (streams->started)
            pthread_join(streams->stream[--streams->started].thread, NULL);
    jobs_lock();
    unlist_waiter(&waiter);
    jobs_unlock();
}

#endif
