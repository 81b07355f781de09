"""Nodes and tensors put in the place of others."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import ModelError
from ..graph import Node, Output, Parameter, Result


def replace_node(
    target: Node, replacement: Node | Sequence[Output], outputs_order: Sequence[int] | None = None
) -> None:
    """Makes all who read a node's outputs read others: those of a node, or Outputs, one for each.

    outputs_order: for each output of the target, the index of the replacement's output. RuntimeError when
    the replacement has more or fewer.
    """
    outputs = replacement.outputs() if isinstance(replacement, Node) else list(replacement)
    if isinstance(target, Result):
        raise ModelError(f"{target} can't be replaced; give it another source, or replace what it reads")
    if len(outputs) != target.get_output_size():
        raise ModelError(f"{target} has {target.get_output_size()} outputs; its replacement has {len(outputs)}")
    if outputs_order is not None:
        outputs = [outputs[index] for index in outputs_order]
    for old, new in zip(target.outputs(), outputs, strict=True):
        if old is not new:
            old.replace(new)


def replace_output_update_name(output: Output, target_output: Output) -> bool:
    """Makes all who read `output` read `target_output`, whose node takes the friendly name of the one it replaces.

    False, and nothing is done, where a result would lose its name: it reads `output`, and `target_output` is a
    parameter's or is a result's already.
    """

    def shown(tensor: Output) -> bool:
        return any(isinstance(port.node, Result) for port in tensor.target_inputs)

    if shown(output):
        if isinstance(target_output.node, Parameter) or shown(target_output):
            return False
        target_output.node.friendly_name = output.node.friendly_name
    output.replace(target_output)
    return True
