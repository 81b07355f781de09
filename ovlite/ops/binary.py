"""Convolution of signs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import ModelError
from ..graph import Argument
from ..graph.operator import Array
from ..records import dataclass, replace
from ..types import Type
from .axes import one_of, require
from .convolution import Convolution
from .window import padded


@dataclass(frozen=True)
class BinaryConvolution(Convolution):
    """Cross-correlation of signs: data above 0 and filters' 1 are +1, all else -1; padding is pad_value.

    The bits of a filter are taken from the lowest of each byte of the u1 constant, as OpenVINO's CPU device
    does, though u1 tensors have their first element in the highest.
    """

    mode: str = "xnor-popcount"
    pad_value: float = 0.0
    type = "BinaryConvolution"
    factory = "binary_convolution"
    signature = "data, filters, strides, pads_begin, pads_end, dilations, mode, pad_value, auto_pad='EXPLICIT'"

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of(self.mode, ("xnor-popcount",), "mode")

    def _result_type(self, inputs: Sequence[Argument]) -> Type:
        data, filters = (argument.element_type for argument in inputs)
        require(
            filters in (Type.u1, Type.u8, Type.dynamic) or filters.real,
            f"expected filters to be u1, got {filters.name}",
        )
        return data

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        data, filters = inputs
        require(
            filters.dtype.kind != "f",
            f"expected filters to be u1, got {filters.dtype}; give them as a constant of bits",
        )
        if data.dtype.kind not in "fiu":
            raise ModelError(f"expected data to be numbers, got {data.dtype}")
        bits = np.unpackbits(np.packbits(filters.ravel() != 0), bitorder="little")[: filters.size]
        signs = np.where(bits.reshape(filters.shape), 1, -1).astype(np.float32)
        begin, end = self.pads(data.shape[2:], filters.shape[2:])
        whole = padded(np.where(data > 0, 1, -1).astype(np.float32), begin, end, self.pad_value)
        bare = replace(self, pads_begin=(), pads_end=(), auto_pad="explicit")
        return [bare.correlate(whole, signs[np.newaxis]).astype(data.dtype)]
