"""Elements of less than a byte, in the order of bits that openvino.helpers has.

The first element is in the highest bits of a byte. Groups of u3 (8 elements) and u6 (4 elements) take
3 bytes: two hold the low bits (2 of a u3, 4 of a u6) of the elements, the third all high bits. This is
an order of its own: a Tensor and a Constant have the first element of u4, i4 and u2 in the low bits.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from ..types import Type
from ..types.packing import Bytes, pack_bits, unpack_bits

_PACKED = (Type.u1, Type.u2, Type.u4, Type.i4, Type.nf4, Type.f4e2m1, Type.u3, Type.u6)


def pack_data(array: npt.NDArray[Any], type: Type) -> Bytes:
    """The elements of an array as packed bytes, a flat u8 array; the last byte, or group, is filled up with zeros.

    type: u1, u2, u3, u4, u6, i4, or nf4 or f4e2m1, whose elements are given as their codes. RuntimeError
    for elements that are not whole numbers of (u)int8.
    """
    _check(type)
    narrow: npt.NDArray[Any] = np.asarray(array).astype("i1" if type is Type.i4 else "u1")
    if not np.array_equal(narrow, array):
        raise RuntimeError(f"elements to pack as {type.name} are whole numbers that {narrow.dtype} holds")
    flat: Bytes = narrow.ravel().view(np.uint8)
    return pack_bits(flat, type.bitwidth, "big")


def unpack_data(array: npt.NDArray[Any], type: Type, shape: Iterable[int]) -> npt.NDArray[Any]:
    """The elements of packed bytes as a (u)int8 array of the shape; RuntimeError when there are too few bytes."""
    _check(type)
    lengths = tuple(shape)
    packed = np.asarray(array, order="C").view(np.uint8).ravel()
    elements = unpack_bits(packed, type.bitwidth, "big")
    if elements.size < prod(lengths):
        held = f"{packed.size} bytes hold {elements.size} elements of {type.name}"
        raise RuntimeError(f"{held}; the shape {list(lengths)} has {prod(lengths)}")
    elements = elements[: prod(lengths)].reshape(lengths)
    return ((elements ^ 8).view(np.int8) - 8) if type is Type.i4 else elements


def _check(type: Type) -> None:
    if type not in _PACKED:
        names = ", ".join(known.name for known in _PACKED)
        raise AssertionError(f"{getattr(type, 'name', type)} is not packed; the types {names} are")
