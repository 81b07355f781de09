"""Node factories of opset4."""

from .ops.opset import functions

__all__ = sorted(functions(4))
globals().update(functions(4))
