"""Writes in place: the array that is written goes on with the output of a node that makes its new elements.

numpy's views show what is written to the array that they are of. Views that are read behind a write to their array, and
arrays that are read behind a write to a view of theirs, are refused, as are writes that reach an argument. x[i] += y is
a write to a view and then one of the view to its place, which is traced as the latter.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import WRITE, Traced, lift, node, place, refuse, traces
from .indexing import plain
from .shapes import like, positions


def _set_item(x: Traced, index: Any, value: Any) -> None:
    _check(x)
    parts = list(index) if isinstance(index, tuple) else [index]
    if x.stale and x.stale[0] is value and _is_taken(value, x, index):
        x.become(stale=None)
    if len(parts) == 1 and getattr(parts[0], "dtype", None) == np.dtype(bool) and np.ndim(value) == 0:
        _replace(x, _where_masked(x, parts[0], value))
    elif any(isinstance(part, Traced) for part in parts):
        refuse("an assignment to elements at computed positions can't be traced; use np.where")
    else:
        places = positions(x)[index]
        source: Any = lift(value, x.dtype)
        while source.ndim > places.ndim and source.shape[0] == 1:
            source = source[0]
        np.broadcast_to(like(source), places.shape)
        source = np.broadcast_to(source, places.shape)
        ranges = _ranges(x, parts) if all(plain(part) for part in parts) and None not in parts else None
        _replace(x, _scattered(x, places, source) if ranges is None else _enclosed(x, ranges, source))


def _is_taken(view: Any, x: Traced, index: Any) -> bool:
    """Whether the view is x[index]."""
    return (
        isinstance(view, Traced)
        and view.index[0] is x
        and type(view.index[1]) is type(index)
        and view.index[1] == index
    )


def _where_masked(x: Traced, mask: Any, value: Any) -> Traced:
    """x with the value where the mask, which is for its first axes, is set."""
    chosen: Any = lift(mask)
    if chosen.shape != x.shape[: chosen.ndim]:
        raise IndexError(f"boolean index of shape {chosen.shape} did not match the indexed array of shape {x.shape}")
    chosen = np.reshape(chosen, (*chosen.shape, *(1,) * (x.ndim - chosen.ndim)))
    return lift(np.where(chosen, lift(value, x.dtype), x))


def _ranges(x: Traced, parts: list[Any]) -> list[range] | None:
    """The positions along each axis that a basic index names, None when they don't follow each other."""
    dots = parts.index(...) if ... in parts else len(parts)
    before, after = parts[:dots], parts[dots + 1 :]
    filled = [*before, *[slice(None)] * (x.ndim - len(before) - len(after)), *after]
    found = []
    for length, part in zip(x.shape, filled, strict=True):
        chosen = range(length)[part] if isinstance(part, slice) else range(part % length, part % length + 1)
        found.append(chosen)
    return found if all(chosen.step == 1 for chosen in found) else None


def _enclosed(x: Traced, ranges: list[range], source: Any) -> Traced:
    """x with other elements within the ranges: what is before and behind them along each axis, the last one first."""
    block: Any = np.reshape(source, tuple(map(len, ranges)))
    for axis in reversed(range(x.ndim)):
        chosen = ranges[axis]
        if len(chosen) < x.shape[axis]:
            outer = tuple(slice(part.start, part.stop) for part in ranges[:axis])
            begin, end = x[(*outer, slice(None, chosen.start))], x[(*outer, slice(chosen.start + len(chosen), None))]
            block = np.concatenate([begin, block, end], axis)
    return lift(block)


def _scattered(x: Traced, places: Any, source: Any) -> Traced:
    """x with other elements at positions in C order; of several for one position the last."""
    flat, first = np.unique(places.ravel()[::-1], return_index=True)
    kept = np.reshape(source, -1)[places.size - 1 - first]
    if not flat.size:
        return x
    made = node("scatter_update", np.reshape(x, -1), flat, kept, np.array(0))
    return lift(np.reshape(Traced(made, x.dtype), x.shape))


def _write_result(ufunc: np.ufunc, made: Any, out: Any) -> Any:
    """The result of a ufunc to the array that is given as out=."""
    if not isinstance(out, Traced):
        refuse(f"{ufunc.__name__} writes to an array from outside, which can't be traced; use its result")
    if not out.shape:
        refuse(f"{ufunc.__name__} writes to an array without dimensions, which can't be traced; use its result")
    if not np.can_cast(made.dtype, out.dtype, "same_kind"):
        types = f"from {made.dtype!r} to {out.dtype!r}"
        raise TypeError(f"Cannot cast ufunc {ufunc.__name__!r} output {types} with casting rule 'same_kind'")
    _check(out)
    if np.broadcast_shapes(made.shape, out.shape) != out.shape:
        raise ValueError(
            f"non-broadcastable output operand with shape {out.shape} doesn't match the shape {made.shape}"
        )
    _replace(out, lift(np.broadcast_to(lift(made, out.dtype), out.shape)))
    return out


def _check(x: Traced) -> None:
    """Raises TraceError for an array whose new elements a caller would see."""
    if x.memory is None:
        refuse(
            "a write in place to an argument can't be traced, since the caller sees it; write to a copy, x = x.copy()"
        )


def _replace(x: Traced, made: Traced) -> None:
    """x goes on with the output of `made`; what shares its memory can't be read any more."""
    output, owner = made.output, x.memory
    assert owner is not None
    for reference in owner.views:
        view = reference()
        if view is not None and view is not x:
            view.become(stale=(x, "a view of the array is read behind this write; take it again", place()))
    if owner is not x:
        owner.become(stale=(x, "the array is read behind this write to a view of it; write x[i] = y to it", place()))
    x.become(value=output)


@traces(np.copyto)
def _copyto(dst: Any, src: Any, casting: Any = "same_kind") -> None:
    if not isinstance(dst, Traced):
        refuse("copyto writes to an array from outside, which can't be traced")
    if isinstance(src, Traced) and not np.can_cast(src.dtype, dst.dtype, casting):
        raise TypeError(f"Cannot cast array data from {src.dtype!r} to {dst.dtype!r} by the rule {casting!r}")
    dst[...] = src


WRITE.extend([_set_item, _write_result])
