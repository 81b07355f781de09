"""If, Loop and TensorIterator: operators that run models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, ClassVar, TypeVar

import numpy as np

from ..errors import ModelError
from ..graph import Argument, Model, Operator, TensorType
from ..graph.elements import compute_dtype, type_of
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape, Type
from .axes import normalized, require
from .bodies import (
    BodyOutputDescription,
    ConcatOutputDescription,
    InputDescription,
    InvariantInputDescription,
    MergedInputDescription,
    OutputDescription,
    SliceInputDescription,
    declared,
    joined,
    union,
    widened,
)
from .interpreter import evaluate_model, infer_model

T = TypeVar("T")
Compute = Callable[[Sequence[Array]], list[Array]]


FOLDED_ITERATIONS = 256  # of a loop that is carried out when a model is read or compiled


def _mark(op: Operator, bodies: Iterable[Model | None]) -> None:
    """An operator is stateful when one of its bodies is; it loops when there is a loop in one."""
    inside = [node.op for body in bodies if body is not None for node in body.get_ordered_ops()]
    object.__setattr__(op, "stateful", any(inner.stateful for inner in inside))
    loops = any(isinstance(inner, Iteration) or (isinstance(inner, If) and inner.loops) for inner in inside)
    object.__setattr__(op, "loops", loops)


@dataclass(frozen=True)
class If(Operator):
    """Runs then_body when the first input, a boolean, is true, else else_body.

    The descriptions say which inputs the parameters of each body take, and which outputs its results give.
    An operator whose bodies are not yet set has no outputs.
    """

    then_body: Model | None = None
    else_body: Model | None = None
    then_inputs: tuple[InvariantInputDescription, ...] = ()
    else_inputs: tuple[InvariantInputDescription, ...] = ()
    then_outputs: tuple[BodyOutputDescription, ...] = ()
    else_outputs: tuple[BodyOutputDescription, ...] = ()

    loops: ClassVar[bool] = False

    type = "If"
    opset = "opset8"
    since: ClassVar[int] = 8
    value_inputs: ClassVar[tuple[int, ...]] = (0,)

    def __post_init__(self) -> None:
        _mark(self, (self.then_body, self.else_body))

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        if self.then_body is None or self.else_body is None:
            return []
        condition = inputs[0]
        if condition.element_type not in (Type.boolean, Type.dynamic):
            raise ModelError(f"expected the condition to be boolean, got {condition.element_type.name}")
        known = condition.value
        then = _branch_types(self.then_body, self.then_inputs, self.then_outputs, inputs)
        other = _branch_types(self.else_body, self.else_inputs, self.else_outputs, inputs)
        if known is not None:
            return then if known.reshape(-1)[0] else other
        if len(then) != len(other):
            raise ModelError(f"the branches have {len(then)} and {len(other)} outputs")
        return [_either(i, a, b) for i, (a, b) in enumerate(zip(then, other, strict=True))]

    def inlined(self, values: Sequence[Array | None]) -> tuple[Model, Sequence[int], Sequence[int]] | None:
        condition = values[0]
        return None if condition is None else self._branch(bool(condition.reshape(-1)[0]))

    def _branch(self, chosen: bool) -> tuple[Model, Sequence[int], Sequence[int]]:
        """(body, input of each parameter, result of each output) of a branch."""
        body, taken, outputs = (
            (self.then_body, self.then_inputs, self.then_outputs)
            if chosen
            else (self.else_body, self.else_inputs, self.else_outputs)
        )
        if body is None:
            raise ModelError("a branch of the If has no body")
        places = {description.body_parameter_index: description.input_index for description in taken}
        inputs = _in_order(body, places)
        return body, inputs, [description.body_value_index for description in _by_output(outputs)]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        body, taken, given = self._branch(bool(inputs[0].reshape(-1)[0]))
        results = evaluate_model(body, [inputs[i] for i in taken])
        return [results[i] for i in given]


def _by_output(descriptions: Iterable[Any]) -> list[Any]:
    return sorted(descriptions, key=lambda description: description.output_index)


def _in_order(body: Model, given: dict[int, T]) -> list[T]:
    """The values given to a body's parameters, in their order. given: by number."""
    missing = [i for i in range(len(body.parameters)) if i not in given]
    require(not missing, f"parameters {missing} of the body get no input")
    return [given[i] for i in range(len(body.parameters))]


def _branch_types(
    body: Model,
    taken: Sequence[InvariantInputDescription],
    given: Sequence[BodyOutputDescription],
    inputs: Sequence[Argument],
) -> list[TensorType]:
    arguments = declared(body)
    for description in taken:
        arguments[description.body_parameter_index] = inputs[description.input_index]
    results = infer_model(body, arguments)
    found = [results[description.body_value_index] for description in _by_output(given)]
    return [TensorType(result.element_type, result.shape) for result in found]


def _either(index: int, left: TensorType, right: TensorType) -> TensorType:
    element_type = left.element_type.merge(right.element_type)
    if element_type is None:
        raise ModelError(f"output {index} is {left} in one branch and {right} in the other")
    return TensorType(element_type, union(left.shape, right.shape))


@dataclass(frozen=True)
class Iteration(Operator):
    """Base of Loop and TensorIterator: a body that runs again and again.

    A parameter that no description names takes what it declares, and can't be evaluated.
    """

    body: Model | None = None
    input_descriptions: tuple[InputDescription, ...] = ()
    output_descriptions: tuple[OutputDescription, ...] = ()

    loops: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _mark(self, [self.body])

    def folds(self, inputs: Sequence[Array]) -> bool:
        if self.loops:
            return False
        try:
            limit, _ = self.extent(inputs)
        except ModelError:  # which evaluate() raises, too
            return True
        return limit is not None and limit <= FOLDED_ITERATIONS

    @property
    def counter(self) -> int:
        """The parameter that is given the number of the iteration; -1 for none."""
        return -1

    @property
    def condition(self) -> int:
        """The result that says whether another iteration follows; -1 for none."""
        return -1

    def _limit(self, inputs: Sequence[Argument], going_on: Argument | None) -> Dimension:
        """The number of iterations, as far as inputs other than sliced ones tell."""
        return Dimension()

    def _sliced(self) -> list[SliceInputDescription]:
        return [item for item in self.input_descriptions if isinstance(item, SliceInputDescription)]

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        if self.body is None:
            return []
        _, results = self._fixpoint(self.body, inputs)
        count = self._count(inputs, results)
        outputs = _by_output(self.output_descriptions)
        return [self._output_type(item, inputs, results, count) for item in outputs]

    def iterations(self, inputs: Sequence[Argument]) -> Dimension:
        """The number of iterations, as far as it is known."""
        return Dimension() if self.body is None else self._count(inputs, self._fixpoint(self.body, inputs)[1])

    def _fixpoint(self, body: Model, inputs: Sequence[Argument]) -> tuple[list[Argument], list[Argument]]:
        """Infers what is known of the body's parameters and results in all iterations."""
        arguments = self._first_arguments(body, inputs)
        merged = [item for item in self.input_descriptions if isinstance(item, MergedInputDescription)]
        while True:
            results = infer_model(body, arguments)
            before = list(arguments)
            for item in merged:
                place = item.body_parameter_index
                arguments[place] = _next_argument(arguments[place], results[item.body_value_index])
            if all(arguments[item.body_parameter_index] == before[item.body_parameter_index] for item in merged):
                return arguments, results

    def _first_arguments(self, body: Model, inputs: Sequence[Argument]) -> list[Argument]:
        arguments = declared(body)
        for item in self.input_descriptions:
            given = inputs[item.input_index]
            if isinstance(item, SliceInputDescription):
                given = Argument(given.element_type, _part_shape(item, given.shape))
            elif isinstance(item, MergedInputDescription):
                given = Argument(given.element_type, given.shape)
            arguments[item.body_parameter_index] = given
        return arguments

    def _count(self, inputs: Sequence[Argument], results: Sequence[Argument]) -> Dimension:
        """The number of iterations."""
        condition = self.condition
        count = self._limit(inputs, results[condition] if condition >= 0 else None)
        for item in self._sliced():
            shape = inputs[item.input_index].shape
            if shape.has_rank and shape[item.axis].is_static:
                parts = item.count(shape[item.axis].get_length())
                exact = condition < 0 and count.max_length < 0
                count = Dimension(parts if exact else min(parts, count.min_length), parts)
        return count

    def _output_type(
        self, item: OutputDescription, inputs: Sequence[Argument], results: Sequence[Argument], count: Dimension
    ) -> TensorType:
        result = results[item.body_value_index]
        shape = result.shape
        if isinstance(item, ConcatOutputDescription):
            if not shape.has_rank:
                return TensorType(result.element_type, shape)
            dims = list(shape)
            axis = normalized(item.axis, len(dims))
            dims[axis] = dims[axis] * count if dims[axis].is_static else Dimension()
            return TensorType(result.element_type, PartialShape(dims))
        if count.min_length == 0:  # without an iteration, what was merged comes out
            for source in self.input_descriptions:
                if isinstance(source, MergedInputDescription) and source.body_value_index == item.body_value_index:
                    shape = union(shape, inputs[source.input_index].shape)
        return TensorType(result.element_type, shape)

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return self.iterate(inputs, partial(evaluate_model, self._found_body()))

    def check_parts(self, shapes: Sequence[PartialShape]) -> None:
        """ModelError when the parts of an input, of which each iteration is given one, do not fill its axis."""
        for item in self._sliced():
            shape = shapes[item.input_index]
            if shape.has_rank and shape[item.axis].is_static:
                item.check(shape[item.axis].get_length())

    def extent(self, inputs: Sequence[Array]) -> tuple[int | None, bool]:
        """The most iterations there are, None without a limit, and whether there is a first one."""
        self.check_parts([PartialShape(array.shape) for array in inputs])
        limit, going_on = self._asked(inputs)
        counts = [item.count(inputs[item.input_index].shape[item.axis]) for item in self._sliced()]
        return min([*counts, *([] if limit is None else [limit])], default=None), going_on

    def _asked(self, inputs: Sequence[Array]) -> tuple[int | None, bool]:
        """As `extent`, of inputs other than sliced ones."""
        raise NotImplementedError

    def _found_body(self) -> Model:
        if self.body is None:
            raise ModelError(f"the {self.type} has no body")
        return self.body

    def first_states(self, inputs: Sequence[Array]) -> dict[int, Array]:
        """Values of the merged parameters in the first iteration, by their numbers."""
        merged = [item for item in self.input_descriptions if isinstance(item, MergedInputDescription)]
        return {item.body_parameter_index: inputs[item.input_index] for item in merged}

    def iterate(self, inputs: Sequence[Array], compute: Compute) -> list[Array]:
        """The outputs, when `compute` gives the body's results for its parameters."""
        body = self._found_body()
        limit, going_on = self.extent(inputs)
        merged = self.first_states(inputs)
        history: dict[int, list[Array]] = {item.body_value_index: [] for item in self.output_descriptions
                                           if takes_several(item)}  # fmt: skip
        last: list[Array] = []
        done = 0
        while going_on and (limit is None or done < limit):
            last = results = compute(self.parameters(body, inputs, merged, done))
            done += 1
            for index, kept in history.items():
                kept.append(results[index])
            for item in self.input_descriptions:
                if isinstance(item, MergedInputDescription):
                    before = merged[item.body_parameter_index]
                    merged[item.body_parameter_index] = results[item.body_value_index].astype(before.dtype, copy=False)
            if self.condition >= 0:
                going_on = bool(results[self.condition].reshape(-1)[0])
        return [self._output(body, item, inputs, history, last) for item in _by_output(self.output_descriptions)]

    def parameters(self, body: Model, inputs: Sequence[Array], merged: dict[int, Array], iteration: int) -> list[Array]:
        """Inputs of the body in an iteration, when `merged` are the states."""
        arrays: dict[int, Array] = dict(merged)
        for item in self.input_descriptions:
            if isinstance(item, SliceInputDescription):
                arrays[item.body_parameter_index] = item.part(inputs[item.input_index], iteration)
            elif isinstance(item, InvariantInputDescription):
                arrays[item.body_parameter_index] = inputs[item.input_index]
        if self.counter >= 0:
            port = body.parameters[self.counter].output(0)
            arrays[self.counter] = np.full(self._counter_shape(body), iteration, compute_dtype(port.element_type))
        return _in_order(body, arrays)

    def _counter_shape(self, body: Model) -> list[int]:
        shape = body.parameters[self.counter].output(0).partial_shape
        return [1] * len(shape) if shape.has_rank else []

    def _output(
        self,
        body: Model,
        item: OutputDescription,
        inputs: Sequence[Array],
        history: dict[int, list[Array]],
        last: Sequence[Array],
    ) -> Array:
        """An output. history: results of all iterations, where outputs take several; last: of the last iteration."""
        index = item.body_value_index
        if isinstance(item, ConcatOutputDescription):
            parts = history[index]
            if parts:
                return joined(parts, item.axis, item.stride < 0, PartialShape.dynamic())
            result = infer_model(body, self._first_arguments(body, _arguments(inputs)))[index]
            return joined([], item.axis, False, result.shape).astype(compute_dtype(result.element_type))
        if last:
            return history[index][item.iteration] if takes_several(item) else last[index]
        for source in self.input_descriptions:
            if isinstance(source, MergedInputDescription) and source.body_value_index == index:
                found = body.outputs[index].element_type
                return inputs[source.input_index].astype(compute_dtype(found), copy=False)
        raise ModelError(f"output {item.output_index} of a {self.type} without iterations has no value")


def takes_several(item: OutputDescription) -> bool:
    """True when an output needs a result of other iterations than the last."""
    return isinstance(item, ConcatOutputDescription) or item.iteration != -1


def _arguments(arrays: Sequence[Array]) -> list[Argument]:
    return [Argument(type_of(array), PartialShape(array.shape)) for array in arrays]


def _part_shape(item: SliceInputDescription, shape: PartialShape) -> PartialShape:
    if not shape.has_rank:
        return shape
    dims = list(shape)
    dims[normalized(item.axis, len(dims))] = Dimension(item.part_size)
    return PartialShape(dims)


def _next_argument(argument: Argument, result: Argument) -> Argument:
    """Merges what is known of a parameter over all iterations. Integers of another width are converted."""
    element_type = argument.element_type.merge(result.element_type)
    if element_type is None and argument.element_type.integral_number and result.element_type.integral_number:
        element_type = argument.element_type
    if element_type is None:
        raise ModelError(f"a merged input is {argument}, but the body gives back {result}")
    return Argument(element_type, widened(argument.shape, result.shape))


@dataclass(frozen=True)
class TensorIterator(Iteration):
    """Runs its body on one part of each sliced input after the other."""

    type = "TensorIterator"

    def _asked(self, inputs: Sequence[Array]) -> tuple[int | None, bool]:
        require(bool(self._sliced()), "a TensorIterator has an input in parts, which says how often it runs")
        return None, True


@dataclass(frozen=True)
class Loop(Iteration):
    """Runs its body up to as often as the first input says, -1 for no limit, as long as the second is true.

    current_iteration_input_idx: the parameter that gets the iteration's number, -1 for none.
    body_condition_output_idx: the result that decides whether another iteration follows.
    """

    current_iteration_input_idx: int = -1
    body_condition_output_idx: int = -1

    type = "Loop"
    opset = "opset5"
    since: ClassVar[int] = 5

    @property
    def counter(self) -> int:
        return self.current_iteration_input_idx

    @property
    def condition(self) -> int:
        return self.body_condition_output_idx

    def _limit(self, inputs: Sequence[Argument], going_on: Argument | None) -> Dimension:
        trips, start = inputs[0].value, inputs[1].value
        if start is not None and not start.reshape(-1)[0]:
            return Dimension(0)
        if trips is None:
            return Dimension()
        limit = max(int(trips.reshape(-1)[0]), -1)
        certain = start is not None and (going_on is None or (going_on.value is not None and going_on.value.all()))
        if limit < 0:
            return Dimension(1, -1) if start is not None else Dimension()
        return Dimension(limit) if certain else Dimension(min(limit, 0 if start is None else 1), limit)

    def _asked(self, inputs: Sequence[Array]) -> tuple[int | None, bool]:
        trips, start = (array.reshape(-1)[0] for array in inputs[:2])
        return None if trips < 0 else int(trips), bool(start)
