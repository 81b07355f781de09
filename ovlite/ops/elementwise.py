"""Element-wise arithmetic of two tensors, broadcast as numpy does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..errors import ModelError
from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..types import PartialShape
from .declare import Declared


def broadcast(left: PartialShape, right: PartialShape) -> PartialShape:
    """The shape of a numpy broadcast. Raises ModelError when the shapes don't fit."""
    if not left.has_rank or not right.has_rank:
        return PartialShape.dynamic()
    rank = max(len(left), len(right))
    dims = []
    for a, b in zip([1] * (rank - len(left)) + list(left), [1] * (rank - len(right)) + list(right), strict=True):
        dim = PartialShape([a])[0].broadcast(PartialShape([b])[0])
        if dim is None:
            raise ModelError(f"shapes {left} and {right} can't be broadcast together")
        dims.append(dim)
    return PartialShape(dims)


@dataclass(frozen=True)
class Binary(Declared):
    """An element-wise operator of two tensors of one element type."""

    auto_broadcast: str = "numpy"
    elementwise: ClassVar[bool] = True
    signature: ClassVar[str] = "left, right, auto_broadcast='NUMPY'"
    inputs: ClassVar[tuple[str, ...]] = ("left", "right")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        left, right = inputs
        element_type = left.element_type.merge(right.element_type)
        if element_type is None:
            raise ModelError("the element types differ; insert a convert")
        return [TensorType(element_type, broadcast(left.shape, right.shape))]


@dataclass(frozen=True)
class Add(Binary):
    """left + right."""

    type = "Add"
    factory = "add"

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [np.add(*inputs)]
