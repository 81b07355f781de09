"""Operators of detection models, and sampling at computed places."""

from __future__ import annotations

from ....types import Type
from ..build import converted, ints, of_type, ops, rank_or_none, scalar
from ..call import Call, Translated, Translation


def non_max_suppression(call: Call) -> Translated:
    """Without a limit of boxes a class none is selected, as ONNX says."""
    boxes, scores = call.input(0), call.input(1)
    limit = call.optional(2)
    limit = ints(0) if limit is None else scalar(limit)
    thresholds = []
    for index, default in ((3, 0.0), (4, float("-inf"))):
        value = call.optional(index)
        thresholds.append(of_type(default, Type.f32) if value is None else scalar(value))
    encoding = "center" if call.flag("center_point_box") else "corner"
    found = ops.non_max_suppression(
        boxes, scores, limit, *thresholds, box_encoding=encoding, sort_result_descending=False, output_type="i64"
    )
    return found.output(0)


def roi_align(call: Call) -> Translated:
    """ONNX's maximum is over weighted corners of samples, not over samples: that is left to onnx.reference."""
    if call.text("mode", "avg") != "avg":
        return None
    half_pixel = call.version >= 16 and call.text("coordinate_transformation_mode", "half_pixel") == "half_pixel"
    return ops.roi_align(
        call.input(0), call.input(1), converted(call.input(2), Type.i32), call.integer("output_height", 1),
        call.integer("output_width", 1), call.integer("sampling_ratio", 0), call.decimal("spatial_scale", 1.0),
        "avg", "half_pixel_for_nn" if half_pixel else "asymmetric",
    )  # fmt: skip


GRID_MODES = {
    "linear": "bilinear", "bilinear": "bilinear", "cubic": "bicubic", "bicubic": "bicubic", "nearest": "nearest",
}  # fmt: skip


def grid_sample(call: Call) -> Translated:
    data, mode = call.input(0), GRID_MODES.get(call.text("mode", "linear" if call.version >= 20 else "bilinear"))
    if mode is None or rank_or_none(data) != 4:
        return None
    attributes = {
        "align_corners": call.flag("align_corners"), "mode": mode, "padding_mode": call.text("padding_mode", "zeros")
    }  # fmt: skip
    return ops.grid_sample(data, call.input(1), attributes)


OPERATORS: dict[str, Translation] = {
    "GridSample": grid_sample,
    "NonMaxSuppression": non_max_suppression,
    "RoiAlign": roi_align,
}
