"""The environment of a measurement: versions, processor, level, threads."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from .. import kernels
from ..runtime.config import processor_name
from ..runtime.threads import thread_budget, thread_limits
from ..version import get_version
from .arguments import UsageError


def environment(level: str | None = None) -> dict[str, Any]:
    """Versions by package, the processor, the levels, and how many threads there may be and why.

    level: the one to use from now on, instead of the one that is in use. Raises UsageError when it can't be used.
    """
    if level is not None:
        if level not in kernels.available_levels():
            known = ", ".join(kernels.available_levels())
            raise UsageError(f"expected a level that can be used here, {known}, got {level!r}")
        kernels.use_level(level)
    return {
        "versions": {"ovlite": get_version(), "python": platform.python_version(), **_versions("numpy", "onnx")},
        "processor": processor_name(),
        "level": kernels.level(),
        "levels_usable": list(kernels.available_levels()),
        "levels_built": list(kernels.built_levels()),
        "threads_available": thread_budget(),
        "thread_limits": thread_limits(),
    }


def _versions(*packages: str) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found
