"""Boxes that are kept, beside a plain loop over all pairs."""

import numpy as np
import pytest

from ovlite import kernels
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View

from .layouts import view_of

NAN, INF = np.float32(np.nan), np.float32(np.inf)


def area(box):
    return np.float32(0) if box[2] < box[0] or box[3] < box[1] else (box[2] - box[0]) * (box[3] - box[1])


def overlap(a, b):
    """Intersection over union in f32; 0 where a box has no area."""
    if area(a) <= 0 or area(b) <= 0:
        return np.float32(0)
    width, height = (
        np.maximum(np.minimum(a[i + 2], b[i + 2]) - np.maximum(a[i], b[i]), np.float32(0)) for i in range(2)
    )
    return width * height / (area(a) + area(b) - width * height)


def expected(boxes, scores, limit, threshold, lowest):
    kept = []
    for box in sorted(range(len(scores)), key=lambda i: -scores[i]):
        if scores[box] > lowest and len(kept) < limit and all(overlap(boxes[box], boxes[k]) <= threshold for k in kept):
            kept.append(box)
    return kept


def suppressed(boxes, scores, limit, threshold, lowest=-np.inf, threads=1):
    """The boxes that are kept, of each batch and class."""
    kept = np.full((*scores.shape[:2], limit), -7, np.int32)
    counts = np.full(scores.shape[:2], -7, np.int32)
    arrays = [boxes, scores, kept, counts]
    step = kernels.family("suppression").Suppression(*map(view_of, range(4), arrays), threshold, lowest)
    run_steps([step], arrays, threads)
    assert (kept[np.arange(limit) >= counts[..., np.newaxis]] == -7).all()
    return [[kept[b, c, : counts[b, c]].tolist() for c in range(scores.shape[1])] for b in range(len(scores))]


def drawn(batches, classes, count, size=0.3):
    rng = np.random.default_rng(count)
    first = rng.random((batches, count, 2))
    boxes = np.concatenate([first, first + rng.random((batches, count, 2)) * size], 2).astype(np.float32)
    return boxes, rng.integers(0, 50, (batches, classes, count)).astype(np.float32) / 50  # many are equal


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 33, 200])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 1.0, -1.0])
def test_best_boxes(threads, count, threshold):
    boxes, scores = drawn(2, 3, count)
    for limit in (0, 1, 17, count):
        found = suppressed(boxes, scores, limit, threshold, 0.2, threads)
        wanted = [
            [expected(b, s, limit, threshold, np.float32(0.2)) for s in row]
            for b, row in zip(boxes, scores, strict=True)
        ]
        assert found == wanted


@pytest.mark.filterwarnings("ignore:invalid value")
def test_odd_boxes():
    """Boxes without an area, turned inside out, of NaN, and without bounds."""
    boxes = np.array(
        [[0, 0, 1, 1], [0, 0, 0, 1], [1, 1, 0, 0], [0, 0, NAN, 1], [0, 0, INF, 1], [-INF, 0, INF, 1], [0, 0, 1, 1],
         [0, 0, 1, 0.9]], np.float32,
    )  # fmt: skip
    for order in (range(8), range(7, -1, -1)):
        scores = np.array(order, np.float32)
        assert suppressed(boxes[np.newaxis], scores[np.newaxis, np.newaxis], 8, 0.5)[0][0] == expected(
            boxes, scores, 8, 0.5, -INF
        )


def test_scores_that_are_no_numbers():
    boxes, _ = drawn(1, 1, 5, 0)
    scores = np.array([[[NAN, 0.5, INF, -INF, 0.7]]], np.float32)
    assert suppressed(boxes, scores, 5, 0.5) == [[[2, 4, 1]]]
    assert suppressed(boxes, scores, 5, 0.5, 0.5) == [[[2, 4]]]
    assert suppressed(boxes, scores, 5, NAN) == [[[2]]]


def test_errors():
    suppression = kernels.family("suppression").Suppression
    boxes, scores = View(0, "f4", (1, 5, 4)), View(1, "f4", (1, 2, 5))
    kept, counts = View(2, "i4", (1, 2, 3)), View(3, "i4", (1, 2))
    with pytest.raises(ValueError, match=r"expected boxes \(B, N, 4\).* got \(1, 4, 4\)"):
        suppression(View(0, "f4", (1, 4, 4)), scores, kept, counts, 0.5, 0)
    with pytest.raises(ValueError, match=r"expected kept \(B, C, limit\).* got \(1, 3, 3\)"):
        suppression(boxes, scores, View(2, "i4", (1, 3, 3)), counts, 0.5, 0)
    with pytest.raises(ValueError, match="expected contiguous int32, got .*int64"):
        suppression(boxes, scores, kept, View(3, "i8", (1, 2)), 0.5, 0)
    with pytest.raises(ValueError, match="expected contiguous float32"):
        suppression(View(0, "f4", (1, 5, 4), (40, 8, 2)), scores, kept, counts, 0.5, 0)
