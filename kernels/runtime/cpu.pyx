"""Features of this processor."""

cdef extern from "cpu.h" nogil:
    ctypedef struct CpuFeature:
        const char* name
    const CpuFeature cpu_features[1]
    bint cpu_has(const CpuFeature* feature)


def cpu_flags():
    """The features that the processor has and the system allows, of those that levels ask for: a frozenset of
    the names that Linux shows in /proc/cpuinfo."""
    cdef const CpuFeature* feature = cpu_features
    found = set()
    while feature.name != NULL:
        if cpu_has(feature):
            found.add(feature.name.decode())
        feature += 1
    return frozenset(found)
