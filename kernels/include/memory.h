/* Blocks of memory for arenas and packed weights. */
#ifndef OVLITE_MEMORY_H
#define OVLITE_MEMORY_H

#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

/* A block aligned to a cache line, with a cache line to spare behind its end; large ones on huge
 * pages. free() releases it. */
static char *block_new(ptrdiff_t size) {
    size_t bytes = ((size_t)size + 64 + 63) / 64 * 64;
    if (bytes < HUGE_PAGE)
        return aligned_alloc(64, bytes);
    bytes = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    char *block = aligned_alloc(HUGE_PAGE, bytes);
    if (block)
        madvise(block, bytes, MADV_HUGEPAGE);
    return block;
}

#endif
