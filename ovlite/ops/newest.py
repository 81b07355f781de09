"""Operators of opset17: the inverse of the error function, and matrix products of groups of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape
from .axes import merged_type, require
from .declare import Declared
from .unary import RealFunction, erf


class ErfInv(RealFunction):
    """The number whose error function is x: infinite at 1 and -1, NaN beyond."""

    type = "ErfInv"
    opset = "opset17"
    factory = "erfinv"
    since = 17
    until = 17

    def compute(self, x: Array) -> Array:
        """Newton's method from Winitzki's approximation, which is off by 2e-3 of the result."""
        wanted = np.asarray(x, np.float64)
        logarithm = np.log1p(-wanted * wanted)
        half = 2 / (np.pi * 0.147) + logarithm / 2
        found = np.copysign(np.sqrt(np.sqrt(half * half - logarithm / 0.147) - half), wanted)
        for _ in range(3):
            found = found - (erf(found) - wanted) * np.exp(found * found) * np.sqrt(np.pi) / 2
        found = np.where(np.abs(wanted) == 1, np.copysign(np.inf, wanted), found)
        return np.where(np.abs(wanted) > 1, np.nan, found).astype(x.dtype)


@dataclass(frozen=True)
class GroupedMatMul(Declared):
    """a @ transposed b of each group: b [G, N, K]; a [G, M, K], or [T, K] whose rows up to offsets[g] are group g's.

    Rows behind the last offset give zeros.
    """

    type = "GroupedMatMul"
    opset = "opset17"
    factory = "grouped_matmul"
    since = 17
    until = 17
    signature = "mat_a, mat_b, offsets=None"
    inputs: ClassVar[tuple[str, ...]] = ("mat_a", "mat_b", "offsets")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        element_type = merged_type(inputs[:2], "matrices")
        a, b = inputs[0].shape, inputs[1].shape
        if not a.has_rank or not b.has_rank:
            return [TensorType(element_type, PartialShape.dynamic())]
        require(
            len(a) in (2, 3) and len(b) == 3,
            f"expected matrices to be [T, K] or [G, M, K], and [G, N, K], got {a} and {b}",
        )
        require(len(a) == 3 or len(inputs) == 3, f"rows {a} are divided into groups by offsets, which are missing")
        require(a[-1].compatible(b[2]), f"the inner dimensions of {a} and {b} differ")
        require(len(a) == 2 or a[0].compatible(b[0]), f"{a} and {b} are of different numbers of groups")
        groups: list[Dimension] = [b[0] if a[0].is_dynamic else a[0]] if len(a) == 3 else []
        return [TensorType(element_type, PartialShape([*groups, a[-2], b[1]]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        a, b, *offsets = inputs
        if a.ndim == 3:
            return [np.matmul(a, b.swapaxes(1, 2))]
        result = np.zeros((a.shape[0], b.shape[1]), a.dtype)
        begin = 0
        for matrix, end in zip(b, offsets[0].tolist(), strict=True):
            result[begin:end] = a[begin:end] @ matrix.T
            begin = end
        return [result]
