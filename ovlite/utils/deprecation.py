"""Decorators that tell callers of what will go, and properties of classes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any


def deprecation_warning(function_name: str, version: str = "", message: str = "", stacklevel: int = 2) -> None:
    """Warns that a function will be removed, in a version if one is named."""
    when = f" in version {version}" if version else ""
    text = f"{function_name} is deprecated and will be removed{when}. {message}".rstrip()
    warnings.warn(text, DeprecationWarning, stacklevel=stacklevel + 1)


def deprecated(
    name: str | None = None, version: str = "", message: str = "", stacklevel: int = 2
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator of functions that warn when they are called. name: what they are called in the warning."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def warned(*args: Any, **kwargs: Any) -> Any:
            deprecation_warning(name or function.__name__, version, message, stacklevel)
            return function(*args, **kwargs)

        return warned

    return decorate


class classproperty:
    """A property of a class, read as a class attribute; a decorator of a method of the class."""

    def __init__(self, getter: Any) -> None:
        self._getter = getter.__func__ if isinstance(getter, (classmethod, staticmethod)) else getter

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self._getter(type(instance) if owner is None else owner)


def deprecatedclassproperty(
    name: str | None = None, version: str = "", message: str = "", stacklevel: int = 2
) -> Callable[[Any], classproperty]:
    """A decorator that makes a property of a class, which warns when it is read."""

    def decorate(getter: Any) -> classproperty:
        bare = getter.__func__ if isinstance(getter, (classmethod, staticmethod)) else getter
        return classproperty(deprecated(name, version, message, stacklevel + 1)(bare))

    return decorate
