/* Conversions between the element types, as loops over runs of elements.
 *
 * A conversion is C's: to an integer it truncates towards zero, and what does not fit is left to the
 * processor. To bool it is x != 0. f16 is held as its bits; conversion to it rounds half to even. */
#ifndef OVLITE_CONVERT_H
#define OVLITE_CONVERT_H

#include <stddef.h>

#include "activation.h"
#include "element_type.h"

#pragma GCC push_options
#pragma GCC optimize("O3")

/* One operand of a loop: `step` is 1 where elements follow one another, 0 where one serves for all. */
typedef struct {
    const char *at;
    ptrdiff_t step;
} Source;

/* Computes n > 0 elements from up to three operands; returns a Status. `to` may be one of them. */
typedef int (*Kernel)(const Source *const *in, char *to, ptrdiff_t n, const Activation *with);

#define EACH(count) _Pragma("GCC ivdep") for (ptrdiff_t i = 0; i < (count); i++)

/* y[i] = formula of u; one evaluation is enough where the operand is the same for all. */
#define UNARY(name, T, R, formula)                                                               \
    static int name(const Source *const *in, char *to, ptrdiff_t n, const Activation *with) {    \
        const T *a = (const T *)in[0]->at;                                                       \
        R *y = (R *)to;                                                                          \
        const ptrdiff_t distinct = in[0]->step ? n : 1;                                          \
        EACH(distinct) {                                                                         \
            const T u = a[i];                                                                    \
            y[i] = (R)(formula);                                                                 \
        }                                                                                        \
        for (ptrdiff_t i = distinct; i < n; i++)                                                 \
            y[i] = y[0];                                                                         \
        return 0;                                                                                \
    }

/* No operand or result is a denormal f32, which may count as zero: see denormals.h. */
INLINE float float_of_half(uint16_t half) {
    uint32_t magnitude = (uint32_t)(half & 0x7fff) << 13;
    uint32_t normal = magnitude + (112u << 23);
    uint32_t denormal = bits_of(float_of(magnitude + (113u << 23)) - 0x1p-14f);
    uint32_t bits = magnitude < 1u << 23 ? denormal : normal;
    bits |= magnitude >= 0x0f800000u ? 0x7f800000u : 0u;
    return float_of(bits | (uint32_t)(half & 0x8000) << 16);
}

INLINE uint16_t half_of_float(float x) {
    const uint32_t smallest_normal = 0x38800000u, overflow = 0x477ff000u, infinity = 0x7f800000u;
    uint32_t bits = bits_of(x);
    uint32_t magnitude = bits & 0x7fffffffu;
    uint32_t normal = (magnitude - (112u << 23) + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
    uint32_t denormal = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f);
    uint32_t half = magnitude < smallest_normal ? denormal : normal;
    half = magnitude >= overflow ? 0x7c00u : half;
    half = magnitude > infinity ? 0x7e00u : half;
    return (uint16_t)(half | (bits >> 16 & 0x8000u));
}

/* An inexact f32 is made odd, so that rounding it again gives what rounding once would. */
INLINE uint16_t half_of_double(double x) {
    float f = (float)x;
    uint32_t bits = bits_of(f);
    bits -= fabs((double)f) > fabs(x) ? 1u : 0u;
    bits |= (double)float_of(bits) < x || (double)float_of(bits) > x ? 1u : 0u;
    return half_of_float(float_of(bits));
}

#define ALL_TYPES(X)                                                                             \
    X(bool, BOOL, uint8_t) X(i8, I8, int8_t) X(u8, U8, uint8_t) X(i16, I16, int16_t)             \
    X(u16, U16, uint16_t) X(i32, I32, int32_t) X(u32, U32, uint32_t) X(i64, I64, int64_t)        \
    X(u64, U64, uint64_t) X(f16, F16, uint16_t) X(f32, F32, float) X(f64, F64, double)

#define CONVERSIONS_FROM(t, code, T)                                                             \
    UNARY(t##_to_bool, T, uint8_t, u != 0)                                                       \
    UNARY(t##_to_i8, T, int8_t, u)                                                               \
    UNARY(t##_to_u8, T, uint8_t, u)                                                              \
    UNARY(t##_to_i16, T, int16_t, u)                                                             \
    UNARY(t##_to_u16, T, uint16_t, u)                                                            \
    UNARY(t##_to_i32, T, int32_t, u)                                                             \
    UNARY(t##_to_u32, T, uint32_t, u)                                                            \
    UNARY(t##_to_i64, T, int64_t, u)                                                             \
    UNARY(t##_to_u64, T, uint64_t, u)                                                            \
    UNARY(t##_to_f32, T, float, u)                                                               \
    UNARY(t##_to_f64, T, double, u)

#define CONVERSIONS_TO_HALF(t, T) UNARY(t##_to_f16, T, uint16_t, half_of_float((float)u))

#define CONVERSION_FROM_HALF(t, R) UNARY(f16_to_##t, uint16_t, R, float_of_half(u))

CONVERSIONS_FROM(bool, BOOL, uint8_t)
CONVERSIONS_FROM(i8, I8, int8_t)
CONVERSIONS_FROM(u8, U8, uint8_t)
CONVERSIONS_FROM(i16, I16, int16_t)
CONVERSIONS_FROM(u16, U16, uint16_t)
CONVERSIONS_FROM(i32, I32, int32_t)
CONVERSIONS_FROM(u32, U32, uint32_t)
CONVERSIONS_FROM(i64, I64, int64_t)
CONVERSIONS_FROM(u64, U64, uint64_t)
CONVERSIONS_FROM(f32, F32, float)
CONVERSIONS_FROM(f64, F64, double)

CONVERSIONS_TO_HALF(bool, uint8_t)
CONVERSIONS_TO_HALF(i8, int8_t)
CONVERSIONS_TO_HALF(u8, uint8_t)
CONVERSIONS_TO_HALF(i16, int16_t)
CONVERSIONS_TO_HALF(u16, uint16_t)
CONVERSIONS_TO_HALF(i32, int32_t)
CONVERSIONS_TO_HALF(u32, uint32_t)
CONVERSIONS_TO_HALF(i64, int64_t)
CONVERSIONS_TO_HALF(u64, uint64_t)
CONVERSIONS_TO_HALF(f32, float)
UNARY(f64_to_f16, double, uint16_t, half_of_double(u))
UNARY(f16_to_f16, uint16_t, uint16_t, u)
UNARY(f16_to_bool, uint16_t, uint8_t, (u & 0x7fff) != 0)
CONVERSION_FROM_HALF(i8, int8_t)
CONVERSION_FROM_HALF(u8, uint8_t)
CONVERSION_FROM_HALF(i16, int16_t)
CONVERSION_FROM_HALF(u16, uint16_t)
CONVERSION_FROM_HALF(i32, int32_t)
CONVERSION_FROM_HALF(u32, uint32_t)
CONVERSION_FROM_HALF(i64, int64_t)
CONVERSION_FROM_HALF(u64, uint64_t)
CONVERSION_FROM_HALF(f32, float)
CONVERSION_FROM_HALF(f64, double)

#define CONVERSION_ROW(t, code, T)                                                               \
    [code] = {t##_to_bool, t##_to_i8, t##_to_u8, t##_to_i16, t##_to_u16, t##_to_i32, t##_to_u32, \
              t##_to_i64, t##_to_u64, t##_to_f16, t##_to_f32, t##_to_f64},

/* CONVERSIONS[from][to]; from == to copies. */
static const Kernel CONVERSIONS[ELEMENT_TYPES][ELEMENT_TYPES] = {ALL_TYPES(CONVERSION_ROW)};

#pragma GCC pop_options

#endif
