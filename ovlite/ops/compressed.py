"""Operators that passes make of weights that are stored in a few bits: real = (code - zero) * scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ..graph import Argument, Operator, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import PartialShape, Type
from ..types.packing import unpack_bits


@dataclass(frozen=True)
class Decompress(Operator):
    """Rows of real numbers (code - zero) * scale.

    Inputs: codes of u8 (..., bytes), the codes of a row one behind the other, lowest bits first; scales and zeros of
    f32 (..., groups), one for `group` neighbouring elements of a row; or zeros of one element, for all. bits: of a
    code: 2, 4 or 8. depth: elements of a row.
    """

    type = "Decompress"
    opset = "ovlite"
    bits: int
    depth: int
    group: int

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        rows = inputs[0].shape
        return [TensorType(Type.f32, PartialShape([*rows[:-1], self.depth]) if rows.has_rank else rows)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        codes, scales, zeros = inputs
        rows = unpack_bits(codes, self.bits, "little").reshape(*codes.shape[:-1], -1)[..., : self.depth]
        zeros = zeros.reshape(()) if zeros.size == 1 else self._spread(zeros)
        return [(rows.astype(np.float32) - zeros) * self._spread(scales)]

    def _spread(self, values: Array) -> Array:
        """One for each element of what there is one for each group."""
        return np.repeat(values, self.group, axis=-1)[..., : self.depth]


@dataclass(frozen=True)
class CompressedMatMul(Operator):
    """x @ w.T, of rows w of real numbers that stay codes in memory.

    Inputs: x of f32 (..., depth), then the codes, scales and zeros of a row for each column of the result (..., rows).
    """

    type = "CompressedMatMul"
    opset = "ovlite"
    rows: Decompress
    operands: ClassVar[int] = 4

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        x, codes = inputs[0].shape, inputs[1].shape
        return [TensorType(Type.f32, PartialShape([*x[:-1], codes[0]]) if x.has_rank else x)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        (weights,) = self.rows.evaluate(*inputs[1:])
        return [np.asarray(np.matmul(inputs[0], weights.T))]


def packed_rows(codes: Array, bits: int) -> Array:
    """Rows of codes, u8 (..., n), as Decompress takes them: of `bits` bits, each row in whole bytes."""
    if bits == 8:
        return np.asarray(codes, order="C")
    per_byte = 8 // bits
    length = -(-codes.shape[-1] // per_byte)
    padded = np.zeros((*codes.shape[:-1], length * per_byte), np.uint8)
    padded[..., : codes.shape[-1]] = codes
    packed = np.zeros((*codes.shape[:-1], length), np.uint8)
    for place in range(per_byte):
        packed |= padded[..., place::per_byte] << np.uint8(place * bits)
    return packed
