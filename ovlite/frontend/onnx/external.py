"""Tensor data in files beside a model.

A model file is not trusted. Data is read only from regular files inside the model's own folder: no
absolute path, no `..`, no symbolic link that leads out, and no file with a second name (a hard
link), which could be any file of the same disk.
"""

from __future__ import annotations

import mmap
import os
import stat

from ...errors import ModelError
from .messages import TensorProto

KEYS = frozenset({"location", "offset", "length", "checksum"})


class ExternalData:
    """The files that the model at `path` may read from; None for a model without a folder.

    mapped: they are mapped read-only, not read into memory.
    """

    def __init__(self, path: str | None, *, mapped: bool = True) -> None:
        self._mapped = mapped
        self._roots: set[str] = set()
        self._folder = ""
        if path is not None:
            self._folder = os.path.dirname(os.path.abspath(path))
            # A model that is itself a link keeps its data beside the file it leads to.
            self._roots = {os.path.realpath(self._folder), os.path.dirname(os.path.realpath(path))}
        self._maps: dict[str, memoryview] = {}

    def read(self, tensor: TensorProto, size: int) -> memoryview:
        """The `size` bytes that belong to `tensor`. Raises ModelError."""
        entries = _entries(tensor)
        if not self._roots:
            raise ModelError(
                f"tensor {tensor.name!r} lies in the file {entries['location']!r}, which a model read from bytes "
                "can't reach; read the model from its path"
            )
        content = self._open(tensor.name, entries["location"])
        offset = _number(tensor.name, entries, "offset", 0)
        length = _number(tensor.name, entries, "length", size if "length" not in entries else None)
        if length != size:
            raise ModelError(f"tensor {tensor.name!r}: expected an external length of {size} bytes, got {length}")
        if offset + length > len(content):
            raise ModelError(
                f"tensor {tensor.name!r}: bytes {offset} to {offset + length} of {entries['location']!r}, "
                f"which has {len(content)} bytes"
            )
        return content[offset : offset + length]

    def _open(self, tensor: str, location: str) -> memoryview:
        if location not in self._maps:
            self._maps[location] = _content(tensor, location, self._resolve(tensor, location), self._mapped)
        return self._maps[location]

    def _resolve(self, tensor: str, location: str) -> str:
        """The real path of an allowed location."""
        odd = "\0" in location or "\\" in location
        if not location or odd or location.startswith("/") or ".." in location.split("/"):
            raise ModelError(
                f"tensor {tensor!r}: external location {location!r} is refused; it must be a relative path without '..'"
            )
        real = os.path.realpath(os.path.join(self._folder, location))
        if not any(os.path.commonpath([root, real]) == root for root in self._roots):
            raise ModelError(f"tensor {tensor!r}: external location {location!r} leads out of the model's folder")
        return real


def _entries(tensor: TensorProto) -> dict[str, str]:
    entries = {entry.key: entry.value for entry in tensor.external_data if entry.key in KEYS}
    if "location" not in entries:
        raise ModelError(f"tensor {tensor.name!r} is external but names no location")
    return entries


def _number(tensor: str, entries: dict[str, str], key: str, default: int | None) -> int:
    text = entries.get(key, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ModelError(f"tensor {tensor!r}: expected external {key} to be a number of bytes, got {text!r}")
    return int(text)


def _content(tensor: str, location: str, path: str, mapped: bool) -> memoryview:
    """All bytes of a file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ModelError(f"tensor {tensor!r}: can't open its external data {location!r}: {error.strerror}") from None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ModelError(f"tensor {tensor!r}: external data {location!r} is not a regular file")
        if found.st_nlink > 1:
            raise ModelError(f"tensor {tensor!r}: external data {location!r} is a hard link, which is refused; copy it")
        if not mapped or not found.st_size:
            with open(descriptor, "rb", closefd=False) as file:
                return memoryview(file.read())
        return memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
    finally:
        os.close(descriptor)
