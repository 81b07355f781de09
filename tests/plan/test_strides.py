"""Reshapes as views: strides that give the same elements in the same order, as numpy's reshape finds them."""

import itertools
from operator import mul

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovlite.plan.lowering.copy import reshaped_strides

from ..strategies import factorizations, strided

LAYOUTS = [
    ((2, 3, 4), (12, 4, 1)),
    ((2, 3, 4), (12, 1, 3)),
    ((2, 12), (24, 2)),
    ((4, 1, 6), (6, 99, 1)),
    ((1, 8, 2, 2), (32, 1, 16, 8)),
    ((2, 2, 6), (0, 6, 1)),
    ((24,), (-1,)),
]
SHAPES = [
    (24,),
    (2, 12),
    (12, 2),
    (4, 6),
    (6, 4),
    (2, 3, 4),
    (1, 24, 1),
    (2, 2, 2, 3),
    (3, 8),
    (8, 2, 2),
    (32,),
    (2, 4, 2, 2),
]


@pytest.mark.parametrize(
    "layout, shape", [p for p in itertools.product(LAYOUTS, SHAPES) if np.prod(p[0][0]) == np.prod(p[1])]
)
def test_agrees_with_numpy(layout, shape):
    lengths, strides = layout
    memory = np.arange(400)
    view = np.lib.stride_tricks.as_strided(memory[200:], lengths, [8 * s for s in strides])
    found = reshaped_strides(lengths, strides, shape)
    if found is None:
        assert not np.shares_memory(view.reshape(shape), memory)
        return
    again = np.lib.stride_tricks.as_strided(memory[200:], shape, [8 * s for s in found])
    np.testing.assert_array_equal(again, view.reshape(shape))


def test_empty_and_scalar():
    assert reshaped_strides((0, 3), (3, 1), (3, 0)) is not None
    assert reshaped_strides((), (), (1, 1)) is not None
    assert reshaped_strides((1, 1), (7, 7), ()) == ()


@given(st.data(), st.integers(1, 48))
def test_any_reshape_of_any_layout(data, size):
    """A reshape is a view where numpy makes one, and shows the same elements in the same order."""
    lengths, shape = data.draw(factorizations(size)), data.draw(factorizations(size))
    _, array = data.draw(strided(lengths, np.int64, repeats=True))
    found = reshaped_strides(lengths, [stride // 8 for stride in array.strides], shape)
    expected = array.reshape(shape)
    if found is None:
        assert not np.may_share_memory(expected, array)
        return
    for index, value in enumerate(np.ndindex(*shape)):
        source = np.unravel_index(index, lengths)
        assert sum(map(mul, value, found)) == sum(map(mul, source, array.strides)) // 8
