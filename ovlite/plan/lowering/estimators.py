"""Ensembles of trees and support vectors, which are constant."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..builder import Builder, Lowering
from ..calls import Call


def _trees(builder: Builder, call: Call) -> bool:
    op: Any = call.op
    x, *parts = call.inputs
    arrays = [part.array for part in parts]
    if arrays[0] is None or any(array is None for array in arrays):
        return False
    family = builder.family("trees")
    how = "trees", builder.level, op.width, *map(id, arrays)
    ensemble = builder.packs.get(arrays[0], how, lambda: family.Ensemble(*arrays, op.width))
    scores, reached = (builder.wanted(tensor) for tensor in call.outputs)
    if scores is None:
        scores = builder.scratch(x.dtype, call.outputs[0].shape)
    if reached is None and op.aggregate != "sum":
        reached = builder.scratch(call.outputs[1].dtype, call.outputs[1].shape)
    builder.emit(family.Trees(builder.plain(x), scores, reached, ensemble, op.aggregate))
    return True


def _distances(builder: Builder, call: Call) -> bool:
    x, points = call.inputs
    if points.array is None:
        return False
    packed = builder.packs.get(points.array, "distances", lambda: np.ascontiguousarray(points.array.T))
    builder.emit(builder.family("distance").SquaredDistance(builder.plain(x), builder.view(call.outputs[0]), packed))
    return True


LOWERINGS: dict[str, Lowering] = {"SquaredDistance": _distances, "TreeEnsemble": _trees}
