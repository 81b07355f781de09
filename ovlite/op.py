"""Classes of nodes, and factories of operations that hold states or bodies."""

from __future__ import annotations

from .graph import Constant, Parameter, Result
from .ops import NEWEST_OPSET, factories

__all__ = ["Constant", "Parameter", "Result"]

globals().update({name: make for name, make in factories(NEWEST_OPSET).items() if name in (
    "assign", "if_op", "loop", "read_value", "tensor_iterator")})  # fmt: skip
