"""NonMaxSuppression: of boxes that overlap, the ones with the highest scores.

boxes [B, N, 4]; scores [B, C, N]: of each class C for each of the N boxes of a batch B.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape, Type
from .axes import index_type, integer, merged_type, one_of, require_rank, upper
from .boxes import by_score, corners_of_centers, keep_best, ordered_corners, overlaps
from .declare import Declared
from .recurrent import merged_dims

THRESHOLDS = "max_output_boxes_per_class=None, iou_threshold=None, score_threshold=None"


class Settings(NamedTuple):
    """limit: boxes of a class at most. threshold: of IoU. lowest: score that none is kept with. sigma: of soft
    suppression, 0 for none."""

    limit: int
    threshold: float
    lowest: float
    sigma: float

    @classmethod
    def of(cls, rest: Sequence[Array]) -> Settings:
        """The settings that the inputs behind the scores hold; 0 stands for those that are not there."""
        given = [array.reshape(-1)[0].item() for array in rest]
        limit, threshold, lowest, sigma = given + [0, 0.0, 0.0, 0.0][len(given) :]
        return cls(max(int(limit), 0), threshold, lowest, sigma)


@dataclass(frozen=True)
class Suppression(Declared):
    """Base of all operators of the family.

    sort_result_descending: by score over all batches and classes, else by batch, class, score.
    """

    sort_result_descending: bool = True

    columns: ClassVar[int] = 4  # of a box

    value_inputs: ClassVar[tuple[int, ...]] = (2,)
    inputs: ClassVar[tuple[str, ...]] = (
        "boxes",
        "scores",
        "max_output_boxes_per_class",
        "iou_threshold",
        "score_threshold",
    )

    def _sizes(self, inputs: Sequence[Argument]) -> tuple[Dimension, Dimension, Dimension]:
        """(batches, classes, boxes)."""
        boxes, scores = inputs[:2]
        merged_type((boxes, scores), "boxes and scores")
        require_rank(boxes, 3, "boxes")
        require_rank(scores, 3, "scores")
        batch, count, _ = merged_dims([boxes.shape, PartialShape([-1, -1, self.columns])], 3, "boxes")
        batch, classes, count = merged_dims([scores.shape, PartialShape([batch, -1, count])], 3, "scores")
        return batch, classes, count

    def _rows(self, inputs: Sequence[Argument]) -> PartialShape:
        """[n, 3], where n boxes are kept."""
        batch, classes, boxes = self._sizes(inputs)
        limit = integer(inputs[2], "max_output_boxes_per_class") if len(inputs) > 2 else 0
        limits = [Dimension(max(n, 0)) for n in (limit, boxes.max_length) if n is not None and n >= 0]
        per_class = min(limits, key=lambda dim: dim.max_length, default=Dimension())
        return PartialShape([upper(batch * classes * per_class), 3])

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        boxes, scores, *rest = inputs
        settings = Settings.of(rest)
        boxes = self.prepared(boxes)
        found: list[tuple[int, int, int]] = []
        kept: list[float] = []
        for batch, category in np.ndindex(*scores.shape[:2]):
            for box, score in self._class(boxes[batch], scores[batch, category], settings):
                found.append((batch, category, box))
                kept.append(score)
        return self.outputs(np.array(found, np.int64).reshape(-1, 3), np.array(kept, np.float32))

    def outputs(self, chosen: Array, scores: Array) -> Sequence[Array]:
        """The outputs for boxes that are kept.

        chosen: i64 [n, 3] of (batch, class, box), by batch, class and score. scores: of the boxes.
        """
        if self.sort_result_descending:
            order = by_score(scores)
            chosen, scores = chosen[order], scores[order]
        return self._outputs(chosen, scores)

    def _outputs(self, chosen: Array, scores: Array) -> Sequence[Array]:
        """The same, in the order of the outputs."""
        raise NotImplementedError(f"{type(self).__name__}._outputs")

    def prepared(self, boxes: Array) -> Array:
        """Boxes as `_overlap` takes them."""
        return boxes

    def _overlap(self, box: Array, others: Array) -> Array:
        """Intersection over union of a box with others."""
        return overlaps(box, others)

    def _class(self, boxes: Array, scores: Array, settings: Settings) -> Iterator[tuple[int, float]]:
        """(box, score) of one class, best first."""
        order = by_score(scores)
        order = order[scores[order] > np.float32(settings.lowest)]
        if settings.sigma > 0:
            yield from _soft_selection(boxes, scores, order, settings)
            return
        for i in keep_best(boxes[order], settings.threshold, settings.limit, self._overlap):
            yield int(order[i]), float(scores[order[i]])


@dataclass(frozen=True)
class NmsBase(Suppression):
    """Boxes given by box_encoding: "corner" (two opposite corners) or "center" (x, y of the center, width, height)."""

    box_encoding: str = "corner"

    def __post_init__(self) -> None:
        one_of(self.box_encoding, ("corner", "center"), "box_encoding")

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        defaults = {name: np.zeros((), np.float32) for name in ("iou_threshold", "score_threshold")}
        defaults["max_output_boxes_per_class"] = np.zeros((), np.int64)
        return {**given, **{name: value for name, value in defaults.items() if given[name] is None}}

    def prepared(self, boxes: Array) -> Array:
        return corners_of_centers(boxes) if self.box_encoding == "center" else ordered_corners(boxes)


def selection_types(rows: PartialShape, output_type: Type) -> list[TensorType]:
    """Types of [n, 3] of (batch, class, box), f32 [n, 3] of (batch, class, score), and [1] holding n."""
    count = TensorType(output_type, PartialShape([1]))
    return [TensorType(output_type, rows), TensorType(Type.f32, rows), count]


def selection_outputs(chosen: Array, scores: Array, output_type: Type) -> list[Array]:
    """The outputs whose types are `selection_types`."""
    scored = np.column_stack([chosen[:, :2], scores]).astype(np.float32)
    return [chosen.astype(output_type.to_dtype()), scored, np.array([len(chosen)], output_type.to_dtype())]


def _soft_selection(boxes: Array, scores: Array, order: Array, settings: Settings) -> Iterator[tuple[int, float]]:
    """Boxes whose scores are lowered by exp(-iou^2 / (2 sigma)) for each box kept before.

    Source: Bodla et al., Soft-NMS.
    """
    heap = [(-float(scores[box]), int(box), 0) for box in order]  # (-score, box, kept boxes it was compared with)
    heapq.heapify(heap)
    kept: list[int] = []
    while heap and len(kept) < settings.limit:
        negative, box, seen = heapq.heappop(heap)
        shared = overlaps(boxes[box], boxes[kept[seen:]]) if len(kept) > seen else np.zeros(0, boxes.dtype)
        score = -negative * float(np.exp(-(shared.astype(np.float64) ** 2).sum() / (2 * settings.sigma)))
        if score == -negative:
            kept.append(box)
            yield box, score
        elif score > settings.lowest:
            heapq.heappush(heap, (-score, box, len(kept)))


class NonMaxSuppressionV1(NmsBase):
    """Output: [n, 3] of (batch, class, box), without the filling that the specification asks for, as OpenVINO does."""

    type = "NonMaxSuppression"
    factory = "non_max_suppression"
    until = 2
    signature = f"boxes, scores, {THRESHOLDS}, box_encoding='corner', sort_result_descending=True"

    def _index_type(self) -> Type:
        return Type.i64

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(self._index_type(), self._rows(inputs))]

    def _outputs(self, chosen: Array, scores: Array) -> Sequence[Array]:
        return [chosen.astype(self._index_type().to_dtype())]


@dataclass(frozen=True)
class NonMaxSuppressionV3(NonMaxSuppressionV1):
    """As the first version, with indices of output_type."""

    output_type: Type = Type.i64

    type = "NonMaxSuppression"
    opset = "opset3"
    factory = "non_max_suppression"
    since = 3
    until = 3
    signature = f"boxes, scores, {THRESHOLDS}, box_encoding='corner', sort_result_descending=True, output_type='i64'"

    def __post_init__(self) -> None:
        super().__post_init__()
        index_type(self.output_type, "output_type")

    def _index_type(self) -> Type:
        return self.output_type


class NonMaxSuppressionV4(NonMaxSuppressionV3):
    """As version 3."""

    type = "NonMaxSuppression"
    opset = "opset4"
    factory = "non_max_suppression"
    since = 4
    until = 4


@dataclass(frozen=True)
class NonMaxSuppressionV5(NmsBase):
    """Outputs: [n, 3] of (batch, class, box); f32 [n, 3] of (batch, class, score); [1] holding n.

    soft_nms_sigma: above 0, boxes that overlap get lower scores instead of being dropped.
    """

    output_type: Type = Type.i64

    type = "NonMaxSuppression"
    opset = "opset5"
    factory = "non_max_suppression"
    since = 5
    until = 8
    signature = (
        f"boxes, scores, {THRESHOLDS}, soft_nms_sigma=None, box_encoding='corner', sort_result_descending=True, "
        "output_type='i64'"
    )
    inputs: ClassVar[tuple[str, ...]] = (*NmsBase.inputs, "soft_nms_sigma")

    def __post_init__(self) -> None:
        super().__post_init__()
        index_type(self.output_type, "output_type")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return selection_types(self._rows(inputs), self.output_type)

    def _outputs(self, chosen: Array, scores: Array) -> Sequence[Array]:
        return selection_outputs(chosen, scores, self.output_type)


class NonMaxSuppression(NonMaxSuppressionV5):
    """As version 5."""

    type = "NonMaxSuppression"
    opset = "opset9"
    factory = "non_max_suppression"
    since = 9
    until = 16

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        given = super().arguments(given)
        return {
            **given,
            "soft_nms_sigma": np.zeros((), np.float32) if given["soft_nms_sigma"] is None else given["soft_nms_sigma"],
        }
