"""The stubs of the opset modules say how their functions are called: `python -m tests.test_stubs` writes them.

They are kept in the tree because type checkers read a checkout that is not built, and the functions can't be imported
there. What the tests compare is what keeps them true. Each lists the names that it has from the opset before: a type
checker refuses a name that is imported with a star and then defined anew.
"""

import importlib
import inspect
from pathlib import Path

import pytest

import ovlite

ROOT = Path(ovlite.__file__).parent
OPSETS = range(1, 18)
WIDTH = 120


def parameters_of(function):
    """The parameters as a stub has them; all are of any type but the name."""
    words, starred = [], False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not starred:
            words.append("*")
            starred = True
        hint = "str | None" if parameter.name == "name" else "Any"
        default = "" if parameter.default is inspect.Parameter.empty else f" = {quoted(parameter.default)}"
        words.append(f"{parameter.name}: {hint}{default}")
    return words


def quoted(value):
    """A default as ruff writes it."""
    return f'"{value}"' if isinstance(value, str) else repr(value)


def definition(name, function):
    words = parameters_of(function)
    line = f"def {name}({', '.join(words)}) -> Node: ..."
    if len(line) <= WIDTH:
        return line
    inner = f"    {', '.join(words)}"
    if len(inner) <= WIDTH:
        return f"def {name}(\n{inner}\n) -> Node: ..."
    return "\n".join([f"def {name}(", *(f"    {word}," for word in words), ") -> Node: ..."])


def stub(opset):
    """The text of opset<opset>.pyi: what is new or called otherwise than in the opset before is written out."""
    module = importlib.import_module(f"ovlite.opset{opset}")
    before = importlib.import_module(f"ovlite.opset{opset - 1}") if 1 < opset < 17 else None
    homes, functions, kept = {}, {}, []
    for name in sorted(module.__all__):
        value = getattr(module, name)
        home = getattr(value, "__module__", "")
        if home in ("ovlite.ops.building", "ovlite.ops.model_ports"):
            homes[name] = home.removeprefix("ovlite")
        elif before is not None and name in before.__all__ and same(value, getattr(before, name)):
            kept.append(name)
        else:
            functions[name] = value
    wanted = {f".opset{opset - 1}": kept} if kept else {}
    for name, home in homes.items():
        wanted.setdefault(home, []).append(name)
    imports = [imported(home, wanted[home]) for home in sorted(wanted)]
    head = ["from typing import Any\n", "from .graph import Node"] if functions else []
    found = [*head, *imports, "", *(definition(name, value) for name, value in functions.items())]
    return "\n".join(found).rstrip() + "\n"


def imported(home, names):
    """The import of names that the stub gives further, in one statement: stubs are installed, too."""
    words = [f"{name} as {name}" for name in names]
    line = f"from {home} import {', '.join(words)}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"from {home} import (", *(f"    {word}," for word in words), ")"])


def same(one, other):
    return inspect.signature(one) == inspect.signature(other)


@pytest.mark.parametrize("opset", OPSETS)
def test_stubs_are_those_of_the_functions(opset):
    assert (ROOT / f"opset{opset}.pyi").read_text() == stub(opset), "write them anew: python -m tests.test_stubs"


if __name__ == "__main__":
    for number in OPSETS:
        (ROOT / f"opset{number}.pyi").write_text(stub(number))
