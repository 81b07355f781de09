"""numpy's functions that combine elements, and tell about arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .array import Traced, axes_of, dtype_of, known, lift, node, refuse, traces


def _common(*values: Any) -> np.dtype[Any]:
    """The dtype that numpy promotes values to; Python numbers are weak."""
    return np.result_type(*(value if isinstance(dtype_of(value), type) else dtype_of(value) for value in values))


@traces(np.where)
def _where(condition: Any, *choices: Any) -> Traced:
    if len(choices) != 2:
        refuse("where(condition) has a shape that depends on elements; give it x and y")
    dtype = _common(*choices)
    parts = [lift(condition, bool), *(lift(choice, dtype) for choice in choices)]
    np.broadcast_shapes(*(part.shape for part in parts))
    return Traced(node("select", *parts), dtype)


@traces(np.select)
def _select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    dtype = _common(*choicelist, default)
    shape = np.broadcast_shapes(*(lift(part).shape for part in (*condlist, *choicelist, default)))
    found: Any = lift(default, dtype)
    for condition, choice in zip(condlist[::-1], choicelist[::-1], strict=True):
        found = _where(condition, lift(choice, dtype), found)
    return np.broadcast_to(found, shape)


@traces(np.clip)
def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    x: Any = lift(a)
    if x.dtype.kind in "iu":  # Python numbers that no element can reach limit nothing
        range_of = np.iinfo(x.dtype)
        low = None if type(low) is int and low <= range_of.min else low
        high = None if type(high) is int and high >= range_of.max else high
    dtype = _common(x, *(bound for bound in (low, high) if bound is not None))
    x = lift(x, dtype)
    x = x if low is None else np.maximum(x, lift(low, dtype))
    return x if high is None else np.minimum(x, lift(high, dtype))


@traces(np.round, np.around)
def _round(a: Any, decimals: Any = 0) -> Any:
    x = lift(a)
    if x.dtype.kind != "f":
        if decimals < 0:
            refuse("integers are rounded without decimals alone")
        return x if x.dtype.kind != "b" else lift(x, np.float16)
    if not decimals:
        return np.rint(x)
    scale = lift(10.0 ** abs(decimals), x.dtype)
    return np.rint(x * scale) / scale if decimals > 0 else np.rint(x / scale) * scale


@traces(np.isclose)
def _isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: Any = False) -> Any:
    """Within atol + rtol * abs(b), where b is finite."""
    x, y = lift(a), lift(b)
    if y.dtype.kind != "f":
        y = lift(y, np.result_type(y.dtype, 1.0))
    x, y = (lift(part, np.result_type(x.dtype, y.dtype)) for part in (x, y))
    close: Any = (abs(x - y) <= atol + rtol * abs(y)) & np.isfinite(y) | (x == y)
    return close | (np.isnan(x) & np.isnan(y)) if equal_nan else close


@traces(np.nan_to_num)
def _nan_to_num(x: Any, copy: Any = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    if not copy:
        refuse("nan_to_num(copy=False) writes in place, which can't be traced")
    if x.dtype.kind != "f":
        return x
    limits = np.finfo(x.dtype)
    found: Any = np.where(np.isnan(x), lift(nan, x.dtype), x)
    found = np.where(x == np.inf, lift(limits.max if posinf is None else posinf, x.dtype), found)
    return np.where(x == -np.inf, lift(limits.min if neginf is None else neginf, x.dtype), found)


@traces(np.full_like)
def _full_like(a: Any, fill_value: Any, dtype: Any = None, *, shape: Any = None) -> Any:
    kind = known(np.dtype(dtype or a.dtype))
    return np.broadcast_to(lift(lift(fill_value), kind), a.shape if shape is None else shape)


@traces(np.zeros_like, np.empty_like)
def _zeros_like(a: Any, dtype: Any = None, *, shape: Any = None) -> Any:
    return _full_like(a, 0, dtype, shape=shape)


@traces(np.ones_like)
def _ones_like(a: Any, dtype: Any = None, *, shape: Any = None) -> Any:
    return _full_like(a, 1, dtype, shape=shape)


@traces(np.copy)
def _copy(a: Any) -> Any:
    return a


@traces(np.shape)
def _shape(a: Any) -> Any:
    return a.shape


@traces(np.ndim)
def _ndim(a: Any) -> Any:
    return a.ndim


@traces(np.size)
def _size(a: Any, axis: Any = None) -> Any:
    return math.prod(a.shape[found] for found in axes_of(axis, a.ndim))


@traces(np.iscomplexobj)
def _iscomplexobj(x: Any) -> bool:
    return False


@traces(np.result_type)
def _result_type(*arrays_and_dtypes: Any) -> Any:
    return np.result_type(*(part.dtype if isinstance(part, Traced) else part for part in arrays_and_dtypes))
