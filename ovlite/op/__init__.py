"""Classes of nodes, and factories of operations that hold states or bodies."""

from __future__ import annotations

from ..graph import Constant, Parameter, Result
from ..ops import NEWEST_OPSET
from . import util
from ..ops.opset import functions

__all__ = ["Constant", "Parameter", "Result", "util"]

globals().update({name: make for name, make in functions(NEWEST_OPSET).items() if name in __all__})
