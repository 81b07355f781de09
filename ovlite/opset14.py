"""Node factories of opset14."""

from .ops.opset import functions

__all__ = sorted(functions(14))
globals().update(functions(14))
