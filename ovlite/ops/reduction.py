"""Reductions along axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..graph import Argument, PartialValue, TensorType
from ..graph.operator import Array, Sizes
from ..graph.values import LIMIT
from ..records import dataclass
from ..types import PartialShape, Type
from .axes import distinct, integers, known_integers, require, require_integers, require_numbers, require_rank
from .declare import Declared


@dataclass(frozen=True)
class Reduction(Declared):
    """Reduces `node` along reduction_axes: integers, negative ones from the end, in any order; none reduce nothing.

    keep_dims: reduced axes stay, with length 1. The result of no elements at all is each reduction's own.
    """

    keep_dims: bool = False
    value_inputs: ClassVar[tuple[int, ...]] = (1,)
    signature: ClassVar[str] = "node, reduction_axes, keep_dims=False"
    inputs: ClassVar[tuple[str, ...]] = ("node", "reduction_axes")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        data, axes = inputs
        self.check_type(data.element_type)
        require_integers(axes, "reduction_axes")
        require_rank(axes, (0, 1), "reduction_axes")
        return [TensorType(data.element_type, self._shape(data.shape, axes))]

    def check_type(self, element_type: Type) -> None:
        """Raises ModelError when elements of this type can't be reduced."""
        require_numbers(element_type)
        require(element_type is not Type.boolean, "expected elements to be numbers, got boolean")

    def _shape(self, shape: PartialShape, axes: Argument) -> PartialShape:
        if not shape.has_rank:
            return shape
        rank = len(shape)
        values = integers(axes)
        if values is None:
            one = axes.shape.has_rank and all(dim == 1 for dim in axes.shape)  # more could name an axis twice
            return PartialShape.dynamic(rank if self.keep_dims else rank - 1 if one else None)
        reduced = distinct(values, rank)
        if self.keep_dims:
            return PartialShape([1 if i in reduced else dim for i, dim in enumerate(shape)])
        return PartialShape([dim for i, dim in enumerate(shape) if i not in reduced])

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        rank, axes = len(shapes[0]), known_integers(values[1])
        if axes is None or not all(-rank <= axis < rank for axis in axes):
            return None
        reduced = {axis % rank for axis in axes}
        if self.keep_dims:
            return tuple([1 if i in reduced else length for i, length in enumerate(shapes[0])])
        return tuple([length for i, length in enumerate(shapes[0]) if i not in reduced])

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        x, axes = inputs
        reduced = tuple(sorted(distinct(map(int, axes.ravel()), x.ndim)))
        return [np.asarray(self.compute(x, reduced), x.dtype)]

    def known(self, inputs: Sequence[Argument]) -> Sequence[PartialValue | None] | None:
        """The number of a shape's elements and the like: whatever is small and known as a whole."""
        arrays = [argument.value for argument in inputs]
        if any(array is None or array.size > LIMIT for array in arrays):
            return None
        return [PartialValue.of(*self.evaluate(*[array for array in arrays if array is not None]))]

    def compute(self, x: Array, axes: tuple[int, ...]) -> Array:
        """x reduced along axes, which are sorted."""
        raise NotImplementedError(f"{type(self).__name__}.compute")


def sum_dtype(x: Array) -> np.dtype[Any]:
    """The dtype of sums of x: f64 for real elements, their own for integers, whose sums wrap around."""
    return np.dtype(np.float64) if x.dtype.kind == "f" else x.dtype


class ReduceSum(Reduction):
    """The sum; 0 of nothing."""

    type = "ReduceSum"
    factory = "reduce_sum"

    def compute(self, x: Array, axes: tuple[int, ...]) -> Array:
        return np.asarray(np.sum(x, axes, sum_dtype(x), keepdims=self.keep_dims))


class ReduceMean(Reduction):
    """The mean; of integers, rounded toward zero; 0 of nothing."""

    type = "ReduceMean"
    factory = "reduce_mean"

    def compute(self, x: Array, axes: tuple[int, ...]) -> Array:
        count = max(1, math.prod(x.shape[axis] for axis in axes))
        if x.dtype.kind == "f" or float(np.abs(x.astype(np.float64)).max(initial=0)) * count >= 2**63:
            return np.asarray(np.sum(x, axes, np.float64, keepdims=self.keep_dims) / count)
        total = np.sum(x, axes, np.int64, keepdims=self.keep_dims)
        return np.asarray(np.sign(total) * (np.abs(total) // count))


class ReduceProd(Reduction):
    """The product; 1 of nothing."""

    type = "ReduceProd"
    factory = "reduce_prod"

    def compute(self, x: Array, axes: tuple[int, ...]) -> Array:
        return np.asarray(np.prod(x, axes, x.dtype, keepdims=self.keep_dims))


def _limits(x: Array) -> tuple[int | float, int | float]:
    """The least and the greatest finite number of the dtype."""
    limits = np.finfo(x.dtype) if x.dtype.kind == "f" else np.iinfo(x.dtype)
    return limits.min, limits.max


class ReduceMax(Reduction):
    """The greatest; NaN when one is; the least finite number of the type of nothing."""

    type = "ReduceMax"
    factory = "reduce_max"

    def compute(self, x: Array, axes: tuple[int, ...]) -> Array:
        if x.size:
            return np.asarray(np.max(x, axes, keepdims=self.keep_dims))
        return np.asarray(np.max(x, axes, keepdims=self.keep_dims, initial=_limits(x)[0]))


class ReduceMin(Reduction):
    """The smallest; NaN when one is; the greatest finite number of the type of nothing."""

    type = "ReduceMin"
    factory = "reduce_min"

    def compute(self, x: Array, axes: tuple[int, ...]) -> Array:
        if x.size:
            return np.asarray(np.min(x, axes, keepdims=self.keep_dims))
        return np.asarray(np.min(x, axes, keepdims=self.keep_dims, initial=_limits(x)[1]))


class ReduceL1(Reduction):
    """The sum of absolute values."""

    type = "ReduceL1"
    opset = "opset4"
    factory = "reduce_l1"
    since = 4

    def compute(self, x: Array, axes: tuple[int, ...]) -> Array:
        return np.asarray(np.sum(np.abs(x), axes, sum_dtype(x), keepdims=self.keep_dims))


class ReduceL2(Reduction):
    """The square root of the sum of squares; of integers, rounded toward zero."""

    type = "ReduceL2"
    opset = "opset4"
    factory = "reduce_l2"
    since = 4

    def compute(self, x: Array, axes: tuple[int, ...]) -> Array:
        return np.asarray(np.sqrt(np.sum(np.square(x, dtype=np.float64), axes, keepdims=self.keep_dims)))


class LogicalReduction(Reduction):
    """A reduction of boolean elements."""

    def check_type(self, element_type: Type) -> None:
        require(element_type.compatible(Type.boolean), f"expected elements to be boolean, got {element_type.name}")


class ReduceLogicalAnd(LogicalReduction):
    """True where all are; of nothing too."""

    type = "ReduceLogicalAnd"
    factory = "reduce_logical_and"

    def compute(self, x: Array, axes: tuple[int, ...]) -> Array:
        return np.asarray(np.all(x, axes, keepdims=self.keep_dims))


class ReduceLogicalOr(LogicalReduction):
    """True where one is; false of nothing."""

    type = "ReduceLogicalOr"
    factory = "reduce_logical_or"

    def compute(self, x: Array, axes: tuple[int, ...]) -> Array:
        return np.asarray(np.any(x, axes, keepdims=self.keep_dims))
