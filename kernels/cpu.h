/* What this processor and this system allow: CPUID for the instructions, XGETBV for the registers
 * that the system saves, and the kernel's permission for AMX tiles. */
#ifndef OVLITE_CPU_H
#define OVLITE_CPU_H

enum { CPU_BASELINE, CPU_WIDE, CPU_WIDER, CPU_TILES };

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARCH_REQ_XCOMP_PERM 0x1023
#define XFEATURE_XTILEDATA 18

static unsigned long long cpu_saved_registers(void) {
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low | (unsigned long long)high << 32;
}

static int has(unsigned word, int bit) { return word >> bit & 1; }

/* The highest level that can be executed; asks for the permission to use tiles where there are any. */
static int cpu_level(void) {
    unsigned a, b, c, d, b7, c7, d7, extended;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, 27 /* OSXSAVE */))
        return CPU_BASELINE;
    unsigned long long saved = cpu_saved_registers();
    if (!__get_cpuid_count(7, 0, &a, &b7, &c7, &d7) || !__get_cpuid(0x80000001, &a, &b, &extended, &d))
        return CPU_BASELINE;
    int wide = (saved & 0x6) == 0x6 && has(c, 28 /* AVX */) && has(c, 12 /* FMA */) && has(c, 29 /* F16C */) &&
               has(c, 22 /* MOVBE */) && has(c, 23 /* POPCNT */) && has(b7, 5 /* AVX2 */) && has(b7, 3 /* BMI */) &&
               has(b7, 8 /* BMI2 */) && has(extended, 5 /* LZCNT */);
    if (!wide)
        return CPU_BASELINE;
    int wider = (saved & 0xe6) == 0xe6 && has(b7, 16 /* F */) && has(b7, 17 /* DQ */) && has(b7, 28 /* CD */) &&
                has(b7, 30 /* BW */) && has(b7, 31 /* VL */);
    if (!wider)
        return CPU_WIDE;
    int tiles = (saved & 0x60000) == 0x60000 && has(d7, 24 /* AMX-TILE */) && has(d7, 22 /* AMX-BF16 */) &&
                has(d7, 23 /* AVX512-FP16 */) && has(c7, 11 /* VNNI */) && has(c7, 1 /* VBMI */);
    if (!tiles)
        return CPU_WIDER;
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 ? CPU_TILES : CPU_WIDER;
}

#else
static int cpu_level(void) { return CPU_BASELINE; }
#endif

#endif
