"""Node factories of opset15."""

from .factories import functions as _functions

__all__ = sorted(_functions(15))
globals().update(_functions(15))
