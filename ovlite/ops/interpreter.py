"""Models run, and their types inferred, one operator after the other by the operators' own definitions.

The bodies of If, Loop and TensorIterator run this way; whole models too, as the reference for plans.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence

import numpy as np

from ..errors import ModelError
from ..graph import Argument, Constant, Model, Node, Operator, Output, Parameter, Result, TensorType
from ..graph.constants import constant_array
from ..graph.failures import FAILURES, Subject, reason
from ..graph.operator import Array
from ..graph.values import propagate
from .elementwise import Division
from .state import Assign, ReadValueV3


def evaluate_model(
    model: Model, arrays: Sequence[Array], variables: MutableMapping[str, Array] | None = None
) -> list[Array]:
    """The outputs of a model for its inputs, all in the dtypes that are computed in (f16 and bf16 as f32).

    variables: values of variables by id; they are read by ReadValue and replaced by Assign. A variable
    that is not among them takes its initial value, or zeros.
    """
    if len(arrays) != len(model.parameters):
        raise ModelError(f"expected {len(model.parameters)} inputs for {model.friendly_name!r}, got {len(arrays)}")
    given = dict(zip(model.parameters, arrays, strict=True))
    state: MutableMapping[str, Array] = {} if variables is None else variables
    assigned: dict[str, Array] = {}
    values: dict[Output, Array] = {}
    for node in model.get_ordered_ops():
        inputs = [values[source] for source in node.sources]
        outputs = [given[node]] if isinstance(node, Parameter) else outputs_of(node, inputs, state)
        values.update(zip(node.outputs(), outputs, strict=True))
        if isinstance(node.op, Assign):
            assigned[node.op.variable_id] = inputs[0]
    state.update(assigned)
    return [values[result.sources[0]] for result in model.results]


def outputs_of(node: Node, inputs: Sequence[Array], state: MutableMapping[str, Array] | None = None) -> Sequence[Array]:
    """The outputs of a node that is no Parameter. state: values of variables by id."""
    if isinstance(node, Constant):
        return [constant_array(node)]
    if isinstance(node, Result):
        return inputs
    if state and isinstance(node.op, ReadValueV3) and node.op.variable_id in state:
        return [state[node.op.variable_id]]
    return evaluated(node, inputs)


def computed(op: Operator, inputs: Sequence[Array]) -> Sequence[Array]:
    """The outputs of an operator by its own definition. ZeroDivisionError for integers divided by zero."""
    if isinstance(op, Division) and not op.folds(inputs):
        raise ZeroDivisionError("an integer is divided by zero")
    with np.errstate(all="ignore"):
        return op.evaluate(*inputs)


def evaluated(node: Node, inputs: Sequence[Array]) -> Sequence[Array]:
    """The outputs of a node by its operator's own definition. ModelError names the node and its operands."""
    try:
        return computed(node.op, inputs)
    except FAILURES as error:
        subject = Subject.of(node.op.type, node.friendly_name, inputs)
        raise ModelError(f"{subject}: {reason(error)}") from error


def infer_model(model: Model, arguments: Sequence[Argument]) -> list[Argument]:
    """Infers what is known of a model's outputs from what is known of its inputs. The model stays as it is."""
    given = dict(zip(model.parameters, arguments, strict=True))
    known: dict[Output, Argument] = {}
    for node in model.get_ordered_ops():
        found = _arguments(node, [known[source] for source in node.sources], given)
        known.update(zip(node.outputs(), found, strict=False))
    return [known[result.sources[0]] for result in model.results]


def _arguments(node: Node, inputs: Sequence[Argument], given: dict[Parameter, Argument]) -> Sequence[Argument]:
    if isinstance(node, Parameter):
        return [given[node]]
    if isinstance(node, Constant):
        return [node.output(0).argument()]
    if isinstance(node, Result):
        return inputs
    try:
        tensors: Sequence[TensorType] = node.op.infer(inputs)
    except (RuntimeError, ValueError, LookupError, ArithmeticError) as error:
        types = ", ".join(map(str, inputs)) or "nothing"
        raise ModelError(f"in the body, {node.op.type} {node.friendly_name!r} of {types}: {reason(error)}") from None
    values = propagate(node.op, inputs, tensors)
    return [Argument(*tensor, value) for tensor, value in zip(tensors, values, strict=True)]
