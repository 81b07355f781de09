"""Gathering and scattering."""

from __future__ import annotations

import numpy as np

from ..cases import Error, Made
from ..draw import Array, Draw
from .base import EXACT, every, ints, largest, node, table


def _places(d: Draw, size: int, shape: tuple[int, ...], negative: bool) -> Array:
    """Indices into an axis, from the end too."""
    return d.rng.integers(-size if negative else 0, size, shape).astype(d.pick(np.int32, np.int64))


def gather(d: Draw) -> Made:
    data = d.data(rank=(1, 4), empty=0.0)
    axis = d.axis(data.ndim) if d.since >= 11 else d.integer(0, data.ndim - 1)
    indices = _places(d, data.shape[axis], d.dims(0, 2, 0.05), d.since >= 11)
    return node(d, [data, indices], axis=d.maybe(axis, 0.8) if axis == 0 else axis, steering=(1,), error=EXACT)


def gather_elements(d: Draw) -> Made:
    data = d.tensor(d.dims(1, 4, 0), d.dtype())
    axis = d.axis(data.ndim)
    shape = [d.integer(1, size) for size in data.shape]
    shape[axis] = d.integer(1, 5)
    return node(d, [data, _places(d, data.shape[axis], tuple(shape), True)], axis=axis, error=EXACT)


def gather_nd(d: Draw) -> Made:
    data = d.tensor(d.dims(1, 4, 0), d.dtype())
    batch = d.integer(0, min(2, data.ndim - 1)) if d.since >= 12 else 0
    depth = d.integer(1, data.ndim - batch)
    lead = (*data.shape[:batch], *d.dims(0, 2, 0))
    parts = [d.rng.integers(-size, size, lead) for size in data.shape[batch : batch + depth]]
    return node(d, [data, np.stack(parts, -1).astype(np.int64)], batch_dims=batch if batch else d.maybe(batch),
                error=EXACT)  # fmt: skip


def _reduction(d: Draw) -> str | None:
    if not d.has("reduction"):
        return None
    return d.pick(None, "none", "add", "mul", *(["min", "max"] if d.since >= 18 else []))


def scatter_elements(d: Draw) -> Made:
    """Without a reduction each place is written once, as the order of writes is not defined."""
    data = d.tensor(d.dims(1, 3, 0), d.dtype(), (-4, 4))
    axis = d.axis(data.ndim)
    reduction = _reduction(d)
    shape = [d.integer(1, size) for size in data.shape]
    length, size = shape[axis], data.shape[axis]
    if reduction in (None, "none"):
        order = d.rng.permuted(np.broadcast_to(np.arange(size), (*shape[:axis % data.ndim],
                               *shape[axis % data.ndim + 1 :], size)), axis=-1)  # fmt: skip
        indices = np.moveaxis(order[..., :length], -1, axis)
        indices = np.where(d.rng.random(indices.shape) < 0.3, indices - size, indices)
    else:
        indices = d.rng.integers(-size, size, shape)
    indices = indices.astype(d.pick(np.int32, np.int64))
    return node(d, [data, indices, d.like(data, shape, (-4, 4))], axis=axis, reduction=reduction,
                error=Error(8, 8, 100 if reduction == "mul" else 4))  # fmt: skip


def scatter_nd(d: Draw) -> Made:
    data = d.tensor(d.dims(1, 3, 0), d.dtype(), (-4, 4))
    depth = d.integer(1, data.ndim)
    reduction = _reduction(d)
    heads = int(np.prod(data.shape[:depth]))
    count = d.integer(0 if d.chance(0.1) else 1, heads)
    places = d.rng.permutation(heads)[:count] if reduction in (None, "none") else d.rng.integers(0, heads, count)
    indices = np.stack(np.unravel_index(places, data.shape[:depth]), -1).astype(np.int64).reshape(count, depth)
    sizes = np.array(data.shape[:depth])
    if d.since >= 11:
        indices = np.where(d.rng.random(indices.shape) < 0.2, indices - sizes, indices)
    updates = d.like(data, (count, *data.shape[depth:]), (-4, 4))
    return node(d, [data, indices, updates], reduction=reduction,
                error=Error(8, 8, 100 if reduction == "mul" else 4))  # fmt: skip


def non_zero(d: Draw) -> Made:
    data = d.data(rank=(1, 4))
    return node(d, [(data * (d.rng.random(data.shape) < 0.5)).astype(data.dtype)], error=EXACT)


def compress(d: Draw) -> Made:
    data = d.data(rank=(1, 4), empty=0.0)
    axis = d.maybe(d.axis(data.ndim) if d.since >= 11 else d.integer(0, data.ndim - 1), 0.7)
    length = data.size if axis is None else data.shape[axis]
    condition = d.tensor((d.integer(0, length) if d.chance(0.3) else length,), np.bool_)
    return node(d, [data, condition], axis=axis, steering=(1,), error=EXACT)


def one_hot(d: Draw) -> Made:
    depth = d.integer(1, 6)
    low = -depth - 2 if d.since >= 11 else 0
    indices = d.rng.integers(low, depth + 2, d.dims(1, 3)).astype(d.pick(np.int64, np.int32, np.float32))
    values = d.tensor((2,), d.dtype("T3"), (-9, 9))
    axis = d.integer(-indices.ndim - 1 if d.since >= 11 else 0, indices.ndim)
    shown = np.array(depth, d.pick(np.int64, np.float32)).reshape(d.pick((), (1,)))
    return node(d, [indices, shown, values], axis=d.maybe(axis, 0.8), steering=(1, 2),
                error=Error(4, 4, largest(values)))  # fmt: skip


def unique(d: Draw) -> Made:
    data = d.tensor(d.dims(1, 3, 0), d.dtype(), (-2, 2))
    if data.dtype.kind not in "iub":
        data = np.round(data.astype(np.float64)).astype(data.dtype) + np.array(0, data.dtype)
    axis = d.maybe(d.axis(data.ndim))
    wanted = [True, d.chance(0.6), d.chance(0.6), d.chance(0.6)]
    return node(d, [data], wanted, axis=axis, sorted=d.pick(None, 0, 1), error=EXACT)


def non_max(d: Draw) -> Made:
    batch, classes, count = d.integer(1, 2), d.integer(1, 3), d.integer(1, 8)
    center = d.pick(None, 0, 1)
    corner, size = d.tensor((batch, count, 2), np.float32, (0, 4)), d.tensor((batch, count, 2), np.float32, (1, 3))
    boxes = np.concatenate([corner + size / 2, size] if center else [corner, corner + size], -1)
    scores = d.tensor((batch, classes, count), np.float32, (0, 1))
    given = [d.maybe(ints([d.integer(0, 5)]), 0.9), d.maybe(np.array([0.3], np.float32)),
             d.maybe(np.array([0.2], np.float32))]  # fmt: skip
    return node(d, [boxes, scores, *given], center_point_box=center, steering=(2, 3, 4), error=EXACT)


MAKERS = {
    **every("ScatterElements Scatter", scatter_elements),
    **table("", Gather=gather, GatherElements=gather_elements, GatherND=gather_nd, ScatterND=scatter_nd,
            NonZero=non_zero, Compress=compress, OneHot=one_hot, Unique=unique, NonMaxSuppression=non_max),
}  # fmt: skip
