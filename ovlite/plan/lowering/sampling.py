"""Images read between their pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...kernels.runtime.step import View
from ..builder import Builder, Lowering
from ..calls import Call, Tensor

TAPS = {"nearest": 1, "bilinear": 4, "bicubic": 16}  # elements that a point is made of
FEW_CHANNELS = 8  # that are read as fast from planes


def _grid_sample(builder: Builder, call: Call) -> bool:
    op: Any = call.op
    data, grid = call.inputs
    if grid.dtype != np.float32 or not _fits(builder, builder.view(data)):
        return False
    target = _target(builder, call.outputs[0])
    sample = builder.family("sampling").GridSample
    image = _image(builder, data, target.size * TAPS[op.mode])
    builder.emit(sample(image, builder.plain(grid), target, op.mode, op.padding_mode, bool(op.align_corners)))
    return _finish(builder, target, call.outputs[0])


def _roi_align(builder: Builder, call: Call) -> bool:
    op: Any = call.op
    data, regions, indices = call.inputs
    if not indices.is_index or not _fits(builder, builder.view(data)):
        return False
    target = _target(builder, call.outputs[0])
    *offsets, grown = op.offsets()
    image = _image(builder, data, target.size * max(op.sampling_ratio, 1) ** 2 * TAPS["bilinear"])
    operands = image, builder.plain(regions), builder.plain(indices), target
    align = builder.family("sampling").RegionAlign
    builder.emit(align(*operands, max(op.sampling_ratio, 0), op.spatial_scale, offsets, grown, op.mode == "max"))
    return _finish(builder, target, call.outputs[0])


def _fits(builder: Builder, view: View) -> bool:
    """True for images of f32 with elements, whose pixels the kernels reach."""
    return view.dtype == np.float32 and view.size > 0 and bool(builder.family("sampling").reaches(view))


def _image(builder: Builder, tensor: Tensor, reads: int) -> View:
    """View of an image whose elements are read so many times: of a channels-last copy where that pays."""
    view = builder.view(tensor)
    batch, channels, height, width = view.shape
    strides = (height * width * channels, 1, width * channels, channels)
    if view.strides[1] == 1 or channels < FEW_CHANNELS or reads < 4 * view.size:
        return view
    if not _fits(builder, view.like(view.shape, strides)):
        return view
    image = builder.scratch(tensor.dtype, (batch, height, width, channels)).like(view.shape, strides)
    builder.copy(view, image)
    return image


def _target(builder: Builder, tensor: Tensor) -> View:
    """Where the kernel writes: the tensor's place, or another where its pixels lie at more than one distance."""
    view = builder.view(tensor)
    _, _, height, width = view.shape
    even = height == 1 or width == 1 or view.strides[2] == width * view.strides[3]
    return view if even else builder.scratch(tensor.dtype, tensor.shape)


def _finish(builder: Builder, target: View, tensor: Tensor) -> bool:
    if target is not builder.view(tensor):
        builder.copy(target, builder.view(tensor))
    return True


LOWERINGS: dict[str, Lowering] = {"GridSample": _grid_sample, "ROIAlign": _roi_align}
