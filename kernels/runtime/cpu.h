/* What this processor and this system allow: CPUID for the instructions, XGETBV for the registers that the
 * system saves. Features have the names that Linux shows in /proc/cpuinfo. */
#ifndef OVLITE_CPU_H
#define OVLITE_CPU_H

/* X(name, CPUID leaf, register, bit, bits of XCR0 that it needs) */
#define CPU_FEATURES(X)                        \
    X(avx, 1, C, 28, XCR0_AVX)                 \
    X(fma, 1, C, 12, XCR0_AVX)                 \
    X(f16c, 1, C, 29, XCR0_AVX)                \
    X(movbe, 1, C, 22, 0)                      \
    X(popcnt, 1, C, 23, 0)                     \
    X(abm, 0x80000001, C, 5, 0)                \
    X(bmi1, 7, B, 3, 0)                        \
    X(bmi2, 7, B, 8, 0)                        \
    X(avx2, 7, B, 5, XCR0_AVX)                 \
    X(avx512f, 7, B, 16, XCR0_AVX512)          \
    X(avx512dq, 7, B, 17, XCR0_AVX512)         \
    X(avx512cd, 7, B, 28, XCR0_AVX512)         \
    X(avx512bw, 7, B, 30, XCR0_AVX512)         \
    X(avx512vl, 7, B, 31, XCR0_AVX512)         \
    X(avx512vbmi, 7, C, 1, XCR0_AVX512)        \
    X(avx512_vnni, 7, C, 11, XCR0_AVX512)      \
    X(avx512_fp16, 7, D, 23, XCR0_AVX512)      \
    X(amx_bf16, 7, D, 22, XCR0_TILES)          \
    X(amx_tile, 7, D, 24, XCR0_TILES)          \
    X(amx_int8, 7, D, 25, XCR0_TILES)          \
    X(avx_vnni, 0x10007, A, 4, XCR0_AVX)       \
    X(avx512_bf16, 0x10007, A, 5, XCR0_AVX512)

#define XCR0_AVX 0x6
#define XCR0_AVX512 0xe6
#define XCR0_TILES 0x600e6

typedef struct {
    const char *name;
    unsigned leaf;     /* bits 16 and up: the sub-leaf */
    int word, bit;
    unsigned saved;
} CpuFeature;

enum { A, B, C, D };

static const CpuFeature cpu_features[] = {
#define ROW(name, leaf, word, bit, saved) {#name, leaf, word, bit, saved},
    CPU_FEATURES(ROW)
#undef ROW
    {0},
};

#if defined(__x86_64__)
#include <cpuid.h>

/* True when the processor has the feature and the system saves the registers that it uses. */
static int cpu_has(const CpuFeature *feature) {
    unsigned word[4], leaf = feature->leaf, subleaf = 0;
    if (leaf < 0x80000000) {
        subleaf = leaf >> 16;
        leaf &= 0xffff;
    }
    if (!__get_cpuid_count(leaf, subleaf, &word[A], &word[B], &word[C], &word[D]) ||
        !(word[feature->word] >> feature->bit & 1))
        return 0;
    if (!feature->saved)
        return 1;
    if (!__get_cpuid(1, &word[A], &word[B], &word[C], &word[D]) || !(word[C] >> 27 & 1 /* OSXSAVE */))
        return 0;
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & feature->saved) == feature->saved;
}

#else
static int cpu_has(const CpuFeature *feature) { return 0; }
#endif

#endif
