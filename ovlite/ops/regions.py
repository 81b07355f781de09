"""Regions of two-stage detectors: GenerateProposals and the ExperimentalDetectron operators.

Boxes are (x1, y1, x2, y2) in pixels of the image; im_info holds its height, its width, and its scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import numpy as np

from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape, Type
from .axes import index_type, merged_type, require
from .boxes import by_score, keep_best, overlaps
from .declare import Declared
from .recurrent import merged_dims
from .roi import ROIAlign
from .window import Ints

MOST_GROWTH = math.log(1000 / 16)  # of a box's side, as a logarithm


def moved(boxes: Array, deltas: Array, margin: float, most: float) -> Array:
    """Boxes [..., 4] moved by deltas (dx, dy, log of width, log of height), which are relative to their sides.

    margin: added to sides, 1 for boxes of whole pixels; most: bound of the logarithms.
    """
    sides = boxes[..., 2:] - boxes[..., :2] + np.float32(margin)
    centers = boxes[..., :2] + sides / 2 + deltas[..., :2] * sides
    half = np.exp(np.minimum(deltas[..., 2:], np.float32(most))) * sides / 2
    return np.concatenate([centers - half, centers + half - np.float32(margin)], -1)


def clipped(boxes: Array, height: float, width: float, margin: float) -> Array:
    """Boxes inside an image."""
    return boxes.clip(0, np.array([width - margin, height - margin] * 2, np.float32))


def propose(
    anchors: Array, deltas: Array, scores: Array, im_info: Array, least: Array, margin: float, counts: tuple[int, int],
    threshold: float, eta: float = 1, overlap_margin: float = 0, drop_small_first: bool = False,
) -> tuple[Array, Array]:  # fmt: skip
    """(boxes, scores) of an image, best first.

    anchors, deltas [n, 4], scores [n]; least: width and height of the smallest box; counts: boxes looked at, and kept.
    drop_small_first: boxes that are too small are not among those looked at.
    """
    height, width = (float(value) for value in im_info[:2])
    boxes = clipped(moved(anchors, deltas, margin, MOST_GROWTH), height, width, margin)
    large: Array = np.all(boxes[:, 2:] - boxes[:, :2] + np.float32(margin) >= least, axis=1)
    order = by_score(scores)
    if drop_small_first:
        order = order[large[order]]
    order = order[: counts[0]]
    order = order[large[order]]
    kept = order[keep_best(boxes[order], threshold, counts[1], partial(overlaps, margin=overlap_margin), eta)]
    return boxes[kept], scores[kept]


def by_cell(array: Array) -> Array:
    """[A * 4, H, W] as [H * W * A, 4]."""
    return np.moveaxis(array.reshape(-1, 4, *array.shape[1:]), (2, 3), (0, 1)).reshape(-1, 4)


@dataclass(frozen=True)
class GenerateProposals(Declared):
    """Inputs, for A anchors a cell: im_info [N, 3 or 4], anchors [H, W, A, 4], deltas [N, A * 4, H, W], and
    scores [N, A, H, W].

    Outputs: boxes of all images [n, 4], their scores [n], and how many are each image's [N].
    """

    min_size: float
    nms_threshold: float
    pre_nms_count: int
    post_nms_count: int
    normalized: bool = True
    nms_eta: float = 1.0
    roi_num_type: Type = Type.i64

    type = "GenerateProposals"
    opset = "opset9"
    factory = "generate_proposals"
    since = 9
    signature = (
        "im_info, anchors, deltas, scores, min_size, nms_threshold, pre_nms_count, post_nms_count, normalized=True, "
        "nms_eta=1.0, roi_num_type='i64'"
    )
    inputs: ClassVar[tuple[str, ...]] = ("im_info", "anchors", "deltas", "scores")

    def __post_init__(self) -> None:
        index_type(self.roi_num_type, "roi_num_type")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        element_type = merged_type(inputs, "inputs")
        batch, _ = merged_dims([inputs[0].shape], 2, "im_info")
        height, width, count, _ = merged_dims([inputs[1].shape, PartialShape([-1, -1, -1, 4])], 4, "anchors")
        batch, _, height, width = merged_dims([inputs[2].shape, PartialShape([batch, -1, height, width])], 4, "deltas")
        batch, *_ = merged_dims([inputs[3].shape, PartialShape([batch, count, height, width])], 4, "scores")
        rows = Dimension(0, (batch * self.post_nms_count).max_length)
        return [
            TensorType(element_type, PartialShape([rows, 4])),
            TensorType(element_type, PartialShape([rows])),
            TensorType(self.roi_num_type, PartialShape([batch])),
        ]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        im_info, anchors, deltas, scores = inputs
        margin = 0.0 if self.normalized else 1.0
        found = []
        for info, moves, chances in zip(im_info, deltas, scores, strict=True):
            least = self.min_size * np.array([info[-1], info[2]], np.float32)
            flat = np.moveaxis(chances, 0, -1).reshape(-1)
            counts = self.pre_nms_count, self.post_nms_count
            boxes = anchors.reshape(-1, 4)
            found.append(
                propose(
                    boxes, by_cell(moves), flat, info, least, margin, counts, self.nms_threshold, self.nms_eta, margin
                )
            )
        counted = np.array([len(kept) for _, kept in found], self.roi_num_type.to_dtype())
        return [np.concatenate([boxes for boxes, _ in found]), np.concatenate([kept for _, kept in found]), counted]


@dataclass(frozen=True)
class ExperimentalDetectronGenerateProposalsSingleImage(Declared):
    """Inputs: im_info [3], anchors [H * W * A, 4], deltas [A * 4, H, W], scores [A, H, W].

    Outputs: the best post_nms_count boxes [n, 4] and their scores [n], filled up with zeros.
    """

    min_size: float
    nms_threshold: float
    post_nms_count: int
    pre_nms_count: int

    type = "ExperimentalDetectronGenerateProposalsSingleImage"
    opset = "opset6"
    since = 6

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        element_type = merged_type(inputs, "inputs")
        count = self.post_nms_count
        return [TensorType(element_type, PartialShape(shape)) for shape in ([count, 4], [count])]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        im_info, anchors, deltas, scores = inputs
        least = np.full(2, self.min_size, np.float32)
        flat = np.moveaxis(scores, 0, -1).reshape(-1)
        counts = self.pre_nms_count, self.post_nms_count
        boxes, kept = propose(
            anchors, by_cell(deltas), flat, im_info, least, 1.0, counts, self.nms_threshold, drop_small_first=True
        )
        return [_filled(boxes, self.post_nms_count), _filled(kept, self.post_nms_count)]


def _filled(array: Array, count: int) -> Array:
    """`count` rows, the last ones zeros."""
    rows = np.zeros((count, *array.shape[1:]), array.dtype)
    rows[: len(array)] = array[:count]
    return rows


@dataclass(frozen=True)
class ExperimentalDetectronDetectionOutput(Declared):
    """Inputs: rois [R, 4], deltas [R, C * 4], scores [R, C], im_info [1, 3]. Class 0 is the background.

    Outputs: the best boxes [n, 4], their classes i32 [n], and their scores [n], filled up with zeros.
    """

    score_threshold: float
    nms_threshold: float
    num_classes: int
    post_nms_count: int
    max_detections_per_image: int
    class_agnostic_box_regression: bool = False
    max_delta_log_wh: float = MOST_GROWTH
    deltas_weights: tuple[float, ...] = (10.0, 10.0, 5.0, 5.0)

    type = "ExperimentalDetectronDetectionOutput"
    opset = "opset6"
    since = 6

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        element_type, count = merged_type(inputs, "inputs"), self.max_detections_per_image
        types = (element_type, [count, 4]), (Type.i32, [count]), (element_type, [count])
        return [TensorType(found, PartialShape(shape)) for found, shape in types]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        rois, deltas, scores, _ = inputs
        moves = deltas.reshape(len(rois), -1, 4) / np.array(self.deltas_weights, np.float32)
        boxes = moved(rois[:, np.newaxis], moves, 1, self.max_delta_log_wh).clip(0)
        found: list[tuple[float, int, Array]] = []
        for label in range(1, self.num_classes):
            place = min(label, 1) if self.class_agnostic_box_regression else label
            order = by_score(scores[:, label])
            order = order[scores[order, label] > np.float32(self.score_threshold)]
            kept = order[keep_best(boxes[order, place], self.nms_threshold, self.post_nms_count)]
            found += [(float(scores[i, label]), label, boxes[i, place]) for i in kept]
        found = sorted(found, key=lambda item: -item[0])[: self.max_detections_per_image]
        count = self.max_detections_per_image
        return [
            _filled(np.array([box for _, _, box in found], boxes.dtype).reshape(-1, 4), count),
            _filled(np.array([label for _, label, _ in found], np.int32), count),
            _filled(np.array([score for score, _, _ in found], scores.dtype), count),
        ]


@dataclass(frozen=True)
class ExperimentalDetectronPriorGridGenerator(Declared):
    """priors [P, 4] at each cell of a feature map [1, C, H, W] of an image [1, C, h, w].

    Output: [H * W * P, 4], or [H, W, P, 4] without flatten. stride_x, stride_y: pixels between cells, 0 to
    spread them over the image. h, w: of the grid, the same as the feature map's.
    """

    flatten: bool = True
    h: int = 0
    w: int = 0
    stride_x: float = 0.0
    stride_y: float = 0.0

    type = "ExperimentalDetectronPriorGridGenerator"
    opset = "opset6"
    since = 6

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        count, _ = merged_dims([inputs[0].shape, PartialShape([-1, 4])], 2, "priors")
        _, _, height, width = merged_dims([inputs[1].shape], 4, "feature_map")
        shape = [height * width * count, 4] if self.flatten else [height, width, count, 4]
        return [TensorType(inputs[0].element_type, PartialShape(shape))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        priors, features, image = inputs
        height, width = features.shape[2:]
        x = (np.arange(width) + 0.5) * (self.stride_x or image.shape[3] / width)
        y = (np.arange(height) + 0.5) * (self.stride_y or image.shape[2] / height)
        centers = np.stack(np.meshgrid(x, y), -1).astype(priors.dtype)
        boxes = priors + np.concatenate([centers, centers], -1)[:, :, np.newaxis]
        return [boxes.reshape(-1, 4) if self.flatten else boxes]


@dataclass(frozen=True)
class ExperimentalDetectronROIFeatureExtractor(Declared):
    """Inputs: rois [R, 4], then feature maps [1, C, H, W] of a pyramid. Outputs: [R, C, output_size, output_size],
    and the rois.

    A region is read from the map that fits its size: one of 224 pixels from the third.
    """

    output_size: int
    sampling_ratio: int
    pyramid_scales: Ints
    aligned: bool = False

    type = "ExperimentalDetectronROIFeatureExtractor"
    opset = "opset6"
    since = 6

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        require(len(inputs) == len(self.pyramid_scales) + 1, f"there are {len(self.pyramid_scales)} feature maps")
        element_type = merged_type(inputs, "inputs")
        regions, _ = merged_dims([inputs[0].shape, PartialShape([-1, 4])], 2, "rois")
        channels: Dimension = Dimension()
        for argument in inputs[1:]:
            _, channels, _, _ = merged_dims([argument.shape, PartialShape([-1, channels, -1, -1])], 4, "a feature map")
        pooled = PartialShape([regions, channels, self.output_size, self.output_size])
        return [TensorType(element_type, pooled), TensorType(element_type, PartialShape([regions, 4]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        rois, *maps = inputs
        sides = rois[:, 2:] - rois[:, :2]
        area = np.sqrt(np.where((sides > 0).all(1), sides[:, 0] * sides[:, 1], 0))
        with np.errstate(divide="ignore"):
            levels = np.floor(2 + np.log2(area / np.float32(224) + np.float32(1e-6))).clip(0, len(maps) - 1).astype(int)
        pooled = np.zeros((len(rois), maps[0].shape[1], self.output_size, self.output_size), rois.dtype)
        mode = "half_pixel_for_nn" if self.aligned else "asymmetric"
        for level, (features, scale) in enumerate(zip(maps, self.pyramid_scales, strict=True)):
            chosen = levels == level
            op = ROIAlign(self.output_size, self.output_size, self.sampling_ratio, 1 / scale, "avg", mode)
            pooled[chosen] = op.evaluate(features, rois[chosen], np.zeros(int(chosen.sum()), np.int64))[0]
        return [pooled, rois]


@dataclass(frozen=True)
class ExperimentalDetectronTopKROIs(Declared):
    """The max_rois regions [n, 4] with the highest probabilities, from rois [R, 4] and probabilities [R]."""

    max_rois: int = 0

    type = "ExperimentalDetectronTopKROIs"
    opset = "opset6"
    since = 6

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        merged_dims([inputs[0].shape, PartialShape([-1, 4])], 2, "rois")
        return [TensorType(inputs[0].element_type, PartialShape([self.max_rois, 4]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        rois, probabilities = inputs
        return [_filled(rois[by_score(probabilities)[: self.max_rois]], self.max_rois)]
