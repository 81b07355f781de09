"""Node factories of opset12."""

from .factories import functions as _functions

__all__ = sorted(_functions(12))
globals().update(_functions(12))
