"""Node factories that opset17 adds."""

from . import tensor as _tensor  # gives constants their tensor_view
from .ops import factories as _factories

__all__ = sorted(_factories(17))
globals().update(_factories(17))
