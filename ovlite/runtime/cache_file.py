"""Files of compiled models: what a start needs, to be mapped.

A header of 128 bytes (magic, format, lengths of the sections, checksum of the last two), then the elements of constants
and packed weights, each at a multiple of 64 bytes and with 64 to spare behind it, then a JSON document (see
plan/frozen.py) and the .xml of the model as it was compiled, whose .bin the first section is.

A file is not trusted: what does not lie within it, or has another checksum than the document tells, is damaged.
Elements that packed weights stand for are looked at when they are needed after all.
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

from ..graph import Model
from ..graph.operator import Array
from ..kernels.runtime.block import checksum
from ..plan import Executable, Options, frozen, thawed
from .exported_model import FORMAT as OF_MODEL
from .exported_model import MAGIC, SEALED

FORMAT = 5
SPARE = 64  # bytes behind all elements, which kernels may read beyond packed weights
_HEADER = struct.Struct("<8sQQQQQ")
_HEADER_BYTES = 128
if TYPE_CHECKING:
    from ..frontend.ir import WeightsWriter

Place = Sequence[Any]  # dtype, shape, offset, checksum, whether it is looked at late


def is_of_model(path: str) -> bool:
    """Whether the file holds a model that is to be compiled, as export_model() writes it."""
    try:
        with open(path, "rb") as file:
            head = file.read(16)
    except OSError:
        return False
    return head[:8] == MAGIC and int.from_bytes(head[8:], "little") in (OF_MODEL, SEALED)


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


class Mapped:
    """A file that is mapped, and so are its arrays."""

    def __init__(self, path: str) -> None:
        with open(path, "rb") as file:
            try:
                whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            except ValueError:
                raise Damaged("it is empty") from None
        if len(whole) < _HEADER_BYTES or whole[: len(MAGIC)] != MAGIC:
            raise Damaged("it is no file of a compiled model")
        _, kind, *lengths, total = _HEADER.unpack_from(whole)
        if kind != FORMAT:
            raise Damaged(f"it has format {kind}, not {FORMAT}")
        elements, document, text = lengths
        if _HEADER_BYTES + elements + document + text != len(whole):
            raise Damaged(f"its sections are not {len(whole)} bytes")
        rest = whole[_HEADER_BYTES + elements :]
        if checksum(rest) != total:
            raise Damaged("its document is not as it was written")
        self.elements = whole[_HEADER_BYTES : _HEADER_BYTES + elements]
        self.text = rest[document:]
        self.document: dict[str, Any] = json.loads(bytes(rest[:document]))
        self._late: dict[int, int] = {}

    def array(self, place: Place) -> Array:
        """Elements that lie in the file. Damaged where they don't, or are not as they were written."""
        name, lengths, offset, total, late = place
        dtype, shape = np.dtype(str(name)), tuple(map(int, lengths))
        size = math.prod(shape) * dtype.itemsize
        if (
            dtype.kind not in "biuf"
            or min(shape, default=0) < 0
            or not 0 <= offset <= len(self.elements) - size - SPARE
        ):
            raise Damaged(f"it has no {size} bytes at {offset}")
        raw = np.frombuffer(self.elements[offset : offset + size], np.uint8)
        if late:
            self._late[_address(raw)] = total
        elif checksum(raw) != total:
            raise Damaged(f"the {size} bytes at {offset} are not as they were written")
        return raw.view(dtype).reshape(shape)

    def check(self, array: Array) -> None:
        """Looks at elements that have not been looked at. RuntimeError where they are not as they were written."""
        total = self._late.pop(_address(array), None)
        if total is not None and checksum(np.asarray(array, order="C").reshape(-1).view(np.uint8)) != total:
            raise RuntimeError("a file in CACHE_DIR is damaged: remove the files there, and compile the model anew")

    def executable(self, options: Options) -> Executable:
        """The executable that was written."""
        found = thawed(self.document["executable"], options, self)
        found.packed_weights.check = self.check
        return found

    def model(self) -> Model:
        """The model as it was compiled."""
        from ..frontend.ir import read_ir

        return read_ir(bytes(self.text), self.elements)


def _address(array: Array) -> int:
    found: int = array.__array_interface__["data"][0]
    return found


def write(
    file: IO[bytes], executable: Executable, model: Model, initial: Mapping[str, Array], about: Mapping[str, Any]
) -> None:
    """Writes the file of an executable, the model that it was compiled from, and the initial values of its variables.

    about: what else the document tells. Unfrozen where an executable can't be written.
    """
    from ..frontend.ir import WeightsWriter, write_network

    file.write(bytes(_HEADER_BYTES))
    weights, text = WeightsWriter(file), io.BytesIO()
    write_network(model, text, weights)
    sink = _Sink(weights)
    values = {name: sink.put(array, False) for name, array in initial.items()}
    whole = {**about, "initial": values, "executable": frozen(executable, sink)}
    document = json.dumps(whole, separators=(",", ":")).encode()
    file.write(bytes(SPARE))
    elements = file.tell() - _HEADER_BYTES
    rest = document + text.getvalue()
    file.write(rest)
    file.seek(0)
    file.write(_HEADER.pack(MAGIC, FORMAT, elements, len(document), len(text.getvalue()), checksum(rest)))
