/* Matrix tiles of 16 rows of 64 bytes: AMX's instructions, or the same operations in portable C.
 *
 * Kernels fill what they multiply up to whole tiles, or say with tiles_shape() how many rows those of the left operand
 * and of the sums have. With BY_EMULATION the operations give
 * the bits that the instructions give, much more slowly: for tests of the kernels on any processor. Like the
 * instructions they do nothing useful between tiles_end() and tiles_begin().
 *
 * Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2: LDTILECFG, TILELOADD, TDPBF16PS, TDPBUSD.
 * Products of elements with even and with odd k are summed apart, by fused multiply-adds, and both sums are added to
 * the accumulator at the end; denormal operands and results count as zeros, and rounding is to nearest even, whatever
 * MXCSR says. */
#ifndef OVLITE_TILES_H
#define OVLITE_TILES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "vmath.h"

#if defined(__x86_64__) && defined(__linux__)
#define TILE_INSTRUCTIONS
#include <sys/syscall.h>
#include <unistd.h>
#endif

#pragma GCC push_options
#pragma GCC optimize("O3")

/* Begins code of kernels on tiles, which ends with `#pragma GCC pop_options`: quick where there are instructions, small
 * where nothing but tests runs it. */
#if defined(__AVX512F__)
#define BEGIN_TILE_CODE _Pragma("GCC push_options") _Pragma("GCC optimize(\"O3\")")
#else
#define BEGIN_TILE_CODE _Pragma("GCC push_options") _Pragma("GCC optimize(\"Os\")")
#endif

#define TILES 8
#define TILE_HEIGHT 16
#define TILE_BYTES 64              /* of a row */
#define TILE_SIZE (TILE_HEIGHT * TILE_BYTES)

enum { BY_TILES, BY_EMULATION };

/* LDTILECFG's operand, of palette 1. */
typedef struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} TileShapes;

_Static_assert(sizeof(TileShapes) == 64, "LDTILECFG reads 64 bytes");

static const TileShapes full_tiles __attribute__((aligned(64))) = {
    .palette = 1,
    .row_bytes = {TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES},
    .rows = {TILE_HEIGHT, TILE_HEIGHT, TILE_HEIGHT, TILE_HEIGHT, TILE_HEIGHT, TILE_HEIGHT, TILE_HEIGHT, TILE_HEIGHT},
};

/* Whether the system lets this process use tiles; asks it the first time. Children have what their parent has. */
static int tiles_permitted(void) {
#if defined(TILE_INSTRUCTIONS)
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    static int answer;             /* 1: yes, -1: no; any thread finds the same */
    if (!answer)
        answer = syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 ? 1 : -1;
    return answer > 0;
#else
    return 0;
#endif
}

typedef struct {
    int usable;
    int height[TILES];
    uint8_t rows[TILES][TILE_HEIGHT][TILE_BYTES];
} EmulatedTiles;

static _Thread_local EmulatedTiles emulated_tiles __attribute__((aligned(64)));

INLINE uint32_t flushed_bits(uint32_t bits) { return bits & 0x7f800000u ? bits : bits & 0x80000000u; }

/* The double of a bf16 or an f32 given by its bits, a denormal one as zero. */
INLINE double flushed_value(uint32_t bits) { return (double)float_of(flushed_bits(bits)); }

/* The f32 nearest to x, a denormal one as zero; its bits. A product of bf16 has 16 significant bits, so that its sum
 * with an f32 is never rounded twice on its way through a double. */
INLINE uint32_t flushed_sum(double x) { return flushed_bits(bits_of((float)x)); }

static __attribute__((noinline, optimize("Os"))) void emulated_load(int t, const char *base, ptrdiff_t stride) {
    for (int i = 0; emulated_tiles.usable && i < emulated_tiles.height[t]; i++)
        memcpy(emulated_tiles.rows[t][i], base + i * stride, TILE_BYTES);
}

static __attribute__((noinline, optimize("Os"))) void emulated_store(int t, char *base, ptrdiff_t stride) {
    for (int i = 0; emulated_tiles.usable && i < emulated_tiles.height[t]; i++)
        memcpy(base + i * stride, emulated_tiles.rows[t][i], TILE_BYTES);
}

static __attribute__((noinline, optimize("Os"))) void emulated_dot_bf16(int c, int a, int b) {
    EmulatedTiles *tiles = &emulated_tiles;
    if (!tiles->usable)
        return;
    for (int i = 0; i < TILE_HEIGHT; i++) {
        uint32_t even[TILE_HEIGHT] = {0}, odd[TILE_HEIGHT] = {0}, sums[TILE_HEIGHT];
        for (int k = 0; k < TILE_HEIGHT; k++) {
            uint32_t pair, pairs[TILE_HEIGHT];
            memcpy(&pair, tiles->rows[a][i] + 4 * k, 4);
            memcpy(pairs, tiles->rows[b][k], TILE_BYTES);
            const double first = flushed_value(pair << 16), second = flushed_value(pair & 0xffff0000u);
            for (int j = 0; j < TILE_HEIGHT; j++) {
                even[j] = flushed_sum(first * flushed_value(pairs[j] << 16) + flushed_value(even[j]));
                odd[j] = flushed_sum(second * flushed_value(pairs[j] & 0xffff0000u) + flushed_value(odd[j]));
            }
        }
        memcpy(sums, tiles->rows[c][i], TILE_BYTES);
        for (int j = 0; j < TILE_HEIGHT; j++) {
            const uint32_t both = flushed_sum(flushed_value(even[j]) + flushed_value(odd[j]));
            sums[j] = flushed_sum(flushed_value(sums[j]) + flushed_value(both));
        }
        memcpy(tiles->rows[c][i], sums, TILE_BYTES);
    }
}

static __attribute__((noinline, optimize("Os"))) void emulated_dot_u8i8(int c, int a, int b) {
    EmulatedTiles *tiles = &emulated_tiles;
    for (int i = 0; tiles->usable && i < tiles->height[c]; i++) {
        uint32_t sums[TILE_HEIGHT];
        memcpy(sums, tiles->rows[c][i], TILE_BYTES);
        for (int k = 0; k < TILE_BYTES; k++)
            for (int j = 0; j < TILE_HEIGHT; j++)
                sums[j] += (uint32_t)(tiles->rows[a][i][k] * (int8_t)tiles->rows[b][k / 4][4 * j + k % 4]);
        memcpy(tiles->rows[c][i], sums, TILE_BYTES);
    }
}

/* Gives the tiles of this thread their shapes, and zeroes them: tiles 0, 1 and 4 have `first` rows, 2, 3 and 5 have
 * `second`, 6 and 7 all. */
INLINE void tiles_shape(const int how, int first, int second) {
    const uint8_t rows[TILES] = {first, first, second, second, first, second, TILE_HEIGHT, TILE_HEIGHT};
    if (how == BY_EMULATION) {
        memset(&emulated_tiles, 0, sizeof emulated_tiles);
        emulated_tiles.usable = 1;
        for (int i = 0; i < TILES; i++)
            emulated_tiles.height[i] = rows[i];
        return;
    }
#if defined(TILE_INSTRUCTIONS)
    TileShapes shapes = full_tiles;
    memcpy(shapes.rows, rows, sizeof rows);
    __asm__ volatile("ldtilecfg %0" : : "m"(shapes) : "memory");
#endif
}

/* Shapes the tiles of this thread, all of full height, and zeroes them. */
INLINE void tiles_begin(const int how) {
    if (how == BY_EMULATION) {
        tiles_shape(how, TILE_HEIGHT, TILE_HEIGHT);
        return;
    }
#if defined(TILE_INSTRUCTIONS)
    __asm__ volatile("ldtilecfg %0" : : "m"(full_tiles) : "memory");
#endif
}

/* Gives the tiles back: the system need not save them any more. */
INLINE void tiles_end(const int how) {
    if (how == BY_EMULATION) {
        memset(&emulated_tiles, 0, sizeof emulated_tiles);
        return;
    }
#if defined(TILE_INSTRUCTIONS)
    __asm__ volatile("tilerelease" : : : "memory");
#endif
}

INLINE void zero_tile(const int how, const int t) {
    if (how == BY_EMULATION) {
        memset(emulated_tiles.rows[t], 0, TILE_SIZE);
        return;
    }
#if defined(TILE_INSTRUCTIONS)
    __asm__ volatile("tilezero %%tmm%c0" : : "i"(t));
#endif
}

/* Loads a tile's rows of 64 bytes, which lie `stride` bytes apart. */
INLINE void load_tile(const int how, const int t, const char *base, ptrdiff_t stride) {
    if (how == BY_EMULATION) {
        emulated_load(t, base, stride);
        return;
    }
#if defined(TILE_INSTRUCTIONS)
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(base), "r"(stride), "i"(t) : "memory");
#endif
}

INLINE void store_tile(const int how, const int t, char *base, ptrdiff_t stride) {
    if (how == BY_EMULATION) {
        emulated_store(t, base, stride);
        return;
    }
#if defined(TILE_INSTRUCTIONS)
    __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(base), "r"(stride), "i"(t) : "memory");
#endif
}

/* c += a b, of bytes: a, unsigned, has rows of 64 of them, b, signed, a row of 16 fours for every four k. */
INLINE void dot_tiles_u8i8(const int how, const int c, const int a, const int b) {
    if (how == BY_EMULATION) {
        emulated_dot_u8i8(c, a, b);
        return;
    }
#if defined(TILE_INSTRUCTIONS)
    __asm__ volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(c), "i"(a), "i"(b));
#endif
}

/* c += a b, of bf16 pairs: a has rows of 32 elements, b a row of 16 pairs for every two k. */
INLINE void dot_tiles_bf16(const int how, const int c, const int a, const int b) {
    if (how == BY_EMULATION) {
        emulated_dot_bf16(c, a, b);
        return;
    }
#if defined(TILE_INSTRUCTIONS)
    __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(c), "i"(a), "i"(b));
#endif
}

#pragma GCC pop_options

#endif
