"""Attributes that programs change: values in the types that an operator's fields are declared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from operator import index
from typing import Any, get_type_hints

import numpy as np

from ..records import replace
from ..types import PartialShape, Type
from .operator import Operator


def with_attribute(op: Operator, name: str, value: Any) -> Operator:
    """The operator with another attribute. RuntimeError for one that it has not, or that can't be this value."""
    if name not in op.attributes():
        raise RuntimeError(f"{op.type} has no attribute {name!r}; it has {sorted(op.attributes())}")
    hint = get_type_hints(type(op)).get(name)
    try:
        taken = _TAKERS.get(hint, _as_it_is)(value)
    except (TypeError, ValueError, KeyError):
        wanted = hint.__name__ if isinstance(hint, type) else hint
        raise RuntimeError(f"expected {name} of {op.type} to be of type {wanted}, got {value!r}") from None
    return replace(op, **{name: taken})


def _as_it_is(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _real(value: Any) -> float:
    if not isinstance(value, (int, float, np.number)):
        raise TypeError
    return float(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, (bool, np.bool_)) and index(value) not in (0, 1):
        raise ValueError
    return bool(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value.lower()


def _element_type(value: Any) -> Type:
    return Type._named(value) if isinstance(value, str) else value if isinstance(value, Type) else Type(value)


def _all(take: Callable[[Any], Any], values: Any) -> tuple[Any, ...]:
    if not isinstance(values, (Sequence, np.ndarray)) or isinstance(values, str):
        raise TypeError
    return tuple(take(value) for value in values)


_TAKERS: dict[Any, Callable[[Any], Any]] = {
    int: index,
    float: _real,
    bool: _boolean,
    str: _text,
    Type: _element_type,
    PartialShape: PartialShape,
    tuple[int, ...]: partial(_all, index),
    tuple[float, ...]: partial(_all, _real),
    tuple[str, ...]: partial(_all, _text),
}
