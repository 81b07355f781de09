"""Node factories of opset12."""

from .factories import functions

__all__ = sorted(functions(12))
globals().update(functions(12))
