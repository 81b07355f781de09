import numpy as np
import pytest

from ovlite import kernels
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View

from .layouts import channels_last, view_of

CASES = [
    # shape, spatial shape of the result
    ((1, 64, 13, 7), (26, 14)),
    ((2, 17, 5, 6), (9, 4)),
    ((1, 3, 40, 50), (20, 25)),
    ((1, 1, 4, 5), (8, 15)),
    ((1, 2, 3, 3), (3, 3)),
    ((1, 33, 9), (21,)),
    ((1, 5, 3, 4, 5), (6, 5, 5)),
    ((1, 16, 1, 1), (6, 7)),
    ((1, 80, 20, 20), (40, 40)),
    ((1, 8, 4, 4), (0, 4)),
]


def linear_table(size, outputs):
    """Half-pixel centres: (lower, upper, weight)."""
    at = np.clip((np.arange(outputs) + 0.5) * size / max(outputs, 1) - 0.5, 0, size - 1)
    lower = np.floor(at).astype(np.int32)
    return lower, np.minimum(lower + 1, size - 1), (at - lower).astype(np.float32)


def images(x, outputs, planar):
    """(memory of x, view of x, memory of y, view of y, y)"""
    shape = (*x.shape[:2], *outputs)
    if planar:
        y = np.full(shape, 7, x.dtype)
        return x, view_of(0, x), y, view_of(1, y), y
    memory, image = channels_last(x.shape, x.dtype, 3, 1, 7)
    image[...] = x
    target, y = channels_last(shape, x.dtype, 2, 2, 7)
    return memory, view_of(0, image, memory), target, view_of(1, y, target), y


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("shape, outputs", CASES)
@pytest.mark.parametrize("dtype", ["float32", "uint8", "float16", "int64"])
def test_nearest(level, threads, shape, outputs, dtype, planar):
    x = np.random.default_rng(3).integers(0, 100, shape).astype(dtype)
    tables = [np.minimum(np.arange(o) * n // max(o, 1), n - 1) for n, o in zip(shape[2:], outputs, strict=True)]
    memory, x_view, target, y_view, y = images(x, outputs, planar)
    run_steps([kernels.family("resize").ResizeNearest(x_view, y_view, tables)], [memory, target], threads)
    np.testing.assert_array_equal(y, x[(slice(None), slice(None), *np.ix_(*tables))])
    y[...] = 7
    assert (target == 7).all()


def expected_linear(x, tables):
    y = x.astype(np.float64)
    for axis, (lower, upper, weight) in enumerate(tables, 2):
        weight = np.asarray(weight, np.float64).reshape(-1, *[1] * (x.ndim - axis - 1))
        y = np.take(y, lower, axis) * (1 - weight) + np.take(y, upper, axis) * weight
    return y


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("shape, outputs", CASES)
def test_linear(level, threads, shape, outputs, planar):
    x = np.random.default_rng(4).uniform(-1, 1, shape).astype(np.float32)
    tables = [linear_table(n, o) for n, o in zip(shape[2:], outputs, strict=True)]
    memory, x_view, target, y_view, y = images(x, outputs, planar)
    run_steps([kernels.family("resize").ResizeLinear(x_view, y_view, tables)], [memory, target], threads)
    # weights that sum to 1 on elements of at most 1: about two roundings for each dimension, and the sum's
    np.testing.assert_allclose(y, expected_linear(x, tables), rtol=0, atol=1e-6)
    y[...] = 7
    assert (target == 7).all()


@pytest.mark.parametrize("planar", [False, True])
def test_threads_give_the_same_bits(level, planar):
    x = np.random.default_rng(5).standard_normal((1, 24, 31, 33), np.float32)
    tables = [linear_table(31, 77), linear_table(33, 80)]
    results = []
    for threads in (1, 2):
        memory, x_view, target, y_view, y = images(x, (77, 80), planar)
        step = kernels.family("resize").ResizeLinear(x_view, y_view, tables)
        assert step.width > 1
        run_steps([step], [memory, target], threads)
        results.append(y.copy())
    np.testing.assert_array_equal(*results)


def test_an_element_that_coincides_is_copied(level):
    x = np.array([[[np.inf, 1, np.nan, 2]]], np.float32)
    y = np.zeros_like(x)
    tables = [([0, 1, 1, 3], [0, 1, 1, 3], [0.5, 0, 1, 0.3])]
    run_steps(
        [
            kernels.family("resize").ResizeLinear(
                view_of(0, x.transpose(0, 2, 1), x).like((1, 1, 4), (4, 1, 1)), view_of(1, y), tables
            )
        ],
        [x, y],
    )
    image = channels_last((1, 2, 4), fill=0)
    image[1][...] = x
    result = channels_last((1, 2, 4), fill=0)
    views = view_of(0, image[1], image[0]), view_of(1, result[1], result[0])
    step = kernels.family("resize").ResizeLinear(*views, tables)
    run_steps([step], [image[0], result[0]])
    np.testing.assert_array_equal(result[1], np.broadcast_to([np.inf, 1, 1, 2], (1, 2, 4)))


def test_errors():
    family = kernels.family("resize")
    x, y = View(0, "f4", (1, 8, 4, 4)), View(1, "f4", (1, 8, 2, 2))
    with pytest.raises(ValueError, match="ResizeNearest: expected tables of 2 entries, got 3"):
        family.ResizeNearest(x, y, ([0, 1, 2], [0, 1]))
    with pytest.raises(ValueError, match="expected indices of 0 to 3 in a table, got"):
        family.ResizeNearest(x, y, ([0, 4], [0, 1]))
    with pytest.raises(ValueError, match="expected indices of 0 to 3 in a table, got"):
        family.ResizeNearest(x, y, ([0, -1], [0, 1]))
    with pytest.raises(ValueError, match="expected a table for each of 2 spatial dimensions, got 1"):
        family.ResizeNearest(x, y, ([0, 1],))
    with pytest.raises(ValueError, match="expected y of float32, got uint8"):
        family.ResizeNearest(x, View(1, "u1", (1, 8, 2, 2)), ([0, 1], [0, 1]))
    with pytest.raises(ValueError, match=r"expected x and y of shape \(N, C, spatial...\)"):
        family.ResizeNearest(x, View(1, "f4", (1, 4, 2, 2)), ([0, 1], [0, 1]))
    table = ([0, 1], [0, 1], [0, 0])
    with pytest.raises(ValueError, match="ResizeLinear: expected x of float32, got float64"):
        family.ResizeLinear(View(0, "f8", (1, 8, 4, 4)), View(1, "f8", (1, 8, 2, 2)), (table, table))
    with pytest.raises(ValueError, match="two channels-last or two planar images"):
        family.ResizeLinear(x, y.like((1, 8, 2, 2), (0, 1, 16, 8)), (table, table))
