"""Constants that every iteration of a Loop or TensorIterator takes become constants of the body."""

from __future__ import annotations

from ...graph import Constant, Model, Node, Result
from ...ops.bodies import InvariantInputDescription, MergedInputDescription
from ...ops.control import Iteration


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
        constant = Constant.of(source.array, port.element_type, tuple(shape), source.friendly_name).output(0)
        for reader in {reader for reader in body.get_ordered_ops() if port in reader.sources}:
            if not isinstance(reader, Result):
                reader.set_sources([constant if read is port else read for read in reader.sources])
