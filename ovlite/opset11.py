"""Node factories of opset11."""

from .factories import functions

__all__ = sorted(functions(11))
globals().update(functions(11))
