"""Arrays of other packages: how they are read in place, and how they read the memory of Tensors.

An object shows its elements by the buffer protocol, `__array_interface__`, `__array_struct__`, `__array__`, or
DLPack. numpy reads the first four. DLPack is for what only shows that, and for element types that numpy lacks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph.elements import decode, stored_bits
from ..kernels.runtime.dlpack import element_kind, set_element_kind
from ..kernels.runtime.storage import Storage
from ..types import Type

Array = npt.NDArray[Any]

_OF_NUMPY = ("__array__", "__array_interface__", "__array_struct__")
_DEVICES = {2: "CUDA", 4: "OpenCL", 7: "Vulkan", 8: "Metal", 10: "ROCm", 14: "oneAPI", 15: "WebGPU", 16: "Hexagon"}
# Devices whose memory the processor reads: its own, pinned memory of CUDA and ROCm, and managed memory of CUDA.
_HOST = (1, 3, 11, 13)
# What DLPack calls the types of whole bytes that numpy lacks: (type code, bits). Source: dlpack.h, DLPack 1.1.
_KINDS = {
    Type.bf16: (4, 16), Type.f8e4m3: (10, 8), Type.f8e4m3fnuz: (11, 8), Type.f8e5m2: (12, 8), Type.f8e5m2fnuz: (13, 8),
    Type.f8e8m0: (14, 8),
}  # fmt: skip
_TYPES = {kind: element_type for element_type, kind in _KINDS.items()}
_UNSIGNED = 1


def shows_elements(value: Any) -> bool:
    """Return whether an object has a protocol that read_array() knows. Classes and numpy's scalars have none."""
    if isinstance(value, np.ndarray):
        return True
    if isinstance(value, (type, np.generic)):
        return False
    return hasattr(value, "__dlpack__") or _is_of_numpy(value)


def read_array(value: Any) -> tuple[Array, Type | None]:
    """An array on the memory of `value`, and the element type where numpy lacks it: the array then holds its bits.

    Bits of less than a byte, as dtypes of ml_dtypes hold one a byte, are packed into a new array of one dimension.
    bytes are elements of u8. Memory that may not be written to makes a read-only array, and so does memory of which
    this is not known. TypeError for memory of another device than the processor; errors of the object itself come as
    they are.
    """
    if isinstance(value, np.ndarray):
        refuse_masked(value)
        return stored_bits(value) or (value, None)
    if _is_of_numpy(value):
        try:
            return read_array(np.asarray(memoryview(value) if isinstance(value, bytes) else value))
        except TypeError:
            if not hasattr(value, "__dlpack__"):
                raise
    _check_device(value)
    words = _Words(value)
    array = np.from_dlpack(words)
    found = words.element_type
    return (array, None) if found is None else (array.view(found.to_dtype()), found)


def refuse_masked(array: Array) -> None:
    """TypeError for a masked array some of whose elements are masked: they have no values."""
    if type(array) is not np.ndarray and isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise TypeError("elements of the array are masked and have no value; array.filled(value) gives them one")


def _is_of_numpy(value: Any) -> bool:
    if any(hasattr(value, name) for name in _OF_NUMPY):
        return True
    try:
        memoryview(value).release()
    except TypeError:
        return False
    return True


def _check_device(value: Any) -> None:
    if hasattr(value, "__dlpack_device__"):
        kind, _ = value.__dlpack_device__()
        if kind in _HOST:
            return
        name = _DEVICES.get(int(kind), f"type {int(kind)} of DLPack")
    elif hasattr(value, "__cuda_array_interface__") and not _is_of_numpy(value):
        name = "CUDA"
    else:
        return
    raise TypeError(
        f"a {type(value).__name__} on a device ({name}) can't be read; copy it to the processor's memory first, "
        "as cpu() of a torch tensor and get() of a cupy array do"
    )


class _Words:
    """Reads an array by DLPack; elements of types that numpy lacks become unsigned integers of their size."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self.element_type: Type | None = None

    def __dlpack_device__(self) -> Any:
        return self._source.__dlpack_device__()

    def __dlpack__(self, **wishes: Any) -> Any:
        capsule = self._source.__dlpack__(**wishes)
        code, bits, lanes = element_kind(capsule)
        self.element_type = _TYPES.get((code, bits)) if lanes == 1 else None
        if self.element_type is not None:
            set_element_kind(capsule, _UNSIGNED, bits)
        return capsule


def exported(storage: Storage) -> Array:
    """The array whose memory and dtype buffers show. BufferError where numpy has no dtype for the elements."""
    if not _is_plain(storage):
        raise BufferError(_refusal(storage))
    return storage.array


def elements(storage: Storage, dtype: npt.DTypeLike | None) -> tuple[Array, bool]:
    """(the elements as numbers of any dtype, whether they are a copy). TypeError where numpy has no dtype for them,
    and none to convert them to is given."""
    if _is_plain(storage):
        return storage.array, False
    if dtype is None:
        raise TypeError(_refusal(storage))
    return decode(storage.array, storage.element_type, storage.shape), True


def capsule(storage: Storage, **wishes: Any) -> Any:
    """The DLPack capsule of the memory, which lives as long as the consumer needs it.

    wishes: the arguments of `__dlpack__`. BufferError for strings and packed elements, and for a wish that can't be.
    """
    if storage.bits or storage.element_type is Type.string:
        raise BufferError(_refusal(storage))
    kind = _KINDS.get(storage.element_type)
    array = storage.array if kind is None else storage.array.view(f"u{storage.array.itemsize}")
    made = array.__dlpack__(**{name: wish for name, wish in wishes.items() if wish is not None})
    if kind is not None:
        set_element_kind(made, *kind)
    return made


def _is_plain(storage: Storage) -> bool:
    element_type = storage.element_type
    return not storage.bits and element_type is not Type.string and element_type not in _KINDS


def _refusal(storage: Storage) -> str:
    """Why the elements can't be shown, and what shows them."""
    name = storage.element_type.name
    if storage.element_type is Type.string:
        return "strings can't be shown in place; str_data and bytes_data are copies of them"
    ways = "data shows their bits, np.asarray(tensor, np.float32) converts them"
    ways += "" if storage.bits else ", and DLPack tells their type"
    return f"elements of {name} have no dtype in numpy; {ways}"


def read_elements(value: Any) -> tuple[Array, Type | None] | None:
    """read_array(), None for what shows no elements."""
    return read_array(value) if shows_elements(value) else None
