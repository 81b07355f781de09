"""Node factories of opset10."""

from .factories import functions as _functions

__all__ = sorted(_functions(10))
globals().update(_functions(10))
