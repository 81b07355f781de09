"""The layers of YOLO v2 and v3 detectors; images are [N, C, H, W]."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import ClassVar

import numpy as np

from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape, Type
from .activation import sigmoid
from .axes import normalized, require, require_rank
from .declare import Declared
from .window import Ints


@dataclass(frozen=True)
class RegionYolo(Declared):
    """Boxes and classes of each cell: channels are regions of `coords` numbers, objectness, and classes.

    The first two coordinates and the objectness go through a sigmoid; the classes too, or through a softmax.
    do_softmax: `num` regions, and axes axis ... end_axis are flattened; else a region for each of `mask`.
    """

    coords: int
    classes: int
    num: int
    do_softmax: bool
    mask: Ints
    axis: int
    end_axis: int
    anchors: tuple[float, ...] = ()

    type = "RegionYolo"
    factory = "region_yolo"
    signature = "input, coords, classes, num, do_softmax, mask, axis, end_axis, anchors=None"
    inputs: ClassVar[tuple[str, ...]] = ("input",)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        (data,) = inputs
        require_rank(data, 4, "input")
        shape = data.shape if data.shape.has_rank else PartialShape.dynamic(4)
        if not self.do_softmax:
            channels = (self.classes + self.coords + 1) * len(self.mask)
            return [TensorType(data.element_type, PartialShape([shape[0], channels, shape[2], shape[3]]))]
        first, last = normalized(self.axis, 4), normalized(self.end_axis, 4, "end_axis")
        flat = prod(shape[first : last + 1], start=Dimension(1))
        return [TensorType(data.element_type, PartialShape([*shape[:first], flat, *shape[last + 1 :]]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        (data,) = inputs
        regions = self.num if self.do_softmax else len(self.mask)
        size = self.coords + self.classes + 1
        require(data.shape[1] == regions * size, f"{regions} regions of {size} channels are not {data.shape[1]}")
        found = data.reshape(data.shape[0], regions, size, *data.shape[2:]).copy()
        ends = (slice(0, 2), slice(self.coords, self.coords + 1 if self.do_softmax else size))
        for part in ends:
            found[:, :, part] = sigmoid(found[:, :, part])
        if self.do_softmax:
            scores = found[:, :, self.coords + 1 :]
            powers = np.exp(scores - scores.max(2, keepdims=True))
            found[:, :, self.coords + 1 :] = powers / powers.sum(2, keepdims=True)
        (tensor,) = self.infer([Argument(Type.dynamic, PartialShape(data.shape))])
        return [found.reshape(tuple(tensor.shape.to_shape()))]


@dataclass(frozen=True)
class ReorgYolo(Declared):
    """Images of stride * stride times the channels, each stride times smaller.

    The elements move as in the original implementation: as if the input were [N, C / stride^2, H * stride,
    W * stride], of which each block of stride * stride pixels goes to as many channels.
    """

    stride: Ints

    type = "ReorgYolo"
    opset = "opset2"
    factory = "reorg_yolo"
    since = 2
    signature = "input, stride"
    inputs: ClassVar[tuple[str, ...]] = ("input",)

    def __post_init__(self) -> None:
        require(len(self.stride) > 0 and min(self.stride) > 0, f"expected stride to be positive, got {self.stride}")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        (data,) = inputs
        require_rank(data, 4, "input")
        shape = data.shape if data.shape.has_rank else PartialShape.dynamic(4)
        step = self.stride[0]
        for dim in shape[2:]:
            require(
                dim.is_dynamic or dim.get_length() % step == 0,
                f"expected height and width to be multiples of {step}, got {shape}",
            )
        dims = [shape[0], shape[1] * (step * step), shape[2] // step, shape[3] // step]
        return [TensorType(data.element_type, PartialShape(dims))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        (data,) = inputs
        batch, channels, height, width = data.shape
        step = self.stride[0]
        require(channels >= step * step, f"{channels} channels are less than the {step * step} pixels of a block")
        blocks = data.reshape(batch, channels // step**2, height, step, width, step).transpose(0, 3, 5, 1, 2, 4)
        return [blocks.reshape(batch, channels * step**2, height // step, width // step)]
