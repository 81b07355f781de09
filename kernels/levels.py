"""The instruction-set levels: one table for the build, the import, the tests and the documentation.

The build reads this file on its own, so it imports nothing of ovlite.
"""

from __future__ import annotations

from typing import NamedTuple


class Level(NamedTuple):
    """One instruction-set level.

    name: of the folder of its modules, and what OVLITE_ISA takes.
    flags: compiler options on x86-64.
    needs: processor features, by the names of /proc/cpuinfo, without which it can't be executed.
    skips: families that are not built for it; the nearest level below that has them serves.
    """

    name: str
    flags: tuple[str, ...]
    needs: frozenset[str]
    skips: frozenset[str] = frozenset()


_AVX2 = frozenset({"avx", "avx2", "fma", "f16c", "movbe", "popcnt", "bmi1", "bmi2", "abm"})
_AVX512 = _AVX2 | {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}
# Families that gain nothing from registers wider than those of AVX2: most of them only move elements.
_NARROW = frozenset({"copy", "distance", "gather", "resize", "topk"})
_SCALAR = frozenset({"scan", "trees"})  # one sum or node follows from the other, without vectors
_SMALL = frozenset({"indexed_copy", "sampling", "suppression"})  # wider registers would not pay for the size

# Lowest first: of the levels that a processor can execute the last one is used.
LEVELS = (
    Level("baseline", (), frozenset()),
    Level("avx2", ("-march=haswell",), _AVX2, _SCALAR | _SMALL),
    Level("avx512", ("-march=skylake-avx512", "-mprefer-vector-width=512"), _AVX512, _NARROW | _SCALAR | _SMALL),
)
