"""Arithmetic of boxes, given by two corners [x1, y1, x2, y2] (or y first) in the last dimension."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..graph.operator import Array


def areas(boxes: Array, margin: float = 0) -> Array:
    """Areas; boxes turned inside out have none. margin: added to each side, 1 for boxes of whole pixels."""
    sides = boxes[..., 2:] - boxes[..., :2] + boxes.dtype.type(margin)
    inside_out = (boxes[..., 2:] < boxes[..., :2]).any(-1)
    return np.asarray(np.where(inside_out, boxes.dtype.type(0), sides[..., 0] * sides[..., 1]))


def overlaps(left: Array, right: Array, margin: float = 0, joins: bool = False) -> Array:
    """Intersection over union of boxes, broadcast; 0 where a box has no area.

    joins: boxes less than the margin apart overlap.
    """
    sides = np.minimum(left[..., 2:], right[..., 2:]) - np.maximum(left[..., :2], right[..., :2])
    apart = sides < (-margin if joins else 0)
    sides = np.where(apart, left.dtype.type(0), sides + left.dtype.type(margin))
    both = sides[..., 0] * sides[..., 1]
    area_left, area_right = areas(left, margin), areas(right, margin)
    whole = area_left + area_right - both
    none = (area_left <= 0) | (area_right <= 0)
    return np.where(none, 0, both / np.where(none | (whole <= 0), 1, whole)).astype(left.dtype, copy=False)


def ordered_corners(boxes: Array) -> Array:
    """The same boxes from any two opposite corners."""
    first, second = boxes[..., :2], boxes[..., 2:]
    return np.concatenate([np.minimum(first, second), np.maximum(first, second)], axis=-1)


def corners_of_centers(boxes: Array) -> Array:
    """Corners of boxes given as [x center, y center, width, height]."""
    half = boxes[..., 2:] / 2
    return np.concatenate([boxes[..., :2] - half, boxes[..., :2] + half], axis=-1)


def by_score(scores: Array) -> Array:
    """Indices from the highest score to the lowest; of equal ones the first comes first."""
    return np.argsort(-scores, kind="stable")


def keep_best(
    boxes: Array, threshold: float, limit: int, overlap: Callable[[Array, Array], Array] = overlaps, eta: float = 1
) -> list[int]:
    """Non-maximum suppression of boxes sorted by score: the indices kept, `limit` at most.

    A box is dropped when it overlaps a kept one by more than `threshold`. With eta below 1 the threshold
    shrinks by that factor for each box kept while it is above 0.5. overlap: of a box with several.
    """
    kept: list[int] = []
    rest = np.arange(len(boxes))
    most = np.full(len(boxes), -1, boxes.dtype)  # overlap of each of the rest with a kept box
    while len(rest) and len(kept) < limit:
        best, rest, most = int(rest[0]), rest[1:], most[1:]
        kept.append(best)
        if eta < 1 and threshold > 0.5:
            threshold *= eta
        most = np.maximum(most, overlap(boxes[best], boxes[rest]))
        free = most <= threshold
        rest, most = rest[free], most[free]
    return kept
