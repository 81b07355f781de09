"""Node factories of opset6."""

from .ops.opset import functions

__all__ = sorted(functions(6))
globals().update(functions(6))
