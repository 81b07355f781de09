"""Node factories of opset7."""

from .factories import functions as _functions

__all__ = sorted(_functions(7))
globals().update(_functions(7))
