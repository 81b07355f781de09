"""Softmax and LogSoftmax."""

from __future__ import annotations

import numpy as np

from ..builder import Builder, Lowering
from ..calls import Call


def _softmax(builder: Builder, call: Call) -> bool:
    x, y = call.inputs[0], call.outputs[0]
    if x.dtype != np.float32 or not x.shape:
        return False
    axis = call.op.attributes()["axis"]
    builder.emit(getattr(builder.family("softmax"), call.op.type)(builder.view(x), builder.view(y), axis))
    return True


LOWERINGS: dict[str, Lowering] = dict.fromkeys(("Softmax", "LogSoftmax"), _softmax)
