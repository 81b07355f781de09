"""Node factories of opset13."""

from .factories import functions as _functions

__all__ = sorted(_functions(13))
globals().update(_functions(13))
