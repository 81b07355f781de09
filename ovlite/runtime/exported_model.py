"""Exported models: bytes from which a compiled model is made again.

A header of 128 bytes (magic, format, lengths of the sections, SHA-256 of all behind it), then three sections, each
padded to 64 bytes: the version of ovlite and the properties as JSON, then the .xml and the .bin of an OpenVINO IR.
Nothing in them is code.
"""

from __future__ import annotations

import hashlib
import json
import struct
from typing import Any, NamedTuple

from ..frontend.ir import canonical_digest, read_ir, to_bytes
from ..graph import Model
from ..version import get_version
from .config import Config

MAGIC = b"ovlite\r\n"
FORMAT = 1
_HEADER = struct.Struct("<8sQQQQ32s")
_ALIGNMENT = 64
_WRONG = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)


class Blob(NamedTuple):
    """An exported model: the model, the properties it was compiled with, and the version that wrote it."""

    model: Model
    properties: dict[str, Any]
    version: str


def pack(model: Model, config: Config) -> bytes:
    """The exported form of a model and the properties that are set."""
    about = json.dumps({"version": get_version(), "properties": config.exported()}, sort_keys=True).encode()
    sections = (about, *to_bytes(model))
    payload = b"".join(part for section in sections for part in (section, bytes(-len(section) % _ALIGNMENT)))
    header = _HEADER.pack(MAGIC, FORMAT, *map(len, sections), hashlib.sha256(payload).digest())
    return header.ljust(2 * _ALIGNMENT, b"\0") + payload


def unpack(data: bytes) -> Blob:
    """Reads what `pack` made. RuntimeError for anything else."""
    if len(data) < 2 * _ALIGNMENT or not data.startswith(MAGIC):
        raise RuntimeError(f"these {len(data)} bytes are not a model that export_model() made")
    _, found, *lengths, digest = _HEADER.unpack_from(data)
    if found != FORMAT:
        raise RuntimeError(f"the exported model has format {found}; {FORMAT} is read here. Compile the model anew")
    payload = memoryview(data)[2 * _ALIGNMENT :]
    if sum(length + -length % _ALIGNMENT for length in lengths) != len(payload):
        raise RuntimeError(f"the exported model is cut short, or has more than its sections: {len(data)} bytes")
    if hashlib.sha256(payload).digest() != digest or any(data[_HEADER.size : 2 * _ALIGNMENT]):
        raise RuntimeError("the exported model is damaged: its bytes are not those that were written")
    sections = []
    for length in lengths:
        sections.append(payload[:length])
        payload = payload[length + -length % _ALIGNMENT :]
    try:
        about = json.loads(bytes(sections[0]))
        properties, version = dict(about["properties"]), str(about["version"])
        model = read_ir(bytes(sections[1]), sections[2])
    except _WRONG as error:
        raise RuntimeError(f"the exported model is damaged: {error}") from error
    return Blob(model, properties, version)


def key(model: Model, config: Config) -> str:
    """A name for what compiling gives: equal for equal graphs, constants, properties and versions of ovlite.

    Names that nodes were given by counting do not matter.
    """
    about = json.dumps({"version": get_version(), "format": FORMAT, "properties": config.exported()}, sort_keys=True)
    return hashlib.sha256(about.encode() + canonical_digest(model)).hexdigest()[:40]
