"""Element-wise operators."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from ..cases import Error, Made
from ..draw import COMMON, DTYPES, Draw, dtype_named, element_number, is_real
from .base import EXACT, every, node

DOMAINS = {
    "Acos": (-1, 1), "Asin": (-1, 1), "Atanh": (-0.99, 0.99), "Acosh": (1, 30), "Log": (1e-6, 50), "Sqrt": (0, 50),
    "Sin": (-30, 30), "Cos": (-30, 30), "Tan": (-1.4, 1.4), "Exp": (-80, 80), "Sinh": (-20, 20), "Cosh": (-20, 20),
    "Reciprocal": (0.01, 10),
}  # fmt: skip


def unary(d: Draw) -> Made:
    domain = DOMAINS.get(d.op_type)
    among = COMMON if d.op_type != "Erf" else ("float", "double", "float16")
    data = d.data(domain=domain if d.chance(0.8) else None, among=among)
    return node(d, [data], error=Error(8, 1, 1) if d.op_type == "HardSwish" else None)


def movement(d: Draw) -> Made:
    return node(d, [d.data()], error=EXACT)


def binary(d: Draw) -> Made:
    shape, dtype = d.dims(), d.dtype()
    if d.fed is not None:
        left = d.data()
        return node(d, [left, d.like(left, d.broadcast(left.shape))])
    left, right = d.pair(shape)
    return node(d, [d.tensor(left, dtype), d.tensor(right, dtype)])


def division(d: Draw) -> Made:
    made = binary(d)
    if made.inputs[1] is not None and made.inputs[1].dtype.kind in "iu":
        left, right = made.inputs[0], made.inputs[1]
        right = np.where(right == 0, 3, right).astype(right.dtype)
        if right.dtype.kind == "i":  # the quotient of the least integer and -1 overflows
            right = np.where(right == -1, -3, right).astype(right.dtype)
        made.inputs[:2] = left, right
    return made


def modulo(d: Draw) -> Made:
    made = division(d)
    real = is_real(made.inputs[0].dtype)
    if real:
        made.inputs[1] = np.where(np.abs(made.inputs[1]) < 0.1, 1.5, made.inputs[1]).astype(made.inputs[1].dtype)
    made.attributes["fmod"] = 1 if real or d.chance(0.4) else d.maybe(0)
    return made


def power(d: Draw) -> Made:
    """Bases and exponents of different types from version 12 on."""
    base = d.data(domain=(0.05, 4) if d.chance(0.6) else (-9, 9))
    kind = d.dtype("T1") if d.since >= 12 and d.chance(0.6) else base.dtype
    exponent = d.tensor(d.broadcast(base.shape), kind, (0, 3))
    if is_real(exponent.dtype) and (not is_real(base.dtype) or base.astype(np.float64).min(initial=0) < 0):
        exponent = np.round(exponent.astype(np.float64)).astype(kind)
    if base.dtype.kind == "i" and base.dtype.itemsize >= 4 and d.chance(0.3):
        base = d.like(base, None, (-5001, 5001))
        exponent = (exponent.astype(np.float64) % 3).astype(kind)
    return node(d, [base, exponent], error=Error(16))


def shift(d: Draw) -> Made:
    data = d.data()
    count = d.like(data, d.broadcast(data.shape), (0, data.dtype.itemsize * 8 - 1))
    return node(d, [data, count], direction=d.pick("LEFT", "RIGHT"))


def variadic(d: Draw) -> Made:
    """Max, Min, Sum, Mean of one to four tensors."""
    if d.fed is not None:
        data = d.data()
        return node(d, [data, *[d.like(data) for _ in range(d.integer(0, 2))]], error=Error(4, 4, 40))
    shape, dtype = d.dims(), d.dtype()
    first, second = d.pair(shape)
    shapes = [first, second, d.broadcast(shape), shape][: d.integer(1, 4)]
    return node(d, [d.tensor(one, dtype, (-30, 30) if d.op_type in ("Sum", "Mean") else None) for one in shapes],
                error=Error(8, 4, 30))  # fmt: skip


def where(d: Draw) -> Made:
    shape, dtype = d.dims(), d.dtype()
    left, right = d.pair(shape)
    return node(d, [d.tensor(d.broadcast(shape), np.bool_), d.tensor(left, dtype), d.tensor(right, dtype)])


def clip(d: Draw) -> Made:
    data = d.data()
    low, high = sorted(float(value) for value in d.tensor((2,), np.float32, (-4, 4)))
    if data.dtype.kind == "u":
        low, high = 1, 5
    if d.chance(0.1):
        low, high = high, low
    if d.has("min"):
        return node(d, [data], min=d.maybe(low), max=d.maybe(high))
    bounds = [np.array(value).astype(data.dtype) for value in (low, high)]
    return node(d, [data, *[d.maybe(bound, 0.7) for bound in bounds]], steering=(1, 2))


def cast(d: Draw) -> Made:
    """Reals become integers only where these hold them: else the result is not defined."""
    data, target = _conversion(d)
    return node(d, [data], to=element_number(target), saturate=_saturation(d, target))


def cast_like(d: Draw) -> Made:
    data, target = _conversion(d)
    like = d.tensor((d.integer(1, 3),), np.float32, (0, 1)).astype(target)
    return node(d, [data, like], saturate=_saturation(d, target))


def _saturation(d: Draw, target: np.dtype) -> int | None:
    return d.pick(None, 0, 1) if "float8" in target.name else None


def _conversion(d: Draw) -> tuple[np.ndarray, np.dtype]:
    among = [name for name in DTYPES if name in d.allowed("T2")]
    source = d.fed.dtype if d.fed is not None else d.dtype("T1", among)
    target = dtype_named(d.pick(*among)) if not d.whole else np.dtype(d.pick(np.float32, np.int32, np.int64, np.int8))
    domain = None
    if "int" in target.name and is_real(source):
        info = ml_dtypes.iinfo(target)
        domain = (max(float(info.min), -200.0), min(float(info.max), 200.0))
        if "8" in source.name or "4" in source.name[5:7]:
            domain = (0, min(3.0, domain[1]))
    data = d.data() if d.fed is not None else d.tensor(d.dims(), source, domain)
    return data, target


def dropout(d: Draw) -> Made:
    data = d.data()
    wanted = [True, d.since >= 12 and d.chance(0.5)]  # before, the mask is not specified
    if d.since >= 12:
        ratio = d.maybe(np.array(0.3, np.float32))
        return node(d, [data, ratio, d.maybe(np.array(False))], wanted, steering=(1, 2), error=EXACT)
    return node(d, [data], wanted, ratio=d.maybe(0.3), error=EXACT)


def activation(d: Draw) -> Made:
    """One tensor, and attributes that are numbers."""
    low, high = {"Selu": (0.5, 2), "ThresholdedRelu": (-1, 2), "Shrink": (0, 2)}.get(d.op_type, (0.1, 1.5))
    given = {
        name: d.maybe(round(16 * d.decimal(low, high)) / 16, 0.5)
        for name in ("alpha", "beta", "gamma", "bias", "lambd")
    }
    mode = d.pick(None, "none", "tanh") if d.op_type == "Gelu" else None
    return node(d, [d.data()], approximate=mode, error=Error(8, 2, 1), **given)


def prelu(d: Draw) -> Made:
    data = d.data()
    shape = d.broadcast(data.shape)
    if data.ndim > 2 and d.chance(0.3):
        shape = (data.shape[1], *[1] * (data.ndim - 2))
    return node(d, [data, d.like(data, shape)], steering=(1,))


def is_inf(d: Draw) -> Made:
    data = d.data()
    return node(d, [data], detect_negative=d.pick(None, 0, 1), detect_positive=d.pick(None, 0, 1))


def bit_cast(d: Draw) -> Made:
    data = d.data(among=[name for name in COMMON if name not in ("bool", "float16")])
    kinds = [dtype_named(name) for name in COMMON if name not in ("bool", "float16")]
    target = d.pick(*[kind for kind in kinds if kind.itemsize == data.dtype.itemsize])
    return node(d, [data], to=element_number(target), error=EXACT)


def swiglu(d: Draw) -> Made:
    data = d.data()
    return node(d, [data, d.like(data)], alpha=d.maybe(d.decimal(0.5, 2)), error=Error(32, 8, 1e-30))


MAKERS = {
    **every(
        "Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Ceil Cos Cosh Erf Exp Floor HardSwish IsNaN Log Mish Neg Not "
        "Reciprocal Relu Round Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Tan Tanh",
        unary,
    ),
    **every("Identity", movement),
    **every("Add Mul Sub And Or Xor BitwiseAnd BitwiseOr BitwiseXor Equal Greater GreaterOrEqual Less LessOrEqual",
            binary),
    **every("Max Min Sum Mean", variadic),
    **every("Celu Elu Gelu HardSigmoid LeakyRelu Selu Shrink Swish ThresholdedRelu", activation),
    **every("Div", division), **every("Mod", modulo), **every("Pow", power), **every("BitShift", shift),
    **every("Where", where), **every("Clip", clip), **every("Cast", cast), **every("CastLike", cast_like),
    **every("Dropout", dropout), **every("PRelu", prelu), **every("IsInf", is_inf), **every("BitCast", bit_cast),
    **every("SwiGLU", swiglu),
}  # fmt: skip
