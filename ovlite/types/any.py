"""OVAny: a value in a box, and what it reads as when it is text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0", "")


class OVAny:
    """A value in a box. Items, length, truth and equality are those of the value."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def get(self) -> Any:
        return self.value

    def set(self, value: Any) -> None:
        self.value = value

    def astype(self, kind: type) -> Any:
        """The value as a bool, int, float, str or dict: text is read, and what is no text is written as in an IR.

        Raises RuntimeError when the value doesn't read as one.
        """
        return {key: OVAny(item) for key, item in self.value.items()} if kind is dict else read(self.value, kind)

    def aslist(self, dtype: type | None = None) -> list[Any]:
        """The items of a list, or the words of a text, each of this type. Without a type there are none."""
        if dtype is None:
            return []
        items = self.value.split() if isinstance(self.value, str) else self.value
        if not isinstance(items, Sequence):
            raise RuntimeError(f"{self.value!r} is not a list")
        return [read(item, dtype) for item in items]

    def __getitem__(self, key: Any) -> Any:
        return self.value[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self.value[key] = value

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __eq__(self, other: object) -> bool:
        return bool(self.value == (other.value if isinstance(other, OVAny) else other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<OVAny: {self.value!r}>"


def read(value: Any, kind: type) -> Any:
    """A value as `kind`; RuntimeError when it isn't one."""
    if kind is str:
        return written(value)
    if kind is bool and isinstance(value, str):
        word = value.strip().lower()
        if word not in _TRUE + _FALSE:
            raise RuntimeError(f"{value!r} is not a bool: true or false, YES or NO")
        return word in _TRUE
    try:
        return kind(float(value)) if kind is int and isinstance(value, str) and "." in value else kind(value)
    except (TypeError, ValueError):
        raise RuntimeError(f"{value!r} is not of type {kind.__name__}") from None


def written(value: Any) -> str:
    """A value as the text that an IR holds of it: YES and NO, the items of a list apart by spaces."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "YES" if value else "NO"
    return " ".join(map(written, value)) if isinstance(value, (list, tuple)) else str(value)
