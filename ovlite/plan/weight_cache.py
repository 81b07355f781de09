"""Packed weights, shared by all plans of a model."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

import numpy as np

from ..graph.operator import Array


class PackedWeightCache:
    """Packed weights, kept with their constant array: packed once, whatever the input shapes.

    flush: denormal numbers are packed as zeros. check: looks at an array before it is packed.
    """

    def __init__(self, *, flush: bool = False) -> None:
        self._flush = flush
        self.check: Callable[[Array], None] = _nothing
        self._made: dict[tuple[Hashable, ...], tuple[tuple[Array, ...], Any]] = {}

    def get(self, array: Array, how: Hashable, make: Callable[[Array], Any]) -> Any:
        """make(array), or what it gave before for this array and `how`."""
        return self.get_of((array,), how, make)

    def get_of(self, arrays: tuple[Array, ...], how: Hashable, make: Callable[..., Any]) -> Any:
        """The same for what is made of several arrays."""
        key = (*map(id, arrays), how)
        if key not in self._made:
            for array in arrays:
                self.check(array)
            self._made[key] = (arrays, make(*(map(flushed, arrays) if self._flush else arrays)))
        return self._made[key][1]

    def put(self, array: Array, how: Hashable, made: Any) -> None:
        """Keeps what get() is to give for an array."""
        self._made[id(array), how] = ((array,), made)

    def items(self) -> Iterable[tuple[tuple[Array, Any], Hashable]]:
        """((array, what was made of it), how) of all that is kept of one array."""
        return [((arrays[0], made), key[-1]) for key, (arrays, made) in self._made.items() if len(arrays) == 1]


def _nothing(array: Array) -> None:
    """The check of an array that needs none."""


def flushed(array: Array) -> Array:
    """An array with zeros for its denormal numbers: the array itself when it has none."""
    if array.dtype.kind != "f":
        return array
    tiny = np.finfo(array.dtype).smallest_normal
    denormal = (array < tiny) & (array > -tiny) & (array != 0)
    return np.where(denormal, array.dtype.type(0), array) if denormal.any() else array
