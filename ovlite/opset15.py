"""Node factories of opset15."""

from .factories import functions

__all__ = sorted(functions(15))
globals().update(functions(15))
