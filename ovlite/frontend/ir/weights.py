"""The .bin of an IR: where constants keep their elements.

String constants are written as OpenVINO does: an i32 count n, n + 1 offsets into the text as i32, the UTF-8 text.
"""

from __future__ import annotations

import hashlib
import math
import mmap
import os
import stat
import sys
from collections.abc import Sequence
from threading import Thread
from typing import Any, Protocol

import numpy as np

from ...errors import ModelError
from ...graph import Constant
from ...graph.operator import Array
from ...types import Type
from .attributes import element_type
from .document import Layer, number

MAX_RANK = 64  # numpy's
ALIGNMENT = 64
SHARED = 1 << 20  # bytes from which on two threads make a digest, each for some hundred microseconds
_SPLIT = ("u3", "u6")  # packed in planes of bits


def open_weights(path: str, mapped: bool = True) -> memoryview:
    """The bytes of a file, mapped read-only, or read into memory. Raises ModelError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ModelError(f"can't open the weights {path!r}: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ModelError(f"the weights {path!r} are not a regular file")
        if found.st_size and mapped:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        return memoryview(file.read())


def read_constant(layer: Layer, weights: memoryview) -> Constant:
    """The constant of a layer; its memory is that of the weights where they are aligned. Raises ModelError."""
    data = layer.element.find("data")
    if data is None:
        raise ModelError(f"{layer} has no data")
    try:
        found = element_type(data.get("element_type", ""))
    except KeyError:
        raise ModelError(f"{layer}: expected an element type, got {data.get('element_type')!r}") from None
    shape = _shape(layer, data.get("shape", ""))
    offset, size = number(data, "offset", layer), number(data, "size", layer)
    if offset < 0 or size < 0 or offset + size > len(weights):
        raise ModelError(f"{layer}: bytes {offset} to {offset + size} of weights that have {len(weights)} bytes")
    raw = weights[offset : offset + size]
    constant = _constant(layer, raw, found, shape)
    constant.file_offset = offset
    return constant


def _constant(layer: Layer, raw: memoryview, found: Type, shape: tuple[int, ...]) -> Constant:
    if found is Type.string:
        return Constant.of(_strings(layer, raw, shape), found, shape, layer.name)
    if found is Type.dynamic or found.name in _SPLIT:
        raise ModelError(f"{layer}: constants of type {found.name} are not supported")
    expected = (math.prod(shape) * found.bitwidth + 7) // 8
    if len(raw) != expected:
        raise ModelError(f"{layer}: {found.name}{list(shape)} needs {expected} bytes, its size is {len(raw)}")
    array = _elements(raw, np.dtype(np.uint8) if found.bitwidth < 8 else found.to_dtype())
    if found.bitwidth < 8:
        return Constant.of(array, found, shape, layer.name)
    if found is Type.boolean and array.size and array.view(np.uint8).max() > 1:
        array = array.view(np.uint8) != 0
    try:
        return Constant.of(array.reshape(shape), found, shape, layer.name)
    except ValueError:
        raise ModelError(f"{layer} has shape {list(shape)}, which is too large") from None


def _shape(layer: Layer, text: str) -> tuple[int, ...]:
    items = [item.strip() for item in text.split(",")] if text.strip() else []
    if len(items) > MAX_RANK or not all(item.isascii() and item.isdigit() and len(item) < 20 for item in items):
        raise ModelError(f"{layer} has shape {text!r}; at most {MAX_RANK} dims, none negative")
    return tuple(map(int, items))


def _elements(raw: memoryview, dtype: np.dtype[Any]) -> Array:
    if sys.byteorder == "big" and dtype.itemsize > 1:
        return np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype)
    array = np.frombuffer(raw, dtype)
    return array if array.flags.aligned else array.copy()


def _strings(layer: Layer, raw: memoryview, shape: tuple[int, ...]) -> Array:
    count = math.prod(shape)
    head = 4 * (count + 2)
    if len(raw) < head or int(np.frombuffer(raw[:4], "<i4")[0]) != count:
        raise ModelError(f"{layer}: its {len(raw)} bytes don't hold {count} strings")
    bounds = np.frombuffer(raw[4:head], "<i4").astype(np.int64)
    if bounds[0] != 0 or (np.diff(bounds) < 0).any() or head + bounds[-1] != len(raw):
        raise ModelError(f"{layer}: the offsets of its strings are not within its {len(raw)} bytes")
    text = bytes(raw[head:])
    values = [text[start:end].decode("utf-8", "replace") for start, end in zip(bounds[:-1], bounds[1:], strict=True)]
    return np.array(values, np.str_).reshape(shape)


class Sink(Protocol):
    """A binary stream for weights."""

    def write(self, data: Any, /) -> Any: ...


class WeightsWriter:
    """Writes constants one behind the other; equal bytes are written once."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._end = 0
        self._known: dict[bytes, int] = {}

    def add(self, raw: memoryview | bytes) -> int:
        """The offset at which the bytes lie."""
        key = _digest(raw)
        if key not in self._known:
            padding = -self._end % ALIGNMENT
            self._sink.write(bytes(padding))
            self._sink.write(raw)
            self._known[key] = self._end + padding
            self._end += padding + len(raw)
        return self._known[key]

    def digest(self) -> bytes:
        """A digest of all that was written."""
        return hashlib.sha256(b"".join(self._known)).digest()


def _digest(raw: memoryview | bytes) -> bytes:
    """A digest of bytes and their number; of many, of the digests of both halves, which two threads make at once."""
    size = len(raw).to_bytes(8, "little")
    if len(raw) < SHARED:
        return size + hashlib.sha256(raw).digest()
    first, second = memoryview(raw)[: len(raw) // 2], memoryview(raw)[len(raw) // 2 :]
    found: list[bytes] = []
    helper = Thread(target=lambda: found.append(hashlib.sha256(second).digest()))
    try:
        helper.start()
    except RuntimeError:  # no thread is to be had, as when Python exits
        helper.run()
    whole = hashlib.sha256(hashlib.sha256(first).digest())
    if not found:
        helper.join()
    whole.update(found[0])
    return size + whole.digest()


def constant_bytes(array: Array, found: Type, shape: Sequence[int]) -> memoryview | bytes:
    """The elements of a constant as the .bin holds them. Raises ModelError for a type that is not written."""
    if found is Type.string:
        return _string_bytes(array)
    if found.name in _SPLIT:
        raise ModelError(f"constants of type {found.name} can't be written")
    if sys.byteorder == "big" and array.dtype.itemsize > 1:
        array = array.astype(array.dtype.newbyteorder("<"))
    expected = (math.prod(shape) * found.bitwidth + 7) // 8
    return np.asarray(array, order="C").reshape(-1).view(np.uint8).data[:expected] if expected else b""


def _string_bytes(array: Array) -> bytes:
    values = [value if isinstance(value, bytes) else str(value).encode() for value in array.ravel().tolist()]
    bounds = np.cumsum([0, *map(len, values)])
    return np.array([len(values), *bounds], "<i4").tobytes() + b"".join(values)
