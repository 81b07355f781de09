"""Node factories of opset1."""

from .factories import functions

__all__ = sorted(functions(1))
globals().update(functions(1))
