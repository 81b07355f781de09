"""Pooling and resizing of images."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..builder import Builder, Lowering
from ..calls import Call


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
    geometry = builder.view(x), builder.view(y), op.kernel, strides, dilations, begin
    family = builder.family("pool")
    if op.type == "MaxPool":
        builder.emit(family.MaxPool(*geometry))
    else:
        builder.emit(family.AvgPool(*geometry, count_include_pad=not op.exclude_pad, pads_end=end))
    return True


LOWERINGS: dict[str, Lowering] = {"MaxPool": _pool, "AvgPool": _pool}
