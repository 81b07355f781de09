"""ovlite's kernels: compiled once per instruction-set level, chosen once at import.

Levels, lowest first: "baseline" (any x86-64, and every other architecture), "avx2" (AVX2 and FMA),
"avx512" (AVX-512 F, CD, BW, DQ, VL), "amx" (AVX-512 and AMX tiles with bf16; its f32 kernels are those
of "avx512"). The environment variable OVLITE_ISA forces a level at or below what the processor has.
"""

import importlib
import os
from functools import cache
from importlib.util import find_spec
from types import ModuleType

from .cpu import LEVELS, highest_level

__all__ = ["LEVELS", "available_levels", "family", "level", "use_level"]


@cache
def available_levels() -> tuple[str, ...]:
    """The levels that this build holds and this processor can execute, lowest first."""
    usable = LEVELS[: LEVELS.index(highest_level()) + 1]
    built = {name: find_spec(f"{__name__}.{name}") and find_spec(f"{__name__}.{name}.gemm") for name in LEVELS}
    built["amx"] = built["avx512"]
    return tuple(name for name in usable if built[name])


@cache
def _home(name: str, family_name: str) -> str:
    """The level from which level `name` has a family: itself, or the nearest below that the family is built for."""
    for home in reversed(LEVELS[: LEVELS.index(name) + 1]):
        if find_spec(f"{__name__}.{home}") and find_spec(f"{__name__}.{home}.{family_name}"):
            return home
    raise ImportError(f"this build of ovlite has no kernels {family_name!r} for level {name!r}")


def _choose(name: str) -> str:
    if name not in LEVELS:
        raise ValueError(f"OVLITE_ISA={name!r}: no such instruction-set level; there are {', '.join(LEVELS)}")
    if name not in available_levels():
        raise ValueError(
            f"OVLITE_ISA={name!r}: this processor or this build does not have that level; "
            f"usable here: {', '.join(available_levels())}"
        )
    return name


_forced = os.environ.get("OVLITE_ISA")
_level = _choose(_forced) if _forced else available_levels()[-1]


def level() -> str:
    """The level whose kernels new plans use."""
    return _level


def use_level(name: str) -> str:
    """Makes new plans use level `name`; returns the one used before. Existing plans keep theirs.

    Raises ValueError for a name that is no level, or one that can't be executed here.
    """
    global _level
    before, _level = _level, _choose(name)
    return before


def family(name: str, level: str | None = None) -> ModuleType:
    """The kernel family `name` (a module of kernels, such as "gemm") at `level`, or at the level in use."""
    return importlib.import_module(f"{__name__}.{_home(level or _level, name)}.{name}")
