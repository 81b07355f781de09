"""What a property is: a key that can be called, the values it takes, and the enums among them."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np

from ..types import OVAny


class Property(str):
    """A property's key. Calling it gives the plain key, and with a value the pair that set_property takes."""

    _accepts: Callable[[Any], bool] | None

    def __new__(cls, key: str, accepts: Callable[[Any], bool] | None = None) -> Property:
        self = super().__new__(cls, key)
        self._accepts = accepts
        return self

    def __call__(self, *value: Any) -> str | tuple[str, OVAny]:
        if not value:
            return str(self)
        if len(value) > 1 or self._accepts is None:
            raise TypeError(f"{self} " + ("is read-only" if self._accepts is None else "takes one value"))
        if not self._accepts(value[0]):
            raise TypeError(f"{self} can't be {value[0]!r}")
        return str(self), OVAny(value[0])


class PropertyEnum(Enum):
    """An enum whose members convert to their number; unequal to str and int."""

    def __int__(self) -> int:
        return int(self.value)

    __index__ = __int__


def boolean(key: str) -> Property:
    return Property(key, lambda value: isinstance(value, (bool, int, np.bool_)))


def integer(key: str) -> Property:
    return Property(key, lambda value: isinstance(value, (int, np.integer)))


def number(key: str) -> Property:
    return Property(key, lambda value: isinstance(value, (int, float, np.number)))


def text(key: str) -> Property:
    return Property(key, lambda value: isinstance(value, str))


def of(key: str, kind: type) -> Property:
    """A property whose values are of one class."""
    return Property(key, lambda value: isinstance(value, kind))


def read_only(key: str) -> Property:
    return Property(key)
