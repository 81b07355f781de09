"""Elements of a traced array by position: integers, slices, None, ... and arrays of positions."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import GETITEM, Traced, convert, lift, node, refuse
from .shapes import along, positions, taken


def _getitem(x: Traced, index: Any) -> Any:
    parts = list(index) if isinstance(index, tuple) else [index]
    for part in parts:
        if isinstance(part, Traced) and part.dtype.kind not in "iu":
            refuse(f"an index by {'a mask' if part.dtype.kind == 'b' else part.dtype} can't be traced; use np.where")
    arrays = [part for part in parts if not plain(part)]
    computed = any(isinstance(part, Traced) for part in arrays)
    one_by_one = not arrays or (len(arrays) == 1 and not any(isinstance(part, (int, np.integer)) for part in parts))
    if not one_by_one or (not computed and any(np.asarray(part).dtype.kind not in "iu" for part in arrays)):
        return _from_the_front(x, parts) if computed else taken(x, positions(x)[index])
    found = _axis_by_axis(x, _filled(parts, x.ndim))
    if arrays or (not found.shape and Ellipsis not in parts):
        return found.copy()  # numpy makes no view
    return x.viewed_by(found, index)


def plain(part: Any) -> bool:
    """Whether it is an index of basic indexing."""
    if isinstance(part, (bool, np.bool_)):
        return False
    return part is None or part is Ellipsis or isinstance(part, (slice, int, np.integer))


def _filled(parts: list[Any], rank: int) -> list[Any]:
    """The index with slices in place of ... and of what is left out."""
    dots = [place for place, part in enumerate(parts) if part is Ellipsis]
    used = sum(part is not None and part is not Ellipsis for part in parts)
    if used > rank or len(dots) > 1:
        raise IndexError(f"too many indices for an array of {rank} dimensions")
    place = dots[0] if dots else len(parts)
    return [*parts[:place], *[slice(None)] * (rank - used), *parts[place + 1 :]]


def _axis_by_axis(x: Traced, parts: list[Any]) -> Any:
    """An index with at most one array, whose dimensions take its axis's place."""
    axis, shape = 0, []
    for part in parts:
        if part is None:
            shape.append(1)
        elif isinstance(part, slice):
            x = _sliced(x, axis, part)
            shape.append(x.shape[axis])
            axis += 1
        elif isinstance(part, Traced):
            flat: Any = np.reshape(convert(part, np.dtype(np.int64)), -1)
            x = Traced(node("gather", x, flat, np.array(axis)), x.dtype)
            shape.extend(part.shape)
            axis += 1
        else:
            places = _places(part, x.shape[axis], axis)
            x = along(x, places.ravel(), axis)
            shape.extend(places.shape)
            axis += 1
    return np.reshape(x, tuple(shape))


def _from_the_front(x: Traced, parts: list[Any]) -> Any:
    """Several arrays, some of them computed, for the first axes."""
    filled = _filled(parts, x.ndim)
    count = next((place for place, part in enumerate(filled) if isinstance(part, slice)), len(filled))
    whole = all(isinstance(part, slice) and part == slice(None) for part in filled[count:])
    if not whole or any(part is None for part in filled):
        refuse("an index by several arrays is traced for the first axes alone; use np.take_along_axis")
    places: Any = np.broadcast_arrays(*(lift(part) for part in filled[:count]))
    if any(part.dtype.kind not in "iu" for part in places):
        refuse("an index by a mask can't be traced; use np.where")
    each: Any = np.stack([convert(part, np.dtype(np.int64)) for part in places], -1)
    return Traced(node("gather_nd", x, each), x.dtype)


def _places(part: Any, length: int, axis: int) -> Any:
    """Positions from 0 on. Raises IndexError as numpy does."""
    found = np.asarray(part, np.int64)
    if found.size and not (-length <= found.min() and found.max() < length):
        raise IndexError(f"index {part} is out of bounds for axis {axis} with size {length}")
    return np.where(found < 0, found + length, found)


def _sliced(x: Traced, axis: int, part: slice) -> Traced:
    chosen = range(x.shape[axis])[part]
    if len(chosen) == x.shape[axis] and chosen.step == 1:
        return x
    stop = chosen.stop if chosen.stop >= 0 else -x.shape[axis] - 1
    bounds = ([0], [0], [1]) if not chosen else ([chosen.start], [stop], [chosen.step])
    return Traced(node("slice", x, *(np.array(bound) for bound in bounds), np.array([axis])), x.dtype)


GETITEM.append(_getitem)
