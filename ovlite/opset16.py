"""Node factories of opset16."""

from .factories import functions as _functions

__all__ = sorted(_functions(16))
globals().update(_functions(16))
