"""Dimensions: lengths that need not be known."""

from __future__ import annotations

from typing import Any

import numpy as np

UNBOUNDED = -1


class Symbol:
    """A mark that dimensions can carry to say that they are equal; true, and equal to itself alone."""

    __slots__ = ()


class Dimension:
    """A length known exactly, within bounds, or not at all.

    Dimension(), Dimension(-1), Dimension("?"): any length. Dimension(3). Dimension(1, 5), Dimension("1..5"),
    Dimension(min_dimension=1, max_dimension=5).
    """

    __slots__ = ("_high", "_low", "_symbol")
    _low: int
    _high: int  # UNBOUNDED when there is no upper bound
    _symbol: Symbol | None

    def __init__(
        self,
        dimension: int | str | Dimension = UNBOUNDED,
        max_dimension: int | None = None,
        *,
        min_dimension: int | None = None,
    ) -> None:
        self._symbol = None
        if type(dimension) is int and max_dimension is None and min_dimension is None and dimension >= 0:
            self._low = self._high = dimension
            return
        low, high = dimension if min_dimension is None else min_dimension, max_dimension
        if isinstance(low, Dimension):
            given = low
            self._symbol, low, high = given._symbol, given._low, given._high
        elif isinstance(low, str):
            low, high = _parse_dimension(low)
        elif not isinstance(low, (int, np.integer)):
            raise TypeError(f"expected a dimension to be an int, a str such as '1..5' or '?', or two ints, got {low!r}")
        elif high is None:
            low, high = (0, UNBOUNDED) if low == -1 else (low, low)
        elif low == -1:
            low = 0
        if low < 0 or high < UNBOUNDED or (high != UNBOUNDED and high < low):
            raise RuntimeError(f"a dimension can't go from {low} to {high}")
        self._low = int(low)
        self._high = int(high)

    @classmethod
    def dynamic(cls) -> Dimension:
        """Any length."""
        return cls()

    @property
    def is_static(self) -> bool:
        return self._low == self._high

    @property
    def is_dynamic(self) -> bool:
        return self._low != self._high

    @property
    def min_length(self) -> int:
        return self._low

    @property
    def max_length(self) -> int:
        """The upper bound, -1 when there is none."""
        return self._high

    def get_min_length(self) -> int:
        return self._low

    def get_max_length(self) -> int:
        return self._high

    def get_length(self) -> int:
        if self._low != self._high:
            raise RuntimeError(f"the dimension {self} has no single length")
        return self._low

    __len__ = get_length

    def __bool__(self) -> bool:
        return True

    def has_symbol(self) -> bool:
        return self._symbol is not None

    def get_symbol(self) -> Symbol | None:
        return self._symbol

    def set_symbol(self, symbol: Symbol) -> None:
        self._symbol = symbol

    def to_string(self) -> str:
        return str(self)

    def same_scheme(self, dim: Dimension) -> bool:
        _check(dim)
        return self == dim or (self.is_dynamic and dim.is_dynamic)

    def compatible(self, dim: Dimension) -> bool:
        """True when some length fits both."""
        _check(dim)
        if dim._low == dim._high:
            return self.relaxes(dim)
        return self.intersect(dim) is not None

    def relaxes(self, dim: Dimension) -> bool:
        """True when every length of `dim` fits this dimension."""
        _check(dim)
        return self._low <= dim._low and (self._high == UNBOUNDED or UNBOUNDED != dim._high <= self._high)

    def refines(self, dim: Dimension) -> bool:
        _check(dim)
        return dim.relaxes(self)

    def intersect(self, other: Dimension) -> Dimension | None:
        """The lengths that fit both, None when there is none."""
        if self._low == self._high:
            return Dimension(self._low) if other.relaxes(self) else None
        low = max(self._low, other._low)
        highs = [high for high in (self._high, other._high) if high != UNBOUNDED]
        high = min(highs, default=UNBOUNDED)
        return None if high != UNBOUNDED and high < low else Dimension(low, high)

    def broadcast(self, other: Dimension) -> Dimension | None:
        """The length of a numpy broadcast of both, None when it is impossible."""
        if self._low == self._high == 1:
            return other
        if other._low == other._high == 1:
            return self
        one = Dimension(1)
        if not self.relaxes(one):
            return self if other.relaxes(one) else self.intersect(other)
        if not other.relaxes(one):
            return other
        high = UNBOUNDED if UNBOUNDED in (self._high, other._high) else max(self._high, other._high)
        return Dimension(min(self._low, other._low), high)

    def __add__(self, other: int | Dimension) -> Dimension:
        if not isinstance(other, Dimension):
            return Dimension(max(0, self._low + other), UNBOUNDED if self._high < 0 else max(0, self._high + other))
        high = UNBOUNDED if UNBOUNDED in (self._high, other._high) else self._high + other._high
        return Dimension(self._low + other._low, high)

    __radd__ = __add__

    def __sub__(self, other: int) -> Dimension:
        return self + -other

    def __mul__(self, factor: int | Dimension) -> Dimension:
        other = factor if isinstance(factor, Dimension) else Dimension(factor, factor)
        if self == 0 or other == 0:
            return Dimension(0)
        high = UNBOUNDED if UNBOUNDED in (self._high, other._high) else self._high * other._high
        return Dimension(self._low * other._low, high)

    __rmul__ = __mul__

    def __floordiv__(self, divisor: int) -> Dimension:
        return Dimension(self._low // divisor, UNBOUNDED if self._high == UNBOUNDED else self._high // divisor)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Dimension):
            return self._low == other._low and self._high == other._high
        if isinstance(other, int):
            return self._low == self._high == other or (other == -1 and self.is_dynamic and self == Dimension())
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        if self.is_static:
            return str(self._low)
        if self._low == 0 and self._high == UNBOUNDED:
            return "?"
        return f"{self._low or ''}..{'' if self._high == UNBOUNDED else self._high}"

    def __repr__(self) -> str:
        return f"<Dimension: {self}>"


def _check(dim: object) -> None:
    if not isinstance(dim, Dimension):
        raise TypeError(f"expected a Dimension to compare with, got {type(dim).__name__}")


def _parse_dimension(text: str) -> tuple[int, int]:
    text = text.strip()
    if text in ("", "?", "-1"):
        return 0, UNBOUNDED
    low, dots, high = text.partition("..")
    try:
        if not dots:
            return int(low), int(low)
        return int(low or 0), int(high) if high else UNBOUNDED
    except ValueError:
        raise RuntimeError(f"{text!r} is not a dimension; write 3, ?, 1..5, 1.. or ..5") from None


def to_dimension(value: Any) -> Dimension:
    """A dimension from an element of a shape given by a user."""
    if type(value) is int:
        return Dimension(value)
    if isinstance(value, Dimension):
        return value
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return Dimension(*value)
    if isinstance(value, np.integer):
        raise TypeError(
            f"expected a Python int as a dimension of a shape, got numpy's {type(value).__name__}; write int(...)"
        )
    return Dimension(value)
