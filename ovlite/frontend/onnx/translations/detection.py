"""Operators of detection models, and sampling at computed places."""

from __future__ import annotations

from functools import reduce

from ....errors import ModelError
from ....graph import Output
from ....types import Type
from ..build import converted, ints, of_type, one, ops, rank, scalar, static_dims, typed
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
    if mode is None or rank(data) != 4:
        return None
    attributes = {
        "align_corners": call.flag("align_corners"), "mode": mode, "padding_mode": call.text("padding_mode", "zeros")
    }  # fmt: skip
    return ops.grid_sample(data, call.input(1), attributes)


def affine_grid(call: Call) -> Translated:
    """[N, (D,) H, W, k]: places of an image's elements, and 1, times matrices theta [N, k, k + 1]; k is 2 or 3.

    Places go from -1 to 1, the centres of elements inside or, with align_corners, at the ends; an axis of one has 0.
    """
    theta, size = call.input(0), call.input(1)
    count = (static_dims(theta) or [None, None])[1] or (static_dims(size) or [None])[0]
    if count is None:
        raise ModelError("the shapes of theta and size are not known; give the model's inputs shapes")
    k = count if (static_dims(theta) or [None, None])[1] else count - 2
    if k not in (2, 3):
        raise ModelError(
            f"expected matrices [N, 2, 3] or [N, 3, 4], got {theta.partial_shape} for size {size.partial_shape}"
        )
    parts = []
    for i in range(k + 1):
        column = ops.gather(theta, ints(i), ints(2))
        column = ops.unsqueeze(column, ints(list(range(1, k + 1))))
        if i < k:  # the first column is for the last axis
            places = _places(one(ops.gather(size, ints([k + 1 - i]), ints(0))), call.flag("align_corners"), theta)
            column = ops.multiply(column, ops.unsqueeze(places, ints([a for a in range(k + 2) if a != k - i])))
        parts.append(column)
    return reduce(ops.add, parts)


def _places(length: Output, corners: bool, like: Output) -> Output:
    """The places of the elements of an axis, whose length has shape [1]."""
    index = ops.range(scalar(ints(0)), scalar(length), scalar(ints(1)), like.element_type)
    last = one(ops.subtract(length, ints(1)))
    span = one(ops.maximum(last, ints(1))) if corners else length
    twice = ops.subtract(ops.multiply(index, typed(2, like)), converted(last, like.element_type))
    return one(ops.divide(twice, converted(span, like.element_type)))


OPERATORS: dict[str, Translation] = {
    "AffineGrid": affine_grid,
    "GridSample": grid_sample,
    "NonMaxSuppression": non_max_suppression,
    "RoiAlign": roi_align,
}
