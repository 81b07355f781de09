"""Node factories of opset2."""

from .factories import functions as _functions

__all__ = sorted(_functions(2))
globals().update(_functions(2))
