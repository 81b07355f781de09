"""numpy's functions that are no ufuncs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .array import FUNCTIONS, REDUCE, Traced, convert, dtype_of, lift, node, refuse


def _function(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers how calls of numpy's functions are traced."""

    def register(traced: Callable[..., Any]) -> Callable[..., Any]:
        FUNCTIONS.update(dict.fromkeys(functions, traced))
        return traced

    return register


def _axes(axis: Any, rank: int) -> list[int]:
    """The axes that an `axis` argument of a reduction names; raises numpy's AxisError."""
    given = range(rank) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    return sorted(int(found) for found in np.lib.array_utils.normalize_axis_tuple(given, rank))


def _reduction(function: Any, factory: str, of_bools: str) -> Callable[..., Any]:
    """A reduction whose result has the dtype that numpy gives it."""

    def traced(a: Any, axis: Any = None, dtype: Any = None, keepdims: Any = False) -> Traced:
        x = lift(a)
        given = {} if dtype is None else {"dtype": dtype}
        x = convert(x, np.asarray(function(np.ones(1, x.dtype), **given)).dtype)
        axes = _axes(axis, x.ndim)
        if not axes:
            return x
        if function in (np.max, np.min) and not all(x.shape[found] for found in axes):
            raise ValueError(f"zero-size array to reduction operation {function.__name__} which has no identity")
        name = of_bools if x.dtype.kind == "b" else factory
        return Traced(node(name, x, np.array(axes), keep_dims=bool(keepdims)), x.dtype)

    return traced


for _names, _factory, _of_bools, _ufunc in (
    (["sum"], "reduce_sum", "reduce_logical_or", np.add),
    (["prod"], "reduce_prod", "reduce_logical_and", np.multiply),
    (["max", "amax"], "reduce_max", "reduce_logical_or", np.maximum),
    (["min", "amin"], "reduce_min", "reduce_logical_and", np.minimum),
):
    _traced = _reduction(getattr(np, _names[0]), _factory, _of_bools)
    FUNCTIONS.update({getattr(np, _name): _traced for _name in _names})
    REDUCE[_ufunc] = _traced


@_function(np.any)
def _any(a: Any, axis: Any = None, keepdims: Any = False) -> Any:
    return np.max(convert(a, np.dtype(bool)), axis=axis, keepdims=keepdims)


@_function(np.all)
def _all(a: Any, axis: Any = None, keepdims: Any = False) -> Any:
    return np.min(convert(a, np.dtype(bool)), axis=axis, keepdims=keepdims)


@_function(np.mean)
def _mean(a: Any, axis: Any = None, dtype: Any = None, keepdims: Any = False) -> Any:
    x = lift(a, dtype or (a.dtype if a.dtype.kind == "f" else np.float64))
    count = math.prod(x.shape[found] for found in _axes(axis, x.ndim))
    return np.sum(x, axis=axis, keepdims=keepdims) / lift(count, x.dtype)


@_function(np.var)
def _var(a: Any, axis: Any = None, ddof: Any = 0, keepdims: Any = False) -> Any:
    x = lift(a, a.dtype if a.dtype.kind == "f" else np.float64)
    count = math.prod(x.shape[found] for found in _axes(axis, x.ndim))
    centered: Any = x - _mean(x, axis, keepdims=True)
    return np.sum(centered * centered, axis=axis, keepdims=keepdims) / lift(max(count - ddof, 0), x.dtype)


@_function(np.std)
def _std(a: Any, axis: Any = None, ddof: Any = 0, keepdims: Any = False) -> Any:
    return np.sqrt(_var(a, axis, ddof, keepdims))


@_function(np.linalg.norm)
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:
    if ord not in (None, 2) or (ord == 2 and (isinstance(axis, tuple) or (axis is None and x.ndim != 1))):
        refuse("norm is traced for the 2-norm of vectors and the Frobenius norm alone")
    real = lift(x, x.dtype if x.dtype.kind == "f" else np.float64)
    return np.sqrt(np.sum(real * real, axis=axis, keepdims=keepdims))


@_function(np.cumsum)
def _cumsum(a: Any, axis: Any = None, dtype: Any = None) -> Any:
    x = lift(a, dtype or np.cumsum(np.ones(1, a.dtype)).dtype)
    x, axis = (x, axis) if axis is not None else (_reshape(x, -1), 0)
    (axis,) = _axes(axis, x.ndim)
    return Traced(node("cumsum", x, np.array(axis)), x.dtype)


def _ordered(a: Any, axis: Any, largest: bool, count: Any = None) -> tuple[Traced, Traced]:
    """Elements in order along an axis, and their positions; equal ones stay in order."""
    if a.dtype.kind == "f" and a.dtype.itemsize < 4 or a.dtype.kind == "b":
        a = convert(a, np.dtype(np.float32 if a.dtype.kind == "f" else np.uint8))
    (axis,) = _axes(axis, a.ndim)
    from .array import ops

    found = ops.topk(
        a.output, np.array(a.shape[axis] if count is None else count), axis, "max" if largest else "min", "value",
        index_element_type="i64", stable=True,
    )  # fmt: skip
    return Traced(found.output(0), a.dtype), Traced(found.output(1), np.int64)


def _best(largest: bool) -> Callable[..., Any]:
    def traced(a: Any, axis: Any = None, keepdims: Any = False) -> Any:
        x, along = (_reshape(a, -1), 0) if axis is None else (a, axis)
        if not x.shape[along]:
            raise ValueError("attempt to get the position of an extreme of an empty sequence")
        if x.dtype.kind == "f":  # the first NaN is the answer, where there is one
            nan = np.isnan(x)
            bound = lift(np.inf if largest else -np.inf, x.dtype)
            x = np.where(nan, bound, x)
            with_nan = np.any(nan, axis=along, keepdims=True)
            rank = np.where(with_nan, np.where(nan, lift(1, np.uint8), lift(0, np.uint8)), lift(0, np.uint8))
            (first, plain) = (_ordered(found, along, up, 1)[1] for found, up in ((rank, True), (x, largest)))
            position: Any = np.where(with_nan, first, plain)
        else:
            position = _ordered(x, along, largest, 1)[1]
        if axis is None:
            return _reshape(position, (1,) * a.ndim if keepdims else ())
        return position if keepdims else np.squeeze(position, axis=along)

    return traced


FUNCTIONS[np.argmax] = _best(True)
FUNCTIONS[np.argmin] = _best(False)


@_function(np.reshape)
def _reshape(a: Any, /, shape: Any, order: Any = "C") -> Traced:
    if order != "C":
        refuse("reshape is traced in C order alone")
    shape = tuple(map(int, shape)) if isinstance(shape, (tuple, list)) else (int(shape),)
    target = np.broadcast_to(np.int8(0), a.shape).reshape(shape).shape
    return Traced(node("reshape", a, np.array(target, np.int64), special_zero=False), a.dtype)


@_function(np.ravel)
def _ravel(a: Any, order: Any = "C") -> Any:
    return _reshape(a, -1, order=order)


def _by_shape(function: Any) -> None:
    """Functions that only give another shape to the same elements in C order."""

    def traced(a: Any, *args: Any, **kwargs: Any) -> Any:
        return _reshape(a, function(np.broadcast_to(np.int8(0), a.shape), *args, **kwargs).shape)

    FUNCTIONS[function] = traced


def _by_axes(function: Any) -> None:
    """Functions that only permute axes."""

    def traced(a: Any, *args: Any, **kwargs: Any) -> Traced:
        marked = np.broadcast_to(np.int8(0), tuple(range(1, a.ndim + 1)))  # lengths tell axes apart
        order = [length - 1 for length in function(marked, *args, **kwargs).shape]
        return Traced(node("transpose", a, np.array(order, np.int64)), a.dtype) if order else a

    FUNCTIONS[function] = traced


for _function_of_shape in (np.squeeze, np.expand_dims):
    _by_shape(_function_of_shape)
for _function_of_axes in (np.transpose, np.swapaxes, np.moveaxis):
    _by_axes(_function_of_axes)


@_function(np.broadcast_to)
def _broadcast_to(array: Any, shape: Any) -> Traced:
    shape = np.broadcast_to(np.broadcast_to(np.int8(0), array.shape), shape).shape
    return Traced(node("broadcast", array, np.array(shape, np.int64)), array.dtype)


@_function(np.concatenate)
def _concatenate(arrays: Sequence[Any], axis: Any = 0) -> Traced:
    dtype = np.result_type(*(dtype_of(part) for part in arrays))
    parts = [lift(part, dtype) for part in arrays]
    if axis is None:
        parts, axis = [_reshape(part, -1) for part in parts], 0
    np.concatenate([np.broadcast_to(np.int8(0), part.shape) for part in parts], axis)  # numpy's own errors
    (axis,) = _axes(axis, parts[0].ndim)
    return Traced(node("concat", [part.output for part in parts], axis), dtype)


@_function(np.stack)
def _stack(arrays: Sequence[Any], axis: Any = 0) -> Any:
    return _concatenate([np.expand_dims(lift(part), axis) for part in arrays], axis)


@_function(np.vstack)
def _vstack(tup: Sequence[Any]) -> Any:
    parts = [lift(part) for part in tup]
    return _concatenate([_reshape(part, (1, part.size)) if part.ndim < 2 else part for part in parts], 0)


@_function(np.hstack)
def _hstack(tup: Sequence[Any]) -> Any:
    parts = [lift(part) for part in tup]
    parts = [part if part.ndim else _reshape(part, (1,)) for part in parts]
    return _concatenate(parts, 0 if parts[0].ndim == 1 else 1)


@_function(np.split, np.array_split)
def _split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> list[Any]:
    (axis,) = _axes(axis, ary.ndim)
    length = ary.shape[axis]
    if isinstance(indices_or_sections, int):
        if length % indices_or_sections:
            raise ValueError("array split does not result in an equal division")
        indices_or_sections = range(0, length, max(length // indices_or_sections, 1))[1:]
    ends = [None, *map(int, indices_or_sections), None]
    before = (slice(None),) * axis
    return [ary[(*before, slice(*ends[i : i + 2]))] for i in range(len(ends) - 1)]


@_function(np.where)
def _where(condition: Any, *choices: Any) -> Traced:
    if len(choices) != 2:
        refuse("where(condition) has a shape that depends on elements; give it x and y")
    dtype = np.result_type(*(choice if isinstance(dtype_of(choice), type) else dtype_of(choice) for choice in choices))
    chosen = [lift(choice, dtype) for choice in choices]
    parts = [lift(condition, bool), *chosen]
    np.broadcast_shapes(*(part.shape for part in parts))
    return Traced(node("select", *parts), dtype)


@_function(np.clip)
def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    x = a if low is None else np.maximum(a, low)
    return x if high is None else np.minimum(x, high)


@_function(np.dot)
def _dot(a: Any, b: Any) -> Any:
    a, b = lift(a), lift(b)
    if not a.ndim or not b.ndim:
        return a * b
    if b.ndim > 2:
        refuse("dot is traced for a second operand of at most two dimensions; use matmul or einsum")
    return a @ b


@_function(np.outer)
def _outer(a: Any, b: Any) -> Any:
    return _reshape(lift(a), (-1, 1)) * _reshape(lift(b), (1, -1))


@_function(np.einsum)
def _einsum(subscripts: Any, *operands: Any) -> Traced:
    if not isinstance(subscripts, str):
        refuse("einsum is traced with its subscripts as a string")
    dtype = np.result_type(*(dtype_of(part) for part in operands))
    parts = [lift(part, dtype) for part in operands]
    text = subscripts.replace(" ", "")
    if "->" not in text:
        names = sorted(set(text.replace(",", "")))
        text += "->" + "".join(name for name in names if text.count(name) == 1)
    return Traced(node("einsum", [part.output for part in parts], text), dtype)


@_function(np.zeros_like)
def _zeros_like(a: Any, dtype: Any = None) -> Traced:
    return lift(np.zeros(a.shape, dtype or a.dtype))


@_function(np.ones_like)
def _ones_like(a: Any, dtype: Any = None) -> Traced:
    return lift(np.ones(a.shape, dtype or a.dtype))


@_function(np.shape)
def _shape(a: Any) -> Any:
    return a.shape


@_function(np.ndim)
def _ndim(a: Any) -> Any:
    return a.ndim
