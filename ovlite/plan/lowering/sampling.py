"""Images read between their pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...kernels.runtime.step import View
from ..builder import Builder, Lowering
from ..calls import Call, Tensor


def _grid_sample(builder: Builder, call: Call) -> bool:
    op: Any = call.op
    data, grid = call.inputs
    if data.dtype != np.float32 or grid.dtype != np.float32 or not _fits(builder.view(data)):
        return False
    target = _target(builder, call.outputs[0])
    sample = builder.family("sampling").GridSample
    builder.emit(
        sample(builder.view(data), builder.plain(grid), target, op.mode, op.padding_mode, bool(op.align_corners))
    )
    return _finish(builder, target, call.outputs[0])


def _roi_align(builder: Builder, call: Call) -> bool:
    op: Any = call.op
    data, regions, indices = call.inputs
    if data.dtype != np.float32 or indices.dtype.name not in ("int32", "int64") or not _fits(builder.view(data)):
        return False
    target = _target(builder, call.outputs[0])
    *offsets, grown = op.offsets()
    operands = builder.view(data), builder.plain(regions), builder.plain(indices), target
    align = builder.family("sampling").RegionAlign
    builder.emit(align(*operands, max(op.sampling_ratio, 0), op.spatial_scale, offsets, grown, op.mode == "max"))
    return _finish(builder, target, call.outputs[0])


def _fits(view: View) -> bool:
    """True for images with elements, of which each is at an offset of 32 bits."""
    return view.size > 0 and min(view.strides[2:]) >= 0 and max(view.strides[2:]) * sum(view.shape[2:]) < 2**31


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
