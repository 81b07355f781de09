"""Operators that passes make: a matrix operator with its epilogue, and compositions that have one kernel."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ..graph import Argument, Operator, TensorType
from ..graph.operator import Array, Sizes
from ..records import dataclass
from .activation import Clamp, Elu, Gelu, HardSigmoid, HSwish, Mish, PRelu, Sigmoid, SoftPlus, Swish
from .broadcasting import broadcast, broadcast_sizes
from .compressed import CompressedMatMul
from .matmul import MatMul
from .normalization import Softmax
from .unary import Tanh


class Activation(NamedTuple):
    """A function of one element that a kernel applies to what it has just computed."""

    kind: str
    alpha: float = 0.0
    beta: float = 0.0


def activate(activation: Activation, x: Array) -> Array:
    """The activation of each element of x: what the operator that stands for it computes."""
    kind, alpha, beta = activation
    operator, parameters = _OPERATORS[kind](alpha, beta)
    (result,) = operator.evaluate(x, *(x.dtype.type(value) for value in parameters))
    return result


# The operator of each kind of activation, and its inputs behind the data, from alpha and beta.
_OPERATORS: dict[str, Callable[[float, float], tuple[Operator, tuple[float, ...]]]] = {
    "clamp": lambda alpha, beta: (Clamp(alpha, beta), ()),
    "leaky_relu": lambda alpha, beta: (PRelu(), (alpha,)),
    "sigmoid": lambda alpha, beta: (Sigmoid(), ()),
    "tanh": lambda alpha, beta: (Tanh(), ()),
    "swish": lambda alpha, beta: (Swish(), (alpha,)),
    "hard_sigmoid": lambda alpha, beta: (HardSigmoid(), (alpha, beta)),
    "hard_swish": lambda alpha, beta: (HSwish(), ()),
    "gelu_erf": lambda alpha, beta: (Gelu("erf"), ()),
    "gelu_tanh": lambda alpha, beta: (Gelu("tanh"), ()),
    "elu": lambda alpha, beta: (Elu(alpha), ()),
    "softplus": lambda alpha, beta: (SoftPlus(), ()),
    "mish": lambda alpha, beta: (Mish(), ()),
}


def may_activate(op: Operator) -> bool:
    """Whether activation_of() may tell an activation, whatever the parameters."""
    return op.type in _PLAIN or op.type in _WITH_ATTRIBUTES or op.type in _PARAMETERIZED


def activation_of(op: Operator, parameters: Sequence[float | None]) -> Activation | None:
    """The activation that an operator applies to its input 0, None when it is none that kernels know.

    parameters: the values of its further inputs where they are constants of one element, else None.
    """
    name = op.type
    if name in _PLAIN:
        return _PLAIN[name]
    if not may_activate(op):
        return None
    attributes = op.attributes()
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
_WITH_ATTRIBUTES = frozenset({"Clamp", "Elu", "Gelu"})
_PARAMETERIZED = {"Swish": "swish", "HardSigmoid": "hard_sigmoid", "PRelu": "leaky_relu"}


def operands_of(product: Operator) -> int:
    """The number of inputs of a matrix operator without an epilogue."""
    return CompressedMatMul.operands if isinstance(product, CompressedMatMul) else 2


@dataclass(frozen=True)
class Fused(Operator):
    """activation(inner(x, w) + bias + residual), in one pass over the output.

    inner: Convolution, GroupConvolution, ConvolutionBackpropData, MatMul or CompressedMatMul. Inputs: the inner
    operator's, then the bias where `bias`, then the residual where `residual`. Dynamic dimensions of the product and
    the residual may turn out to broadcast either way.
    """

    type = "Fused"
    opset = "ovlite"
    inner: Operator
    bias: bool = False
    residual: bool = False
    activation: Activation | None = None

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        (product,) = self.inner.infer(inputs[: operands_of(self.inner)])
        if not self.residual:
            return [product]
        return [TensorType(product.element_type, broadcast(product.shape, inputs[-1].shape))]

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        count = operands_of(self.inner)
        product = self.inner.quick_shape(shapes[:count], values[:count])
        return product if product is None or not self.residual else broadcast_sizes(product, shapes[-1])

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        count = operands_of(self.inner)
        (result,) = self.inner.evaluate(*inputs[:count])
        for addend in inputs[count:]:
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

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        return shapes[0]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        x, gamma, beta = inputs
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = (centred * centred).mean(axis=-1, keepdims=True)
        return [(centred / np.sqrt(variance + np.float32(self.epsilon)) * gamma + beta).astype(x.dtype)]


@dataclass(frozen=True)
class Attention(Operator):
    """softmax(query @ key^T * scale + mask) @ value over the last two dimensions, as models spell it.

    Inputs: query [..., L, E], key [..., S, E], value [..., S, V], and perhaps a mask that broadcasts with [..., L, S]:
    numbers to add, or booleans; where these are False the score is `hidden`. undefined: what the softmax of a row is
    that has a NaN, or -infinity only: "nan", or "zero".
    """

    type = "Attention"
    opset = "ovlite"
    scale: float
    hidden: float = -math.inf
    undefined: str = "nan"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        (scores,) = MatMul(transpose_b=True).infer(inputs[:2])
        if len(inputs) > 3:
            scores = TensorType(scores.element_type, broadcast(scores.shape, inputs[3].shape))
        return MatMul().infer([Argument(*scores), inputs[2]])

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        scores = MatMul(transpose_b=True).quick_shape(shapes[:2], values[:2])
        if scores is not None and len(shapes) > 3:
            scores = broadcast_sizes(scores, shapes[3])
        return None if scores is None else MatMul().quick_shape([scores, shapes[2]], (None, None))

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        query, key, value, *masks = inputs
        scores = np.matmul(query, key.swapaxes(-1, -2)) * query.dtype.type(self.scale)
        for mask in masks:
            hidden = scores.dtype.type(self.hidden)
            scores = np.where(mask, scores, hidden) if mask.dtype == bool else scores + mask
        (weights,) = Softmax(-1).evaluate(scores)
        if self.undefined == "zero":
            weights = np.where(np.isnan(weights), 0, weights).astype(weights.dtype)
        return [np.asarray(np.matmul(weights, value))]
