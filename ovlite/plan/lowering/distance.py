"""Squared distances from constant points."""

from __future__ import annotations

import numpy as np

from ..builder import Builder, Lowering
from ..calls import Call


def _squared_distance(builder: Builder, call: Call) -> bool:
    x, array = call.inputs[0], call.inputs[1].array
    if array is None:
        return False
    packed = builder.packed_weights.get(array, "distances", lambda points: np.array(points.T, order="C"))
    family = builder.family("distance")
    builder.emit(family.SquaredDistance(builder.plain(x), builder.view(call.outputs[0]), packed))
    return True


LOWERINGS: dict[str, Lowering] = {"SquaredDistance": _squared_distance}
