"""Conversions between numpy's names of element types and OpenVINO's."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..types import Type


def get_element_type(data_type: Any) -> Type:
    """The element type of a numpy dtype or class; int is i32 and float is f32."""
    if data_type is int:
        return Type.i32
    return Type.f32 if data_type is float else Type(data_type)


def get_element_type_str(data_type: Any) -> str:
    """The short name, such as "f32", of the element type of a numpy dtype or class."""
    return get_element_type(data_type).get_type_name()


def get_dtype(openvino_type: Type) -> np.dtype[Any]:
    """The numpy dtype that holds an element of the type."""
    return openvino_type.to_dtype()
