"""Classes of nodes, and factories of operations that hold states or bodies."""

from __future__ import annotations

from ..graph import Constant, Parameter, Result
from ..ops import NEWEST_OPSET
from ..factories import functions
from . import util

_FACTORIES = ("assign", "if_op", "loop", "read_value", "tensor_iterator")

__all__ = ["Constant", "Parameter", "Result", "util", *_FACTORIES]

globals().update({name: functions(NEWEST_OPSET)[name] for name in _FACTORIES})
