"""Operators that passes make: a matrix operator with its epilogue, and compositions that have one kernel."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..graph import Argument, Operator, TensorType
from ..graph.operator import Array
from .broadcasting import broadcast


class Activation(NamedTuple):
    """A function of one element that a kernel applies to what it has just computed."""

    kind: str
    alpha: float = 0.0
    beta: float = 0.0


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x))."""
    return np.asarray(1 / (1 + np.exp(-x)), x.dtype)


def softplus(x: Array) -> Array:
    """log(1 + exp(x))."""
    return np.asarray(np.logaddexp(x, x.dtype.type(0)))


def _erf(x: Array) -> Array:
    from math import erf

    return np.asarray(np.vectorize(erf, otypes=[np.float64])(x), x.dtype)


def activate(activation: Activation, x: Array) -> Array:
    """The activation of each element of an f32 array."""
    kind, alpha, beta = activation
    formulas: dict[str, Callable[[], Array]] = {
        "clamp": lambda: np.clip(x, alpha, beta),
        "leaky_relu": lambda: np.where(x < 0, alpha * x, x),
        "sigmoid": lambda: sigmoid(x),
        "tanh": lambda: np.tanh(x),
        "swish": lambda: x * sigmoid(alpha * x),
        "hard_sigmoid": lambda: np.clip(alpha * x + beta, 0, 1),
        "hard_swish": lambda: x * np.clip(x + 3, 0, 6) / 6,
        "gelu_erf": lambda: 0.5 * x * (1 + _erf(x / np.sqrt(2.0))),
        "gelu_tanh": lambda: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
        "elu": lambda: np.where(x < 0, alpha * np.expm1(x), x),
        "softplus": lambda: softplus(x),
        "mish": lambda: x * np.tanh(softplus(x)),
    }
    return np.asarray(formulas[kind](), x.dtype)


def activation_of(op: Operator, parameters: Sequence[float | None]) -> Activation | None:
    """The activation that an operator applies to its input 0, None when it is none that kernels know.

    parameters: the values of its further inputs where they are constants of one element, else None.
    """
    name = op.type
    attributes = op.attributes()
    if name in _PLAIN:
        return _PLAIN[name]
    if name == "Clamp":
        return Activation("clamp", attributes["min"], attributes["max"])
    if name == "Elu":
        return Activation("elu", attributes["alpha"])
    if name == "Gelu":
        return Activation("gelu_tanh" if attributes.get("approximation_mode") == "tanh" else "gelu_erf")
    if name == "Swish" and not parameters:
        return Activation("swish", 1.0)
    if name in _PARAMETERIZED and all(value is not None for value in parameters):
        return Activation(_PARAMETERIZED[name], *(value for value in parameters if value is not None))
    return None


_PLAIN = {
    "Relu": Activation("clamp", 0.0, math.inf),
    "ReLU": Activation("clamp", 0.0, math.inf),
    "Sigmoid": Activation("sigmoid"),
    "Tanh": Activation("tanh"),
    "HSigmoid": Activation("hard_sigmoid", 1 / 6, 0.5),
    "HSwish": Activation("hard_swish"),
    "SoftPlus": Activation("softplus"),
    "Mish": Activation("mish"),
}
_PARAMETERIZED = {"Swish": "swish", "HardSigmoid": "hard_sigmoid", "PRelu": "leaky_relu"}


@dataclass(frozen=True)
class Fused(Operator):
    """activation(inner(x, w) + bias + residual), in one pass over the output.

    inner: Convolution, GroupConvolution, ConvolutionBackpropData or MatMul. Inputs: the inner
    operator's two, then the bias where `bias`, then the residual where `residual`. Dynamic dimensions
    of the product and the residual may turn out to broadcast either way.
    """

    type = "Fused"
    opset = "ovlite"
    inner: Operator
    bias: bool = False
    residual: bool = False
    activation: Activation | None = None

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        (product,) = self.inner.infer(inputs[:2])
        if not self.residual:
            return [product]
        return [TensorType(product.element_type, broadcast(product.shape, inputs[-1].shape))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        (result,) = self.inner.evaluate(*inputs[:2])
        for addend in inputs[2:]:
            result = result + addend
        return [result if self.activation is None else activate(self.activation, result)]


@dataclass(frozen=True)
class LayerNorm(Operator):
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta over the last axis.

    Inputs: x, gamma, beta; the last two of the length of x's last axis.
    """

    type = "LayerNorm"
    opset = "ovlite"
    epsilon: float

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(inputs[0].element_type, inputs[0].shape)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        x, gamma, beta = inputs
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = (centred * centred).mean(axis=-1, keepdims=True)
        return [(centred / np.sqrt(variance + np.float32(self.epsilon)) * gamma + beta).astype(x.dtype)]
