"""DetectionOutput: the boxes that an SSD detector finds, from offsets to prior boxes and class scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..errors import UserInputError
from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape, Type
from .axes import merged_type, one_of, require
from .boxes import by_score, keep_best, overlaps
from .declare import Declared
from .recurrent import merged_dims
from .window import Ints

CODES = ("CORNER", "CENTER_SIZE", "CORNER_SIZE")
PREFIX = "caffe.PriorBoxParameter."


class Found(NamedTuple):
    """A box of an image: its class, its prior, its score."""

    label: int
    prior: int
    score: float


@dataclass(frozen=True)
class DetectionOutput(Declared):
    """Inputs, for N images, P priors, C classes, and L = 1 (share_location) or C sets of boxes:

    box_logits [N, P * L * 4], class_preds [N, P * C], proposals [1 or N, 1 or 2, P * 4] (boxes, then variances
    unless variance_encoded_in_target; P * 5 when not normalized, the first of five being ignored), and
    perhaps aux_class_preds [N, P * 2] and aux_box_preds as box_logits, that come before the others.

    Output [1, 1, rows, 7] of (image, class, score, x1, y1, x2, y2); behind the last box comes image -1.
    """

    background_label_id: int = 0
    top_k: int = -1
    variance_encoded_in_target: bool = False
    keep_top_k: Ints = ()
    code_type: str = PREFIX + "CORNER"
    share_location: bool = True
    nms_threshold: float = 0.0
    confidence_threshold: float = 0.0
    clip_after_nms: bool = False
    clip_before_nms: bool = False
    decrease_label_id: bool = False
    normalized: bool = False
    input_height: int = 1
    input_width: int = 1
    objectness_score: float = 0.0

    type = "DetectionOutput"
    opset = "opset8"
    factory = "detection_output"
    since = 8
    signature = "box_logits, class_preds, proposals, attrs, aux_class_preds=None, aux_box_preds=None"
    inputs: ClassVar[tuple[str, ...]] = ("box_logits", "class_preds", "proposals", "aux_class_preds", "aux_box_preds")
    needed: ClassVar[tuple[str, ...]] = ("keep_top_k", "nms_threshold")

    def __post_init__(self) -> None:
        code = self.code_type.lower().removeprefix(PREFIX.lower())
        object.__setattr__(self, "code_type", PREFIX + code.upper())
        one_of(self.code_type.removeprefix(PREFIX), CODES, "code_type")
        require(len(self.keep_top_k) > 0, "keep_top_k has a value")

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        for name in cls.needed:
            if name not in given["attrs"]:
                raise UserInputError(f"detection_output needs the attribute {name!r}")
        return {**given, **given["attrs"]}

    def _classes(self, class_preds: PartialShape, priors: Dimension) -> Dimension:
        """The number of classes."""
        if not class_preds.has_rank or class_preds[1].is_dynamic or priors.is_dynamic or priors == 0:
            return Dimension()
        return class_preds[1] // priors.get_length()

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        element_type = merged_type(inputs, "inputs")
        batch, _ = merged_dims([inputs[0].shape], 2, "box_logits")
        batch, _ = merged_dims([PartialShape([batch, -1]), inputs[1].shape], 2, "class_preds")
        _, _, length = merged_dims([inputs[2].shape], 3, "proposals")
        priors = length // (4 if self.normalized else 5)
        classes = self._classes(inputs[1].shape, priors)
        if self.keep_top_k[0] > 0:
            rows = batch * self.keep_top_k[0]
        else:
            rows = batch * classes * (Dimension(self.top_k) if self.top_k > 0 else priors)
        return [TensorType(element_type, PartialShape([1, 1, rows, 7]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        arguments = [Argument(Type(array.dtype), PartialShape(array.shape)) for array in inputs]
        rows = self.infer(arguments)[0].shape[2].get_length()
        batch = inputs[0].shape[0]
        lines = [line for image in range(batch) for line in self._image(image, *inputs)]
        output = np.zeros((rows, 7), inputs[0].dtype)
        output[: len(lines)] = np.reshape(lines[:rows], (-1, 7))
        if len(lines) < rows:
            output[len(lines), 0] = -1
        return [output[np.newaxis, np.newaxis]]

    def _image(self, image: int, logits: Array, classes: Array, proposals: Array, *aux: Array) -> list[list[float]]:
        """The rows of an image."""
        priors, variances = self._priors(proposals[min(image, len(proposals) - 1)])
        count = len(priors)
        scores = classes[image].reshape(count, -1).T
        offsets = logits[image].reshape(count, -1, 4).swapaxes(0, 1)  # [L, P, 4]
        if len(aux) > 1:
            priors = self._decoded(priors, variances, aux[1][image].reshape(count, -1, 4).swapaxes(0, 1))
        if aux:
            background = (np.arange(len(scores)) == self.background_label_id)[:, np.newaxis]
            unseen = aux[0][image].reshape(count, 2)[:, 1] < np.float32(self.objectness_score)
            scores = np.where(unseen, background.astype(scores.dtype), scores)
        boxes = self._decoded(priors, variances, offsets)
        select = self._select_jointly if self.decrease_label_id else self._select_by_class
        found = self._best(select(boxes, scores))
        final = boxes.clip(0, 1) if self.clip_after_nms else boxes
        shift = int(self.decrease_label_id)
        return [[image, item.label - shift, item.score, *final[self._place(item.label), item.prior]] for item in found]

    def _place(self, label: int) -> int:
        """The set of boxes of a class."""
        return 0 if self.share_location else label

    def _priors(self, proposals: Array) -> tuple[Array, Array]:
        """(boxes [P, 4], variances [P, 4])."""
        size = 4 if self.normalized else 5
        boxes = proposals[0].reshape(-1, size)[:, size - 4 :]
        if not self.normalized:
            boxes = boxes / np.array([self.input_width, self.input_height] * 2, boxes.dtype)
        if self.variance_encoded_in_target:
            return boxes, np.ones_like(boxes)
        return boxes, proposals[1].reshape(-1)[: boxes.size].reshape(-1, 4)

    def _decoded(self, priors: Array, variances: Array, offsets: Array) -> Array:
        """Boxes [L, P, 4] from offsets [L, P, 4] to priors [P, 4] or [L, P, 4]."""
        moved = variances * offsets
        sizes = priors[..., 2:] - priors[..., :2]
        code = self.code_type.removeprefix(PREFIX)
        if code == "CENTER_SIZE":
            centers = (priors[..., :2] + priors[..., 2:]) / 2 + moved[..., :2] * sizes
            half = np.exp(moved[..., 2:]) * sizes / 2
            boxes = np.concatenate([centers - half, centers + half], -1)
        else:
            boxes = priors + (moved * np.concatenate([sizes, sizes], -1) if code == "CORNER_SIZE" else moved)
        return boxes.clip(0, 1) if self.clip_before_nms else boxes

    def _select_by_class(self, boxes: Array, scores: Array) -> list[Found]:
        """Non-maximum suppression in each class by itself."""
        found = []
        for label, row in enumerate(scores):
            if label == self.background_label_id:
                continue
            order = by_score(row)
            order = order[row[order] > np.float32(self.confidence_threshold)]
            order = order[: self.top_k] if self.top_k > -1 else order
            kept = keep_best(boxes[self._place(label)][order], self.nms_threshold, len(order))
            found += [Found(label, int(order[i]), float(row[order[i]])) for i in kept]
        return found

    def _select_jointly(self, boxes: Array, scores: Array) -> list[Found]:
        """The best class of each prior but class 0; a box is dropped for a better one of its class."""
        labels = scores[1:].argmax(0) + 1
        best = scores[1:].max(0)
        order = by_score(best)
        order = order[best[order] >= np.float32(self.confidence_threshold)]
        order = order[: self.top_k] if self.top_k > -1 else order
        found: list[Found] = []
        for prior in order:
            label = int(labels[prior])
            others = [item.prior for item in found if item.label == label]
            shared = overlaps(boxes[self._place(label), prior], boxes[self._place(label)][others])
            if not (shared > self.nms_threshold).any():
                found.append(Found(label, int(prior), float(best[prior])))
        return sorted(found, key=lambda item: item.label)

    def _best(self, found: list[Found]) -> list[Found]:
        """The keep_top_k best, by class."""
        limit = self.keep_top_k[0]
        if limit < 0 or len(found) <= limit:
            return found
        kept = sorted(found, key=lambda item: -item.score)[:limit]
        return sorted(kept, key=lambda item: item.label)


@dataclass(frozen=True)
class DetectionOutputV1(DetectionOutput):
    """As the newer version, with the number of classes as an attribute."""

    num_classes: int = 0

    type = "DetectionOutput"
    opset = "opset1"
    factory = "detection_output"
    since = 1
    until = 7
    needed: ClassVar[tuple[str, ...]] = ("num_classes", "keep_top_k", "nms_threshold")

    def _classes(self, class_preds: PartialShape, priors: Dimension) -> Dimension:
        return Dimension(self.num_classes)
