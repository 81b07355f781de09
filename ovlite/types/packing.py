"""Integers of less than a byte in packed bytes."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Order = Literal["big", "little"]
# Elements of 3 and 6 bits lie in groups of 3 bytes: the low bits of all elements of a group, the highest place of a
# byte first, and then their high bits. (low bits, high bits)
SPLIT = {3: (2, 1), 6: (4, 2)}


def pack_bits(codes: Bytes, bits: int, order: Order) -> Bytes:
    """The low bits of each code as packed, flat bytes; what fills up the last byte, or group, is zeros.

    order: the place of the first element in a byte, in the highest bits ("big") or in the lowest ("little"). Groups
    have one order alone.
    """
    flat = codes.ravel()
    if bits in SPLIT:
        low, high = SPLIT[bits]
        flat = np.concatenate([flat, np.zeros(-flat.size % (8 // high), np.uint8)])
        groups = [
            pack_bits(flat, low, "big").reshape(-1, 2),
            pack_bits(flat >> np.uint8(low), high, "big").reshape(-1, 1),
        ]
        return np.concatenate(groups, axis=1).ravel()
    planes = np.unpackbits(flat[:, None], axis=1, bitorder=order)
    return np.packbits(planes[:, :bits] if order == "little" else planes[:, 8 - bits :], bitorder=order)


def unpack_bits(packed: Bytes, bits: int, order: Order) -> Bytes:
    """The codes in packed bytes, flat: as many as the bytes, or whole groups of 3 bytes, hold."""
    if bits in SPLIT:
        low, high = SPLIT[bits]
        groups = packed.ravel()[: packed.size // 3 * 3].reshape(-1, 3)
        codes: Bytes = unpack_bits(groups[:, :2], low, "big") | unpack_bits(groups[:, 2], high, "big") << np.uint8(low)
        return codes
    planes = np.unpackbits(packed.ravel(), bitorder=order).reshape(-1, bits)
    if order == "big":
        planes = np.pad(planes, ((0, 0), (8 - bits, 0)))
    return np.packbits(planes, axis=1, bitorder=order).ravel()
