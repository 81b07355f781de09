"""Bodies of Loop and TensorIterator: constants that every iteration takes become constants of the body."""

from __future__ import annotations

from ...errors import ModelError
from ...graph import Constant, Model, Node, Result
from ...ops.bodies import InvariantInputDescription, MergedInputDescription
from ...ops.control import Iteration


def check_parts(node: Node) -> None:
    """ModelError, which names the node, when the parts that iterations are given do not fill an axis."""
    if isinstance(node.op, Iteration):
        try:
            node.op.check_parts([source.partial_shape for source in node.sources])
        except ModelError as error:
            raise ModelError(f"{node.op.type} {node.friendly_name!r}: {error}") from None


def take_constants(node: Node, body: Model) -> None:
    """Makes the readers of such a parameter of `body` read a constant, so that they can be folded and packed.

    A merged input is one when the body gives it back as it is; the parameter and the result that do so stay.
    """
    if not isinstance(node.op, Iteration):
        return
    for item in node.op.input_descriptions:
        source = node.sources[item.input_index].node
        port = body.parameters[item.body_parameter_index].output(0)
        steady = isinstance(item, InvariantInputDescription) or (
            isinstance(item, MergedInputDescription) and body.results[item.body_value_index].sources[0] is port
        )
        if not steady or not isinstance(source, Constant) or source.output(0).element_type != port.element_type:
            continue
        shape = source.output(0).partial_shape.to_shape()
        constant = Constant.of(source.stored, port.element_type, tuple(shape), source.friendly_name).output(0)
        for reader in {reader for reader in body.get_ordered_ops() if port in reader.sources}:
            if not isinstance(reader, Result):
                reader.set_sources([constant if read is port else read for read in reader.sources])
