"""Arguments and results: arrays within tuples, lists and dicts, taken out and put back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .array import Traced, known, refuse

Spec = tuple[Any, ...]


def take_apart(tree: Any, arrays: list[Any]) -> Spec:
    """A hashable description of all but the arrays' elements; the arrays are appended to the list."""
    if isinstance(tree, Traced):
        arrays.append(tree)
        return ("array", tree.dtype, tree.shape)
    if isinstance(tree, (np.ndarray, np.generic)):
        dtype = known(tree.dtype.newbyteorder("="))
        arrays.append(np.asarray(tree, dtype))
        return ("array", dtype, tree.shape)
    if type(tree) in (tuple, list):
        return (type(tree), *(take_apart(part, arrays) for part in tree))
    if type(tree) is dict:
        return (dict, *((name, take_apart(part, arrays)) for name, part in tree.items()))
    try:
        hash(tree)
    except TypeError:
        refuse(f"an argument or result of type {type(tree).__name__} can't be traced")
    return ("static", type(tree), tree)


def put_together(spec: Spec, arrays: Sequence[Any]) -> Any:
    """The tree with other arrays in the places of its own."""
    return _put_together(spec, iter(arrays))


def _put_together(spec: Spec, arrays: Any) -> Any:
    kind, *parts = spec
    if kind == "array":
        return next(arrays)
    if kind == "static":
        return parts[1]
    if kind is dict:
        return {name: _put_together(part, arrays) for name, part in parts}
    return kind(_put_together(part, arrays) for part in parts)
