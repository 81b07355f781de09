"""Ufuncs as operators, on the types of the loop that numpy would choose."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .array import UFUNCS, Traced, constant_of, dtype_of, known, lift, node, refuse

# Factories of operators that compute what the ufunc does in every type that it has.
SAME = {
    "add": "add", "subtract": "subtract", "multiply": "multiply", "divide": "divide",
    "maximum": "maximum", "minimum": "minimum", "negative": "negative", "absolute": "abs",
    "fabs": "abs", "sqrt": "sqrt", "exp": "exp", "log": "log", "sin": "sin", "cos": "cos", "tan": "tan",
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "floor": "floor", "ceil": "ceiling",
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
ORDERS = {"greater", "greater_equal", "less", "less_equal"}
COMPARISONS = ORDERS | {"equal", "not_equal"}
ROUNDINGS = {"floor", "ceil", "trunc", "rint"}


def _apply(ufunc: np.ufunc, make: Callable[..., Any], *inputs: Any) -> Traced:
    """The ufunc of operands that are converted to its loop's types."""
    if ufunc.__name__ in COMPARISONS and (found := _beyond(ufunc, *inputs)) is not None:
        return found
    loop = ufunc.resolve_dtypes((*(dtype_of(value) for value in inputs), *[None] * ufunc.nout))
    loop = tuple(known(dtype) for dtype in loop)
    if len(set(loop[: ufunc.nin])) > 1:
        refuse(f"{ufunc.__name__} of {' and '.join(map(str, loop[: ufunc.nin]))} can't be traced; convert one of them")
    operands = [lift(value, dtype) for value, dtype in zip(inputs, loop[: ufunc.nin], strict=True)]
    if ufunc.signature is None:
        np.broadcast_shapes(*(operand.shape for operand in operands))
    return Traced(make(*operands), loop[-1])


def _beyond(ufunc: np.ufunc, left: Any, right: Any) -> Traced | None:
    """A comparison with a Python number that no element can be; it has one answer."""
    x, number = (left, right) if isinstance(left, Traced) else (right, left)
    if type(number) is not int or x.dtype.kind not in "iu":
        return None
    limits = np.iinfo(x.dtype)
    if limits.min <= number <= limits.max:
        return None
    answer = ufunc(0 if left is x else number, 0 if right is x else number)
    return lift(np.full(x.shape, bool(answer)))


def _same(name: str) -> Callable[..., Any]:
    factory, of_bools = SAME[name], OF_BOOLS.get(name)

    def make(*operands: Traced) -> Any:
        kind = operands[0].dtype.kind
        if name.startswith("logical_"):
            operands = tuple(lift(operand, bool) for operand in operands)
        elif kind == "b" and of_bools:
            return node(of_bools, *operands)
        elif kind == "b" and name in ORDERS:
            operands = tuple(lift(operand, np.uint8) for operand in operands)
        elif kind != "f" and (name in ROUNDINGS or (name == "absolute" and kind in "ub")):
            return operands[0].output
        elif kind == "u" and name == "negative":
            return node("subtract", lift(0, operands[0].dtype), *operands)
        return node(factory, *operands)

    return make


def _divided(factory: str, of_reals: Callable[..., Any]) -> Callable[..., Any]:
    """A division, whose result for integers divided by zero is 0, as numpy's is."""

    def make(a: Traced, b: Traced) -> Any:
        if a.dtype.kind == "f":
            return of_reals(a, b)
        divisor = constant_of(b)
        if divisor is not None and divisor.all():
            return node(factory, a, b)
        zero: Any = b == 0
        quotient = Traced(node(factory, a, np.where(zero, lift(1, b.dtype), b)), a.dtype)
        return lift(np.where(zero, lift(0, a.dtype), quotient)).output

    return make


def _floor_quotient(a: Traced, b: Traced) -> Any:
    """Real quotients as numpy has them: of what fmod leaves over, so that they agree with the remainder."""
    one, rest = np.ones((), a.dtype), np.fmod(a, b)
    quotient: Any = (a - rest) / b
    quotient = np.where((rest != 0) & ((b < 0) != (rest < 0)), quotient - one, quotient)
    lower = np.floor(quotient)
    whole = np.where(quotient - lower > 0.5, lower + one, lower)
    return lift(np.where(b == 0, a / b, np.where(quotient == 0, (a / b) * 0, whole)), a.dtype).output


def _log1p(x: Traced) -> Any:
    """Kahan's: log(u) x / (u - 1) for u = 1 + x as it is rounded."""
    u: Any = x + 1
    exact = (u == 1) | (u == np.inf)
    return lift(np.where(exact, x, np.log(u) * (x / np.where(exact, lift(1, x.dtype), u - 1)))).output


def _expm1(x: Traced) -> Any:
    """Kahan's: (u - 1) x / log(u) for u = exp(x) as it is rounded."""
    u: Any = np.exp(x)
    plain = np.isinf(u) | (u - 1 == -1)
    return lift(np.where(u == 1, x, np.where(plain, u - 1, (u - 1) * (x / np.where(plain, x, np.log(u)))))).output


def _reciprocal(x: Traced) -> Any:
    if x.dtype.kind != "f":
        refuse("the reciprocal of integers can't be traced; use real numbers")
    return node("divide", lift(1, x.dtype), x)


def _sign(x: Traced) -> Any:
    if x.dtype.kind in "ub":
        return lift(x != 0, x.dtype).output
    sign = node("sign", x)
    return sign if x.dtype.kind == "i" else node("add", sign, np.zeros((), x.dtype))  # of -0.0 it is 0.0


def _power(a: Traced, b: Traced) -> Any:
    exponent = constant_of(b)
    if b.dtype.kind == "i":
        if exponent is None:
            refuse("integers to a power that is computed can't be traced, since it may be negative; use real numbers")
        if (exponent < 0).any():
            raise ValueError("Integers to negative integer powers are not allowed.")
    return node("power", a, b)


def _negative_bit(x: Traced) -> Any:
    """Whether the sign is set: of zeros too, not of NaN, whose sign models don't keep."""
    return (x < 0) | ((x == 0) & (1 / x < 0)) if x.dtype.kind == "f" else x < 0


def _copysign(x: Traced, y: Traced) -> Any:
    size: Any = abs(x)
    return lift(np.where(_negative_bit(y), -size, size)).output


def _hypot(x: Traced, y: Traced) -> Any:
    """Of operands divided by the larger one, so that squares neither overflow nor vanish."""
    large: Any = np.maximum(abs(x), abs(y))
    small = np.minimum(abs(x), abs(y))
    plain = (large == 0) | np.isinf(large)
    ratio = small / np.where(plain, lift(1, x.dtype), large)
    found = np.where(plain, large, large * np.sqrt(1 + ratio * ratio))
    return lift(np.where(np.isinf(x) | np.isinf(y), lift(np.inf, x.dtype), found)).output


def _arctan2(y: Traced, x: Traced) -> Any:
    """From the first octant outwards."""
    up: Any = abs(y)
    across: Any = abs(x)
    large, small = np.maximum(up, across), np.minimum(up, across)
    same = (up == across) & (large != 0)
    ratio = np.where(same, lift(1, x.dtype), small / np.where(large == 0, lift(1, x.dtype), large))
    angle: Any = np.arctan(ratio)
    angle = np.where(up > across, math.pi / 2 - angle, angle)
    return _copysign(lift(np.where(_negative_bit(x), math.pi - angle, angle)), y)


def _logaddexp(x: Traced, y: Traced) -> Any:
    large: Any = np.maximum(x, y)
    apart = -abs(x - y)
    return lift(np.where(x == y, x + math.log(2), large + np.log1p(np.exp(apart)))).output


def _logaddexp2(x: Traced, y: Traced) -> Any:
    large: Any = np.maximum(x, y)
    apart = -abs(x - y)
    return lift(np.where(x == y, x + 1, large + np.log1p(np.exp2(apart)) * (1 / math.log(2)))).output


def _heaviside(x: Traced, at_zero: Traced) -> Any:
    number: Any = np.where(x == 0, at_zero, lift(x > 0, x.dtype))
    return lift(np.where(np.isnan(x), x, number)).output


def _log_to(base: int) -> Callable[[Traced], Any]:
    """Logarithms that are whole for powers of the base."""

    def make(x: Traced) -> Any:
        found: Any = np.log(x) * (1 / math.log(base))
        whole = np.rint(found)
        return lift(np.where(np.power(lift(base, x.dtype), whole) == x, whole, found)).output

    return make


def _pick(name: str, of_nan: str) -> Callable[..., Any]:
    """fmax and fmin: of a number and NaN, the number."""

    def make(x: Traced, y: Traced) -> Any:
        found = Traced(node(name, x, y), x.dtype) if x.dtype.kind != "b" else np.logical_or(x, y)
        if x.dtype.kind != "f":
            return lift(getattr(np, of_nan)(x, y)).output
        return lift(np.where(np.isnan(x), y, np.where(np.isnan(y), x, found))).output

    return make


def _shift(factory: str) -> Callable[..., Any]:
    """Shifts, by at least the number of bits too."""

    def make(x: Traced, count: Traced) -> Any:
        bits = x.dtype.itemsize * 8
        far: Any = (count < 0) | (count >= bits) if count.dtype.kind == "i" else count >= bits
        moved = Traced(node(factory, x, np.where(far, lift(0, count.dtype), count)), x.dtype)
        gone: Any = lift(0, x.dtype)
        if factory == "bitwise_right_shift" and x.dtype.kind == "i":
            gone = np.where(x < 0, lift(-1, x.dtype), gone)
        return lift(np.where(far, gone, moved)).output

    return make


def _matmul(a: Traced, b: Traced) -> Any:
    if not a.ndim or not b.ndim or a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        refuse(f"matmul: shapes {a.shape} and {b.shape} don't fit")
    return node("matmul", a, b, False, False)


MADE: dict[str, Callable[..., Any]] = {
    **{name: _same(name) for name in SAME},
    "floor_divide": _divided("divide", _floor_quotient),
    "remainder": _divided("floor_mod", lambda a, b: node("floor_mod", a, b)),
    "fmod": _divided("mod", lambda a, b: node("mod", a, b)),
    "fmax": _pick("maximum", "maximum"),
    "fmin": _pick("minimum", "minimum"),
    "left_shift": _shift("bitwise_left_shift"),
    "right_shift": _shift("bitwise_right_shift"),
    "signbit": lambda x: lift(_negative_bit(x)).output,
    "copysign": _copysign,
    "arctan2": _arctan2,
    "logaddexp": _logaddexp,
    "sign": _sign,
    "power": _power,
    "float_power": _power,
    "matmul": _matmul,
    "log1p": _log1p,
    "expm1": _expm1,
    "log2": _log_to(2),
    "log10": _log_to(10),
    "exp2": lambda x: node("power", lift(2, x.dtype), x),
    "square": lambda x: node("multiply", x, x),
    "reciprocal": _reciprocal,
    "positive": lambda x: x.output,
    "rint": lambda x: node("round", x, "half_to_even"),
    "trunc": lambda x: lift(np.where(x < 0, np.ceil(x), np.floor(x))).output if x.dtype.kind == "f" else x.output,
    "isnan": lambda x: node("not_equal", x, x),
    "isinf": lambda x: (abs(x) == np.inf).output if x.dtype.kind == "f" else lift(np.zeros(x.shape, bool)).output,
    "isfinite": lambda x: (abs(x) < np.inf).output if x.dtype.kind == "f" else lift(np.ones(x.shape, bool)).output,
    **dict.fromkeys(("deg2rad", "radians"), lambda x: (x * (np.pi / 180)).output),
    **dict.fromkeys(("rad2deg", "degrees"), lambda x: (x * (180 / np.pi)).output),
    "conjugate": lambda x: x.output,
    "heaviside": _heaviside,
    "logaddexp2": _logaddexp2,
    "hypot": _hypot,
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
        return np.square(x) if (isinstance(exponent, int) and x.dtype.kind != "b") or x.dtype.kind == "f" else None
    if exponent == -1:
        return np.reciprocal(x) if x.dtype.kind == "f" else None
    return np.sqrt(x) if exponent == 0.5 and x.dtype.kind == "f" else None


for _name, _make in MADE.items():
    _register(_name, _make)

UFUNCS[np.divmod] = lambda left, right: (left // right, left % right)
