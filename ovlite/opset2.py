"""Node factories of opset2."""

from .factories import functions

__all__ = sorted(functions(2))
globals().update(functions(2))
