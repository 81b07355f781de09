"""Losses of training that models may hold."""

from __future__ import annotations

import numpy as np

from ..cases import Error, Made
from ..draw import Draw
from .base import node, table


def loss(d: Draw) -> Made:
    classes = d.integer(1, 5)
    data = d.tensor((d.integer(1, 4), classes, *d.dims(0, 2, 0)), d.dtype("T", ("float", "double")), (-4, 2))
    target = d.rng.integers(0, classes, (data.shape[0], *data.shape[2:])).astype(d.pick(np.int32, np.int64))
    weight = d.maybe(d.like(data, (classes,), (0.2, 2)))
    ignored = d.maybe(d.integer(0, classes - 1), 0.3)
    reduction = d.pick(None, "none", "sum", "mean")
    if ignored is not None and reduction in (None, "mean") and (target == ignored).all():
        ignored = None
    wanted = [True, d.op_type == "SoftmaxCrossEntropyLoss" and d.chance(0.5)]
    return node(d, [data, target, weight], wanted, ignore_index=ignored, reduction=reduction, error=Error(64, 64, 8))


MAKERS = table("", NegativeLogLikelihoodLoss=loss, SoftmaxCrossEntropyLoss=loss)
