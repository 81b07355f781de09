"""Non-maximum suppression, whose outputs have as many rows as boxes are kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import kernels
from ..graph.operator import Array
from ..kernels.runtime.executor import Frame, Program, Team
from ..kernels.runtime.step import View
from ..ops.interpreter import computed
from ..ops.nms import NmsBase, Settings


class Suppressed:
    """The evaluation of an operator by a kernel; what the kernel doesn't take is left to numpy."""

    kernel = "Suppression"

    def __init__(self, op: NmsBase, level: str) -> None:
        self._op = op
        self._level = level

    def __call__(self, arrays: Sequence[Array], team: Team) -> Sequence[Array]:
        boxes, scores, *rest = arrays
        settings = Settings.of(rest)
        if boxes.dtype != np.float32 or settings.sigma > 0 or scores.size == 0:
            return computed(self._op, arrays)
        with np.errstate(all="ignore"):
            return self._op.outputs(*_kept(self._op.prepared(boxes), scores, settings, self._level, team))


def _kept(boxes: Array, scores: Array, settings: Settings, level: str, team: Team) -> tuple[Array, Array]:
    """(batch, class, box) of the boxes that are kept, and their scores."""
    batches, classes, count = scores.shape
    kept = np.empty((batches, classes, min(settings.limit, count)), np.int32)
    arrays = [np.asarray(boxes, order="C"), np.asarray(scores, order="C"), kept, np.empty((batches, classes), np.int32)]
    views = [View(slot, array.dtype, array.shape) for slot, array in enumerate(arrays)]
    step = kernels.family("suppression", level).Suppression(*views, settings.threshold, settings.lowest)
    frame = Frame(Program([step], len(arrays)), team.size)
    for slot, array in enumerate(arrays):
        frame.bind(slot, array)
    frame.execute(team)
    counts = arrays[-1]
    batch, category = np.divmod(np.repeat(np.arange(counts.size), counts.reshape(-1)), classes)
    box = kept[np.arange(kept.shape[2]) < counts[..., np.newaxis]].astype(np.int64)
    return np.column_stack([batch, category, box]), scores[batch, category, box]
