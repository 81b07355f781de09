"""Node factories of opset8."""

from .factories import functions as _functions

__all__ = sorted(_functions(8))
globals().update(_functions(8))
