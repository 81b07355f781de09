"""Node factories of opset9."""

from .factories import functions

__all__ = sorted(functions(9))
globals().update(functions(9))
