"""Small questions about the graph that several passes ask."""

from __future__ import annotations

from ...graph import Constant, Model, Node, Output
from ...graph.operator import Array

# Operators whose output is a matrix, or an image, of sums of products with the weights.
MATRIX_TYPES = frozenset(
    {
        "CompressedMatMul", "Convolution", "ConvolutionBackpropData", "GroupConvolution",
        "GroupConvolutionBackpropData", "MatMul",
    }
)  # fmt: skip


def constant(output: Output) -> Array | None:
    """The elements of a constant, None for any other tensor."""
    node = output.node
    if not isinstance(node, Constant):
        return None
    stored, shape = node.stored, node._shape
    if stored.dtype.kind not in "biuf":
        return None
    return stored if stored.shape == shape else stored.reshape(shape)


def single(output: Output) -> float | None:
    """The value of a constant of one element, None for any other tensor."""
    array = constant(output)
    return float(array.flat[0]) if array is not None and array.size == 1 else None


def is_op(output: Output, *types: str) -> bool:
    """True for output 0 of a node of one of these types."""
    return output.node.op.type in types and output.index == 0


def operands(node: Node) -> tuple[Output, Array] | None:
    """(the other operand, the constant) of a binary node one of whose operands is constant."""
    left, right = node.sources
    for data, other in ((left, right), (right, left)):
        array = constant(other)
        if array is not None and constant(data) is None:
            return data, array
    return None


def name_of(node: Node, end: Node) -> str:
    """The name of `node` with all up to `end` fused into it: its own, if it was given one, or that of `end`."""
    return end.friendly_name if node.friendly_name == node.name else node.friendly_name


class Users:
    """Readers of each tensor of a model, as the graph stands now."""

    def __init__(self, model: Model) -> None:
        self._users: dict[Output, list[Node]] = {}
        for node in model.get_ordered_ops():
            for source in node.sources:
                self._users.setdefault(source, []).append(node)

    def of(self, output: Output) -> list[Node]:
        return self._users.get(output, [])

    def set(self, output: Output, readers: list[Node]) -> None:
        """Says who reads a tensor now."""
        self._users[output] = readers

    def only(self, output: Output) -> Node | None:
        """The one node that reads the tensor, once; None when there are more or none."""
        users = self.of(output)
        return users[0] if len(users) == 1 else None
