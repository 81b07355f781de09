"""The version of the package."""

from __future__ import annotations

import os
from functools import cache

from .imports import forks_wait


def beside(folder: str) -> str | None:
    """The version in the name of the one folder of metadata beside the package, or in the pyproject.toml of a checkout;
    None where neither is to be found.

    To ask importlib.metadata takes longer than to load a model from a cache.
    """
    try:
        names = [name for name in os.listdir(folder) if name.startswith("ovlite-") and name.endswith(".dist-info")]
        if len(names) == 1:
            return names[0].removeprefix("ovlite-").removesuffix(".dist-info")
        with open(os.path.join(folder, "pyproject.toml"), encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    versions = [line.split('"')[1] for line in lines if line.startswith('version = "')]
    return versions[0] if 'name = "ovlite"' in lines and len(versions) == 1 else None


@cache
def get_version() -> str:
    """The version of the installed package, "0" where it is not installed."""
    found = beside(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if found is not None:
        return found
    with forks_wait():
        from importlib.metadata import PackageNotFoundError, version

    try:
        return version("ovlite")
    except PackageNotFoundError:
        return "0"


def __getattr__(name: str) -> str:
    if name == "__version__":
        return get_version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Version:
    """A version and what it is the version of."""

    def __init__(self, build_number: str, description: str) -> None:
        numbers = [int(part) if part.isdecimal() else 0 for part in build_number.split(".")] + [0, 0, 0]
        self.major, self.minor, self.patch = numbers[:3]
        self.build_number = build_number
        self.description = description

    def __repr__(self) -> str:
        return f"<Version: {self.build_number} {self.description}>"
