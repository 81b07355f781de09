"""Variables of models, how the bodies of loops and branches are wired, and the names of kinds of operations."""

from ..graph.variables import Variable, VariableInfo
from ..ops.bodies import (
    BodyOutputDescription,
    ConcatOutputDescription,
    InvariantInputDescription,
    MergedInputDescription,
    SliceInputDescription,
)

__all__ = [
    "ArithmeticReduction",
    "BinaryElementwiseArithmetic",
    "BinaryElementwiseComparison",
    "BinaryElementwiseLogical",
    "BodyOutputDescription",
    "ConcatOutputDescription",
    "IndexReduction",
    "InvariantInputDescription",
    "MergedInputDescription",
    "SliceInputDescription",
    "UnaryElementwiseArithmetic",
    "Variable",
    "VariableInfo",
]


class _Kind:
    """A kind of operation. As in openvino, nodes are no instances of it, and none can be made."""

    def __init__(self) -> None:
        raise TypeError(f"a {type(self).__name__} can't be made; the functions of an opset make nodes")


class ArithmeticReduction(_Kind):
    """Reductions of numbers."""


class BinaryElementwiseArithmetic(_Kind):
    """Arithmetic of two tensors."""


class BinaryElementwiseComparison(_Kind):
    """Comparisons of two tensors."""


class BinaryElementwiseLogical(_Kind):
    """Logic of two tensors."""


class IndexReduction(_Kind):
    """Reductions to places, such as that of the greatest element."""


class UnaryElementwiseArithmetic(_Kind):
    """Functions of the elements of a tensor."""
