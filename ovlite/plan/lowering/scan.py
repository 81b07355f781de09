"""Running sums along a dimension."""

from __future__ import annotations

from typing import Any

from ..builder import Builder, Lowering
from ..calls import Call


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


LOWERINGS: dict[str, Lowering] = {"CumSum": _cumsum}
