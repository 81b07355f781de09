cdef class Storage:
    cdef readonly object array
    cdef readonly object element_type
    cdef readonly tuple shape
    cdef readonly int bits         # of an element; 0 when elements are not packed
    cdef readonly bint owned
    cdef public bint shown         # a Tensor shows it, so its shape may be changed from outside
    cdef object block              # flat array whose length is the capacity, when owned
    cpdef set_shape(self, tuple shape)


cdef class Shown:
    cdef public Storage _storage
