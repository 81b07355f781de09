"""OVAny: a value in a box."""

from __future__ import annotations

from typing import Any


class OVAny:
    """A value in a box."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def get(self) -> Any:
        return self.value

    def set(self, value: Any) -> None:
        self.value = value

    def astype(self, kind: type) -> Any:
        return kind(self.value)

    def aslist(self, kind: type | None = None) -> list[Any]:
        return [item if kind is None else kind(item) for item in self.value]

    def __eq__(self, other: object) -> bool:
        return bool(self.value == (other.value if isinstance(other, OVAny) else other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<OVAny: {self.value!r}>"
