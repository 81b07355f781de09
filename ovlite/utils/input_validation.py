"""Checks of attributes that come as dicts: UserInputError says which one does not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import UserInputError, warn

Condition = Callable[[Any], bool]


def assert_list_of_ints(value_list: Iterable[int], message: str) -> None:
    """Raises UserInputError with a message unless all values are ints."""
    if not isinstance(value_list, Iterable) or not all(isinstance(value, int) for value in value_list):
        warn(message)
        raise UserInputError(message, value_list)


def check_valid_attribute(
    op_name: str,
    attr_dict: Mapping[str, Any],
    attr_key: str,
    val_type: Any,
    cond: Condition | None = None,
    required: bool = False,
) -> bool:
    """True when an attribute is left out though it may be, or when all its values are of a numpy type and condition."""
    if attr_key not in attr_dict:
        if required:
            raise UserInputError(f"{op_name} needs the attribute {attr_key!r}, which is not given")
        return True
    found = attr_dict[attr_key]
    return all(
        _check_value(op_name, attr_key, value, val_type, cond) for value in ([found] if np.isscalar(found) else found)
    )


def _check_value(op_name: str, attr_key: str, value: Any, val_type: Any, cond: Condition | None = None) -> bool:
    """True for a value of a numpy type that meets a condition; UserInputError for others."""
    if not np.issubdtype(type(value), val_type):
        raise UserInputError(f"expected attribute {attr_key!r} of {op_name} to be of type {val_type}, got {value!r}")
    if cond is not None and not cond(value):
        raise UserInputError(f"attribute {attr_key!r} of {op_name} can't be {value!r}")
    return True


def check_valid_attributes(
    op_name: str, attributes: Mapping[str, Any], requirements: Sequence[tuple[str, bool, Any, Condition | None]]
) -> bool:
    """check_valid_attribute() for each (name, required, type, condition)."""
    return all(
        check_valid_attribute(op_name, attributes, name, kind, condition, required)
        for name, required, kind, condition in requirements
    )


def is_positive_value(value: Any) -> bool:
    return bool(value > 0)


def is_non_negative_value(value: Any) -> bool:
    return bool(value >= 0)
