"""From a file or bytes to a ModelProto."""

from __future__ import annotations

import mmap
import os
import stat

from ...errors import ModelError
from .messages import ModelProto
from .wire import Malformed

MAX_BYTES = 2**31 - 1  # what a protobuf message may hold


def file_bytes(path: str, *, mapped: bool = True) -> memoryview:
    """The bytes of a model file, mapped read-only or read into memory. Raises ModelError when it can't be read."""
    try:
        with open(path, "rb") as file:
            found = os.fstat(file.fileno())
            if found.st_size > MAX_BYTES:
                raise ModelError(f"{path!r} has {found.st_size} bytes; an ONNX file has at most {MAX_BYTES}")
            if not (mapped and stat.S_ISREG(found.st_mode) and found.st_size):
                return memoryview(file.read())
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise ModelError(f"can't read {path!r}: {error.strerror}") from None


def parse(content: memoryview, label: str) -> ModelProto:
    """The ModelProto in `content`, of which large weights stay views. label: what errors call the source."""
    try:
        proto = ModelProto.decoded(content)
    except Malformed as error:
        size = len(content)
        raise ModelError(f"{label} is not an ONNX model, or is cut short: {size} bytes don't parse: {error}") from None
    if not proto.has("graph"):
        raise ModelError(f"{label} is not an ONNX model: it holds no graph ({len(content)} bytes)")
    if not proto.opset_import:
        raise ModelError(f"{label} names no operator set (opset_import is empty)")
    return proto
