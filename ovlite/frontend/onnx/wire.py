"""Weights taken out of a model's bytes before these are parsed.

A parsed message holds a copy of all its bytes, and gives out another of each tensor's. For a model
that is mostly weights that is three times its size. So the raw_data of the main graph's initializers
is cut out of the message first, and only what remains is parsed.

Source: the encoding of protocol buffers. Every field is a varint of its number and wire type, and a
value; strings, bytes and messages are a varint of their length, and so many bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

GRAPH, INITIALIZER, RAW_DATA = 7, 5, 9  # field numbers in ModelProto, GraphProto, TensorProto
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types
SMALL = 1024  # bytes of raw_data that are left where they are


class Malformed(ValueError):
    """The bytes are not an encoded message."""


class Field(NamedTuple):
    """A field from `start` to `end`; the value of a field of wire type BYTES starts at `value`."""

    number: int
    kind: int
    start: int
    value: int
    end: int


def without_weights(content: memoryview) -> tuple[bytes | memoryview, list[memoryview | None]]:
    """The bytes without large raw_data, and for each initializer of the main graph the raw_data taken from it.

    Bytes that are not those of a model, or are in an unusual order, come back as they are with an empty list.
    """
    try:
        graphs = [field for field in _fields(content, 0, len(content)) if field.number == GRAPH]
        if len(graphs) != 1 or graphs[0].kind != BYTES:
            return content, []
        parts, taken = _graph(content, graphs[0])
    except Malformed:
        return content, []
    length = sum(len(part) for part in parts)
    head, tail = content[: graphs[0].start], content[graphs[0].end :]
    return b"".join([head, _header(GRAPH, length), *parts, tail]), taken


def _graph(content: memoryview, graph: Field) -> tuple[list[bytes | memoryview], list[memoryview | None]]:
    """The pieces of a graph without large raw_data, and what was taken from each initializer."""
    parts: list[bytes | memoryview] = []
    taken: list[memoryview | None] = []
    done = graph.value
    for field in _fields(content, graph.value, graph.end):
        if field.number != INITIALIZER or field.kind != BYTES:
            continue
        raw = [part for part in _fields(content, field.value, field.end) if part.number == RAW_DATA]
        if len(raw) != 1 or raw[0].kind != BYTES or raw[0].end - raw[0].value <= SMALL:
            taken.append(None)
            continue
        before, after = content[field.value : raw[0].start], content[raw[0].end : field.end]
        parts += [content[done : field.start], _header(INITIALIZER, len(before) + len(after)), before, after]
        taken.append(content[raw[0].value : raw[0].end])
        done = field.end
    return [*parts, content[done : graph.end]], taken


def _fields(content: memoryview, start: int, end: int) -> Iterator[Field]:
    """The fields of the message from `start` to `end`. Raises Malformed."""
    while start < end:
        tag, value = _varint(content, start, end)
        kind = tag & 7
        if kind == VARINT:
            stop = _varint(content, value, end)[1]
        elif kind == BYTES:
            length, value = _varint(content, value, end)
            stop = value + length
        elif kind in (FIXED64, FIXED32):
            stop = value + (8 if kind == FIXED64 else 4)
        else:
            raise Malformed(f"wire type {kind}")
        if stop > end:
            raise Malformed(f"a field ends at {stop}, its message at {end}")
        yield Field(tag >> 3, kind, start, value, stop)
        start = stop


def _varint(content: memoryview, start: int, end: int) -> tuple[int, int]:
    """A number of seven bits a byte, low bits first, and the place behind it."""
    number = 0
    for i in range(start, min(end, start + 10)):
        number |= (content[i] & 0x7F) << (7 * (i - start))
        if content[i] < 0x80:
            return number, i + 1
    raise Malformed("a number without end")


def _header(number: int, length: int) -> bytes:
    """The start of a field of wire type BYTES."""
    header = bytearray([number << 3 | BYTES])
    while length >= 0x80:
        header.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([*header, length])
