"""Strings as bytes and places in them, and back.

A tensor of strings is begins and ends, i32 of its shape, and symbols, u8 [n]: string i is the UTF-8 bytes
symbols[begins[i] : ends[i]].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ..errors import ModelError
from ..graph import Argument, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape, Type
from .axes import require
from .declare import Declared


@dataclass(frozen=True)
class StringTensorUnpack(Declared):
    """begins, ends and symbols of a tensor of strings."""

    type = "StringTensorUnpack"
    opset = "opset15"
    factory = "string_tensor_unpack"
    since = 15
    signature = "data"
    inputs: ClassVar[tuple[str, ...]] = ("data",)

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        (data,) = inputs
        require(
            data.element_type in (Type.string, Type.dynamic),
            f"expected data to be strings, got {data.element_type.name}",
        )
        places = TensorType(Type.i32, data.shape)
        return [places, places, TensorType(Type.u8, PartialShape([Dimension()]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        strings = [item.encode() if isinstance(item, str) else bytes(item) for item in inputs[0].ravel().tolist()]
        bounds = np.cumsum([0, *map(len, strings)]).astype(np.int32)
        shape = inputs[0].shape
        return [bounds[:-1].reshape(shape), bounds[1:].reshape(shape), np.frombuffer(b"".join(strings), np.uint8)]


@dataclass(frozen=True)
class StringTensorPack(Declared):
    """The strings of begins, ends and symbols."""

    type = "StringTensorPack"
    opset = "opset15"
    factory = "string_tensor_pack"
    since = 15
    signature = "begins, ends, symbols"
    inputs: ClassVar[tuple[str, ...]] = ("begins", "ends", "symbols")

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        begins, ends, symbols = inputs
        for places, name in ((begins, "begins"), (ends, "ends")):
            integers = places.element_type in (Type.i32, Type.i64, Type.dynamic)
            require(integers, f"expected {name} to be i32 or i64, got {places.element_type.name}")
        require(
            symbols.element_type in (Type.u8, Type.dynamic),
            f"expected symbols to be u8, got {symbols.element_type.name}",
        )
        require(
            not symbols.shape.has_rank or len(symbols.shape) == 1, f"expected symbols to be [n], got {symbols.shape}"
        )
        shape = PartialShape(begins.shape)
        if not begins.shape.compatible(ends.shape):
            raise ModelError(f"expected begins and ends to be of one shape, got {begins.shape} and {ends.shape}")
        return [TensorType(Type.string, shape if shape.is_static else PartialShape(ends.shape))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        begins, ends, symbols = inputs
        text = symbols.astype(np.uint8).tobytes()
        pairs = list(zip(begins.ravel().tolist(), ends.ravel().tolist(), strict=True))
        if any(not 0 <= begin <= end <= len(text) for begin, end in pairs):
            raise ModelError(f"a string begins or ends outside of the {len(text)} symbols")
        strings = np.empty(begins.shape, object)
        strings.ravel()[:] = [text[begin:end] for begin, end in pairs]
        return [strings]
