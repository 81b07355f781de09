"""The element type that a DLPack capsule tells, and another in its place.

numpy neither makes nor takes capsules of bf16 and of real types of 8 bits. Their elements pass through it as
unsigned integers of the same size. Source: dlpack.h, DLPack 1.1.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid
from libc.stdint cimport uint8_t, uint16_t

cdef extern from *:
    """
    typedef struct { uint8_t code, bits; uint16_t lanes; } element_kind_t;
    typedef struct {
        void* data;
        struct { int32_t type, id; } device;
        int32_t ndim;
        element_kind_t kind;
        int64_t *shape, *strides;
        uint64_t byte_offset;
    } shown_tensor_t;
    typedef struct { shown_tensor_t tensor; void* context; void* deleter; } managed_t;
    typedef struct {
        struct { uint32_t major, minor; } version;
        void* context;
        void* deleter;
        uint64_t flags;
        shown_tensor_t tensor;
    } managed_versioned_t;
    """
    ctypedef struct element_kind_t:
        uint8_t code
        uint8_t bits
        uint16_t lanes
    ctypedef struct shown_tensor_t:
        element_kind_t kind
    ctypedef struct managed_t:
        shown_tensor_t tensor
    ctypedef struct managed_versioned_t:
        shown_tensor_t tensor


cdef element_kind_t* kind_in(object capsule) except NULL:
    if PyCapsule_IsValid(capsule, b"dltensor_versioned"):
        return &(<managed_versioned_t*>PyCapsule_GetPointer(capsule, b"dltensor_versioned")).tensor.kind
    return &(<managed_t*>PyCapsule_GetPointer(capsule, b"dltensor")).tensor.kind


def element_kind(capsule):
    """(type code, bits, lanes) of the elements. ValueError for what is no capsule of DLPack, or a used one."""
    cdef element_kind_t* kind = kind_in(capsule)
    return kind.code, kind.bits, kind.lanes


def set_element_kind(capsule, int code, int bits):
    """Makes the capsule, which nobody may have used yet, tell another type of elements; they stay as they are."""
    cdef element_kind_t* kind = kind_in(capsule)
    kind.code = code
    kind.bits = bits
