"""Models into IR files, and into bytes."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ...graph import Model
from .weights import WeightsWriter
from .writing import write_network

_VERSIONS = {"UNSPECIFIED": 11, "IR_V10": 10, "IR_V11": 11}


def save_model(model: Model, output_model: str | os.PathLike[str], compress_to_fp16: bool = True) -> None:
    """Writes a model to an .xml and the .bin beside it; f32 constants as f16 unless told otherwise.

    Missing folders are made. Constants with values that f16 can't hold stay f32. RuntimeError for another suffix.
    """
    _write(model, output_model, "", 11, compress_to_fp16)


def serialize(
    model: Model, xml_path: str | os.PathLike[str], bin_path: str | os.PathLike[str] = "", version: str = "UNSPECIFIED"
) -> None:
    """Writes a model to an .xml and a .bin, by default the one beside it. version: UNSPECIFIED, IR_V10 or IR_V11."""
    if not isinstance(version, str):
        raise TypeError(f"expected version to be a str, got {type(version).__name__}")
    if version not in _VERSIONS:
        raise RuntimeError(f"expected version to be one of {', '.join(_VERSIONS)}, got {version!r}")
    _write(model, xml_path, bin_path, _VERSIONS[version], False)


def to_bytes(model: Model) -> tuple[bytes, bytes]:
    """The .xml and the .bin of a model."""
    document, weights = io.BytesIO(), io.BytesIO()
    write_network(model, document, weights)
    return document.getvalue(), weights.getvalue()


def canonical_digest(model: Model) -> bytes:
    """A digest of a graph and its constants, which names that come from counting have no part in."""
    document, weights = _Digest(), WeightsWriter(_Nowhere())
    write_network(model, document, weights, canonical=True)
    return document.hash.digest() + weights.digest()


class _Digest:
    """A sink that keeps a digest of what is written."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()

    def write(self, data: bytes | memoryview) -> int:
        self.hash.update(data)
        return len(data)


class _Nowhere:
    """A sink of what is not kept."""

    def write(self, data: bytes | memoryview) -> int:
        return len(data)


def _write(
    model: Model, xml_path: str | os.PathLike[str], bin_path: str | os.PathLike[str], version: int, compress: bool
) -> None:
    if not isinstance(model, Model):
        raise TypeError(f"expected a Model to write, got {type(model).__name__}")
    if not isinstance(xml_path, (str, os.PathLike)) or not isinstance(bin_path, (str, os.PathLike)):
        raise RuntimeError("a model is written to paths")
    document = Path(xml_path)
    if document.suffix != ".xml":
        raise RuntimeError(f"the name of an IR ends in .xml; {os.fspath(xml_path)!r} does not")
    weights = Path(bin_path) if os.fspath(bin_path) else document.with_suffix(".bin")
    try:
        document.parent.mkdir(parents=True, exist_ok=True)
        weights.parent.mkdir(parents=True, exist_ok=True)
        with replaced(weights) as second, replaced(document) as first:
            write_network(model, first, second, version=version, compress=compress)
    except OSError as error:
        raise RuntimeError(f"can't write {os.fspath(xml_path)!r}: {error.strerror}") from error


@contextmanager
def replaced(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A new file that takes the place of `path` once it is written: whoever has the old one mapped keeps it."""
    folder, last = os.path.split(path)
    descriptor, name = tempfile.mkstemp(prefix=f".{last}.", dir=folder or ".")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
