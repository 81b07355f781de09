"""What the modules of the opsets hold; their constants can be seen as Tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from . import tensor as tensor  # gives constants their tensor_view
from .ops.opset import functions

if TYPE_CHECKING:
    from .graph import Node
    from .ops.model_ports import constant as constant
    from .ops.model_ports import parameter as parameter
    from .ops.model_ports import result as result

    def __getattr__(name: str) -> Callable[..., Node]: ...


__all__ = ["functions"]
