"""Exported models: bytes from which a compiled model is made again.

A header of 128 bytes (magic, format, lengths of the sections, SHA-256 of all behind it), then three sections, each
padded to 64 bytes: the version of ovlite and the properties as JSON, then the .xml and the .bin of an OpenVINO IR.
Nothing in them is code. A model that is exported without weights has "weights" in the JSON, see weightless.py. A sealed
one has one section, of bytes that a program's function decrypts to such a file.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import kernels
from ..graph import Model
from ..version import get_version
from .config import Config
from .sealing import Callbacks, opened, sealed

if TYPE_CHECKING:
    from .weightless import Source

MAGIC = b"ovlite\r\n"
FORMAT = 1
SEALED = 0x5EA1ED
_HEADER = struct.Struct("<8sQQQQ32s")
_ALIGNMENT = 64
_WRONG = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)


class Blob(NamedTuple):
    """An exported model: the model, the properties it was compiled with, and the version that wrote it."""

    model: Model
    properties: dict[str, Any]
    version: str


def pack(model: Model, config: Config, *, plain: bool = False) -> bytes:
    """The exported form of a model and the properties that are set.

    plain: with all weights and readable for everybody, whatever the properties say.
    """
    from ..frontend.ir import to_bytes

    about: dict[str, Any] = {"version": get_version(), "properties": config.exported()}
    if config.weightless() and not plain:
        from .weightless import taken_apart

        document, weights, about["weights"] = taken_apart(model)
    else:
        document, weights = to_bytes(model)
    whole = _written(FORMAT, [json.dumps(about, sort_keys=True).encode(), document, weights])
    callbacks = config.callbacks()
    if callbacks is None or plain:
        return whole
    return _written(SEALED, [sealed(callbacks, whole), b"", b""])


def _written(kind: int, sections: Sequence[bytes]) -> bytes:
    import hashlib

    payload = b"".join(part for section in sections for part in (section, bytes(-len(section) % _ALIGNMENT)))
    header = _HEADER.pack(MAGIC, kind, *map(len, sections), hashlib.sha256(payload).digest())
    return header.ljust(2 * _ALIGNMENT, b"\0") + payload


def unpack(data: bytes, callbacks: Callbacks | None = None, source: Source | None = None) -> Blob:
    """Reads what `pack` made. RuntimeError for anything else.

    callbacks: what decrypts a sealed model. source: the weights of one that has none.
    """
    from ..frontend.ir import read_ir
    from .weightless import put_together

    kind, sections = _read(data)
    if kind == SEALED:
        if callbacks is None:
            raise RuntimeError("the exported model is encrypted; pass CACHE_ENCRYPTION_CALLBACKS, as when it was made")
        try:
            kind, sections = _read(opened(callbacks, bytes(sections[0])))
        except RuntimeError as error:
            raise RuntimeError(
                f"the exported model was not decrypted by CACHE_ENCRYPTION_CALLBACKS: {error}"
            ) from error
    if kind != FORMAT:
        raise RuntimeError(f"the exported model has format {kind}; {FORMAT} is read here. Compile the model anew")
    try:
        about = json.loads(bytes(sections[0]))
        properties, version = dict(about["properties"]), str(about["version"])
        apart = about.get("weights")
        weights = sections[2] if apart is None else memoryview(put_together(sections[2], apart, source))
        model = read_ir(bytes(sections[1]), weights)
    except _WRONG as error:
        raise RuntimeError(f"the exported model is damaged: {error}") from error
    return Blob(model, properties, version)


def _read(data: bytes) -> tuple[int, list[memoryview]]:
    """The format and the sections. RuntimeError when they are not as they were written."""
    import hashlib

    if len(data) < 2 * _ALIGNMENT or not data.startswith(MAGIC):
        raise RuntimeError(f"these {len(data)} bytes are not a model that export_model() made")
    _, kind, *lengths, digest = _HEADER.unpack_from(data)
    if kind not in (FORMAT, SEALED):
        raise RuntimeError(f"the exported model has format {kind}; {FORMAT} is read here. Compile the model anew")
    payload = memoryview(data)[2 * _ALIGNMENT :]
    if sum(length + -length % _ALIGNMENT for length in lengths) != len(payload):
        raise RuntimeError(f"the exported model is cut short, or has more than its sections: {len(data)} bytes")
    if hashlib.sha256(payload).digest() != digest or any(data[_HEADER.size : 2 * _ALIGNMENT]):
        raise RuntimeError("the exported model is damaged: its bytes are not those that were written")
    sections = []
    for length in lengths:
        sections.append(payload[:length])
        payload = payload[length + -length % _ALIGNMENT :]
    return kind, sections


def key(model: Model, config: Config) -> str:
    """A name for what compiling gives: equal for equal graphs, constants, properties, levels and versions of ovlite.

    Names that nodes were given by counting do not matter.
    """
    import hashlib

    from ..frontend.ir import canonical_digest

    return hashlib.sha256(about(config).encode() + canonical_digest(model)).hexdigest()[:40]


def about(config: Config) -> str:
    """All that a compiled model depends on but the model."""
    found = {"version": get_version(), "level": kernels.level(), "properties": config.exported()}
    return json.dumps(found, sort_keys=True)
