"""Element-wise arithmetic of two tensors.

Integers wrap around as numpy's do. OpenVINO's CPU plugin saturates 8-bit results instead; its
reference implementation, and ONNX, wrap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ..graph import Argument, TensorType
from ..graph.operator import Array, Sizes
from ..records import dataclass
from ..types import Type
from .axes import merged_type, require, require_numbers
from .broadcasting import aligned, broadcast_sizes, combined_shape
from .declare import Declared


@dataclass(frozen=True)
class Binary(Declared):
    """An element-wise operator of two tensors of one element type."""

    auto_broadcast: str = "numpy"
    elementwise: ClassVar[bool] = True
    signature: ClassVar[str] = "left, right, auto_broadcast='NUMPY'"
    inputs: ClassVar[tuple[str, ...]] = ("left", "right")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        element_type = merged_type(inputs, "operands")
        shape = combined_shape([argument.shape for argument in inputs], self.auto_broadcast)
        return [TensorType(self.result_type(element_type), shape)]

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        return broadcast_sizes(*shapes) if self.auto_broadcast == "numpy" else None

    def result_type(self, element_type: Type) -> Type:
        """Element type of the result for operands of `element_type`; ModelError when they can't be of it."""
        require_numbers(element_type)
        require(element_type is not Type.boolean, "expected operands of arithmetic to be numbers, got boolean")
        return element_type

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        left, right = aligned(inputs, self.auto_broadcast)
        return [np.asarray(self.compute(left, right))]

    def compute(self, left: Array, right: Array) -> Array:
        """The result for operands that numpy can broadcast."""
        raise NotImplementedError(f"{type(self).__name__}.compute")


class Add(Binary):
    """left + right."""

    type = "Add"
    factory = "add"

    def compute(self, left: Array, right: Array) -> Array:
        return np.add(left, right)


class Subtract(Binary):
    """left - right."""

    type = "Subtract"
    factory = "subtract"

    def compute(self, left: Array, right: Array) -> Array:
        return np.subtract(left, right)


class Multiply(Binary):
    """left * right."""

    type = "Multiply"
    factory = "multiply"

    def compute(self, left: Array, right: Array) -> Array:
        return np.multiply(left, right)


class Division(Binary):
    """Base of the operators that can't be carried out for an integer and 0: what runs them raises ZeroDivisionError.

    evaluate() gives 0 there, since shape inference asks it for elements that are not all known.
    """

    def folds(self, inputs: Sequence[Array]) -> bool:
        return inputs[1].dtype.kind not in "iu" or bool(inputs[1].all())


@dataclass(frozen=True)
class Divide(Division):
    """left / right. A quotient of integers is rounded down, or toward zero when m_pythondiv is false; n / 0 is 0."""

    m_pythondiv: bool = True
    type = "Divide"
    factory = "divide"

    def compute(self, left: Array, right: Array) -> Array:
        if left.dtype.kind == "f":
            return np.divide(left, right)
        quotient = np.floor_divide(left, right)
        if self.m_pythondiv or left.dtype.kind == "u":
            return np.asarray(quotient)
        inexact = (quotient * right != left) & (right != 0)
        return np.asarray(np.add(quotient, (quotient < 0) & inexact, dtype=left.dtype))


class Mod(Division):
    """The rest of a division that rounds toward zero: it has the sign of `left`. n mod 0 is 0 for integers."""

    type = "Mod"
    factory = "mod"

    def compute(self, left: Array, right: Array) -> Array:
        return np.fmod(left, right)


class FloorMod(Division):
    """The rest of a division that rounds down: it has the sign of `right`. n mod 0 is 0 for integers."""

    type = "FloorMod"
    factory = "floor_mod"

    def compute(self, left: Array, right: Array) -> Array:
        return np.mod(left, right)


class Maximum(Binary):
    """The greater of both; NaN when one is."""

    type = "Maximum"
    factory = "maximum"

    def compute(self, left: Array, right: Array) -> Array:
        return np.maximum(left, right)


class Minimum(Binary):
    """The smaller of both; NaN when one is."""

    type = "Minimum"
    factory = "minimum"

    def compute(self, left: Array, right: Array) -> Array:
        return np.minimum(left, right)


class Power(Binary):
    """left to the power of right; for integers with a negative exponent cut toward zero, and 0 to such a power is 0."""

    type = "Power"
    factory = "power"

    def compute(self, left: Array, right: Array) -> Array:
        if left.dtype.kind != "i":
            return np.power(left, right)
        powers = np.power(left, np.maximum(right, 0))
        reciprocals = np.where(np.abs(left) == 1, np.power(left, right & 1), 0)
        return np.where(right >= 0, powers, reciprocals).astype(left.dtype)


class SquaredDifference(Binary):
    """(left - right) squared."""

    type = "SquaredDifference"
    factory = "squared_difference"

    def compute(self, left: Array, right: Array) -> Array:
        return np.square(np.subtract(left, right))
