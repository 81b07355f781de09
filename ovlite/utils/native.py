"""What programs need to meet code in C."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np


def get_cmake_path() -> str:
    """An empty text: the folder of CMake files is for openvino's C++ library, which ovlite has not."""
    return ""


def numpy_to_c(array: np.ndarray[Any, Any]) -> Any:
    """A capsule without a name that holds the address of an array's elements; the array has to outlive it."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected an array, got {type(array).__name__}")
    new_capsule = ctypes.pythonapi.PyCapsule_New
    new_capsule.restype = ctypes.py_object
    new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return new_capsule(array.ctypes.data, None, None)
