"""Pooling of images."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...kernels.runtime.step import BF16, View, are_channels_last
from ..builder import Builder, Lowering
from ..calls import Call, Tensor


def _pool(builder: Builder, call: Call) -> bool:
    """MaxPool without indices, AvgPool; both layouts."""
    op: Any = call.op
    x, y = call.inputs[0], call.outputs[0]
    of_bytes = op.type == "MaxPool" and x.dtype.name in ("uint8", "int8")
    if not (x.dtype in (np.float32, BF16) or of_bytes) or not 3 <= len(x.shape) <= 5:
        return False
    if any(tensor.users or builder.is_placed(tensor) for tensor in call.outputs[1:]):
        return False
    strides, dilations, _, _ = op.sliding()
    begin, end = op.pads(x.shape[2:])
    source, target = in_one_layout(builder, x, y)
    geometry = op.kernel, strides, dilations, begin
    family = builder.family("pooling")
    if of_bytes and not are_channels_last(source, target):
        wide = _real(builder, source), _real(builder, target)
        builder.copy(source, wide[0])
        builder.emit(family.MaxPool(*wide, *geometry))
        builder.copy(wide[1], target)
    elif op.type == "MaxPool":
        builder.emit(family.MaxPool(source, target, *geometry))
    else:
        builder.emit(family.AvgPool(source, target, *geometry, count_include_pad=not op.exclude_pad, pads_end=end))
    return True


def _real(builder: Builder, view: View) -> View:
    """Memory for an image's elements as f32, in the image's layout."""
    scratch = builder.scratch_image if view.shape[1] > 1 and view.strides[1] == 1 else builder.scratch
    return scratch(np.dtype(np.float32), view.shape)


def in_one_layout(builder: Builder, x: Tensor, y: Tensor) -> tuple[View, View]:
    """Views of the input and the output. A planar input that a Transpose shows as channels-last is copied."""
    return builder.view(x) if y.image else builder.plain(x), builder.view(y)


LOWERINGS: dict[str, Lowering] = {"MaxPool": _pool, "AvgPool": _pool}
