"""From a file or bytes to a ModelProto."""

from __future__ import annotations

import mmap
import os
import stat
from typing import Any

from ...errors import ModelError
from .wire import without_weights

MAX_BYTES = 2**31 - 1  # what a protobuf message may hold


def file_bytes(path: str) -> memoryview:
    """The bytes of a model file, mapped read-only. Raises ModelError when it can't be read."""
    try:
        with open(path, "rb") as file:
            found = os.fstat(file.fileno())
            if found.st_size > MAX_BYTES:
                raise ModelError(f"{path!r} has {found.st_size} bytes; an ONNX file has at most {MAX_BYTES}")
            if not stat.S_ISREG(found.st_mode) or not found.st_size:
                return memoryview(file.read())
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise ModelError(f"can't read {path!r}: {error.strerror}") from None


def parse(content: memoryview, label: str) -> tuple[Any, list[memoryview | None]]:
    """The ModelProto in `content`, and raw_data that was left out of it, by the place of its initializer.

    label: what errors call the source.
    """
    try:
        import onnx
    except ImportError:
        raise RuntimeError(
            "reading ONNX models needs the onnx package: pip install ovlite[onnx], "
            "or convert the model to an OpenVINO .xml file"
        ) from None
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    proto = onnx.ModelProto()
    message, weights = without_weights(content)
    try:
        proto.ParseFromString(bytes(message))
    except DecodeError:
        raise ModelError(f"{label} is not an ONNX model, or is cut short: {len(content)} bytes don't parse") from None
    if not proto.HasField("graph"):
        raise ModelError(f"{label} is not an ONNX model: it holds no graph ({len(content)} bytes)")
    if not proto.opset_import:
        raise ModelError(f"{label} names no operator set (opset_import is empty)")
    return proto, weights
