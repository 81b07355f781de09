"""Maps on operands that lie in memory: read ahead, in small tiles, with a result that goes past the caches.

far=True treats small arrays so; what is as large as that by itself is in the last tests.
"""

import numpy as np
import pytest

from ovlite.kernels import family
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View

from .guarded import guarded, guarded_copy
from .layouts import view_of

pytestmark = pytest.mark.usefixtures("level")

PROGRAM = [("mul", 0, 2.0), ("add", 3, 1), ("max", 4, 0.0), ("sub", 5, 2)]
TILES = {np.float32: 512, np.float64: 256}  # elements


def expected(a, b, c):
    return np.maximum(a * a.dtype.type(2) + b, a.dtype.type(0)) - c


def apply(program, reads, write, threads=1, far=True):
    """Runs a Map on arrays, which may be views on others; returns `write`."""
    views = [view_of(slot, array) for slot, array in enumerate(reads)]
    step = family("elementwise").Map(program, views, view_of(len(reads), write), far=far)
    run_steps([step], [*reads, write], threads, False)
    return write


def drawn(count, shape, dtype):
    rng = np.random.default_rng(count)
    return [rng.standard_normal(shape).astype(dtype) for _ in range(count)]


@pytest.mark.parametrize("dtype", TILES)
@pytest.mark.parametrize("tiles, more", [(0, 0), (0, 1), (1, -1), (1, 0), (1, 1), (3, -1), (3, 0), (9, 5)])
def test_lengths_around_a_tile(tiles, more, dtype, threads):
    operands = drawn(3, tiles * TILES[dtype] + more, dtype)
    write = np.full_like(operands[0], np.nan)
    np.testing.assert_array_equal(apply(PROGRAM, operands, write, threads), expected(*operands))


@pytest.mark.parametrize("dtype", TILES)
@pytest.mark.parametrize("offset", range(17))
def test_results_at_any_place_in_a_cache_line(offset, dtype, threads):
    operands = [memory[3:-1] for memory in drawn(3, 4004, dtype)]
    memory = np.full(4000 + 64, -7, dtype)
    first = -memory.__array_interface__["data"][0] // memory.itemsize % (64 // memory.itemsize) + offset
    apply(PROGRAM, operands, memory[first : first + 4000], threads)
    np.testing.assert_array_equal(memory[first : first + 4000], expected(*operands))
    assert (memory[:first] == -7).all() and (memory[first + 4000 :] == -7).all()


@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("count", [1, 511, 512, 513, 4099])
def test_between_pages_that_must_not_be_touched(count, at_end, threads):
    operands = drawn(3, count, np.float32)
    write = guarded(count, np.float32, at_end)
    apply(PROGRAM, [guarded_copy(operand, at_end) for operand in operands], write, threads)
    np.testing.assert_array_equal(write, expected(*operands))


@pytest.mark.parametrize("position", range(3))
def test_the_result_may_overwrite_an_operand(position, threads):
    operands = drawn(3, 5000, np.float32)
    right = expected(*operands)
    views = [View(slot, np.float32, (5000,)) for slot in range(3)]
    run_steps([family("elementwise").Map(PROGRAM, views, views[position], far=True)], operands, threads, False)
    np.testing.assert_array_equal(operands[position], right)


@pytest.mark.parametrize("shape", [(7, 20), (40, 100), (9, 130), (5, 700), (3, 1500), (3, 4, 515)], ids=str)
def test_operands_broadcast_and_results_with_gaps(shape, threads):
    (a,), (row,), (column,) = (
        drawn(1, shape, np.float32),
        drawn(1, shape[-1], np.float32),
        drawn(1, (*shape[:-1], 1), "f4"),
    )
    right = expected(a, row, column)
    np.testing.assert_array_equal(apply(PROGRAM, [a, row, column], np.empty_like(a), threads), right)
    memory = np.full((*shape[:-1], shape[-1] + 3), -7, np.float32)
    np.testing.assert_array_equal(apply(PROGRAM, [a, row, column], memory[..., 1:-2], threads), right)
    assert (memory[..., :1] == -7).all() and (memory[..., -2:] == -7).all()
    turned = np.empty(shape[::-1], np.float32).T
    np.testing.assert_array_equal(apply(PROGRAM, [a, row, column], turned, threads), right)


@pytest.mark.parametrize("dtype", TILES)
def test_results_of_other_types(dtype, threads):
    a, b, c = drawn(3, 5001, dtype)
    program = [("sub", 0, 1), ("abs", 3), ("less", 4, 2)]
    np.testing.assert_array_equal(apply(program, [a, b, c], np.empty(5001, bool), threads), np.abs(a - b) < c)
    chosen = apply([("less", 0, 1), ("select", 3, 1, 2)], [a, b, c], np.empty(5001, dtype), threads)
    np.testing.assert_array_equal(chosen, np.where(a < b, b, c))
    np.testing.assert_array_equal(apply([("add", 0, 1)], [a, b], np.empty(5001, dtype), threads), a + b)


def test_a_status_ends_the_run(threads):
    numbers = np.arange(1, 5001, dtype=np.int32)
    program = [("add", 0, 0), ("sub", 0, 0), ("floor_div", 1, 2)]
    with pytest.raises(RuntimeError, match="divided by zero"):
        apply(program, [numbers], np.empty_like(numbers), threads)


@pytest.mark.parametrize("count", [(3 << 20) // 4 + 5, (6 << 20) // 4 + 5], ids=["read ahead", "streamed"])
def test_large_arrays_are_treated_so(count, threads):
    """The second step reads what other threads have written past their caches."""
    operands = drawn(3, count, np.float32)
    middle, write = np.full(count, np.nan, np.float32), np.full(count, np.nan, np.float32)
    views = [View(slot, np.float32, (count,)) for slot in range(5)]
    backwards = View(3, np.float32, (count,), (-1,), 4 * (count - 1))
    steps = [
        family("elementwise").Map(PROGRAM, views[:3], views[3]),
        family("elementwise").Map([("neg", 0)], [backwards], views[4]),
    ]
    run_steps(steps, [*operands, middle, write], threads, False)
    np.testing.assert_array_equal(middle, expected(*operands))
    np.testing.assert_array_equal(write, -middle[::-1])
