"""Searches and running sums along the lines of one dimension."""

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


def _cumsum(builder: Builder, call: Call) -> bool:
    op: Any = call.op
    data, *rest = call.inputs
    if data.dtype.name not in ("float32", "int32", "int64") or not data.shape:
        return False
    given = rest[0].array if rest else None
    if rest and given is None:
        return False
    axis = 0 if given is None else int(given.item())
    views = builder.view(data), builder.view(call.outputs[0])
    builder.emit(builder.family("scan").CumSum(*views, axis, op.exclusive, op.reverse))
    return True


LOWERINGS: dict[str, Lowering] = {"TopK": _topk, "CumSum": _cumsum}
