/* Preloaded into a process, lets one allocation of ovlite's modules fail: of memory, of a mapping, or of a thread.
 *
 * fail_after(n) lets the call behind the next n fail, -1 none; calls_seen() counts those made since, failed ones too. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

extern void *__libc_calloc(size_t, size_t);
extern void *__libc_memalign(size_t, size_t);

static atomic_long fatal = -1, seen = 0;

void fail_after(long count) {
    seen = 0;
    fatal = count;
}

long calls_seen(void) {
    return seen;
}

/* Whether the call that returns to `caller` is one of ovlite's modules, and the one to fail. */
static int fails(void *caller) {
    Dl_info found;
    if (fatal < 0 || !dladdr(caller, &found) || !found.dli_fname || !strstr(found.dli_fname, "/kernels/"))
        return 0;
    return atomic_fetch_add(&seen, 1) == fatal;
}

void *calloc(size_t count, size_t size) {
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    return fails(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
}

void *mmap(void *address, size_t length, int protection, int flags, int file, off_t offset) {
    static void *(*next)(void *, size_t, int, int, int, off_t);
    if (fails(__builtin_return_address(0)))
        return MAP_FAILED;
    if (!next)
        next = (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
    return next(address, length, protection, flags, file, offset);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
    static int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (fails(__builtin_return_address(0)))
        return EAGAIN;
    if (!next)
        next = (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(RTLD_NEXT, "pthread_create");
    return next(thread, attributes, start, argument);
}
