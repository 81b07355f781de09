"""Node factories of opset1."""

from .ops.opset import functions

__all__ = sorted(functions(1))
globals().update(functions(1))
