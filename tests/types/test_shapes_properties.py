"""The algebra of partial shapes against its meaning: the set of shapes that a partial shape allows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovlite.errors import ModelError
from ovlite.ops.broadcasting import broadcast, merged, stretched
from ovlite.types import PartialShape

from ..strategies import broadcastable, dimensions, lengths_of, partial_shapes, shapes, shapes_of

LENGTHS = range(15)


def allows(dim, length):
    """Whether a length lies within the bounds of a dimension."""
    return dim.min_length <= length and (dim.max_length == -1 or length <= dim.max_length)


def covers(partial, shape):
    return len(partial) == len(shape) and all(map(allows, partial, shape))


@given(partial_shapes())
def test_text_says_all(partial):
    assert PartialShape(str(partial)) == partial


@given(dimensions(), dimensions())
def test_relations_of_dimensions(a, b):
    common = [n for n in LENGTHS if allows(a, n) and allows(b, n)]
    found = a.intersect(b)
    assert [n for n in LENGTHS if found is not None and allows(found, n)] == common
    assert a.compatible(b) == b.compatible(a) == bool(common)
    assert a.relaxes(b) == all(allows(a, n) for n in LENGTHS if allows(b, n))
    assert a.refines(b) == b.relaxes(a)


@given(st.data(), dimensions(), dimensions(), st.integers(1, 4))
def test_arithmetic_of_dimensions_holds_for_each_length(data, a, b, n):
    x, y = data.draw(lengths_of(a)), data.draw(lengths_of(b))
    assert allows(a + b, x + y)
    assert allows(a * b, x * y)
    assert allows(a + n, x + n) and allows(a * n, x * n)
    assert allows(a // n, x // n)
    assert allows(a - n, max(0, x - n))


@given(st.data(), partial_shapes())
def test_a_shape_relaxes_what_it_allows_alone(data, partial):
    shape = data.draw(shapes_of(partial))
    assert partial.relaxes(PartialShape(shape)) and PartialShape(shape).refines(partial)
    other = data.draw(partial_shapes())
    assert other.relaxes(PartialShape(shape)) == covers(other, shape)
    if covers(other, shape):
        assert other.compatible(partial)
    assert PartialShape.dynamic().relaxes(partial)


@given(st.data(), shapes())
def test_static_shapes_broadcast_as_numpy_does(data, whole):
    left, right = data.draw(broadcastable(whole)), data.draw(st.one_of(broadcastable(whole), shapes()))
    try:
        expected = np.broadcast_shapes(left, right)
    except ValueError:
        with pytest.raises(ModelError, match="can't be broadcast together"):
            broadcast(PartialShape(left), PartialShape(right))
        return
    assert list(broadcast(PartialShape(left), PartialShape(right)).to_shape()) == list(expected)


@given(st.data(), partial_shapes(), partial_shapes())
def test_broadcasts_allow_what_numpy_gives(data, left, right):
    a, b = data.draw(shapes_of(left)), data.draw(shapes_of(right))
    try:
        expected = np.broadcast_shapes(a, b)
    except ValueError:
        return
    assert covers(broadcast(left, right), expected)
    if expected == a:
        assert covers(stretched(left, right), a)


@given(st.data(), partial_shapes())
def test_merging_keeps_what_both_allow(data, left):
    shape = data.draw(shapes_of(left))
    right = PartialShape([data.draw(dimensions().filter(lambda dim, n=n: allows(dim, n))) for n in shape])
    found = merged(left, right)
    assert covers(found, shape) and left.relaxes(found) and right.relaxes(found)
    assert merged(left, PartialShape.dynamic()) == left
