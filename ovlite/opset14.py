"""Node factories of opset14."""

from .factories import functions as _functions

__all__ = sorted(_functions(14))
globals().update(_functions(14))
