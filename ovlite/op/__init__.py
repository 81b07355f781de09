"""Classes of nodes: what models are given and give, and operations that hold states or bodies."""

from ..graph import Constant, Parameter, Result
from ..ops.building import if_op, loop, tensor_iterator
from ..ops.state import assign, read_value
from ..runtime import tensor as _tensor  # noqa: F401 - gives constants their tensor_view
from . import util

__all__ = ["Constant", "Parameter", "Result", "assign", "if_op", "loop", "read_value", "tensor_iterator", "util"]
