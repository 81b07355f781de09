/* A team of threads that walks the steps of a plan together.
 *
 * The caller is member 0, so a synchronous inference hands nothing over. Between two steps the
 * members meet at a barrier; whoever waits spins for SPIN_NANOSECONDS and then sleeps on a futex,
 * so nothing spins while idle and a busy machine takes the processor back soon. Threads are made on
 * first use and are never pinned. After fork() a team has no threads and makes them anew.
 *
 * A team runs one job at a time. Who finds it busy runs its job alone: results do not depend on the
 * number of members.
 */
#ifndef OVLITE_TEAM_H
#define OVLITE_TEAM_H

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "halt.h"

#define SPIN_NANOSECONDS 40000
#define TEAM_LIMIT 256

typedef void (*team_job)(void *job, int rank, int count);

/* A counter that threads wait on. */
typedef struct {
    _Alignas(64) _Atomic unsigned value;
    _Atomic unsigned sleepers;
} Signal;

struct Team;

typedef struct {
    Signal ticket;
    struct Team *team;
    int rank;
    pthread_t thread;
} Worker;

typedef struct Team {
    _Alignas(64) _Atomic int busy;
    int size;              /* members at the most, the caller included */
    int started;           /* threads that run */
    team_job run;
    void *job;
    int count;
    _Atomic unsigned arrived;
    Signal barrier;
    Worker *workers;
    struct Team *next;     /* in the list of all teams */
} Team;

static Team *all_teams;
static pthread_mutex_t all_teams_lock = PTHREAD_MUTEX_INITIALIZER;

/* In the child of a fork only the forking thread lives: every team is idle and has no threads. */
static void teams_before_fork(void) { pthread_mutex_lock(&all_teams_lock); }
static void teams_after_fork(void) { pthread_mutex_unlock(&all_teams_lock); }
static void teams_in_child(void) {
    for (Team *team = all_teams; team; team = team->next) {
        atomic_store(&team->busy, 0);
        atomic_store(&team->arrived, 0);
        memset(&team->barrier, 0, sizeof(Signal));
        team->started = 0;
    }
    pthread_mutex_unlock(&all_teams_lock);
}

static inline void cpu_relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Waits until the signal's value differs from `old`. */
static void signal_wait(Signal *signal, unsigned old) {
    long long deadline = 0;
    for (;;) {
        for (int i = 0; i < 64; i++) {
            if (atomic_load_explicit(&signal->value, memory_order_acquire) != old)
                return;
            cpu_relax();
        }
        long long now = nanoseconds();
        if (!deadline)
            deadline = now + SPIN_NANOSECONDS;
        else if (now > deadline)
            break;
    }
    atomic_fetch_add(&signal->sleepers, 1);
    while (atomic_load(&signal->value) == old)
        syscall(SYS_futex, &signal->value, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
    atomic_fetch_sub(&signal->sleepers, 1);
}

static void signal_raise(Signal *signal) {
    atomic_fetch_add(&signal->value, 1);
    if (atomic_load(&signal->sleepers))
        syscall(SYS_futex, &signal->value, FUTEX_WAKE_PRIVATE, TEAM_LIMIT, NULL, NULL, 0);
}

/* All `count` members of the running job meet here. */
static void team_barrier(Team *team, int count) {
    if (count == 1)
        return;
    unsigned turn = atomic_load_explicit(&team->barrier.value, memory_order_relaxed);
    if (atomic_fetch_add(&team->arrived, 1) + 1 == (unsigned)count) {
        atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
        signal_raise(&team->barrier);
    } else {
        signal_wait(&team->barrier, turn);
    }
}

static void *team_worker(void *argument) {
    Worker *worker = argument;
    Team *team = worker->team;
    unsigned seen = 0;
    for (;;) {
        signal_wait(&worker->ticket, seen);
        seen++;
        if (team->run == NULL)
            return NULL;
        team->run(team->job, worker->rank, team->count);
        team_barrier(team, team->count);
    }
}

static Team *team_new(int size) {
    static _Atomic int registered;
    if (!atomic_exchange(&registered, 1))
        pthread_atfork(teams_before_fork, teams_after_fork, teams_in_child);
    Team *team = aligned_alloc(64, sizeof(Team));
    if (team == NULL)
        return NULL;
    memset(team, 0, sizeof(Team));
    team->size = size < 1 ? 1 : size > TEAM_LIMIT ? TEAM_LIMIT : size;
    team->workers = aligned_alloc(64, sizeof(Worker) * team->size);
    if (team->workers == NULL) {
        free(team);
        return NULL;
    }
    pthread_mutex_lock(&all_teams_lock);
    team->next = all_teams;
    all_teams = team;
    pthread_mutex_unlock(&all_teams_lock);
    return team;
}

/* Starts the threads that members 1 .. count - 1 need; returns how many members there are. */
static int team_start(Team *team, int count) {
    if (count > team->size)
        count = team->size;
    while (team->started < count - 1) {
        Worker *worker = &team->workers[team->started];
        memset(worker, 0, sizeof(Worker));
        worker->team = team;
        worker->rank = team->started + 1;
        if (pthread_create(&worker->thread, NULL, team_worker, worker))
            break;
        team->started++;
    }
    return team->started + 1 < count ? team->started + 1 : count;
}

/* Takes the team for one job of up to `count` members; returns the members there will be.
 * Above 1 the team is held and team_run() must follow. */
static int team_take(Team *team, int count) {
    int idle = 0;
    if (team == NULL || count <= 1 || team->size == 1 || !atomic_compare_exchange_strong(&team->busy, &idle, 1))
        return 1;
    count = team_start(team, count);
    if (count == 1)
        atomic_store(&team->busy, 0);
    return count;
}

/* Runs `run(job, rank, count)` on each member; the caller is rank 0. Returns when all are done. */
static void team_run(Team *team, int count, team_job run, void *job) {
    if (count == 1) {
        run(job, 0, 1);
        return;
    }
    team->run = run;
    team->job = job;
    team->count = count;
    for (int i = 0; i < count - 1; i++)
        signal_raise(&team->workers[i].ticket);
    run(job, 0, count);
    team_barrier(team, count);
    atomic_store(&team->busy, 0);
}

/* Ends the threads and frees the team, which must be idle. */
static void team_free(Team *team) {
    pthread_mutex_lock(&all_teams_lock);
    for (Team **link = &all_teams; *link; link = &(*link)->next)
        if (*link == team) {
            *link = team->next;
            break;
        }
    pthread_mutex_unlock(&all_teams_lock);
    team->run = NULL;
    for (int i = 0; i < team->started; i++) {
        signal_raise(&team->workers[i].ticket);
        pthread_join(team->workers[i].thread, NULL);
    }
    free(team->workers);
    free(team);
}

#endif
