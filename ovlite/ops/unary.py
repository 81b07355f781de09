"""Element-wise functions of one tensor.

The functions of real numbers take integers too: they are computed as f64 and rounded to the nearest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from ..graph import Argument, TensorType
from ..graph.operator import Array, Sizes
from ..records import dataclass
from .axes import one_of, require_numbers
from .declare import Declared


@dataclass(frozen=True)
class Unary(Declared):
    """An element-wise operator whose result has the type and shape of its input."""

    elementwise: ClassVar[bool] = True
    signature: ClassVar[str] = "input_value"
    inputs: ClassVar[tuple[str, ...]] = ("input_value",)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        require_numbers(inputs[0].element_type)
        return [TensorType(inputs[0].element_type, inputs[0].shape)]

    def quick_shape(self, shapes: Sequence[Sizes], values: Sequence[Array | None]) -> Sizes | None:
        return shapes[0]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        x = inputs[0]
        return [np.asarray(self.compute(x), x.dtype)]

    def compute(self, x: Array) -> Array:
        """The result, which may still have to be brought to the input's dtype."""
        raise NotImplementedError(f"{type(self).__name__}.compute")


class RealFunction(Unary):
    """A function of real numbers."""

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [of_real(self.compute, inputs[0])]


def of_real(function: Callable[[Array], Array], x: Array) -> Array:
    """function(x) in the dtype of x; an integer x is computed as f64, and the result rounded to the nearest."""
    if x.dtype.kind == "f":
        return np.asarray(function(x), x.dtype)
    return np.asarray(np.rint(function(x.astype(np.float64))), x.dtype)


def erf(x: Array) -> Array:
    """The error function, exact to the last bit of x's dtype or nearly so."""
    return np.asarray(_erf(x.astype(np.float64)), x.dtype)


_erf = np.vectorize(math.erf, otypes=[np.float64])


class Abs(Unary):
    """The absolute value."""

    type = "Abs"
    factory = "absolute"
    aliases = ("abs",)

    def compute(self, x: Array) -> Array:
        return np.abs(x)


class Negative(Unary):
    """-x."""

    type = "Negative"
    factory = "negative"

    def compute(self, x: Array) -> Array:
        return np.negative(x)


class Sign(Unary):
    """-1, 0 or 1; NaN for NaN."""

    type = "Sign"
    factory = "sign"

    def compute(self, x: Array) -> Array:
        return np.sign(x)


class Ceiling(Unary):
    """The smallest integer that is not less."""

    type = "Ceiling"
    factory = "ceiling"
    aliases = ("ceil",)

    def compute(self, x: Array) -> Array:
        return np.ceil(x)


class Floor(Unary):
    """The greatest integer that is not more."""

    type = "Floor"
    factory = "floor"

    def compute(self, x: Array) -> Array:
        return np.floor(x)


@dataclass(frozen=True)
class Round(Unary):
    """The nearest integer. mode says what becomes of halves: half_to_even or half_away_from_zero."""

    mode: str = "half_to_even"
    type = "Round"
    opset = "opset5"
    factory = "round"
    since = 5
    signature = "data, mode='half_to_even'"
    inputs = ("data",)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        one_of(self.mode, ("half_to_even", "half_away_from_zero"), "mode")
        return super().infer(inputs)

    def compute(self, x: Array) -> Array:
        if x.dtype.kind != "f":
            return x
        if self.mode == "half_to_even":
            return np.rint(x)
        whole = np.trunc(x)
        return np.where(np.abs(x - whole) >= 0.5, whole + np.sign(x), whole)


class Sqrt(RealFunction):
    """The square root; NaN below zero."""

    type = "Sqrt"
    factory = "sqrt"

    def compute(self, x: Array) -> Array:
        return np.sqrt(x)


class Exp(RealFunction):
    """e to the power of x."""

    type = "Exp"
    factory = "exp"

    def compute(self, x: Array) -> Array:
        return np.exp(x)


class Log(RealFunction):
    """The natural logarithm."""

    type = "Log"
    factory = "log"

    def compute(self, x: Array) -> Array:
        return np.log(x)


class Erf(RealFunction):
    """The error function."""

    type = "Erf"
    factory = "erf"

    def compute(self, x: Array) -> Array:
        return erf(x)


class Sin(RealFunction):
    """The sine of radians."""

    type = "Sin"
    factory = "sin"

    def compute(self, x: Array) -> Array:
        return np.sin(x)


class Cos(RealFunction):
    """The cosine of radians."""

    type = "Cos"
    factory = "cos"

    def compute(self, x: Array) -> Array:
        return np.cos(x)


class Tan(RealFunction):
    """The tangent of radians."""

    type = "Tan"
    factory = "tan"

    def compute(self, x: Array) -> Array:
        return np.tan(x)


class Asin(RealFunction):
    """The arc sine, in radians."""

    type = "Asin"
    factory = "asin"

    def compute(self, x: Array) -> Array:
        return np.arcsin(x)


class Acos(RealFunction):
    """The arc cosine, in radians."""

    type = "Acos"
    factory = "acos"

    def compute(self, x: Array) -> Array:
        return np.arccos(x)


class Atan(RealFunction):
    """The arc tangent, in radians."""

    type = "Atan"
    factory = "atan"

    def compute(self, x: Array) -> Array:
        return np.arctan(x)


class Sinh(RealFunction):
    """The hyperbolic sine."""

    type = "Sinh"
    factory = "sinh"

    def compute(self, x: Array) -> Array:
        return np.sinh(x)


class Cosh(RealFunction):
    """The hyperbolic cosine."""

    type = "Cosh"
    factory = "cosh"

    def compute(self, x: Array) -> Array:
        return np.cosh(x)


class Tanh(RealFunction):
    """The hyperbolic tangent."""

    type = "Tanh"
    factory = "tanh"

    def compute(self, x: Array) -> Array:
        return np.tanh(x)


class Asinh(RealFunction):
    """The inverse of the hyperbolic sine."""

    type = "Asinh"
    opset = "opset4"
    factory = "asinh"
    since = 4
    signature = "node"
    inputs = ("node",)

    def compute(self, x: Array) -> Array:
        return np.arcsinh(x)


class Acosh(RealFunction):
    """The inverse of the hyperbolic cosine."""

    type = "Acosh"
    opset = "opset4"
    factory = "acosh"
    since = 4
    signature = "node"
    inputs = ("node",)

    def compute(self, x: Array) -> Array:
        return np.arccosh(x)


class Atanh(RealFunction):
    """The inverse of the hyperbolic tangent."""

    type = "Atanh"
    opset = "opset4"
    factory = "atanh"
    since = 4
    signature = "node"
    inputs = ("node",)

    def compute(self, x: Array) -> Array:
        return np.arctanh(x)
