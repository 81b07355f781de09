"""Damage: of bytes, of protocol buffers field by field, and of XML attribute by attribute."""

from __future__ import annotations

import contextlib
import hashlib
import json
import struct
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any
from xml.etree import ElementTree

from ovlite.kernels.runtime.block import checksum

NUMBERS = (0, 1, -1, 2, 3, 7, 16, 64, 255, 256, 65536, 100_003, 2**31 - 1, 2**31, 2**32, 2**40, 2**62, 2**63 - 1,
           -(2**31), -(2**63))  # fmt: skip
REALS = (0.0, -0.0, 0.5, -1.0, 1e-30, 1e30, -1e30, 3.4e38, float("inf"), float("-inf"), float("nan"))
TEXTS = ("", "x", "none", "0", "-1", "Add", "Identity", "Loop", "é", "a" * 300, "../x", "%s%n", "ai.onnx.ml")


def damaged_bytes(data: bytes, other: bytes, random: Random) -> bytes:
    """One to four random changes; `other` is a second seed to splice with."""
    content = bytearray(data)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(content) + 1)
        length = min(random.choice((1, 1, 2, 4, 8, 32)), len(content) - at)
        change = random.randrange(6)
        if change == 0 and at < len(content):
            content[at] ^= 1 << random.randrange(8)
        elif change == 1:
            content[at : at + length] = random.choice(NUMBERS).to_bytes(9, "little", signed=True)[:length]
        elif change == 2:
            del content[at : at + length]
        elif change == 3:
            content[at:at] = content[at : at + length]
        elif change == 4:
            start = random.randrange(len(other) + 1)
            content[at:at] = other[start : start + random.choice((4, 16, 64))]
        else:
            del content[at:]
    return bytes(content)


def damaged_message(data: bytes, other: bytes, random: Random) -> bytes:
    """A model in which one to three fields are set to other values, repeated, left out, or taken from `other`."""
    import onnx

    model, second = onnx.ModelProto.FromString(data), onnx.ModelProto.FromString(other)
    if random.random() < 0.2:
        model.graph.node.extend(second.graph.node)
    for _ in range(random.randint(1, 3)):
        message: Any = model.graph
        while parts := [part for _, value in message.ListFields() for part in _messages(value)]:
            if random.random() < 0.25:
                break
            message = random.choice(parts)
        _change_field(message, random)
    return model.SerializeToString()


def _messages(value: Any) -> list[Any]:
    parts = list(value) if hasattr(value, "__len__") and not isinstance(value, (str, bytes)) else [value]
    return [part for part in parts if hasattr(part, "ListFields")]


def _change_field(message: Any, random: Random) -> None:
    fields = message.ListFields()
    if not fields:
        return
    descriptor, value = random.choice(fields)
    name = descriptor.name
    if random.random() < 0.1:
        message.ClearField(name)
    elif hasattr(value, "ListFields"):
        value.CopyFrom(type(value)())
    elif isinstance(value, (str, bytes, int, float)):
        with contextlib.suppress(ValueError):  # of an enumeration or a narrow type
            setattr(message, name, _another(value, random))
    elif random.random() < 0.3:
        value.extend(list(value) * random.choice((1, 3)))
    elif random.random() < 0.3:
        del value[random.randrange(len(value))]
    elif not hasattr(value[0], "ListFields"):
        with contextlib.suppress(ValueError):
            value[random.randrange(len(value))] = _another(value[0], random)


def _another(value: Any, random: Random) -> Any:
    if isinstance(value, str):
        return random.choice(TEXTS)
    if isinstance(value, bytes):
        return damaged_bytes(value, value, random)
    if isinstance(value, float):
        return random.choice(REALS)
    return random.choice([number for number in NUMBERS if abs(number) < 2**31] if abs(value) < 50 else NUMBERS)


def damaged_document(data: bytes, other: bytes, random: Random) -> bytes:
    """An IR's document in which one to three attributes or elements are others."""
    root = ElementTree.fromstring(data)
    strangers = list(ElementTree.fromstring(other).iter())
    for _ in range(random.randint(1, 3)):
        parent = random.choice(list(root.iter()))
        children = list(parent)
        change = random.random()
        if change < 0.7 and parent.attrib:
            key = random.choice(list(parent.attrib))
            parent.set(key, str(random.choice([*NUMBERS, *REALS, *TEXTS, random.choice(strangers).get(key, "")])))
        elif children and change < 0.8:
            parent.remove(random.choice(children))
        elif children and change < 0.9:
            parent.append(deepcopy(random.choice(children)))
        else:
            parent.append(deepcopy(random.choice(strangers)))
    return ElementTree.tostring(root)


def resealed(blob: bytes, other: bytes, random: Random) -> bytes:
    """An exported model with damaged sections under a digest that is right."""
    header = struct.Struct("<8sQQQQ32s")
    magic, form, *lengths, _ = header.unpack_from(blob)
    body = damaged_bytes(blob[128:], other, random)
    if random.random() < 0.8:
        body = body[: len(blob) - 128].ljust(len(blob) - 128, b"\0")
    sealed = header.pack(magic, form, *lengths, hashlib.sha256(body).digest())
    return sealed.ljust(128, b"\0") + body


def forged(blob: bytes, random: Random) -> bytes:
    """A file of a compiled model in whose document one to three values are others, under a checksum that is right; or
    one of whose elements are."""
    header = struct.Struct("<8sQQQQQ")
    magic, form, elements, length, rest, _ = header.unpack_from(blob)
    held = bytearray(blob[128 : 128 + elements])
    document = json.loads(blob[128 + elements : 128 + elements + length])
    for _ in range(random.randint(1, 3)):
        parent: Any = document
        while isinstance(value := parent[key := random.choice(_keys(parent))], (dict, list)) and _keys(value):
            if random.random() < 0.1:
                break
            parent = value
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            parent[key] = _another(value, random)
        else:
            parent[key] = random.choice((None, True, 0, 2**40, "", [], {}, deepcopy(value)))
    text = json.dumps(document).encode()
    tail = text + blob[128 + elements + length :]
    if random.random() < 0.1:
        held[random.randrange(len(held))] ^= 1
    sealed = header.pack(magic, form, len(held), len(text), rest, checksum(tail))
    return sealed.ljust(128, b"\0") + held + tail


def _keys(value: Any) -> list[Any]:
    return list(value) if isinstance(value, dict) else list(range(len(value)))


Damage = Callable[[bytes, bytes, Random], bytes]
