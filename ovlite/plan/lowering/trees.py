"""Ensembles of trees, which are constant."""

from __future__ import annotations

from typing import Any

from ..builder import Builder, Lowering
from ..calls import Call


def _trees(builder: Builder, call: Call) -> bool:
    op: Any = call.op
    x, *parts = call.inputs
    arrays = [part.array for part in parts if part.array is not None]
    if len(arrays) < len(parts):
        return False
    family = builder.family("trees")
    how = "trees", builder.level, op.width, *map(id, arrays)
    ensemble = builder.packed_weights.get(arrays[0], how, lambda _: family.Ensemble(*arrays, op.width))
    scores, reached = (builder.wanted(tensor) for tensor in call.outputs)
    if scores is None:
        scores = builder.scratch(x.dtype, call.outputs[0].shape)
    if reached is None and op.aggregate != "sum":
        reached = builder.scratch(call.outputs[1].dtype, call.outputs[1].shape)
    builder.emit(family.Trees(builder.plain(x), scores, reached, ensemble, op.aggregate))
    return True


LOWERINGS: dict[str, Lowering] = {"TreeEnsemble": _trees}
