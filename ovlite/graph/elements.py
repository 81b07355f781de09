"""Element types as they are stored and as they are computed with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import prod
from typing import Any

import numpy as np

from ..types import SequenceType, Type
from ..types.packing import Order, pack_bits, unpack_bits
from .operator import Array


def compute_type(element_type: Type) -> Type:
    """The type in which tensors of this type are computed: f32 for smaller real types, bytes for sub-byte integers."""
    if element_type.real and element_type is not Type.f64:
        return Type.f32
    if element_type.integral_number and element_type.bitwidth < 8:
        return Type.i8 if element_type.signed else Type.u8
    return element_type


def bound_type(element_type: Type) -> Type:
    """The type that plans take and give the elements of a model's port in: none whose elements are packed."""
    return compute_type(element_type) if 0 < element_type.bitwidth < 8 else element_type


@cache
def compute_dtype(element_type: Type) -> np.dtype[Any]:
    """The numpy dtype in which tensors of this type are computed."""
    return compute_type(element_type).to_dtype()


def decode(array: Array, element_type: Type, shape: Sequence[int]) -> Array:
    """The elements of a stored tensor in their compute dtype."""
    if element_type is Type.bf16:
        return (array.view(np.uint16).astype(np.uint32) << 16).view(np.float32).reshape(shape)
    if element_type is Type.string:
        return as_bytes(array).reshape(shape)
    if isinstance(element_type, SequenceType):
        return sequence([decode(item, element_type.element, item.shape) for item in array.tolist()])
    if element_type.name in _DECODERS:
        return _DECODERS[element_type.name](array, shape)
    dtype = compute_dtype(element_type)
    if array.dtype != dtype or not (array.flags.c_contiguous and array.flags.aligned):
        array = np.require(array, dtype, ["C", "A"])
    return array.reshape(shape)


def as_bytes(strings: Array) -> Array:
    """Strings as they are computed with: an object array of UTF-8 bytes."""
    found = np.empty(strings.shape, object)
    found.ravel()[:] = [item.encode() if isinstance(item, str) else bytes(item) for item in strings.ravel().tolist()]
    return found


def sequence(items: Sequence[Array]) -> Array:
    """Tensors as what a sequence of them is computed with: an object array [n] of arrays."""
    found = np.empty(len(items), object)
    for place, item in enumerate(items):
        found[place] = item
    return found


def held_as_objects(element_type: Type) -> bool:
    """Return whether elements are Python's objects, which plans never see."""
    return element_type is Type.string or isinstance(element_type, SequenceType)


def type_of(array: Array) -> Type:
    """The element type of an array that is computed with."""
    return Type.string if array.dtype.kind == "O" else Type(array.dtype)


def as_text(strings: Array) -> list[str]:
    """The elements of an array of strings, in C order."""
    return [item if isinstance(item, str) else item.decode("utf-8", "replace") for item in strings.ravel().tolist()]


def encode(array: Array, element_type: Type) -> Array:
    """Numbers as the elements of a stored tensor: whole numbers cast as numpy does, real ones rounded to the nearest.

    Whole numbers for nf4 are its codes, as tools that quantize weights hand them over. Strings become bytes. The shape
    stays but for types of less than a byte, whose elements are packed in one dimension.
    """
    if element_type is Type.bf16:
        return _bfloat_bits(array).view(np.float16)
    if element_type is Type.string:
        return as_bytes(array)
    if isinstance(element_type, SequenceType):
        return sequence([encode(item, element_type.element) for item in array.tolist()])
    small = SMALL_FLOATS.get(element_type.name)
    if small is None and element_type.bitwidth >= 8:
        return np.require(array, element_type.to_dtype(), "C")
    if element_type is Type.nf4 and array.dtype.kind in "biu":
        small = None
    codes = small.codes(array) if small else array.astype(np.int64).astype(np.uint8)
    if element_type.bitwidth == 8:
        return np.require(codes, requirements="C")
    return _pack(codes, element_type)


def stored_bits(array: Array) -> tuple[Array, Type] | None:
    """(the elements as a tensor stores them, their type) for a dtype of ml_dtypes; None for others.

    Bits of whole bytes lie in the array's own memory; those of less are packed into new memory of one dimension.
    """
    if array.dtype.isbuiltin != 2:
        return None
    try:
        element_type = Type(array.dtype)
    except RuntimeError:
        return None
    if element_type.bitwidth >= 8:
        return array.view(element_type.to_dtype()), element_type
    codes = np.asarray(array, order="C").view(np.uint8)
    return _pack(codes, element_type), element_type


def _bfloat_bits(array: Array) -> Array:
    """Numbers rounded to the nearest bf16, ties to even; NaN stays NaN."""
    with np.errstate(over="ignore"):
        wide = np.require(array, np.float32, "C")
    bits = wide.view(np.uint32)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    return np.where(np.isnan(wide), np.uint16(0x7FC0), rounded)


def _order(bits: int) -> Order:
    """The place of the first element in a byte: single bits begin with the highest, others with the lowest."""
    return "big" if bits == 1 else "little"


def _pack(codes: Array, element_type: Type) -> Array:
    """Codes as elements of a type of less than a byte, flat."""
    return pack_bits(codes, element_type.bitwidth, _order(element_type.bitwidth)).view(element_type.to_dtype())


def _unpack(bits: int, signed: bool) -> Callable[[Array, Sequence[int]], Array]:
    """Elements of `bits` bits as bytes."""

    def unpack(array: Array, shape: Sequence[int]) -> Array:
        count = prod(shape)
        values: Array = unpack_bits(array.view(np.uint8), bits, _order(bits))
        values = values[:count].reshape(shape)
        if not signed:
            return values
        top = 1 << (bits - 1)
        return np.asarray((values.astype(np.int8) ^ top) - top, np.int8)

    return unpack


class SmallFloat:
    """A real type of 4 or 8 bits, known by its values.

    table: the value of each code. signed: the top bit of a code is its sign, and the codes below rise with their
    values. top: the code of the greatest finite value. over, nan: the codes of what is greater, and of NaN.
    halved: numbers are rounded to f16 first, as OpenVINO's conversions do. minus_zero: there is a zero with a sign.
    """

    def __init__(
        self, bits: int, table: Array, top: int, over: int, nan: int, *, signed: bool = True, halved: bool = False,
        minus_zero: bool = True,
    ) -> None:  # fmt: skip
        self.bits = bits
        self._halved, self._minus_zero, self._top = halved, minus_zero, top
        self.table = table
        self._over, self._nan = over, nan
        self._signed = signed
        finite = table[: top + 1].astype(np.float64)
        # A value beyond the greatest rounds as if one more step followed, unless codes end there.
        following = [finite[-1] + (finite[-1] - finite[-2])] if over > top else []
        steps = np.concatenate([finite, following])
        self._middles = (steps[1:] + steps[:-1]) / 2

    def codes(self, array: Array, *, saturate: bool | None = None) -> Array:
        """The code of the nearest value of each element, the even one where two are as near.

        saturate: whether what is beyond the greatest value becomes it, or infinite, or NaN; None for OpenVINO's way.
        With it NaN is 0 in a type that has none.
        """
        with np.errstate(over="ignore"):
            values = np.asarray(array, np.float16 if self._halved and saturate is None else np.float64)
            values = values.astype(np.float64)
        sizes = np.abs(values) if self._signed else values
        codes = np.searchsorted(self._middles, sizes)
        middles = np.append(self._middles, np.inf)
        codes = codes + ((sizes == middles[codes]) & (codes % 2 == 1))
        if self._over >= self._middles.size:
            codes = np.where(codes >= self._middles.size, self._over, codes)
        if saturate:
            codes = np.minimum(codes, self._top)
        signs = np.signbit(values) if self._minus_zero else np.signbit(values) & (codes > 0)
        lacking = saturate is not None and not np.isnan(self.table[self._nan])
        codes = np.where(np.isnan(values), 0 if lacking else self._nan, codes)
        if self._signed:
            codes = codes | signs.astype(codes.dtype) << (self.bits - 1)
        return codes.astype(np.uint8)

    def decode(self, array: Array, shape: Sequence[int]) -> Array:
        """The values of stored codes, as f32."""
        codes = array.view(np.uint8).reshape(shape) if self.bits == 8 else _unpack(self.bits, False)(array, shape)
        return np.asarray(self.table[codes])


def _float_table(bits: int, mantissa: int, bias: int, *, infinities: bool = False, nans: int = 0x7F) -> Array:
    """All values of a small float format; source: OCP 8-bit floating point specification 1.0.

    nans: the code of 8 bits that is NaN, with its sign or without; 0x80 for the only one, in place of -0.
    """
    codes = np.arange(1 << bits)
    sign = np.where(codes >> (bits - 1), -1.0, 1.0)
    exponent = (codes >> mantissa) & ((1 << (bits - 1 - mantissa)) - 1)
    fraction = (codes & ((1 << mantissa) - 1)) / (1 << mantissa)
    values = np.where(exponent == 0, fraction * 2.0 ** (1 - bias), (1 + fraction) * 2.0 ** (exponent - bias))
    top = (1 << (bits - 1 - mantissa)) - 1
    if infinities:
        values = np.where(exponent == top, np.where(fraction == 0, np.inf, np.nan), values)
    elif bits == 8:
        values = np.where(codes & (0xFF if nans == 0x80 else 0x7F) == nans, np.nan, values)
    return np.copysign(values, sign).astype(np.float32)


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

SMALL_FLOATS = {
    "nf4": SmallFloat(4, _NF4, top=15, over=15, nan=0, signed=False),
    "f4e2m1": SmallFloat(4, _float_table(4, 1, 1), top=7, over=7, nan=7),
    "f8e4m3": SmallFloat(8, _float_table(8, 3, 7), top=0x7E, over=0x7F, nan=0x7F, halved=True),
    "f8e5m2": SmallFloat(8, _float_table(8, 2, 15, infinities=True), top=0x7B, over=0x7C, nan=0x7E, halved=True),
    "f8e4m3fnuz": SmallFloat(8, _float_table(8, 3, 8, nans=0x80), top=0x7F, over=0x80, nan=0x80, minus_zero=False),
    "f8e5m2fnuz": SmallFloat(8, _float_table(8, 2, 16, nans=0x80), top=0x7F, over=0x80, nan=0x80, minus_zero=False),
    "f8e8m0": SmallFloat(8, _power_table(), top=0xFE, over=0xFE, nan=0xFF, signed=False),
}
_DECODERS: dict[str, Callable[[Array, Sequence[int]], Array]] = {
    **{f"i{bits}": _unpack(bits, True) for bits in (2, 4)},
    **{f"u{bits}": _unpack(bits, False) for bits in (1, 2, 3, 4, 6)},
    **{name: small.decode for name, small in SMALL_FLOATS.items()},
}
