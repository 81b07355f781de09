import numpy as np
import pytest

from ovlite import kernels
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.failures import StepError
from ovlite.kernels.runtime.step import View

from ..data import rng
from .layouts import view_of

DTYPES = ["float32", "int64", "uint8", "float16"]
COMBINE = {"sum": np.add, "sub": np.subtract, "prod": np.multiply, "min": np.minimum, "max": np.maximum}


def numbers(shape, dtype):
    return rng().integers(1, 9, shape).astype(dtype)


def places(length, shape, dtype="int64"):
    return rng().integers(-length, length, shape).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("index_dtype", ["int32", "int64"])
@pytest.mark.parametrize(
    "shape, axis, chosen",
    [
        ((6, 5), 0, (9, 5)),
        ((6, 5), 1, (6, 2)),
        ((2, 3, 4), 1, (2, 7, 4)),
        ((2, 3, 4), -1, (2, 3, 1)),
        ((9,), 0, (4,)),
        ((40, 30), 1, (40, 300)),
        ((4, 3), 0, (0, 3)),
        ((5, 4), 0, (2, 3)),
    ],
)
def test_gather_elements(level, threads, shape, axis, chosen, dtype, index_dtype):
    x, indices = numbers(shape, dtype), places(shape[axis], chosen, index_dtype)
    part = tuple(slice(None) if d == axis % x.ndim else slice(length) for d, length in enumerate(chosen))
    expected = np.take_along_axis(x[part], indices.astype(np.int64), axis)
    y = np.zeros(chosen, dtype)
    step = kernels.family("indexed_copy").GatherElements(view_of(0, x), view_of(1, indices), view_of(2, y), axis)
    run_steps([step], [x, indices, y], threads)
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape, chosen, batch",
    [
        ((5, 6), (4, 2), 0),
        ((5, 6), (3, 1), 0),
        ((5, 6, 7), (2, 3, 2), 0),
        ((3, 5, 6), (3, 4, 1), 1),
        ((2, 3, 5), (2, 3, 1), 2),
        ((2, 3, 5, 4), (2, 3, 7, 2), 2),
        ((5, 6), (2,), 0),
        ((50, 60), (9000, 2), 0),
        ((5, 6), (0, 2), 0),
    ],
)
def test_gather_nd(level, threads, shape, chosen, batch, dtype):
    x = numbers(shape, dtype)
    count = chosen[-1]
    indices = np.stack([places(length, chosen[:-1]) for length in shape[batch : batch + count]], -1)
    expected = np.zeros((*chosen[:-1], *shape[batch + count :]), dtype)
    for at in np.ndindex(*chosen[:-1]):
        expected[at] = x[(*at[:batch], *indices[at])]
    y = np.zeros_like(expected)
    step = kernels.family("indexed_copy").GatherND(view_of(0, x), view_of(1, indices), view_of(2, y), batch)
    run_steps([step], [x, indices, y], threads)
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape, axis, chosen",
    [
        ((6, 5), 0, (3, 5)),
        ((6, 5), 1, (4, 9)),
        ((2, 3, 4), 1, (1, 5, 2)),
        ((9,), 0, (4,)),
        ((4, 3), 1, (0, 2)),
    ],
)
def test_scatter_elements(level, shape, axis, chosen, dtype):
    y, indices, updates = numbers(shape, dtype), places(shape[axis], chosen), numbers(chosen, dtype)
    expected = y.copy()
    for at in np.ndindex(*chosen):
        expected[(*at[:axis], indices[at], *at[axis + 1 :])] = updates[at]
    step = kernels.family("indexed_copy").ScatterElements(view_of(0, y), view_of(1, indices), view_of(2, updates), axis)
    run_steps([step], [y, indices, updates])
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("dtype", ["float32", "int32", "int64"])
@pytest.mark.parametrize("reduction", list(COMBINE))
def test_reductions(level, dtype, reduction):
    y, indices, updates = numbers((7, 5), dtype), places(7, (6, 5)), numbers((6, 5), dtype)
    expected = y.copy()
    COMBINE[reduction].at(expected, (indices, np.arange(5)), updates)
    family = kernels.family("indexed_copy")
    run_steps(
        [family.ScatterElements(view_of(0, y), view_of(1, indices), view_of(2, updates), 0, reduction)],
        [y, indices, updates],
    )
    np.testing.assert_array_equal(y, expected)

    tuples = places(7, (6, 1))
    COMBINE[reduction].at(expected, tuples[:, 0], updates)
    run_steps(
        [family.ScatterND(view_of(0, y), view_of(1, tuples), view_of(2, updates), reduction)], [y, tuples, updates]
    )
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("reduction", ["min", "max"])
def test_reductions_keep_nan(level, reduction):
    y, updates = np.array([np.nan, 1], np.float32), np.array([2, np.nan], np.float32)
    indices = np.array([0, 1])
    views = view_of(0, y), view_of(1, indices), view_of(2, updates)
    run_steps([kernels.family("indexed_copy").ScatterElements(*views, 0, reduction)], [y, indices, updates])
    assert np.isnan(y).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape, chosen",
    [
        ((5, 6), (4, 2)),
        ((5, 6), (3, 1)),
        ((5, 6, 7), (2, 3, 2)),
        ((5, 6), (2,)),
        ((5, 6), (0, 1)),
    ],
)
def test_scatter_nd(level, shape, chosen, dtype):
    count = chosen[-1]
    y, updates = numbers(shape, dtype), numbers((*chosen[:-1], *shape[count:]), dtype)
    indices = np.stack([places(length, chosen[:-1]) for length in shape[:count]], -1)
    expected = y.copy()
    for at in np.ndindex(*chosen[:-1]):
        expected[tuple(indices[at])] = updates[at]
    step = kernels.family("indexed_copy").ScatterND(view_of(0, y), view_of(1, indices), view_of(2, updates))
    run_steps([step], [y, indices, updates])
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape, axis, chosen",
    [
        ((6, 5), 0, (3,)),
        ((6, 5), 1, (2, 2)),
        ((2, 3, 4), 1, (5,)),
        ((2, 3, 4), -1, ()),
        ((4, 3), 0, (0,)),
    ],
)
def test_scatter_update(level, shape, axis, chosen, dtype):
    at = axis % len(shape)
    y, indices = numbers(shape, dtype), np.asarray(places(shape[axis], chosen))
    updates = numbers((*shape[:at], *chosen, *shape[at + 1 :]), dtype)
    expected = y.copy()
    for i in np.ndindex(*chosen):
        expected[(slice(None),) * at + (indices[i],)] = updates[(slice(None),) * at + i]
    step = kernels.family("indexed_copy").ScatterUpdate(view_of(0, y), view_of(1, indices), view_of(2, updates), axis)
    run_steps([step], [y, indices, updates])
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("bad", [5, -6])
def test_index_out_of_range(level, threads, bad):
    family = kernels.family("indexed_copy")
    x, y = np.zeros((5, 6), np.float32), np.zeros((3, 6), np.float32)
    elements, tuples = np.zeros((3, 6), np.int64), np.zeros((3, 1), np.int64)
    elements[2, 5] = tuples[1] = bad
    views = [view_of(slot, array) for slot, array in enumerate((x, elements, tuples, y))]
    for step in (
        family.GatherElements(views[0], views[1], views[3], 0),
        family.GatherND(views[0], views[2], views[3]),
        family.ScatterElements(views[0], views[1], views[3], 0),
        family.ScatterND(views[0], views[2], views[3]),
    ):
        with pytest.raises(StepError, match="an index is out of range"):
            run_steps([step], [x, elements, tuples, y], threads)


def test_errors():
    family = kernels.family("indexed_copy")
    x, indices, y = View(0, "f4", (5, 6)), View(1, "i8", (3, 6)), View(2, "f4", (3, 6))
    with pytest.raises(ValueError, match=r"expected a result of shape \(3, 6\), got \(3, 5\)"):
        family.GatherElements(x, indices, View(2, "f4", (3, 5)), 0)
    with pytest.raises(ValueError, match=r"expected indices of the rank of \(5, 4\) .*, got \(3, 6\)"):
        family.GatherElements(View(0, "f4", (5, 4)), indices, y, 0)
    with pytest.raises(ValueError, match="expected indices of int32 or int64, got uint8"):
        family.GatherElements(x, View(1, "u1", (3, 6)), y, 0)
    with pytest.raises(ValueError, match="expected float32, got int32"):
        family.GatherElements(x, indices, View(2, "i4", (3, 6)), 0)
    with pytest.raises(ValueError, match=r"expected tuples of 1 to 2 indices, .*, got indices \(3, 3\)"):
        family.GatherND(x, View(1, "i8", (3, 3)), y)
    with pytest.raises(ValueError, match="expected a reduction of none, .*, got 'mean'"):
        family.ScatterElements(x, indices, y, 0, "mean")
    with pytest.raises(ValueError, match="expected float32, int32 or int64 to reduce, got uint8"):
        family.ScatterElements(View(0, "u1", (5, 6)), indices, View(2, "u1", (3, 6)), 0, "sum")
    with pytest.raises(ValueError, match=r"expected updates of shape \(3, 6\), got \(2, 6\)"):
        family.ScatterND(x, View(1, "i8", (3, 1)), View(2, "f4", (2, 6)))
    with pytest.raises(ValueError, match="expected contiguous tensors, got strides"):
        family.ScatterUpdate(View(0, "f4", (5, 6), (1, 5)), View(1, "i8", (3,)), y, 0)
