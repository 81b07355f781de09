"""Packed weights, shared by all plans of a model."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from ..graph.operator import Array


class PackedWeightCache:
    """Packed weights, kept with their constant array: packed once, whatever the input shapes.

    flush: denormal numbers are packed as zeros.
    """

    def __init__(self, *, flush: bool = False) -> None:
        self._flush = flush
        self._made: dict[Hashable, tuple[tuple[Array, ...], Any]] = {}

    def get(self, array: Array, how: Hashable, make: Callable[[Array], Any]) -> Any:
        """make(array), or what it gave before for this array and `how`."""
        return self.get_of((array,), how, make)

    def get_of(self, arrays: tuple[Array, ...], how: Hashable, make: Callable[..., Any]) -> Any:
        """The same for what is made of several arrays."""
        key = (*map(id, arrays), how)
        if key not in self._made:
            self._made[key] = (arrays, make(*(map(flushed, arrays) if self._flush else arrays)))
        return self._made[key][1]


def flushed(array: Array) -> Array:
    """An array with zeros for its denormal numbers: the array itself when it has none."""
    if array.dtype.kind != "f":
        return array
    tiny = np.finfo(array.dtype).smallest_normal
    denormal = (array < tiny) & (array > -tiny) & (array != 0)
    return np.where(denormal, array.dtype.type(0), array) if denormal.any() else array
