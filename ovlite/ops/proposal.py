"""Proposal: regions of interest from anchors at each cell of a feature map."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np

from ..errors import UserInputError
from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import PartialShape
from .axes import merged_type, require
from .boxes import by_score, keep_best, overlaps
from .declare import Declared, Text
from .recurrent import merged_dims

NEEDED = ("base_size", "pre_nms_topn", "post_nms_topn", "nms_thresh", "feat_stride", "min_size", "ratio", "scale")


@dataclass(frozen=True)
class ProposalV1(Declared):
    """Inputs, for A anchors a cell: class_probs [N, 2 * A, H, W], the second half of foreground; bbox_deltas
    [N, 4 * A, H, W]; image_shape [height, width, scale] or [height, width, scale of y, scale of x].

    Output [N * post_nms_topn, 5] of (image, x1, y1, x2, y2); behind the last region comes image -1.
    framework: "tensorflow" has exact anchors around the origin, and x and y of cells and image swapped; others have no
    effect.
    """

    base_size: int
    pre_nms_topn: int
    post_nms_topn: int
    nms_thresh: float = 0.0
    feat_stride: int = 1
    min_size: int = 1
    ratio: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    clip_before_nms: bool = True
    clip_after_nms: bool = False
    normalize: bool = False
    box_size_scale: float = 1.0
    box_coordinate_scale: float = 1.0
    framework: Text = Text("")

    type = "Proposal"
    factory = "proposal"
    until = 3
    signature = "class_probs, bbox_deltas, image_shape, attrs"
    inputs: ClassVar[tuple[str, ...]] = ("class_probs", "bbox_deltas", "image_shape")

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        for name in NEEDED:
            if name not in given["attrs"]:
                raise UserInputError(f"proposal needs the attribute {name!r}")
        return {**given, **given["attrs"]}

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        element_type = merged_type(inputs, "inputs")
        batch, _, height, width = merged_dims([inputs[0].shape], 4, "class_probs")
        batch, *_ = merged_dims([PartialShape([batch, -1, height, width]), inputs[1].shape], 4, "bbox_deltas")
        require(not inputs[2].shape.has_rank or len(inputs[2].shape) == 1, "image_shape has 3 or 4 elements")
        return [TensorType(element_type, PartialShape([batch * self.post_nms_topn, 5]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return self._propose(*inputs)[:1]

    @property
    def _exact(self) -> bool:
        return self.framework == "tensorflow"

    def _propose(self, probabilities: Array, deltas: Array, image_shape: Array) -> list[Array]:
        """Regions and their scores, filled up with zeros."""
        batch, limit = len(probabilities), self.post_nms_topn
        regions = np.zeros((batch * limit, 5), probabilities.dtype)
        scores = np.zeros(batch * limit, probabilities.dtype)
        for image in range(batch):
            boxes, found = self._image(probabilities[image], deltas[image], image_shape)
            first = image * limit
            place = slice(first, first + len(boxes))
            regions[place, 0], regions[place, 1:], scores[place] = image, boxes, found
            if len(boxes) < limit:
                regions[first + len(boxes), 0] = -1
        return [regions, scores]

    def _image(self, probabilities: Array, deltas: Array, image_shape: Array) -> tuple[Array, Array]:
        """(boxes, scores) of an image, best first."""
        height, width, scale_y, *scale_x = (float(value) for value in image_shape)
        if self._exact:
            height, width = width, height
        anchors = self._anchors()
        margin = 0.0 if self._exact else 1.0
        boxes = self._moved(self._placed(anchors, deltas.shape[1:], (height, width)), deltas, margin)
        if self.clip_before_nms:
            boxes = _clipped(boxes, height - margin, width - margin)
        sides = boxes[:, 2:] - boxes[:, :2] + np.float32(margin)
        least = self.min_size * np.array([(scale_x or [scale_y])[0], scale_y], np.float32)
        scores = np.moveaxis(probabilities[len(anchors) :], 0, -1).reshape(-1) * (sides >= least).all(1)
        order = by_score(scores)[: self.pre_nms_topn]
        kept = order[keep_best(boxes[order], self.nms_thresh, self.post_nms_topn, partial(overlaps, margin=margin))]
        boxes = boxes[kept]
        if self.clip_after_nms:
            boxes = _clipped(boxes, height, width)
        if self.normalize:
            boxes = boxes / np.array([width, height] * 2, np.float32)
        return boxes, scores[kept]

    def _anchors(self) -> Array:
        """[A, 4] boxes of all ratios and scales around the first cell."""
        margin = np.float32(0 if self._exact else 1)
        center = np.float32(0.5) * (np.float32(self.base_size) - margin)
        found = []
        for ratio in np.array(self.ratio, np.float32):
            width = np.sqrt(np.float32(self.base_size**2) / ratio)
            width = width if self._exact else np.floor(width + np.float32(0.5))
            height = width * ratio if self._exact else np.floor(width * ratio + np.float32(0.5))
            for scale in np.array(self.scale, np.float32):
                half_width, half_height = (width * scale - margin) / 2, (height * scale - margin) / 2
                box = [center - half_width, center - half_height, center + half_width, center + half_height]
                found.append(np.array(box, np.float32) - np.float32(self.base_size / 2 if self._exact else 0))
        return np.stack(found)

    def _placed(self, anchors: Array, cells: Sequence[int], size: tuple[float, float]) -> Array:
        """Anchors at all cells [H * W * A, 4]."""
        rows, columns = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in cells), indexing="ij")
        x, y = (rows, columns) if self._exact else (columns, rows)
        corners = np.stack([x, y, x, y], -1)[:, :, np.newaxis] * np.float32(self.feat_stride)
        boxes = (corners + anchors).reshape(-1, 4)
        return _clipped(boxes, *size) if self._exact else boxes

    def _moved(self, boxes: Array, deltas: Array, margin: float) -> Array:
        """Boxes moved and resized by deltas [4 * A, H, W]."""
        moves = np.moveaxis(deltas, 0, -1).reshape(-1, 4)
        sides = boxes[:, 2:] - boxes[:, :2] + np.float32(margin)
        centers = boxes[:, :2] + sides / 2 + moves[:, :2] / np.float32(self.box_coordinate_scale) * sides
        half = np.exp(moves[:, 2:] / np.float32(self.box_size_scale)) * sides / 2
        return np.concatenate([centers - half, centers + half], 1)


def _clipped(boxes: Array, height: Any, width: Any) -> Array:
    return boxes.clip(0, np.array([width, height] * 2, np.float32))


class Proposal(ProposalV1):
    """As the first version, with the scores [N * post_nms_topn] as a second output."""

    type = "Proposal"
    opset = "opset4"
    factory = "proposal"
    since = 4
    until = 16

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        (regions,) = super().infer(inputs)
        return [regions, TensorType(regions.element_type, PartialShape([regions.shape[0]]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return self._propose(*inputs)
