"""Runtime information: notes of programs in models, nodes and ports, by name."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

from ..types import OVAny

# openvino's words, by which model_api tells a note that is not there from what is wrong.
_NOT_THERE = "Cannot get runtime attribute. Path to runtime attribute is incorrect."


class RTMap(MutableMapping[str, Any]):
    """A dict of notes, whose values are seen as OVAny, and as dicts of these where they are dicts."""

    __slots__ = ("_notes",)

    def __init__(self, notes: dict[str, Any]) -> None:
        self._notes = notes

    def __getitem__(self, key: str) -> OVAny | dict[str, Any]:
        return _boxed(self._notes[key])

    def __setitem__(self, key: str, value: Any) -> None:
        self._notes[key] = plain(value)

    def __delitem__(self, key: str) -> None:
        del self._notes[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._notes)

    def __len__(self) -> int:
        return len(self._notes)

    def __repr__(self) -> str:
        return f"<RTMap: {self._notes}>"


def _boxed(value: Any) -> OVAny | dict[str, Any]:
    return {name: _boxed(inner) for name, inner in value.items()} if isinstance(value, dict) else OVAny(value)


def plain(value: Any) -> Any:
    """A note without its box."""
    return value.value if isinstance(value, OVAny) else value


def path_of(path: Any) -> Sequence[str]:
    """The names that lead to a note: a str or a list of them."""
    if isinstance(path, str):
        return [path]
    if not isinstance(path, list) or not all(isinstance(name, str) for name in path):
        raise TypeError(f"expected the path to a note to be a str or a list of str, got {path!r}")
    return path


def find(notes: dict[str, Any], path: Any) -> OVAny:
    """The note at `path`; RuntimeError when there is none."""
    found: Any = notes
    for name in path_of(path):
        if not isinstance(found, dict) or name not in found:
            raise RuntimeError(f"{_NOT_THERE} rt_info has nothing at {path!r}")
        found = found[name]
    return OVAny(found)


def put(notes: dict[str, Any], path: Any, value: Any) -> None:
    """Notes `value` at `path`; dicts on the way there are made."""
    *way, last = path_of(path)
    for name in way:
        inner = notes.get(name)
        if not isinstance(inner, dict):
            inner = notes[name] = {}
        notes = inner
    notes[last] = plain(value)
