"""The model graph: what a model is, whatever operators it holds."""

from .model import Model
from .node import Constant, Input, Node, Output, Parameter, Result
from .operator import Argument, Operator, PartialValue, TensorType

__all__ = [
    "Argument",
    "Constant",
    "Input",
    "Model",
    "Node",
    "Operator",
    "Output",
    "Parameter",
    "PartialValue",
    "Result",
    "TensorType",
]
