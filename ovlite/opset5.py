"""Node factories of opset5."""

from .factories import functions

__all__ = sorted(functions(5))
globals().update(functions(5))
