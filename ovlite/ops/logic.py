"""Comparisons, logical and bitwise operators, selection, and tests for special numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Type
from .axes import merged_type, require, require_numbers
from .broadcasting import aligned, combined_shape
from .declare import Declared
from .elementwise import Binary
from .unary import Unary


class Comparison(Binary):
    """A comparison of two tensors of one element type; the result is boolean. Comparisons with NaN are false."""

    def result_type(self, element_type: Type) -> Type:
        return Type.boolean


class Equal(Comparison):
    """left == right."""

    type = "Equal"
    factory = "equal"

    def compute(self, left: Array, right: Array) -> Array:
        return np.equal(left, right)


class NotEqual(Comparison):
    """left != right; true where one is NaN."""

    type = "NotEqual"
    factory = "not_equal"

    def compute(self, left: Array, right: Array) -> Array:
        return np.not_equal(left, right)


class Ordering(Comparison):
    """A comparison by size: text has none."""

    def result_type(self, element_type: Type) -> Type:
        require_numbers(element_type)
        return super().result_type(element_type)


class Greater(Ordering):
    """left > right."""

    type = "Greater"
    factory = "greater"

    def compute(self, left: Array, right: Array) -> Array:
        return np.greater(left, right)


class GreaterEqual(Ordering):
    """left >= right."""

    type = "GreaterEqual"
    factory = "greater_equal"

    def compute(self, left: Array, right: Array) -> Array:
        return np.greater_equal(left, right)


class Less(Ordering):
    """left < right."""

    type = "Less"
    factory = "less"

    def compute(self, left: Array, right: Array) -> Array:
        return np.less(left, right)


class LessEqual(Ordering):
    """left <= right."""

    type = "LessEqual"
    factory = "less_equal"

    def compute(self, left: Array, right: Array) -> Array:
        return np.less_equal(left, right)


class Logical(Binary):
    """An operator of two boolean tensors."""

    def result_type(self, element_type: Type) -> Type:
        boolean = element_type.compatible(Type.boolean)
        require(boolean, f"expected operands to be boolean, got {element_type.name}; compare with 0 first")
        return Type.boolean


class LogicalAnd(Logical):
    """True where both are."""

    type = "LogicalAnd"
    factory = "logical_and"

    def compute(self, left: Array, right: Array) -> Array:
        return np.logical_and(left, right)


class LogicalOr(Logical):
    """True where one or both are."""

    type = "LogicalOr"
    factory = "logical_or"

    def compute(self, left: Array, right: Array) -> Array:
        return np.logical_or(left, right)


class LogicalXor(Logical):
    """True where exactly one is."""

    type = "LogicalXor"
    opset = "opset2"
    factory = "logical_xor"

    def compute(self, left: Array, right: Array) -> Array:
        return np.logical_xor(left, right)


class Xor(LogicalXor):
    """LogicalXor under the name that it has in models of opset1."""

    type = "Xor"
    opset = "opset1"
    factory = ""


class LogicalNot(Unary):
    """True where x is false; for numbers 1 where x is 0, else 0."""

    type = "LogicalNot"
    factory = "logical_not"

    def compute(self, x: Array) -> Array:
        return np.logical_not(x)


class Bitwise(Binary):
    """An operator of the bits of two integers; of boolean operands it is the logical one."""

    def result_type(self, element_type: Type) -> Type:
        require(not element_type.real, f"expected operands to be integers or boolean, got {element_type.name}")
        return element_type


class BitwiseAnd(Bitwise):
    """Bits that are set in both."""

    type = "BitwiseAnd"
    opset = "opset13"
    factory = "bitwise_and"
    since = 13

    def compute(self, left: Array, right: Array) -> Array:
        return np.bitwise_and(left, right)


class BitwiseOr(Bitwise):
    """Bits that are set in one or both."""

    type = "BitwiseOr"
    opset = "opset13"
    factory = "bitwise_or"
    since = 13

    def compute(self, left: Array, right: Array) -> Array:
        return np.bitwise_or(left, right)


class BitwiseXor(Bitwise):
    """Bits that are set in exactly one."""

    type = "BitwiseXor"
    opset = "opset13"
    factory = "bitwise_xor"
    since = 13

    def compute(self, left: Array, right: Array) -> Array:
        return np.bitwise_xor(left, right)


class BitwiseNot(Unary):
    """All bits turned; of boolean the logical not."""

    type = "BitwiseNot"
    opset = "opset13"
    factory = "bitwise_not"
    since = 13

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        element_type = inputs[0].element_type
        require(not element_type.real, f"expected elements to be integers or boolean, got {element_type.name}")
        return super().infer(inputs)

    def compute(self, x: Array) -> Array:
        return np.invert(x)


class Shift(Binary):
    """A shift of integers; the count is from 0 to less than the number of bits."""

    def result_type(self, element_type: Type) -> Type:
        require(
            element_type.integral_number or element_type.is_dynamic(),
            f"expected operands to be integers, got {element_type.name}",
        )
        return element_type


class BitwiseLeftShift(Shift):
    """left * 2 ** right."""

    type = "BitwiseLeftShift"
    opset = "opset15"
    factory = "bitwise_left_shift"
    since = 15

    def compute(self, left: Array, right: Array) -> Array:
        return np.left_shift(left, right)


class BitwiseRightShift(Shift):
    """left / 2 ** right, rounded down."""

    type = "BitwiseRightShift"
    opset = "opset15"
    factory = "bitwise_right_shift"
    since = 15

    def compute(self, left: Array, right: Array) -> Array:
        return np.right_shift(left, right)


@dataclass(frozen=True)
class Select(Declared):
    """Elements of then_node where cond is true, of else_node elsewhere. With pdpd the shape is then_node's."""

    auto_broadcast: str = "numpy"
    type = "Select"
    factory = "select"
    signature = "cond, then_node, else_node, auto_broadcast='numpy'"
    inputs = ("cond", "then_node", "else_node")
    elementwise: ClassVar[bool] = True

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        cond, then, otherwise = inputs
        require(
            cond.element_type.compatible(Type.boolean), f"expected cond to be boolean, got {cond.element_type.name}"
        )
        element_type = merged_type([then, otherwise], "then_node and else_node")
        shape = combined_shape([then.shape, otherwise.shape, cond.shape], self.auto_broadcast)
        return [TensorType(element_type, shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        cond, then, otherwise = inputs
        then, otherwise, cond = aligned([then, otherwise, cond], self.auto_broadcast)
        return [np.where(cond, then, otherwise)]


class SpecialNumbers(Unary):
    """A test of each element, a real number; the result is boolean."""

    opset: ClassVar[str] = "opset10"
    since: ClassVar[int] = 10
    signature: ClassVar[str] = "data"
    inputs: ClassVar[tuple[str, ...]] = ("data",)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        element_type = inputs[0].element_type
        require(
            element_type.real or element_type.is_dynamic(),
            f"expected elements to be real numbers, got {element_type.name}",
        )
        return [TensorType(Type.boolean, inputs[0].shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [np.asarray(self.compute(inputs[0]))]


class IsNaN(SpecialNumbers):
    """True for NaN."""

    type = "IsNaN"
    factory = "is_nan"

    def compute(self, x: Array) -> Array:
        return np.isnan(x)


class IsFinite(SpecialNumbers):
    """True unless infinite or NaN."""

    type = "IsFinite"
    factory = "is_finite"

    def compute(self, x: Array) -> Array:
        return np.isfinite(x)


@dataclass(frozen=True)
class IsInf(SpecialNumbers):
    """True for the infinities that are to be detected. attributes: a dict of detect_negative and detect_positive."""

    detect_negative: bool = True
    detect_positive: bool = True
    type = "IsInf"
    factory = "is_inf"
    signature = "data, attributes=None"

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {**given, **(given["attributes"] or {})}

    def compute(self, x: Array) -> Array:
        return np.isinf(x) & np.where(x < 0, self.detect_negative, self.detect_positive)
