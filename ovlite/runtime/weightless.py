"""Exported models without the weights that lie in a file: what their .bin is made of, and how it is put together again.

Constants that were read from the .bin of an IR know where they lay in it; only such are left out.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import ModelError
from ..frontend.ir import constant_bytes, open_weights, write_network
from ..graph import Constant, Model

# The bytes at an offset, of a length, of the weights that were left out.
Source = Callable[[int, int], memoryview | bytes]


def _constants(model: Model) -> Iterator[Constant]:
    """The constants of a model that were read from a file, those of bodies too."""
    for node in model.get_ordered_ops():
        if isinstance(node, Constant) and node.file_offset is not None:
            yield node
        for value in node.op.attributes().values():
            if isinstance(value, Model):
                yield from _constants(value)


def _raw(node: Constant) -> memoryview | bytes:
    return constant_bytes(node.stored, node.get_element_type(), node._shape)


class _Sink:
    """Takes the constants of an IR one by one, and keeps those that do not lie in the weights' file."""

    def __init__(self, offsets: dict[bytes, int]) -> None:
        self._offsets = offsets
        self._all = hashlib.sha256()
        self.kept = io.BytesIO()
        self.parts: list[list[int]] = []  # [place in the file or -1, length], as they follow each other in the .bin

    def write(self, data: memoryview | bytes) -> int:
        offset = self._offsets.get(hashlib.sha256(data).digest(), -1) if len(data) else -1
        if offset < 0:
            self.kept.write(data)
        self.parts.append([offset, len(data)])
        self._all.update(data)
        return len(data)

    def described(self) -> dict[str, Any]:
        return {"digest": self._all.hexdigest(), "parts": self.parts}


def taken_apart(model: Model) -> tuple[bytes, bytes, dict[str, Any]]:
    """(the .xml, what is kept of the .bin, how the .bin is made of that and of the weights' file)."""
    offsets: dict[bytes, int] = {}
    for node in _constants(model):
        assert node.file_offset is not None
        offsets[hashlib.sha256(_raw(node)).digest()] = node.file_offset
    document, sink = io.BytesIO(), _Sink(offsets)
    write_network(model, document, sink)
    return document.getvalue(), sink.kept.getvalue(), sink.described()


def put_together(kept: memoryview, described: dict[str, Any], source: Source | None) -> bytes:
    """The .bin. RuntimeError when there is no source, or one with other weights."""
    outside = any(offset >= 0 for offset, _ in described["parts"])
    if source is None and outside:
        raise RuntimeError(
            "the exported model has no weights of its own; pass WEIGHTS_PATH, the path of the .bin it was read from"
        )
    pieces: list[memoryview | bytes] = []
    for offset, length in described["parts"]:
        if offset < 0 or source is None:
            pieces.append(kept[:length])
            kept = kept[length:]
        else:
            pieces.append(source(offset, length))
    made = b"".join(pieces)
    if hashlib.sha256(made).hexdigest() != described["digest"]:
        raise RuntimeError("the weights are not those of the model that was exported; pass the path of its own .bin")
    return made


def from_file(path: str) -> Source:
    """The weights in a .bin, which may be told by the .xml beside it."""
    try:
        weights = open_weights(str(Path(path).with_suffix(".bin")) if path.endswith(".xml") else path)
    except ModelError as error:
        raise RuntimeError(f"WEIGHTS_PATH: {error}") from None
    return lambda offset, length: weights[offset : offset + length]


def from_model(model: Model) -> Source:
    """The weights that a model at hand holds."""
    known = {(node.file_offset, len(_raw(node))): node for node in _constants(model)}

    def found(offset: int, length: int) -> memoryview | bytes:
        node = known.get((offset, length))
        return b"" if node is None else _raw(node)

    return found
