"""Layout: what the dimensions of a tensor mean."""

from __future__ import annotations

_ANY = "..."
_SCALAR = "**SCALAR**"
_LONG_NAMES = {"BATCH": "N", "CHANNELS": "C", "DEPTH": "D", "HEIGHT": "H", "WIDTH": "W"}


class Layout:
    """Names of dimensions: "NCHW", "N...C", "N??", "[N,C,seq_len]".

    "?" is a dimension without a name, "..." any number of them. Upper and lower case are the same.
    """

    __slots__ = ("_names",)
    _names: tuple[str, ...]

    def __init__(self, layout_str: str = "") -> None:
        if not isinstance(layout_str, str):
            raise TypeError(f"expected a layout to be written as a str, got {type(layout_str).__name__}")
        self._names = _parse(layout_str.strip().upper())
        named = [name for name in self._names if name != "?"]
        if len(named) != len(set(named)):
            raise RuntimeError(f"a name occurs twice in the layout {layout_str!r}")

    @staticmethod
    def scalar() -> Layout:
        """The layout of a tensor without dimensions."""
        return Layout(_SCALAR)

    @property
    def empty(self) -> bool:
        """True when nothing is said of any dimension."""
        return self._names == (_ANY,)

    def has_name(self, dimension_name: str) -> bool:
        return _normal(dimension_name) in self._names

    def get_index_by_name(self, dimension_name: str) -> int:
        """The dimension's place, counted from the end (-1 is the last) for one behind "..."."""
        short = _normal(dimension_name)
        if short not in self._names:
            raise RuntimeError(f"the layout {self} has no dimension {dimension_name!r}")
        index = self._names.index(short)
        return index - len(self._names) if _ANY in self._names[:index] else index

    def to_string(self) -> str:
        return str(self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self._names == Layout(other)._names
        return self._names == other._names if isinstance(other, Layout) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return _SCALAR if self._names == (_SCALAR,) else f"[{','.join(self._names)}]"

    def __repr__(self) -> str:
        return f"<Layout: {self}>"


def _parse(text: str) -> tuple[str, ...]:
    if text in ("", _SCALAR):
        return (text or _ANY,)
    if text.startswith("["):
        if not text.endswith("]"):
            raise RuntimeError(f"the layout {text!r} lacks its closing bracket")
        names = [name.strip() for name in text[1:-1].split(",")]
        names = names[:-1] if names[-1] == "" and len(names) > 1 else names
    else:
        before, dots, after = text.partition(_ANY)
        names = [*before, *([_ANY] if dots else []), *after]
    for name in names:
        bare = name.replace("_", "")
        if name not in ("?", _ANY) and not (bare.isascii() and bare.isalnum()):
            raise RuntimeError(f"{name!r} is not a name of a dimension in the layout {text!r}")
    return tuple(_normal(name) for name in names)


def _normal(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"expected a dimension's name to be a str, got {type(name).__name__}")
    name = name.upper()
    return _LONG_NAMES.get(name, name)
