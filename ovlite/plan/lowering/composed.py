"""Operators that kernels of others carry out together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from ...kernels.runtime.step import MOST_DIMENSIONS, View
from ..builder import Builder, Lowering
from ..calls import Call, Tensor
from ..expressions import BOOL, NUMBERS
from .copy import with_axis


def _one_hot(builder: Builder, call: Call) -> bool:
    """on_value where the index is the place along the axis, else off_value."""
    op: Any = call.op
    indices, depth, on_value, off_value = call.inputs
    output = call.outputs[0]
    if not indices.is_index or on_value.dtype not in NUMBERS | BOOL or depth.array is None:
        return False
    if len(output.shape) > MOST_DIMENSIONS:
        return False
    count, axis = int(depth.array.item()), op.axis % len(output.shape)
    chosen = with_axis(builder.view(indices), axis)
    places = np.arange(count, dtype=indices.dtype).reshape([-1] + [1] * (len(output.shape) - 1 - axis))
    reads = [chosen, builder.view(Tensor.constant(places)), builder.view(on_value), builder.view(off_value)]
    if getattr(op, "negative_indices_mode", "ignore_negative") == "normalize":
        program = [
            ("less", 0, 0.0),
            ("add", 0, float(count)),
            ("select", 4, 5, 0),
            ("equal", 6, 1),
            ("select", 7, 2, 3),
        ]
    else:
        program = [("equal", 0, 1), ("select", 4, 2, 3)]
    builder.emit(builder.family("elementwise").Map(program, reads, builder.view(output)))
    return True


def _reverse_sequence(builder: Builder, call: Call) -> bool:
    """Rows by their numbers, of each sequence others; a length that is none becomes a number outside of it."""
    op: Any = call.op
    data, lengths = call.inputs
    if not lengths.is_index:
        return False
    batch, axis = (number % len(data.shape) for number in (op.batch_axis, op.seq_axis))
    if batch == axis:
        return False
    x, y = (_in_front(builder.view(tensor), (batch, axis)) for tensor in (data, call.outputs[0]))
    count = x.shape[1]
    numbers = builder.scratch(lengths.dtype, x.shape[:2])
    places = builder.view(Tensor.constant(np.arange(count, dtype=lengths.dtype)))
    outside = builder.view(Tensor.constant(np.full((), count, lengths.dtype)))
    reads = [places, with_axis(builder.view(lengths), 1), outside]
    program = [
        ("sub", 1, 0), ("sub", 3, 1.0), ("less", 0, 1), ("select", 5, 4, 0), ("less", 1, 0.0), ("select", 7, 2, 6),
    ]  # fmt: skip
    builder.emit(builder.family("elementwise").Map(program, reads, numbers))
    source = x if x.contiguous else builder.scratch(x.dtype, x.shape)
    target = y if y.contiguous else builder.scratch(y.dtype, y.shape)
    if source is not x:
        builder.copy(x, source)
    builder.emit(builder.family("gather").Gather(source, numbers, target, 1, 1))
    if target is not y:
        builder.copy(target, y)
    return True


def _in_front(view: View, axes: Sequence[int]) -> View:
    """The view with these axes in front of the others."""
    order = [*axes, *(axis for axis in range(len(view.shape)) if axis not in axes)]
    return view.like(tuple(view.shape[axis] for axis in order), tuple(view.strides[axis] for axis in order))


def _roll(builder: Builder, call: Call) -> bool:
    """Two parts along each axis that is rolled change their places."""
    shift, axes = (tensor.array for tensor in call.inputs[1:])
    x, y = builder.view(call.inputs[0]), builder.view(call.outputs[0])
    if shift is None or axes is None:
        return False
    shifts = [0] * len(x.shape)
    for by, axis in np.broadcast(shift, axes):
        shifts[int(axis)] += int(by)
    parts = []
    for length, by in zip(x.shape, shifts, strict=True):
        by %= length
        parts.append([part for part in ((0, by, length - by), (length - by, 0, by)) if part[2]])
    pairs = [tuple(_part(view, chosen, side) for side, view in enumerate((x, y))) for chosen in product(*parts)]
    builder.emit(builder.family("copy").CopyMany(pairs))
    return True


def _part(view: View, chosen: Sequence[tuple[int, int, int]], side: int) -> View:
    """A part of a view, of which each axis has (begin in x, begin in y, length)."""
    begins = [part[side] for part in chosen]
    offset = sum(begin * stride for begin, stride in zip(begins, view.strides, strict=True)) * view.dtype.itemsize
    return view.like(tuple(part[2] for part in chosen), view.strides, view.offset + offset)


def _shuffle(builder: Builder, call: Call) -> bool:
    """(group, place) along the axis become (place, group)."""
    op: Any = call.op
    x, y = builder.view(call.inputs[0]), builder.view(call.outputs[0])
    axis = op.axis % len(x.shape)
    if len(x.shape) == MOST_DIMENSIONS:
        return False
    parts = op.group, x.shape[axis] // op.group
    dealt = _cut(y, axis, parts[::-1])
    order = [*range(axis), axis + 1, axis, *range(axis + 2, len(dealt.shape))]
    builder.copy(_cut(x, axis, parts), _in_front(dealt, order))
    return True


def _cut(view: View, axis: int, parts: tuple[int, int]) -> View:
    """The view with two axes in the place of one, of which the second counts faster."""
    stride = view.strides[axis]
    return view.like(
        (*view.shape[:axis], *parts, *view.shape[axis + 1 :]),
        (*view.strides[:axis], stride * parts[1], stride, *view.strides[axis + 1 :]),
    )


def _space_to_batch(builder: Builder, call: Call) -> bool:
    x, y = builder.view(call.inputs[0]), builder.view(call.outputs[0])
    blocks, begin, end = (tensor.array for tensor in call.inputs[1:])
    if blocks is None or begin is None or end is None or 2 * len(x.shape) - 1 > MOST_DIMENSIONS:
        return False
    if begin.any() or end.any():
        sizes = np.asarray(x.shape) + begin + end
        padded = builder.scratch(x.dtype, sizes.tolist())
        builder.emit(builder.family("copy").Pad(x, padded, begin.tolist(), end.tolist(), "constant", 0))
        x = padded
    batched, spread = _blocks(y, x, blocks.tolist())
    builder.copy(spread, batched)
    return True


def _batch_to_space(builder: Builder, call: Call) -> bool:
    x, y = builder.view(call.inputs[0]), builder.view(call.outputs[0])
    blocks, begin, end = (tensor.array for tensor in call.inputs[1:])
    if blocks is None or begin is None or end is None or 2 * len(x.shape) - 1 > MOST_DIMENSIONS:
        return False
    cropped = bool(begin.any() or end.any())
    sizes = np.asarray(y.shape) + begin + end
    whole = builder.scratch(y.dtype, sizes.tolist()) if cropped else y
    builder.copy(*_blocks(x, whole, blocks.tolist()))
    if cropped:
        chosen = [(first, 0, length) for first, length in zip(begin.tolist(), y.shape, strict=True)]
        builder.copy(_part(whole, chosen, 0), y)
    return True


def _blocks(batched: View, spread: View, blocks: Sequence[int]) -> tuple[View, View]:
    """Both seen as (batch, blocks of each other axis, places in each block); places count slower than the batch in
    `batched`, and faster than the blocks in `spread`."""
    batch, step = spread.shape[0], batched.strides[0] * spread.shape[0]
    places = [step * prod(blocks[i + 1 :]) for i in range(1, len(blocks))]
    shape = (batch, *batched.shape[1:], *blocks[1:])
    steps = [stride * block for stride, block in zip(spread.strides[1:], blocks[1:], strict=True)]
    return (
        batched.like(shape, (*batched.strides, *places)),
        spread.like(shape, (spread.strides[0], *steps, *spread.strides[1:])),
    )


LOWERINGS: dict[str, Lowering] = {
    "BatchToSpace": _batch_to_space,
    "OneHot": _one_hot,
    "ReverseSequence": _reverse_sequence,
    "Roll": _roll,
    "ShuffleChannels": _shuffle,
    "SpaceToBatch": _space_to_batch,
}
