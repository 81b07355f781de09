"""Resize and Upsample."""

from __future__ import annotations

from typing import Any

from ....errors import ModelError
from ....graph import Node, Output
from ....ops.resize import OnnxResize
from ....types import Type
from ..build import converted, ints, of_type, positive, rank_or_none, static_dims
from ..call import Call, Translated, Translation, known
from .resampling import resampled

MODES = {"nearest": "nearest", "linear": "linear_onnx", "bilinear": "linear_onnx", "cubic": "cubic"}
COORDINATES = {
    "half_pixel": "half_pixel", "pytorch_half_pixel": "pytorch_half_pixel", "asymmetric": "asymmetric",
    "align_corners": "align_corners", "tf_half_pixel_for_nn": "tf_half_pixel_for_nn",
    "half_pixel_symmetric": "half_pixel_symmetric",
}  # fmt: skip


def upsample(call: Call) -> Translated:
    """Scales are an attribute in version 7, then an input."""
    scales = of_type(call.decimals("scales"), Type.f32) if call.version < 9 else call.input(1)
    return _asymmetric(call, scales)


def resize(call: Call) -> Translated:
    """Version 10 is Upsample with another name; later ones have inputs data, roi, scales, sizes."""
    if call.version < 11:
        return _asymmetric(call, call.input(1))
    if call.text("coordinate_transformation_mode", "half_pixel") != "tf_crop_and_resize":
        call.without_effect(1, "extrapolation_value")
    mode = MODES.get(call.text("mode", "nearest"))
    coordinates = COORDINATES.get(call.text("coordinate_transformation_mode", "half_pixel"))
    antialias = call.flag("antialias")
    if mode is None or coordinates is None or antialias or call.flag("exclude_outside"):
        return _resampled(call)
    if call.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        return _resampled(call)
    scales, sizes = _given(call.optional(2)), _given(call.optional(3))
    target = scales if sizes is None else sizes
    if target is None:
        return None
    attributes = {
        "coordinate_transformation_mode": coordinates,
        "nearest_mode": call.text("nearest_mode", "round_prefer_floor"),
        "cube_coeff": call.decimal("cubic_coeff_a", -0.75),
    }
    return _interpolate(call.input(0), target, mode, sizes is None, call.integers("axes", None), attributes)


def _resampled(call: Call) -> Translated:
    """By matrices where the shapes are known, else by onnx.reference, which has to know ranks and counts."""
    found = resampled(call)
    counts = [static_dims(value) for value in (call.optional(2), call.optional(3)) if value is not None]
    vague = rank_or_none(call.input(0)) is None or any(dims is None or None in dims for dims in counts)
    if found is None and (call.version < 13 or vague):
        raise ModelError("this form of Resize needs data whose shape is known, and a known target; reshape the model")
    return found


def _given(value: Output | None) -> Output | None:
    """An optional input; an empty tensor also means that it is left out."""
    return None if value is None or static_dims(value) == [0] else value


def _asymmetric(call: Call, scales: Output) -> Translated:
    attributes = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor", "cube_coeff": -0.75}
    mode = MODES.get(call.text("mode", "nearest"))
    return None if mode is None else _interpolate(call.input(0), scales, mode, True, None, attributes)


def _interpolate(
    data: Output, target: Output, mode: str, by_scales: bool, axes: list[int] | None, attributes: dict[str, Any]
) -> Translated:
    """Only the axes that change are named, where it is known which. There is a target for each axis, or of `axes`."""
    count = rank_or_none(data)
    if axes is None:
        length = (static_dims(target) or [None])[0]
        if count is None and length is None:
            raise ModelError("the rank of an input is not known; give the model's inputs ranks")
        axes = list(range(int((length if count is None else count) or 0)))
    elif count is not None:
        axes = [positive(axis, count) for axis in axes]
    values = known(target)
    if values is not None:
        wanted = values.ravel().tolist()
        if len(wanted) != len(axes):
            raise ModelError(f"expected a scale or size for each of {len(axes)} axes, got {len(wanted)}")
        chosen = [i for i, axis in enumerate(axes) if _changes(data, axis, wanted[i], by_scales)]
        if not chosen:
            return data
        axes = [axes[i] for i in chosen]
        target = of_type([wanted[i] for i in chosen], Type.f32 if by_scales else Type.i64)
    elif not by_scales:
        target = converted(target, Type.i64)
    kind = "scales" if by_scales else "sizes"
    return Node(OnnxResize(mode, kind, **attributes), [data, target, ints(axes)])


def _changes(data: Output, axis: int, target: float, by_scales: bool) -> bool:
    """Return whether an axis may get another length."""
    if by_scales:
        return target != 1
    dims = static_dims(data)
    return dims is None or dims[axis] != int(target)


OPERATORS: dict[str, Translation] = {"Resize": resize, "Upsample": upsample}
