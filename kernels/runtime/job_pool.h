/* Pools of jobs: they are taken in turn, the one that was freed first in front. See stream.h. */
#ifndef OVLITE_JOB_POOL_H
#define OVLITE_JOB_POOL_H

#include "stream.h"

static Pool *pool_new(void) {
    Pool *pool = calloc(1, sizeof(Pool));
    if (pool == NULL)
        return NULL;
    pool_clear(pool);
    board_lock();
    pool->sibling = all_pools;
    all_pools = pool;
    board_unlock();
    return pool;
}

static void pool_free(Pool *pool) {
    board_lock();
    for (Job *job = all_jobs; job; job = job->sibling)
        if (job->pool == pool) {
            job->pool = NULL;
            job->taken = POOL_HAS;
        }
    for (Pool **link = &all_pools; *link; link = &(*link)->sibling)
        if (*link == pool) {
            *link = pool->sibling;
            break;
        }
    board_unlock();
    free(pool);
}

static void pool_join(Pool *pool, Job *job) {
    board_lock();
    job->pool = pool;
    pool->count++;
    pool_add_idle(pool, job);
    board_unlock();
}

/* A job of the pool that the caller may carry out while the streams' threads are still waking; or NULL. */
static Job *pool_startable(Pool *pool) {
    for (Job *job = all_jobs; job; job = job->sibling)
        if (job->pool == pool && job_stealable(job) && !job->streams->running)
            return job;
    return NULL;
}

/* Waits for an idle job, `timeout` nanoseconds at the most, and returns it or NULL; takes it out of the
 * pool unless `look`. When no job runs that could become idle, `mine` is one that had not begun, for the
 * caller to carry out. */
static Job *pool_take(Pool *pool, int look, long long timeout, Job **mine) {
    struct timespec end = after(timeout);
    int late = 0;
    board_lock();
    *mine = NULL;
    while (pool->first == NULL && !late && !(*mine = timeout ? pool_startable(pool) : NULL))
        late = pthread_cond_timedwait(&pool->changed, &board, &end) == ETIMEDOUT;
    if (*mine)
        job_start(*mine);
    Job *job = pool->first;
    if (job && !look) {
        pool->first = job->next;
        if (pool->first == NULL)
            pool->last = &pool->first;
        pool->idle--;
        job->taken = POOL_LENT;
    }
    board_unlock();
    return job;
}

/* Puts back a job that was taken and not submitted, or kept; a run of it that is under way ends first. */
static void pool_return(Job *job) {
    board_lock();
    job->taken = POOL_LENT;
    Bells bells = job_finish(job, job->done);
    board_unlock();
    bells_ring(bells, job->streams);
}

/* Waits until all jobs are idle, `timeout` nanoseconds at the most. WAIT_TAKEN: `mine` is a job that had
 * not begun, for the caller to carry out. */
static int pool_wait(Pool *pool, long long timeout, Job **mine) {
    struct timespec end = after(timeout);
    int answer = WAIT_DONE;
    board_lock();
    while (answer == WAIT_DONE && pool->idle < pool->count) {
        for (Job *job = all_jobs; job && answer == WAIT_DONE; job = job->sibling)
            if (job->pool == pool && job_stealable(job)) {
                job_start(job);
                *mine = job;
                answer = WAIT_TAKEN;
            }
        if (answer == WAIT_DONE && pthread_cond_timedwait(&pool->changed, &board, &end) == ETIMEDOUT)
            answer = pool->idle < pool->count ? WAIT_TIMEOUT : WAIT_DONE;
    }
    board_unlock();
    return answer;
}

/* Waits until no run that the pool gave out is under way, this thread's own apart. WAIT_TAKEN: see job_settle(), of `mine`. */
static int pool_settle(Pool *pool, Job **mine) {
    int answer = WAIT_DONE;
    board_lock();
    for (Job *job = all_jobs; job && answer == WAIT_DONE;) {
        if (job->pool != pool || job->taken != POOL_LENT || in_report_of(job)) {
            job = job->sibling;
        } else if (on_stream && job_stealable(job)) {
            job_start(job);
            *mine = job;
            answer = WAIT_TAKEN;
        } else {
            pthread_cond_wait(&pool->changed, &board);
            job = all_jobs;
        }
    }
    board_unlock();
    return answer;
}

/* How many reports of the pool's jobs this thread is in. */
static int pool_reports(Pool *pool) {
    int count = 0;
    for (Report *report = reports_here; report; report = report->outer)
        count += report->job->pool == pool;
    return count;
}

#endif
