"""Files of compiled models, which CACHE_DIR holds and export_model() writes: what a start needs, to be mapped.

A header of 128 bytes (magic, format, lengths of the sections, checksums), then the elements of constants and packed
weights, each at a multiple of 64 bytes and with 64 to spare behind it, then a JSON document and the .xml of the model
as it was compiled, whose .bin the first section is. What can't be written as data (see plan/frozen.py), and a model
without the weights that lie in another file (see weightless.py), has no "executable" in its document: such a model is
compiled when it is read. A sealed file has one section, of bytes that a program's function decrypts to such a file.

A file is not trusted: what does not lie within it, or has another checksum than the file tells, is damaged. Of a mapped
one elements that packed weights stand for are looked at when they are needed after all.
"""

from __future__ import annotations

import io
import json
import math
import mmap
import struct
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from ..graph import Constant, Model
from ..graph.operator import Array
from ..kernels.runtime.block import Block, checksum
from ..plan import Executable, Options

MAGIC = b"ovlite\r\n"
FORMAT = 6
SEALED = 0x5EA1ED
SPARE = 64  # bytes behind all elements, which kernels may read beyond packed weights; elements begin at a multiple
_HEADER = struct.Struct("<8sQQQQQQ")  # the last two: checksums of what is behind the elements, and of those or 0
_HEADER_BYTES = 128
if TYPE_CHECKING:
    from ..frontend.ir import WeightsWriter
    from .weightless import Source

Place = Sequence[Any]  # dtype, shape, offset, checksum, whether it is looked at late


class Damaged(Exception):
    """A file that is not as it was written; the text says why."""


class _Sink:
    """Takes arrays, and tells where in a file they are."""

    def __init__(self, weights: WeightsWriter) -> None:
        self._weights = weights

    def put(self, array: Array, late: bool) -> Place:
        raw = np.asarray(array, order="C").reshape(-1).view(np.uint8)
        offset = self._weights.add(raw.data) if raw.size else 0
        return [array.dtype.str, list(array.shape), offset, checksum(raw), late]


class Blob:
    """A file that is mapped, or bytes, whose arrays are not copied. Damaged where it is not as it was written."""

    def __init__(self, whole: memoryview) -> None:
        if len(whole) < _HEADER_BYTES or whole[: len(MAGIC)] != MAGIC:
            raise Damaged(f"these {len(whole)} bytes are not a model that export_model() made")
        _, self.kind, *lengths, rest_total, self._total = _HEADER.unpack_from(whole)
        if self.kind not in (FORMAT, SEALED):
            raise Damaged(f"it has format {self.kind}; {FORMAT} is read here. Compile the model anew")
        elements, document, text = lengths
        if _HEADER_BYTES + elements + document + text != len(whole):
            raise Damaged(f"it is cut short, or has more than its sections: {len(whole)} bytes")
        self.elements = whole[_HEADER_BYTES : _HEADER_BYTES + elements]
        rest = whole[_HEADER_BYTES + elements :]
        if checksum(rest) != rest_total or any(whole[_HEADER.size : _HEADER_BYTES]):
            raise Damaged("its document is not as it was written")
        self.text = rest[document:]
        self.document: dict[str, Any] = json.loads(bytes(rest[:document])) if document else {}
        self._checked = False
        self._late: dict[int, int] = {}

    @classmethod
    def mapped(cls, path: str) -> Blob:
        with open(path, "rb") as file:
            try:
                return cls(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
            except ValueError as error:
                raise Damaged("it is empty" if not file.read(1) else str(error)) from None

    @classmethod
    def of(cls, data: bytes) -> Blob:
        """Those of an exported model, all of which are looked at, on memory as kernels need it."""
        found = cls(memoryview(data))
        if checksum(found.elements) != found._total:
            raise Damaged("its bytes are not those that were written")
        aligned = memoryview(Block(max(1, len(found.elements)))).cast("B")[: len(found.elements)]
        aligned[:] = found.elements
        found.elements = aligned.toreadonly()
        found._checked = True
        return found

    @property
    def is_compiled(self) -> bool:
        """Whether there is an executable, and not the model alone."""
        return "executable" in self.document

    def array(self, place: Place) -> Array:
        """Elements that lie in the file. Damaged where they don't, or are not as they were written."""
        name, lengths, offset, total, late = place
        dtype, shape = np.dtype(str(name)), tuple(map(int, lengths))
        size = math.prod(shape) * dtype.itemsize
        if (
            dtype.kind not in "biuf"
            or min(shape, default=0) < 0
            or not 0 <= offset <= len(self.elements) - size - SPARE
            or offset % SPARE
        ):
            raise Damaged(f"it has no {size} bytes at {offset}")
        raw = np.frombuffer(self.elements[offset : offset + size], np.uint8)
        if late and not self._checked:
            self._late[_address(raw)] = total
        elif not self._checked and checksum(raw) != total:
            raise Damaged(f"the {size} bytes at {offset} are not as they were written")
        return raw.view(dtype).reshape(shape)

    def check(self, array: Array) -> None:
        """Looks at elements that have not been looked at. RuntimeError where they are not as they were written."""
        total = self._late.pop(_address(array), None)
        if total is not None and checksum(np.asarray(array, order="C").reshape(-1).view(np.uint8)) != total:
            raise RuntimeError("a file in CACHE_DIR is damaged: remove the files there, and compile the model anew")

    def executable(self, options: Options) -> Executable:
        """The executable that was written."""
        from ..plan.frozen import thawed

        found = thawed(self.document["executable"], options, self)
        found.packed_weights.check = self.check
        return found

    def model(self, source: Source | None = None) -> Model:
        """The model as it was compiled. source: the weights of one that has none; RuntimeError without."""
        from ..frontend.ir import read_ir

        apart = self.document.get("weights")
        if apart is None:
            return read_ir(bytes(self.text), self.elements)
        from .weightless import put_together

        return read_ir(bytes(self.text), memoryview(put_together(self.elements, apart, source)))


def _address(array: Array) -> int:
    found: int = array.__array_interface__["data"][0]
    return found


def write(
    file: IO[bytes], executable: Executable, model: Model, initial: Mapping[str, Array], about: Mapping[str, Any]
) -> bytes:
    """Writes the file of an executable, the model that it was compiled from, and the initial values of its variables;
    gives a digest of the model's constants, and their pages back.

    about: what else the document tells. Unfrozen where an executable can't be written.
    """
    from ..frontend.ir import WeightsWriter, write_network
    from ..plan.frozen import frozen

    file.write(bytes(_HEADER_BYTES))
    weights, text = WeightsWriter(file), io.BytesIO()
    write_network(model, text, weights)
    constants = weights.digest()
    sink = _Sink(weights)
    values = {name: sink.put(array, False) for name, array in initial.items()}
    _finish(file, {**about, "initial": values, "executable": frozen(executable, sink)}, text.getvalue())
    for node in [*model.get_ordered_ops(), *executable.prepared.model.get_ordered_ops()]:
        if isinstance(node, Constant):
            node.release_pages()
    return constants


def write_model(file: IO[bytes], model: Model, about: Mapping[str, Any], *, apart: bool) -> None:
    """Writes the file of a model alone. apart: without the weights that lie in a file."""
    from ..frontend.ir import to_bytes

    if apart:
        from .weightless import taken_apart

        text, weights, described = taken_apart(model)
        about = {**about, "weights": described}
    else:
        text, weights = to_bytes(model)
    file.write(bytes(_HEADER_BYTES))
    file.write(weights)
    _finish(file, about, text)


def _finish(file: IO[bytes], document: Mapping[str, Any], text: bytes) -> None:
    file.write(bytes(SPARE))
    elements = file.tell() - _HEADER_BYTES
    encoded = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    rest = encoded + text
    file.write(rest)
    total = 0
    if isinstance(file, io.BytesIO):  # what is exported is looked at as a whole
        with file.getbuffer() as whole:
            total = checksum(whole[_HEADER_BYTES : _HEADER_BYTES + elements])
    file.seek(0)
    file.write(_HEADER.pack(MAGIC, FORMAT, elements, len(encoded), len(text), checksum(rest), total))


def sealed_file(content: bytes) -> bytes:
    """The file of bytes that only a program's function can read."""
    header = _HEADER.pack(MAGIC, SEALED, len(content), 0, 0, checksum(b""), checksum(content))
    return header.ljust(_HEADER_BYTES, b"\0") + content
