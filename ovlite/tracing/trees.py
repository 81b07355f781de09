"""Arguments and results: arrays within tuples, lists and dicts, taken out and put back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import EllipsisType
from typing import Any

import numpy as np

from .array import Traced, known, refuse, refuse_subclass

Spec = tuple[Any, ...]
CONSTANTS = (type(None), bool, int, float, complex, str, bytes, slice, range, EllipsisType, np.dtype, type, Enum)


@dataclass(frozen=True)
class Static:
    """What is no array. key: equal for values with which a function does the same."""

    key: Any
    value: Any = field(compare=False)


def take_apart(tree: Any, arrays: list[Any]) -> Spec:
    """A hashable description of all but the arrays' elements; the arrays are appended to the list."""
    if isinstance(tree, Traced):
        arrays.append(tree)
        return ("array", tree.dtype, tree.shape)
    if isinstance(tree, (np.ndarray, np.generic)):
        refuse_subclass(tree)
        dtype = known(tree.dtype)
        arrays.append(np.asarray(tree, dtype))
        return ("array", dtype, tree.shape)
    if type(tree) in (tuple, list) or (isinstance(tree, tuple) and hasattr(tree, "_fields")):
        return (type(tree), *(take_apart(part, arrays) for part in tree))
    if type(tree) is dict:
        return (dict, *((Static((type(name), name), name), take_apart(part, arrays)) for name, part in tree.items()))
    return ("static", Static(_key(tree), tree))


def _key(value: Any) -> Any:
    if isinstance(value, (float, complex)):  # 0.0 equals -0.0, and NaN nothing
        return type(value), repr(value)
    if isinstance(value, slice):
        return slice, _key(value.start), _key(value.stop), _key(value.step)
    if not isinstance(value, CONSTANTS) and not callable(value):
        refuse(
            f"an argument or result of type {type(value).__name__} can't be traced; arrays, numbers, strings, "
            "functions, and tuples, lists and dicts of them can"
        )
    return type(value), value


def put_together(spec: Spec, arrays: Sequence[Any]) -> Any:
    """The tree with other arrays in the places of its own."""
    return _put_together(spec, iter(arrays))


def _put_together(spec: Spec, arrays: Any) -> Any:
    kind, *parts = spec
    if kind == "array":
        return next(arrays)
    if kind == "static":
        return parts[0].value
    if kind is dict:
        return {name.value: _put_together(part, arrays) for name, part in parts}
    made = (_put_together(part, arrays) for part in parts)
    return kind(*made) if hasattr(kind, "_fields") else kind(made)
