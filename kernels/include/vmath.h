/* Elementary functions of one f32, written so that a loop around them vectorises: no branches, no
 * calls, no tables. Round to nearest is assumed.
 *
 * Errors, in units in the last place over the whole range: vexp, vlog 1.2; vsin, vcos 1.5 for |x| up to
 * TRIG_LIMIT; verf, vtanh 3. Limits at infinity are exact, NaN gives NaN. Results that are
 * denormal numbers are right, but for those of vexp_negative, which are 0 then.
 *
 * The polynomials are minimax fits (Remez exchange in 120-bit arithmetic, the coefficients rounded to
 * f32 one after the other and the rest refitted), the reductions are Cody and Waite's. Each sum of
 * products can be contracted to a fused multiply-add in one way only, so that vector and scalar code
 * of one level give the same bits. */
#ifndef OVLITE_VMATH_H
#define OVLITE_VMATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#pragma GCC push_options
#pragma GCC optimize("O3")

#define INLINE static inline __attribute__((always_inline))

/* Adding ROUNDER to |v| < 2^22 leaves round(v) in the low bits of the sum. */
#define ROUNDER 0x1.8p23f
#define LOG2_E 0x1.715476p0f
#define LN2_HIGH 0x1.63p-1f          /* 9 bits: a multiple of it by an exponent is exact */
#define LN2_LOW (-0x1.bd0106p-13f)

INLINE uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

INLINE float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* 2^k for -127 < k < 128. */
INLINE float power_of_two(int32_t k) { return float_of(((uint32_t)k + 127u) << 23); }

/* min and max that keep a NaN in the first argument */
INLINE float at_least(float x, float low) { return x < low ? low : x; }
INLINE float at_most(float x, float high) { return x > high ? high : x; }

/* x = k * log(2) + r with |r| <= log(2) / 2; k is in the low bits of *shifted. Returns r. */
INLINE float reduced_exponent(float x, float *shifted) {
    *shifted = x * LOG2_E + ROUNDER;
    float n = *shifted - ROUNDER;
    float r = x - n * LN2_HIGH;
    return r - n * LN2_LOW;
}

/* Polynomials, the highest power first. */
#define HORNER_5(x, a, b, c, d, e) ((((a * x + b) * x + c) * x + d) * x + e)
#define HORNER_10(x, a, b, c, d, e, ...) HORNER_6(x, HORNER_5(x, a, b, c, d, e), __VA_ARGS__)
#define HORNER_6(x, a, b, c, d, e, f) (HORNER_5(x, a, b, c, d, e) * x + f)
#define HORNER(count, x, ...) HORNER_##count(x, __VA_ARGS__)

/* (exp(r) - 1 - r) / r^2 for |r| <= log(2) / 2. */
#define EXP_TERMS 0.00138637086f, 0.00836639013f, 0.0416675098f, 0.16666545f, 0.49999997f

INLINE float exp_series(float r) { return HORNER(5, r, EXP_TERMS); }

INLINE float vexp(float x) {
    float shifted;
    float r = reduced_exponent(at_most(at_least(x, -104.0f), 89.0f), &shifted);
    int32_t k = (int32_t)(bits_of(shifted) - bits_of(ROUNDER));
    int32_t half = k >> 1;
    float e = (exp_series(r) * r + 1.0f) * r + 1.0f;
    return e * power_of_two(half) * power_of_two(k - half);
}

/* exp(x) for x <= 0, with 0 for a result below the smallest normal number. */
INLINE float vexp_negative(float x) {
    float shifted;
    float r = reduced_exponent(x, &shifted);
    float e = (exp_series(r) * r + 1.0f) * r + 1.0f;
    float scale = float_of((bits_of(shifted) << 23) + 0x3f800000u);      /* 2^k: the rounder's bits leave */
    return x < -87.33654f ? 0.0f : e * scale;
}

/* exp(x) - 1 for x <= 0, without cancellation. */
INLINE float vexpm1_negative(float x) {
    float shifted;
    float r = reduced_exponent(at_least(x, -40.0f), &shifted);
    float p = r * r * exp_series(r) + r;
    float scale = float_of((bits_of(shifted) << 23) + 0x3f800000u);
    return scale * p + (scale - 1.0f);
}

INLINE float vlog(float x) {
    const float smallest = 0x1p-126f;
    const uint32_t root_half = 0x3f3504f3u;      /* the bits of sqrt(0.5) */
    uint32_t bits = bits_of(x < smallest ? x * 0x1p23f : x) - root_half;
    float n = (float)((int32_t)bits >> 23) - (x < smallest ? 23.0f : 0.0f);
    float f = float_of((bits & 0x007fffffu) + root_half) - 1.0f;
    float p = -0.0763492733f;
    p = p * f + 0.127627403f;
    p = p * f - 0.131603166f;
    p = p * f + 0.142014876f;
    p = p * f - 0.166233242f;
    p = p * f + 0.20001246f;
    p = p * f - 0.250008225f;
    p = p * f + 0.333333313f;
    p = p * f - 0.5f;
    float y = f * f * p + f;
    y = n * LN2_LOW + y;
    y = n * LN2_HIGH + y;
    y = x > 0.0f ? y : x == 0.0f ? -INFINITY : NAN;
    return x == INFINITY ? x : y;
}

/* log(1 + z) for 0 <= z <= 1. */
INLINE float vlog1p_unit(float z) {
    float p = -0.00330690271f;
    p = p * z + 0.0201516543f;
    p = p * z - 0.0575634092f;
    p = p * z + 0.106701441f;
    p = p * z - 0.153491423f;
    p = p * z + 0.196931988f;
    p = p * z - 0.24958156f;
    p = p * z + 0.333304703f;
    p = p * z - 0.499999315f;
    return z * z * p + z;
}

INLINE float vtanh(float x) {
    float z = vexpm1_negative(-2.0f * fabsf(x));
    return copysignf(-z / (2.0f + z), x);
}

/* -log(erfc(t)) / t for t >= 0; right to 1e-6 up to t = 4. */
#define ERFC_TERMS                                                                                             \
    6.37039534e-07f, -1.34337879e-05f, 0.000121506724f, -0.000599990075f, 0.00155458518f, -9.97538973e-06f,     \
        -0.0192490593f, 0.102805756f, 0.636616409f, 1.12837923f

/* -log(erfc(t)) for t >= 0; a lower bound beyond t = 4. */
INLINE float erfc_exponent(float t) {
    float u = at_most(t, 4.0f);
    return t * HORNER(10, u, ERFC_TERMS);
}

INLINE float verf(float x) {
    return copysignf(-vexpm1_negative(-erfc_exponent(fabsf(x))), x);
}

/* Sine and cosine: reduction by pi/2 in f64, right as long as n * the high part is exact. */
#define TRIG_LIMIT 1048576.0f

INLINE float sine_of_quarter(float x, uint32_t turn) {
    const double rounder = 0x1.8p52;
    double n = (double)x * 0x1.45f306dc9c883p-1 + rounder;
    n = n - rounder;
    double r = (double)x - n * 0x1.921fb544p0;
    r = r - n * 0x1.0b4611a626331p-34;
    uint32_t quadrant = (uint32_t)(int32_t)n + turn;
    float a = (float)r;
    float u = a * a;
    float s = -0.000195187909f;
    s = s * u + 0.00833219197f;
    s = s * u - 0.166666552f;
    s = u > 0.0f ? u * a * s + a : a; /* which keeps the sign of zero */
    float c = 2.44317634e-05f;
    c = c * u - 0.0013887306f;
    c = c * u + 0.0416666456f;
    c = c * u - 0.5f;
    c = c * u + 1.0f;
    return float_of(bits_of(quadrant & 1u ? c : s) ^ (quadrant & 2u) << 30);
}

INLINE float vsin(float x) { return sine_of_quarter(x, 0); }
INLINE float vcos(float x) { return sine_of_quarter(x, 1); }

#pragma GCC pop_options

#endif
