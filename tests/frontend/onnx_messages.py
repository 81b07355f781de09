"""Messages of the wire reader held against those of the onnx package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from ovlite.frontend.onnx.wire import Message

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
ENUMERATIONS = {("AttributeProto", "type"): range(15), ("TensorProto", "data_location"): range(2)}


def check_same(mine: Message, theirs: Any) -> None:
    """Asserts that each field that the reader knows is set, and has the value, as in protobuf's message."""
    for name in type(mine).__annotations__:
        if not name.startswith("_") and name != "oneof":
            _check_field(mine, theirs, name)


def _check_field(mine: Message, theirs: Any, name: str) -> None:
    value, other = getattr(mine, name), getattr(theirs, name)
    known = ENUMERATIONS.get((type(mine).__name__, name))
    if known is not None and value not in known:
        return  # protobuf keeps numbers that an enumeration doesn't have elsewhere
    if isinstance(value, Message):
        assert mine.has(name) == theirs.HasField(name), name
        if mine.has(name):
            check_same(value, other)
    elif isinstance(value, (int, float, str, bytes, memoryview)):
        assert mine.has(name) == theirs.HasField(name), name
        assert _plain(value) == _plain(other), name
    else:
        assert len(value) == len(other), name
        if len(value) and isinstance(value[0], Message):
            for one, two in zip(value, other, strict=True):
                check_same(one, two)
        elif isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, np.array(other, value.dtype))
        else:
            assert [*map(_plain, value)] == [*map(_plain, other)], name


def _plain(value: Any) -> Any:
    """Bytes for a view of them, and a text for a number that is none."""
    return bytes(value) if isinstance(value, memoryview) else "nan" if value != value else value


def varint(number: int) -> bytes:
    """A number as protobuf encodes it; negative ones have ten bytes."""
    number &= 2**64 - 1
    parts = []
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def field(number: int, value: Any) -> bytes:
    """An encoded field: a varint of an int, the bytes of bytes, a message of a dict of fields."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, Mapping):
        value = b"".join(field(number, item) for number, item in value.items())
    return varint(number << 3 | 2) + varint(len(value)) + value
