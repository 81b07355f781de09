"""The largest or smallest elements along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ..errors import ModelError
from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import UNBOUNDED, Dimension, PartialShape, Type
from .axes import (
    index_type,
    integer,
    normalized,
    one_of,
    require,
    require_integers,
    require_numbers,
    require_rank,
    static_shapes,
    upper,
)
from .declare import Declared


@dataclass(frozen=True)
class TopK(Declared):
    """The k largest (mode max) or smallest (min) elements along `axis`, and their indices.

    sort: value (best first), index (as they lie in the tensor) or none (best first). Of equal elements
    the first ones are taken. NaN counts as larger than any number.
    """

    axis: int = -1
    mode: str = "max"
    sort: str = "value"
    index_element_type: Type = Type.i32

    type = "TopK"
    factory = "topk"
    signature = "data, k, axis, mode, sort"
    inputs = ("data", "k")
    until = 2
    value_inputs: ClassVar[tuple[int, ...]] = (1,)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, k = inputs
        require_numbers(data.element_type)
        one_of(self.mode, ("max", "min"), "mode")
        one_of(self.sort, ("value", "index", "none"), "sort")
        index_type(self.index_element_type, "index_element_type")
        require_integers(k, "counts")
        require_rank(k, 0, "k")
        count = integer(k, "k")
        require(count is None or count >= 0, f"expected k to be 0 or more, got {count}")
        shape = data.shape
        if shape.has_rank:
            axis = normalized(self.axis, len(shape))
            length = shape[axis]
            if count is not None and length.max_length != UNBOUNDED and count > length.max_length:
                raise ModelError(f"k is {count}, dimension {axis} has {length} elements")
            shape = PartialShape(
                [*shape[:axis], upper(length) if count is None else Dimension(count), *shape[axis + 1 :]]
            )
        return [TensorType(data.element_type, shape), TensorType(self.index_element_type, shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, k = inputs
        static_shapes(self, data, k)
        axis = normalized(self.axis, data.ndim)
        if self.mode == "min":
            order = np.argsort(data, axis, kind="stable")
        else:  # the reverse of the reversed data's order: descending, and equal elements stay in their order
            order = data.shape[axis] - 1 - np.flip(np.argsort(np.flip(data, axis), axis, kind="stable"), axis)
        order = np.take(order, np.arange(int(k.item())), axis)
        if self.sort == "index":
            order = np.sort(order, axis)
        return [np.take_along_axis(data, order, axis), order.astype(self.index_element_type.to_dtype())]


class TopK3(TopK):
    """The k largest (mode max) or smallest (min) elements along `axis`, and their indices.

    sort: value (best first), index (as they lie in the tensor) or none (best first). Of equal elements
    the first ones are taken. NaN counts as larger than any number.
    """

    type = "TopK"
    opset = "opset3"
    factory = "topk"
    signature = "data, k, axis, mode, sort, index_element_type='i32'"
    since = 3
    until = 10


@dataclass(frozen=True)
class TopK11(TopK3):
    """The k largest (mode max) or smallest (min) elements along `axis`, and their indices.

    sort: value (best first), index (as they lie in the tensor) or none (best first). Of equal elements
    the first ones are taken, whether `stable` asks for it or not. NaN counts as larger than any number.
    """

    stable: bool = False

    type = "TopK"
    opset = "opset11"
    factory = "topk"
    signature = "data, k, axis, mode, sort, index_element_type='i32', stable=False"
    since = 11
    until = 16

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        require(not self.stable or self.sort != "none", "a stable order needs sort 'value' or 'index'")
        return super().infer(inputs)
