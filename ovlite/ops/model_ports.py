"""The factories of a model's ports and of its constants, which every opset has."""

from __future__ import annotations

import logging
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..errors import OVTypeError
from ..graph import Constant, Node, Output, Parameter, Result
from ..types import PartialShape, Type
from .declare import as_output

_log = logging.getLogger("ovlite")


def parameter(shape: Any, dtype: Any = np.float32, name: str | None = None) -> Parameter:
    """An input of a model.

    shape: list, tuple, str, Shape or PartialShape; dtype: a numpy dtype or class, a Type, or float, int, bool, str.
    """
    return Parameter(_parameter_type(dtype), PartialShape(shape), name)


def _parameter_type(dtype: Any) -> Type:
    if isinstance(dtype, str):
        raise TypeError(f"dtype is a numpy dtype or a Type, not the str {dtype!r}; use np.dtype({dtype!r})")
    if dtype is float or dtype is int:
        narrow = Type.f32 if dtype is float else Type.i32
        _log.warning("dtype %s is taken as %s; a numpy dtype or a Type says the width", dtype.__name__, narrow.name)
        return narrow
    if dtype is None:
        raise TypeError("dtype is a numpy dtype or a Type, not None")
    try:
        return Type(dtype)
    except RuntimeError as error:
        raise OVTypeError(str(error)) from None


def constant(value: Any, dtype: Any = None, name: str | None = None, *, shared_memory: Any = None) -> Constant:
    """A tensor of a model, from a number, list, array or Tensor; cast when dtype is given.

    shared_memory: keep the array's own memory instead of a copy; so by default for a Tensor.
    """
    storage = getattr(value, "_storage", None)
    if storage is not None:
        return _of_storage(storage, dtype, name, shared_memory)
    if value is None or isinstance(value, (str, bytes, Node, Output, complex)):
        raise OVTypeError(f"a constant is a number, list, array or Tensor, not {type(value).__name__}")
    if isinstance(dtype, str):
        raise TypeError(f"dtype is a numpy dtype or a Type, not the str {dtype!r}; use np.dtype({dtype!r})")
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise OVTypeError(f"elements of a constant are numbers, not {array.dtype}")
    element_type = Type(array.dtype) if dtype is None else Type(dtype)
    shared = bool(shared_memory)
    if element_type is not Type(array.dtype) or not (array.flags.c_contiguous and array.dtype.isnative):
        if shared:
            _log.warning("a constant of %s %s is copied: its memory can't be shared", array.dtype, array.shape)
        return Constant(encode(array, element_type), element_type, array.shape, name)
    return Constant(array if shared else np.array(array, order="C"), element_type, array.shape, name)


def _of_storage(storage: Any, dtype: Any, name: str | None, shared_memory: Any) -> Constant:
    """A constant of a Tensor: constant(tensor, shared_memory=True, name=None)."""
    shared = dtype if isinstance(dtype, bool) else True if shared_memory is None else bool(shared_memory)
    array = storage.array if shared and storage.array.flags.c_contiguous else np.array(storage.array, order="C")
    return Constant(array, storage.element_type, storage.shape, name)


def encode(array: npt.NDArray[Any], element_type: Type) -> npt.NDArray[Any]:
    """Numbers as the elements of a stored tensor: cast as numpy does, bf16 rounded, small integers packed."""
    if element_type is Type.bf16:
        with np.errstate(over="ignore"):
            wide = np.ascontiguousarray(array, np.float32)
        bits = wide.view(np.uint32)
        rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
        return np.where(np.isnan(wide), np.uint16(0x7FC0), rounded).view(np.float16)
    if element_type.bitwidth >= 8 and not element_type.name.startswith("f8"):
        return np.ascontiguousarray(array.astype(element_type.to_dtype()))
    if not element_type.integral:
        raise RuntimeError(f"numbers can't be converted to {element_type.name}; pass a Tensor of that type")
    width = element_type.bitwidth
    planes = (array.ravel().astype(np.int64)[:, None] >> np.arange(width)) & 1
    order: Literal["big", "little"] = "big" if width == 1 else "little"
    return np.packbits(planes.astype(np.uint8).ravel(), bitorder=order).view(element_type.to_dtype())


def result(data: Any, name: str | None = None) -> Result:
    """An output of a model."""
    return Result(as_output(data), name)
