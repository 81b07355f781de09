"""What can be passed as inputs, other than plain arrays by name or position."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import suggestion
from ..graph.elements import as_bytes, decode, encode
from ..kernels.runtime.results import OVDict
from ..types import Type
from .arrays import read_array, shows_elements
from .ports import ConstOutput
from .tensor import Tensor, new_storage, packed_bits

if TYPE_CHECKING:
    from .infer_request import InferRequest

Array = npt.NDArray[Any]
SCALARS = (int, float, np.number, np.bool_, str, bytes)


def give_container(request: InferRequest, inputs: Any, share: bool) -> None:
    """Binds inputs that come in a container, or the value of the only input."""
    count = len(request.ports.inputs)
    if isinstance(inputs, OVDict):
        inputs = inputs.to_tuple()
    if isinstance(inputs, list) and count == 1 and _is_value(inputs):
        return bind_value(request, 0, inputs, share)
    if isinstance(inputs, dict):
        for key, value in inputs.items():
            _give_named(request, key, value, share)
    elif isinstance(inputs, (list, tuple)):
        if len(inputs) > count:
            raise RuntimeError(f"{len(inputs)} inputs are given to a model that has {count}")
        for index, value in enumerate(inputs):
            _give_one(request, index, value, share)
    elif _is_usable(inputs):
        if count != 1:
            names = ", ".join(key for key in request.ports.input_keys if isinstance(key, str))
            raise RuntimeError(f"the model has {count} inputs ({names}); pass a dict, list or tuple of them")
        _give_one(request, 0, inputs, share)
    else:
        raise TypeError(
            f"inputs are a dict, list, tuple, number, Tensor, array or what shows its elements as one, not "
            f"{type(inputs).__name__}; np.asarray makes an array of many things"
        )
    return None


def bind_value(request: InferRequest, index: int, value: Any, share: bool) -> None:
    """Binds one value: a Tensor as it is, all else brought to the port's element type."""
    port = request.ports.inputs[index]
    if isinstance(value, Tensor):
        request.set_input_tensor(index, value)
    elif not _is_usable(value) and not isinstance(value, list):
        raise TypeError(
            f"input {_name(port, index)}: {type(value).__name__} can't be used; pass an array, a Tensor or a number"
        )
    elif port.element_type is Type.string:
        _bind_strings(request, index, value)
    elif packed_bits(port.element_type):
        raise TypeError(
            f"input {_name(port, index)} holds {port.element_type.name}, which no array does; pass a Tensor"
        )
    else:
        request.bind_array(index, _shaped(port, index, value, _elements(port.element_type, value)), share)


def _give_named(request: InferRequest, key: Any, value: Any, share: bool) -> None:
    if not isinstance(key, (str, int, ConstOutput)) or (isinstance(key, int) and key < 0):
        raise TypeError(f"an input is named by str, non-negative int or a port of the compiled model, not {key!r}")
    count = len(request.ports.inputs)
    if isinstance(key, int):
        if key >= count:
            raise RuntimeError(f"the model has no input {int(key)}: it has {count}")
        return _give_one(request, int(key), value, share)
    index = request.ports.input_keys.get(key)
    if index is not None:
        return _give_one(request, index, value, share)
    is_input, index = _find(request, key)
    if is_input:
        return _give_one(request, index, value, share)
    return _give_output(request, index, value, share)


def _find(request: InferRequest, key: str | ConstOutput) -> tuple[bool, int]:
    try:
        return request._find(key)
    except RuntimeError:
        known = [name for name in request.ports.input_keys if isinstance(name, str)]
        name = key if isinstance(key, str) else repr(key)
        has = f"it has {', '.join(known)}.{suggestion(name, known)}"
        raise RuntimeError(f"the model has no input {name!r}; {has}") from None


def _give_one(request: InferRequest, index: int, value: Any, share: bool) -> None:
    exact = isinstance(value, np.ndarray) and value.ndim and not _is_odd(request.ports.inputs[index].element_type)
    if exact:
        request.bind_array(index, value, share)
    else:
        bind_value(request, index, value, share)


def _is_odd(element_type: Type) -> bool:
    return element_type is Type.string or element_type is Type.bf16 or packed_bits(element_type) > 0


def _give_output(request: InferRequest, index: int, value: Any, share: bool) -> None:
    """An output named among the inputs: its array is where the result goes. Copied inputs leave outputs alone."""
    if isinstance(value, Tensor):
        request.set_output_tensor(index, value)
    elif share and isinstance(value, np.ndarray):
        request.set_output_tensor(index, Tensor(value, shared_memory=True))


def _is_value(items: list[Any]) -> bool:
    """Whether a list is a value itself, rather than a list of inputs: numbers or strings, up to two levels deep."""
    simple = (str, float, int, bytes)
    rows = [entry if isinstance(entry, list) else [entry] for entry in items]
    return all(isinstance(item, simple) for row in rows for item in row)


def _is_usable(value: Any) -> bool:
    if isinstance(value, (type, complex, np.complexfloating)):
        return False
    return isinstance(value, (np.ndarray, Tensor, *SCALARS)) or shows_elements(value)


def _elements(element_type: Type, value: Any) -> Array:
    """A value as elements that only need a cast for a port of this type; for a port of bf16, as bits."""
    if isinstance(value, (list, *SCALARS)):
        array, found = np.array(value), None
    else:
        array, found = read_array(value)
    if array.dtype.kind in "US":
        array = array.astype(element_type.to_dtype())
    if element_type is Type.bf16 and found is None and array.dtype.itemsize == 2:
        # Two bytes are bf16 bits, whatever numpy calls them; those that DLPack shows are what it says.
        found = Type.bf16 if isinstance(value, np.ndarray) or not hasattr(value, "__dlpack__") else None
    if found is element_type:
        return array.view(element_type.to_dtype())
    if found is not None:
        array = decode(array, found, array.shape)
    return encode(array, Type.bf16) if element_type is Type.bf16 else array


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
    text = f"input {_name(port, index)} has shape {shape}; a single number is given"
    raise RuntimeError(text) if bare or shape.is_dynamic else ValueError(text)


def _bind_strings(request: InferRequest, index: int, value: Any) -> None:
    array = np.array(value)
    port = request.ports.inputs[index]
    if array.dtype.kind not in "US" and not _all_text(array):
        raise RuntimeError(f"input {_name(port, index)} holds strings; {array.dtype} is given")
    if array.ndim == 0 and port.partial_shape.is_static:
        array = array.reshape(tuple(port.shape))
    storage = new_storage(Type.string, array.shape)
    storage.array[...] = as_bytes(array)
    request.set_input_storage(index, storage)


def _all_text(array: Array) -> bool:
    """Whether an object array holds str and bytes alone."""
    return array.dtype.kind == "O" and all(isinstance(item, (str, bytes)) for item in array.ravel().tolist())


def _name(port: ConstOutput, index: int) -> str:
    return f"{index} ({port.any_name!r})" if port.names else str(index)
