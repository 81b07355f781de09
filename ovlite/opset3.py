"""Node factories of opset3."""

from .factories import functions as _functions

__all__ = sorted(_functions(3))
globals().update(_functions(3))
