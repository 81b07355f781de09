"""The encoding of protocol buffers: messages from bytes, without a copy of what is large, and back.

A message is a sequence of fields: a varint of the field's number and wire type, and a value. Texts, bytes, packed
numbers and messages are a varint of their length, and so many bytes. A varint is a number of seven bits a byte, low
bits first. A field that comes again replaces a number, adds to a list, and is merged into a message. Fields that a
message does not know, and known ones of another wire type, are passed over.
Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types
MAX_DEPTH = 100  # messages in messages, as protobuf has it
SMALL = 4096  # bytes of a message that are copied: bytes are quicker to take apart than views of them
_FEW = 64  # bytes of packed numbers that a plain loop takes apart
_MASK = 0xFFFFFFFFFFFFFFFF

Content = bytes | memoryview
Reader = Callable[[dict[str, Any], Any, int], None]  # puts a field's value into a message's dict, at a depth
Plain = tuple[str, Callable[[Any], Any], bool]  # the same of most fields: name, Kind.read, whether it is a list
Self = TypeVar("Self", bound="Message")


class Malformed(ValueError):
    """The bytes are not an encoded message."""


class Kind(NamedTuple):
    """The type of a field's values. dtype: of many packed together, "" where they are no numbers.

    read: the value of a varint, or of bytes; write: the bytes of a value that is no varint.
    """

    wire: int
    dtype: str
    default: Any
    read: Callable[[Any], Any]
    write: Callable[[Any], Any]


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def _signed32(number: int) -> int:
    return ((number & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


_FLOAT, _DOUBLE = struct.Struct("<f"), struct.Struct("<d")
INT32 = Kind(VARINT, "<i4", 0, _signed32, int)  # enumerations too
INT64 = Kind(VARINT, "<i8", 0, _signed, int)
UINT64 = Kind(VARINT, "<u8", 0, int, int)
FLOAT32 = Kind(FIXED32, "<f4", 0.0, lambda content: _FLOAT.unpack(content)[0], _FLOAT.pack)
FLOAT64 = Kind(FIXED64, "<f8", 0.0, lambda content: _DOUBLE.unpack(content)[0], _DOUBLE.pack)
TEXT = Kind(BYTES, "", "", lambda content: str(content, "utf-8"), str.encode)
RAW = Kind(BYTES, "", b"", lambda content: content, bytes)  # a view of the message's own bytes, where it is large
MESSAGE = Kind(BYTES, "", None, lambda content: content, lambda message: message.encoded())


class Field:
    """A field of a message. many: "" for one value, "list", or "array" for numbers that are kept as numpy has them.

    message: the class of its value, by name.
    """

    def __init__(self, number: int, kind: Kind, many: str = "", message: str = "") -> None:
        self.number, self.kind, self.many, self.message = number, kind, many, message
        self.name = ""

    def readers(self, others: Sequence[str]) -> dict[int, Reader | Plain]:
        """How the field is read, by tag. others: fields that setting this one unsets."""
        name, kind, tag = self.name, self.kind, self.number << 3
        if self.message:
            one = _messages_reader(name, self.message) if self.many else _message_reader(name, self.message, others)
            return {tag | BYTES: one}
        if not self.many:
            return {tag | kind.wire: _value_reader(name, kind, others) if others else (name, kind.read, False)}
        one_more = (name, kind.read, True)
        if not kind.dtype:
            return {tag | kind.wire: one_more}
        if self.many == "array":
            return {tag | kind.wire: _array_reader(name, kind), tag | BYTES: _packed_array_reader(name, kind)}
        return {tag | kind.wire: one_more, tag | BYTES: _packed_reader(name, kind)}

    def default(self) -> Any:
        """What a message has under the field's name when the field is left out."""
        return () if self.many else Absent(self.message) if self.message else self.kind.default

    def encoded(self, value: Any) -> bytes:
        """The field with one value."""
        head = _as_varint(self.number << 3 | self.kind.wire)
        if self.kind.wire == VARINT:
            return head + _as_varint(int(value) & _MASK)
        content: bytes = self.kind.write(value)
        return head + (_as_varint(len(content)) if self.kind.wire == BYTES else b"") + content


class Absent:
    """A message that is left out of another: one without fields."""

    def __init__(self, message: str) -> None:
        self._message = message

    def __get__(self, instance: object, owner: object) -> Message:
        return Message.classes[self._message]()


class Message:
    """Base of messages. A class attribute that is a Field makes an attribute of the instances, with its value.

    A field that is left out has its type's default: 0, an empty text, (), or a message without fields.
    """

    oneof: ClassVar[tuple[str, ...]] = ()  # fields of which at most one is set
    classes: ClassVar[dict[str, type[Message]]] = {}
    _fields: ClassVar[Sequence[Field]] = ()
    _arrays: ClassVar[Sequence[Field]] = ()
    _readers: ClassVar[dict[int, Reader | Plain]] = {}

    def __init_subclass__(cls) -> None:
        Message.classes[cls.__name__] = cls
        fields = {name: value for name, value in vars(cls).items() if isinstance(value, Field)}
        cls._readers = {}
        for name, field in fields.items():
            field.name = name
            others = [other for other in cls.oneof if other != name] if name in cls.oneof else []
            cls._readers |= field.readers(others)
            setattr(cls, name, field.default())
        cls._fields = sorted(fields.values(), key=lambda field: field.number)
        cls._arrays = [field for field in cls._fields if field.many == "array"]

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def has(self, name: str) -> bool:
        """Return whether a field is set."""
        return name in self.__dict__

    def which(self) -> str | None:
        """The name of the field that is set, of those of which at most one is."""
        return next((name for name in self.oneof if name in self.__dict__), None)

    def but(self: Self, **values: Any) -> Self:
        """A message of the same fields but these. The messages inside are shared."""
        return type(self)(**{**self.__dict__, **values})

    @classmethod
    def decoded(cls: type[Self], content: Content) -> Self:
        """The message that bytes hold. Raises Malformed."""
        message = cls()
        try:
            message.merge(content, 0)
        except IndexError:
            raise Malformed("the bytes end within a field") from None
        except UnicodeDecodeError as error:
            raise Malformed(f"a text is not UTF-8: {error}") from None
        return message

    def merge(self, content: Content, depth: int) -> None:
        """Adds the fields that bytes hold. Raises Malformed, IndexError and UnicodeDecodeError."""
        if depth > MAX_DEPTH:
            raise Malformed(f"messages are nested more than {MAX_DEPTH} deep")
        if len(content) <= SMALL:
            content = bytes(content)
        values, readers = self.__dict__, self._readers
        place, end = 0, len(content)
        while place < end:
            tag = content[place]
            place += 1
            if tag >= 0x80:
                tag, place = _varint(content, place - 1)
            wire = tag & 7
            if wire in (VARINT, BYTES):
                value: Any = content[place]
                place += 1
                if value >= 0x80:
                    value, place = _varint(content, place - 1)
            else:
                value = _fixed(wire)
            if wire != VARINT:
                start, place = place, place + value
                if place > end:
                    raise Malformed(f"a field ends at {place}, its message at {end}")
                value = content[start:place]
            read = readers.get(tag)
            if isinstance(read, tuple):
                name, take, many = read
                if not many:
                    values[name] = take(value)
                elif name in values:
                    values[name].append(take(value))
                else:
                    values[name] = [take(value)]
            elif read is not None:
                read(values, value, depth)
            elif not 0 < tag >> 3 < 1 << 29:
                raise Malformed(f"a field of number {tag >> 3}")
        for field in self._arrays:
            chunks = values.get(field.name)
            if isinstance(chunks, list):
                values[field.name] = _joined(chunks, field.kind.dtype)

    def encoded(self) -> bytes:
        """The bytes of the message, with its fields by number."""
        values = self.__dict__
        return b"".join(
            field.encoded(item)
            for field in self._fields
            if field.name in values
            for item in (values[field.name] if field.many else [values[field.name]])
        )


def _value_reader(name: str, kind: Kind, others: Sequence[str]) -> Reader:
    take = kind.read

    def read(values: dict[str, Any], value: Any, depth: int) -> None:
        values[name] = take(value)
        for other in others:
            values.pop(other, None)

    return read


def _message_reader(name: str, message: str, others: Sequence[str]) -> Reader:
    def read(values: dict[str, Any], value: Any, depth: int) -> None:
        if name not in values:
            values[name] = Message.classes[message]()
        values[name].merge(value, depth + 1)
        for other in others:
            values.pop(other, None)

    return read


def _messages_reader(name: str, message: str) -> Reader:
    def read(values: dict[str, Any], value: Any, depth: int) -> None:
        made = Message.classes[message]()
        made.merge(value, depth + 1)
        if name in values:
            values[name].append(made)
        else:
            values[name] = [made]

    return read


def _packed_reader(name: str, kind: Kind) -> Reader:
    def read(values: dict[str, Any], value: Any, depth: int) -> None:
        values.setdefault(name, []).extend(_packed(kind, value).tolist())

    return read


def _packed_array_reader(name: str, kind: Kind) -> Reader:
    def read(values: dict[str, Any], value: Any, depth: int) -> None:
        _chunks(values, name).append(_packed(kind, value))

    return read


def _array_reader(name: str, kind: Kind) -> Reader:
    """For numbers of an array that are not packed. They are gathered in lists among the array's parts."""
    take = kind.read

    def read(values: dict[str, Any], value: Any, depth: int) -> None:
        chunks = _chunks(values, name)
        if not chunks or not isinstance(chunks[-1], list):
            chunks.append([])
        chunks[-1].append(take(value))

    return read


def _chunks(values: dict[str, Any], name: str) -> list[Any]:
    """The parts of an array that is being read."""
    held = values.setdefault(name, [])
    if not isinstance(held, list):
        held = values[name] = [held]
    return held


def _joined(chunks: Sequence[Any], dtype: str) -> npt.NDArray[Any]:
    arrays = [np.asarray(chunk, dtype) for chunk in chunks]
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _fixed(wire: int) -> int:
    """The bytes of a value of a wire type that has so many. Raises Malformed for one that has not."""
    if wire not in (FIXED32, FIXED64):
        raise Malformed(f"wire type {wire}")
    return 4 if wire == FIXED32 else 8


def _varint(content: Content, place: int) -> tuple[int, int]:
    """A number, and the place behind it."""
    number = 0
    for i in range(10):
        byte = content[place + i]
        number |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return number & _MASK, place + i + 1
    raise Malformed("a number of more than 10 bytes")


def _packed(kind: Kind, content: Content) -> npt.NDArray[Any]:
    """Numbers one after the other, without tags."""
    if kind.wire == VARINT:
        numbers = _few(content) if len(content) <= _FEW else _varints(content)
        return numbers.view("<i8").astype(kind.dtype) if kind is INT32 else numbers.view(kind.dtype)
    if len(content) % np.dtype(kind.dtype).itemsize:
        raise Malformed(f"{len(content)} bytes of packed numbers")
    return np.frombuffer(content, kind.dtype)


def _few(content: Content) -> npt.NDArray[np.uint64]:
    numbers, place = [], 0
    while place < len(content):
        number, place = _varint(content, place)
        numbers.append(number)
    return np.array(numbers, np.uint64)


def _varints(content: Content) -> npt.NDArray[np.uint64]:
    """The numbers in bytes that are all varints."""
    data = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero(data < 0x80) + 1
    if not len(ends) or ends[-1] != len(data):
        raise Malformed("the bytes end within a number")
    starts = np.concatenate([[0], ends[:-1]])
    lengths = ends - starts
    longest = int(lengths.max())
    if longest > 10:
        raise Malformed("a number of more than 10 bytes")
    numbers = np.zeros(len(ends), np.uint64)
    for i in range(longest):
        longer = np.flatnonzero(lengths > i)
        numbers[longer] |= (data[starts[longer] + i] & 0x7F).astype(np.uint64) << np.uint64(7 * i)
    return numbers


def _as_varint(number: int) -> bytes:
    parts = bytearray()
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])
