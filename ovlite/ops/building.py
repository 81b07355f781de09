"""Nodes of If, Loop and TensorIterator that are built step by step, as openvino.op's classes of the same names.

Each step infers the node anew; outputs exist once the body and the step that makes them are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ModelError
from ..graph import Model, Node, Output, Parameter, Result
from ..records import replace
from .bodies import (
    BodyOutputDescription,
    ConcatOutputDescription,
    InputDescription,
    InvariantInputDescription,
    MergedInputDescription,
    OutputDescription,
    SliceInputDescription,
)
from .control import If, Iteration, Loop, TensorIterator
from .declare import as_output


def _position(items: Sequence[Node], item: Node, what: str) -> int:
    for i, candidate in enumerate(items):
        if candidate is item:
            return i
    raise ModelError(f"{item} is not a {what} of the body")


def _result_index(body: Model | None, value: Any) -> int:
    """The result of the body that is, or gives out, a tensor of the body."""
    if body is None:
        raise ModelError("set the body first")
    output = as_output(value)
    for i, result in enumerate(body.results):
        if result is output.node or result.sources[0] is output:
            return i
    raise ModelError(f"{output} is not a result of the body")


class if_op(Node):
    """An If on a condition."""

    op: If

    def __init__(self, execution_condition: Any = None, name: str | None = None) -> None:
        super().__init__(If(), [] if execution_condition is None else [as_output(execution_condition)], name)

    def _change(self, **fields: Any) -> None:
        self.op = replace(self.op, **fields)
        self.infer()

    def set_then_body(self, body: Model) -> None:
        self._change(then_body=body)

    def set_else_body(self, body: Model) -> None:
        self._change(else_body=body)

    def get_then_body(self) -> Model | None:
        return self.op.then_body

    def get_else_body(self) -> Model | None:
        return self.op.else_body

    def set_function(self, index: int, func: Model) -> None:
        self._change(**{("then_body", "else_body")[index]: func})

    def get_function(self, index: int) -> Model | None:
        return (self.op.then_body, self.op.else_body)[index]

    def set_input(self, value: Any, then_parameter: Parameter | None, else_parameter: Parameter | None) -> None:
        """Gives a tensor to a parameter of each body, or of one."""
        place = len(self.sources)
        fields: dict[str, Any] = {}
        for branch, parameter in (("then", then_parameter), ("else", else_parameter)):
            if parameter is not None:
                index = _position(self._body(branch).parameters, parameter, "parameter")
                known = getattr(self.op, f"{branch}_inputs")
                fields[f"{branch}_inputs"] = (*known, InvariantInputDescription(place, index))
        self.set_sources([*self.sources, as_output(value)])
        self._change(**fields)

    def set_output(self, then_result: Result, else_result: Result) -> Output:
        """Makes an output of a result of each body."""
        index = len(self.op.then_outputs)
        then = _result_index(self._body("then"), then_result)
        other = _result_index(self._body("else"), else_result)
        self._change(
            then_outputs=(*self.op.then_outputs, BodyOutputDescription(then, index)),
            else_outputs=(*self.op.else_outputs, BodyOutputDescription(other, index)),
        )
        return self.output(index)

    def _body(self, branch: str) -> Model:
        body: Model | None = getattr(self.op, f"{branch}_body")
        if body is None:
            raise ModelError(f"set the {branch} body first")
        return body

    def get_input_descriptions(self, index: int) -> list[InvariantInputDescription]:
        return list((self.op.then_inputs, self.op.else_inputs)[index])

    def set_input_descriptions(self, index: int, inputs: Sequence[InvariantInputDescription]) -> None:
        self._change(**{("then_inputs", "else_inputs")[index]: tuple(inputs)})

    def get_output_descriptions(self, index: int) -> list[BodyOutputDescription]:
        return list((self.op.then_outputs, self.op.else_outputs)[index])

    def set_output_descriptions(self, index: int, outputs: Sequence[BodyOutputDescription]) -> None:
        self._change(**{("then_outputs", "else_outputs")[index]: tuple(outputs)})


class Repeated(Node):
    """Common base of loop and tensor_iterator."""

    op: Iteration

    def _change(self, **fields: Any) -> None:
        self.op = replace(self.op, **fields)
        self.infer()

    def set_function(self, func: Model) -> None:
        self._change(body=func)

    def get_function(self) -> Model | None:
        return self.op.body

    def get_input_descriptions(self) -> list[InputDescription]:
        return list(self.op.input_descriptions)

    def set_input_descriptions(self, inputs: Sequence[InputDescription]) -> None:
        self._change(input_descriptions=tuple(inputs))

    def get_output_descriptions(self) -> list[OutputDescription]:
        return list(self.op.output_descriptions)

    def set_output_descriptions(self, outputs: Sequence[OutputDescription]) -> None:
        self._change(output_descriptions=tuple(outputs))

    def _parameter(self, parameter: Parameter) -> int:
        if self.op.body is None:
            raise ModelError("set the body first")
        return _position(self.op.body.parameters, parameter, "parameter")

    def _add_input(self, value: Any, description: InputDescription) -> None:
        self.set_sources([*self.sources, as_output(value)])
        self._change(input_descriptions=(*self.op.input_descriptions, description))

    def _add_output(self, description: OutputDescription) -> Output:
        self._change(output_descriptions=(*self.op.output_descriptions, description))
        return self.output(description.output_index)

    def set_invariant_input(self, body_parameter: Parameter, value: Any) -> None:
        """Gives a tensor to a parameter in every iteration."""
        self._add_input(value, InvariantInputDescription(len(self.sources), self._parameter(body_parameter)))

    def set_merged_input(self, body_parameter: Parameter, initial_value: Any, successive_value: Any) -> None:
        """Gives a parameter a tensor first, then a tensor of the body from the iteration before."""
        place = _result_index(self.op.body, successive_value)
        description = MergedInputDescription(len(self.sources), self._parameter(body_parameter), place)
        self._add_input(initial_value, description)

    def set_sliced_input(
        self, parameter: Parameter, value: Any, start: int, stride: int, part_size: int, end: int, axis: int
    ) -> None:
        """Gives a parameter the next part of a tensor in each iteration."""
        place = self._parameter(parameter)
        self._add_input(value, SliceInputDescription(len(self.sources), place, start, stride, part_size, end, axis))

    def get_iter_value(self, body_value: Any, iteration: int = -1) -> Output:
        """A tensor of the body, after one iteration; -1 is the last."""
        index = len(self.op.output_descriptions)
        return self._add_output(BodyOutputDescription(_result_index(self.op.body, body_value), index, iteration))

    def get_concatenated_slices(
        self, value: Any, start: int, stride: int, part_size: int, end: int, axis: int
    ) -> Output:
        """A tensor of the body from all iterations, joined along an axis."""
        place, index = _result_index(self.op.body, value), len(self.op.output_descriptions)
        return self._add_output(ConcatOutputDescription(place, index, start, stride, part_size, end, axis))

    def get_num_iterations(self) -> int:
        """The number of iterations, -1 when it is not known."""
        count = self.op.iterations([source.argument() for source in self.sources])
        return count.get_length() if count.is_static else -1


class loop(Repeated):
    """A Loop of up to trip_count iterations, as long as a condition holds."""

    op: Loop

    def __init__(self, trip_count: Any = None, execution_condition: Any = None, name: str | None = None) -> None:
        given = [value for value in (trip_count, execution_condition) if value is not None]
        super().__init__(Loop(), [as_output(value) for value in given], name)

    def set_special_body_ports(self, special_body_ports: Sequence[int]) -> None:
        """[parameter that gets the iteration's number, or -1; result that says whether to go on]."""
        counter, condition = special_body_ports
        self._change(current_iteration_input_idx=counter, body_condition_output_idx=condition)

    def get_special_body_ports(self) -> list[int]:
        return [self.op.current_iteration_input_idx, self.op.body_condition_output_idx]


class tensor_iterator(Repeated):
    """A TensorIterator."""

    op: TensorIterator

    def __init__(self, name: str | None = None) -> None:
        super().__init__(TensorIterator(), [], name)

    def set_body(self, body: Model) -> None:
        self.set_function(body)

    def get_body(self) -> Model | None:
        return self.op.body


If.node_class, Loop.node_class, TensorIterator.node_class = if_op, loop, tensor_iterator
