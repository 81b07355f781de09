"""Node factories of opset9."""

from .factories import functions as _functions

__all__ = sorted(_functions(9))
globals().update(_functions(9))
