/* Pools of jobs: they are taken in turn, the one that was freed first in front. See jobs.h. */
#ifndef OVLITE_JOB_POOL_H
#define OVLITE_JOB_POOL_H

#include "stream.h"

static Pool *pool_new(void) {
    Pool *pool = calloc(1, sizeof(Pool));
    if (pool == NULL)
        return NULL;
    pool_clear(pool);
    jobs_lock();
    pool->sibling = all_pools;
    all_pools = pool;
    jobs_unlock();
    return pool;
}

static void pool_free(Pool *pool) {
    jobs_lock();
    for (Job *job = all_jobs; job; job = job->sibling)
        if (job->pool == pool) {
            job->pool = NULL;
            job->lease = POOL_HAS;
            job->keeper = NULL;
            job->loan++;
        }
    for (Pool **link = &all_pools; *link; link = &(*link)->sibling)
        if (*link == pool) {
            *link = pool->sibling;
            break;
        }
    jobs_unlock();
    free(pool);
}

static void pool_join(Pool *pool, Job *job) {
    jobs_lock();
    job->pool = pool;
    pool->count++;
    pool_add_idle(pool, job);
    jobs_unlock();
}

/* A queued job of the pool that the caller may carry out, or NULL. */
static Job *pool_startable(Pool *pool) {
    for (Streams *streams = all_streams; streams; streams = streams->sibling)
        for (Job *job = streams->first; job; job = job->next)
            if (job->pool == pool && may_start(streams_here, job))
                return job;
    return NULL;
}

/* Waits for an idle job, `timeout` nanoseconds at the most, and takes it out of the pool unless `look`. WAIT_TAKEN:
 * `job` had not begun, see pool_startable(): a thread that nobody waits for leaves the queue to its streams as soon
 * as these are at work. */
static int pool_take(Pool *pool, int peek, long long timeout, Job **job) {
    int answer = WAIT_DONE;
    struct timespec end = after(timeout);
    Waiter waiter = {.what = FOR_ONE, .pool = pool};
    jobs_lock();
    while (answer == WAIT_DONE && pool->first == NULL) {
        *job = timeout ? pool_startable(pool) : NULL;
        if (*job && (!(*job)->streams->running || is_waited_for()))
            answer = job_start(*job);
        else
            answer = timeout ? wait_listed(&waiter, &pool->changed, &end) : WAIT_TIMEOUT;
    }
    if (answer != WAIT_TAKEN && (*job = pool->first) != NULL) {
        answer = WAIT_DONE;
        if (!peek) {
            pool_remove_idle(pool, *job);
            (*job)->lease = POOL_LENT;
            (*job)->keeper = this_thread();
            (*job)->loan++;
        }
    }
    jobs_unlock();
    return answer;
}

/* Keeps a job that was taken, through its runs, until it is put back. */
static void pool_keep(Job *job) {
    jobs_lock();
    job->lease = POOL_KEPT;
    jobs_unlock();
}

/* Returns whether this thread is in a run or a report of a job of the pool. */
static int pool_reports(Pool *pool) {
    for (Report *report = reports_here; report; report = report->outer)
        if (report->job->pool == pool)
            return 1;
    return 0;
}

/* Puts back a job that was taken and not submitted, or kept; a run of it that is under way ends first. */
static void pool_return(Job *job, unsigned loan) {
    Notices notices = {NULL, NULL};
    jobs_lock();
    if (job->loan == loan && job->lease != POOL_HAS) {
        job->lease = POOL_LENT;
        job->keeper = NULL;
        notices = job_finish(job, job->done);
    }
    jobs_unlock();
    send_notices(notices, job->streams);
}

/* Waits until all jobs are idle, SLICE at the most. WAIT_TAKEN: `job` had not begun. */
static int pool_wait(Pool *pool, Job **job) {
    struct timespec end = after(SLICE);
    Waiter waiter = {.what = FOR_ALL, .pool = pool};
    int answer = WAIT_DONE;
    jobs_lock();
    while (answer == WAIT_DONE && pool->idle < pool->count) {
        *job = pool_startable(pool);
        answer = *job ? job_start(*job) : wait_listed(&waiter, &pool->changed, &end);
    }
    if (answer != WAIT_TAKEN && pool->idle == pool->count)
        answer = WAIT_DONE;
    jobs_unlock();
    return answer;
}

static int pool_outlasted(Pool *pool) {
    for (Job *job = all_jobs; job; job = job->sibling)
        if (job->pool == pool && outlasts(reports_here, job))
            return 1;
    return 0;
}

/* Waits until no run that the pool gave out is under way, this thread's own apart and those that would never end
 * while it waits. WAIT_TAKEN: `job` had not begun, and the caller is a stream's thread. */
static int pool_settle(Pool *pool, Job **job) {
    int answer = WAIT_DONE;
    Waiter waiter = {.what = FOR_END, .pool = pool};
    jobs_lock();
    while (answer != WAIT_TAKEN && answer != WAIT_DEADLOCK && pool_outlasted(pool)) {
        struct timespec end = after(SLICE);
        *job = streams_here ? pool_startable(pool) : NULL;
        answer = *job ? job_start(*job) : wait_listed(&waiter, &pool->changed, &end);
    }
    jobs_unlock();
    return answer;
}

#endif
