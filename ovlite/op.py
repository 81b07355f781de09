"""Classes of nodes, and factories of operations that hold states or bodies."""

from __future__ import annotations

from .graph import Constant, Parameter, Result
from .ops import NEWEST_OPSET
from .ops.opset import functions

__all__ = ["Constant", "Parameter", "Result", "assign", "if_op", "loop", "read_value", "tensor_iterator"]

globals().update({name: make for name, make in functions(NEWEST_OPSET).items() if name in __all__})
