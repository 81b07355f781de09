"""Packed weights, shared by all plans of a model."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

import numpy as np

from ..graph.constants import ScaledConstant, release_pages_of
from ..graph.operator import Array

Weights = Array | ScaledConstant


class PackedWeightCache:
    """Packed weights, kept with their constant array, or with what its elements follow from: packed once, whatever the
    input shapes. Pages of mapped files that they were packed from are given back.

    flush: denormal numbers are packed as zeros. check: looks at an array before it is packed.
    """

    def __init__(self, *, flush: bool = False) -> None:
        self._flush = flush
        self.check: Callable[[Array], None] = _nothing
        self._made: dict[tuple[Hashable, ...], tuple[tuple[Weights, ...], Any]] = {}
        self._biases: dict[tuple[int, int, int], tuple[Array, Array]] = {}

    def get(self, weights: Weights, how: Hashable, make: Callable[[Array], Any]) -> Any:
        """make(elements), or what it gave before for these weights and `how`."""
        return self.get_of((weights,), how, make)

    def has(self, weights: Weights, how: Hashable) -> bool:
        """Whether get() would make nothing."""
        return (id(weights), how) in self._made

    def get_of(self, weights: tuple[Weights, ...], how: Hashable, make: Callable[..., Any]) -> Any:
        """The same for what is made of several arrays."""
        key = (*map(id, weights), how)
        if key not in self._made:
            for part in weights:
                self.check(part.parts[0] if isinstance(part, ScaledConstant) else part)
            arrays = [part.stored if isinstance(part, ScaledConstant) else part for part in weights]
            self._made[key] = (weights, make(*(map(flushed, arrays) if self._flush else arrays)))
            for part in weights:
                _release(part)
        return self._made[key][1]

    def sums(self, weights: Array, shape: tuple[int, ...], axes: tuple[int, ...]) -> Array:
        """Sums [i64] of integer weights, taken in a shape, along axes: added up once, whatever the input shapes."""
        how = "sums", shape, axes
        sums: Array = self.get(weights, how, lambda array: array.reshape(shape).sum(axes, dtype=np.int64))
        return sums

    def filled(self, bias: Array, groups: int, short: int) -> Array:
        """A bias as (groups, columns), with as many zeros behind the columns as they are short of."""
        key = (id(bias), groups, short)
        if key not in self._biases:
            rows = bias.reshape(groups, -1)
            self._biases[key] = (bias, np.concatenate([rows, np.zeros((groups, short), bias.dtype)], 1))
        return self._biases[key][1]

    def put(self, weights: tuple[Weights, ...], how: Hashable, made: Any) -> None:
        """Keeps what get_of() is to give for these weights."""
        self._made[(*map(id, weights), how)] = (weights, made)

    def items(self) -> Iterable[tuple[tuple[tuple[Weights, ...], Any], Hashable]]:
        """((weights, what was made of them), how) of all that is kept."""
        return [(found, key[-1]) for key, found in self._made.items()]


def _nothing(array: Array) -> None:
    """The check of an array that needs none."""


def _release(weights: Weights) -> None:
    if isinstance(weights, ScaledConstant):
        weights.release_pages()
    else:
        release_pages_of(weights)


def flushed(array: Array) -> Array:
    """An array with zeros for its denormal numbers: the array itself when it has none."""
    if array.dtype.kind != "f":
        return array
    tiny = np.finfo(array.dtype).smallest_normal
    denormal = (array < tiny) & (array > -tiny) & (array != 0)
    return np.where(denormal, array.dtype.type(0), array) if denormal.any() else array
