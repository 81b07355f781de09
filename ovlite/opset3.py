"""Node factories of opset3."""

from .factories import functions

__all__ = sorted(functions(3))
globals().update(functions(3))
