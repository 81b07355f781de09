"""Operators that look at shapes, and those that move elements."""

from __future__ import annotations

import numpy as np

from ..cases import Made
from ..draw import Draw, element_number
from .base import EXACT, every, ints, node, table


def plain(d: Draw) -> Made:
    return node(d, [d.data()], error=EXACT)


def shape(d: Draw) -> Made:
    data = d.data()
    bounds = [d.maybe(d.integer(-data.ndim - 1, data.ndim + 1), 0.5) for _ in range(2)]
    return node(d, [data], start=bounds[0], end=bounds[1], error=EXACT)


def _factors(d: Draw, count: int) -> list[int]:
    """Sizes whose product is a count of elements."""
    if count == 0:
        return [0, *[d.integer(0, 3) for _ in range(d.integer(0, 2))]]
    found = [1] * d.integer(0, 2) if count == 1 else []
    while count > 1:
        divisors = [n for n in range(2, count + 1) if count % n == 0]
        found.append(int(d.pick(*divisors)))
        count //= found[-1]
    while len(found) > 4:
        found = [found[0] * found[1], *found[2:]]
    return [int(size) for size in d.rng.permutation(found)]


def reshape(d: Draw) -> Made:
    data = d.data()
    target = _factors(d, data.size)
    allow = d.pick(None, 0, 1)
    if data.size == 0:
        if d.since < 14:
            target = list(data.shape)  # a 0 is the input's own size
        else:
            allow = 1
    if 0 not in target and target and d.chance(0.4):
        target[d.integer(0, len(target) - 1)] = -1
    for i, size in enumerate(target[: data.ndim]):
        if data.size and not allow and size == data.shape[i] and d.chance(0.3):
            target[i] = 0
    return node(d, [data, ints(target)], allowzero=allow, steering=(1,), error=EXACT)


def flatten(d: Draw) -> Made:
    data = d.data(rank=(1, 4))
    low = -data.ndim if d.since >= 11 else 0
    return node(d, [data], axis=d.maybe(d.integer(low, data.ndim)), error=EXACT)


def squeeze(d: Draw) -> Made:
    data = d.data()
    single = [i for i, size in enumerate(data.shape) if size == 1]
    chosen = [axis - (data.ndim if d.since >= 11 and d.chance(0.3) else 0) for axis in single if d.chance(0.7)]
    axes = None if not chosen or d.chance(0.2) else chosen
    if d.has("axes"):
        return node(d, [data], axes=axes, error=EXACT)
    return node(d, [data, None if axes is None else ints(axes)], steering=(1,), error=EXACT)


def unsqueeze(d: Draw) -> Made:
    data = d.data()
    count = d.integer(1, 2)
    rank = data.ndim + count
    chosen = [int(axis) for axis in d.rng.permutation(rank)[:count]]
    chosen = [axis - (rank if d.since >= 11 and d.chance(0.3) else 0) for axis in chosen]
    if d.has("axes"):
        return node(d, [data], axes=chosen if d.since >= 11 else sorted(chosen), error=EXACT)
    return node(d, [data, ints(chosen)], steering=(1,), error=EXACT)


def transpose(d: Draw) -> Made:
    data = d.data()
    return node(d, [data], perm=d.maybe([int(axis) for axis in d.rng.permutation(data.ndim)], 0.8), error=EXACT)


def concat(d: Draw) -> Made:
    data = d.data(rank=(1, 4))
    axis = d.axis(data.ndim) if d.since >= 11 else d.integer(0, data.ndim - 1)
    shapes = [list(data.shape) for _ in range(d.integer(0, 3))]
    for dims in shapes:
        dims[axis] = d.size(0.1)
    return node(d, [data, *[d.like(data, dims) for dims in shapes]], axis=axis, error=EXACT)


def expand(d: Draw) -> Made:
    shape = d.dims()
    data = d.data() if d.fed is not None else d.tensor(d.broadcast(shape), d.dtype())
    if d.fed is not None:
        shape = (*[2] * d.integer(0, 1), *[3 if size == 1 else size for size in data.shape])
    wanted = [1 if d.chance(0.2) else size for size in shape]
    wanted = wanted[d.integer(0, len(wanted)) if d.chance(0.2) else 0 :]
    return node(d, [data, ints(wanted)], steering=(1,), error=EXACT)


def tile(d: Draw) -> Made:
    data = d.data()
    return node(d, [data, ints([d.pick(0, 1, 1, 2, 3) for _ in range(data.ndim)])], steering=(1,), error=EXACT)


def constant_of_shape(d: Draw) -> Made:
    value = d.tensor((1,), d.dtype("T2"))
    return node(d, [ints(d.dims())], value=d.maybe(value), steering=(0,), error=EXACT)


def range_(d: Draw) -> Made:
    dtype = d.dtype()
    step = d.pick(1, 2, 3, -1, -2, 0.5 if dtype.kind == "f" else 1)
    start, stop = d.integer(-5, 5), d.integer(-5, 20)
    return node(d, [np.array(value, dtype) for value in (start, stop, step)], steering=(0, 1, 2), error=EXACT)


def split(d: Draw) -> Made:
    data = d.data(rank=(1, 4), empty=0.02)
    axis = d.axis(data.ndim) if d.since >= 11 else d.integer(0, data.ndim - 1)
    length = data.shape[axis]
    cuts = sorted(d.integers(0, length, d.integer(0, 3)))
    parts = [int(part) for part in np.diff([0, *cuts, length])]
    wanted = [True] * len(parts)
    if d.chance(0.5):
        if d.has("split"):
            return node(d, [data], wanted, axis=axis, split=parts, error=EXACT)
        return node(d, [data, ints(parts)], wanted, axis=axis, steering=(1,), error=EXACT)
    even = [n for n in range(1, min(length, 6) + 1) if length % n == 0] or [1]
    if d.since >= 18:
        chunk = max(1, -(-length // d.integer(1, 4)))
        count = max(1, -(-length // chunk))  # so that no part but the last is shorter
        return node(d, [data], count, axis=axis, num_outputs=count, error=EXACT)
    return node(d, [data], int(d.pick(*even)), axis=axis, error=EXACT)


def slice_(d: Draw) -> Made:
    data = d.data(rank=(1, 4))
    count = d.integer(1, data.ndim)
    axes = [int(axis) for axis in d.rng.permutation(data.ndim)[:count]] if d.chance(0.7) else None
    many = 2**31 - 1 if d.chance(0.5) else 2**63 - 1
    starts, ends, steps = [], [], []
    for axis in axes or range(count):
        size = data.shape[axis]
        step = d.pick(1, 1, 1, 2, 3, -1, -2) if d.since >= 10 else 1
        low, high = d.integer(-size - (step > 0), size + 1), d.integer(-size - 1, size + 1)
        starts.append(low)
        ends.append(high if d.chance(0.6) else many if step > 0 else -many)
        steps.append(step)
    if d.has("starts"):
        return node(d, [data], axes=axes, starts=starts, ends=ends, error=EXACT)
    kind = np.int64 if many > 2**31 else d.pick(np.int32, np.int64)
    shown = None if axes is None else ints([axis - (data.ndim if d.chance(0.3) else 0) for axis in axes], kind)
    given = [ints(starts, kind), ints(ends, kind), shown, ints(steps, kind)]
    if all(step == 1 for step in steps) and d.chance(0.5):
        given[3] = None
    return node(d, [data, *given], steering=(1, 2, 3, 4), error=EXACT)


def pad(d: Draw) -> Made:
    data = d.data(rank=(1, 4), empty=0.02)
    modes = ["constant", "constant", "reflect", "edge"] + (["wrap"] if d.since >= 19 else [])
    mode = d.pick(*modes) if data.size else "constant"
    axes = d.axes(data.ndim) if d.since >= 18 and d.chance(0.4) else None
    taken = range(data.ndim) if axes is None else axes
    limits = [data.shape[axis] - 1 if mode == "reflect" else 3 for axis in taken]
    pads = [d.integer(-1 if mode == "constant" and data.shape[axis] > 2 else 0, min(limit, 4)) if limit > 0 else 0
            for _ in range(2) for axis, limit in zip(taken, limits, strict=True)]  # fmt: skip
    shown = d.maybe(mode, 0.8) if mode == "constant" else mode
    if d.has("pads"):
        return node(d, [data], mode=shown, pads=pads, value=d.maybe(1.5, 0.5), error=EXACT)
    value = d.maybe(d.like(data, ()), 0.5) if mode == "constant" else None
    given = [ints(pads), value, None if axes is None else ints(axes)]
    return node(d, [data, *given], mode=shown, steering=(1, 2, 3), error=EXACT)


def depth_to_space(d: Draw) -> Made:
    block, (n, c, h, w) = d.integer(1, 3), (d.integer(1, 2), d.integer(1, 3), d.integer(1, 5), d.integer(1, 5))
    shape = (n, c * block * block, h, w) if d.op_type == "DepthToSpace" else (n, c, h * block, w * block)
    data = d.tensor(shape, d.dtype())
    modes = (None, "DCR", "CRD") if d.op_type == "DepthToSpace" else (None,)
    return node(d, [data], blocksize=block, mode=d.pick(*modes), error=EXACT)


def reverse_sequence(d: Draw) -> Made:
    data = d.tensor(d.dims(2, 4, 0), d.dtype())
    time = d.integer(0, 1)
    lengths = ints([d.integer(0 if d.chance(0.2) else 1, data.shape[time]) for _ in range(data.shape[1 - time])])
    return node(d, [data, lengths], batch_axis=1 - time, time_axis=time, error=EXACT)


def eye_like(d: Draw) -> Made:
    data = d.tensor(d.dims(2, 2), d.dtype("T1"))
    kind = d.maybe(element_number(d.dtype("T2")), 0.5)
    return node(d, [data], dtype=kind, k=d.maybe(d.integer(-4, 4)), error=EXACT)


def trilu(d: Draw) -> Made:
    data = d.data(rank=(2, 4), empty=0.1)
    return node(d, [data, d.maybe(np.array(d.integer(-4, 4)))], upper=d.pick(None, 0, 1), steering=(1,), error=EXACT)


def center_crop_pad(d: Draw) -> Made:
    data = d.tensor(d.dims(1, 4, 0), d.dtype())
    axes = d.maybe(d.axes(data.ndim), 0.5)
    wanted = ints([d.integer(1, 9) for _ in (axes or data.shape)])
    return node(d, [data, wanted], axes=axes, steering=(1,), error=EXACT)


def tensor_scatter(d: Draw) -> Made:
    """Updates are written along an axis, behind where each batch's index says."""
    data = d.tensor(d.dims(3, 4, 0), d.dtype(), (-4, 4))
    axis = d.integer(1, data.ndim - 1)
    length = d.integer(1, data.shape[axis])
    mode = d.pick(None, "linear", "circular")
    updates = d.like(data, (*data.shape[:axis], length, *data.shape[axis + 1 :]))
    last = data.shape[axis] - (1 if mode == "circular" else length)
    starts = d.maybe(ints(d.integers(0, last, data.shape[0])))
    shown = axis - (data.ndim if d.chance(0.3) else 0)
    return node(d, [data, updates, starts], axis=shown, mode=mode, error=EXACT)


MAKERS = {
    **every("Size", plain), **every("DepthToSpace SpaceToDepth", depth_to_space),
    **table("", Shape=shape, Reshape=reshape, Flatten=flatten, Squeeze=squeeze, Unsqueeze=unsqueeze,
            Transpose=transpose, Concat=concat, Expand=expand, Tile=tile, ConstantOfShape=constant_of_shape,
            Range=range_, Split=split, Slice=slice_, Pad=pad, ReverseSequence=reverse_sequence, EyeLike=eye_like,
            Trilu=trilu, CenterCropPad=center_crop_pad, TensorScatter=tensor_scatter),
}  # fmt: skip
