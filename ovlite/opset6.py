"""Node factories of opset6."""

from .factories import functions as _functions

__all__ = sorted(_functions(6))
globals().update(_functions(6))
