"""Elements of a traced array by position: integers, slices, None, ... and one array of positions that are known."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import GETITEM, Traced, node, refuse


def _getitem(x: Traced, index: Any) -> Any:
    parts = list(index) if isinstance(index, tuple) else [index]
    _check(parts)
    dots = [place for place, part in enumerate(parts) if part is Ellipsis]
    taken = sum(part is not None and part is not Ellipsis for part in parts)
    if taken > x.ndim or len(dots) > 1:
        raise IndexError(f"too many indices for an array of {x.ndim} dimensions")
    place = dots[0] if dots else len(parts)
    parts[place : place + 1] = [slice(None)] * (x.ndim - taken)
    axis, shape = 0, []
    for part in parts:
        if part is None:
            shape.append(1)
            continue
        if isinstance(part, slice):
            x = _sliced(x, axis, part)
            shape.append(x.shape[axis])
        else:
            positions = _positions(part, x.shape[axis], axis)
            x = Traced(node("gather", x, positions.ravel(), np.array(axis)), x.dtype)
            shape.extend(positions.shape)
        axis += 1
    return np.reshape(x, tuple(shape))


def _check(parts: list[Any]) -> None:
    """Refuses indices whose meaning or length isn't known while tracing."""
    arrays = [
        part for part in parts if not (part is None or part is Ellipsis or isinstance(part, (slice, int, np.integer)))
    ]
    for part in [*arrays, *(part for part in parts if isinstance(part, (bool, np.bool_)))]:
        if isinstance(part, Traced):
            why = "a mask" if part.dtype.kind == "b" else "an array that is computed"
            refuse(f"an index by {why} can't be traced; use np.where")
        if np.asarray(part).dtype.kind not in "iu" and np.size(part):
            refuse(
                f"an index of {np.asarray(part).dtype} can't be traced; use integers, slices, or np.where for a mask"
            )
    if len(arrays) > 1 or (arrays and any(isinstance(part, (int, np.integer)) for part in parts)):
        refuse("an index by several arrays can't be traced; index one axis after the other, or use np.einsum")


def _positions(part: Any, length: int, axis: int) -> Any:
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
