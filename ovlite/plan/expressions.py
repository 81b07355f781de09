"""Element-wise operators as instructions of the Map kernel."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..kernels.runtime.step import MOST_DIMENSIONS
from ..ops.fused import activation_of, may_activate
from .calls import Call, Tensor


class Instruction(NamedTuple):
    """name: of the kernel's instruction. operands: tensors, or constants as they are written in a program."""

    name: str
    operands: tuple[Any, ...]
    result: Tensor


Dtypes = frozenset[np.dtype[Any]]
FLOATS: Dtypes = frozenset(map(np.dtype, ("float32", "float64")))
INTEGERS: Dtypes = frozenset(map(np.dtype, ("int8", "uint8", "int32", "int64")))
NUMBERS = FLOATS | INTEGERS
BOOL: Dtypes = frozenset({np.dtype(bool)})
F32: Dtypes = frozenset({np.dtype(np.float32)})

# Operator type: (instruction, dtypes that it takes).
_DIRECT: dict[str, tuple[str, Dtypes]] = {
    "Add": ("add", NUMBERS),
    "Subtract": ("sub", NUMBERS),
    "Multiply": ("mul", NUMBERS),
    "Minimum": ("min", NUMBERS),
    "Maximum": ("max", NUMBERS),
    "SquaredDifference": ("squared_difference", NUMBERS),
    "Power": ("pow", FLOATS),
    "FloorMod": ("floor_mod", NUMBERS),
    "Mod": ("mod", NUMBERS),
    "Equal": ("equal", NUMBERS | BOOL),
    "NotEqual": ("not_equal", NUMBERS | BOOL),
    "Less": ("less", NUMBERS),
    "LessEqual": ("less_equal", NUMBERS),
    "Greater": ("greater", NUMBERS),
    "GreaterEqual": ("greater_equal", NUMBERS),
    "LogicalAnd": ("logical_and", BOOL),
    "LogicalOr": ("logical_or", BOOL),
    "LogicalXor": ("logical_xor", BOOL),
    "LogicalNot": ("logical_not", BOOL),
    "BitwiseAnd": ("bitwise_and", INTEGERS),
    "BitwiseOr": ("bitwise_or", INTEGERS),
    "BitwiseXor": ("bitwise_xor", INTEGERS),
    "BitwiseNot": ("bitwise_not", INTEGERS),
    "Negative": ("neg", NUMBERS),
    "Abs": ("abs", NUMBERS),
    "Sign": ("sign", NUMBERS),
    "Sqrt": ("sqrt", FLOATS),
    "Exp": ("exp", FLOATS),
    "Log": ("log", FLOATS),
    "Erf": ("erf", FLOATS),
    "Sin": ("sin", FLOATS),
    "Cos": ("cos", FLOATS),
    "Floor": ("floor", FLOATS),
    "Ceiling": ("ceil", FLOATS),
    "IsNaN": ("is_nan", FLOATS),
    "IsFinite": ("is_finite", FLOATS),
    **{name: (name.lower(), FLOATS) for name in ("Tan", "Asin", "Acos", "Atan")},
    **{name: (name.lower(), F32) for name in ("Sinh", "Cosh", "Asinh", "Acosh", "Atanh")},
}


def instructions(call: Call) -> list[Instruction] | None:
    """The instructions that compute a call, None when the kernel has none for it."""
    if (
        len(call.outputs) != 1
        or len(call.outputs[0].shape) > MOST_DIMENSIONS
        or getattr(call.op, "auto_broadcast", "numpy") == "pdpd"
    ):
        return None
    direct = _DIRECT.get(call.op.type)
    if direct is not None:
        name, dtypes = direct
        return _one(call, name) if call.inputs[0].dtype in dtypes else None
    special = _SPECIAL.get(call.op.type)
    if special is not None:
        return special(call)
    return _activation(call)


def _one(call: Call, name: str, inputs: Sequence[Tensor] | None = None, *immediates: Any) -> list[Instruction]:
    """One instruction on the call's inputs, single constants written into it."""
    operands = [_operand(tensor) for tensor in (call.inputs if inputs is None else inputs)]
    if not any(isinstance(operand, Tensor) for operand in operands):
        operands[0] = call.inputs[0]
    return [Instruction(name, (*operands, *immediates), call.outputs[0])]


def _operand(tensor: Tensor) -> Any:
    """The tensor, or its value when it is one f32 constant."""
    if tensor.array is not None and tensor.array.size == 1 and tensor.dtype == np.float32:
        return float(tensor.array.reshape(-1)[0])
    return tensor


def _tanh(call: Call) -> list[Instruction] | None:
    return _one(call, "tanh") if call.inputs[0].dtype == np.float64 else _activation(call)


def _activation(call: Call) -> list[Instruction] | None:
    if not may_activate(call.op) or not call.inputs or call.inputs[0].dtype != np.float32:
        return None
    parameters = [
        float(tensor.array.reshape(-1)[0]) if tensor.array is not None and tensor.array.size == 1 else None
        for tensor in call.inputs[1:]
    ]
    found = activation_of(call.op, parameters)
    return None if found is None else _one(call, found.kind, call.inputs[:1], found.alpha, found.beta)


def _divide(call: Call) -> list[Instruction] | None:
    dtype = call.inputs[0].dtype
    if dtype in FLOATS:
        return _one(call, "div")
    if dtype in INTEGERS:
        return _one(call, "floor_div" if call.op.attributes().get("m_pythondiv", True) else "trunc_div")
    return None


def _round(call: Call) -> list[Instruction] | None:
    if call.inputs[0].dtype not in FLOATS:
        return None
    return _one(call, "round_even" if call.op.attributes()["mode"] == "half_to_even" else "round_away")


def _convert(call: Call) -> list[Instruction] | None:
    held = NUMBERS | BOOL
    target = call.outputs[0].dtype
    if call.inputs[0].dtype not in held or target not in held:
        return None
    return [Instruction("convert", (call.inputs[0], target), call.outputs[0])]


def _select(call: Call) -> list[Instruction] | None:
    return (
        [Instruction("select", tuple(call.inputs), call.outputs[0])] if call.inputs[1].dtype in NUMBERS | BOOL else None
    )


def _prelu(call: Call) -> list[Instruction] | None:
    """x < 0 ? slope * x : x; a slope of more elements than one is per channel (axis 1)."""
    found = _activation(call)
    if found is not None or call.inputs[0].dtype != np.float32:
        return found
    data, slope = call.inputs
    if slope.array is None or len(slope.shape) != 1 or len(data.shape) < 2 or slope.shape[0] != data.shape[1]:
        return None
    vector = Tensor.constant(slope.array.reshape(-1, *(1,) * (len(data.shape) - 2)))
    return [Instruction("prelu", (data, vector), call.outputs[0])]


def _selu(call: Call) -> list[Instruction] | None:
    data, alpha, scale = call.inputs
    operands = [_operand(tensor) for tensor in (alpha, scale)]
    if data.dtype != np.float32 or any(isinstance(operand, Tensor) for operand in operands):
        return None
    unit = Tensor(data.dtype, data.shape)
    return [
        Instruction("elu", (data, operands[0], 0.0), unit),
        Instruction("mul", (unit, operands[1]), call.outputs[0]),
    ]


def _softsign(call: Call) -> list[Instruction] | None:
    (data,) = call.inputs
    if data.dtype not in FLOATS:
        return None
    size, sum_ = (Tensor(data.dtype, data.shape) for _ in range(2))
    return [
        Instruction("abs", (data,), size),
        Instruction("add", (size, 1.0), sum_),
        Instruction("div", (data, sum_), call.outputs[0]),
    ]


def _is_inf(call: Call) -> list[Instruction] | None:
    (data,) = call.inputs
    negative, positive = (call.op.attributes()[name] for name in ("detect_negative", "detect_positive"))
    if data.dtype not in FLOATS or not (negative or positive):
        return None
    if not (negative and positive):
        return _one(call, "equal", None, math.inf if positive else -math.inf)
    size = Tensor(data.dtype, data.shape)
    return [Instruction("abs", (data,), size), Instruction("equal", (size, math.inf), call.outputs[0])]


def _quantize(call: Call) -> list[Instruction] | None:
    op: Any = call.op
    operands = call.inputs[0], call.outputs[0].dtype, op.scale, float(op.zero)
    return [Instruction("quantize", operands, call.outputs[0])]


def _dequantize(call: Call) -> list[Instruction] | None:
    op: Any = call.op
    return [Instruction("dequantize", (call.inputs[0], op.scale, float(op.zero)), call.outputs[0])]


_SPECIAL: dict[str, Callable[[Call], list[Instruction] | None]] = {
    "Divide": _divide,
    "Round": _round,
    "Convert": _convert,
    "Select": _select,
    "PRelu": _prelu,
    "Selu": _selu,
    "SoftSign": _softsign,
    "IsInf": _is_inf,
    "Tanh": _tanh,
    "Quantize": _quantize,
    "Dequantize": _dequantize,
}
