"""Ufuncs as operators, on the types of the loop that numpy would choose."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .array import UFUNCS, Traced, dtype_of, known, lift, node, refuse

# Factories of operators that compute what the ufunc does in every type that it has.
SAME = {
    "add": "add", "subtract": "subtract", "multiply": "multiply", "divide": "divide", "remainder": "floor_mod",
    "fmod": "mod", "maximum": "maximum", "minimum": "minimum", "negative": "negative", "absolute": "abs",
    "fabs": "abs", "sqrt": "sqrt", "exp": "exp", "log": "log", "sin": "sin", "cos": "cos", "tan": "tan",
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "floor": "floor", "ceil": "ceiling", "sign": "sign",
    "greater": "greater", "greater_equal": "greater_equal", "less": "less", "less_equal": "less_equal",
    "equal": "equal", "not_equal": "not_equal", "logical_and": "logical_and", "logical_or": "logical_or",
    "logical_xor": "logical_xor", "logical_not": "logical_not", "bitwise_and": "bitwise_and",
    "bitwise_or": "bitwise_or", "bitwise_xor": "bitwise_xor", "invert": "bitwise_not",
}  # fmt: skip
# What arithmetic means for bool.
OF_BOOLS = {
    "add": "logical_or", "multiply": "logical_and", "maximum": "logical_or", "minimum": "logical_and",
    "bitwise_and": "logical_and", "bitwise_or": "logical_or", "bitwise_xor": "logical_xor", "invert": "logical_not",
    "equal": "equal", "not_equal": "logical_xor",
}  # fmt: skip
COMPARISONS = {"greater", "greater_equal", "less", "less_equal"}
ROUNDINGS = {"floor", "ceil", "trunc", "rint"}


def _apply(ufunc: np.ufunc, make: Callable[..., Any], *inputs: Any) -> Traced:
    """The ufunc of operands that are converted to its loop's types."""
    loop = ufunc.resolve_dtypes((*(dtype_of(value) for value in inputs), *[None] * ufunc.nout))
    for dtype in loop:
        known(dtype)
    operands = [lift(value, dtype) for value, dtype in zip(inputs, loop[: ufunc.nin], strict=True)]
    if ufunc.signature is None:
        np.broadcast_shapes(*(operand.shape for operand in operands))
    output = make(*operands)
    return Traced(output, loop[-1])


def _same(name: str) -> Callable[..., Any]:
    factory, of_bools = SAME[name], OF_BOOLS.get(name)

    def make(*operands: Traced) -> Any:
        kind = operands[0].dtype.kind
        if name.startswith("logical_"):
            operands = tuple(lift(operand, bool) for operand in operands)
        elif kind == "b" and of_bools:
            return node(of_bools, *operands)
        elif kind == "b" and name in COMPARISONS:
            operands = tuple(lift(operand, np.uint8) for operand in operands)
        elif kind != "f" and (name in ROUNDINGS or (name in ("absolute", "sign") and kind in "ub")):
            return _whole(name, operands[0])
        elif kind == "u" and name == "negative":
            return node("subtract", lift(0, operands[0].dtype), *operands)
        return node(factory, *operands)

    return make


def _whole(name: str, x: Traced) -> Any:
    """Of numbers that have no fraction or no sign."""
    return x.output if name != "sign" else lift(x != 0, x.dtype).output


def _floor_divide(a: Traced, b: Traced) -> Any:
    """Real quotients as numpy has them: of what fmod leaves over, so that they agree with the remainder."""
    if a.dtype.kind != "f":
        return node("divide", a, b)
    one, rest = np.ones((), a.dtype), np.fmod(a, b)
    quotient: Any = (a - rest) / b
    quotient = np.where((rest != 0) & ((b < 0) != (rest < 0)), quotient - one, quotient)
    lower = np.floor(quotient)
    return lift(np.where(b == 0, a / b, np.where(quotient - lower > 0.5, lower + one, lower)), a.dtype).output


def _log1p(x: Traced) -> Any:
    """Kahan's: log(u) x / (u - 1) for u = 1 + x as it is rounded."""
    u: Any = x + 1
    exact = (u == 1) | np.isinf(u)
    return lift(np.where(exact, x, np.log(u) * (x / np.where(exact, lift(1, x.dtype), u - 1)))).output


def _expm1(x: Traced) -> Any:
    """Kahan's: (u - 1) x / log(u) for u = exp(x) as it is rounded."""
    u: Any = np.exp(x)
    plain = np.isinf(u) | (u - 1 == -1)
    return lift(np.where(u == 1, x, np.where(plain, u - 1, (u - 1) * (x / np.where(plain, x, np.log(u)))))).output


def _power(a: Traced, b: Traced) -> Any:
    return node("power", a, b)


def _matmul(a: Traced, b: Traced) -> Any:
    if not a.ndim or not b.ndim or a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        refuse(f"matmul: shapes {a.shape} and {b.shape} don't fit")
    return node("matmul", a, b, False, False)


MADE: dict[str, Callable[..., Any]] = {
    **{name: _same(name) for name in SAME},
    "floor_divide": _floor_divide,
    "power": _power,
    "float_power": _power,
    "matmul": _matmul,
    "log1p": _log1p,
    "expm1": _expm1,
    "log2": lambda x: (np.log(x) * (1 / math.log(2))).output,
    "log10": lambda x: (np.log(x) * (1 / math.log(10))).output,
    "exp2": lambda x: node("power", lift(2, x.dtype), x),
    "square": lambda x: node("multiply", x, x),
    "reciprocal": lambda x: node("divide", lift(1, x.dtype), x),
    "positive": lambda x: x.output,
    "rint": lambda x: node("round", x, "half_to_even"),
    "trunc": lambda x: lift(np.where(x < 0, np.ceil(x), np.floor(x))).output if x.dtype.kind == "f" else x.output,
    "isnan": lambda x: node("not_equal", x, x),
    "isinf": lambda x: (abs(x) == np.inf).output if x.dtype.kind == "f" else lift(np.zeros(x.shape, bool)).output,
    "isfinite": lambda x: (abs(x) < np.inf).output if x.dtype.kind == "f" else lift(np.ones(x.shape, bool)).output,
    "deg2rad": lambda x: (x * (np.pi / 180)).output,
    "rad2deg": lambda x: (x * (180 / np.pi)).output,
    "hypot": lambda x, y: np.sqrt(x * x + y * y).output,
}


def _register(name: str, make: Callable[..., Any]) -> None:
    ufunc = getattr(np, name)

    def traced(*inputs: Any) -> Any:
        if name == "power" and type(inputs[1]) in (int, float) and (found := _by_constant(*inputs)) is not None:
            return found
        return _apply(ufunc, make, *inputs)

    UFUNCS[ufunc] = traced


def _by_constant(x: Any, exponent: float) -> Any:
    """x ** exponent for the exponents of which numpy's operator makes other ufuncs."""
    if exponent == 2:
        return np.square(x) if isinstance(exponent, int) or x.dtype.kind == "f" else None
    return np.sqrt(x) if exponent == 0.5 and x.dtype.kind == "f" else None


for _name, _make in MADE.items():
    _register(_name, _make)
