"""Which instruction-set level this processor can execute."""

cdef extern from "cpu.h" nogil:
    int cpu_level()

# Lowest first; a processor that has one has all before it.
LEVELS = ("baseline", "avx2", "avx512", "amx")


def highest_level():
    """Name of the highest level that the processor has and the system allows."""
    return LEVELS[cpu_level()]
