"""Inputs other than plain arrays by name or position: containers, ports, scalars, strings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph.elements import SMALL_FLOATS, as_bytes, decode, encode, sequence
from ..graph.lookup import label, no_port, port_index
from ..kernels.runtime.results import OVDict
from ..kernels.runtime.storage import Storage
from ..types import OptionalType, PartialShape, SequenceType, Type
from .arrays import read_array, refuse_masked, shows_elements
from .ports import CompiledPorts, ConstOutput
from .tensor import Tensor, is_foreign, new_storage, packed_bits

Array = npt.NDArray[Any]
# (whether it is for an input, the port's index, a Tensor or an array that needs no more than a cast)
Given = tuple[bool, int, Array | Tensor]
SCALARS = (int, float, np.number, np.bool_, str, bytes)


def given_inputs(ports: CompiledPorts, inputs: Any, share: bool) -> Iterator[Given]:
    """Yields a container's value for each port it names, or the value of the only input.

    Raises TypeError for containers, keys and values that can't be used, RuntimeError for ports that there are not.
    """
    count = len(ports.inputs)
    if isinstance(inputs, OVDict):
        inputs = inputs.to_tuple()
    if isinstance(inputs, list) and count == 1 and _is_value(inputs, ports.inputs[0].partial_shape):
        yield (True, 0, as_input(ports.inputs[0], 0, inputs))
    elif isinstance(inputs, dict):
        for key, value in inputs.items():
            yield from _named(ports, key, value, share)
    elif isinstance(inputs, (list, tuple)):
        if len(inputs) > count:
            raise RuntimeError(f"{len(inputs)} inputs are given to a model that has {count}")
        for index, value in enumerate(inputs):
            yield (True, index, as_input(ports.inputs[index], index, value))
    elif _is_usable(inputs):
        if count != 1:
            names = ", ".join(key for key in ports.input_keys if isinstance(key, str))
            raise RuntimeError(f"the model has {count} inputs ({names}); pass a dict, list or tuple of them")
        yield (True, 0, as_input(ports.inputs[0], 0, inputs))
    else:
        raise TypeError(
            f"inputs are a dict, list, tuple, number, Tensor, array or what shows its elements as one, not "
            f"{type(inputs).__name__}; np.asarray makes an array of many things"
        )


def as_input(port: ConstOutput, index: int, value: Any) -> Array | Tensor:
    """One value for an input: a Tensor as it is, all else as elements that a cast brings to the port's type."""
    if isinstance(port.element_type, SequenceType) and not isinstance(value, Tensor):
        return _sequence(port.element_type, label(port, index), value)
    if isinstance(value, np.generic) and value.dtype.isbuiltin == 2:  # a single number of a package's type
        value = np.asarray(value)
    if isinstance(value, Tensor):
        return value
    if isinstance(value, np.ndarray):
        _check_elements(port, index, value)
        if value.ndim and value.dtype.isbuiltin < 2 and not is_foreign(port.element_type) and not _may_be_text(value):
            return value
    if not _is_usable(value) and not isinstance(value, list):
        raise TypeError(
            f"input {label(port, index)}: {type(value).__name__} can't be used; pass an array, a Tensor or a number"
        )
    if port.element_type is Type.string:
        return _strings(port, index, value)
    if packed_bits(port.element_type):
        return _packed(port, index, value)
    try:
        elements = _elements(port.element_type, value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"input {label(port, index)} holds {port.element_type.name}: {error}") from None
    return _shaped(port, index, value, elements)


def _check_elements(port: ConstOutput, index: int, array: Array) -> None:
    """TypeError for elements that are no numbers though numpy would make some of them."""
    if array.dtype.kind in "mM":
        raise TypeError(
            f"input {label(port, index)} holds {port.element_type.name}; {array.dtype} is given. "
            "Convert it to numbers of a unit: array.astype('datetime64[s]').astype(float)"
        )
    try:
        refuse_masked(array)
    except TypeError as error:
        raise TypeError(f"input {label(port, index)}: {error}") from None


def _may_be_text(array: Array) -> bool:
    """Whether elements may be text, of which numpy makes the numbers that it spells."""
    return array.dtype.kind in "USO"


def _packed(port: ConstOutput, index: int, value: Any) -> Tensor:
    """Elements of less than a byte: those of a dtype of ml_dtypes, or numbers that the type holds.

    Numbers are rounded to a real type, as to those of 8 bits; whole ones have to be in the range of the others.
    """
    kind = port.element_type
    array, found = (np.array(value), None) if isinstance(value, (list, *SCALARS)) else read_array(value)
    if found is not None:
        array = np.asarray(decode(array, found, value.shape if packed_bits(found) else array.shape))
    elif array.dtype.kind not in ("fiu" if kind.real else "biu") or (kind.real and array.dtype == np.uint8):
        raise TypeError(
            f"input {label(port, index)} holds {kind.name}; {array.dtype} is given: pass a Tensor, an array of "
            f"ml_dtypes, or {'real' if kind.real else 'whole'} numbers"
        )
    array = _shaped(port, index, value, array)
    if array.size and not kind.real:
        low, high = kind._limits
        if array.min() < low or array.max() > high:
            raise RuntimeError(
                f"input {label(port, index)} holds {kind.name}, numbers from {low} to {high}; those that are given "
                f"go from {array.min()} to {array.max()}"
            )
    storage = new_storage(kind, array.shape)
    storage.array[...] = encode(array, kind)
    return Tensor._on(storage)


def _named(ports: CompiledPorts, key: Any, value: Any, share: bool) -> Iterator[Given]:
    if not isinstance(key, (str, int, ConstOutput)) or (isinstance(key, int) and key < 0):
        raise TypeError(
            f"expected an input to be named by str, non-negative int or a port of the compiled model, got {key!r}"
        )
    if isinstance(key, int):
        is_input, index = True, port_index(ports.inputs, int(key), "input")
    else:
        is_input, index = _find(ports, key)
    if is_input:
        yield (True, index, as_input(ports.inputs[index], index, value))
    # An output named among the inputs: its array is where the result goes. Copied inputs leave outputs alone.
    elif isinstance(value, Tensor):
        yield (False, index, value)
    elif share and isinstance(value, np.ndarray):
        yield (False, index, Tensor(value, shared_memory=True))


def _find(ports: CompiledPorts, key: str | ConstOutput) -> tuple[bool, int]:
    index = ports.input_keys.get(key)
    if index is not None:
        return True, index
    try:
        return ports.find(key)
    except RuntimeError:
        raise RuntimeError(no_port(ports.inputs, key, "input")) from None


def _is_value(items: list[Any], shape: PartialShape) -> bool:
    """Whether a list is the value of an input of this shape, rather than a list of inputs.

    It is one when it holds numbers or strings up to two levels deep, or as deep as the input has dimensions.
    """
    depth = _depth(items)
    return depth is not None and (depth <= 2 or not shape.has_rank or depth == len(shape))


def _depth(items: Any) -> int | None:
    """How deep lists of lists go; None when something in them is neither a list, a number nor a string."""
    if not isinstance(items, list):
        return 0 if isinstance(items, (str, float, int, bytes)) else None
    depths = {_depth(item) for item in items}
    return None if None in depths else 1 + max((depth for depth in depths if depth is not None), default=0)


def _is_usable(value: Any) -> bool:
    if isinstance(value, (type, complex, np.complexfloating)):
        return False
    if isinstance(value, np.generic) and value.dtype.isbuiltin == 2:
        return True
    return isinstance(value, (np.ndarray, Tensor, *SCALARS)) or shows_elements(value)


def _elements(element_type: Type, value: Any) -> Array:
    """A value as elements that only need a cast for a port of this type; for one of bf16 or 8-bit reals, as bits.

    Two bytes are the bits of bf16, and bytes those of the others; all else is numbers.
    """
    if isinstance(value, (list, *SCALARS)):
        array, found = np.array(value), None
    else:
        array, found = read_array(value)
    if _may_be_text(array):
        array = array.astype(element_type.to_dtype())
    if element_type is Type.bf16 and found is None and array.dtype.itemsize == 2:
        # Whatever numpy calls the two bytes; those that DLPack shows are what it says.
        found = Type.bf16 if isinstance(value, np.ndarray) or not hasattr(value, "__dlpack__") else None
    if found is element_type:
        return array.view(element_type.to_dtype())
    if found is None and element_type.name in SMALL_FLOATS and array.dtype == np.uint8:
        return array
    if found is not None:
        array = np.asarray(decode(array, found, value.shape if packed_bits(found) else array.shape))
    return encode(array, element_type) if element_type is Type.bf16 or element_type.name in SMALL_FLOATS else array


def _shaped(port: ConstOutput, index: int, value: Any, array: Array) -> Array:
    """The elements of a value in a shape that the port can take."""
    shape = port.partial_shape
    if array.ndim or (shape.has_rank and not len(shape)):
        return array
    bare = isinstance(value, SCALARS) and not isinstance(value, np.bool_)
    if shape.is_static and all(dim == 1 for dim in shape):
        return array.reshape(tuple(shape.to_shape()))
    if not bare and shape.is_dynamic and shape.relaxes(type(shape)([1])):
        return array.reshape(1)
    text = f"input {label(port, index)} has shape {shape}; a single number is given"
    raise RuntimeError(text) if bare or shape.is_dynamic else ValueError(text)


def _strings(port: ConstOutput, index: int, value: Any) -> Tensor:
    array = np.array(value)
    if array.dtype.kind not in "US" and not _all_text(array):
        raise RuntimeError(f"input {label(port, index)} holds strings; {array.dtype} is given")
    if array.ndim == 0 and port.partial_shape.is_static:
        array = array.reshape(tuple(port.shape))
    storage = new_storage(Type.string, array.shape)
    storage.array[...] = as_bytes(array)
    return Tensor._on(storage)


def _sequence(kind: SequenceType, name: str, value: Any) -> Tensor:
    """A list of arrays as the value of an input that is a sequence; None or what it holds for an optional."""
    if isinstance(kind, OptionalType):
        if value is None or not isinstance(kind.element, SequenceType):
            return _items(kind, name, [] if value is None else [value])
        return Tensor._on(Storage(kind, sequence([_sequence(kind.element, name, value)._storage.array])))
    if not isinstance(value, (list, tuple)) or not all(_is_usable(item) or isinstance(item, list) for item in value):
        raise TypeError(f"expected input {name} to be a {kind.name}, got {type(value).__name__}; pass a list of arrays")
    return _items(kind, name, value)


def _items(kind: SequenceType, name: str, value: Sequence[Any]) -> Tensor:
    """Tensors that a sequence or an optional holds."""
    if kind.element is Type.string:
        return Tensor._on(Storage(kind, sequence([as_bytes(np.asarray(item)) for item in value])))
    if is_foreign(kind.element):
        raise TypeError(f"input {name} is a {kind.name}, which can't be given")
    return Tensor._on(Storage(kind, sequence([np.asarray(item, kind.element.to_dtype()) for item in value])))


def _all_text(array: Array) -> bool:
    """Return whether an object array holds str and bytes alone."""
    return array.dtype.kind == "O" and all(isinstance(item, (str, bytes)) for item in array.ravel().tolist())
