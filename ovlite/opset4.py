"""Node factories of opset4."""

from .factories import functions as _functions

__all__ = sorted(_functions(4))
globals().update(_functions(4))
