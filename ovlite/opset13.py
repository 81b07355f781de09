"""Node factories of opset13."""

from .factories import functions

__all__ = sorted(functions(13))
globals().update(functions(13))
