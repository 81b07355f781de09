"""Order: extremes' positions, sorting, and elements at positions that are computed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .array import FUNCTIONS, Traced, axes_of, convert, lift, node, nodes, refuse, traces


def _ordered(a: Traced, axis: int, largest: bool, count: int) -> tuple[Traced, Traced]:
    """The first elements in order along an axis, and their positions; equal ones stay in order, NaN is largest."""
    x = a
    if x.dtype.kind == "f" and x.dtype.itemsize < 4 or x.dtype.kind == "b":
        x = convert(x, np.dtype(np.float32 if x.dtype.kind == "f" else np.uint8))
    values, positions = nodes(
        "topk", 2, x, np.array(count), axis, "max" if largest else "min", "value", index_element_type="i64", stable=True
    )
    return convert(Traced(values, x.dtype), a.dtype), Traced(positions, np.int64)


def _best(largest: bool) -> Callable[..., Any]:
    """argmax and argmin: the first of several, the first NaN where there is one."""

    def traced(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
        x: Any = lift(a)
        flat: Any = np.reshape(x, -1) if axis is None else x
        (along,) = axes_of(0 if axis is None else axis, flat.ndim)
        if not flat.shape[along]:
            raise ValueError("attempt to get the position of an extreme of an empty sequence")
        position: Any = _ordered(flat, along, largest, 1)[1]
        if flat.dtype.kind == "f" and not largest:
            nan: Any = np.isnan(flat)
            position = np.where(np.any(nan, axis=along, keepdims=True), _ordered(nan, along, True, 1)[1], position)
        if axis is None:
            return np.reshape(position, (1,) * x.ndim if keepdims else ())
        return position if keepdims else np.squeeze(position, axis=along)

    return traced


FUNCTIONS[np.argmax] = _best(True)
FUNCTIONS[np.argmin] = _best(False)


def _sorted(a: Any, axis: Any, which: int) -> Any:
    x: Any = lift(a)
    if axis is None:
        x, axis = np.reshape(x, -1), 0
    (along,) = axes_of(axis, x.ndim)
    return _ordered(x, along, False, x.shape[along])[which] if x.size else (x, lift(np.zeros(x.shape, int)))[which]


@traces(np.sort)
def _sort(a: Any, axis: Any = -1, kind: Any = None, *, stable: Any = None) -> Any:
    return _sorted(a, axis, 0)


@traces(np.argsort)
def _argsort(a: Any, axis: Any = -1, kind: Any = None, *, stable: Any = None) -> Any:
    """Equal elements stay in order, whatever the kind."""
    return _sorted(a, axis, 1)


@traces(np.median)
def _median(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    x: Any = lift(a, a.dtype if a.dtype.kind == "f" else np.float64)
    axes = axes_of(axis, x.ndim)
    lanes = _lanes(x, axes)
    length = lanes.shape[-1]
    if not length:
        refuse("median is traced for arrays that have elements")
    ordered: Any = np.sort(lanes, axis=-1)
    middle: Any = np.mean(ordered[..., (length - 1) // 2 : length // 2 + 1], axis=-1)
    last = ordered[..., -1]
    middle = np.where(np.isnan(last), last, middle)
    return np.expand_dims(middle, tuple(axes)) if keepdims else middle


def _lanes(x: Any, axes: list[int]) -> Any:
    """x with the elements along the axes, in C order, along one last axis."""
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    moved: Any = np.transpose(x, [*kept, *axes])
    return np.reshape(moved, (*(x.shape[axis] for axis in kept), math.prod(x.shape[axis] for axis in axes)))


@traces(np.quantile)
def _quantile(a: Any, q: Any, axis: Any = None, *, method: Any = "linear", keepdims: Any = False) -> Any:
    return _quantiles(a, q, 1, axis, method, keepdims)


@traces(np.percentile)
def _percentile(a: Any, q: Any, axis: Any = None, *, method: Any = "linear", keepdims: Any = False) -> Any:
    return _quantiles(a, q, 100, axis, method, keepdims)


def _quantiles(a: Any, q: Any, whole: int, axis: Any, method: str, keepdims: bool) -> Any:
    """The elements at places q / whole from the least to the largest. A Python number is weak, as in numpy."""
    if isinstance(q, Traced) or method != "linear":
        refuse("quantiles are traced for places that are numbers, and by the method linear")
    shares = np.asarray(q) if whole == 1 else np.asarray(np.true_divide(q, whole))
    if not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(f"Quantiles must be in the range [0, {whole}]")
    x: Any = lift(a)
    axes = axes_of(axis, x.ndim)
    lanes = _lanes(x, axes)
    if not lanes.shape[-1]:
        refuse("quantiles are traced for arrays that have elements")
    ordered: Any = np.sort(lanes, axis=-1)
    found = _between(ordered, shares.ravel() * (ordered.shape[-1] - 1), type(q) in (int, float))
    last = ordered[..., -1:]
    found = np.moveaxis(np.where(np.isnan(last), lift(last, found.dtype), found), -1, 0)
    if keepdims:
        found = np.expand_dims(found, tuple(1 + axis for axis in axes))
    return np.reshape(found, (*shares.shape, *found.shape[1:]))


def _between(ordered: Any, places: Any, weak: bool) -> Any:
    """The elements at places between positions, with numpy's roundings. weak: the share does not widen their type."""
    lower = np.floor(places).astype(np.int64)
    left = ordered[..., lower]
    if places.dtype.kind in "iu":
        return left
    share = places - lower.astype(places.dtype)
    share = float(share[0]) if weak else share
    right = ordered[..., np.minimum(lower + 1, ordered.shape[-1] - 1)]
    apart = right - left
    return np.where(share >= 0.5, right - apart * (1 - share), left + apart * share)


@traces(np.take_along_axis)
def _take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Traced:
    x: Any = lift(arr)
    places = lift(indices)
    if axis is None:
        x, axis = np.reshape(x, -1), 0
    (along,) = axes_of(axis, x.ndim)
    if places.dtype.kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    if places.ndim != x.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    one = np.broadcast_shapes(*((*part.shape[:along], 1, *part.shape[along + 1 :]) for part in (x, places)))
    shapes = [(*one[:along], part.shape[along], *one[along + 1 :]) for part in (x, places)]
    x, places = (lift(np.broadcast_to(part, shape)) for part, shape in zip((x, places), shapes, strict=True))
    return Traced(node("gather_elements", x, convert(places, np.dtype(np.int64)), along), x.dtype)
