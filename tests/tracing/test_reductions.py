"""Reductions: their axes, masks, first elements and NaN; and functions that are made of them."""

import numpy as np
import pytest

import ovlite as ov

from .support import check

X = np.random.default_rng(3).standard_normal((3, 4, 5)) * 9
GAPS = np.where(abs(X) < 3, np.nan, X)
GAPS[1] = np.nan
UFUNCS = [np.add, np.multiply, np.maximum, np.minimum, np.logical_and, np.logical_or]


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), ()])
@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda ufunc: ufunc.__name__)
def test_reduce(ufunc, axis):
    check(lambda x: ufunc.reduce(x, axis=axis), X[:, :2, :2] / 9, ulps=8)
    check(lambda x: (ufunc.reduce(x), ufunc.reduce(x, axis, keepdims=True)), (X / 9).astype(int)[:, :2], ulps=8)


@pytest.mark.parametrize("axis", [0, -1])
def test_arrays_without_dimensions_have_two_axes(axis):
    check(lambda x: (x.sum(axis), x.prod(axis), x.max(axis), x.min(axis), x.any(axis), x.all(axis)), np.array(3.5))
    with pytest.raises(np.exceptions.AxisError):
        ov.compile_function(lambda x: x.sum(1), np.array(3.5))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.uint8])
def test_masks_and_first_elements(dtype):
    x = abs(X).astype(dtype) if dtype is np.uint8 else X.astype(dtype)
    check(lambda x: (x.sum(where=x > 3), np.sum(x, axis=1, where=x > 3, initial=2), x.sum(initial=5)), x, ulps=16)
    check(lambda x: (np.max(x, initial=4), x.max(0, initial=0, where=x < 5), np.min(x, -1, initial=1, where=x > 2)), x)
    check(
        lambda x: (np.prod(x[0], where=x[0] < 2, initial=3), x.any(0, where=x > 3), np.all(x, where=x > 30)), x, ulps=16
    )
    check(lambda x: (np.max(x[:0], initial=4), np.max(x[:, :0], axis=1, initial=1), np.sum(x[:0], initial=1)), x)
    with pytest.raises(ValueError, match="does not have an identity"):
        ov.compile_function(lambda x: np.max(x, where=x > 0), x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
@pytest.mark.filterwarnings("ignore")
def test_numbers_among_nan(dtype):
    x = GAPS.astype(dtype) if dtype is not np.int32 else X.astype(dtype)
    check(lambda x: (np.nansum(x), np.nansum(x, axis=0), np.nanprod(x[0], axis=1, keepdims=True)), x, ulps=16)
    check(lambda x: (np.nanmax(x), np.nanmin(x, axis=(1, 2)), np.nanmax(x, -1, keepdims=True)), x)
    check(lambda x: (np.nanmean(x), np.nanmean(x, axis=0), np.nanmean(x, axis=(1, 2))), x, ulps=16)
    check(lambda x: (np.count_nonzero(x), np.count_nonzero(x > 0, axis=1), np.count_nonzero(x, axis=(0, 1))), x)


def test_quantiles_have_the_dtype_of_numpy():
    for x in (X[0, 0].astype(np.float16), X[0, 0].astype(np.float32), X.astype(int)):
        check(
            lambda x: (np.quantile(x, np.float32(0.3)), np.quantile(x, np.float64(0.3)), np.quantile(x, 0.3)), x, ulps=4
        )


def test_functions_of_arrays():
    row, column = X[0, 0], X[0, :, 0]
    check(lambda a, b: (np.column_stack([a, a]), np.dstack([a, a]), np.column_stack([a[:, None], a])), row, column)
    check(
        lambda a, b: [*np.meshgrid(a, b), *np.meshgrid(a, b, indexing="ij"), *np.meshgrid(a, b, sparse=True)],
        row,
        column,
    )
    check(lambda a, b: (np.tril(a), np.triu(a, 1), np.pad(a[0].reshape(()), 1)), row, column)
    check(lambda x: (np.divmod(x, 3), divmod(x, -1.5), np.heaviside(x, 0.5), np.conj(x), x.mT, x.real), X)
    check(lambda x: (np.degrees(x), np.radians(x), np.logaddexp2(x, 1.0)), X, ulps=4)
    check(lambda x: (np.isclose(x, x + 1e-9), np.isclose(x, 3), np.isclose(x, x[::-1], 0.5, 1, equal_nan=True)), GAPS)
    check(lambda x: (x**2, np.power(x, 2), np.power(x, 2.0), x**1), X > 0)
