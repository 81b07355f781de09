"""Node factories of opset8."""

from .factories import functions

__all__ = sorted(functions(8))
globals().update(functions(8))
