"""Streams: how many inferences run at once."""

from __future__ import annotations

from operator import index
from typing import Any, ClassVar

from .declare import Property


class Num:
    """A number of streams; AUTO lets the device choose."""

    __slots__ = ("_number",)
    AUTO: ClassVar[Num]
    NUMA: ClassVar[Num]

    def __init__(self, number: int = -1) -> None:
        self._number = int(number)

    def to_integer(self) -> int:
        return self._number

    def __repr__(self) -> str:
        return f"<Num: {self._number}>"


Num.AUTO = Num(-1)
Num.NUMA = Num(-2)


def number_of(value: Any) -> int:
    """Streams as an int; TypeError for what is no Num."""
    if not isinstance(value, Num):
        raise TypeError
    return value.to_integer()


num = Property("NUM_STREAMS", lambda value: number_of(value) if isinstance(value, Num) else index(value))
