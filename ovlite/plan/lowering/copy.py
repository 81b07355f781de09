"""Calls that move elements: most of them only say where the elements already lie."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ...graph.operator import Array
from ...kernels.runtime.step import MOST_DIMENSIONS, View
from ..builder import Builder, Lowering
from ..calls import Call, Tensor


def _reorder(builder: Builder, call: Call) -> bool:
    builder.copy(builder.view(call.inputs[0]), builder.view(call.outputs[0]))
    return True


def _reshape(builder: Builder, call: Call) -> bool:
    """The same elements in another shape: a view where strides can say so, else a copy."""
    source, output = builder.view(call.inputs[0]), call.outputs[0]
    strides = reshaped_strides(source.shape, source.strides, output.shape)
    if strides is not None and maylie(builder, output, strides):
        builder.alias(output, source.like(output.shape, strides))
        return True
    target = builder.view(output)
    strides = reshaped_strides(target.shape, target.strides, source.shape)
    if strides is None:
        plain = builder.scratch(source.dtype, source.shape)
        builder.copy(source, plain)
        builder.copy(plain.like(output.shape), target)
    else:
        builder.copy(source, target.like(source.shape, strides))
    return True


def maylie(builder: Builder, tensor: Tensor, strides: Sequence[int]) -> bool:
    """True when the tensor has no place yet and needs none that these strides are not."""
    channels_last = not tensor.image or (not tensor.border and (strides[1] == 1 or tensor.shape[1] == 1))
    return channels_last and not builder.is_placed(tensor)


def reshaped_strides(shape: Sequence[int], strides: Sequence[int], to: Sequence[int]) -> tuple[int, ...] | None:
    """Strides with which the same elements, in the same order, have shape `to`; None when there are none."""
    if prod(shape) == 0:
        return (0,) * len(to)
    runs = _runs(shape, strides)
    found: list[int] = []
    length, stride = runs.pop() if runs else (1, 1)
    for size in reversed(to):
        if size == 1:
            found.append(stride)
            continue
        if length == 1 and runs:
            length, stride = runs.pop()
        if length % size:
            return None
        found.append(stride)
        length //= size
        stride *= size
    return tuple(reversed(found))


def _runs(shape: Sequence[int], strides: Sequence[int]) -> list[tuple[int, int]]:
    """(length, stride) of the dimensions, neighbours joined where together they are one run of elements."""
    runs: list[tuple[int, int]] = []
    for length, stride in zip(shape, strides, strict=True):
        if length == 1:
            continue
        if runs and runs[-1][1] == length * stride:
            runs[-1] = (runs[-1][0] * length, stride)
        else:
            runs.append((length, stride))
    return runs


def _transpose(builder: Builder, call: Call) -> bool:
    order = call.inputs[1].array
    if order is None:
        return False
    source = builder.view(call.inputs[0])
    axes = order.tolist() or range(len(source.shape) - 1, -1, -1)
    shape, strides = source.shape, source.strides
    lie(builder, call.outputs[0], source.like([shape[axis] for axis in axes], [strides[axis] for axis in axes]))
    return True


def _view(builder: Builder, call: Call) -> bool:
    """Slice, Split and the like, whose outputs are views: they are applied to an array of the same strides,
    and where its elements are afterwards is where the outputs lie."""
    source = builder.view(call.inputs[0])
    if source.size == 0 or any(tensor.array is None for tensor in call.inputs[1:]):
        return False
    itemsize = source.dtype.itemsize
    low = sum(min(0, (n - 1) * s) for n, s in zip(source.shape, source.strides, strict=True)) * itemsize
    high = sum(max(0, (n - 1) * s) for n, s in zip(source.shape, source.strides, strict=True)) * itemsize
    memory = np.empty(high - low + itemsize, np.uint8)
    steps = [s * itemsize for s in source.strides]
    stand_in: Array = np.ndarray(source.shape, source.dtype, memory, -low, steps)
    op: Any = call.op
    steering = [tensor.array for tensor in call.inputs[1:]]
    parts = op.views([tensor.shape for tensor in call.outputs], stand_in, *steering)
    first = stand_in.__array_interface__["data"][0]
    for tensor, part in zip(call.outputs, parts, strict=True):
        offset = part.__array_interface__["data"][0] - first if tensor.size else 0
        strides = tuple(stride // itemsize for stride in part.strides)
        lie(builder, tensor, source.like(tensor.shape, strides, source.offset + offset))
    return True


def lie(builder: Builder, tensor: Tensor, view: View) -> None:
    """Lets the tensor lie at `view`, or copies it from there when it has a place."""
    if tensor.within is not None and builder.view(tensor.within[0]).slot == view.slot:
        return
    if maylie(builder, tensor, view.strides):
        builder.alias(tensor, view)
    else:
        builder.copy(view, builder.view(tensor))


def with_axis(view: View, axis: int) -> View:
    """The view with one more axis, of one element, at this place."""
    return view.like((*view.shape[:axis], 1, *view.shape[axis:]), (*view.strides[:axis], 0, *view.strides[axis:]))


def _concat(builder: Builder, call: Call) -> bool:
    output = call.outputs[0]
    axis = call.op.attributes()["axis"] % len(output.shape)
    whole = builder.view(output)
    pairs, first = [], 0
    for tensor in call.inputs:
        length = tensor.shape[axis]
        if tensor.size and not (tensor.within is not None and tensor.within == (output, first)):
            offset = whole.offset + first * whole.strides[axis] * output.dtype.itemsize
            pairs.append((builder.view(tensor), whole.like(tensor.shape, whole.strides, offset)))
        first += length
    if pairs:
        builder.emit(builder.family("copy").CopyMany(pairs))
    return True


def _broadcast(builder: Builder, call: Call) -> bool:
    source, output = builder.view(call.inputs[0]), call.outputs[0]
    if len(call.inputs) > 2 or call.op.attributes().get("mode", "numpy") not in ("numpy", "bidirectional"):
        return False
    rank = len(output.shape) - len(source.shape)
    shape = (1,) * rank + source.shape
    strides = [
        0 if have == 1 and want != 1 else stride
        for have, want, stride in zip(shape, output.shape, (0,) * rank + source.strides, strict=True)
    ]
    builder.copy(source.like(output.shape, tuple(strides)), builder.view(output))
    return True


def _tile(builder: Builder, call: Call) -> bool:
    """x, repeated r times along each dimension, fills an output seen as (r0, d0, r1, d1, ...)."""
    source, target = builder.view(call.inputs[0]), builder.view(call.outputs[0])
    rank = len(target.shape)
    lengths = (1,) * (rank - len(source.shape)) + source.shape
    steps = (0,) * (rank - len(source.shape)) + source.strides
    shape: list[int] = []
    from_strides: list[int] = []
    to_strides: list[int] = []
    for whole, length, step, stride in zip(target.shape, lengths, steps, target.strides, strict=True):
        if length == 0:
            return True
        repeats = whole // length
        if repeats != 1:
            shape.append(repeats)
            from_strides.append(0)
            to_strides.append(length * stride)
        if length != 1 or repeats == 1:
            shape.append(length)
            from_strides.append(step)
            to_strides.append(stride)
    if len(shape) > MOST_DIMENSIONS:
        return False
    builder.copy(source.like(tuple(shape), tuple(from_strides)), target.like(tuple(shape), tuple(to_strides)))
    return True


def _blocks(builder: Builder, call: Call) -> bool:
    """DepthToSpace and SpaceToDepth: a copy between the deep tensor and the wide one, both seen as
    (N, channels of the wide one, then for each spatial dimension: blocks, places within a block)."""
    op: Any = call.op
    deepens = op.type == "SpaceToDepth"
    x, y = builder.view(call.inputs[0]), builder.view(call.outputs[0])
    deep, wide = (y, x) if deepens else (x, y)
    block, spatial = op.block_size, len(wide.shape) - 2
    if not 1 <= spatial <= 3:
        return False
    places = block**spatial
    first = op.mode == "blocks_first"  # the places within a block count slower than the channels
    shape, deep_strides = [*wide.shape[:2]], [deep.strides[0], deep.strides[1] * (1 if first else places)]
    wide_strides = [*wide.strides[:2]]
    step = deep.strides[1] * (wide.shape[1] if first else 1)
    for i in range(spatial):
        shape += [deep.shape[2 + i], block]
        deep_strides += [deep.strides[2 + i], step * block ** (spatial - 1 - i)]
        wide_strides += [wide.strides[2 + i] * block, wide.strides[2 + i]]
    deep, wide = deep.like(tuple(shape), tuple(deep_strides)), wide.like(tuple(shape), tuple(wide_strides))
    builder.copy(*((wide, deep) if deepens else (deep, wide)))
    return True


def _pad(builder: Builder, call: Call) -> bool:
    x, y = builder.view(call.inputs[0]), builder.view(call.outputs[0])
    begin, end, *fill = [tensor.array for tensor in call.inputs[1:]]
    if begin is None or end is None or any(array is None for array in fill):
        return False
    mode = call.op.attributes()["pad_mode"]
    if mode != "constant" and min(begin.min(initial=0), end.min(initial=0)) < 0:
        return False  # what is cropped may have been mirrored before
    value = fill[0].reshape(-1)[0].item() if fill and fill[0] is not None else 0
    builder.emit(builder.family("copy").Pad(x, y, begin.tolist(), end.tolist(), mode, value))
    return True


LOWERINGS: dict[str, Lowering] = {
    "Reorder": _reorder,
    **dict.fromkeys(("Reshape", "Squeeze", "Unsqueeze", "Assign"), _reshape),
    "ReadValue": lambda builder, call: bool(call.inputs) and _reshape(builder, call),
    "Transpose": _transpose,
    **dict.fromkeys(("Reverse", "Slice", "StridedSlice", "Split", "VariadicSplit"), _view),
    "Concat": _concat,
    "Broadcast": _broadcast,
    "Tile": _tile,
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth"), _blocks),
    "Pad": _pad,
}
