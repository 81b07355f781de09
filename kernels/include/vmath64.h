/* Elementary functions of one f64, written so that a loop around them vectorises: no branches, no calls, no tables, and
 * no conversions between integers and f64, which few processors have for vectors. Round to nearest is assumed.
 *
 * Errors, in units in the last place over the whole range: exp64 1.1, log64 1; sin64 and cos64 1, tan64 3,
 * for |x| up to TRIG_LIMIT64; pow64 and cube64 1 where they are regular; atan64 1, asin64, acos64 and tanh64 3. Limits
 * at infinity are exact, NaN gives NaN, denormal numbers are right.
 *
 * The reductions and the polynomials of the sine, the cosine, the arc tangent and the logarithms are FDLIBM's (Sun
 * Microsystems, 1993: e_log.c, e_pow.c, k_sin.c, k_cos.c, e_rem_pio2.c, s_atan.c), those of the exponential Taylor's.
 * Products that are subtracted are exact, or a sum can be contracted to a fused multiply-add in one way only, so that
 * vector and scalar code of one level give the same bits. */
#ifndef OVLITE_VMATH64_H
#define OVLITE_VMATH64_H

#include "vmath.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

/* Adding it to |v| < 2^51 leaves round(v) in the low bits of the sum. */
#define ROUNDER64 0x1.8p52
#define LN2_HIGH64 0x1.62e42feep-1   /* 32 bits: a multiple of it by an exponent is exact */
#define LN2_LOW64 0x1.a39ef35793c76p-33

INLINE uint64_t bits_of64(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

INLINE double double_of(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* 2^k for a whole k, -1023 < k < 1024. */
INLINE double power_of_two64(double k) { return double_of((bits_of64(k + ROUNDER64) + 1023u) << 52); }

/* e * 2^k, rounded once, also where 2^k is none of f64's numbers. */
INLINE double scaled64(double e, double k) {
    double half = k * 0.5 + ROUNDER64;
    half = half - ROUNDER64;
    return e * power_of_two64(half) * power_of_two64(k - half);
}

/* x = k * log(2) + r with |r| <= log(2) / 2. Returns r. */
INLINE double reduced_exponent64(double x, double *k) {
    *k = x * 0x1.71547652b82fep0 + ROUNDER64;
    *k = *k - ROUNDER64;
    double r = x - *k * LN2_HIGH64;
    return r - *k * LN2_LOW64;
}

/* (exp(r) - 1 - r) / r^2 for |r| <= log(2) / 2: the terms that are left out are below 2^-58. */
INLINE double exp_series64(double r) {
    double q = 1.0 / 6227020800.0;
    q = q * r + 1.0 / 479001600.0;
    q = q * r + 1.0 / 39916800.0;
    q = q * r + 1.0 / 3628800.0;
    q = q * r + 1.0 / 362880.0;
    q = q * r + 1.0 / 40320.0;
    q = q * r + 1.0 / 5040.0;
    q = q * r + 1.0 / 720.0;
    q = q * r + 1.0 / 120.0;
    q = q * r + 1.0 / 24.0;
    q = q * r + 1.0 / 6.0;
    return q * r + 0.5;
}

INLINE double exp64(double x) {
    x = x < -746.0 ? -746.0 : x;
    x = x > 710.0 ? 710.0 : x;
    double k, r = reduced_exponent64(x, &k);
    return scaled64((exp_series64(r) * r * r + r) + 1.0, k);
}

/* exp(x) - 1 for x <= 0, without cancellation. */
INLINE double expm1_negative64(double x) {
    double k, r = reduced_exponent64(x < -80.0 ? -80.0 : x, &k);
    double p = exp_series64(r) * r * r + r;
    double scale = power_of_two64(k);
    return scale * p + (scale - 1.0);
}

INLINE double tanh64(double x) {
    double z = expm1_negative64(-2.0 * fabs(x));
    return copysign(-z / (2.0 + z), x);
}

/* A normal x > 0 is 2^exponent * significand, the latter from the number of the bits `lowest` to below twice that. */
INLINE double exponent64(double x, uint64_t lowest) {
    const uint64_t one = 0x3ff0000000000000u, whole = 0x4330000000000000u;
    return double_of((bits_of64(x) - lowest + one) >> 52 | whole) - (0x1p52 + 1023.0);
}

INLINE double significand64(double x, uint64_t lowest) {
    return double_of(((bits_of64(x) - lowest) & 0x000fffffffffffffu) + lowest);
}

INLINE double log64(double x) {
    const double smallest = 0x1p-1022;
    const uint64_t root_half = 0x3fe6a09e667f3bcdu;
    double normal = x < smallest ? x * 0x1p54 : x;
    double n = exponent64(normal, root_half) - (x < smallest ? 54.0 : 0.0);
    double f = significand64(normal, root_half) - 1.0;
    double s = f / (2.0 + f), z = s * s;
    double p = 1.479819860511658591e-01;
    p = p * z + 1.531383769920937332e-01;
    p = p * z + 1.818357216161805012e-01;
    p = p * z + 2.222219843214978396e-01;
    p = p * z + 2.857142874366239149e-01;
    p = p * z + 3.999999999940941908e-01;
    p = p * z + 6.666666666666735130e-01;
    double square = 0.5 * f * f;
    double small = n * LN2_LOW64 + s * (z * p + square);
    double y = n * LN2_HIGH64 - ((square - small) - f);
    y = x > 0.0 ? y : x == 0.0 ? -INFINITY : NAN;
    return x == INFINITY ? x : y;
}

/* x without its last 27 bits: the product of two such numbers is exact. */
INLINE double leading_half(double x) { return double_of(bits_of64(x) & 0xfffffffff8000000u); }

INLINE int is_whole(double x) { return (x + ROUNDER64) - ROUNDER64 == x; }

/* -power for a negative x and an odd y, both of a power of |x|. */
INLINE double signed_power(double power, double x, double y) {
    uint64_t odd = bits_of64(y + ROUNDER64) << 63;
    return double_of(bits_of64(power) | (bits_of64(x) & odd));
}

/* x^3 with the square as a sum of two numbers. */
INLINE double cube64(double x) {
    double a = leading_half(x), b = x - a, s = x * x;
    double rest = ((a * a - s) + 2.0 * a * b) + b * b;
    double y = s * x, s_high = leading_half(s), s_low = s - s_high;
    double missing = ((s_high * a - y) + s_high * b) + s_low * a;
    missing = missing + s_low * b;
    return (fabs(y) > 0.0) & (fabs(y) < INFINITY) ? y + (rest * x + missing) : y;
}

/* Whether pow64(x, y) is right: |x| is normal, y finite and whole for x < 0, and the result far from the ends of the
 * range. */
INLINE int regular_power(double x, double y) {
    double size = fabs(x), e = fabs(exponent64(size, 0x3ff0000000000000u)) + 1.0;
    return (size >= 0x1p-1022) & (size < INFINITY) & (fabs(y) * e < 1020.0) & ((x > 0.0) | is_whole(y));
}

/* 2^(y log2(|x|)) with the sign of x to that power; the logarithm and the product are sums of two numbers. */
INLINE double pow64(double base, double y) {
    const double x = fabs(base);
    const uint64_t lowest = 0x3febb67ae8584caau;        /* the bits of sqrt(3) / 2 */
    double n = exponent64(x, lowest);
    double m = significand64(x, lowest);
    int upper = m >= 1.224744871391589;                 /* sqrt(3 / 2) */
    double near = upper ? 1.5 : 1.0;
    double u = m - near, v = 1.0 / (m + near), s = u * v;
    double sum = leading_half(m + near), missing = m - (sum - near);
    double s_high = leading_half(s), s_low = v * ((u - s_high * sum) - s_high * missing);
    double z = s * s;
    double r = 2.06975017800338417784e-01;
    r = r * z + 2.30660745775561754067e-01;
    r = r * z + 2.72728123808534006489e-01;
    r = r * z + 3.33333329818377432918e-01;
    r = r * z + 4.28571428578550184252e-01;
    r = r * z + 5.99999999999994648725e-01;
    r = r * z * z + s_low * (s_high + s);
    z = s_high * s_high;
    double t_high = leading_half(3.0 + z + r), t_low = r - ((t_high - 3.0) - z);
    u = s_high * t_high;
    v = s_low * t_high + t_low * s;
    double p_high = leading_half(u + v), p_low = v - (p_high - u);
    u = 9.61796700954437255859e-01 * p_high;            /* 2 / (3 log(2)), of which the rest follows */
    v = p_low * 9.61796693925975554329e-01 + (upper ? 1.35003920212974897128e-08 : 0.0);
    v = -7.02846165095275826516e-09 * p_high + v;
    double of_near = upper ? 5.84962487220764160156e-01 : 0.0;
    double log_high = leading_half(((u + v) + of_near) + n), log_low = v - (((log_high - n) - of_near) - u);
    double y_high = leading_half(y);
    double high = y_high * log_high, low = y * log_low + (y - y_high) * log_high;
    double k = (high + low) + ROUNDER64;
    k = k - ROUNDER64;
    high = high - k;
    double t = leading_half(low + high);
    u = t * 0x1.62e43p-1;                               /* log(2), of which the rest follows */
    v = (low - (t - high)) * 0x1.62e42fefa39efp-1 + t * -0x1.05c610ca86c39p-29;
    double e = u + v, rest = v - (e - u);
    return signed_power(scaled64(((exp_series64(e) * e * e + (rest * e + rest)) + e) + 1.0, k), base, y);
}

/* Sine and cosine: pi/2 is the sum of three parts of 33 bits, whose multiples by n are exact, and a rest. */
#define TRIG_LIMIT64 1048576.0

/* The sine and the cosine of what is left of x behind multiples of pi/2, whose count is returned in its last bits. */
INLINE uint64_t within_quarter64(double x, double *sine, double *cosine) {
    double n = x * 0x1.45f306dc9c883p-1 + ROUNDER64;
    uint64_t quadrant = bits_of64(n);
    n = n - ROUNDER64;
    double a = x - n * 0x1.921fb544p0;
    double w = n * 0x1.0b4611a6p-34, v = n * 0x1.3198a2ep-69;
    double b = a - w, back = b + w;
    double lost = (a - back) + ((back - b) - w);   /* a - w = b + lost */
    double r = b - v;
    double rest = ((b - r) - v) + (lost - n * 0x1.b839a252049c1p-104);
    double y = r + rest, z = y * y;
    rest = (r - y) + rest;
    double s = 1.58969099521155010221e-10;
    s = s * z - 2.50507602534068634195e-08;
    s = s * z + 2.75573137070700676789e-06;
    s = s * z - 1.98412698298579493134e-04;
    s = s * z + 8.33333333332248946124e-03;
    s = s * z - 1.66666666666666324348e-01;
    s = s * z * y + rest;
    *sine = z > 0.0 ? s + y : x;                        /* which keeps the sign of zero */
    double c = -1.13596475577881948265e-11;
    c = c * z + 2.08757232129817482790e-09;
    c = c * z - 2.75573143513906633035e-07;
    c = c * z + 2.48015872894767294178e-05;
    c = c * z - 1.38888888888741095749e-03;
    c = c * z + 4.16666666666666019037e-02;
    double half = 0.5 * z, first = 1.0 - half;
    *cosine = first + (((1.0 - first) - half) + (c * z * z - y * rest));
    return quadrant;
}

INLINE double sine_of_quarter64(double x, uint64_t turn) {
    double s, c;
    uint64_t quadrant = within_quarter64(x, &s, &c) + turn;
    uint64_t odd = 0u - (quadrant & 1u);
    return double_of(((bits_of64(c) & odd) | (bits_of64(s) & ~odd)) ^ (quadrant & 2u) << 62);
}

INLINE double sin64(double x) { return sine_of_quarter64(x, 0); }
INLINE double cos64(double x) { return sine_of_quarter64(x, 1); }

INLINE double tan64(double x) {
    double s, c;
    uint64_t odd = within_quarter64(x, &s, &c) & 1u;
    return (odd ? -c : s) / (odd ? s : c);
}

/* atan(x) = atan(c) + atan((x - c) / (1 + c x)), with the c that is nearest of 0, 1/2, 1, 3/2 and infinity. */
INLINE double atan64(double x) {
    double u = fabs(x), above = u - 0.5, below = 0.5 * u + 1.0, high = 4.63647609000806093515e-01;
    double low = 2.26987774529616870924e-17;
#define NEAREST(condition, numerator, denominator, first, rest)                                                        \
    above = condition ? numerator : above, below = condition ? denominator : below;                                    \
    high = condition ? first : high, low = condition ? rest : low
    NEAREST(!(u >= 0.4375), u, 1.0, 0.0, 0.0);
    NEAREST(u >= 0.6875, u - 1.0, u + 1.0, 7.85398163397448278999e-01, 3.06161699786838301793e-17);
    NEAREST(u >= 1.1875, u - 1.5, 1.5 * u + 1.0, 9.82793723247329054082e-01, 1.39033110312309984516e-17);
    NEAREST(u >= 2.4375, -1.0, u, 1.57079632679489655800e+00, 6.12323399573676603587e-17);
#undef NEAREST
    double t = above / below, z = t * t;
    double p = 1.62858201153657823623e-02;
    p = p * z - 3.65315727442169155270e-02;
    p = p * z + 4.97687799461593236017e-02;
    p = p * z - 5.83357013379057348645e-02;
    p = p * z + 6.66107313738753120669e-02;
    p = p * z - 7.69187620504482999495e-02;
    p = p * z + 9.09088713343650656196e-02;
    p = p * z - 1.11111104054623557880e-01;
    p = p * z + 1.42857142725034663711e-01;
    p = p * z - 1.99999999998764832476e-01;
    p = p * z + 3.33333333333329318027e-01;
    return copysign(high - ((t * (p * z) - low) - t), x);
}

INLINE double asin64(double x) { return atan64(x / sqrt((1.0 - x) * (1.0 + x))); }
INLINE double acos64(double x) { return 2.0 * atan64(sqrt((1.0 - x) / (1.0 + x))); }

#pragma GCC pop_options

#endif
