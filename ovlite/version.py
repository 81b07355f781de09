"""The version of the package."""

from __future__ import annotations

from functools import cache


@cache
def get_version() -> str:
    """The version of the installed package."""
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
