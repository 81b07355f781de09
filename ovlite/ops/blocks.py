"""Operators that move elements between dimensions in blocks, or turn parts of a tensor around."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import ClassVar

import numpy as np

from ..errors import ModelError
from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape
from .axes import (
    integers,
    length_of,
    normalized,
    one_of,
    require,
    require_integers,
    require_rank,
    shifted,
    static_shapes,
    unique_axes,
)
from .declare import Declared
from .views import Viewing


def divided(dim: Dimension, by: int, what: str) -> Dimension:
    """dim / by. Raises ModelError unless the result can be whole."""
    if dim.is_static and dim.get_length() % by:
        raise ModelError(f"{what} is {dim}, which {by} does not divide")
    low = Dimension(-(-dim.min_length // by), -1)
    return (dim // by).intersect(low) or Dimension()


@dataclass(frozen=True)
class SpaceToDepth(Declared):
    """[N, C, D1, ...] to [N, C * block_size ** k, D1 / block_size, ...] for k spatial dimensions.

    mode: blocks_first (in the new channels the place in a block comes first) or depth_first (the
    channel comes first).
    """

    mode: str = "blocks_first"
    block_size: int = 1

    type = "SpaceToDepth"
    factory = "space_to_depth"
    signature = "data, mode, block_size=1"
    inputs = ("data",)
    moved_inputs: ClassVar[Sequence[int]] = (0,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        shape = _checked_blocks(self.mode, self.block_size, inputs[0].shape)
        if shape.has_rank:
            count = self.block_size ** (len(shape) - 2)
            spatial = [divided(dim, self.block_size, f"dimension {i + 2}") for i, dim in enumerate(shape[2:])]
            shape = PartialShape([shape[0], shape[1] * count, *spatial])
        return [TensorType(inputs[0].element_type, shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data = inputs[0]
        shape = static_shapes(self, data)[0]
        k = data.ndim - 2
        blocks = [part for dim in shape[2:] for part in (dim, self.block_size)]
        places = [3 + 2 * i for i in range(k)]
        channels = [*places, 1] if self.mode == "blocks_first" else [1, *places]
        order = [0, *channels, *[2 + 2 * i for i in range(k)]]
        return [data.reshape([*data.shape[:2], *blocks]).transpose(order).reshape(shape)]


@dataclass(frozen=True)
class DepthToSpace(Declared):
    """[N, C * block_size ** k, D1, ...] to [N, C, D1 * block_size, ...] for k spatial dimensions.

    mode: blocks_first (in the channels the place in a block comes first) or depth_first (the channel
    comes first).
    """

    mode: str = "blocks_first"
    block_size: int = 1

    type = "DepthToSpace"
    factory = "depth_to_space"
    signature = "node, mode, block_size=1"
    inputs = ("node",)
    moved_inputs: ClassVar[Sequence[int]] = (0,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        shape = _checked_blocks(self.mode, self.block_size, inputs[0].shape)
        if shape.has_rank:
            count = self.block_size ** (len(shape) - 2)
            shape = PartialShape(
                [
                    shape[0],
                    divided(shape[1], count, "the number of channels"),
                    *[dim * self.block_size for dim in shape[2:]],
                ]
            )
        return [TensorType(inputs[0].element_type, shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data = inputs[0]
        shape = static_shapes(self, data)[0]
        k = data.ndim - 2
        blocks = [self.block_size] * k
        first = self.mode == "blocks_first"
        parts = [shape[0], *blocks, shape[1], *data.shape[2:]] if first else [*shape[:2], *blocks, *data.shape[2:]]
        channel, places = (k + 1, range(1, k + 1)) if first else (1, range(2, k + 2))
        order = [0, channel, *[axis for i, place in enumerate(places) for axis in (k + 2 + i, place)]]
        return [data.reshape(parts).transpose(order).reshape(shape)]


def _checked_blocks(mode: str, block_size: int, shape: PartialShape) -> PartialShape:
    one_of(mode, ("blocks_first", "depth_first"), "mode")
    require(block_size > 0, f"expected block_size to be positive, got {block_size}")
    require(
        not shape.has_rank or len(shape) >= 3,
        f"expected a tensor with batch, channels and spatial dimensions, got shape {shape}",
    )
    return shape


@dataclass(frozen=True)
class SpaceToBatch(Declared):
    """Pads with zeros, cuts each dimension into blocks of block_shape and moves the places in a block to the batch.

    The batch of the output has the places in a block first: [prod(block_shape) * N, D1 / block_shape[1], ...].
    """

    type = "SpaceToBatch"
    opset = "opset2"
    factory = "space_to_batch"
    signature = "data, block_shape, pads_begin, pads_end"
    inputs = ("data", "block_shape", "pads_begin", "pads_end")
    since = 2
    value_inputs: ClassVar[tuple[int, ...]] = (1, 2, 3)
    moved_inputs: ClassVar[Sequence[int]] = (0,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data = inputs[0]
        blocks, begin, end = _block_inputs(data, inputs[1:])
        rank = _rank(inputs)
        if not data.shape.has_rank or blocks is None:
            return [TensorType(data.element_type, PartialShape.dynamic(rank))]
        batch = data.shape[0] * prod(blocks)
        spatial = [Dimension()] * (len(blocks) - 1)
        if begin is not None and end is not None:
            padded = [shifted(dim, a + b) for dim, a, b in zip(data.shape, begin, end, strict=True)]
            spatial = [divided(padded[i], blocks[i], f"padded dimension {i}") for i in range(1, len(blocks))]
        return [TensorType(data.element_type, PartialShape([batch, *spatial]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, block_shape, begin, end = inputs
        shape = static_shapes(self, *inputs)[0]
        padded = np.pad(data, np.stack([begin, end], 1))
        blocks = block_shape.tolist()[1:]
        parts = [part for dim, block in zip(shape[1:], blocks, strict=True) for part in (dim, block)]
        k = len(blocks)
        order = [*[2 + 2 * i for i in range(k)], 0, *[1 + 2 * i for i in range(k)]]
        return [padded.reshape([data.shape[0], *parts]).transpose(order).reshape(shape)]


@dataclass(frozen=True)
class BatchToSpace(Declared):
    """Moves the places in blocks from the batch back to the other dimensions, and crops these: undoes SpaceToBatch."""

    type = "BatchToSpace"
    opset = "opset2"
    factory = "batch_to_space"
    signature = "data, block_shape, crops_begin, crops_end"
    inputs = ("data", "block_shape", "crops_begin", "crops_end")
    since = 2
    value_inputs: ClassVar[tuple[int, ...]] = (1, 2, 3)
    moved_inputs: ClassVar[Sequence[int]] = (0,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data = inputs[0]
        blocks, begin, end = _block_inputs(data, inputs[1:])
        rank = _rank(inputs)
        if not data.shape.has_rank or blocks is None:
            return [TensorType(data.element_type, PartialShape.dynamic(rank))]
        batch = divided(data.shape[0], prod(blocks), "the batch")
        spatial = [Dimension()] * (len(blocks) - 1)
        if begin is not None and end is not None:
            for i, dim in enumerate(data.shape):
                fits = dim.is_dynamic or begin[i] + end[i] <= dim.get_length() * blocks[i]
                require(fits, f"crops {begin[i]} and {end[i]} are more than dimension {i}, {dim} blocks of {blocks[i]}")
            spatial = [shifted(data.shape[i] * blocks[i], -begin[i] - end[i]) for i in range(1, len(blocks))]
        return [TensorType(data.element_type, PartialShape([batch, *spatial]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, block_shape, begin = inputs[:3]
        shape = static_shapes(self, *inputs)[0]
        blocks = block_shape.tolist()[1:]
        k = len(blocks)
        order = [k, *[axis for i in range(k) for axis in (k + 1 + i, i)]]
        whole = [dim * block for dim, block in zip(data.shape[1:], blocks, strict=True)]
        spread = data.reshape([*blocks, shape[0], *data.shape[1:]]).transpose(order).reshape([shape[0], *whole])
        kept = [slice(a, a + length) for a, length in zip(begin.tolist(), shape, strict=True)]
        return [np.asarray(spread[tuple(kept)], order="C")]


def _block_inputs(
    data: Argument, parts: Sequence[Argument]
) -> tuple[list[int] | None, list[int] | None, list[int] | None]:
    """block_shape and the two pads or crops, as far as they are known."""
    for name, argument in zip(("block_shape", "the begins", "the ends"), parts, strict=True):
        require_integers(argument, f"the elements of {name}")
        require_rank(argument, 1, name)
        count = length_of(argument)
        fits = count is None or not data.shape.has_rank or count == len(data.shape)
        require(fits, f"expected {name} to have one element for each dimension of shape {data.shape}, got {count}")
    require(
        not data.shape.has_rank or len(data.shape) >= 2,
        f"expected a tensor with a batch and other dimensions, got shape {data.shape}",
    )
    blocks, begin, end = (integers(argument) for argument in parts)
    require(blocks is None or min(blocks) > 0, f"expected block_shape to hold positive numbers, got {blocks}")
    require(blocks is None or blocks[0] == 1, f"expected block_shape to start with 1, for the batch, got {blocks}")
    for values in (begin, end):
        require(
            values is None or (values[0] == 0 and min(values) >= 0),
            f"expected pads and crops to be 0 for the batch and 0 or more elsewhere, got {values}",
        )
    return blocks, begin, end


def _rank(inputs: Sequence[Argument]) -> int | None:
    """The rank of the data, or what the other inputs tell of it."""
    if inputs[0].shape.has_rank:
        return len(inputs[0].shape)
    return next((count for count in map(length_of, inputs[1:]) if count is not None), None)


@dataclass(frozen=True)
class ShuffleChannels(Declared):
    """Cuts dimension `axis` into `group` parts and deals their elements out in turn."""

    axis: int = 1
    group: int = 1

    type = "ShuffleChannels"
    factory = "shuffle_channels"
    signature = "data, axis, group"
    inputs = ("data",)
    since = 3
    moved_inputs: ClassVar[Sequence[int]] = (0,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data = inputs[0]
        require(self.group > 0, f"expected group to be positive, got {self.group}")
        if data.shape.has_rank:
            axis = normalized(self.axis, len(data.shape))
            divided(data.shape[axis], self.group, f"dimension {axis}")
        return [TensorType(data.element_type, data.shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data = inputs[0]
        shape = static_shapes(self, data)[0]
        axis = normalized(self.axis, data.ndim)
        grouped = data.reshape([*shape[:axis], self.group, shape[axis] // self.group, *shape[axis + 1 :]])
        return [np.swapaxes(grouped, axis, axis + 1).reshape(shape)]


@dataclass(frozen=True)
class Reverse(Viewing):
    """Turns a tensor around along axes.

    mode: index (the second input holds axes) or mask (it holds a boolean for each axis).
    """

    mode: str = "index"

    type = "Reverse"
    inputs = ("data", "reversed_axes")
    moved_inputs: ClassVar[Sequence[int]] = (0,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, axes = inputs
        one_of(self.mode, ("index", "mask"), "mode")
        require_rank(axes, 1, "the reversed axes")
        if self.mode == "index":
            require_integers(axes, "axes")
            known = integers(axes)
            if known is not None and data.shape.has_rank:
                unique_axes(known, len(data.shape))
        else:
            count = length_of(axes)
            fits = count is None or not data.shape.has_rank or count == len(data.shape)
            require(
                fits,
                f"expected a mask of axes to have one element for each dimension of shape {data.shape}, got {count}",
            )
        return [TensorType(data.element_type, data.shape)]

    def views(self, shapes: Sequence[tuple[int, ...]], data: Array, *steering: Array) -> Sequence[Array]:
        (axes,) = steering
        chosen = np.flatnonzero(axes) if self.mode == "mask" else axes
        return [np.flip(data, tuple(chosen.tolist()))]


@dataclass(frozen=True)
class ReverseSequence(Declared):
    """Turns the first seq_lengths[i] elements along seq_axis around, for each i along batch_axis."""

    batch_axis: int = 0
    seq_axis: int = 1

    type = "ReverseSequence"
    factory = "reverse_sequence"
    signature = "input, seq_lengths, batch_axis, seq_axis"
    inputs = ("input", "seq_lengths")
    moved_inputs: ClassVar[Sequence[int]] = (0,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, lengths = inputs
        require_rank(lengths, 1, "seq_lengths")
        if not data.shape.has_rank:
            return [TensorType(data.element_type, data.shape)]
        rank = len(data.shape)
        batch = normalized(self.batch_axis, rank, "batch_axis")
        normalized(self.seq_axis, rank, "seq_axis")
        dims = list(data.shape)
        if lengths.shape.has_rank:
            common = dims[batch].intersect(lengths.shape[0])
            if common is None:
                raise ModelError(
                    f"seq_lengths {lengths.shape} has one element for each of {dims[batch]} along batch_axis"
                )
            dims[batch] = common
        return [TensorType(data.element_type, PartialShape(dims))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, lengths = inputs
        static_shapes(self, data, lengths)
        batch, axis = normalized(self.batch_axis, data.ndim), normalized(self.seq_axis, data.ndim)
        count = data.shape[axis]
        limits = lengths.astype(np.int64)
        require(
            bool(((limits >= 0) & (limits <= count)).all()),
            f"expected sequence lengths to be 0 to {count}, got {limits.tolist()}",
        )
        place = np.arange(count).reshape([-1 if i == axis else 1 for i in range(data.ndim)])
        limit = limits.reshape([-1 if i == batch else 1 for i in range(data.ndim)])
        order = np.where(place < limit, limit - 1 - place, place)
        return [np.take_along_axis(data, np.broadcast_to(order, data.shape), axis)]
