"""Batches: a model that takes batches of any length, and travels to other processes as its file or its bytes."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
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
from ..runtime.infer_queue import AsyncInferQueue
from ..runtime.threads import thread_budget

Array = npt.NDArray[Any]
Source = str | bytes | os.PathLike[str] | Model

MOST = 16  # models that a process keeps compiled for those who ask for them again
_COMPILED: OrderedDict[Any, CompiledModel] = OrderedDict()
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
    A process compiles the same model with the same properties for as many threads once, when it is first needed; it
    travels as its file's path or as its bytes.
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

    def __getstate__(self) -> dict[str, Any]:
        """All but what the process has made of it."""
        return {name: value for name, value in vars(self).items() if name.startswith("_")}

    @cached_property
    def compiled(self) -> CompiledModel:
        """The model, compiled in this process. Raises RuntimeError for one that can't be read."""
        key = (
            self._digest or _version(self._source),
            tuple(sorted((name, str(value)) for name, value in self._config.items())),
            thread_budget(),  # a worker of ray has the threads of its task, and others in the next one
        )
        with _LOCK:
            if key not in _COMPILED:
                _COMPILED[key] = Core().compile_model(_read(self._source), "CPU", self._config)
                if len(_COMPILED) > MOST:
                    _COMPILED.popitem(last=False)
            _COMPILED.move_to_end(key)
            return _COMPILED[key]

    @cached_property
    def queue(self) -> AsyncInferQueue:
        """The requests that infer_async() runs on, as many as the model has streams."""
        return AsyncInferQueue(self.compiled)

    @cached_property
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

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the outputs that are returned."""
        known = port_names(self.compiled.outputs)
        for name in self._outputs or ():
            if name not in known:
                raise RuntimeError(f"the model has no output {name!r}; there are {', '.join(known)}")
        return self._outputs or tuple(known)

    @property
    def name(self) -> str:
        """The name of the only output that is returned."""
        if len(self.names) != 1:
            raise RuntimeError(f"the model has the outputs {', '.join(self.names)}; say which with output=")
        return self.names[0]

    def __call__(self, batch: Any) -> dict[str, Array]:
        """Outputs by name for a batch: a dict of arrays by input name, or the array of the only input.

        Columns of pyarrow and pandas, and arrays of objects that are arrays of one shape, are arrays too. Arrays of the
        input's type and in C order, read-only ones too, are read where they are, but for a last part that is padded;
        others are converted a part at a time.
        """
        count, parts = self._cut(batch)
        joined = _Joined(self, count)
        for part in parts:
            joined.add(self.compiled(part))
        return joined.arrays

    async def infer_async(self, batch: Any) -> dict[str, Array]:
        """What a call returns, for coroutines: parts run on as many requests as the model has streams, and the event
        loop goes on meanwhile. Arrays must not change until then. A task that is cancelled cancels its runs.
        """
        count, parts = self._cut(batch)
        joined = _Joined(self, count)
        async for found in self.queue.imap(parts, share_inputs=True):
            joined.add(found)
        return joined.arrays

    def _cut(self, batch: Any) -> tuple[int, Iterator[list[Array]]]:
        """The number of rows, and the inputs of run after run; of no rows, of one that tells shapes."""
        arrays = [_shared(array) for array in self._arrays(batch).values()]
        rows = {len(array) if array.ndim else None for array in arrays}
        if len(rows) != 1 or None in rows:
            shapes = ", ".join(str(list(array.shape)) for array in arrays)
            raise RuntimeError(f"expected inputs with one number of rows, got the shapes {shapes}")
        count, size = len(arrays[0]), self.batch_size
        if not count:
            arrays = [_no_rows(port, array) for port, array in zip(self.compiled.inputs, arrays, strict=True)]
        begins = range(0, max(count, 1), size)
        return count, ([_part(array, begin, min(size, count - begin), size) for array in arrays] for begin in begins)

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
    """A column as one array, on its own memory where that is possible. Raises RuntimeError for nulls and for lists of
    several lengths.
    """
    if type(column).__module__.partition(".")[0] == "pyarrow":
        column = _of_arrow(column)
    array = column.to_numpy() if hasattr(column, "to_numpy") else np.asarray(column)
    if array.dtype == object and len(array):
        array = np.stack([np.asarray(row) for row in array])
    return np.asarray(array)


def _of_arrow(column: Any) -> Any:
    """Numbers, or lists of one length, of an Arrow array or of chunks of them."""
    if hasattr(column, "chunks"):
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if column.null_count:
        raise RuntimeError(f"the column holds {column.null_count} nulls")
    if hasattr(column, "to_numpy_ndarray"):  # tensors of one shape
        return column.to_numpy_ndarray()
    width = getattr(column.type, "list_size", None)
    if width is None and hasattr(column, "value_lengths"):
        width = _width(np.asarray(column.value_lengths()))
    if width is None:
        return column.to_numpy(zero_copy_only=False)
    flat = as_array(column.flatten())
    return flat.reshape(len(column), width, *flat.shape[1:])


def _width(lengths: Array) -> int:
    """The length of all lists."""
    if len(lengths) and (lengths != lengths[0]).any():
        raise RuntimeError(f"the column holds lists of {lengths.min()} to {lengths.max()} elements")
    return int(lengths[0]) if len(lengths) else 0


def _no_rows(port: Any, array: Array) -> Array:
    """The array of no rows; a column without elements, which doesn't know their shape, in that of the port."""
    lengths = list(port.partial_shape)[1:]
    if array.shape[1:] not in ((), (0,)) or not all(length.is_static for length in lengths):
        return array
    return np.zeros((0, *(length.min_length for length in lengths)))


def _shared(array: Array) -> Array:
    """An array that kernels read where it is: of one that may not be written, one on its memory that claims to be."""
    if array.flags.writeable or not array.flags.c_contiguous or array.dtype.kind not in "biuf":
        return array
    return np.asarray(_Memory(array))


class _Memory:
    """An array's memory, as if it might be written; who reads it keeps the array alive."""

    def __init__(self, array: Array) -> None:
        about = array.__array_interface__
        self.__array_interface__ = {**about, "data": (about["data"][0], False)}
        self._array = array


class _Joined:
    """Results of run after run, put together to as many rows as there are."""

    def __init__(self, batches: Batches, count: int) -> None:
        self.arrays: dict[str, Array] = {}
        known = port_names(batches.compiled.outputs)
        self._places = {name: known.index(name) for name in batches.names}
        self._count, self._size, self._begin = count, batches.batch_size, 0

    def add(self, found: Any) -> None:
        """Takes over the rows of the next run, as far as they are not padding."""
        end = min(self._begin + self._size, self._count)
        for name, place in self._places.items():
            result = found[place]
            if not result.ndim or len(result) != self._size:
                raise RuntimeError(
                    f"output {name!r} has the shape {list(result.shape)} for {self._size} rows; it has no rows"
                )
            whole = self.arrays.get(name)
            if whole is None:
                if self._count <= self._size:
                    self.arrays[name] = result[: self._count]
                    continue
                whole = self.arrays[name] = np.empty((self._count, *result.shape[1:]), result.dtype)
            if whole.shape[1:] != result.shape[1:]:
                raise RuntimeError(
                    f"output {name!r} has rows of the shape {list(result.shape[1:])}, and had some of "
                    f"{list(whole.shape[1:])}"
                )
            whole[self._begin : end] = result[: end - self._begin]
        self._begin = end


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
