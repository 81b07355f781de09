"""OpenVINO IR, versions 10 and 11: an .xml with the graph and a .bin with its constants."""

from __future__ import annotations

import os
from pathlib import Path

from ...errors import ModelError
from ...graph import Model
from ..limits import Limits
from .files import canonical_digest, replaced, save_model, serialize, to_bytes
from .reading import Custom, read_network
from .weights import WeightsWriter, constant_bytes, open_weights
from .writing import write_network

Source = str | os.PathLike[str] | bytes
Weights = str | os.PathLike[str] | bytes | memoryview

__all__ = [
    "Custom", "WeightsWriter", "canonical_digest", "constant_bytes", "open_weights", "read_bytes", "read_ir",
    "replaced", "save_model", "serialize", "to_bytes", "write_network",
]  # fmt: skip


def read_ir(
    source: Source, weights: Weights | None = None, *, mapped: bool = True, custom: Custom | None = None,
    limits: Limits = Limits(),
) -> Model:  # fmt: skip
    """The model of an IR at a path or in bytes.

    weights: the constants, at a path or in memory; by default the .bin beside the .xml where there is one, nothing
        for bytes.
    mapped: files are mapped, and constants read from them when they are used; else they are read at once.
    custom: see reading.Custom.
    """
    if isinstance(source, bytes):
        return read_network(source, _memory(weights, mapped), custom or {}, limits)
    try:
        text = Path(source).read_bytes()
    except OSError as error:
        raise ModelError(f"can't read {os.fspath(source)!r}: {error.strerror}") from None
    beside = Path(source).with_suffix(".bin")
    weights = beside if weights is None and beside.exists() else weights
    try:
        return read_network(text, _memory(weights, mapped), custom or {}, limits)
    except ModelError as error:
        raise ModelError(f"{os.fspath(source)!r}: {error}") from None


def read_bytes(document: bytes, weights: bytes) -> Model:
    """The model that `to_bytes` wrote."""
    return read_network(document, memoryview(weights), {})


def _memory(weights: Weights | None, mapped: bool) -> memoryview:
    if weights is None:
        return memoryview(b"")
    if isinstance(weights, (bytes, memoryview)):
        return memoryview(weights)
    return open_weights(os.fspath(weights), mapped)
