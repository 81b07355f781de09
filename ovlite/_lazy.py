"""Names of a package that are imported when they are first used, each written once: in the package's stub.

A stub, `__init__.pyi`, has a line `from .module import name as name` for each, or `from .package import *` for all of
another package with a stub. Type checkers read it, and so does this module when the program runs: a package with such
names says no more than

    __getattr__, __dir__, __all__ = attach(globals())
"""

from __future__ import annotations

from importlib import import_module

from .imports import load

TYPE_CHECKING = False  # as in typing, which is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def attach(package: dict[str, Any]) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """(__getattr__, __dir__, __all__) of the package whose globals are given."""
    name, folder = package["__name__"], package["__path__"][0]
    homes: dict[str, str] = {}
    with open(f"{folder}/__init__.pyi", encoding="utf-8") as stub:
        lines = [line.split() for line in stub if line.startswith("from .")]
    for _, home, _, *names in lines:
        found = import_module(home, name).__all__ if names == ["*"] else names[-1:]
        homes |= dict.fromkeys(found, home)

    def find(wanted: str) -> Any:
        if wanted not in homes:
            raise AttributeError(f"module {name!r} has no attribute {wanted!r}")
        home = homes[wanted]
        submodule = home == "."
        found = load(f".{wanted}", name) if submodule else getattr(load(home, name), wanted)
        package[wanted] = found
        return found

    return find, lambda: sorted({*package, *homes}), [known for known in homes if not known.startswith("_")]
