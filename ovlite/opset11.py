"""Node factories of opset11."""

from .factories import functions as _functions

__all__ = sorted(_functions(11))
globals().update(_functions(11))
