"""Node factories of opset15."""

from .ops.opset import functions

__all__ = sorted(functions(15))
globals().update(functions(15))
