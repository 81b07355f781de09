"""Copy and Map on any shapes, layouts and broadcasts: what numpy gives, and no element beside the result written."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovlite.kernels import family
from ovlite.kernels.runtime.executor import run_steps

from ..strategies import broadcastable, shapes, strided
from .layouts import view_of

pytestmark = pytest.mark.usefixtures("level")

DTYPES = st.sampled_from(["?", "i1", "u2", "f2", "i4", "f4", "i8", "f8"])
THREADS = st.integers(1, 3)
FILL = 77


def fill(array, seed):
    """Gives an array's elements small whole numbers, of which there are enough to tell neighbours apart."""
    array[...] = np.random.default_rng(seed).integers(0, 2 if array.dtype == bool else 100, array.shape)


def check_result(memory, array, expected):
    """The array is as expected, and what lies beside it is as it was."""
    np.testing.assert_array_equal(array, expected)
    array[...] = FILL
    np.testing.assert_array_equal(memory, np.full_like(memory, FILL))


@given(st.data(), shapes(), DTYPES, THREADS)
def test_copies(data, shape, dtype, threads):
    _, x = data.draw(strided(shape, dtype, repeats=True))
    memory, y = data.draw(strided(shape, dtype, FILL))
    fill(x, 1)
    expected = x.copy()
    run_steps([family("copy").Copy(view_of(0, x), view_of(1, y))], [x, y], threads)
    check_result(memory, y, expected)


@given(st.data(), shapes(), st.sampled_from(["u1", "i4", "f4", "i8", "f8"]), THREADS)
def test_maps_broadcast(data, shape, dtype, threads):
    a_shape, b_shape = data.draw(broadcastable(shape)), data.draw(broadcastable(shape))
    (_, a), (_, b) = data.draw(strided(a_shape, dtype, repeats=True)), data.draw(strided(b_shape, dtype))
    memory, y = data.draw(strided(np.broadcast_shapes(a_shape, b_shape, shape), dtype, FILL))
    fill(a, 1)
    fill(b, 2)
    expected = np.broadcast_to((a - b) * a, y.shape)
    views = [view_of(slot, array) for slot, array in enumerate((a, b, y))]
    run_steps([family("elementwise").Map([("sub", 0, 1), ("mul", 2, 0)], views[:2], views[2])], [a, b, y], threads)
    check_result(memory, y, expected)


@given(st.data(), shapes(), DTYPES, DTYPES, THREADS)
def test_conversions(data, shape, source, target, threads):
    _, x = data.draw(strided(shape, source, repeats=True))
    memory, y = data.draw(strided(shape, target, FILL))
    fill(x, 1)
    expected = x.astype(target)
    run_steps([family("elementwise").Convert(view_of(0, x), view_of(1, y))], [x, y], threads)
    check_result(memory, y, expected)
