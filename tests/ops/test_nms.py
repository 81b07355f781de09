"""Non-maximum suppression."""

from __future__ import annotations

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.graph import Parameter
from ovlite.ops import factories
from ovlite.ops.boxes import keep_best, overlaps
from ovlite.ops.rotated import area, corners, intersection
from ovlite.types import PartialShape, Type

from ..tolerances import roundings
from .support import check, fixed


def scene(batches: int, classes: int, count: int, center: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(count)
    low = rng.uniform(0, 1, (batches, count, 2))
    size = rng.uniform(0.05, 0.5, (batches, count, 2))
    boxes = np.concatenate([low + size / 2, size] if center else [low + size, low], -1)
    scores = rng.permutation(batches * classes * count).reshape(batches, classes, count) / (batches * classes * count)
    return boxes.astype(np.float32), scores.astype(np.float32)


def limits(most: int, overlap: float = 0.3, score: float = 0.2) -> list[fixed]:
    return [fixed(most), fixed(np.float32(overlap)), fixed(np.float32(score))]


@pytest.mark.parametrize("encoding", ["corner", "center"])
@pytest.mark.parametrize("descending", [True, False])
def test_newest(encoding: str, descending: bool) -> None:
    attributes = {"box_encoding": encoding, "sort_result_descending": descending, "output_type": "i32"}
    for batches, classes, count, most in ((1, 1, 20, 5), (2, 3, 30, 4), (2, 2, 10, 100)):
        arrays = scene(batches, classes, count, encoding == "center")
        check("non_max_suppression", *arrays, *limits(most), **attributes)
        check("non_max_suppression", *arrays, *limits(most), fixed(np.float32(0.4)), **attributes)  # soft


@pytest.mark.parametrize("opset", [1, 3, 4, 5, 9])
def test_versions(opset: int) -> None:
    """Older versions give what the newest does, first output first, without filling up."""
    call = [*scene(1, 2, 12), *(np.asarray(item.array) for item in limits(3))]
    outputs = [factories(version)["non_max_suppression"](*call).op.evaluate(*call) for version in (opset, 13)]
    for mine, newest in zip(*outputs, strict=False):
        np.testing.assert_array_equal(mine, newest)
    assert len(outputs[0]) == (3 if opset >= 5 else 1)


def test_by_hand() -> None:
    boxes = np.float32([[[0, 0, 2, 2], [0, 0, 2, 1.9], [5, 5, 6, 6], [0, 0, 2, 1]]])
    scores = np.float32([[[0.8, 0.9, 0.3, 0.7]]])
    rows = [[0, 0, 1], [0, 0, 3], [0, 0, 2]]  # of boxes 0 and 1 the better; 3 covers half of 1 only
    expected = [np.array(rows), np.float32([[0, 0, 0.9], [0, 0, 0.7], [0, 0, 0.3]]), np.array([3])]
    check("non_max_suppression", boxes, scores, *limits(10, 0.6), expected=expected)
    check(
        "non_max_suppression",
        boxes,
        scores,
        *limits(10, 0.6, 0.3),
        expected=[part[:2] for part in expected[:2]] + [np.array([2])],
    )


def test_nothing_is_kept_without_a_limit() -> None:
    nothing = [np.zeros((0, 3)), np.zeros((0, 3)), np.array([0])]
    check("non_max_suppression", *scene(1, 1, 5), expected=nothing, peer="")


def test_overlaps() -> None:
    box = np.float32([0, 0, 2, 2])
    others = np.float32([[0, 0, 2, 2], [1, 0, 3, 2], [2, 2, 3, 3], [1, 1, 1, 1], [2, 2, 0, 0]])
    np.testing.assert_allclose(overlaps(box, others), [1, 1 / 3, 0, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(overlaps(box, others[:2], margin=1), [1, 6 / 12], rtol=1e-6)


def test_a_threshold_that_shrinks() -> None:
    boxes = np.float32([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 6]])
    assert keep_best(boxes, 0.95, 3) == [0, 1, 2]
    assert keep_best(boxes, 0.95, 3, eta=0.9) == [0, 2]  # 0.9 > 0.855, 0.6 is less
    assert keep_best(boxes, 0.95, 3, eta=0.6) == [0]
    assert keep_best(boxes, 0.95, 2) == [0, 1]


@pytest.mark.parametrize(
    ("sort", "across", "normalized"),
    [
        ("none", False, True),
        ("score", False, False),
        ("classid", False, True),
        ("score", True, True),
        ("classid", True, False),
    ],
)
def test_over_all_classes(sort: str, across: bool, normalized: bool) -> None:
    boxes, scores = scene(2, 3, 12)
    boxes = np.concatenate([boxes[..., 2:], boxes[..., :2]], -1) * np.float32(1 if normalized else 30)
    kept = {
        "sort_result_type": sort,
        "sort_result_across_batch": across,
        "normalized": normalized,
        "score_threshold": 0.2,
    }
    for more in ({}, {"keep_top_k": 5, "nms_top_k": 6, "background_class": 1}):
        check("multiclass_nms", boxes, scores, iou_threshold=0.3, **kept, **more)
        check("multiclass_nms", boxes, scores, iou_threshold=0.7, nms_eta=0.8, **kept, **more)
        for decay in ("linear", "gaussian"):
            check(
                "matrix_nms", boxes, scores, decay_function=decay, post_threshold=0.1, **kept, **more, **roundings(32)
            )
    regions, chances = scene(3, 1, 24)[0], scene(1, 3, 24)[1][0]
    regions = np.concatenate([regions[..., 2:], regions[..., :2]], -1)
    check("multiclass_nms", regions, chances, np.array([14, 10]), iou_threshold=0.3, **kept)


@pytest.mark.parametrize("clockwise", [True, False])
@pytest.mark.parametrize("descending", [True, False])
def test_rotated(descending: bool, clockwise: bool) -> None:
    rng = np.random.default_rng(6)
    parts = rng.uniform(0, 3, (2, 30, 2)), rng.uniform(0.2, 2, (2, 30, 2)), rng.uniform(-3, 3, (2, 30, 1))
    boxes, scores = np.concatenate(parts, -1).astype(np.float32), scene(2, 3, 30)[1]
    attributes = {"sort_result_descending": descending, "clockwise": clockwise}
    for most, overlap in ((5, 0.1), (40, 0.4)):
        check("nms_rotated", boxes, scores, *limits(most, overlap), **attributes)


def test_what_two_rotated_boxes_share() -> None:
    """A square and the same turned by 45 degrees share an octagon."""
    square, turned = np.float32([1, 2, 2, 2, 0]), np.float32([1, 2, 2, 2, np.pi / 4])
    shared = intersection(corners(square), corners(turned))
    np.testing.assert_allclose(area(shared), 8 * (np.sqrt(2) - 1), rtol=1e-6)
    assert area(intersection(corners(square), corners(np.float32([9, 9, 1, 1, 1])))) == 0
    np.testing.assert_allclose(
        area(intersection(corners(square), corners(np.float32([1, 2, 1, 0.5, 2])))), 0.5, rtol=1e-6
    )


def test_wrong_shapes() -> None:
    nms = factories(13)["non_max_suppression"]
    with pytest.raises(ModelError, match="shapes of boxes to agree"):
        nms(Parameter(Type.f32, PartialShape([1, 5, 3])), Parameter(Type.f32, PartialShape([1, 1, 5])))
    with pytest.raises(ModelError, match="shapes of scores to agree"):
        nms(Parameter(Type.f32, PartialShape([1, 5, 4])), Parameter(Type.f32, PartialShape([1, 1, 6])))
    with pytest.raises(ModelError, match="box_encoding to be one of"):
        nms(np.zeros((1, 5, 4), np.float32), np.zeros((1, 1, 5), np.float32), box_encoding="polar")
