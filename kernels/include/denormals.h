/* How a thread computes with denormal numbers: the control register of its floating-point unit.
 *
 * A processor may take a hundred times as long over a product when an operand or the result is denormal.
 * Kernels run between denormals_set() and denormals_restore(), so that all threads of a run compute alike,
 * whatever the caller's own mode is, and nothing else ever runs in theirs.
 */
#ifndef OVLITE_DENORMALS_H
#define OVLITE_DENORMALS_H

#if defined(__x86_64__)
#include <xmmintrin.h>

typedef unsigned FloatMode;                    /* MXCSR */

enum { DENORMALS_EXACT = 0x1f80 /* round to nearest, no traps */, DENORMALS_FLUSHED = 0x9fc0 /* with FTZ, DAZ */ };

static inline FloatMode float_mode(void) { return _mm_getcsr(); }
static inline void set_float_mode(FloatMode mode) { _mm_setcsr(mode); }

#elif defined(__aarch64__)

typedef unsigned long FloatMode;               /* FPCR */

enum { DENORMALS_EXACT = 0, DENORMALS_FLUSHED = 1 << 24 /* FZ */ };

static inline FloatMode float_mode(void) {
    FloatMode mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
}
static inline void set_float_mode(FloatMode mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode) : "memory"); }

#else

typedef unsigned FloatMode;                    /* denormal numbers are exact */

enum { DENORMALS_EXACT, DENORMALS_FLUSHED };

static inline FloatMode float_mode(void) { return DENORMALS_EXACT; }
static inline void set_float_mode(FloatMode mode) { (void)mode; }

#endif

/* Makes this thread round to nearest, and take denormal operands and results for zeros if `flush`, or compute
 * with them exactly; returns the mode it was in. */
static inline FloatMode denormals_set(int flush) {
    FloatMode before = float_mode();
    set_float_mode(flush ? DENORMALS_FLUSHED : DENORMALS_EXACT);
    return before;
}

static inline void denormals_restore(FloatMode before) { set_float_mode(before); }

#endif
