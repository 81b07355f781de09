/* Element-wise operations as loops over runs of elements, and the table that names them.
 *
 * In a formula u and v are the operands, T is their type, and W the type arithmetic is done in: the
 * unsigned one of an integer type, so that integers wrap around. min and max give NaN where either
 * operand is NaN; mod has the sign of the dividend, floor_mod that of the divisor. */
#ifndef OVLITE_ELTWISE_H
#define OVLITE_ELTWISE_H

#include "convert.h"
#include "elementwise_runs.h"
#include "vmath64.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

enum { STATUS_OK = 0, STATUS_DIVISION_BY_ZERO = 2 };

/* A loop for each case of one element against many, so that the one stays in a register. */
#define BINARY(name, T_, W_, R, formula)                                                         \
    static int name(const Source *const *in, char *to, ptrdiff_t n, const Activation *with) {    \
        typedef T_ T;                                                                            \
        typedef W_ W;                                                                            \
        const T *a = (const T *)in[0]->at, *b = (const T *)in[1]->at;                            \
        R *y = (R *)to;                                                                          \
        if (in[0]->step && in[1]->step) {                                                        \
            EACH(n) {                                                                            \
                const T u = a[i], v = b[i];                                                      \
                y[i] = (R)(formula);                                                             \
            }                                                                                    \
        } else if (in[0]->step) {                                                                \
            const T v = b[0];                                                                    \
            EACH(n) {                                                                            \
                const T u = a[i];                                                                \
                y[i] = (R)(formula);                                                             \
            }                                                                                    \
        } else {                                                                                 \
            const T u = a[0];                                                                    \
            const ptrdiff_t distinct = in[1]->step ? n : 1;                                      \
            EACH(distinct) {                                                                     \
                const T v = b[i];                                                                \
                y[i] = (R)(formula);                                                             \
            }                                                                                    \
            for (ptrdiff_t i = distinct; i < n; i++)                                             \
                y[i] = y[0];                                                                     \
        }                                                                                        \
        return STATUS_OK;                                                                        \
    }

/* Quotient q and remainder r of integers; the smallest one divided by -1 wraps instead of trapping.
 * crossed: the quotient was truncated upwards. */
#define DIVISION(name, T, result)                                                                \
    static int name(const Source *const *in, char *to, ptrdiff_t n, const Activation *with) {    \
        const T *a = (const T *)in[0]->at, *b = (const T *)in[1]->at;                            \
        T *y = (T *)to;                                                                          \
        for (ptrdiff_t i = 0; i < n; i++) {                                                      \
            const int64_t u = a[i * in[0]->step], v = b[i * in[1]->step];                        \
            if (v == 0)                                                                          \
                return STATUS_DIVISION_BY_ZERO;                                                  \
            const int64_t q = v == -1 ? (int64_t)(0 - (uint64_t)u) : u / v;                      \
            const int64_t r = v == -1 ? 0 : u % v;                                               \
            const int64_t crossed = r != 0 && (r < 0) != (v < 0);                                \
            (void)q, (void)crossed;                                                              \
            y[i] = (T)(result);                                                                  \
        }                                                                                        \
        return STATUS_OK;                                                                        \
    }

/* Elements are chosen as bits: T is any type of their size. */
#define SELECT(name, T)                                                                          \
    static int name(const Source *const *in, char *to, ptrdiff_t n, const Activation *with) {    \
        const uint8_t *c = (const uint8_t *)in[0]->at;                                           \
        const T *a = (const T *)in[1]->at, *b = (const T *)in[2]->at;                            \
        const T u = a[0], v = b[0];                                                              \
        T *y = (T *)to;                                                                          \
        if (!in[0]->step) {                                                                      \
            const Source chosen = *in[*c ? 1 : 2];                                               \
            EACH(n) y[i] = ((const T *)chosen.at)[i * chosen.step];                              \
        } else if (in[1]->step && in[2]->step) {                                                 \
            EACH(n) y[i] = c[i] ? a[i] : b[i];                                                   \
        } else if (in[1]->step) {                                                                \
            EACH(n) y[i] = c[i] ? a[i] : v;                                                      \
        } else if (in[2]->step) {                                                                \
            EACH(n) y[i] = c[i] ? u : b[i];                                                      \
        } else {                                                                                 \
            EACH(n) y[i] = c[i] ? u : v;                                                         \
        }                                                                                        \
        return STATUS_OK;                                                                        \
    }

/* Exponentiation by squaring; a negative exponent gives the integer part of the true value. */
#define INTEGER_POWER(name, T)                                                                   \
    static int name(const Source *const *in, char *to, ptrdiff_t n, const Activation *with) {    \
        const T *a = (const T *)in[0]->at, *b = (const T *)in[1]->at;                            \
        T *y = (T *)to;                                                                          \
        for (ptrdiff_t i = 0; i < n; i++) {                                                      \
            const int64_t base = a[i * in[0]->step], exponent = b[i * in[1]->step];              \
            if (exponent < 0 && base == 0)                                                       \
                return STATUS_DIVISION_BY_ZERO;                                                  \
            const int unit = base == 1 || base == -1;                                            \
            uint64_t square = (uint64_t)base, power = exponent < 0 && !unit ? 0 : 1;             \
            for (uint64_t rest = exponent < 0 ? 0 - (uint64_t)exponent : (uint64_t)exponent;     \
                 rest; rest >>= 1) {                                                             \
                power *= rest & 1 ? square : 1;                                                  \
                square *= square;                                                                \
            }                                                                                    \
            y[i] = (T)power;                                                                     \
        }                                                                                        \
        return STATUS_OK;                                                                        \
    }

/* Sine, cosine and tangent: the library serves angles that are too large for the vector form. */
#define TURNING(name, T, limit, small_angle, any_angle)                                          \
    BY_RUNS(name, 1, T, {                                                                        \
        const T *x = (const T *)a;                                                               \
        int large = 0;                                                                           \
        EACH_OF_RUN(T, IN_ONES) large |= !(x[i] >= -limit && x[i] <= limit);                     \
        if (large) {                                                                             \
            for (ptrdiff_t i = 0; i < given; i++)                                                \
                y[i] = x[i] >= -limit && x[i] <= limit ? small_angle(x[i]) : any_angle(x[i]);    \
        } else {                                                                                 \
            EACH_OF_RUN(T, IN_ONES) y[i] = small_angle(x[i]);                                    \
        }                                                                                        \
    })

/* Lists of (name, cost in units of one addition, formula). */

#define ARITHMETIC(X, ...)                                                                       \
    X(add, 1, (W)u + (W)v, __VA_ARGS__)                                                          \
    X(sub, 1, (W)u - (W)v, __VA_ARGS__)                                                          \
    X(mul, 1, (W)u * (W)v, __VA_ARGS__)                                                          \
    X(min, 1, u < v || u != u ? u : v, __VA_ARGS__)                                              \
    X(max, 1, u > v || u != u ? u : v, __VA_ARGS__)                                              \
    X(squared_difference, 1, ((W)u - (W)v) * ((W)u - (W)v), __VA_ARGS__)

#define FLOAT_DIVISION(X, ...)                                                                   \
    X(div, 2, u / v, __VA_ARGS__)                                                                \
    X(mod, 20, truncated_remainder(u, v), __VA_ARGS__)                                           \
    X(floor_mod, 20, floored_remainder(u, v), __VA_ARGS__)

#define BITWISE(X, ...)                                                                          \
    X(bitwise_and, 1, u & v, __VA_ARGS__)                                                        \
    X(bitwise_or, 1, u | v, __VA_ARGS__)                                                         \
    X(bitwise_xor, 1, u ^ v, __VA_ARGS__)

#define COMPARISONS(X, ...)                                                                      \
    X(equal, 1, u == v, __VA_ARGS__)                                                             \
    X(not_equal, 1, u != v, __VA_ARGS__)                                                         \
    X(less, 1, u < v, __VA_ARGS__)                                                               \
    X(less_equal, 1, u <= v, __VA_ARGS__)

#define LOGIC(X, ...)                                                                            \
    X(logical_and, 1, (u & v) != 0, __VA_ARGS__)                                                 \
    X(logical_or, 1, (u | v) != 0, __VA_ARGS__)                                                  \
    X(logical_xor, 1, (u ^ v) != 0, __VA_ARGS__)

#define INTEGER_FUNCTIONS(X, ...)                                                                \
    X(neg, 1, 0 - (uint64_t)u, __VA_ARGS__)                                                      \
    X(abs, 1, u < 0 ? 0 - (uint64_t)u : (uint64_t)u, __VA_ARGS__)                                \
    X(sign, 1, (u > 0) - (u < 0), __VA_ARGS__)                                                   \
    X(bitwise_not, 1, ~u, __VA_ARGS__)

#define FLOAT_TESTS(X, ...)                                                                      \
    X(is_nan, 1, u != u, __VA_ARGS__)                                                            \
    X(is_inf, 1, u == INFINITY || u == -INFINITY, __VA_ARGS__)                                   \
    X(is_finite, 1, u - u == 0, __VA_ARGS__)

#define F32_FUNCTIONS(X, ...)                                                                    \
    X(neg, 1, -u, __VA_ARGS__)                                                                   \
    X(abs, 1, fabsf(u), __VA_ARGS__)                                                             \
    X(sign, 1, u > 0 ? 1 : u < 0 ? -1 : u, __VA_ARGS__)                                          \
    X(sqrt, 3, sqrtf(u), __VA_ARGS__)                                                            \
    X(rsqrt, 5, 1 / sqrtf(u), __VA_ARGS__)                                                       \
    X(square, 1, u * u, __VA_ARGS__)                                                             \
    X(reciprocal, 2, 1 / u, __VA_ARGS__)                                                         \
    X(exp, 6, vexp(u), __VA_ARGS__)                                                              \
    X(log, 8, vlog(u), __VA_ARGS__)                                                              \
    X(erf, 10, verf(u), __VA_ARGS__)                                                             \
    X(sinh, 60, sinhf(u), __VA_ARGS__)                                                           \
    X(cosh, 60, coshf(u), __VA_ARGS__)                                                           \
    X(asinh, 60, asinhf(u), __VA_ARGS__)                                                         \
    X(acosh, 60, acoshf(u), __VA_ARGS__)                                                         \
    X(atanh, 60, atanhf(u), __VA_ARGS__)                                                         \
    X(floor, 1, floorf(u), __VA_ARGS__)                                                          \
    X(ceil, 1, ceilf(u), __VA_ARGS__)                                                            \
    X(round_even, 1, nearbyintf(u), __VA_ARGS__)                                                 \
    X(round_away, 2, copysignf(floorf(fabsf(u) + 0x1.fffffep-2f), u), __VA_ARGS__)

#define F64_FUNCTIONS(X, ...)                                                                    \
    X(neg, 2, -u, __VA_ARGS__)                                                                   \
    X(abs, 2, fabs(u), __VA_ARGS__)                                                              \
    X(sign, 2, u > 0 ? 1 : u < 0 ? -1 : u, __VA_ARGS__)                                          \
    X(sqrt, 6, sqrt(u), __VA_ARGS__)                                                             \
    X(erf, 60, erf(u), __VA_ARGS__)                                                              \
    X(floor, 2, floor(u), __VA_ARGS__)                                                           \
    X(ceil, 2, ceil(u), __VA_ARGS__)                                                             \
    X(round_even, 2, nearbyint(u), __VA_ARGS__)                                                  \
    X(round_away, 2, round(u), __VA_ARGS__)

#define NUMERIC_TYPES(X)                                                                         \
    X(i8, I8, int8_t, uint8_t) X(u8, U8, uint8_t, uint8_t) X(i32, I32, int32_t, uint32_t)        \
    X(i64, I64, int64_t, uint64_t) X(f32, F32, float, float) X(f64, F64, double, double)

#define INTEGER_TYPES(X)                                                                         \
    X(i8, I8, int8_t, uint8_t) X(u8, U8, uint8_t, uint8_t) X(i32, I32, int32_t, uint32_t)        \
    X(i64, I64, int64_t, uint64_t)

/* fmod, and fmod moved to the sign of the divisor as numpy's mod does. */
INLINE double truncated_remainder(double u, double v) { return fmod(u, v); }

INLINE double floored_remainder(double u, double v) {
    double r = fmod(u, v);
    if (r == 0)
        return copysign(0, v);
    return (r < 0) != (v < 0) ? r + v : r;
}

#define LOOPS_u8 BINARY_BY_RUNS
#define LOOPS_i8 BINARY_BY_RUNS
#define LOOPS_i32 BINARY_BY_RUNS
#define LOOPS_i64 BINARY_BY_RUNS
#define LOOPS_f32 BINARY
#define LOOPS_f64 BINARY
#define LOOPS_bool BINARY_BY_RUNS
#define DEFINE_BINARY(op, cost, formula, t, code, T, W) LOOPS_##t(op##_##t, T, W, T, formula)
#define COMPARISON_u8 BINARY_BY_RUNS
#define COMPARISON_i8 BINARY_BY_RUNS
#define COMPARISON_i32 BINARY
#define COMPARISON_f32 BINARY
#define COMPARISON_i64 BINARY_BY_RUNS
#define COMPARISON_f64 BINARY_BY_RUNS
#define DEFINE_COMPARISON(op, cost, formula, t, code, T, W)                                      \
    COMPARISON_##t(op##_##t, T, W, uint8_t, formula)
#define DEFINE_PAIR(op, cost, formula, t, code, T) PAIR(op##_##t, T, formula)
#define DEFINE_UNARY(op, cost, formula, t, code, T, W) UNARY(op##_##t, T, T, formula)
#define DEFINE_TEST(op, cost, formula, t, code, T, W) UNARY_BY_RUNS(op##_##t, T, uint8_t, formula)

#define DEFINE_NUMERIC(t, code, T, W)                                                            \
    ARITHMETIC(DEFINE_BINARY, t, code, T, W)                                                     \
    COMPARISONS(DEFINE_COMPARISON, t, code, T, W)

#define DEFINE_INTEGER(t, code, T, W)                                                            \
    DIVISION(trunc_div_##t, T, q)                                                                \
    DIVISION(floor_div_##t, T, q - crossed)                                                      \
    DIVISION(mod_##t, T, r)                                                                      \
    DIVISION(floor_mod_##t, T, crossed ? r + v : r)                                              \
    INTEGER_POWER(pow_##t, T)                                                                    \
    BITWISE(DEFINE_BINARY, t, code, T, W)                                                        \
    INTEGER_FUNCTIONS(DEFINE_UNARY, t, code, T, W)

NUMERIC_TYPES(DEFINE_NUMERIC)
INTEGER_TYPES(DEFINE_INTEGER)
FLOAT_DIVISION(DEFINE_BINARY, f32, F32, float, float)
FLOAT_DIVISION(DEFINE_BINARY, f64, F64, double, double)
F32_FUNCTIONS(DEFINE_UNARY, f32, F32, float, float)
F64_FUNCTIONS(DEFINE_UNARY, f64, F64, double, double)
PAIRS(DEFINE_PAIR, f32, F32, float)
PAIRS(DEFINE_PAIR, f64, F64, double)
FLOAT_TESTS(DEFINE_TEST, f32, F32, float, float)
FLOAT_TESTS(DEFINE_TEST, f64, F64, double, double)
LOGIC(DEFINE_BINARY, bool, BOOL, uint8_t, uint8_t)
UNARY(logical_not_bool, uint8_t, uint8_t, !u)
SELECT(select_8, uint8_t)
SELECT(select_16, uint16_t)
SELECT(select_32, uint32_t)
SELECT(select_64, uint64_t)
TURNING(sin_f32, float, TRIG_LIMIT, vsin, sinf)
TURNING(cos_f32, float, TRIG_LIMIT, vcos, cosf)
TURNING(tan_f64, double, TRIG_LIMIT64, tan64, tan)
TURNING(sin_f64, double, TRIG_LIMIT64, sin64, sin)
TURNING(cos_f64, double, TRIG_LIMIT64, cos64, cos)
BINARY(prelu_f32, float, float, float, u < 0 ? u * v : u)
UNARY_BY_RUNS(exp_f64, double, double, exp64(u))
UNARY_BY_RUNS(log_f64, double, double, log64(u))
UNARY_BY_RUNS(tanh_f64, double, double, tanh64(u))
UNARY_BY_RUNS(cube_f64, double, double, cube64(u))
UNARY_BY_RUNS(atan_f64, double, double, atan64(u))
UNARY_BY_RUNS(asin_f64, double, double, asin64(u))
UNARY_BY_RUNS(acos_f64, double, double, acos64(u))
/* The library serves powers that the vector form does not. */
BY_RUNS(any_pow_f64, 2, double, {
    const double *x = (const double *)a, *exponents = (const double *)b;
    int regular = 1;
    EACH_OF_RUN(double, IN_ONES) regular &= regular_power(x[i], exponents[i]) | (i >= given);
    if (regular) {
        EACH_OF_RUN(double, IN_ONES) y[i] = pow64(x[i], exponents[i]);
    } else {
        for (ptrdiff_t i = 0; i < given; i++)
            y[i] = regular_power(x[i], exponents[i]) ? pow64(x[i], exponents[i]) : pow(x[i], exponents[i]);
    }
})

static int pow_f64(const Source *const *in, char *to, ptrdiff_t n, const Activation *with) {
    const int cube = !in[1]->step && *(const double *)in[1]->at == 3.0;
    return (cube ? cube_f64 : any_pow_f64)(in, to, n, with);
}

/* A function of f32 as that of f64, which rounds it to half a unit in the last place. */
__attribute__((noinline, noclone))
static int through_f64(Kernel kernel, const Source *const *in, int operands, char *to, ptrdiff_t n) {
    enum { MOST = 256 };
    double wide[2][MOST];
    Source sources[2] = {*in[0], *in[operands - 1]};
    const Source *reads[2] = {sources, sources + 1};
    for (ptrdiff_t begin = 0; begin < n; begin += MOST) {
        const ptrdiff_t count = n - begin < MOST ? n - begin : MOST;
        for (int k = 0; k < operands; k++) {
            const float *a = (const float *)in[k]->at + (in[k]->step ? begin : 0);
            const ptrdiff_t distinct = in[k]->step ? count : 1;
            EACH(distinct) wide[k][i] = a[i];
            sources[k].at = (const char *)wide[k];
        }
        kernel(reads, (char *)wide[0], count, NULL);
        float *y = (float *)to + begin;
        EACH(count) y[i] = (float)wide[0][i];
    }
    return STATUS_OK;
}

#define THROUGH_F64(name, operands)                                                              \
    static int name##_f32(const Source *const *in, char *to, ptrdiff_t n, const Activation *with) {\
        return through_f64(name##_f64, in, operands, to, n);                                     \
    }

THROUGH_F64(tan, 1)
THROUGH_F64(asin, 1)
THROUGH_F64(acos, 1)
THROUGH_F64(atan, 1)
THROUGH_F64(any_pow, 2)
UNARY(cube_f32, float, float, u * u * u)
UNARY(pow_half_f32, float, float, u == -INFINITY ? INFINITY : sqrtf(u) + 0.0f)

/* Powers by one common exponent are often a multiplication or two. */
static int pow_f32(const Source *const *in, char *to, ptrdiff_t n, const Activation *with) {
    const float exponent = in[1]->step ? NAN : *(const float *)in[1]->at;
    Kernel kernel = exponent == 2.0f    ? square_f32
                    : exponent == 3.0f  ? cube_f32
                    : exponent == 0.5f  ? pow_half_f32
                    : exponent == 1.0f  ? f32_to_f32
                    : exponent == -1.0f ? reciprocal_f32
                                        : any_pow_f32;
    return kernel(in, to, n, with);
}

static int activation_f32(const Source *const *in, char *to, ptrdiff_t n, const Activation *with) {
    float *y = (float *)to;
    const ptrdiff_t distinct = in[0]->step ? n : 1;
    activate_to(with, (const float *)in[0]->at, y, distinct);
    for (ptrdiff_t i = distinct; i < n; i++)
        y[i] = y[0];
    return STATUS_OK;
}

/* round(x / scale), half to even, + zero, cut to low .. high; a NaN gives low. alpha is the scale, beta zero. */
INLINE int quantized(float x, const Activation *with, float low, float high) {
    float value = x / with->alpha;
    value = value > low - with->beta ? value : low - with->beta;
    value = value < high - with->beta ? value : high - with->beta;
    return (int)(bits_of(value + ROUNDER) - bits_of(ROUNDER)) + (int)with->beta;
}

UNARY(quantize_u8, float, uint8_t, quantized(u, with, 0.0f, 255.0f))
UNARY(quantize_i8, float, int8_t, quantized(u, with, -128.0f, 127.0f))
UNARY(dequantize_u8, uint8_t, float, ((float)u - with->beta) * with->alpha)
UNARY(dequantize_i8, int8_t, float, ((float)u - with->beta) * with->alpha)

/* [signed] */
static const Kernel quantizations[2] = {quantize_u8, quantize_i8};
static const Kernel dequantizations[2] = {dequantize_u8, dequantize_i8};

/* Bytes for bytes: the constant is the address of a table of 256. */
UNARY(look_up_bytes, uint8_t, uint8_t, (*(const uint8_t *const *)in[1]->at)[u])

#if defined(__AVX512BW__)
/* The same in registers. */
__attribute__((target("avx512vbmi"))) static int permute_bytes(const Source *const *in, char *to, ptrdiff_t n,
                                                              const Activation *with) {
    const char *a = in[0]->at, *table = *(const char *const *)in[1]->at;
    const __m512i low[2] = {_mm512_loadu_si512(table), _mm512_loadu_si512(table + 64)};
    const __m512i high[2] = {_mm512_loadu_si512(table + 128), _mm512_loadu_si512(table + 192)};
    if (!in[0]->step)
        return look_up_bytes(in, to, n, with);
    for (; n > 0; n -= 64, a += 64, to += 64) {
        const __mmask64 some = n < 64 ? ((__mmask64)1 << n) - 1 : ~(__mmask64)0;
        const __m512i codes = _mm512_maskz_loadu_epi8(some, a);
        const __m512i found = _mm512_permutex2var_epi8(low[0], codes, low[1]);
        const __m512i others = _mm512_permutex2var_epi8(high[0], codes, high[1]);
        _mm512_mask_storeu_epi8(to, some, _mm512_mask_blend_epi8(_mm512_movepi8_mask(codes), found, others));
    }
    return STATUS_OK;
}
#else
#define permute_bytes look_up_bytes
#endif

/* [whether bytes can be permuted by bytes] */
static const Kernel lookups[2] = {look_up_bytes, permute_bytes};

typedef struct {
    const char *name;
    int type;       /* of the operands; of select, those it chooses from */
    int result;
    int operands;
    int cost;       /* of an element, in units of one addition */
    Kernel kernel;
} Operation;

#define BINARY_ENTRY(op, cost, formula, t, code, T, W) {#op, code, code, 2, cost, op##_##t},
#define COMPARISON_ENTRY(op, cost, formula, t, code, T, W) {#op, code, BOOL, 2, cost, op##_##t},
#define UNARY_ENTRY(op, cost, formula, t, code, T, W) {#op, code, code, 1, cost, op##_##t},
#define PAIR_ENTRY(op, cost, formula, t, code, T) {#op, code, code, 3, cost, op##_##t},
#define TEST_ENTRY(op, cost, formula, t, code, T, W) {#op, code, BOOL, 1, cost, op##_##t},
#define SELECT_ENTRY(t, code, T)                                                                 \
    {"select", code, code, 3, 1,                                                                 \
     sizeof(T) == 1 ? select_8 : sizeof(T) == 2 ? select_16 : sizeof(T) == 4 ? select_32 : select_64},

#define NUMERIC_ENTRIES(t, code, T, W)                                                           \
    ARITHMETIC(BINARY_ENTRY, t, code, T, W)                                                      \
    COMPARISONS(COMPARISON_ENTRY, t, code, T, W)

#define INTEGER_ENTRIES(t, code, T, W)                                                           \
    {"trunc_div", code, code, 2, 10, trunc_div_##t},                                             \
    {"floor_div", code, code, 2, 10, floor_div_##t},                                             \
    {"mod", code, code, 2, 10, mod_##t},                                                         \
    {"floor_mod", code, code, 2, 10, floor_mod_##t},                                             \
    {"pow", code, code, 2, 30, pow_##t},                                                         \
    BITWISE(BINARY_ENTRY, t, code, T, W)                                                         \
    INTEGER_FUNCTIONS(UNARY_ENTRY, t, code, T, W)

static const Operation OPERATIONS[] = {
    NUMERIC_TYPES(NUMERIC_ENTRIES)
    INTEGER_TYPES(INTEGER_ENTRIES)
    ALL_TYPES(SELECT_ENTRY)
    FLOAT_DIVISION(BINARY_ENTRY, f32, F32, float, float)
    FLOAT_DIVISION(BINARY_ENTRY, f64, F64, double, double)
    PAIRS(PAIR_ENTRY, f32, F32, float)
    PAIRS(PAIR_ENTRY, f64, F64, double)
    F32_FUNCTIONS(UNARY_ENTRY, f32, F32, float, float)
    F64_FUNCTIONS(UNARY_ENTRY, f64, F64, double, double)
    FLOAT_TESTS(TEST_ENTRY, f32, F32, float, float)
    FLOAT_TESTS(TEST_ENTRY, f64, F64, double, double)
    LOGIC(BINARY_ENTRY, bool, BOOL, uint8_t, uint8_t)
    COMPARISONS(COMPARISON_ENTRY, u8, BOOL, uint8_t, uint8_t)
    {"logical_not", BOOL, BOOL, 1, 1, logical_not_bool},
    {"sin", F32, F32, 1, 10, sin_f32},
    {"cos", F32, F32, 1, 10, cos_f32},
    {"tan", F32, F32, 1, 34, tan_f32},
    {"tan", F64, F64, 1, 34, tan_f64},
    {"sin", F64, F64, 1, 24, sin_f64},
    {"exp", F64, F64, 1, 14, exp_f64},
    {"log", F64, F64, 1, 18, log_f64},
    {"tanh", F64, F64, 1, 20, tanh_f64},
    {"asin", F32, F32, 1, 30, asin_f32},
    {"acos", F32, F32, 1, 30, acos_f32},
    {"atan", F32, F32, 1, 30, atan_f32},
    {"asin", F64, F64, 1, 30, asin_f64},
    {"acos", F64, F64, 1, 30, acos_f64},
    {"atan", F64, F64, 1, 30, atan_f64},
    {"cos", F64, F64, 1, 24, cos_f64},
    {"prelu", F32, F32, 2, 1, prelu_f32},
    {"pow", F32, F32, 2, 35, pow_f32},
    {"pow", F64, F64, 2, 40, pow_f64},
};

enum { OPERATION_COUNT = sizeof OPERATIONS / sizeof *OPERATIONS };

#pragma GCC pop_options

#endif
