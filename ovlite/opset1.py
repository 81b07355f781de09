"""Node factories of opset1."""

from .factories import functions as _functions

__all__ = sorted(_functions(1))
globals().update(_functions(1))
