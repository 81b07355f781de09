"""Batches: a model that takes batches of any length, and travels to other processes as its file or its bytes."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import OVTypeError
from ..frontend.ir import to_bytes
from ..graph import Model
from ..graph.lookup import label, port_names
from ..runtime.compiled_model import CompiledModel
from ..runtime.core import Core

Array = npt.NDArray[Any]
Source = str | bytes | os.PathLike[str] | Model

_COMPILED: dict[Any, CompiledModel] = {}  # of this process
_LOCK = threading.Lock()


class Batches:
    """Runs a model on batches of any length. The first dimension of every input and output counts the rows, and a row's
    results may not depend on the others: batches are cut into parts of `batch_size` rows, and the last is padded with
    copies of its last row.

    model: a path, which every process that runs it can read, the bytes of an ONNX model, or a Model.
    batch_size: the rows that are run at once; those of the model where it has a fixed number, else 32.
    outputs: names of the outputs that are wanted, in this order; all of them by default.
    config: properties of compile_model(). Threads are as many as OMP_NUM_THREADS, which engines set, and the processor
        allow.
    A process compiles the same model with the same properties once.
    """

    def __init__(
        self,
        model: Source,
        *,
        batch_size: int | None = None,
        outputs: Sequence[str] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        if batch_size is not None and (not isinstance(batch_size, int) or batch_size < 1):
            raise OVTypeError(f"expected batch_size to be a positive int, got {batch_size!r}")
        if isinstance(model, Model):
            self._source: str | bytes | tuple[bytes, bytes] = _serialized(model)
        elif isinstance(model, (bytes, bytearray, memoryview)):
            self._source = bytes(model)
        elif isinstance(model, (str, os.PathLike)):
            self._source = str(Path(model).absolute())
        else:
            raise OVTypeError(f"expected a model as a path, bytes or a Model, got {type(model).__name__}")
        self._digest = None if isinstance(self._source, str) else _digest(self._source)
        self._batch_size = batch_size
        self._outputs = None if outputs is None else tuple(outputs)
        self._config = dict(config or {})

    @property
    def compiled(self) -> CompiledModel:
        """The model, compiled in this process. Raises RuntimeError for one that can't be read."""
        key = (
            self._digest or _version(self._source),
            tuple(sorted((name, str(value)) for name, value in self._config.items())),
        )
        with _LOCK:
            if key not in _COMPILED:
                _COMPILED[key] = Core().compile_model(_read(self._source), "CPU", self._config)
            return _COMPILED[key]

    @property
    def batch_size(self) -> int:
        """The rows that are run at once."""
        firsts = [_rows(port, index) for index, port in enumerate(self.compiled.inputs)]
        static = {first.min_length for first in firsts if first.is_static}
        if not static:
            return self._batch_size or 32
        if len(static) > 1 or (self._batch_size and self._batch_size not in static):
            raise RuntimeError(
                f"the model takes batches of {sorted(static)} rows, not of {self._batch_size or 'one length'}"
            )
        return int(static.pop())

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the outputs that are returned."""
        known = port_names(self.compiled.outputs)
        for name in self._outputs or ():
            if name not in known:
                raise RuntimeError(f"the model has no output {name!r}; there are {', '.join(known)}")
        return self._outputs or tuple(known)

    def __call__(self, batch: Any) -> dict[str, Array]:
        """Outputs by name for a batch: a dict of arrays by input name, or the array of the only input.

        Columns of pyarrow and pandas, and arrays of objects that are arrays of one shape, are arrays too. Arrays that
        are read-only or of another type are copied a part at a time.
        """
        compiled, names, size = self.compiled, self.names, self.batch_size
        known = port_names(compiled.outputs)
        arrays = self._arrays(batch)
        rows = {len(array) for array in arrays.values()}
        if len(rows) != 1:
            raise RuntimeError(f"expected inputs with one number of rows, got {sorted(rows)}")
        count = rows.pop()
        parts: dict[str, list[Array]] = {name: [] for name in names}
        for begin in range(0, max(count, 1), size):
            used = min(size, count - begin)
            found = compiled([_part(array, begin, used, size) for array in arrays.values()])
            for name in names:
                result = found[known.index(name)]
                if not result.ndim or len(result) != size:
                    raise RuntimeError(
                        f"output {name!r} has the shape {list(result.shape)} for {size} rows; it has no rows"
                    )
                parts[name].append(result[:used])
        return {name: part[0] if len(part) == 1 else np.concatenate(part) for name, part in parts.items()}

    def _arrays(self, batch: Any) -> dict[str, Array]:
        known = port_names(self.compiled.inputs)
        if not isinstance(batch, Mapping):
            if len(known) != 1:
                raise RuntimeError(f"the model has the inputs {', '.join(known)}; pass a dict of them")
            batch = {known[0]: batch}
        for name in known:
            if name not in batch:
                raise RuntimeError(f"the batch has no {name!r}; it has {', '.join(map(str, batch))}")
        return {name: as_array(batch[name]) for name in known}


def as_array(column: Any) -> Array:
    """A column as one array, on its own memory where that is possible."""
    if type(column).__module__.partition(".")[0] == "pyarrow":
        column = _of_arrow(column)
    array = column.to_numpy() if hasattr(column, "to_numpy") else np.asarray(column)
    if array.dtype == object and len(array):
        array = np.stack([np.asarray(row) for row in array])
    return np.asarray(array)


def _of_arrow(column: Any) -> Any:
    """Numbers, or lists of one length, of an Arrow array or of chunks of them."""
    if hasattr(column, "combine_chunks"):
        column = column.combine_chunks()
    if hasattr(column, "chunks"):
        column = column.chunk(0) if column.num_chunks else column
    width = getattr(column.type, "list_size", None)
    if column.null_count:
        raise RuntimeError(f"the column holds {column.null_count} nulls")
    if width is None:
        return column.to_numpy(zero_copy_only=False)
    return as_array(column.flatten()).reshape(len(column), width)


def _part(array: Array, begin: int, used: int, size: int) -> Array:
    """The rows from `begin` on, `size` of them, of which `used` are there."""
    part = array[begin : begin + used]
    if used == size:
        return part
    filler = part[-1:] if used else np.zeros((1, *array.shape[1:]), array.dtype)
    return np.concatenate([part, np.repeat(filler, size - used, axis=0)])


def _rows(port: Any, index: int) -> Any:
    """The dimension that counts rows."""
    if not port.partial_shape.has_rank or not len(port.partial_shape):
        raise RuntimeError(f"input {label(port, index)} of the model has no first dimension to count rows")
    return port.partial_shape[0]


def _serialized(model: Model) -> tuple[bytes, bytes]:
    xml, weights = to_bytes(model)
    return bytes(xml), bytes(weights)


def _read(source: str | bytes | tuple[bytes, bytes]) -> Model:
    if isinstance(source, tuple):
        return Core().read_model(*source)
    return Core().read_model(source)


def _digest(source: bytes | tuple[bytes, bytes]) -> tuple[bytes, ...]:
    parts = source if isinstance(source, tuple) else (source,)
    return tuple(hashlib.sha256(part).digest() for part in parts)


def _version(source: Any) -> tuple[str, int, int]:
    """What tells whether a file is still the same."""
    try:
        about = os.stat(source)
    except OSError as error:
        raise RuntimeError(f"can't read the model {source!r}: {error.strerror}") from None
    return source, about.st_mtime_ns, about.st_size
