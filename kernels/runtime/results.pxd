cdef class Ports:
    cdef readonly tuple inputs
    cdef readonly tuple outputs
    cdef readonly dict input_keys
    cdef readonly dict output_keys
    cdef type port_class
    cdef readonly bint strings     # some output holds strings


cdef class OVDict:
    cdef object __weakref__
    cdef list values_
    cdef dict whole
    cdef Ports ports


cdef inline OVDict make_result(Ports ports, list values):
    cdef OVDict result = OVDict.__new__(OVDict)
    result.ports = ports
    result.values_ = values
    return result
