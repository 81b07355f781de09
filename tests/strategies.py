"""Hypothesis strategies for what kernels and shapes are made of. See conftest.py for the profiles."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ovlite.types import Dimension, PartialShape

Draw = Callable[..., Any]
SIDES = st.one_of(st.integers(0, 9), st.sampled_from([15, 16, 17, 63, 64, 65, 130, 1025]))


@st.composite
def shapes(draw: Draw, rank: int = 4, elements: int = 4096) -> tuple[int, ...]:
    """Shapes with at most `rank` dimensions and about `elements` elements."""
    sides: list[int] = []
    for _ in range(draw(st.integers(0, rank))):
        sides.append(min(draw(SIDES), max(elements // max(math.prod(sides), 1), 1)))
    return tuple(sides)


@st.composite
def factorizations(draw: Draw, size: int) -> tuple[int, ...]:
    """Shapes of `size` elements, which is at least 1."""
    sides: list[int] = []
    while size > 1:
        side = draw(st.sampled_from([n for n in range(2, size + 1) if size % n == 0]))
        sides.append(side)
        size //= side
    for _ in range(draw(st.integers(0, 2))):
        sides.insert(draw(st.integers(0, len(sides))), 1)
    return tuple(sides)


@st.composite
def strided(
    draw: Draw, shape: tuple[int, ...], dtype: Any = np.float32, fill: float = 77, repeats: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """(memory, array): an array of `shape` within memory full of `fill`: axes in any order, with steps of 1 to 3,
    backwards or not, and room at both ends; with `repeats`, strides of 0 too."""
    lengths = [1 if repeats and draw(st.integers(0, 4)) == 0 else side for side in shape]
    order = draw(st.permutations(range(len(shape))))
    sides, slices = [], []
    for axis in order:
        step, front, back = draw(st.integers(1, 3)), draw(st.integers(0, 2)), draw(st.integers(0, 2))
        end = front + lengths[axis] * step
        sides.append(end + back)
        slices.append(slice(front, end, step))
    memory = np.full(sides, fill, dtype)
    array = memory[tuple(slices)][tuple(slice(None, None, draw(st.sampled_from([1, -1]))) for _ in order)]
    array = array.transpose(np.argsort(order).astype(int))
    strides = [
        stride if length == side else 0 for length, side, stride in zip(lengths, shape, array.strides, strict=True)
    ]
    return memory, np.lib.stride_tricks.as_strided(array, shape, strides)


@st.composite
def broadcastable(draw: Draw, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shapes that numpy broadcasts to `shape`."""
    kept = shape[draw(st.integers(0, len(shape))) :]
    return tuple(1 if draw(st.booleans()) else side for side in kept)


@st.composite
def dimensions(draw: Draw) -> Dimension:
    low = draw(st.integers(0, 6))
    return Dimension(low, draw(st.one_of(st.just(low), st.just(-1), st.integers(low, 9))))


def partial_shapes(rank: int = 4) -> st.SearchStrategy[PartialShape]:
    """Shapes of known rank, any dimension of which may be unknown."""
    return st.lists(dimensions(), max_size=rank).map(PartialShape)


def lengths_of(dim: Dimension) -> st.SearchStrategy[int]:
    """Lengths that a dimension allows."""
    return st.integers(dim.min_length, 12 if dim.max_length == -1 else dim.max_length)


def shapes_of(shape: PartialShape) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes that a partial shape allows."""
    return st.tuples(*map(lengths_of, shape))
