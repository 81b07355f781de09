"""Short sequences of integers: strides, coordinates, axes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np


class _Vector:
    """Integers in a fixed number of places; equal to a sequence of the same integers."""

    __slots__ = ("_values",)
    _values: list[int]
    _signed: ClassVar[bool] = False

    def __init__(self, values: Iterable[int]) -> None:
        if isinstance(values, (str, bytes)):
            raise TypeError(f"expected integers for {type(self).__name__}, got {values!r}")
        self._values = [self._checked(value) for value in values]

    def _checked(self, value: int) -> int:
        if not isinstance(value, (int, np.integer)) or (value < 0 and not self._signed):
            raise TypeError(f"{value!r} is not an element of {type(self).__name__}")
        return int(value)

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[int]:
        return iter(self._values)

    def __getitem__(self, index: int) -> int:
        return self._values[index]

    def __setitem__(self, index: int, value: int) -> None:
        self._values[index] = self._checked(value)

    def __eq__(self, other: object) -> bool:
        return self._values == list(other) if isinstance(other, (_Vector, list, tuple)) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return ", ".join(map(str, self._values))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: ({self})>"


class Strides(_Vector):
    """Distances between neighbours, a dimension each."""

    __slots__ = ()

    def __init__(self, axis_strides: Iterable[int]) -> None:
        super().__init__(axis_strides)


class Coordinate(_Vector):
    """A place in a tensor."""

    __slots__ = ()


class CoordinateDiff(_Vector):
    """The difference of two coordinates; it may be negative."""

    __slots__ = ()
    _signed = True


class AxisVector(_Vector):
    """Axes in an order."""

    __slots__ = ()

    def __init__(self, axes: Iterable[int]) -> None:
        super().__init__(axes)

    def __repr__(self) -> str:
        return f"<AxisVector {{{', '.join(map(str, self))}}}>"

    __str__ = __repr__


class AxisSet(_Vector):
    """Axes without an order: kept sorted, each once."""

    __slots__ = ()

    def __init__(self, axes: Iterable[int]) -> None:
        super().__init__(axes)
        self._values = sorted(set(self._values))

    def __eq__(self, other: object) -> bool:
        return set(self) == set(other) if isinstance(other, (AxisSet, set, frozenset)) else NotImplemented

    def __repr__(self) -> str:
        return f"<AxisSet {{{', '.join(map(str, self))}}}>"

    __str__ = __repr__
