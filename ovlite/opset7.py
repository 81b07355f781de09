"""Node factories of opset7."""

from .factories import functions

__all__ = sorted(functions(7))
globals().update(functions(7))
