"""Node factories of opset6."""

from .factories import functions

__all__ = sorted(functions(6))
globals().update(functions(6))
