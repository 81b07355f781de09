/* Blocks of memory for arenas and packed weights. */
#ifndef OVLITE_MEMORY_H
#define OVLITE_MEMORY_H

#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

/* Bytes that a block of `size` takes: whole cache lines and one to spare, or whole huge pages. */
static inline size_t block_bytes(ptrdiff_t size) {
    size_t bytes = ((size_t)size + 64 + 63) / 64 * 64;
    return bytes < HUGE_PAGE ? bytes : (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

/* A block aligned to a cache line, with a cache line to spare behind its end; NULL when there is no memory for it.
 * Large ones are mappings of huge pages: the system has them back when they are freed, and the heap has no gaps. */
static inline char *block_new(ptrdiff_t size) {
    size_t bytes = block_bytes(size);
    if (bytes < HUGE_PAGE)
        return aligned_alloc(64, bytes);
    char *mapped = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED)
        return NULL;
    size_t before = -(size_t)mapped % HUGE_PAGE;
    if (before)
        munmap(mapped, before);
    if (before < HUGE_PAGE)
        munmap(mapped + before + bytes, HUGE_PAGE - before);
    madvise(mapped + before, bytes, MADV_HUGEPAGE);
    return mapped + before;
}

/* Frees a block of `size`; NULL is none. */
static inline void block_free(char *block, ptrdiff_t size) {
    size_t bytes = block_bytes(size);
    if (!block || bytes < HUGE_PAGE)
        free(block);
    else
        munmap(block, bytes);
}

#endif
