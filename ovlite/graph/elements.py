"""Element types as they are stored and as they are computed with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from ..types import Type
from .operator import Array


def compute_type(element_type: Type) -> Type:
    """The type in which tensors of this type are computed: f32 for smaller real types, bytes for sub-byte integers."""
    if element_type.real and element_type is not Type.f64:
        return Type.f32
    if element_type.integral and element_type.bitwidth < 8:
        return Type.i8 if element_type.signed else Type.u8
    return element_type


def compute_dtype(element_type: Type) -> np.dtype[Any]:
    """The numpy dtype in which tensors of this type are computed."""
    return compute_type(element_type).to_dtype()


def decode(array: Array, element_type: Type, shape: Sequence[int]) -> Array:
    """The elements of a stored tensor in their compute dtype."""
    if element_type is Type.bf16:
        return (array.view(np.uint16).astype(np.uint32) << 16).view(np.float32).reshape(shape)
    if element_type is Type.string:
        return array.reshape(shape)
    if element_type.bitwidth < 8 or element_type.name.startswith("f8"):
        return _DECODERS[element_type.name](array, shape)
    return np.ascontiguousarray(array, compute_dtype(element_type)).reshape(shape)


def _unpack(bits: int, signed: bool) -> Callable[[Array, Sequence[int]], Array]:
    """Elements of `bits` bits, low bits of a byte first (u1: high bits first), as bytes."""

    order: Literal["big", "little"] = "big" if bits == 1 else "little"

    def unpack(array: Array, shape: Sequence[int]) -> Array:
        count = int(np.prod(shape))
        flat = np.unpackbits(array.view(np.uint8).ravel(), bitorder=order)[: count * bits].reshape(count, bits)
        weights = (1 << np.arange(bits)).astype(np.uint8)
        values: Array = (flat * weights).sum(axis=1, dtype=np.uint8)
        if not signed:
            return values.reshape(shape)
        top = 1 << (bits - 1)
        wrapped: Array = ((values.astype(np.int8) ^ top) - top).astype(np.int8)
        return wrapped.reshape(shape)

    return unpack


def _small_floats(bits: int, table: Array) -> Callable[[Array, Sequence[int]], Array]:
    """Elements looked up in a table of all values of the type."""
    unpack = _unpack(bits, False)
    return lambda array, shape: table[array.view(np.uint8).reshape(shape) if bits == 8 else unpack(array, shape)]


def _float_table(bits: int, mantissa: int, bias: int, *, infinities: bool) -> Array:
    """All values of a small float format; source: OCP 8-bit floating point specification 1.0."""
    codes = np.arange(1 << bits)
    sign = np.where(codes >> (bits - 1), -1.0, 1.0)
    exponent = (codes >> mantissa) & ((1 << (bits - 1 - mantissa)) - 1)
    fraction = (codes & ((1 << mantissa) - 1)) / (1 << mantissa)
    values = np.where(exponent == 0, fraction * 2.0 ** (1 - bias), (1 + fraction) * 2.0 ** (exponent - bias))
    top = (1 << (bits - 1 - mantissa)) - 1
    if infinities:
        values = np.where(exponent == top, np.where(fraction == 0, np.inf, np.nan), values)
    elif bits == 8:
        values = np.where((codes & 0x7F) == 0x7F, np.nan, values)
    return (sign * values).astype(np.float32)


def _power_table() -> Array:
    """f8e8m0: powers of two with bias 127; 255 is NaN."""
    codes = np.arange(256)
    return np.where(codes == 255, np.nan, 2.0 ** (codes - 127.0)).astype(np.float32)


# The 16 values of nf4; source: Dettmers et al., QLoRA, appendix E.
_NF4 = np.array(
    [
        -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
        -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
        0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
    ],
    np.float32,
)  # fmt: skip

_DECODERS: dict[str, Callable[[Array, Sequence[int]], Array]] = {
    "i4": _unpack(4, True),
    **{f"u{bits}": _unpack(bits, False) for bits in (1, 2, 3, 4, 6)},
    "nf4": _small_floats(4, _NF4),
    "f4e2m1": _small_floats(4, _float_table(4, 1, 1, infinities=False)),
    "f8e4m3": _small_floats(8, _float_table(8, 3, 7, infinities=False)),
    "f8e5m2": _small_floats(8, _float_table(8, 2, 15, infinities=True)),
    "f8e8m0": _small_floats(8, _power_table()),
}
