"""Node factories of opset16."""

from .ops.opset import functions

__all__ = sorted(functions(16))
globals().update(functions(16))
