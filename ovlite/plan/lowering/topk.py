"""The greatest or least elements along a dimension."""

from __future__ import annotations

from typing import Any

from ..builder import Builder, Lowering
from ..calls import Call


def _topk(builder: Builder, call: Call) -> bool:
    op: Any = call.op
    data = call.inputs[0]
    if data.dtype.name not in ("float32", "int32") or not data.shape:
        return False
    values, indices = (builder.wanted(tensor) for tensor in call.outputs)
    if values is not None or indices is not None:
        sort = "index" if op.sort == "index" else "value"
        builder.emit(builder.family("topk").TopK(builder.view(data), values, indices, op.axis, op.mode, sort))
    return True


LOWERINGS: dict[str, Lowering] = {"TopK": _topk}
