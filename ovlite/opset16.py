"""Node factories of opset16."""

from .factories import functions

__all__ = sorted(functions(16))
globals().update(functions(16))
