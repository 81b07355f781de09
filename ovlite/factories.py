"""What the modules of the opsets hold; their constants can be seen as Tensors."""

from . import tensor as tensor  # gives constants their tensor_view
from .ops.opset import functions

__all__ = ["functions"]
