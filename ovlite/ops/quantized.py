"""Operators that passes make of quantization: real = (quantized - zero) * scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..graph import Argument, Operator, TensorType
from ..graph.operator import Array
from ..types import Type
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
class QuantizedProduct(Operator):
    """activation(scales * (inner(x - x_zero, weights) + shifts) + bias), the sums in exact integers.

    inner: Convolution, GroupConvolution or MatMul. Inputs: x of u8, the inner operator's weights of i8, shifts of i32
    and scales of f32, one a channel of the output, then where `bias` that of f32, likewise, then where `dynamic` a u8
    that takes the place of x_zero. element_type: of the result: f32; or u8 or i8, then round(value * multiplier) +
    zero, cut to the type's range.
    """

    type = "QuantizedProduct"
    opset = "ovlite"
    inner: Operator
    x_zero: int
    bias: bool = False
    dynamic: bool = False
    activation: Activation | None = None
    multiplier: float = 1.0
    zero: int = 0
    element_type: Type = Type.f32

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        reals = [Argument(Type.f32, argument.shape) for argument in inputs[:2]]
        (product,) = self.inner.infer(reals)
        return [TensorType(self.element_type, product.shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        x, weights, shifts, scales, *rest = inputs
        zero = int(rest[-1].item()) if self.dynamic else self.x_zero
        bias = rest[:1] if self.bias else []
        (sums,) = self.inner.evaluate(x.astype(np.float64) - zero, weights.astype(np.float64))
        shape = (-1,) if self.inner.type == "MatMul" else (-1, *(1,) * (sums.ndim - 2))
        values = (sums + shifts.reshape(shape)).astype(np.float32) * scales.reshape(shape)
        for addend in bias:
            values = values + addend.reshape(shape)
        if self.activation is not None:
            values = activate(self.activation, values)
        if self.element_type is Type.f32:
            return [values]
        return [to_bytes(values * np.float32(self.multiplier), self.zero, self.element_type)]
