"""Passes of openvino.passes that make a model keep tensors from one inference to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from ..errors import ModelError
from ..graph import Constant, Model, Node, Output, Parameter, Result
from ..graph.variables import Variable, VariableInfo
from ..ops import NEWEST_OPSET, factories
from ..ops.bodies import BodyOutputDescription, MergedInputDescription
from ..ops.control import Iteration
from ..records import replace
from .manager import ModelPass

Pairs = Sequence[tuple[Parameter, Result]] | Mapping[str, str]
_End = TypeVar("_End", Parameter, Result)
# Sequences over time: the inputs that are states, and the outputs that are their last values.
_SEQUENCES = {"LSTMSequence": ((1, 1), (2, 2)), "GRUSequence": ((1, 1),), "RNNSequence": ((1, 1),)}


def _keep(model: Model, name: str, start: Output | None, like: Output, value: Output) -> Output:
    """Adds a variable of the type of `like` that starts as `start`, or as zeros, and becomes `value`; what reads it."""
    ops = factories(NEWEST_OPSET)
    variable = Variable(VariableInfo(like.partial_shape, like.element_type, name))
    read = ops["read_value"](variable) if start is None else ops["read_value"](start, variable)
    model.add_variables([variable])
    model.add_sinks([ops["assign"](value, variable)])
    return read.output(0)


class MakeStateful(ModelPass):
    """Makes variables of pairs of parameters and results: what a result gives, the parameter reads next time.

    Pairs are nodes, or a dict of tensor names; the variable's id is the parameter's name and the result's.
    """

    def __init__(self, pairs_to_replace: Pairs) -> None:
        self._pairs = pairs_to_replace

    def run_on_model(self, model: Model) -> None:
        for parameter, result in self._found(model):
            port = parameter.output(0)
            name = parameter.friendly_name + result.friendly_name
            value = result.sources[0]
            model.remove_parameter(parameter)
            model.remove_result(result)
            port.replace(_keep(model, name, None, port, value))

    def _found(self, model: Model) -> list[tuple[Parameter, Result]]:
        if not isinstance(self._pairs, Mapping):
            pairs = list(self._pairs)
            for parameter, result in pairs:
                if parameter not in model.parameters or result not in model.results:
                    raise ModelError(f"{parameter} and {result} are not a parameter and a result of the model")
            return pairs
        return [(_named(model.parameters, key), _named(model.results, value)) for key, value in self._pairs.items()]


def _named(ends: Sequence[_End], name: str) -> _End:
    for end in ends:
        if name in end.output(0).names:
            return end
    raise ModelError(f"the model has no parameter or result whose tensor is called {name!r}")


class LowLatency2(ModelPass):
    """Makes loops and sequences go on where the last inference ended: their states become variables.

    use_const_initializer: the variables start as zeros, not as the inputs that the states started from.
    """

    def __init__(self, use_const_initializer: bool = True) -> None:
        self._zeros = use_const_initializer

    def run_on_model(self, model: Model) -> None:
        for node in model.get_ordered_ops():
            if isinstance(node.op, Iteration) and node.op.body is not None:
                for state in node.op.input_descriptions:
                    if isinstance(state, MergedInputDescription):
                        parameter = node.op.body.parameters[state.body_parameter_index]
                        place = f"{node.friendly_name}/{parameter.friendly_name}/variable_1"
                        self._join(model, node, state.input_index, _last(node, state.body_value_index), place)
            for number, (index, last) in enumerate(_SEQUENCES.get(node.op.type, ())):
                self._join(model, node, index, node.output(last), f"{node.friendly_name}/variable_{number}")

    def _join(self, model: Model, node: Node, index: int, last: Output, name: str) -> None:
        source = node.sources[index]
        if source.node.op.type == "ReadValue":
            return
        start = _zeros_like(source) if self._zeros else source
        node.set_argument(index, _keep(model, name, start, source, last))


def _zeros_like(source: Output) -> Output:
    ops = factories(NEWEST_OPSET)
    zero = Constant.of(np.zeros((), source.element_type.to_dtype()), source.element_type)
    return ops["broadcast"](zero, ops["shape_of"](source)).output(0)


def _last(node: Node, value: int) -> Output:
    """The output of a loop that is a result of the body in the last iteration; it is added when there is none."""
    assert isinstance(node.op, Iteration)
    for description in node.op.output_descriptions:
        if not isinstance(description, BodyOutputDescription):
            continue
        if description.body_value_index == value and description.iteration == -1:
            return node.output(description.output_index)
    index = node.get_output_size()
    added = BodyOutputDescription(value, index, -1)
    node.op = replace(node.op, output_descriptions=(*node.op.output_descriptions, added))
    node.infer()
    return node.output(index)
