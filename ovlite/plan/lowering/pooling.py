"""Pooling of images."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...kernels.runtime.step import View
from ..builder import Builder, Lowering
from ..calls import Call, Tensor


def _pool(builder: Builder, call: Call) -> bool:
    """MaxPool without indices, AvgPool; both layouts."""
    op: Any = call.op
    x, y = call.inputs[0], call.outputs[0]
    if x.dtype != np.float32 or not 3 <= len(x.shape) <= 5:
        return False
    if any(tensor.users or builder.is_placed(tensor) for tensor in call.outputs[1:]):
        return False
    strides, dilations, _, _ = op.sliding()
    begin, end = op.pads(x.shape[2:])
    geometry = *in_one_layout(builder, x, y), op.kernel, strides, dilations, begin
    family = builder.family("pooling")
    if op.type == "MaxPool":
        builder.emit(family.MaxPool(*geometry))
    else:
        builder.emit(family.AvgPool(*geometry, count_include_pad=not op.exclude_pad, pads_end=end))
    return True


def in_one_layout(builder: Builder, x: Tensor, y: Tensor) -> tuple[View, View]:
    """Where the input and the output lie. A planar input that a Transpose shows as channels-last is copied."""
    return builder.view(x) if y.image else builder.plain(x), builder.view(y)


LOWERINGS: dict[str, Lowering] = {"MaxPool": _pool, "AvgPool": _pool}
