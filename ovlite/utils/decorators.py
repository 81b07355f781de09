"""Decorators of functions that make nodes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from ..graph import Node, Output


def custom_preprocess_function(custom_function: Callable[[Output], Node]) -> Callable[[Output], Output]:
    """A step for PreProcessSteps.custom() from a function that returns a Node: its first output."""

    @wraps(custom_function)
    def wrapper(node: Output) -> Output:
        return custom_function(node).output(0)

    return wrapper
