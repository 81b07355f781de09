/* A team of threads that does the phases of a job together.
 *
 * A phase has a part for each member; which part is which follows from the job alone, so results do not
 * depend on who carries it out. A member begins its own part first. What its member has not begun, because
 * it sleeps, or because the system runs something else in its place, is taken by whoever has nothing else to
 * do: nobody waits for a thread that has not begun to work. The next phase begins when all parts are done.
 *
 * The caller is member 0, so a synchronous inference hands nothing over, and it returns when the last phase
 * is over, wherever its helpers are. Those look for the next job for a while and then sleep on a futex. They
 * keep off the processor that the caller runs on, and let other programs run between two parts rather than be
 * interrupted within one. Where helpers are never there in time, the caller works alone and rarely tries
 * again. Threads are made on first use. After fork() a team has no threads and makes them anew.
 *
 * A team does one job at a time. Who finds it busy does its job alone.
 */
#ifndef OVLITE_TEAM_H
#define OVLITE_TEAM_H

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cancellation.h"
#include "place.h"

/* Waking a thread costs 5 to 50 us, a turn of the system's scheduler 1 to 5 ms, a step of a model 10 us and more: threads
   spin as long as waking them takes, and give way more often than the scheduler would take their processor away. */
#define TEAM_LIMIT 256
#define SPIN_NANOSECONDS 40000         /* that a thread looks for work before it sleeps */
#define CROWDED_SPIN_NANOSECONDS 2000  /* the same when other programs want the processors */
#define CROWDED_NANOSECONDS 50000000   /* that a sign of other programs counts */
#define GRACE_NANOSECONDS 1000         /* that a member which has just been at work may be late by */
#define TURN_NANOSECONDS 700000        /* that a helper works before it lets others run */
#define LATE_JOBS 4                    /* jobs without help after which the caller works alone ... */
#define ALONE_JOBS 64                  /* ... and how many it does so */
#define STALL_NANOSECONDS 200000       /* that the caller waits where a helper was interrupted within a part */
#define CREDIT_NANOSECONDS 10000000    /* of time that helpers have saved, which their interruptions may cost again */
#define STALL_RESTS 20                 /* times as long as a stall, the caller works alone when they have cost more */
#define LONGEST_STALL 5000000          /* nanoseconds of a stall that count: about a turn of another program */

typedef struct {
    /* Carries out part `part` of `count` of a phase; `leads`: in the thread that called team_do(). */
    void (*part)(void *data, int phase, int part, int count, int leads);
    /* Does the whole job in the thread that called team_do(). */
    void (*alone)(void *data);
    void *data;
    int phases;
    CancelToken *token;                /* looked at while the caller waits, or NULL */
} TeamJob;

/* A phase, how many parts it has, and how many of them are done; all in one word. */
#define PROGRESS_BITS 9
#define PROGRESS(phase, count) ((uint64_t)(phase) << 2 * PROGRESS_BITS | (uint64_t)(count) << PROGRESS_BITS)
#define PROGRESS_PHASE(progress) ((progress) >> 2 * PROGRESS_BITS)
#define PROGRESS_COUNT(progress) ((int)((progress) >> PROGRESS_BITS) & ((1 << PROGRESS_BITS) - 1))
#define PROGRESS_DONE(progress) ((int)(progress) & ((1 << PROGRESS_BITS) - 1))
#define LOW_HALF(word) ((unsigned *)(word) + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__))

struct Team;

typedef struct {
    /* The part of this member's rank has been begun in all phases before this one. */
    _Alignas(64) _Atomic uint64_t begun;
    _Alignas(64) _Atomic unsigned asleep;
    struct Team *team;
    int rank;
    pthread_t thread;
    Place place;
} TeamMember;

/* Phases are numbered on from job to job. */
typedef struct Team {
    _Alignas(64) _Atomic int busy;
    int size;                          /* members at the most, the caller included */
    int started;                       /* helpers that there are */
    int pinned;                        /* the number of the processor that member 0 is pinned to, or -1 */
    int late;                          /* jobs without help, one after the other */
    int alone;                         /* jobs that the caller is still to do alone */
    long long alone_until;             /* nanoseconds() until which it does all alone, or 0 */
    long long stalled;                 /* nanoseconds that the caller waited for interrupted helpers in this job */
    long long credit;                  /* nanoseconds that helpers have saved, less those that they have cost */
    int forks;                         /* how often this process is the child of a fork */
    TeamJob job;
    uint64_t first;                    /* the first phase of the job */
    TeamMember *members;
    struct Team *next;                 /* in the list of all teams */
    _Alignas(64) _Atomic uint64_t opened;    /* phases before this one may be worked on */
    _Atomic int home;                  /* the processor that the caller was last seen on, or -1 */
    _Atomic int helped;                /* a helper has begun a part of the job */
    _Atomic int ended;                 /* helpers are to end */
    _Atomic long long crowded;         /* nanoseconds() until which other programs want the processors */
    _Alignas(64) _Atomic uint64_t progress;  /* see PROGRESS */
    _Atomic uint64_t taken;            /* the phase after the last in which a part was begun by another member */
    _Atomic unsigned sleepers;         /* that wait for the end of a phase */
} Team;

static Team *all_teams;
static pthread_mutex_t all_teams_lock = PTHREAD_MUTEX_INITIALIZER;

static void team_reset(Team *team) {
    memset(team->members, 0, sizeof(TeamMember) * team->size);
    for (int i = 0; i < team->size; i++) {
        team->members[i].team = team;
        team->members[i].rank = i;
    }
    team->started = team->late = team->alone = 0;
    team->alone_until = 0;
    team->credit = CREDIT_NANOSECONDS;
    team->progress = PROGRESS(team->opened, 0);
    team->sleepers = 0;
    team->busy = 0;
}

/* In the child of a fork only the forking thread lives: every team is idle and has no threads. */
static void teams_before_fork(void) { pthread_mutex_lock(&all_teams_lock); }
static void teams_after_fork(void) { pthread_mutex_unlock(&all_teams_lock); }
static void teams_in_child(void) {
    for (Team *team = all_teams; team; team = team->next) {
        team_reset(team);
        team->forks++;
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

static void futex_wait(void *word, unsigned value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(void *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, TEAM_LIMIT, NULL, NULL, 0); }

static void team_note_crowd(Team *team) {
    atomic_store_explicit(&team->crowded, nanoseconds() + CROWDED_NANOSECONDS, memory_order_relaxed);
}

/* Returns whether `word` is above `value` within `patience` nanoseconds. */
static int spin(_Atomic uint64_t *word, uint64_t value, long long patience) {
    long long begin = 0;
    for (;;) {
        for (int i = 0; i < 16; i++) {
            if (atomic_load_explicit(word, memory_order_acquire) > value)
                return 1;
            cpu_relax();
        }
        long long now = nanoseconds();
        if (!begin)
            begin = now;
        else if (now - begin >= patience)
            return 0;
    }
}

/* Begins a part of a phase; 0 when that has been done. However late a thread asks: all parts of a phase that is
 * over have been begun. */
static int part_begin(TeamMember *member, uint64_t phase) {
    uint64_t begun = atomic_load_explicit(&member->begun, memory_order_relaxed);
    return begun <= phase && atomic_compare_exchange_strong(&member->begun, &begun, phase + 1);
}

/* Carries out a part that this thread has begun, and ends the phase if it was the last. */
static void part_do(Team *team, uint64_t phase, int part, int count, int leads) {
    const int forks = team->forks, index = (int)(phase - team->first);
    team->job.part(team->job.data, index, part, count, leads);
    if (team->forks != forks)
        return;                        /* the part forked, and this is the child, whose team is another */
    if (PROGRESS_DONE(atomic_fetch_add(&team->progress, 1)) + 1 < count)
        return;
    atomic_exchange(&team->progress, PROGRESS(phase + 1, count));
    if (atomic_load(&team->sleepers))
        futex_wake(LOW_HALF(&team->progress));
}

/* Waits until the phase is over. */
static void phase_wait(Team *team, uint64_t phase, int leads) {
    uint64_t last = PROGRESS(phase + 1, 0) - 1;
    if (spin(&team->progress, last, SPIN_NANOSECONDS))
        return;
    long long begin = nanoseconds();
    atomic_fetch_add(&team->sleepers, 1);
    for (uint64_t seen; (seen = atomic_load(&team->progress)) <= last;) {
        futex_wait(LOW_HALF(&team->progress), (unsigned)seen);
        if (leads && team->job.token)
            is_cancelled(team->job.token, 1);
    }
    atomic_fetch_sub(&team->sleepers, 1);
    long long slept = nanoseconds() - begin;
    if (leads && slept > STALL_NANOSECONDS)
        team->stalled += slept;
}

/* Takes part in the phase that `progress` tells of until it is over: by the part of this rank, then by those that
 * others have not begun. */
static void phase_do(Team *team, uint64_t progress, int rank, int leads) {
    const uint64_t phase = PROGRESS_PHASE(progress), last = PROGRESS(phase + 1, 0) - 1;
    const int count = PROGRESS_COUNT(progress);
    if (rank < count && part_begin(&team->members[rank], phase)) {
        if (!leads && !atomic_load_explicit(&team->helped, memory_order_relaxed))
            atomic_store_explicit(&team->helped, 1, memory_order_relaxed);
        part_do(team, phase, rank, count, leads);
    }
    int at_work = atomic_load_explicit(&team->taken, memory_order_relaxed) < phase;
    if (spin(&team->progress, last, at_work ? GRACE_NANOSECONDS : 0))
        return;
    for (int i = 1; i < count; i++) {
        int part = (rank + i) % count;
        if (!part_begin(&team->members[part], phase))
            continue;
        atomic_store_explicit(&team->taken, phase + 1, memory_order_relaxed);
        part_do(team, phase, part, count, leads);
    }
    phase_wait(team, phase, leads);
}

/* Waits, asleep after a while, for a phase from `phase` on to be opened. */
static void helper_rest(TeamMember *me, uint64_t phase) {
    Team *team = me->team;
    const int crowded = nanoseconds() < atomic_load_explicit(&team->crowded, memory_order_relaxed);
    if (sched_getcpu() != team->home &&
        spin(&team->opened, phase, crowded ? CROWDED_SPIN_NANOSECONDS : SPIN_NANOSECONDS))
        return;
    if (!crowded)
        place_restore(&me->place);
    atomic_store(&me->asleep, 1);
    while (atomic_load(&me->asleep) && atomic_load(&team->opened) <= phase && !atomic_load(&team->ended))
        futex_wait(&me->asleep, 1);
    atomic_store(&me->asleep, 0);
}

/* Lets other programs run between two parts, when it is their turn. */
static void helper_yield(Team *team, long long *turn) {
    long long now = nanoseconds();
    if (now - *turn < TURN_NANOSECONDS)
        return;
    sched_yield();
    *turn = nanoseconds();
    if (*turn - now > 10 * CROWDED_SPIN_NANOSECONDS)
        team_note_crowd(team);
}

/* Keeps a helper off the caller's processor; 0 when there is no other. */
static int helper_keep_off(TeamMember *me, int home) {
    if (home < 0 || sched_getcpu() != home)
        return 1;
    team_note_crowd(me->team);
    return place_avoid(&me->place, home);
}

static void *team_helper(void *argument) {
    TeamMember *me = argument;
    Team *team = me->team;
    long long turn = nanoseconds();
    cpu_set_t before;
    place_begin(&me->place);
    if (team->pinned >= 0)
        place_pin(team->pinned + me->rank, &before);
    while (!atomic_load(&team->ended)) {
        uint64_t opened = atomic_load(&team->opened), progress = atomic_load(&team->progress);
        if (PROGRESS_PHASE(progress) < opened && helper_keep_off(me, team->home)) {
            phase_do(team, progress, me->rank, 0);
            helper_yield(team, &turn);
        } else {
            helper_rest(me, opened > PROGRESS_PHASE(progress) ? opened : PROGRESS_PHASE(progress));
            turn = nanoseconds();
        }
    }
    return NULL;
}

/* pinned: the number of the processor, among those of the process, that member 0 is pinned to while it works; the
 * others are pinned to those that follow. -1: none is. */
static Team *team_new(int size, int pinned) {
    static _Atomic int registered;
    if (!atomic_exchange(&registered, 1))
        pthread_atfork(teams_before_fork, teams_after_fork, teams_in_child);
    Team *team = aligned_alloc(64, sizeof(Team));
    if (team == NULL)
        return NULL;
    memset(team, 0, sizeof(Team));
    team->size = size < 1 ? 1 : size > TEAM_LIMIT ? TEAM_LIMIT : size;
    team->pinned = pinned;
    team->members = aligned_alloc(64, sizeof(TeamMember) * team->size);
    if (team->members == NULL) {
        free(team);
        return NULL;
    }
    team_reset(team);
    pthread_mutex_lock(&all_teams_lock);
    team->next = all_teams;
    all_teams = team;
    pthread_mutex_unlock(&all_teams_lock);
    return team;
}

/* Starts the helpers that members 1 .. count - 1 need; returns how many members there are. */
static int team_start(Team *team, int count) {
    while (team->started < count - 1) {
        TeamMember *member = &team->members[team->started + 1];
        if (pthread_create(&member->thread, NULL, team_helper, member))
            break;
        team->started++;
    }
    return team->started + 1 < count ? team->started + 1 : count;
}

/* Returns whether the caller should do the next job alone: its helpers sleep and came too late the last times, or they
 * were interrupted so often that they have cost more time than they saved. */
static int team_goes_alone(Team *team, int count) {
    if (team->alone_until && nanoseconds() < team->alone_until)
        return 1;
    team->alone_until = 0;
    if (team->alone == 0)
        return 0;
    for (int i = 1; i < count; i++)
        if (i <= team->started && !atomic_load_explicit(&team->members[i].asleep, memory_order_relaxed))
            return 0;
    team->alone--;
    return 1;
}

/* Judges what helpers were good for in a job that took this time. */
static void team_judge(Team *team, int count, long long now, long long took) {
    if (team->stalled)
        team_note_crowd(team);
    if (!team->helped) {
        if (++team->late >= LATE_JOBS)
            team->alone = ALONE_JOBS;
        return;
    }
    team->late = 0;
    const long long stalled = team->stalled < LONGEST_STALL ? team->stalled : LONGEST_STALL;
    team->credit += (took - team->stalled) / count * (count - 1) - stalled;
    if (team->credit > CREDIT_NANOSECONDS)
        team->credit = CREDIT_NANOSECONDS;
    if (team->credit >= 0)
        return;
    team->alone_until = now + STALL_RESTS * stalled;
    team->credit = 0;
}

/* Says where the caller is, so that helpers keep off it. */
static void team_note_home(Team *team) {
    int home = team->pinned >= 0 ? -1 : sched_getcpu();
    if (home != atomic_load_explicit(&team->home, memory_order_relaxed))
        atomic_store_explicit(&team->home, home, memory_order_relaxed);
}

/* Opens the phases of the job and wakes the helpers that it needs. */
static void team_open(Team *team, int count, const TeamJob *job) {
    const uint64_t first = PROGRESS_PHASE(team->progress);
    team->job = *job;
    team->first = first;
    team->helped = 0;
    team->stalled = 0;
    team_note_home(team);
    for (int i = 1; i < count; i++) {
        TeamMember *member = &team->members[i];
        if (atomic_load(&member->asleep) && member->place.avoided >= 0 && member->place.avoided != team->home)
            place_avoid(&member->place, team->home);
    }
    atomic_store(&team->progress, PROGRESS(first, count));
    atomic_store(&team->opened, first + job->phases);
    for (int i = 1; i < count; i++)
        if (atomic_exchange(&team->members[i].asleep, 0))
            futex_wake(&team->members[i].asleep);
}

/* Does a job with up to `count` members; the caller is member 0. Returns 0 when it is not done, because this is
 * the child of a fork within it. */
static int team_do(Team *team, int count, const TeamJob *job) {
    int idle = 0;
    cpu_set_t before;
    count = team == NULL ? 1 : count < team->size ? count : team->size;
    if ((count <= 1 && (team == NULL || team->pinned < 0)) || !atomic_compare_exchange_strong(&team->busy, &idle, 1)) {
        job->alone(job->data);
        return 1;
    }
    const int forks = team->forks;
    if (count > 1)                     /* before the pin, which new threads would inherit */
        count = team_goes_alone(team, count) ? 1 : team_start(team, count);
    const int pinned = team->pinned >= 0 && place_pin(team->pinned, &before);
    if (count > 1 && job->phases > 0) {
        long long begin = nanoseconds();
        team_open(team, count, job);
        for (uint64_t progress; PROGRESS_PHASE(progress = atomic_load(&team->progress)) < team->opened;) {
            team_note_home(team);
            phase_do(team, progress, 0, 1);
        }
        long long now = nanoseconds();
        team_judge(team, count, now, now - begin);
    } else {
        job->alone(job->data);
    }
    if (pinned)
        place_unpin(&before);
    if (team->forks == forks)
        atomic_store(&team->busy, 0);
    return team->forks == forks;
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
    atomic_store(&team->ended, 1);
    for (int i = 1; i <= team->started; i++) {
        atomic_store(&team->members[i].asleep, 0);
        futex_wake(&team->members[i].asleep);
        pthread_join(team->members[i].thread, NULL);
    }
    free(team->members);
    free(team);
}

#endif
