"""Shapes and strides as nested loops, beside numpy's own walk through an array."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovlite.kernels.runtime.step import View
from ovlite.kernels.runtime.strides import (
    axes_from_front,
    broadcast_strides,
    lines_join,
    merge_dimensions,
    ordered_dimensions,
)

LENGTHS = st.lists(st.integers(1, 4), max_size=5)


def offsets(dims):
    """What each operand's offsets are, pass by pass."""
    lengths = [length for length, *_ in dims]
    return [
        tuple(sum(i * stride for i, stride in zip(index, strides, strict=True)) for strides in zip(*walks, strict=True))
        for walks in [[strides for _, *strides in dims]]
        for index in np.ndindex(*lengths)
    ]


@st.composite
def dimensions(draw):
    """Dimensions of two operands: arrays whose axes are permuted, in part broadcast, in part turned around."""
    lengths = draw(LENGTHS)
    operands = []
    for _ in range(2):
        order = draw(st.permutations(range(len(lengths))))
        array = np.empty([lengths[axis] for axis in order], np.int8).transpose(np.argsort(order))
        signs = draw(st.lists(st.sampled_from([1, 1, 1, 0, -1]), min_size=len(lengths), max_size=len(lengths)))
        operands.append([stride * sign for stride, sign in zip(array.strides, signs, strict=True)])
    return list(zip(lengths, *operands, strict=True))


@given(dimensions())
def test_merged_dimensions_walk_the_same_elements_in_the_same_order(dims):
    merged = merge_dimensions(dims)
    if dims and merged:
        assert offsets(merged) == offsets(dims)
    assert all(length != 1 for length, *_ in merged)
    assert all(
        any(before != stride * length for before, stride in zip(outer, strides, strict=True))
        for (_, *outer), (length, *strides) in zip(merged, merged[1:], strict=False)
    )


@given(dimensions())
def test_ordered_dimensions_walk_the_same_elements_by_the_strides_of_the_last_operand(dims):
    ordered = ordered_dimensions(dims)
    if dims and ordered:
        assert sorted(offsets(ordered)) == sorted(offsets(dims))
    distances = [abs(stride) for *_, stride in ordered]
    assert distances == sorted(distances, reverse=True)


def test_dense_dimensions_become_one():
    assert merge_dimensions([(2, 12, 12), (3, 4, 4), (1, 99, 0), (4, 1, 1)]) == [(24, 1, 1)]
    assert merge_dimensions([(2, 12, 0), (3, 4, 4), (4, 1, 1)]) == [(2, 12, 0), (12, 1, 1)]
    assert merge_dimensions([(1, 5)]) == merge_dimensions([]) == []


@pytest.mark.parametrize(
    "shape, to", [((3, 1), (2, 3, 4)), ((), (2,)), ((4,), (0, 4)), ((1, 1), (1, 5)), ((2, 3), (2, 3)), ((0, 1), (0, 7))]
)
def test_broadcast_strides_are_those_of_numpy(shape, to):
    x = np.empty(shape, np.int8)
    strides = broadcast_strides(View(0, "i1", shape), to)
    found = {axis: stride for axis, stride in enumerate(strides) if to[axis] > 1}
    expected = np.broadcast_to(x, to).strides
    assert found == {axis: expected[axis] for axis in found}
    assert broadcast_strides(None, to) == (0,) * len(to)


def test_what_does_not_fit_is_refused():
    for shape in ((2, 3), (3, 3, 3)):
        with pytest.raises(ValueError, match=r"bias of shape \(.*\) can't be broadcast to \(3, 3\)"):
            broadcast_strides(View(0, "i1", shape), (3, 3), "bias")
    assert axes_from_front((0, -1), 3) == {0, 2} and axes_from_front(-2, 3) == {1} and axes_from_front((), 0) == set()
    for axis in (2, -3):
        with pytest.raises(ValueError, match=f"expected axes of 2 dimensions, got {axis}"):
            axes_from_front(axis, 2)


@pytest.mark.parametrize(
    ("lines", "width", "pitch", "joins"),
    [
        (7, 7, 9, True),  # 61 rows in two tiles of 32, not 49 in four of two lines
        (20, 20, 22, True),  # 438 in 14, not 400 in 20
        (14, 14, 16, False),  # 222 in seven, like 196 in seven of two lines
        (28, 28, 30, True),  # 838 in 27, not 784 in 28
        (56, 28, 56, False),  # half of the rows would be nobody's
        (5, 16, 18, False),  # 88 in three, like 80 in three of two lines
        (5, 8, 7, False),  # lines overlap
    ],
)
def test_lines_join_where_fewer_tiles_hold_them(lines, width, pitch, joins):
    assert lines_join([(lines, pitch * 4, 1), (width, 4, 1)], 32) == joins
    assert lines_join([(3, 10**6, 1), (lines, pitch * 4, 1), (width, 4, 1)], 32) == joins
    assert not lines_join([(lines, pitch * 4 + 2, 1), (width, 4, 1)], 32)
    assert not lines_join([(lines, -pitch * 4, 1), (width, -4, 1)], 32)
    assert not lines_join([(width, 4, 1)], 32)
