"""Operators that passes make of quantization: real = (quantized - zero) * scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..graph import Argument, Operator, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Type
from .broadcasting import broadcast
from .fused import Activation, activate


def to_bytes(values: Array, zero: int, element_type: Type) -> Array:
    """round(values), half to even, + zero, cut to the range of u8 or i8."""
    limits = np.iinfo(element_type.to_dtype())
    return np.asarray(np.clip(np.rint(values) + zero, limits.min, limits.max), limits.dtype)


@dataclass(frozen=True)
class Quantize(Operator):
    """The bytes round(x / scale) + zero of real numbers, cut to the range of `element_type`, u8 or i8."""

    type = "Quantize"
    opset = "ovlite"
    scale: float
    zero: int
    element_type: Type

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(self.element_type, inputs[0].shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [to_bytes(inputs[0] / np.float32(self.scale), self.zero, self.element_type)]


@dataclass(frozen=True)
class Dequantize(Operator):
    """(x - zero) * scale, in f32, of bytes."""

    type = "Dequantize"
    opset = "ovlite"
    scale: float
    zero: int

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(Type.f32, inputs[0].shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [(inputs[0].astype(np.float32) - np.float32(self.zero)) * np.float32(self.scale)]


@dataclass(frozen=True)
class Round:
    """A stage: to the byte that Quantize(scale, zero) gives, cut to low .. high, and back to its real number."""

    scale: float
    zero: int
    low: int
    high: int
    operands: ClassVar[int] = 0

    def __call__(self, values: Array, *operands: Array) -> Array:
        whole = np.rint(values / np.float32(self.scale)) + self.zero
        return np.asarray((np.clip(whole, self.low, self.high) - self.zero) * np.float32(self.scale), np.float32)


@dataclass(frozen=True)
class AddResidual:
    """A stage: plus (residual - zero) * scale, the residual being an operand of the product's shape."""

    scale: float
    zero: int
    operands: ClassVar[int] = 1

    def __call__(self, values: Array, *operands: Array) -> Array:
        return np.asarray(values + (operands[0].astype(np.float32) - np.float32(self.zero)) * np.float32(self.scale))


@dataclass(frozen=True)
class ScaleChannels:
    """A stage: times the first operand, plus the second one, each an f32 a channel."""

    operands: ClassVar[int] = 2

    def __call__(self, values: Array, *operands: Array) -> Array:
        return values * operands[0] + operands[1]


@dataclass(frozen=True)
class Activate:
    """A stage: a function of each element."""

    activation: Activation
    operands: ClassVar[int] = 0

    def __call__(self, values: Array, *operands: Array) -> Array:
        return activate(self.activation, values)


Stage = Round | AddResidual | ScaleChannels | Activate


@dataclass(frozen=True)
class QuantizedProduct(Operator):
    """stages(scales * (inner(x - x_zero, weights) + shifts) + bias), the sums in exact integers.

    inner: Convolution, GroupConvolution or MatMul. Inputs: x of u8, the inner operator's weights of i8, shifts of i32,
    scales and bias of f32, one a channel of the output; then the operands of each stage; then where `dynamic` a u8 that
    takes the place of x_zero. Of a MatMul x and weights may both be any bytes that are known at run time only, of which
    weights_zero is subtracted too; `weights_dynamic` tells of one more u8, which takes its place. element_type: of the
    result: f32; or u8 or i8, then round(value * multiplier) + zero, cut to the type's range.
    """

    type = "QuantizedProduct"
    opset = "ovlite"
    inner: Operator
    x_zero: int
    stages: tuple[Stage, ...] = ()
    dynamic: bool = False
    multiplier: float = 1.0
    zero: int = 0
    element_type: Type = Type.f32
    weights_zero: int = 0
    weights_dynamic: bool = False

    FIRST_OPERAND = 5  # of the stages', among the inputs

    def operands(self, inputs: Sequence[Any]) -> list[Sequence[Any]]:
        """Those of each stage."""
        found, at = [], self.FIRST_OPERAND
        for stage in self.stages:
            found.append(inputs[at : at + stage.operands])
            at += stage.operands
        return found

    def residual(self, inputs: Sequence[Any]) -> Any:
        """The input that a stage adds; None where there is none."""
        pairs = zip(self.stages, self.operands(inputs), strict=True)
        return next((operands[0] for stage, operands in pairs if isinstance(stage, AddResidual)), None)

    def zeros(self, inputs: Sequence[Any]) -> tuple[Any, Any]:
        """The zero points of x and of the weights: numbers, or inputs."""
        given = list(inputs[len(inputs) - self.dynamic - self.weights_dynamic :])
        return given.pop(0) if self.dynamic else self.x_zero, given.pop() if self.weights_dynamic else self.weights_zero

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        reals = [Argument(Type.f32, argument.shape) for argument in inputs[:2]]
        (product,) = self.inner.infer(reals)
        residual = self.residual(inputs)
        shape = product.shape if residual is None else broadcast(product.shape, residual.shape)
        return [TensorType(self.element_type, shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        x, weights, shifts, scales, bias = inputs[: self.FIRST_OPERAND]
        zero, weights_zero = (int(np.asarray(found).item()) for found in self.zeros(inputs))
        (sums,) = self.inner.evaluate(x.astype(np.float64) - zero, weights.astype(np.float64) - weights_zero)
        shape = (-1,) if self.inner.type == "MatMul" else (-1, *(1,) * (sums.ndim - 2))
        values = (sums + shifts.reshape(shape)).astype(np.float32) * scales.reshape(shape) + bias.reshape(shape)
        for stage, operands in zip(self.stages, self.operands(inputs), strict=True):
            channels = isinstance(stage, ScaleChannels)
            values = stage(values, *(array.reshape(shape) if channels else array for array in operands))
        if self.element_type is Type.f32:
            return [values]
        return [to_bytes(values * np.float32(self.multiplier), self.zero, self.element_type)]
