"""Node factories of opset10."""

from .factories import functions

__all__ = sorted(functions(10))
globals().update(functions(10))
