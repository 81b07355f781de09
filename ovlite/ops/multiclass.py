"""MulticlassNms and MatrixNms: boxes kept over all classes, with rows of (class, score, x1, y1, x2, y2).

boxes [B, N, 4] and scores [B, C, N]. MulticlassNms also takes boxes of each class: boxes [C, M, 4], scores
[C, M], roisnum [B], which says how many of the M boxes are each image's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import ClassVar, NamedTuple

import numpy as np

from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape, Type
from .axes import index_type, merged_type, one_of
from .boxes import by_score, keep_best, overlaps
from .declare import Declared
from .recurrent import merged_dims

SORTED = "sort_result_type='none', sort_result_across_batch=False, output_type='i64'"
MATRIX = (
    "score_threshold=0.0, nms_top_k=-1, keep_top_k=-1, background_class=-1, decay_function='linear', "
    "gaussian_sigma=2.0, post_threshold=0.0, normalized=True"
)
MULTICLASS = (
    "iou_threshold=0.0, score_threshold=0.0, nms_top_k=-1, keep_top_k=-1, background_class=-1, nms_eta=1.0, "
    "normalized=True"
)


class Row(NamedTuple):
    """A box that is kept: its image, class, place in the input, score, and corners."""

    image: int
    category: int
    box: int
    score: float
    corners: Array


@dataclass(frozen=True)
class PerImage(Declared):
    """Base of both operators.

    sort_result_type: "score", "classid" (then by score), or "none": as found; sort_result_across_batch: over
    all images; MatrixNms sorts only so, and gives the rows of an image by score otherwise. nms_top_k: boxes of
    a class that are looked at; keep_top_k: boxes of an image that are kept.
    Outputs: rows [n, 6], their places in the flattened input [n, 1], and rows of each image [B].
    """

    sort_result_type: str = "none"
    sort_result_across_batch: bool = False
    output_type: Type = Type.i64
    score_threshold: float = 0.0
    nms_top_k: int = -1
    keep_top_k: int = -1
    background_class: int = -1
    normalized: bool = True

    inputs: ClassVar[tuple[str, ...]] = ("boxes", "scores")

    def __post_init__(self) -> None:
        one_of(self.sort_result_type, ("score", "classid", "none"), "sort_result_type")
        index_type(self.output_type, "output_type")

    @property
    def margin(self) -> float:
        """The number added to sides: 1 for boxes of whole pixels."""
        return 0.0 if self.normalized else 1.0

    def _rows(self, batch: Dimension, classes: Dimension, boxes: Dimension) -> Dimension:
        """How many rows there can be."""
        if self.background_class >= 0 and classes.is_static and self.background_class < classes.get_length():
            classes = classes - 1
        per_class = boxes
        if self.nms_top_k >= 0:
            per_class = Dimension(self.nms_top_k if boxes.max_length < 0 else min(self.nms_top_k, boxes.max_length))
        per_image = (per_class * classes).max_length
        if self.keep_top_k >= 0:
            per_image = self.keep_top_k if per_image < 0 else min(per_image, self.keep_top_k)
        return Dimension(0, (batch * per_image).max_length if per_image >= 0 else -1)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        boxes, scores = inputs[:2]
        element_type = merged_type((boxes, scores), "boxes and scores")
        batch, rows = self._sizes(inputs)
        return [
            TensorType(element_type, PartialShape([rows, 6])),
            TensorType(self.output_type, PartialShape([rows, 1])),
            TensorType(self.output_type, PartialShape([batch])),
        ]

    def _sizes(self, inputs: Sequence[Argument]) -> tuple[Dimension, Dimension]:
        """(images, rows)."""
        batch, count, _ = merged_dims([inputs[0].shape, PartialShape([-1, -1, 4])], 3, "boxes")
        batch, classes, count = merged_dims([inputs[1].shape, PartialShape([batch, -1, count])], 3, "scores")
        return batch, self._rows(batch, classes, count)

    def _outputs(self, images: Sequence[Sequence[Row]], dtype: np.dtype[np.generic]) -> list[Array]:
        """The outputs from the rows of each image, the best first in each."""
        rows = [row for image in images for row in image]
        if self.sort_result_across_batch:
            rows = self._sorted(rows)
        table = np.array([[row.category, row.score, *row.corners] for row in rows], dtype).reshape(-1, 6)
        index = self.output_type.to_dtype()
        places = np.array([row.box for row in rows], index).reshape(-1, 1)
        return [table, places, np.array([len(image) for image in images], index)]

    def _sorted(self, rows: Sequence[Row]) -> list[Row]:
        if self.sort_result_type == "score":
            return sorted(rows, key=lambda row: (-row.score, row.image, row.category, row.box))
        if self.sort_result_type == "classid":
            return sorted(rows, key=lambda row: (row.category, row.image, -row.score, row.box))
        return list(rows)

    def _best(self, rows: list[Row]) -> list[Row]:
        """The keep_top_k best rows of an image, the best first."""
        rows = sorted(rows, key=lambda row: -row.score)
        return rows if self.keep_top_k < 0 else rows[: self.keep_top_k]

    def _candidates(self, scores: Array, strict: bool) -> Array:
        """Boxes of a class, best first. strict: whether scores are above the threshold, or may equal it."""
        order = by_score(scores)
        limit = np.float32(self.score_threshold)
        order = order[scores[order] > limit if strict else scores[order] >= limit]
        return order[: self.nms_top_k] if self.nms_top_k > -1 else order


@dataclass(frozen=True)
class MulticlassNmsV8(PerImage):
    """Non-maximum suppression in each class, then the best of all. nms_eta: as in `keep_best`."""

    iou_threshold: float = 0.0
    nms_eta: float = 1.0

    type = "MulticlassNms"
    opset = "opset8"
    factory = "multiclass_nms"
    since = 8
    until = 8
    signature = f"boxes, scores, {SORTED}, {MULTICLASS}"

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        boxes, scores = inputs[:2]
        images = [self._image(i, *parts) for i, parts in enumerate(self._split(inputs))]
        if len(inputs) < 3:
            images = [[row._replace(box=row.box + row.image * boxes.shape[1]) for row in rows] for rows in images]
        return self._outputs([self._sorted(rows) for rows in images], scores.dtype)

    def _split(self, inputs: Sequence[Array]) -> Iterator[tuple[Array, Array, Array]]:
        """For each image: boxes [C, N, 4], scores [C, N], and the place [C, N] of each box."""
        boxes, scores = inputs[:2]
        if len(inputs) < 3:
            for image in range(len(boxes)):
                shared = np.broadcast_to(boxes[image], (scores.shape[1], *boxes.shape[1:]))
                yield shared, scores[image], np.broadcast_to(np.arange(boxes.shape[1]), scores.shape[1:])
            return
        ends = np.cumsum(inputs[2])
        places = np.arange(scores.size).reshape(scores.shape[1], -1).T if scores.size else np.zeros(scores.shape, int)
        for start, end in zip(ends - inputs[2], ends, strict=True):
            yield boxes[:, start:end], scores[:, start:end], places[:, start:end]

    def _image(self, image: int, boxes: Array, scores: Array, places: Array) -> list[Row]:
        rows = []
        overlap = partial(overlaps, margin=self.margin, joins=True)
        for category, row in enumerate(scores):
            if category == self.background_class:
                continue
            order = self._candidates(row, False)
            chosen = boxes[category][order]
            for i in keep_best(chosen, self.iou_threshold, len(order), overlap, self.nms_eta):
                box = order[i]
                rows.append(Row(image, category, int(places[category, box]), float(row[box]), boxes[category, box]))
        return self._best(rows)


class MulticlassNms(MulticlassNmsV8):
    """As version 8; with roisnum, each class has boxes of its own."""

    type = "MulticlassNms"
    opset = "opset9"
    factory = "multiclass_nms"
    since = 9
    until = 16
    signature = f"boxes, scores, roisnum=None, {SORTED}, {MULTICLASS}"
    inputs: ClassVar[tuple[str, ...]] = ("boxes", "scores", "roisnum")

    def _sizes(self, inputs: Sequence[Argument]) -> tuple[Dimension, Dimension]:
        if len(inputs) < 3:
            return super()._sizes(inputs)
        classes, count, _ = merged_dims([inputs[0].shape, PartialShape([-1, -1, 4])], 3, "boxes")
        classes, count = merged_dims([inputs[1].shape, PartialShape([classes, count])], 2, "scores")
        (batch,) = merged_dims([inputs[2].shape], 1, "roisnum")
        return batch, self._rows(batch, classes, count)


@dataclass(frozen=True)
class MatrixNms(PerImage):
    """Scores lowered by how much better boxes of the class overlap, all at once; source: Wang et al., SOLOv2.

    decay_function: "gaussian" exp((m^2 - iou^2) * gaussian_sigma), or "linear" (1 - iou) / (1 - m), where m is
    the largest overlap of the better box. post_threshold: of the lowered scores.
    """

    decay_function: str = "linear"
    gaussian_sigma: float = 2.0
    post_threshold: float = 0.0

    type = "MatrixNms"
    opset = "opset8"
    factory = "matrix_nms"
    since = 8
    signature = f"boxes, scores, {SORTED}, {MATRIX}"

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of(self.decay_function, ("gaussian", "linear"), "decay_function")

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        boxes, scores = inputs
        images = []
        for image in range(len(boxes)):
            rows = []
            for category, row in enumerate(scores[image]):
                if category != self.background_class:
                    rows += [
                        Row(image, category, image * boxes.shape[1] + box, score, boxes[image, box])
                        for box, score in self._class(boxes[image], row)
                    ]
            images.append(self._best(rows))
        return self._outputs(images, scores.dtype)

    def _class(self, boxes: Array, scores: Array) -> Iterator[tuple[int, float]]:
        """(box, lowered score) of a class."""
        order = self._candidates(scores, True)
        if not len(order):
            return
        chosen = boxes[order]
        shared = np.tril(overlaps(chosen[:, np.newaxis], chosen[np.newaxis], self.margin), -1)
        most = shared.max(1)  # of each box with a better one
        if self.decay_function == "gaussian":
            factors = np.exp((most[np.newaxis] ** 2 - shared**2) * np.float32(self.gaussian_sigma))
        else:
            factors = (1 - shared) / (1 - most[np.newaxis])
        better = np.tri(len(order), k=-1, dtype=bool)
        lowered = np.where(better, factors, 1).min(1, initial=1) * scores[order]
        for i in np.flatnonzero(lowered > np.float32(self.post_threshold)):
            yield int(order[i]), float(lowered[i])
