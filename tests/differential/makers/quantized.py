"""Quantization, and products of quantized tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cases import Error, Made
from ..draw import Array, Draw, dtype_named, element_number, is_real
from .base import EXACT, node, table
from .images import _window

BYTES = ("int8", "uint8")


def _parameters(d: Draw, shape: tuple[int, ...], zero: np.dtype[Any], scale: Any = np.float32) -> tuple[Array, Array]:
    domain = (0, 2) if is_real(zero) else (-5, 5)
    return d.tensor(shape, scale, (0.05, 2)), d.tensor(shape, zero, domain)


def _places(d: Draw, data: Array) -> tuple[tuple[int, ...], dict[str, Any]]:
    """(shape of scales, axis and block_size): one for all, one along an axis, or one a block."""
    if data.ndim == 0 or d.since < 13 or d.chance(0.4):
        return d.pick((), ()), {}
    axis = d.axis(data.ndim)
    if d.since >= 21 and d.chance(0.4):
        block = d.integer(1, data.shape[axis])
        blocks = list(data.shape)
        blocks[axis] = -(-data.shape[axis] // block)
        return tuple(blocks), {"axis": axis, "block_size": block}
    if axis == 1 and d.chance(0.3):
        return (data.shape[1],), {}
    return (data.shape[axis],), {"axis": axis}


def quantize(d: Draw) -> Made:
    data = d.tensor(d.dims(0, 4, 0), np.float32, (-200, 200))
    among = [name for name in ("int8", "uint8", "int16", "uint16", "int4", "uint4", "float8e4m3fn", "float8e5m2",
             "float4e2m1") if name in d.allowed("T3" if d.since >= 23 else "T2")]  # fmt: skip
    target = dtype_named(d.pick(*among))
    shape, places = _places(d, data)
    scale, zero = _parameters(d, shape, target, data.dtype if data.dtype != np.int32 else np.float32)
    if is_real(target):
        zero = np.zeros_like(zero)
        places["saturate"] = d.pick(None, 0, 1) if "float8" in target.name else None
    given = d.maybe(zero, 0.8)
    if given is None and target != np.uint8:
        if d.since >= 21:
            places["output_dtype"] = element_number(target)
        else:
            given = zero
    return node(d, [data, scale, given], steering=(1, 2), error=EXACT, **places)


def dequantize(d: Draw) -> Made:
    among = ["int8", "uint8", "int16", "uint16", "int4", "uint4", "float8e4m3fn", "float8e5m2", "int32"]
    among = [name for name in among if name in d.allowed("T1" if d.since >= 19 else "T")]
    source = dtype_named(d.pick(*among))
    data = d.tensor(d.dims(0, 4, 0), source, (-8, 8) if is_real(source) else None)
    shape, places = _places(d, data)
    kind = np.dtype(np.float16) if d.since >= 19 and d.chance(0.15) else np.dtype(np.float32)
    scale, zero = _parameters(d, shape, source, kind)
    zero = np.zeros_like(zero) if is_real(source) or source == np.int32 else zero
    return node(d, [data, scale, d.maybe(zero, 0.7)], steering=(1, 2), error=Error(4), **places)


def dynamic_quantize(d: Draw) -> Made:
    return node(d, [d.tensor(d.dims(1, 4, 0), np.float32, (-3, 5))], 3, error=Error(2))


def _two(d: Draw) -> tuple[np.dtype[Any], np.dtype[Any]]:
    return dtype_named(d.pick(*BYTES)), dtype_named(d.pick(*BYTES))


def qlinear_matmul(d: Draw) -> Made:
    (a, b), m, n, k = _two(d), d.integer(1, 9), d.integer(1, 9), d.pick(1, 3, 8, 17)
    lead = d.dims(0, 1, 0)
    each = (n,) if d.chance(0.3) else ()
    inputs = [d.tensor((*lead, m, k), a), *_parameters(d, (), a), d.tensor((*lead, k, n), b), *_parameters(d, each, b)]
    scale, zero = _parameters(d, (), a)
    return node(d, [*inputs, np.array(scale * k * 20, np.float32), zero], steering=(1, 2, 3, 4, 5, 6, 7),
                error=EXACT)  # fmt: skip


def matmul_integer(d: Draw) -> Made:
    (a, b), m, n, k = _two(d), d.integer(1, 9), d.integer(1, 9), d.pick(1, 3, 8, 17, 300)
    left, right = d.tensor((m, k), a), d.tensor((k, n), b)
    zeros = [d.maybe(d.tensor((), a, (-5, 5))),
             d.maybe(d.tensor((n,) if d.chance(0.3) else (), b, (-5, 5)))]  # fmt: skip
    return node(d, [left, right, *zeros], steering=(1, 2, 3), error=EXACT)


def _filters(d: Draw, kind: np.dtype[Any]) -> tuple[Array, Array, dict[str, Any]]:
    sizes, kernel, sliding = _window(d, 2, 3)
    groups, per_in, per_out = d.pick((1, 3, 4), (2, 2, 3), (4, 1, 1))
    data = d.tensor((d.integer(1, 2), groups * per_in, *sizes), np.uint8)
    sliding["group"] = groups
    return data, d.tensor((groups * per_out, per_in, *kernel), kind), sliding


def qlinear_conv(d: Draw) -> Made:
    a, b = _two(d)
    if a == np.int8:
        b = a
    data, filters, sliding = _filters(d, b)
    data = data.view(a)
    each = (filters.shape[0],) if d.chance(0.4) and b == np.int8 else ()
    w_scale, w_zero = _parameters(d, each, b)
    if each:
        w_zero = np.zeros_like(w_zero)
    bias = d.maybe(d.tensor((filters.shape[0],), np.int32, (-500, 500)))
    scale, zero = _parameters(d, (), a)
    inputs = [data, *_parameters(d, (), a), filters, w_scale, w_zero, np.array(scale * 300, np.float32), zero, bias]
    return node(d, inputs, steering=(1, 2, 3, 4, 5, 6, 7, 8), error=EXACT, **sliding)


def conv_integer(d: Draw) -> Made:
    data, filters, sliding = _filters(d, np.dtype(np.uint8))
    zeros = [d.maybe(np.array(3, np.uint8)), d.maybe(np.array(2, np.uint8))]
    return node(d, [data, filters, *zeros], steering=(1, 2, 3), error=EXACT, **sliding)


MAKERS = table(
    "", QuantizeLinear=quantize, DequantizeLinear=dequantize, DynamicQuantizeLinear=dynamic_quantize,
    QLinearMatMul=qlinear_matmul, MatMulInteger=matmul_integer, QLinearConv=qlinear_conv, ConvInteger=conv_integer,
)  # fmt: skip
