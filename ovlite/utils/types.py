"""Conversions between numpy's names of element types and OpenVINO's, and what stands for tensors of a model."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from ..errors import OVTypeError
from ..graph import Constant, Node, Output
from ..ops.declare import of_python
from ..ops.model_ports import constant
from ..types import Type

TensorShape: TypeAlias = list[int]
NumericData: TypeAlias = int | float | np.ndarray[Any, Any]
NumericType: TypeAlias = type | np.dtype[Any]
ScalarData: TypeAlias = int | float
NodeInput: TypeAlias = Node | NumericData


def get_element_type(data_type: Any) -> Type:
    """The element type of a numpy dtype or class; int is i32 and float is f32. OVTypeError when it has none."""
    if data_type is None or isinstance(data_type, (str, Type)):
        raise OVTypeError(f"expected a numpy dtype or class, got {data_type!r}")
    try:
        return Type(of_python(data_type))
    except (TypeError, RuntimeError) as error:
        raise OVTypeError(str(error)) from None


def get_element_type_str(data_type: Any) -> str:
    """The short name, such as "f32", of the element type of a numpy dtype or class."""
    return get_element_type(data_type).get_type_name()


def get_dtype(openvino_type: Type) -> np.dtype[Any]:
    """The numpy dtype of an element: bf16 is words of 16 bits. OVTypeError for types of less than a byte."""
    if not isinstance(openvino_type, Type):
        raise OVTypeError(f"expected a Type, got {openvino_type!r}")
    if openvino_type is Type.bf16:
        return np.dtype(np.uint16)
    if openvino_type is Type.string:
        return np.dtype(str)
    if openvino_type.bitwidth < 8 or openvino_type.name.startswith("f8"):
        raise OVTypeError(f"numpy has no dtype for an element of {openvino_type.name}")
    return openvino_type.to_dtype()


def get_numpy_ctype(openvino_type: Type) -> type:
    """The numpy class of an element, as get_dtype() finds it."""
    return get_dtype(openvino_type).type


def get_ndarray(data: NumericData | list[Any]) -> np.ndarray[Any, Any]:
    """An array as it is, and a number or list as an array."""
    return data if isinstance(data, np.ndarray) else np.array(data)


def get_shape(data: NumericData | list[Any]) -> Any:
    """The shape of an array, the length of a list in a list, and no lengths for a number."""
    if isinstance(data, np.ndarray):
        return data.shape
    return [len(data)] if isinstance(data, list) else []


def make_constant_node(value: Any, dtype: Any = None, *, name: str | None = None) -> Constant:
    """A constant of a number, list or array."""
    return constant(value, dtype, name)


def as_node(input_value: Any, name: str | None = None) -> Node | Output:
    """A node or an output as it is, and anything else as a constant."""
    return input_value if isinstance(input_value, (Node, Output)) else make_constant_node(input_value, name=name)


def as_nodes(*input_values: Any, name: str | None = None) -> list[Node | Output]:
    """A node or an output for each value."""
    return [as_node(value, name) for value in input_values]
