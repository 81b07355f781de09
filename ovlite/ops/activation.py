"""Activation functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..graph import Argument, TensorType
from ..graph.operator import Array, Sizes
from ..records import dataclass
from .axes import merged_type, one_of, require, require_rank, require_real
from .broadcasting import stretched
from .declare import Declared
from .unary import RealFunction, Unary, erf, of_real


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1, small) / (1 + small), x.dtype)


def softplus(x: Array) -> Array:
    """ln(1 + exp(x)), without overflow."""
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), x.dtype)


def exponential_unit(x: Array, alpha: float | Array) -> Array:
    """x above zero, alpha * (exp(x) - 1) below."""
    return np.asarray(np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))), x.dtype)


class Relu(Unary):
    """max(x, 0); NaN stays NaN."""

    type = "Relu"
    factory = "relu"

    def compute(self, x: Array) -> Array:
        return np.maximum(x, 0)


class Sigmoid(RealFunction):
    """1 / (1 + exp(-x))."""

    type = "Sigmoid"
    factory = "sigmoid"

    def compute(self, x: Array) -> Array:
        return sigmoid(x)


@dataclass(frozen=True)
class Elu(RealFunction):
    """x above zero, alpha * (exp(x) - 1) below."""

    alpha: float
    type = "Elu"
    factory = "elu"
    signature = "data, alpha"
    inputs = ("data",)

    def compute(self, x: Array) -> Array:
        return exponential_unit(x, self.alpha)


@dataclass(frozen=True)
class Clamp(Unary):
    """The nearest number from min to max; for integers the bounds are rounded inward."""

    min: float
    max: float
    type = "Clamp"
    factory = "clamp"
    signature = "data, min_value, max_value"
    inputs = ("data",)

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {**given, "min": given["min_value"], "max": given["max_value"]}

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        require(self.min <= self.max, f"expected min to be at most max, got {self.min} and {self.max}")
        return super().infer(inputs)

    def compute(self, x: Array) -> Array:
        if x.dtype.kind == "f":
            return np.clip(x, x.dtype.type(self.min), x.dtype.type(self.max))
        range_ = np.iinfo(x.dtype)
        low = range_.min if self.min <= range_.min else int(np.ceil(min(self.min, range_.max)))
        high = range_.max if self.max >= range_.max else int(np.floor(max(self.max, range_.min)))
        return np.clip(x, low, high)


class GeluErf(RealFunction):
    """x * (1 + erf(x / sqrt(2))) / 2."""

    type = "Gelu"
    opset = "opset2"
    factory = "gelu"
    since = 2
    until = 6

    def compute(self, x: Array) -> Array:
        return np.asarray(x * (1 + erf(x / np.sqrt(x.dtype.type(2)))) / 2)


@dataclass(frozen=True)
class Gelu(GeluErf):
    """x times the normal distribution's cumulative function of x, by approximation_mode "erf" (exactly) or "tanh"."""

    approximation_mode: str = "erf"
    type = "Gelu"
    opset = "opset7"
    factory = "gelu"
    since = 7
    until = 16
    signature = "data, approximation_mode"
    inputs = ("data",)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        one_of(self.approximation_mode, ("erf", "tanh"), "approximation_mode")
        return super().infer(inputs)

    def compute(self, x: Array) -> Array:
        if self.approximation_mode == "erf":
            return super().compute(x)
        inner = np.sqrt(x.dtype.type(2 / np.pi)) * (x + x.dtype.type(0.044715) * x * x * x)
        return np.asarray(x / 2 * (1 + np.tanh(inner)))


class SoftPlus(RealFunction):
    """ln(1 + exp(x))."""

    type = "SoftPlus"
    opset = "opset4"
    factory = "softplus"
    since = 4
    signature = "data"
    inputs = ("data",)

    def compute(self, x: Array) -> Array:
        return softplus(x)


class SoftSign(RealFunction):
    """x / (1 + |x|)."""

    type = "SoftSign"
    opset = "opset9"
    factory = "softsign"
    since = 9
    signature = "node"
    inputs = ("node",)

    def compute(self, x: Array) -> Array:
        return np.asarray(x / (1 + np.abs(x)))


class Mish(RealFunction):
    """x * tanh(ln(1 + exp(x)))."""

    type = "Mish"
    opset = "opset4"
    factory = "mish"
    since = 4
    signature = "data"
    inputs = ("data",)

    def compute(self, x: Array) -> Array:
        return x * np.tanh(softplus(x))


class HSwish(RealFunction):
    """x * min(max(x + 3, 0), 6) / 6."""

    type = "HSwish"
    opset = "opset4"
    factory = "hswish"
    since = 4
    signature = "data"
    inputs = ("data",)

    def compute(self, x: Array) -> Array:
        return np.asarray(x * (np.clip(x + 3, 0, 6) / 6))


class HSigmoid(RealFunction):
    """min(max(x + 3, 0), 6) / 6."""

    type = "HSigmoid"
    opset = "opset5"
    factory = "hsigmoid"
    since = 5
    signature = "data"
    inputs = ("data",)

    def compute(self, x: Array) -> Array:
        return np.asarray(np.clip(x + 3, 0, 6) / 6)


@dataclass(frozen=True)
class Parametric(Declared):
    """An activation of data whose parameters are tensors of the data's element type."""

    elementwise: ClassVar[bool] = True

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        element_type = merged_type(inputs, "data and parameters")
        self.check_parameters(inputs)
        return [TensorType(element_type, inputs[0].shape)]

    def check_parameters(self, inputs: Sequence[Argument]) -> None:
        """Raises ModelError for parameters of a wrong shape: they are scalars."""
        for argument, name in zip(inputs[1:], self.inputs[1:], strict=False):
            require_rank(argument, 0, name)


class Swish(Parametric):
    """x * sigmoid(beta * x). beta: a scalar, 1 when left out."""

    type = "Swish"
    opset = "opset4"
    factory = "swish"
    since = 4
    signature = "data, beta=None"
    inputs = ("data", "beta")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        require_real(inputs[0], "data")
        return super().infer(inputs)

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        return None if any(shapes[1:]) else shapes[0]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        x, *beta = inputs
        return [np.asarray(x * sigmoid(x * beta[0] if beta else x), x.dtype)]


class HardSigmoid(Parametric):
    """max(0, min(1, alpha * x + beta)), with scalars alpha and beta."""

    type = "HardSigmoid"
    factory = "hard_sigmoid"
    signature = "data, alpha, beta"
    inputs = ("data", "alpha", "beta")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        require_real(inputs[0], "data")
        return super().infer(inputs)

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        x, alpha, beta = inputs
        return [np.asarray(np.clip(alpha * x + beta, 0, 1), x.dtype)]


class Selu(Parametric):
    """lambda * x above zero, lambda * alpha * (exp(x) - 1) below; alpha and lambda are scalars or of shape [1]."""

    type = "Selu"
    factory = "selu"
    signature = "data, alpha, lambda_value"
    inputs = ("data", "alpha", "lambda_value")

    def check_parameters(self, inputs: Sequence[Argument]) -> None:
        for argument, name in zip(inputs[1:], self.inputs[1:], strict=False):
            require_rank(argument, (0, 1), name)

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        x, alpha, scale = inputs
        alpha, scale = alpha.reshape(()), scale.reshape(())
        return [of_real(lambda data: scale * exponential_unit(data, alpha), x)]


class PRelu(Parametric):
    """x above zero, slope * x below.

    A 1-D slope as long as data's axis 1 has an element for each channel; any other broadcasts to data as numpy does.
    """

    type = "PRelu"
    factory = "prelu"
    signature = "data, slope"
    inputs = ("data", "slope")

    def check_parameters(self, inputs: Sequence[Argument]) -> None:
        data, slope = (argument.shape for argument in inputs)
        if not data.has_rank or not slope.has_rank:
            return
        if not (len(slope) == 1 and len(data) > 1 and slope[0].compatible(data[1])):
            stretched(data, slope, "slope")

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        x, slope = inputs
        if slope.ndim == 1 and x.ndim > 1 and slope.size == x.shape[1]:
            slope = slope.reshape(-1, *[1] * (x.ndim - 2))
        return [np.asarray(np.where(x > 0, x, x * slope), x.dtype)]
