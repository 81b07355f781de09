"""The cumulative sum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Type
from .axes import integer, normalized, require, require_integers, require_rank
from .declare import Declared
from .reduction import sum_dtype


@dataclass(frozen=True)
class CumSum(Declared):
    """Sums of the elements up to each along an axis, a scalar (0 when left out).

    exclusive: without the element itself. reverse: from the end.
    """

    exclusive: bool = False
    reverse: bool = False
    type = "CumSum"
    opset = "opset3"
    factory = "cum_sum"
    aliases = ("cumsum",)
    since = 3
    signature = "arg, axis, exclusive=False, reverse=False"
    inputs = ("arg", "axis")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, *rest = inputs
        require(data.element_type is not Type.boolean, "expected elements to be numbers, got boolean")
        for axis in rest:
            require_integers(axis, "axis")
            require_rank(axis, (0, 1), "axis")
            value = integer(axis, "axis")
            if value is not None and data.shape.has_rank:
                normalized(value, len(data.shape))
        return [TensorType(data.element_type, data.shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        x = inputs[0]
        axis = normalized(int(inputs[1].item()) if len(inputs) > 1 else 0, x.ndim)
        along = np.flip(x, axis) if self.reverse else x
        sums = np.cumsum(along, axis, sum_dtype(x)).astype(x.dtype)
        if self.exclusive:
            sums = np.roll(sums, 1, axis)
            sums[(slice(None),) * axis + (slice(0, 1),)] = 0
        return [np.flip(sums, axis) if self.reverse else sums]
