"""The model graph: what a model is, whatever operators it holds."""

from .constants import Constant, constant_array
from .leaves import Parameter, Result
from .model import Model
from .node import Node
from .operator import Argument, Operator, PartialValue, TensorType
from .ports import DescriptorTensor, Input, Output
from .queries import DiscreteTypeInfo
from .runtime_info import RTMap

__all__ = [
    "Argument",
    "Constant",
    "DescriptorTensor",
    "DiscreteTypeInfo",
    "Input",
    "Model",
    "Node",
    "Operator",
    "Output",
    "Parameter",
    "PartialValue",
    "RTMap",
    "Result",
    "TensorType",
    "constant_array",
]
