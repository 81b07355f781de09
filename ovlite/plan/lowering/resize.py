"""Resizing of images."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph.operator import Array
from ..builder import Builder, Lowering
from ..calls import Call
from .pooling import in_one_layout

_DTYPES = frozenset(map(np.dtype, ("float32", "uint8", "int8")))  # bytes where each output is an element


def _interpolate(builder: Builder, call: Call) -> bool:
    """Resizing whose outputs lie between two elements at most in each spatial dimension."""
    op: Any = call.op
    x, y = call.inputs[0], call.outputs[0]
    steering = [tensor.array for tensor in call.inputs[1:]]
    if not 3 <= len(x.shape) <= 5 or x.dtype not in _DTYPES or any(array is None for array in steering):
        return False
    if op.mode.endswith("pillow") or any(map(any, op._padding(len(x.shape)))) or y.size == 0:
        return False
    tables: list[tuple[Array, Array, Array] | None] = [None] * len(x.shape)
    for table in op.tables(op.resizings(x.shape, *steering)):
        tables[table.axis] = _two_taps(table.indices, table.weights)
        if tables[table.axis] is None:
            return False
    complete = [table or _unchanged(size) for table, size in zip(tables, x.shape, strict=True)]
    if any(not np.array_equal(table[0], np.arange(size)) for table, size in zip(complete[:2], x.shape, strict=False)):
        return False
    family = builder.family("resize")
    if all(not table[2].any() for table in complete[2:]):
        builder.emit(family.ResizeNearest(builder.view(x), builder.view(y), [table[0] for table in complete[2:]]))
    elif x.dtype == np.float32 and (x.image or not y.image):
        builder.emit(family.ResizeLinear(*in_one_layout(builder, x, y), complete[2:]))
    else:
        return False
    return True


def _unchanged(size: int) -> tuple[Array, Array, Array]:
    return np.arange(size), np.arange(size), np.zeros(size, np.float32)


def _two_taps(indices: Array, weights: Array) -> tuple[Array, Array, Array] | None:
    """(lower, upper, share of upper) for a table whose rows have at most two elements that count; else None."""
    order = np.argsort(weights == 0, axis=1, kind="stable")[:, :2]
    first, rest = np.take_along_axis(weights, order, 1), weights.copy()
    np.put_along_axis(rest, order, 0, 1)
    if rest.any() or not np.allclose(first.sum(1), 1, atol=1e-6):
        return None
    places = np.take_along_axis(indices, order, 1)
    if places.shape[1] == 1:
        return places[:, 0], places[:, 0], np.zeros(len(places), np.float32)
    share = first[:, 1].astype(np.float32)
    return places[:, 0], np.where(share == 0, places[:, 0], places[:, 1]), share


LOWERINGS: dict[str, Lowering] = {"Interpolate": _interpolate}
