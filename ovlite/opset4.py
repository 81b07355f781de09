"""Node factories of opset4."""

from .factories import functions

__all__ = sorted(functions(4))
globals().update(functions(4))
