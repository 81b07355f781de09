"""Element-wise operators of ONNX."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce

import numpy as np

from ....errors import ModelError
from ....graph import Node, Output
from ....types import Type
from ..build import (
    ROUNDED_FLOATS,
    as_small_float,
    converted,
    of_type,
    one,
    ops,
    rank_or_none,
    reshaped,
    static_dims,
    toward_zero,
    typed,
)
from ..call import Call, Translated, Translation
from ..tensors import element_type

# ONNX operators of one tensor and no attributes, by the factory that means the same.
UNARY = {
    "Abs": "abs", "Acos": "acos", "Acosh": "acosh", "Asin": "asin", "Asinh": "asinh", "Atan": "atan", "Atanh": "atanh",
    "BitwiseNot": "bitwise_not", "Ceil": "ceiling", "Cos": "cos", "Cosh": "cosh", "Erf": "erf", "Exp": "exp",
    "Floor": "floor", "HardSwish": "hswish", "IsNaN": "is_nan", "Log": "log", "Mish": "mish", "Neg": "negative",
    "Not": "logical_not", "Relu": "relu", "Sigmoid": "sigmoid", "Sign": "sign", "Sin": "sin", "Sinh": "sinh",
    "Softplus": "softplus", "Softsign": "softsign", "Sqrt": "sqrt", "Tan": "tan", "Tanh": "tanh",
}  # fmt: skip
# Operators of two tensors that broadcast as numpy's do.
BINARY = {
    "Add": "add", "And": "logical_and", "BitwiseAnd": "bitwise_and", "BitwiseOr": "bitwise_or",
    "BitwiseXor": "bitwise_xor", "Equal": "equal", "Greater": "greater", "GreaterOrEqual": "greater_equal",
    "Less": "less", "LessOrEqual": "less_equal", "Mul": "multiply", "Or": "logical_or", "Sub": "subtract",
    "Xor": "logical_xor",
}  # fmt: skip
SATURATED = {Type.f8e4m3, Type.f8e5m2, Type.f8e4m3fnuz, Type.f8e5m2fnuz, Type.f8e8m0}  # or not, as is wished
LARGEST = {Type.f64: float(np.finfo(np.float64).max), Type.f16: 65504.0, Type.bf16: (2 - 2.0**-7) * 2.0**127}
FLOAT_LIMITS = (float(np.finfo(np.float32).min), float(np.finfo(np.float32).max))


def _unary(factory: str) -> Translation:
    return lambda call: getattr(ops, factory)(call.input(0))


def _binary(factory: str) -> Translation:
    return lambda call: getattr(ops, factory)(call.input(0), call.input(1))


def _folded(factory: str) -> Translation:
    """An operator of any number of tensors, as operators of two."""
    return lambda call: _combined(getattr(ops, factory), call)


def _combined(make: Callable[..., Node], call: Call) -> Output:
    values = call.present()
    if not values:
        raise ModelError("there is no input")
    return reduce(lambda left, right: one(make(left, right)), values)


def identity(call: Call) -> Translated:
    return call.input(0)


def mean(call: Call) -> Translated:
    total = _combined(ops.add, call)
    return ops.divide(total, typed(len(call.present()), total))


def div(call: Call) -> Translated:
    """Integers are divided towards zero."""
    return toward_zero(call.input(0), call.input(1))


def mod(call: Call) -> Translated:
    make = ops.mod if call.flag("fmod") else ops.floor_mod
    return make(call.input(0), call.input(1))


def pow_(call: Call) -> Translated:
    """The result has the base's element type, whatever the exponent's; integers to a real power go through f64.

    A power within a few units in the last place of a whole number is that number; others are cut toward zero.
    """
    base, exponent = call.input(0), call.input(1)
    if exponent.element_type.real and base.element_type.integral_number:
        found = one(ops.power(converted(base, Type.f64), converted(exponent, Type.f64)))
        whole = one(ops.round(found, "half_to_even"))
        near = ops.less_equal(ops.abs(ops.subtract(found, whole)), ops.multiply(ops.abs(found), typed(1e-15, found)))
        return ops.convert(ops.select(near, whole, found), base.element_type)
    return ops.power(base, converted(exponent, base.element_type))


def bit_shift(call: Call) -> Translated:
    make = call.choice("direction", {"LEFT": ops.bitwise_left_shift, "RIGHT": ops.bitwise_right_shift})
    return make(call.input(0), call.input(1))


def cast(call: Call) -> Translated:
    """To f8e8m0 by onnx.reference."""
    return _cast(call, element_type(call.integer("to"), "the result"))


def cast_like(call: Call) -> Translated:
    wanted = call.input(1).element_type
    if wanted is not Type.dynamic:
        return _cast(call, wanted)
    call.expect("saturate", 1)
    return ops.convert_like(call.input(0), call.input(1))


def _cast(call: Call, wanted: Type) -> Translated:
    value = call.input(0)
    if wanted not in SATURATED or value.element_type is wanted:
        call.without_effect("saturate")
    if wanted is not Type.f8e8m0:
        call.without_effect("round_mode")
    if value.element_type is wanted:
        return value
    if Type.string in (value.element_type, wanted):
        from .text import cast_strings

        return cast_strings(value, wanted)
    if wanted in ROUNDED_FLOATS:
        return as_small_float(value, wanted, saturate=call.flag("saturate", True))
    return None if wanted is Type.f8e8m0 else converted(value, wanted)


def bit_cast(call: Call) -> Translated:
    """By onnx.reference; not of 16-bit and smaller reals, which are computed as f32."""
    for found in (call.input(0).element_type, element_type(call.integer("to"), "the result")):
        if found.real and found.size < 4:
            raise ModelError(f"the bits of {found.name} can't be cast: it is computed as f32")
    return None


def reciprocal(call: Call) -> Translated:
    value = call.input(0)
    return ops.divide(typed(1, value), value)


def round_(call: Call) -> Translated:
    return ops.round(call.input(0), "half_to_even")


def is_inf(call: Call) -> Translated:
    return ops.is_inf(
        call.input(0),
        {"detect_negative": call.flag("detect_negative", True), "detect_positive": call.flag("detect_positive", True)},
    )


def where(call: Call) -> Translated:
    return ops.select(call.input(0), call.input(1), call.input(2))


def clip(call: Call) -> Translated:
    """Bounds are attributes up to version 10, then inputs. Where they cross, the result is the upper bound.

    A bound that is left out is the greatest finite number of the type, or the least.
    """
    value = call.input(0)
    if call.version < 11:
        least, most = call.decimal("min", FLOAT_LIMITS[0]), call.decimal("max", FLOAT_LIMITS[1])
        if least <= most:
            return ops.clamp(value, least, most)
        return ops.minimum(ops.maximum(value, typed(least, value)), typed(most, value))
    low, high = _scalar(call.optional(1)), _scalar(call.optional(2))
    limit = LARGEST.get(value.element_type, FLOAT_LIMITS[1])
    bounds = _bound(call, 1, -limit), _bound(call, 2, limit)
    if value.element_type.real and bounds[0] is not None and bounds[1] is not None and bounds[0] <= bounds[1]:
        return ops.clamp(value, *bounds)
    if value.element_type.real:
        low, high = (typed(bound, value) if given is None else given for given, bound in ((low, -limit), (high, limit)))
    if low is not None:
        value = one(ops.maximum(value, low))
    return value if high is None else ops.minimum(value, high)


def _scalar(bound: Output | None) -> Output | None:
    """A bound of one element without its dimensions, which onnxruntime allows; they are none of the result's."""
    if bound is None or bound.partial_shape.is_dynamic or set(bound.shape) != {1}:
        return bound
    return one(ops.reshape(bound, np.zeros(0, np.int64), False))


def _bound(call: Call, index: int, absent: float) -> float | None:
    """A bound that may be left out; None when it is not known."""
    if call.optional(index) is None:
        return absent
    found = call.known(index)
    return None if found is None else float(found.ravel()[0])


def leaky_relu(call: Call) -> Translated:
    value = call.input(0)
    return ops.prelu(value, typed(call.decimal("alpha", 0.01), value))


def prelu(call: Call) -> Translated:
    """The slope broadcasts as numpy's operands do: one of shape [C, 1, ...] is one a channel."""
    value, slope = call.input(0), call.input(1)
    dims, count = static_dims(slope), rank_or_none(value)
    if dims is not None and math.prod(dim or 0 for dim in dims) == 1 and (len(dims) < 2 or count):
        return ops.prelu(value, reshaped(slope, [1] if count else []))
    if dims and None not in dims and count is not None and len(dims) == count - 1 and set(dims[1:]) <= {1}:
        return ops.prelu(value, reshaped(slope, [-1]))
    return ops.select(ops.less(value, typed(0, value)), ops.multiply(value, slope), value)


def elu(call: Call) -> Translated:
    return ops.elu(call.input(0), call.decimal("alpha", 1.0))


def celu(call: Call) -> Translated:
    """alpha * elu(x / alpha)."""
    value, alpha = call.input(0), call.decimal("alpha", 1.0)
    return ops.multiply(ops.elu(ops.divide(value, typed(alpha, value)), 1.0), typed(alpha, value))


def selu(call: Call) -> Translated:
    value = call.input(0)
    alpha = call.decimal("alpha", 1.67326319217681884765625)
    gamma = call.decimal("gamma", 1.05070102214813232421875)
    return ops.selu(value, typed(alpha, value), typed(gamma, value))


def thresholded_relu(call: Call) -> Translated:
    value = call.input(0)
    passes = ops.greater(value, typed(call.decimal("alpha", 1.0), value))
    return ops.select(passes, value, typed(0, value))


def hard_sigmoid(call: Call) -> Translated:
    value = call.input(0)
    alpha, beta = call.decimal("alpha", 0.2), call.decimal("beta", 0.5)
    return ops.hard_sigmoid(value, typed(alpha, value), typed(beta, value))


def shrink(call: Call) -> Translated:
    """x + bias below -lambd, x - bias above lambd, 0 between. Integers are computed in f64 and cut toward zero."""
    value = call.input(0)
    wide = converted(value, Type.f64) if value.element_type.integral_number else value
    bias, lambd = typed(call.decimal("bias", 0.0), wide), call.decimal("lambd", 0.5)
    above = ops.select(ops.greater(wide, typed(lambd, wide)), ops.subtract(wide, bias), typed(0, wide))
    found = ops.select(ops.less(wide, typed(-lambd, wide)), ops.add(wide, bias), above)
    return converted(one(found), value.element_type)


def gelu(call: Call) -> Translated:
    mode = call.choice("approximate", {"none": "erf", "tanh": "tanh"}, "none")
    return ops.gelu(call.input(0), mode)


def swish(call: Call) -> Translated:
    value = call.input(0)
    return ops.swish(value, typed(call.decimal("alpha", 1.0), value))


def swi_glu(call: Call) -> Translated:
    """swish(a) * b."""
    return ops.multiply(swish(call), call.input(1))


def dropout(call: Call) -> Translated:
    """As in inference: nothing is dropped. With training_mode it is left to onnx.reference."""
    value = call.input(0)
    training = call.known(2)
    if call.optional(2) is not None and (training is None or training.any()):
        return None
    call.without_effect("ratio", "seed", 1)
    if not call.wants(1):
        return value
    kept = ops.broadcast(of_type(True, Type.boolean), ops.shape_of(value, "i64"))
    return [value, one(kept) if call.version >= 10 else converted(one(kept), value.element_type)]


OPERATORS: dict[str, Translation] = {
    **{name: _unary(factory) for name, factory in UNARY.items()},
    **{name: _binary(factory) for name, factory in BINARY.items()},
    "BitCast": bit_cast,
    "BitShift": bit_shift,
    "Cast": cast,
    "CastLike": cast_like,
    "Celu": celu,
    "Clip": clip,
    "Div": div,
    "Dropout": dropout,
    "Elu": elu,
    "Gelu": gelu,
    "HardSigmoid": hard_sigmoid,
    "Identity": identity,
    "IsInf": is_inf,
    "LeakyRelu": leaky_relu,
    "Max": _folded("maximum"),
    "Mean": mean,
    "Min": _folded("minimum"),
    "Mod": mod,
    "PRelu": prelu,
    "Pow": pow_,
    "Reciprocal": reciprocal,
    "Round": round_,
    "Selu": selu,
    "Shrink": shrink,
    "Sum": _folded("add"),
    "SwiGLU": swi_glu,
    "Swish": swish,
    "ThresholdedRelu": thresholded_relu,
    "Where": where,
}
