"""numpy's reductions, and running sums."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .array import FUNCTIONS, REDUCE, Traced, axes_of, convert, lift, node, refuse, traces


def _axes(axis: Any, x: Traced) -> list[int]:
    """The axes of a reduction; 0 and -1 are none of an array without dimensions."""
    return [] if not x.ndim and type(axis) is int and axis in (0, -1) else axes_of(axis, x.ndim)


def _reduction(function: Any, factory: str, of_bools: str) -> Callable[..., Any]:
    """A reduction whose result has the dtype that numpy gives it."""

    def traced(
        a: Any, axis: Any = None, dtype: Any = None, keepdims: Any = False, initial: Any = None, where: Any = True
    ) -> Any:
        x: Any = lift(a)
        given = {} if dtype is None else {"dtype": dtype}
        if initial is not None or where is not True:
            return _partly(function, traced, x, axis, given, keepdims, initial, where)
        x = convert(x, np.asarray(function(np.ones(1, x.dtype), **given)).dtype)
        axes = _axes(axis, x)
        if not axes:
            return x
        if function in (np.max, np.min) and not all(x.shape[found] for found in axes):
            raise ValueError(f"zero-size array to reduction operation {function.__name__} which has no identity")
        name = of_bools if x.dtype.kind == "b" else factory
        return Traced(node(name, x, np.array(axes), keep_dims=bool(keepdims)), x.dtype)

    return traced


def _partly(function: Any, traced: Any, x: Any, axis: Any, given: Any, keepdims: Any, initial: Any, where: Any) -> Any:
    """The reduction of the elements where the mask is set, and of an initial one; others are replaced by what leaves
    the result as it is.
    """
    dtype = np.asarray(function(np.ones(1, x.dtype), **given)).dtype
    joined = {np.sum: np.add, np.prod: np.multiply, np.max: np.maximum, np.min: np.minimum}[function]
    neutral = initial if joined.identity is None else joined.identity
    if neutral is None:
        raise ValueError(f"reduction operation {joined.__name__!r} does not have an identity; give it initial=")
    x = convert(x, dtype)
    if where is not True:
        x = np.where(where, x, lift(neutral, dtype))
    if not x.size and joined.identity is None:
        shape = np.sum(np.zeros(x.shape, np.int8), axis=axis, keepdims=keepdims).shape
        return np.broadcast_to(lift(initial, dtype), shape)
    found = traced(x, axis, keepdims=keepdims, **given)
    return found if initial is None else joined(found, lift(initial, dtype))


def _extreme(function: Any, factory: str, of_bools: str) -> Callable[..., Any]:
    """A reduction that has no dtype of its own."""
    reduction = _reduction(function, factory, of_bools)

    def traced(a: Any, axis: Any = None, keepdims: Any = False, initial: Any = None, where: Any = True) -> Any:
        return reduction(a, axis, keepdims=keepdims, initial=initial, where=where)

    return traced


for _names, _make, _ufunc in (
    (["sum"], _reduction(np.sum, "reduce_sum", "reduce_logical_or"), np.add),
    (["prod"], _reduction(np.prod, "reduce_prod", "reduce_logical_and"), np.multiply),
    (["max", "amax"], _extreme(np.max, "reduce_max", "reduce_logical_or"), np.maximum),
    (["min", "amin"], _extreme(np.min, "reduce_min", "reduce_logical_and"), np.minimum),
):
    FUNCTIONS.update({getattr(np, _name): _make for _name in _names})
    REDUCE[_ufunc] = _make


@traces(np.any)
def _any(a: Any, axis: Any = None, keepdims: Any = False, *, where: Any = True) -> Any:
    a = lift(a, bool) if where is True else np.logical_and(a, where)
    return np.max(lift(a, bool), axis=axis, keepdims=keepdims) if lift(a).size else _none(a, axis, keepdims, False)


@traces(np.all)
def _all(a: Any, axis: Any = None, keepdims: Any = False, *, where: Any = True) -> Any:
    a = lift(a, bool) if where is True else np.logical_or(a, np.logical_not(where))
    return np.min(lift(a, bool), axis=axis, keepdims=keepdims) if lift(a).size else _none(a, axis, keepdims, True)


def _none(a: Any, axis: Any, keepdims: Any, value: bool) -> Traced:
    """What is said of no elements at all."""
    return lift(np.full(np.any(np.zeros(a.shape, bool), axis=axis, keepdims=keepdims).shape, value))


REDUCE.update({np.logical_or: _any, np.logical_and: _all})


@traces(np.ptp)
def _ptp(a: Any, axis: Any = None, keepdims: Any = False) -> Any:
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


def _real(a: Any, dtype: Any) -> Traced:
    """The elements in the type in which means are computed."""
    x = lift(a)
    wanted = np.dtype(dtype or (x.dtype if x.dtype.kind == "f" else np.float64))
    if wanted.kind != "f":
        refuse(f"a mean of dtype {wanted} can't be traced; real ones can")
    return convert(x, wanted)


@traces(np.mean)
def _mean(a: Any, axis: Any = None, dtype: Any = None, keepdims: Any = False) -> Any:
    x = _real(a, dtype)
    return _shared(np.sum(_wide(x), axis=axis, keepdims=keepdims), x, axis, 0)


def _wide(x: Traced) -> Traced:
    """x, float16 as float32, which holds the count of the elements too."""
    return convert(x, np.promote_types(x.dtype, np.float32))


def _shared(total: Any, x: Traced, axis: Any, ddof: Any) -> Traced:
    """The total divided by the count of x's elements along the axes, less ddof; in the type of x."""
    count = math.prod(x.shape[found] for found in axes_of(axis, x.ndim))
    return convert(total / lift(max(count - ddof, 0), total.dtype), x.dtype)


@traces(np.average)
def _average(a: Any, axis: Any = None, weights: Any = None) -> Any:
    if weights is None:
        return _mean(a, axis)
    if lift(weights).shape != lift(a).shape:
        refuse("average is traced for weights of the array's shape alone")
    x, shares = lift(a), lift(weights)
    dtype = np.result_type(x.dtype, shares.dtype, *([] if x.dtype.kind == "f" else [np.float64]))
    x, shares = convert(x, dtype), convert(shares, dtype)
    return np.sum(x * shares, axis=axis) / np.sum(shares, axis=axis)


@traces(np.var)
def _var(a: Any, axis: Any = None, dtype: Any = None, *, ddof: Any = 0, keepdims: Any = False) -> Any:
    x = _real(a, dtype)
    centered: Any = _wide(x) - _mean(_wide(x), axis, keepdims=True)
    return _shared(np.sum(centered * centered, axis=axis, keepdims=keepdims), x, axis, ddof)


@traces(np.std)
def _std(a: Any, axis: Any = None, dtype: Any = None, *, ddof: Any = 0, keepdims: Any = False) -> Any:
    return np.sqrt(_var(a, axis, dtype, ddof=ddof, keepdims=keepdims))


@traces(np.linalg.norm)
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:
    if ord not in (None, 2) or (ord == 2 and (isinstance(axis, tuple) or (axis is None and x.ndim != 1))):
        refuse("norm is traced for the 2-norm of vectors and the Frobenius norm alone")
    real = _real(x, None)
    return np.sqrt(np.sum(real * real, axis=axis, keepdims=keepdims))


@traces(np.cumsum)
def _cumsum(a: Any, axis: Any = None, dtype: Any = None) -> Any:
    x: Any = lift(a, dtype or np.cumsum(np.ones(1, a.dtype)).dtype)
    x, axis = (x, axis) if axis is not None else (np.ravel(x), 0)
    (axis,) = axes_of(axis, x.ndim)
    return Traced(node("cumsum", x, np.array(axis)), x.dtype)


@traces(np.trace)
def _trace(a: Any, offset: Any = 0, axis1: Any = 0, axis2: Any = 1) -> Any:
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1)


@traces(np.diff)
def _diff(a: Any, n: Any = 1, axis: Any = -1) -> Any:
    (axis,) = axes_of(axis, a.ndim)
    before = (slice(None),) * axis
    for _ in range(n):
        left, right = a[(*before, slice(None, -1))], a[(*before, slice(1, None))]
        a = left != right if a.dtype.kind == "b" else right - left
    return a


def _of_numbers(name: str, filler: Any) -> None:
    """A reduction that passes over NaN."""
    function, plain = getattr(np, f"nan{name}"), getattr(np, name)

    def traced(a: Any, axis: Any = None, dtype: Any = None, keepdims: Any = False) -> Any:
        x: Any = lift(a)
        given = {} if dtype is None else {"dtype": dtype}
        if x.dtype.kind != "f":
            return plain(x, axis=axis, keepdims=keepdims, **given)
        nan: Any = np.isnan(x)
        found = plain(np.where(nan, lift(filler, x.dtype), x), axis=axis, keepdims=keepdims, **given)
        if name not in ("max", "min"):
            return found
        none: Any = np.all(nan, axis=axis, keepdims=keepdims)
        return np.where(none, lift(np.nan, x.dtype), found)

    FUNCTIONS[function] = traced


for _name, _filler in (("sum", 0), ("prod", 1), ("max", -np.inf), ("min", np.inf)):
    _of_numbers(_name, _filler)


@traces(np.nanmean)
def _nanmean(a: Any, axis: Any = None, dtype: Any = None, keepdims: Any = False) -> Any:
    x: Any = _real(a, dtype)
    given: Any = np.logical_not(np.isnan(x))
    wide: Any = _wide(x)
    count = np.sum(lift(given, wide.dtype), axis=axis, keepdims=keepdims)
    return lift(np.nansum(wide, axis=axis, keepdims=keepdims) / count, x.dtype)


@traces(np.count_nonzero)
def _count_nonzero(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    return np.sum(lift(a, bool), axis=axis, keepdims=keepdims)
