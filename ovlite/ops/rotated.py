"""NMSRotated: non-maximum suppression of rotated boxes.

boxes [B, N, 5] hold (center x, center y, width, height, angle in radians).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Type
from .axes import index_type
from .nms import Suppression, selection_outputs, selection_types


@dataclass(frozen=True)
class NMSRotated(Suppression):
    """Outputs as of NonMaxSuppression. clockwise: how angles turn, y growing downwards."""

    output_type: Type = Type.i64
    clockwise: bool = True

    type = "NMSRotated"
    opset = "opset13"
    factory = "nms_rotated"
    since = 13
    columns: ClassVar[int] = 5
    signature = (
        "boxes, scores, max_output_boxes_per_class, iou_threshold, score_threshold, sort_result_descending=True, "
        "output_type='i64', clockwise=True"
    )

    def __post_init__(self) -> None:
        index_type(self.output_type, "output_type")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return selection_types(self._rows(inputs), self.output_type)

    def _outputs(self, chosen: Array, scores: Array) -> Sequence[Array]:
        return selection_outputs(chosen, scores, self.output_type)

    def prepared(self, boxes: Array) -> Array:
        return boxes if self.clockwise else boxes * np.array([1, 1, 1, 1, -1], boxes.dtype)

    def _overlap(self, box: Array, others: Array) -> Array:
        mine = corners(box)
        return np.array([_overlap(box, other, mine) for other in others], box.dtype)


def _overlap(box: Array, other: Array, polygon: Array) -> float:
    """Intersection over union; polygon: the first box's corners."""
    both = area(intersection(polygon, corners(other)))
    whole = float(box[2] * box[3] + other[2] * other[3]) - both
    return both / whole if whole > 0 else 0.0


def corners(box: Array) -> Array:
    """The corners [4, 2] of a box, one after the other with the inside on the left; f64."""
    x, y, width, height, angle = (float(value) for value in box)
    along = np.array([np.cos(angle), np.sin(angle)]) * width / 2
    across = np.array([-np.sin(angle), np.cos(angle)]) * height / 2
    return np.array([x, y]) + np.stack([-along - across, along - across, along + across, across - along])


def intersection(subject: Array, window: Array) -> Array:
    """The part of a convex polygon [n, 2] inside another; source: Sutherland and Hodgman's clipping."""
    for start, end in zip(window, np.roll(window, -1, axis=0), strict=True):
        if not len(subject):
            break
        edge = end - start
        sides = edge[0] * (subject[:, 1] - start[1]) - edge[1] * (subject[:, 0] - start[0])  # >= 0 inside
        points = []
        for i, point in enumerate(subject):
            following = (i + 1) % len(subject)
            if sides[i] >= 0:
                points.append(point)
            if (sides[i] >= 0) != (sides[following] >= 0):
                share = sides[i] / (sides[i] - sides[following])
                points.append(point + share * (subject[following] - point))
        subject = np.array(points).reshape(-1, 2)
    return subject


def area(polygon: Array) -> float:
    """Area of a polygon [n, 2]; source: the shoelace formula."""
    x, y = polygon.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)
