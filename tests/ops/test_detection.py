"""The layers of detectors: YOLO regions, prior boxes, proposals, and the boxes found."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

from ovlite.errors import ModelError, UserInputError
from ovlite.graph import Node, Parameter
from ovlite.ops import factories, operators
from ovlite.types import PartialShape, Type

from .. import golden
from ..tolerances import roundings
from .support import HAS_PEER, check, compare, fixed, normal

CLOSE = roundings(40)
CLOSE_PIXELS = roundings(32, 80)  # boxes in images of up to 80 pixels, moved and scaled by an exp


def reals(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("do_softmax", "mask", "num"), [(True, [0, 1, 2], 3), (False, [0, 1, 2], 5), (False, [3, 4], 5)]
)
def test_region_yolo(do_softmax: bool, mask: list[int], num: int) -> None:
    count = num if do_softmax else len(mask)
    data = normal(2, count * 10, 3, 4)
    (found,) = check("region_yolo", data, 4, 5, num, do_softmax, mask, 1, 3, **CLOSE)
    cells = found.reshape(2, count, 10, 12)
    if do_softmax:
        np.testing.assert_allclose(cells[:, :, 5:].sum(2), 1, rtol=1e-5)
    np.testing.assert_array_equal(cells[:, :, 2:4], data.reshape(cells.shape)[:, :, 2:4])


@pytest.mark.parametrize(("shape", "stride"), [((2, 8, 4, 6), 2), ((1, 9, 6, 3), 3)])
def test_reorg_yolo(shape: tuple[int, ...], stride: int) -> None:
    check("reorg_yolo", normal(*shape), [stride])


PRIORS: list[dict[str, Any]] = [
    {"min_size": reals(10)},
    {"min_size": reals(10, 14), "max_size": reals(20, 30)},
    {"min_size": reals(10), "max_size": reals(20), "aspect_ratio": reals(2, 3), "flip": True},
    {
        "min_size": reals(10, 12),
        "max_size": reals(20),
        "aspect_ratio": reals(2, 0.5),
        "flip": True,
        "clip": True,
        "step": 7.0,
        "variance": reals(0.1, 0.1, 0.2, 0.2),
    },
    {"min_size": reals(0.1, 0.2), "aspect_ratio": reals(2), "scale_all_sizes": False, "step": 0.1},
    {"fixed_size": reals(10, 20), "density": reals(2, 1)},
    {"fixed_size": reals(10, 20), "density": reals(2, 3), "aspect_ratio": reals(2), "flip": True},
]


@pytest.mark.parametrize("attributes", PRIORS, ids=range(len(PRIORS)))
def test_prior_boxes(attributes: dict[str, Any]) -> None:
    sizes = fixed([2, 3]), fixed([40, 60])
    for order in (True, False):
        given = {"offset": 0.3, "min_max_aspect_ratios_order": order, **attributes}
        check("prior_box", *sizes, given, **CLOSE)
    check("prior_box", *sizes, {"offset": 0.5, **attributes}, opset=7, **CLOSE)


@pytest.mark.parametrize("steps", [{}, {"step_w": 5.0, "step_h": 6.0}, {"step": 7.0}], ids=str)
def test_clustered_prior_boxes(steps: dict[str, float]) -> None:
    given = {"offset": 0.3, "width": reals(10, 20), "height": reals(5, 30), "variance": reals(0.1, 0.1, 0.2, 0.2)}
    for clip in (True, False):
        check("prior_box_clustered", fixed([2, 3]), fixed([40, 60]), {**given, **steps, "clip": clip}, **CLOSE)


def scene(batches: int, priors: int, classes: int, attributes: dict[str, Any]) -> list[np.ndarray]:
    """box_logits, class_preds and proposals of a detector."""
    rng = np.random.default_rng(priors)
    low = rng.uniform(0, 0.7, (priors, 2))
    boxes = np.concatenate([low, low + rng.uniform(0.1, 0.5, (priors, 2))], 1)
    if not attributes["normalized"]:
        boxes = np.concatenate([np.zeros((priors, 1)), boxes * [100, 50, 100, 50]], 1)
    rows = [boxes.ravel()]
    if not attributes.get("variance_encoded_in_target"):
        rows.append(np.resize([0.1, 0.1, 0.2, 0.2], boxes.size))
    sets = 1 if attributes.get("share_location", True) else classes
    logits = rng.normal(size=(batches, priors * sets * 4)) * 0.5
    scores = rng.permutation(batches * priors * classes).reshape(batches, -1) / (batches * priors * classes)
    return [array.astype(np.float32) for array in (logits, scores, np.array([rows]))]


@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("jointly", [False, True])
@pytest.mark.parametrize("normalized", [True, False])
def test_detection_output(share: bool, jointly: bool, normalized: bool) -> None:
    code = "CORNER" if share == normalized else "CENTER_SIZE"
    attributes = {
        "keep_top_k": np.array([7]),
        "nms_threshold": 0.4,
        "confidence_threshold": 0.3,
        "top_k": 8,
        "normalized": normalized,
        "code_type": f"caffe.PriorBoxParameter.{code}",
        "share_location": share,
        "decrease_label_id": jointly,
        "variance_encoded_in_target": share != jointly,
        "clip_after_nms": jointly,
        "clip_before_nms": share,
    }
    attributes |= {} if normalized else {"input_width": 100, "input_height": 50}
    arrays = scene(2, 12, 3, attributes)
    check("detection_output", *arrays, attributes, **CLOSE)
    if share:
        check("detection_output", *arrays, {"num_classes": 3, **attributes}, opset=7, **CLOSE)


def test_detection_output_refined() -> None:
    for share in (True, False):
        attributes = {
            "keep_top_k": np.array([10]),
            "nms_threshold": 0.4,
            "confidence_threshold": 0.3,
            "objectness_score": 0.4,
            "normalized": True,
            "share_location": share,
        }
        arrays = scene(2, 12, 3, attributes)
        aux = [np.abs(normal(2, 24)) % 1, 0.3 * normal(*arrays[0].shape)]
        check("detection_output", *arrays, attributes, *aux, **CLOSE)


@pytest.mark.parametrize("top_k", [-1, 5])
def test_detection_output_of_all(top_k: int) -> None:
    attributes = {
        "keep_top_k": np.array([-1]),
        "nms_threshold": 0.4,
        "confidence_threshold": 0.3,
        "normalized": True,
        "top_k": top_k,
    }
    check("detection_output", *scene(2, 12, 3, attributes), attributes, **CLOSE)


def test_spellings_that_openvino_keeps() -> None:
    """Attributes of detection read back as they are written in an IR, and may be set to texts of no effect."""
    ops = factories(16)
    boxes = [Parameter(Type.f32, PartialShape(shape)) for shape in ([1, 8], [1, 4], [1, 2, 8])]
    attributes = {"keep_top_k": [4], "nms_threshold": 0.5, "code_type": "caffe.PriorBoxParameter.CENTER_SIZE"}
    found = ops["detection_output"](*boxes, attributes)
    assert found.get_code_type() == "caffe.PriorBoxParameter.CENTER_SIZE"
    found.set_code_type("caffe.PriorBoxParameter.CORNER")
    assert found.get_attributes()["code_type"] == "caffe.PriorBoxParameter.CORNER"
    shapes = [PartialShape(shape) for shape in ([1, 2, 3, 3], [1, 4, 3, 3], [3])]
    needed = {"base_size": 1, "pre_nms_topn": 9, "post_nms_topn": 3, "nms_thresh": 0.5, "feat_stride": 1, "min_size": 1}
    regions = [Parameter(Type.f32, shape) for shape in shapes]
    made = ops["proposal"](*regions, {**needed, "ratio": [1.0], "scale": [1.0], "framework": "OpenVINO"})
    assert made.get_framework() == "OpenVINO"


@pytest.mark.parametrize("framework", ["", "tensorflow"])
@pytest.mark.parametrize(("opset", "image"), [(3, (60, 80, 1)), (16, (60, 80, 1.1, 0.9))], ids=str)
def test_proposal(opset: int, image: tuple[float, ...], framework: str) -> None:
    number = np.uint32
    attributes = {
        "base_size": number(16),
        "pre_nms_topn": number(100),
        "post_nms_topn": number(20),
        "nms_thresh": 0.5,
        "feat_stride": number(8),
        "min_size": number(6),
        "ratio": reals(0.5, 1, 2),
        "scale": reals(1, 2),
        "framework": framework,
    }
    rng = np.random.default_rng(1)
    chances = rng.uniform(0, 1, (2, 12, 4, 5)).astype(np.float32)
    for more in (
        {},
        {"clip_before_nms": False, "clip_after_nms": True},
        {"normalize": True, "box_size_scale": 2.0, "box_coordinate_scale": 3.0},
    ):
        check(
            "proposal",
            chances,
            0.4 * normal(2, 24, 4, 5),
            reals(*image),
            attributes | more,
            opset=opset,
            **CLOSE_PIXELS,
        )


@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("columns", [3, 4])
def test_generate_proposals(columns: int, normalized: bool) -> None:
    info = np.array([[60, 80, 1.2, 0.8], [50, 70, 1, 1]], np.float32)[:, :columns]
    rng = np.random.default_rng(7)
    corner = rng.uniform(0, 60, (4, 5, 3, 2))
    anchors = np.concatenate([corner, corner + rng.uniform(2, 30, corner.shape)], -1).astype(np.float32)
    chances = (rng.permutation(120).reshape(2, 3, 4, 5) / 120).astype(np.float32)
    for least, threshold in ((0.0, 0.6), (8.0, 0.2)):
        call = {"min_size": least, "nms_threshold": threshold, "pre_nms_count": 40, "post_nms_count": 15}
        deltas = 0.4 * normal(2, 12, 4, 5)
        check("generate_proposals", info, anchors, deltas, chances, **call, normalized=normalized, **CLOSE_PIXELS)


def boxes(count: int, size: float = 60) -> np.ndarray:
    rng = np.random.default_rng(count)
    corner = rng.uniform(0, size, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(2, size / 2, (count, 2))], 1).astype(np.float32)


def chances(*shape: int) -> np.ndarray:
    return (np.random.default_rng(1).permutation(int(np.prod(shape))).reshape(shape) / np.prod(shape)).astype(
        np.float32
    )


INFO = np.float32([60, 80, 1])
OUTPUT = {
    "score_threshold": 0.3,
    "nms_threshold": 0.4,
    "num_classes": 3,
    "post_nms_count": 8,
    "max_detections_per_image": 10,
    "class_agnostic_box_regression": False,
    "max_delta_log_wh": 4.135,
    "deltas_weights": (10.0, 10.0, 5.0, 5.0),
}
PROPOSE = {"min_size": 6.0, "nms_threshold": 0.2, "post_nms_count": 20, "pre_nms_count": 40}
GRID = {"flatten": True, "h": 0, "w": 0, "stride_x": 0.0, "stride_y": 0.0}
PYRAMID = {"output_size": 3, "sampling_ratio": 2, "pyramid_scales": (4, 8, 16), "aligned": False}
DETECTRON: list[tuple[str, list[np.ndarray], dict[str, Any]]] = [
    ("GenerateProposalsSingleImage", [INFO, boxes(60), 0.4 * normal(12, 4, 5), chances(3, 4, 5)], PROPOSE),
    ("DetectionOutput", [boxes(12), 2 * normal(12, 12), chances(12, 3), INFO[np.newaxis]], OUTPUT),
    ("PriorGridGenerator", [normal(3, 4), normal(1, 2, 4, 5), normal(1, 3, 60, 80)], GRID),
    (
        "PriorGridGenerator",
        [normal(3, 4), normal(1, 2, 4, 5), normal(1, 3, 60, 80)],
        {**GRID, "flatten": False, "stride_x": 7.0, "stride_y": 6.0},
    ),
    (
        "ROIFeatureExtractor",
        [np.concatenate([boxes(5), boxes(4, 500)]), *(normal(1, 3, n, n) for n in (64, 32, 16))],
        PYRAMID,
    ),
    ("ROIFeatureExtractor", [boxes(4, 500), *(normal(1, 3, n, n) for n in (64, 32, 16))], {**PYRAMID, "aligned": True}),
    ("TopKROIs", [boxes(9), chances(9)], {"max_rois": 5}),
]


def detectron_peer(name: str, arrays: list[np.ndarray], attributes: dict[str, Any]) -> tuple[Any, list[Any]]:
    """OpenVINO's node, which has no factory, and its parameters."""
    make = importlib.import_module("openvino.utils.node_factory")._get_node_factory("opset6").create
    parameters = [importlib.import_module("openvino.opset13").parameter(list(array.shape)) for array in arrays]
    return make(
        name, parameters, {k: list(v) if isinstance(v, tuple) else v for k, v in attributes.items()}
    ), parameters


@pytest.mark.parametrize(("name", "arrays", "attributes"), DETECTRON, ids=[name for name, _, _ in DETECTRON])
def test_experimental_detectron(name: str, arrays: list[np.ndarray], attributes: dict[str, Any]) -> None:
    """These operators have no factories; models that are read hold them."""
    name = f"ExperimentalDetectron{name}"
    node = Node(
        operators()[name][0](**attributes), [Parameter(Type.f32, PartialShape(a.shape)).output(0) for a in arrays]
    )

    def peer() -> list[np.ndarray]:
        openvino = importlib.import_module("openvino")
        theirs, parameters = detectron_peer(name, arrays, attributes)
        model = openvino.Model(theirs.outputs(), parameters)
        outputs = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(arrays)
        return [np.array(outputs[i]) for i in range(len(theirs.outputs()))]

    call = golden.digest(name, sorted(attributes.items()), *arrays)
    found = node.op.evaluate(*arrays)
    compare(found, golden.outputs(call, peer if HAS_PEER else None), **CLOSE_PIXELS)
    for port, array in zip(node.outputs(), found, strict=True):
        assert port.partial_shape == PartialShape(array.shape)
        assert port.element_type == Type(array.dtype)


@pytest.mark.skipif(not HAS_PEER, reason="openvino is not installed")
@pytest.mark.parametrize(("name", "arrays", "attributes"), DETECTRON, ids=[name for name, _, _ in DETECTRON])
def test_experimental_detectron_is_described_as_in_openvino(
    name: str, arrays: list[np.ndarray], attributes: dict[str, Any]
) -> None:
    name = f"ExperimentalDetectron{name}"
    theirs, _ = detectron_peer(name, arrays, attributes)
    node = Node(
        operators()[name][0](**attributes), [Parameter(Type.f32, PartialShape(a.shape)).output(0) for a in arrays]
    )
    assert set(node.op.attributes()) == set(theirs.get_attributes())
    for port, other in zip(node.outputs(), theirs.outputs(), strict=True):
        assert port.partial_shape == PartialShape(str(other.partial_shape))


def test_wrong_calls() -> None:
    ops, data = factories(13), Parameter(Type.f32, PartialShape([1, 30, 3, 4]))
    with pytest.raises(UserInputError, match="prior_box needs the attribute 'offset'"):
        ops["prior_box"]([2, 3], [40, 60], {})
    with pytest.raises(UserInputError, match="needs the attribute 'keep_top_k'"):
        ops["detection_output"](data, data, data, {"nms_threshold": 0.5})
    with pytest.raises(ModelError, match="height and width to be multiples of 2"):
        ops["reorg_yolo"](data, [2])
