"""Node factories that opset17 adds."""

from typing import TYPE_CHECKING

from . import tensor as _tensor  # gives constants their tensor_view
from .ops import factories as _factories

if TYPE_CHECKING:
    from .factories import __getattr__ as __getattr__

__all__ = sorted(_factories(17))
globals().update(_factories(17))
