"""The factories of a model's ports and of its constants, which every opset has."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import OVTypeError, warn
from ..graph import Constant, Node, Output, Parameter, Result
from ..graph.constants import checked, stored_in
from ..graph.elements import decode, encode
from ..graph.hooks import hooks
from ..types import PartialShape, Type
from .declare import as_output, of_python


def parameter(shape: Any, dtype: Any = np.float32, name: str | None = None) -> Parameter:
    """An input of a model.

    shape: list, tuple, str, Shape or PartialShape; dtype: a numpy dtype or class, a Type, or float, int, bool, str.
    """
    return Parameter(_parameter_type(dtype), PartialShape(shape), name)


def _parameter_type(dtype: Any) -> Type:
    if isinstance(dtype, str):
        raise TypeError(f"expected dtype to be a numpy dtype or a Type, got the str {dtype!r}; use np.dtype({dtype!r})")
    if dtype is None:
        raise TypeError("expected dtype to be a numpy dtype or a Type, got None")
    try:
        return Type(of_python(dtype))
    except RuntimeError as error:
        raise OVTypeError(str(error)) from None


def constant(
    value: Any = None, dtype: Any = None, name: str | None = None, *, shared_memory: Any = None, tensor: Any = None
) -> Constant:
    """A tensor of a model, from a number, list, array or Tensor; cast when dtype is given.

    shared_memory: keep the array's own memory instead of a copy; so by default for a Tensor. tensor: a Tensor as value.
    """
    if tensor is not None and getattr(tensor, "_storage", None) is None:
        raise TypeError(
            f"expected tensor to be a Tensor, got {type(tensor).__name__}; arrays and numbers are the value"
        )
    value = value if tensor is None else tensor
    storage = getattr(value, "_storage", None)
    if storage is not None:  # constant(tensor, shared_memory=True, name=None)
        if dtype is not None and not isinstance(dtype, bool):
            raise TypeError("a constant has the element type of its Tensor; convert() makes another")
        wanted = shared_memory if dtype is None else dtype
        return Constant.of(*stored_in(storage, wanted is None or bool(wanted)), name)
    if value is None or isinstance(value, (str, bytes, Node, Output, complex)):
        raise OVTypeError(f"expected a constant to be a number, list, array or Tensor, got {type(value).__name__}")
    if isinstance(dtype, str):
        dtype = np.dtype(dtype)
    array, found = hooks().read_elements(value) or (np.asarray(value), None)
    shape = array.shape
    if found is not None:  # a type that numpy lacks
        shape = value.shape if found.bitwidth < 8 else shape
        array = np.asarray(array, order="C") if dtype is None else decode(array, found, shape)
    if array.dtype.kind in "US":
        return Constant.of(array.astype(object), Type.string, array.shape, name)
    if dtype is not None and array.dtype.isbuiltin == 2:  # a package's own, such as bfloat16 of ml_dtypes
        array = array.astype(np.float32)
    if array.dtype.kind not in "biuf":
        raise OVTypeError(
            f"expected numbers or str as a constant, got {array.dtype}; give the dtype to convert them to"
        )
    stored = found if found is not None and dtype is None else Type(array.dtype)
    element_type = stored if dtype is None else Type(of_python(dtype))
    shared = bool(shared_memory)
    if element_type is not stored or not (array.flags.c_contiguous and array.dtype.isnative):
        if shared:
            warn("a constant of %s %s is copied: its memory can't be shared", array.dtype, array.shape)
        values = checked(array, element_type) if element_type.bitwidth < 8 else array
        return Constant.of(encode(values, element_type), element_type, shape, name)
    return Constant.of(array if shared else np.array(array, order="C"), element_type, shape, name)


def result(input_value: Any, name: str | None = None) -> Result:
    """An output of a model."""
    return Result(as_output(input_value), name)
