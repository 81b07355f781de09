"""Node factories that opset17 adds."""

from . import tensor as tensor  # gives constants their tensor_view
from .ops import factories

__all__ = sorted(factories(17))
globals().update(factories(17))
