/* The element types that kernels know. */
#ifndef OVLITE_ELEMENT_TYPE_H
#define OVLITE_ELEMENT_TYPE_H

/* Up to ELEMENT_TYPES those of numpy arrays, in the order of elementwise.TYPES. */
enum ElementType { BOOL, I8, U8, I16, U16, I32, U32, I64, U64, F16, F32, F64, ELEMENT_TYPES, BF16 = ELEMENT_TYPES };

#endif
