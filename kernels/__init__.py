"""ovlite's kernels: families compiled once per instruction-set level, and the runtime that walks their steps.

runtime/ holds what is built once (steps, executor, team, requests), families/ what is built for each level of
levels.py, include/ the C that several of them share. The level is chosen once at import; the environment variable
OVLITE_ISA forces one that the processor can execute.

Each family has functions on numpy arrays, for use without a model: ovlite.kernels.matmul(a, b) and so on. They run
the code that plans run, at the level in use, on the calling thread and without the GIL.
"""

import os
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from types import ModuleType
from typing import Any

from ..imports import load
from .levels import LEVELS

try:
    from .runtime.cpu import cpu_flags
except ModuleNotFoundError as error:
    if error.name != f"{__name__}.runtime.cpu":
        raise
    raise ImportError(
        f"ovlite is imported from its source, {os.path.dirname(__file__)!r}, where its kernels are not built. Leave "
        "that folder to use an installed ovlite, or build them in it: pip install -e ."
    ) from None

__all__ = ["available_levels", "built_levels", "family", "level", "use_level"]

_FAMILIES = f"{__name__}.families"
# The functions on numpy arrays that families have, and the family of each.
_FUNCTIONS = {
    function: family
    for family, functions in {
        "attention": ("attention",),
        "convolution": ("convolution",),
        "copy": ("copy", "pad", "transpose"),
        "depthwise": ("depthwise",),
        "distance": ("squared_distance",),
        "elementwise": ("activation", "elementwise"),
        "gather": ("gather",),
        "indexed_copy": ("gather_elements", "gather_nd", "scatter_elements", "scatter_nd", "scatter_update"),
        "lrn": ("lrn",),
        "matmul": ("matmul",),
        "normalization": ("group_norm", "layer_norm", "mvn", "normalize_l2", "rms_norm"),
        "pooling": ("avg_pool", "max_pool"),
        "recurrent": ("gru", "lstm", "rnn"),
        "reduction": ("reduce",),
        "resize": ("resize_linear", "resize_nearest"),
        "scan": ("cumsum",),
        "softmax": ("log_softmax", "softmax"),
        "topk": ("topk",),
        "trees": ("trees",),
    }.items()
    for function in functions
}


@cache
def built_levels() -> tuple[str, ...]:
    """The levels that this build holds, lowest first."""
    return tuple(row.name for row in LEVELS if _built_families(row.name))


@cache
def _built_families(level: str) -> frozenset[str]:
    """The families that this build holds of a level itself: the modules in its folder."""
    try:
        found = os.listdir(os.path.join(os.path.dirname(__file__), "families", level))
    except FileNotFoundError:
        return frozenset()
    names = [name.partition(".") for name in found]
    return frozenset(family for family, dot, suffix in names if dot + suffix in EXTENSION_SUFFIXES)


@cache
def available_levels() -> tuple[str, ...]:
    """The levels that this build holds and this processor can execute, lowest first."""
    flags = cpu_flags()
    return tuple(row.name for row in LEVELS if row.needs <= flags and row.name in built_levels())


@cache
def _home(level: str, family: str) -> str:
    """The level from which `level` has a family: itself, or the nearest below that the family is built for."""
    levels = available_levels()
    for home in reversed(levels[: levels.index(level) + 1]):
        if family in _built_families(home):
            return home
    raise ImportError(f"this build of ovlite has no kernels {family!r} for level {level!r}")


def _choose(name: str) -> str:
    if name not in available_levels():
        known = [row.name for row in LEVELS]
        reason = "this processor or this build does not have that level" if name in known else "no such level"
        raise ValueError(f"OVLITE_ISA={name!r}: {reason}; usable here: {', '.join(available_levels())}")
    return name


_forced = os.environ.get("OVLITE_ISA")
try:
    _level = _choose(_forced) if _forced else available_levels()[-1]
except ValueError as error:
    raise ImportError(str(error)) from None


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
    """The kernel family `name` (a module of families/, such as "matmul") at `level`, or at the level in use."""
    return _built(name, level or _level)


@cache
def _built(name: str, level: str) -> ModuleType:
    return load(f"{_FAMILIES}.{_home(level, name)}.{name}")


def __getattr__(name: str) -> Any:
    if name in _FUNCTIONS:
        return getattr(family(_FUNCTIONS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_FUNCTIONS})
