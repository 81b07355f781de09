"""numpy's linear algebra, as far as there are operators for it."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from .array import Traced, lift, node, refuse, traces


@traces(np.dot)
def _dot(a: Any, b: Any) -> Any:
    a, b = lift(a), lift(b)
    if not a.ndim or not b.ndim:
        return a * b
    if b.ndim > 2:
        refuse("dot is traced for a second operand of at most two dimensions; use matmul or einsum")
    return a @ b


@traces(np.linalg.outer)
def _outer_of_vectors(x1: Any, x2: Any) -> Any:
    if lift(x1).ndim != 1 or lift(x2).ndim != 1:
        raise ValueError("outer takes arrays of one dimension")
    return np.outer(x1, x2)


@traces(np.outer)
def _outer(a: Any, b: Any) -> Any:
    return np.reshape(lift(a), (-1, 1)) * np.reshape(lift(b), (1, -1))


@traces(np.einsum)
def _einsum(subscripts: Any, *operands: Any, optimize: Any = False) -> Traced:
    if not isinstance(subscripts, str):
        refuse("einsum is traced with its subscripts as a string")
    parts = [lift(part) for part in operands]
    dtype = np.result_type(*(part.dtype for part in parts))
    text = subscripts.replace(" ", "")
    if "->" not in text:
        names = sorted(set(text.replace(",", "").replace(".", "")))
        text += f"->{'...' * ('...' in text)}{''.join(name for name in names if text.count(name) == 1)}"
    return Traced(node("einsum", [lift(part, dtype).output for part in parts], text), dtype)


@traces(np.linalg.inv)
def _inv(a: Any) -> Traced:
    x = lift(a, a.dtype if a.dtype.kind == "f" else np.float64)
    return Traced(node("inverse", x), x.dtype)


@traces(np.tensordot, np.linalg.tensordot)
def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    a, b = lift(a), lift(b)
    if np.ndim(axes) == 0:
        count = operator.index(axes)
        axes = (range(a.ndim - count, a.ndim), range(count))
    left, right = (np.lib.array_utils.normalize_axis_tuple(part, x.ndim) for part, x in zip(axes, (a, b), strict=True))
    if [a.shape[axis] for axis in left] != [b.shape[axis] for axis in right]:
        raise ValueError("shape-mismatch for sum")
    rows = [axis for axis in range(a.ndim) if axis not in left]
    columns = [axis for axis in range(b.ndim) if axis not in right]
    inner = math.prod(a.shape[axis] for axis in left)
    shape = [*(a.shape[axis] for axis in rows), *(b.shape[axis] for axis in columns)]
    a = np.transpose(a, [*rows, *left]).reshape(math.prod(shape[: len(rows)]), inner)
    b = np.transpose(b, [*right, *columns]).reshape(inner, math.prod(shape[len(rows) :]))
    return (a @ b).reshape(shape)


@traces(np.inner)
def _inner(a: Any, b: Any) -> Any:
    a, b = lift(a), lift(b)
    return _tensordot(a, b, (-1, -1)) if a.ndim and b.ndim else a * b


@traces(np.vdot)
def _vdot(a: Any, b: Any) -> Any:
    return np.ravel(lift(a)) @ np.ravel(lift(b))


@traces(np.linalg.vecdot)
def _vecdot(x1: Any, x2: Any, axis: Any = -1) -> Any:
    parts: list[Any] = [lift(x1), lift(x2)]
    x1, x2 = (np.moveaxis(part, axis, -1) for part in parts)
    return (x1[..., None, :] @ x2[..., None])[..., 0, 0]


@traces(np.linalg.matmul)
def _matmul(x1: Any, x2: Any) -> Any:
    return lift(x1) @ lift(x2)


@traces(np.matrix_transpose, np.linalg.matrix_transpose)
def _matrix_transpose(x: Any) -> Any:
    if x.ndim < 2:
        raise ValueError("matrix_transpose takes arrays of at least two dimensions")
    return np.swapaxes(x, -1, -2)


@traces(np.linalg.trace)
def _trace(x: Any, offset: Any = 0) -> Any:
    return np.trace(x, offset, -2, -1)
