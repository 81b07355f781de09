"""Declarations of properties: keys that can be called, the values they take, and the enums among them."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np

from ..types import OVAny


class Property(str):
    """A property's key. Calling it gives the plain key, and with a value the pair that set_property takes.

    take: makes the property's value of what a caller gives; TypeError for what it can't be. None: it can't be set.
    """

    _take: Callable[..., Any] | None

    def __new__(cls, key: str, take: Callable[..., Any] | None = None) -> Property:
        self = super().__new__(cls, key)
        self._take = take
        return self

    def __call__(self, *values: Any) -> str | tuple[str, OVAny]:
        if not values:
            return str(self)
        if self._take is None:
            raise TypeError(f"{self} is read-only")
        try:
            return str(self), OVAny(self._take(*values))
        except TypeError:
            raise TypeError(f"{self} can't be {', '.join(map(repr, values))}") from None


class PropertyEnum(Enum):
    """An enum whose members convert to their number; unequal to str and int."""

    def __int__(self) -> int:
        return int(self.value)

    __index__ = __int__


def boolean(key: str) -> Property:
    return Property(key, lambda value: bool(_one_of(value, (int, float, np.bool_, np.number, type(None)))))


def integer(key: str) -> Property:
    return Property(key, lambda value: int(_one_of(value, (int, np.integer))))


def count(key: str) -> Property:
    """A property whose values are integers from 0."""
    return Property(key, _count)


def number(key: str) -> Property:
    return Property(key, lambda value: float(_one_of(value, (int, float, np.number))))


def text(key: str) -> Property:
    return of(key, str)


def of(key: str, kind: type) -> Property:
    """A property whose values are of one class."""
    return Property(key, lambda value: _one_of(value, kind))


def blob(value: Any) -> Any:
    """A Tensor itself; TypeError for anything else."""
    if not hasattr(value, "_storage"):
        raise TypeError
    return value


def read_only(key: str) -> Property:
    return Property(key)


def _one_of(value: Any, kinds: type | tuple[type, ...]) -> Any:
    if not isinstance(value, kinds):
        raise TypeError
    return value


def _count(value: Any) -> int:
    number = int(_one_of(value, (int, np.integer)))
    if number < 0:
        raise TypeError
    return number
