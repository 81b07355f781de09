"""From a file or bytes to a ModelProto."""

from __future__ import annotations

import os
from typing import Any

from ...errors import ModelError

MAX_BYTES = 2**31 - 1  # what a protobuf message may hold


def read_bytes(path: str) -> bytes:
    """The bytes of a model file. Raises ModelError when it can't be read."""
    try:
        with open(path, "rb") as file:
            if (size := os.fstat(file.fileno()).st_size) > MAX_BYTES:
                raise ModelError(f"{path!r} has {size} bytes; an ONNX file has at most {MAX_BYTES}")
            return file.read()
    except OSError as error:
        raise ModelError(f"can't read {path!r}: {error.strerror}") from None


def parse(content: bytes, label: str) -> Any:
    """The ModelProto in `content`; `label` names the source in errors."""
    try:
        import onnx
    except ImportError:
        raise RuntimeError(
            "reading ONNX models needs the onnx package: pip install ovlite[onnx], "
            "or convert the model to an OpenVINO .xml file"
        ) from None
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(content)
    except DecodeError:
        raise ModelError(f"{label} is not an ONNX model, or is cut short: {len(content)} bytes don't parse") from None
    if not proto.HasField("graph"):
        raise ModelError(f"{label} is not an ONNX model: it holds no graph ({len(content)} bytes)")
    if not proto.opset_import:
        raise ModelError(f"{label} names no operator set (opset_import is empty)")
    return proto
