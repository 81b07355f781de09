"""Node factories of opset5."""

from .factories import functions as _functions

__all__ = sorted(_functions(5))
globals().update(_functions(5))
