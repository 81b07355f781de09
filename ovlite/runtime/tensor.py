"""Tensor: typed memory that requests read from and write to."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph import Constant, Output
from ..graph.elements import SMALL_FLOATS, as_bytes
from ..kernels.runtime.storage import Shown, Storage, view_on
from ..types import PartialShape, Shape, Strides, Type
from .arrays import capsule, elements, exported, read_array, shows_elements

Array = npt.NDArray[Any]


def packed_bits(element_type: Type) -> int:
    """Bits of an element for types that are packed into bytes, 0 for all others."""
    return element_type.bitwidth if 0 < element_type.bitwidth < 8 else 0


def is_foreign(element_type: Type) -> bool:
    """Return whether numpy has no dtype of its own for the elements, so that values need more than a cast to it."""
    return element_type.name in ("string", "bf16", *SMALL_FLOATS) or packed_bits(element_type) > 0


def new_storage(element_type: Type, shape: Sequence[int]) -> Storage:
    """Memory for a tensor, not initialised."""
    if element_type.is_dynamic():
        raise RuntimeError("a tensor needs an element type; dynamic is none")
    dtype = np.dtype(object) if element_type is Type.string else element_type.to_dtype()
    return Storage.new(element_type, dtype, tuple(shape), packed_bits(element_type))


def from_strings(strings: Array, decode: bool) -> Array:
    """An object array of UTF-8 bytes as a U array, or as an S array."""
    items = strings.ravel().tolist()
    flat = np.array([item.decode(errors="replace") for item in items], "U") if decode else np.array(items, "S")
    return flat if flat.shape == strings.shape else flat.reshape(strings.shape).copy()


class Tensor(Shown):
    """Elements of one type in a shape.

    Tensor(array, shared_memory=False)   a copy, or the array's own memory, which must be C-contiguous and writable
    Tensor(list)                         numpy's default type for the elements
    Tensor(type, shape)                  new memory; its elements are not defined
    Tensor(array, shape, type)           the array's bytes, seen in another shape and type
    Tensor(port), Tensor(port, array)    type and shape of a model's port
    Tensor(tensor, begin, end)           the region [begin, end) of another tensor, on the same memory

    An array is also what shows its elements by the buffer protocol, `__array_interface__`, `__array__` or DLPack, such
    as a memoryview, a tensor of torch, or an image of Pillow. Tensors show theirs by all of these but the second:
    np.asarray(tensor), memoryview(tensor) and torch.from_dlpack(tensor) are on the tensor's memory.
    """

    __slots__ = ("__weakref__", "_viewed")
    _viewed: Array | None  # the memory that the first view of `data` shows, kept for that view

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._viewed = None
        plain = len(args) == 1 and not kwargs and type(args[0]) is np.ndarray and args[0].dtype.isbuiltin < 2
        self._storage = _of_array(args[0]) if plain else _construct(args, kwargs)

    @classmethod
    def _on(cls, storage: Storage) -> Tensor:
        """A Tensor that shows `storage`."""
        tensor = cls.__new__(cls)
        tensor._storage = storage
        tensor._viewed = None
        storage.shown = True
        return tensor

    @property
    def element_type(self) -> Type:
        element_type: Type = self._storage.element_type
        return element_type

    @property
    def shape(self) -> Shape:
        return Shape(self._storage.shape)

    @shape.setter
    def shape(self, shape: Any) -> None:
        self.set_shape(shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self._storage.shape)

    @property
    def byte_size(self) -> int:
        return self._storage.array.size * self._storage.array.itemsize

    @property
    def strides(self) -> Strides:
        """Bytes between neighbours along each dimension."""
        if self._storage.bits:
            raise RuntimeError(f"elements of {self.element_type.name} are packed; there are no strides in bytes")
        return Strides(self._storage.array.strides)

    @property
    def data(self) -> Array:
        """A writable view; packed bytes in one dimension for types of less than a byte, for strings a copy."""
        storage = self._storage
        if storage.element_type is Type.string:
            warnings.warn("data of a string tensor is a copy; use str_data or bytes_data", RuntimeWarning, stacklevel=2)
            return from_strings(storage.array, decode=False)
        if self._viewed is None:
            self._viewed = storage.memory
        base = self if self._viewed is storage.memory else Tensor._on(storage)
        base._viewed = storage.memory
        return view_on(storage.array, base)

    def _exported(self) -> Array:
        return exported(self._storage)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        """The elements as an array on the tensor's memory, unless `copy` or another dtype asks for new memory.

        Strings are copied as str. Elements of types that numpy lacks, such as bf16, are converted to `dtype`;
        TypeError when it is not given. ValueError for copy=False where a copy has to be made.
        """
        is_string = self.element_type is Type.string
        array, copied = (self.str_data, True) if is_string else elements(self._storage, dtype)
        if copied and copy is False:
            raise ValueError(f"elements of {self.element_type.name} become an array by a copy only")
        return np.array(array, dtype, copy=None if copied else copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0

    def __dlpack__(
        self, *, stream: None = None, max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None, copy: bool | None = None,
    ) -> Any:  # fmt: skip
        """A DLPack capsule on the tensor's memory, which it keeps. BufferError for strings and packed elements."""
        return capsule(self._storage, stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)

    @property
    def str_data(self) -> Array:
        """A copy of the strings as str."""
        return from_strings(self._strings(), decode=True)

    @str_data.setter
    def str_data(self, strings: Any) -> None:
        self._set_strings(strings)

    @property
    def bytes_data(self) -> Array:
        """A copy of the strings as bytes."""
        return from_strings(self._strings(), decode=False)

    @bytes_data.setter
    def bytes_data(self, strings: Any) -> None:
        self._set_strings(strings)

    def _strings(self) -> Array:
        if self.element_type is not Type.string:
            raise RuntimeError(f"expected a tensor of strings, got {self.element_type.name}")
        return self._storage.array

    def _set_strings(self, strings: Any) -> None:
        target = self._strings()
        array = np.array(strings)
        if array.dtype.kind not in "US":
            raise RuntimeError(f"expected elements of a string tensor to be str or bytes, got {array.dtype}")
        if array.size != target.size:
            raise RuntimeError(f"{array.size} strings for a tensor of {target.size}")
        target[...] = as_bytes(array).reshape(target.shape)

    def set_shape(self, shape: Any) -> None:
        """Changes the shape; a larger one needs memory of the tensor's own, and moves it."""
        self._storage.set_shape(tuple(Shape(shape)))

    def copy_to(self, target_tensor: Tensor) -> None:
        """Copies the elements to a tensor of the same type, which takes this one's shape."""
        if not isinstance(target_tensor, Tensor):
            raise TypeError(f"expected copy_to to take a Tensor, got {type(target_tensor).__name__}")
        target_tensor.copy_from(self)

    def copy_from(self, source: Any = None, *, source_tensor: Tensor | None = None) -> None:
        """Takes the elements and the shape of a Tensor, array or list of the same element type."""
        source = source if source_tensor is None else source_tensor
        source = source if isinstance(source, Tensor) else Tensor(source)
        if source.element_type is not self.element_type:
            raise RuntimeError(f"elements of {source.element_type.name} can't be copied to {self.element_type.name}")
        self._storage.set_shape(source._storage.shape)
        self._storage.array[...] = source._storage.array

    def is_continuous(self) -> bool:
        """True when the elements lie in C order without gaps."""
        return bool(self._storage.array.flags.c_contiguous)

    def get_element_type(self) -> Type:
        return self.element_type

    def get_shape(self) -> Shape:
        return self.shape

    def get_size(self) -> int:
        return self.size

    def get_byte_size(self) -> int:
        return self.byte_size

    def get_strides(self) -> Strides:
        return self.strides

    def __copy__(self) -> Tensor:
        return Tensor._on(self._storage)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        twin = Tensor._on(new_storage(self.element_type, self._storage.shape))
        twin._storage.array[...] = self._storage.array
        return twin

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.element_type, self._storage.shape, np.asarray(self._storage.array, order="C"))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: shape{self.shape} type: {self.element_type.name}>"


def _restored(element_type: Type, shape: tuple[int, ...], array: Array) -> Tensor:
    """A tensor from what its pickle holds."""
    tensor = Tensor._on(new_storage(element_type, shape))
    tensor._storage.array[...] = array
    return tensor


def _construct(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Storage:
    if not args:
        name = next((name for name in ("other", "port", "array", "type", "list") if name in kwargs), None)
        if name is None:
            raise TypeError("Tensor() takes an array, a list, a type and a shape, a port, or a tensor and a region")
        args = (kwargs.pop(name),)
    first, rest = args[0], args[1:]
    if isinstance(first, Output) or hasattr(first, "_as_output"):
        return _of_port(first, *rest, **kwargs)
    if isinstance(first, Tensor):
        return _region(first, *rest, **kwargs)
    if isinstance(first, list):
        return _of_array(np.array(first), *rest, **kwargs)
    if shows_elements(first):
        array, element_type = read_array(first)
        if rest and not isinstance(rest[0], (bool, np.bool_)) or "shape" in kwargs:
            return _reinterpreted(array, *rest, **kwargs)
        if element_type is not None and packed_bits(element_type):
            return _of_packed(array, element_type, first.shape, *rest, **kwargs)
        return _of_array(array, *rest, **kwargs, element_type=element_type)
    if rest or "shape" in kwargs:
        return _new(first, *rest, **kwargs)
    what = type(first).__name__
    raise TypeError(f"a Tensor can't be made from {what}; pass a numpy array, as np.asarray makes of many things")


def _new(type: Any, shape: Any) -> Storage:
    return new_storage(type if isinstance(type, Type) else Type(type), tuple(Shape(shape)))


@cache
def _type_of(dtype: np.dtype[Any]) -> Type:
    return Type(dtype)


def _of_array(array: Array, shared_memory: bool = False, *, element_type: Type | None = None) -> Storage:
    element_type = _type_of(array.dtype) if element_type is None else element_type
    if element_type is Type.string:
        if shared_memory:
            raise RuntimeError("a string tensor can't share memory with an array")
        return Storage(element_type, as_bytes(array), owned=True)
    if not shared_memory:
        dtype = array.dtype
        native = np.array(array, dtype if dtype.isnative else dtype.newbyteorder("="), order="C")
        return Storage(element_type, native, None, 0, True)
    if not array.flags.c_contiguous:
        raise RuntimeError("shared_memory needs a C-contiguous array; pass np.asarray(array, order='C')")
    if not array.dtype.isnative:
        raise RuntimeError(f"expected native byte order for shared_memory, got {array.dtype.str}")
    if not array.flags.writeable:
        raise ValueError("shared_memory needs an array that is writeable")
    # A subclass is seen as plain memory; numpy would keep alive its base alone, were it not in a tuple.
    return Storage(element_type, array if type(array) is np.ndarray else view_on(array, (array,)))


def _of_packed(array: Array, element_type: Type, shape: tuple[int, ...], shared_memory: bool = False) -> Storage:
    if shared_memory:
        raise RuntimeError(f"{element_type.name} of an array lie one in a byte, those of a tensor packed: pass a copy")
    return Storage(element_type, array, shape, packed_bits(element_type), True)


def _reinterpreted(array: Array, shape: Any, type: Type = Type.dynamic) -> Storage:
    if not isinstance(type, Type):
        raise TypeError(f"expected a Type to read the bytes of an array as, got {type!r}")
    element_type = Type(array.dtype) if type.is_dynamic() else type
    dims = tuple(Shape(shape))
    bits = element_type.bitwidth
    if element_type is Type.string:
        raise RuntimeError("a string tensor can't share memory with an array")
    if not array.flags.c_contiguous:
        raise RuntimeError("a tensor on an array's memory needs a C-contiguous array")
    count = math.prod(dims)
    needed = (count * bits + 7) // 8
    if needed > array.nbytes:
        found = f"the array has {array.nbytes}"
        raise RuntimeError(f"shape {list(dims)} of {element_type.name} takes {needed} bytes; {found}")
    held = np.asarray(array).reshape(-1).view(np.uint8)[:needed].view(element_type.to_dtype())
    packed = packed_bits(element_type)
    return Storage(element_type, held if packed else held.reshape(dims), dims, packed)


def _of_port(port: Any, array: Any = None) -> Storage:
    shape: PartialShape = port.partial_shape
    dims = tuple(shape.to_shape()) if shape.is_static else (0,)
    if array is None:
        return new_storage(port.element_type, dims)
    if not shows_elements(array):
        raise TypeError(f"expected an array to make a port's tensor on, got {type(array).__name__}")
    shown = array
    array, found = read_array(shown)
    given = shown.shape if found is not None and packed_bits(found) else array.shape
    if (found or Type(array.dtype)) is not port.element_type:
        text = f"the bytes of {array.dtype} elements are read as {port.element_type.name}"
        warnings.warn(text, RuntimeWarning, stacklevel=4)
    if shape.is_dynamic:
        dims = given
    elif math.prod(dims) < math.prod(given):
        text = f"of an array of shape {given} the port's shape {dims} takes only the first elements"
        warnings.warn(text, RuntimeWarning, stacklevel=4)
    return _reinterpreted(array, dims, port.element_type)


def _region(tensor: Tensor, begin: Any, end: Any) -> Storage:
    storage = tensor._storage
    if storage.bits:
        raise RuntimeError(f"elements of {tensor.element_type.name} are packed; a region of them has no address")
    bounds = list(zip(begin, end, strict=True))
    shape = storage.shape
    inside = all(0 <= low <= high <= dim for (low, high), dim in zip(bounds, shape, strict=False))
    if len(bounds) != len(shape) or not inside:
        raise RuntimeError(f"the region {list(begin)} .. {list(end)} does not lie in a tensor of shape {list(shape)}")
    return Storage(storage.element_type, storage.array[tuple(slice(int(low), int(high)) for low, high in bounds)])


def on_memory(value: Any) -> Tensor:
    """A Tensor itself, or one on the memory of what shows its elements. TypeError for all else."""
    if isinstance(value, Tensor):
        return value
    if not shows_elements(value):
        raise TypeError(f"expected a Tensor or an array, got {type(value).__name__}")
    return Tensor(value, shared_memory=True)


def tensor_from_file(path: str | os.PathLike[str]) -> Tensor:
    """The bytes of a file, as a u8 tensor; FileNotFoundError when there is none."""
    return Tensor(np.fromfile(path, np.uint8), shared_memory=True)


def tensor_of(constant: Constant) -> Tensor:
    """A tensor on a constant's memory; strings are copied."""
    array, element_type, shape = constant.array, constant.get_element_type(), tuple(constant.shape)
    if element_type is Type.string:
        return Tensor._on(Storage(element_type, as_bytes(array).reshape(shape)))
    packed = packed_bits(element_type)
    return Tensor._on(Storage(element_type, array if packed else array.reshape(shape), shape, packed))
