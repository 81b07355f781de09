"""Inputs for a model's ports: random ones, or those of files."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph.lookup import port_names
from ..types import Dimension, PartialShape, Type
from .arguments import Arguments, UsageError
from .files import Port, read_files

IMAGE = (1, 3, 224, 224)  # what dynamic dimensions of images become
LENGTH = 16  # ... and those of other tensors, but for the first
LARGEST = 1 << 32  # bytes of one input


def make_inputs(ports: Sequence[Port], arguments: Arguments) -> list[npt.NDArray[Any]]:
    """An array for each port, seeded or from files. Raises UsageError for shapes and values that no port takes."""
    return make_all_inputs(ports, arguments)[0]


def make_all_inputs(ports: Sequence[Port], arguments: Arguments) -> list[list[npt.NDArray[Any]]]:
    """The same for each file of a folder that inputs are read from."""
    names = port_names(ports)
    if not arguments.files:
        return [_made(names, ports, arguments, {})]
    return [_made(names, ports, arguments, given) for given in read_files(arguments.files, names, ports)]


def _made(
    names: Sequence[str], ports: Sequence[Port], arguments: Arguments, given: dict[str, Any]
) -> list[npt.NDArray[Any]]:
    shapes = by_name(arguments.shapes, names, "--shape")
    values = by_name(arguments.values, names, "--value")
    arrays = []
    for name, port in zip(names, ports, strict=True):
        if name in given:
            arrays.append(_fitting(name, port, given[name]))
            continue
        shape = _shape(name, port.partial_shape, shapes.get(name))
        if math.prod(shape) * port.element_type.size > LARGEST:
            raise UsageError(f"input {name!r} of shape {list(shape)} takes more than {LARGEST >> 30} GiB")
        random = np.random.default_rng([arguments.seed, zlib.crc32(name.encode())])
        arrays.append(_elements(name, port, shape, values.get(name), random))
    return arrays


def _fitting(name: str, port: Port, array: Any) -> npt.NDArray[Any]:
    """What a file holds for a port, in the port's element type."""
    if not port.partial_shape.relaxes(PartialShape(list(array.shape))):
        raise UsageError(
            f"the file for input {name!r} has shape {list(array.shape)}; the model takes {port.partial_shape}"
        )
    wanted = port.element_type.to_dtype()
    if array.dtype.kind not in "biuf" and array.dtype != wanted:
        raise UsageError(f"the file for input {name!r} holds {array.dtype}, not {port.element_type.name}")
    return np.asarray(array, wanted)


def by_name(given: dict[str, Any], names: Sequence[str], option: str) -> dict[str, Any]:
    """Values of an option, by the name of an input."""
    if "" in given and len(names) == 1:
        given = {**given, names[0]: given[""]}
        del given[""]
    for name in given:
        if name not in names:
            raise UsageError(f"{option} names {name!r}, but the model's inputs are {', '.join(names)}")
    return given


def _shape(name: str, expected: PartialShape, given: tuple[int, ...] | None) -> tuple[int, ...]:
    if given is None:
        if not expected.has_rank:
            raise UsageError(f"input {name!r} may have any shape; say which with --shape '{name}[...]'")
        return default_shape(expected)
    if not expected.relaxes(PartialShape(list(given))):
        raise UsageError(f"--shape gives input {name!r} the shape {list(given)}, but the model takes {expected}")
    return given


def default_shape(shape: PartialShape) -> tuple[int, ...]:
    """The shape with a length in place of each dynamic dimension, within the dimension's bounds."""
    rank = len(shape)
    wanted = IMAGE if rank == len(IMAGE) else (1, *(LENGTH,) * (rank - 1))
    return tuple(_length(dim, length) for dim, length in zip(shape, wanted, strict=False))


def _length(dim: Dimension, wanted: int) -> int:
    if dim.is_static:
        return dim.min_length
    longest = dim.max_length if dim.max_length >= 0 else wanted
    return max(dim.min_length, min(wanted, longest))


def _elements(
    name: str, port: Port, shape: tuple[int, ...], value: float | None, random: np.random.Generator
) -> npt.NDArray[Any]:
    """Standard normal numbers for real types; zeros and ones, valid indices nearly anywhere, for all others."""
    kind = port.element_type
    if kind.name == "string":
        raise UsageError(f"input {name!r} takes strings, for which the command has no values")
    if value is not None:
        return np.full(shape, _number(name, kind, value))
    if kind.real:
        return np.asarray(random.standard_normal(shape, np.float32)).astype(kind.to_dtype())
    return np.asarray(random.integers(0, 2, shape)).astype(kind.to_dtype())


def _number(name: str, kind: Type, value: float) -> npt.NDArray[Any]:
    """The value as an element. UsageError where an element can't be about that."""
    with np.errstate(all="ignore"):
        found = np.asarray(value).astype(kind.to_dtype())
    if found.dtype.kind in "iu" and found != np.trunc(value) or np.isinf(found) and not math.isinf(value):
        raise UsageError(f"--value gives input {name!r} {value:g}, which no {kind.get_type_name()} can be")
    return found
