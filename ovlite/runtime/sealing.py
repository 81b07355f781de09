"""CACHE_ENCRYPTION_CALLBACKS: functions of a program that encrypt and decrypt exported models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Callbacks = tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]


def sealed(callbacks: Callbacks, data: bytes) -> bytes:
    """What the first function makes of bytes."""
    return _called(callbacks[0], data, "encrypts")


def opened(callbacks: Callbacks, data: bytes) -> bytes:
    """What the second function makes of bytes."""
    return _called(callbacks[1], data, "decrypts")


def _called(function: Callable[[bytes], Any], data: bytes, what: str) -> bytes:
    """RuntimeError for what the function raises, and when it returns no bytes."""
    try:
        found = function(data)
    except Exception as error:
        raise RuntimeError(
            f"the function of CACHE_ENCRYPTION_CALLBACKS that {what} raised {type(error).__name__}: {error}"
        ) from error
    if isinstance(found, str):
        return found.encode()
    if not isinstance(found, (bytes, bytearray, memoryview)):
        raise RuntimeError(
            f"the function of CACHE_ENCRYPTION_CALLBACKS that {what} returned a {type(found).__name__}, not bytes"
        )
    return bytes(found)
