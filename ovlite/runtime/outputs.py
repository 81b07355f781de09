"""Arrays that a caller gives for results: `out=`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np

from ..graph.lookup import no_port
from ..types import Type
from .arrays import read_array, shows_elements
from .ports import CompiledPorts, ConstOutput
from .tensor import Tensor, packed_bits


def given_outputs(ports: CompiledPorts, out: Any) -> list[Any]:
    """For each output of the request's model what `out` gives for it, or None.

    out: an array, a Tensor or what shows its elements for the only output, a list or tuple in the model's order, or a
    mapping by name, index or port. The run checks each array by itself, see refuse_output().
    """
    given: list[Any] = [None] * len(ports.outputs)
    for index, port in enumerate(ports.outputs):
        if packed_bits(port.element_type):
            raise TypeError(
                f"out: output {index} holds {port.element_type.name}, which is packed; set_output_tensor() takes memory"
            )
    for index, value in _by_index(ports, out):
        if given[index] is not None:
            raise ValueError(f"out: output {index} is named twice")
        if value is not None and ports.outputs[index].element_type is Type.string:
            raise TypeError(f"out: output {index} holds strings, which can't be written to the caller's memory")
        if value is not None and ports.forms[index] is not None:
            raise TypeError(
                f"out: output {index} is handed out as a list, which can't be written to the caller's memory"
            )
        given[index] = _array(value)
    arrays = [array for array in given if isinstance(array, np.ndarray)]
    if any(np.may_share_memory(one, other) for one, other in combinations(arrays, 2)):
        raise ValueError("out: two of the arrays overlap in memory; each result needs its own")
    return given


def _array(value: Any) -> Any:
    """The array on the memory of a Tensor, or of what shows its elements; other values as they are."""
    if isinstance(value, Tensor):
        return value.data
    return read_array(value)[0] if shows_elements(value) else value


def refuse_output(port: ConstOutput, index: int, array: Any, shape: tuple[int, ...]) -> None:
    """Raises TypeError or ValueError for an array that a result of this shape can't be written to."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"out: expected output {index} to take an array or a Tensor, got {type(array).__name__}")
    dtype = port.element_type.to_dtype()
    if array.dtype != dtype:
        raise TypeError(f"out: output {index} holds {dtype} ({port.element_type.name}); the array holds {array.dtype}")
    if array.shape != shape:
        raise ValueError(f"out: output {index} has shape {shape}; the array has {array.shape}")
    if not array.flags.carray:
        raise ValueError(f"out: the array for output {index} has to be C-contiguous, aligned and writable")
    raise ValueError(f"out: the array for output {index} overlaps an input's memory; pass another, or a copy")


def _by_index(ports: CompiledPorts, out: Any) -> Iterator[tuple[int, Any]]:
    count = len(ports.outputs)
    if isinstance(out, Mapping):
        for key, value in out.items():
            index = key if type(key) is int and 0 <= key < count else ports.output_keys.get(key)
            if index is None:
                raise KeyError(f"out: {no_port(ports.outputs, key, 'output')}")
            yield index, value
    elif isinstance(out, (list, tuple)):
        if len(out) != count:
            raise ValueError(f"out: {len(out)} arrays are given to a model of {count} outputs; None leaves one out")
        yield from enumerate(out)
    elif count == 1:
        yield 0, out
    else:
        raise TypeError(f"out: the model has {count} outputs; pass a list, tuple or dict of arrays")
