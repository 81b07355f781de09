/* The element types that kernels know. */
#ifndef OVLITE_ELEMENT_TYPE_H
#define OVLITE_ELEMENT_TYPE_H

/* Up to ELEMENT_TYPES those of numpy arrays, in the order of elementwise.TYPES. */
enum ElementType { BOOL, I8, U8, I16, U16, I32, U32, I64, U64, F16, F32, F64, ELEMENT_TYPES, BF16 = ELEMENT_TYPES };

static const int ELEMENT_BYTES[ELEMENT_TYPES + 1] = {
    [BOOL] = 1, [I8] = 1, [U8] = 1, [I16] = 2, [U16] = 2, [I32] = 4, [U32] = 4,
    [I64] = 8, [U64] = 8, [F16] = 2, [F32] = 4, [F64] = 8, [BF16] = 2,
};

#endif
