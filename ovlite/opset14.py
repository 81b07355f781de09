"""Node factories of opset14."""

from .factories import functions

__all__ = sorted(functions(14))
globals().update(functions(14))
