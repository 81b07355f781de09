"""Model files, and bytes of them, into Models."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ModelError
from ..graph.garbage import uncollected
from ..imports import forks_wait
from .limits import Limits

if TYPE_CHECKING:
    from ..graph import Model
    from .ir import Custom

Source = str | os.PathLike[str] | bytes


@uncollected()
@forks_wait()
def read_model(
    source: Source, weights: Source | None = None, *, mapped: bool = True, custom: Custom | None = None,
    extensions: Sequence[Any] = (), limits: Limits = Limits(),
) -> Model:  # fmt: skip
    """The model in a file or in bytes, ONNX or OpenVINO IR by what it holds.

    weights: an IR's constants, path or bytes; by default the .bin beside an .xml, and nothing for bytes.
    mapped: constants are mapped from their files, not read into memory.
    custom: makers of nodes for operations that users add to IRs, by type.
    extensions: for operators of ONNX models, see extensions.py.
    limits: of nodes and nesting.
    Raises ModelError when the source can't be read as either.
    """
    if is_xml(source):
        from .ir import read_ir

        return read_ir(source, weights, mapped=mapped, custom=custom, limits=limits)
    if weights is not None:
        raise ModelError("weights go with the .xml of an OpenVINO IR; the model given is not one")
    from .onnx import read_onnx

    if not extensions:
        return read_onnx(source, mapped=mapped, limits=limits)
    from .extensions import conversions

    return read_onnx(source, conversions(extensions), mapped=mapped, limits=limits)


def is_xml(source: Source) -> bool:
    """Return whether the first character that counts opens an XML document."""
    if isinstance(source, bytes):
        head = source[:64]
    else:
        path = os.fspath(source)
        if os.path.isdir(path):
            raise ModelError(f"expected a model, got the directory {path!r}")
        try:
            with open(path, "rb") as file:
                head = file.read(64)
        except OSError as error:
            raise ModelError(f"can't read {path!r}: {error.strerror}") from None
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")
