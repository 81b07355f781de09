"""Docstrings for the API reference: those of what is compiled too, as Markdown."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

import griffe

TERM = re.compile(r"(\w[\w=]*(?:, \w+)*): ")  # what a line that explains arguments begins with


class PlainDocstrings(griffe.Extension):
    """Takes docstrings as plain text, and those of ovlite.kernels, whose stubs have none, from what is imported."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is None and obj.path.startswith("ovlite.kernels."):
            obj.docstring = _of_compiled(obj)
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)


def _of_compiled(obj: griffe.Object) -> griffe.Docstring | None:
    found: Any = import_module(obj.module.path)
    for name in obj.path.removeprefix(obj.module.path).split(".")[1:]:
        found = getattr(found, name, None)
    text = getattr(found, "__doc__", None)
    return griffe.Docstring(text, parent=obj) if text else None


def as_markdown(text: str) -> str:
    """Paragraphs stay; lines that explain arguments ("name: ...", the rest indented or not) become items of a list."""
    return "\n\n".join(map(_paragraph, re.split(r"\n\s*\n", text.strip())))


def _paragraph(text: str) -> str:
    parts = [""]
    for line in text.splitlines():
        if TERM.match(line):
            parts.append(line)
        else:
            parts[-1] = f"{parts[-1]} {line.strip()}".strip()
    return "\n\n".join(filter(None, (_plain(parts[0]), "\n".join(map(_item, parts[1:])))))


def _item(text: str) -> str:
    names, _, rest = text.partition(": ")
    return f"* `{names}`: {_plain(rest)}"


def _plain(text: str) -> str:
    """Text whose characters mean themselves, but for what stands in backquotes."""
    codes = re.split(r"(`[^`]*`)", text)
    return "".join(part if i % 2 else re.sub(r"([\[\]*_<>#])", r"\\\1", part) for i, part in enumerate(codes))
