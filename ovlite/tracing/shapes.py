"""Functions that move elements: reshape, transpose, join, split, repeat, roll, pad."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .array import FUNCTIONS, Traced, axes_of, lift, node, refuse, traces


def like(x: Any) -> Any:
    """An array of x's shape without memory of its own, on which numpy tells shapes and raises its errors."""
    return np.broadcast_to(np.int8(0), x.shape)


def positions(x: Any) -> Any:
    """The position in C order of each element of x."""
    return np.arange(x.size).reshape(x.shape)


def taken(x: Traced, places: Any) -> Traced:
    """The elements at positions in C order."""
    flat: Any = np.reshape(x, -1)
    return Traced(node("gather", flat, np.asarray(places), np.array(0)), x.dtype)


def along(x: Traced, places: Any, axis: int) -> Traced:
    """The elements at these positions of an axis, whose dimensions take the axis's place."""
    return Traced(node("gather", x, np.asarray(places, np.int64), np.array(axis)), x.dtype)


@traces(np.reshape)
def _reshape(a: Any, /, shape: Any, order: Any = "C", *, copy: Any = None) -> Traced:
    if order != "C":
        refuse("reshape is traced in C order alone")
    x = lift(a)
    shape = tuple(map(int, shape)) if isinstance(shape, (tuple, list)) else (int(shape),)
    target = like(x).reshape(shape).shape
    if target == x.shape:
        return x
    return Traced(node("reshape", x, np.array(target, np.int64), special_zero=False), x.dtype)


@traces(np.ravel)
def _ravel(a: Any, order: Any = "C") -> Any:
    return _reshape(a, -1, order=order)


def _by_shape(function: Any) -> None:
    """Functions that only give another shape to the same elements in C order."""

    def traced(a: Any, *args: Any, **kwargs: Any) -> Any:
        return _reshape(a, function(like(a), *args, **kwargs).shape)

    FUNCTIONS[function] = traced


def _by_axes(function: Any) -> None:
    """Functions that only permute axes."""

    def traced(a: Any, *args: Any, **kwargs: Any) -> Traced:
        marked = np.broadcast_to(np.int8(0), tuple(range(1, a.ndim + 1)))  # lengths tell axes apart
        order = [length - 1 for length in function(marked, *args, **kwargs).shape]
        return Traced(node("transpose", a, np.array(order, np.int64)), a.dtype) if order else a

    FUNCTIONS[function] = traced


def _by_positions(function: Any) -> None:
    """Functions that place elements by their positions alone."""

    def traced(a: Any, *args: Any, **kwargs: Any) -> Traced:
        return taken(lift(a), function(positions(a), *args, **kwargs))

    FUNCTIONS[function] = traced


_function: Any
for _function in (np.squeeze, np.expand_dims):
    _by_shape(_function)
for _function in (np.transpose, np.swapaxes, np.moveaxis, np.rollaxis, np.matrix_transpose):
    _by_axes(_function)
for _function in (np.diagonal, np.resize, np.delete):
    _by_positions(_function)


def _at_least(function: Any) -> None:
    def traced(*arrays: Any) -> Any:
        found = tuple(_reshape(lift(a), function(like(lift(a))).shape) for a in arrays)
        return found[0] if len(found) == 1 else found

    FUNCTIONS[function] = traced


for _function in (np.atleast_1d, np.atleast_2d):
    _at_least(_function)


@traces(np.broadcast_to)
def _broadcast_to(array: Any, shape: Any) -> Traced:
    shape = np.broadcast_to(like(array), shape).shape
    return Traced(node("broadcast", array, np.array(shape, np.int64)), array.dtype)


@traces(np.broadcast_arrays)
def _broadcast_arrays(*args: Any) -> Any:
    parts = [lift(part) for part in args]
    shape = np.broadcast_shapes(*(part.shape for part in parts))
    return tuple(_broadcast_to(part, shape) for part in parts)


@traces(np.concatenate)
def _concatenate(arrays: Sequence[Any], /, axis: Any = 0) -> Traced:
    dtype = np.result_type(*(lift(part).dtype for part in arrays))
    parts = [lift(part, dtype) for part in arrays]
    if axis is None:
        parts, axis = [_reshape(part, -1) for part in parts], 0
    np.concatenate([like(part) for part in parts], axis)  # numpy's own errors
    (axis,) = axes_of(axis, parts[0].ndim)
    return Traced(node("concat", [part.output for part in parts], axis), dtype)


@traces(np.stack)
def _stack(arrays: Sequence[Any], axis: Any = 0) -> Any:
    parts = [lift(part) for part in arrays]
    np.stack([like(part) for part in parts], axis)
    return _concatenate([_reshape(part, np.expand_dims(like(part), axis).shape) for part in parts], axis)


@traces(np.vstack)
def _vstack(tup: Sequence[Any]) -> Any:
    return _concatenate([_reshape(lift(part), np.atleast_2d(like(lift(part))).shape) for part in tup], 0)


@traces(np.hstack)
def _hstack(tup: Sequence[Any]) -> Any:
    parts = [_reshape(lift(part), np.atleast_1d(like(lift(part))).shape) for part in tup]
    return _concatenate(parts, 0 if parts[0].ndim == 1 else 1)


@traces(np.column_stack)
def _column_stack(tup: Sequence[Any]) -> Any:
    parts = [lift(part) for part in tup]
    return _concatenate([_reshape(part, (-1, 1)) if part.ndim < 2 else part for part in parts], 1)


@traces(np.dstack)
def _dstack(tup: Sequence[Any]) -> Any:
    return _concatenate([_reshape(lift(part), np.atleast_3d(like(lift(part))).shape) for part in tup], 2)


@traces(np.meshgrid)
def _meshgrid(*xi: Any, copy: Any = True, sparse: Any = False, indexing: Any = "xy") -> Any:
    parts = [lift(part) for part in xi]
    places = np.meshgrid(*(np.arange(part.size) for part in parts), sparse=sparse, indexing=indexing)
    return tuple(taken(part, place) for part, place in zip(parts, places, strict=True))


@traces(np.append)
def _append(arr: Any, values: Any, axis: Any = None) -> Any:
    return _concatenate([lift(arr), lift(values)], axis)


@traces(np.split, np.array_split)
def _split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> list[Any]:
    (axis,) = axes_of(axis, ary.ndim)
    length = ary.shape[axis]
    before = (slice(None),) * axis
    if isinstance(indices_or_sections, (int, np.integer)) and length % indices_or_sections:
        refuse("split is traced into equal parts, or at positions that are given")
    parts = np.split(np.arange(length), indices_or_sections)
    begins = np.cumsum([0, *map(len, parts)])
    return [ary[(*before, slice(begin, begin + len(part)))] for begin, part in zip(begins[:-1], parts, strict=True)]


@traces(np.flip)
def _flip(m: Any, axis: Any = None) -> Any:
    axes = axes_of(axis, m.ndim)
    return m[tuple(slice(None, None, -1) if axis in axes else slice(None) for axis in range(m.ndim))]


FUNCTIONS[np.flipud] = lambda m: _flip(m, 0)
FUNCTIONS[np.fliplr] = lambda m: _flip(m, 1)


@traces(np.rot90)
def _rot90(m: Any, k: Any = 1, axes: Any = (0, 1)) -> Any:
    for _ in range(k % 4):
        m = _flip(np.swapaxes(m, *axes), axes[0])
    return m


@traces(np.roll)
def _roll(a: Any, shift: Any, axis: Any = None) -> Any:
    if axis is None:
        return _reshape(_roll(_reshape(a, -1), np.sum(shift), 0), a.shape)
    shifts, axes = np.broadcast_arrays(np.ravel(shift), np.ravel(axis))
    for count, place in zip(shifts.tolist(), axes.tolist(), strict=True):
        (found,) = axes_of(place, a.ndim)
        cut = -count % max(a.shape[found], 1)
        before = (slice(None),) * found
        if cut:
            a = _concatenate([a[(*before, slice(cut, None))], a[(*before, slice(None, cut))]], found)
    return a


@traces(np.tile)
def _tile(A: Any, reps: Any) -> Any:
    counts = tuple(map(int, np.ravel(reps)))
    x = _reshape(A, (1,) * (len(counts) - A.ndim) + A.shape)
    counts = (1,) * (x.ndim - len(counts)) + counts
    if min(counts, default=0) < 0:
        raise ValueError("negative dimensions are not allowed")
    return Traced(node("tile", x, np.array(counts)), x.dtype) if counts else x


@traces(np.repeat)
def _repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    if isinstance(repeats, Traced):
        refuse("the result's shape depends on the elements of repeats")
    x, axis = (_reshape(a, -1), 0) if axis is None else (a, axis)
    (axis,) = axes_of(axis, x.ndim)
    return along(x, np.repeat(np.arange(x.shape[axis]), repeats), axis)


@traces(np.take)
def _take(a: Any, indices: Any, axis: Any = None) -> Any:
    x, axis = (_reshape(lift(a), -1), 0) if axis is None else (lift(a), axis)
    (axis,) = axes_of(axis, x.ndim)
    return x[(*(slice(None),) * axis, indices if isinstance(indices, Traced) else np.asarray(indices))]


@traces(np.pad)
def _pad(array: Any, pad_width: Any, mode: Any = "constant", *, constant_values: Any = 0) -> Any:
    if not array.ndim:
        return array
    if isinstance(pad_width, dict) or mode not in ("constant", "edge", "reflect", "symmetric", "wrap"):
        refuse("pad is traced with a width of numbers, in the modes constant, edge, reflect, symmetric and wrap")
    widths = np.broadcast_to(np.asarray(pad_width), (array.ndim, 2))
    if mode == "constant":
        if np.ndim(constant_values):
            refuse("pad is traced with one constant for all sides")
        value = np.asarray(constant_values).astype(array.dtype)
        np.pad(np.zeros((1,) * array.ndim, np.int8), widths)
        return Traced(node("pad", array, *widths.T.astype(np.int64), "constant", value), array.dtype)
    for axis, width in enumerate(widths.tolist()):
        if any(width):
            array = along(array, np.pad(np.arange(array.shape[axis]), width, mode=mode), axis)
    return array


@traces(np.tril)
def _tril(m: Any, k: Any = 0) -> Any:
    return np.where(np.tril(np.ones(m.shape[-2:], bool), k), m, lift(0, m.dtype))


@traces(np.triu)
def _triu(m: Any, k: Any = 0) -> Any:
    return np.where(np.tril(np.ones(m.shape[-2:], bool), k - 1), lift(0, m.dtype), m)
