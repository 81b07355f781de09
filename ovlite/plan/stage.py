"""One stage of a plan: a program between tensors whose shapes are known.

A model whose shapes follow from its input shapes has one stage. Where a shape depends on elements
(NonZero, a loop's trip count, the sizes given to Reshape by an input), the plan goes on in further
stages, each made when the elements it needs are there, and kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from time import perf_counter
from typing import Any

import numpy as np

from ..graph import Node, Operator, Output
from ..graph.elements import compute_dtype
from ..graph.failures import FAILURES, Subject, reason
from ..graph.operator import Array
from ..kernels.runtime.executor import Frame, Program, Team, check_stopped
from ..types import Type
from .arrangement import Arrangement, arrange
from .builder import Builder, Evaluation
from .calls import Call, Tensor
from .limits import check_buffers, check_results
from .lowering import lower
from .options import Options
from .port_types import FromPortType, ToPortType, crosses, port_dtype
from .recipe import Recipe, forget_calls
from .specialize import Constants, Specialized, as_compute_arrays, specialize
from .timing import StepTime, of_step, seconds_of
from .weight_cache import PackedWeightCache

STAGE_LIMIT = 32  # successors that a stage keeps


class Context:
    """Context that all plans of one model share.

    level: the kernels' level. options: what kernels may be chosen, and how much memory plans may take. ports: the
    element types that the model's inputs are bound in. evaluator: makes what carries out an operator that no kernel
    takes.
    """

    def __init__(
        self, level: str, options: Options, ports: dict[Output, Type],
        evaluator: Callable[[Context, Operator], Evaluation],
    ) -> None:  # fmt: skip
        self.level = level
        self.precision = options.precision
        self.memory_limit = options.memory_limit
        self.ports = ports
        self.constants = Constants()
        self.packed_weights = PackedWeightCache(flush=options.precision.flush_denormals)
        self._evaluator = evaluator

    def evaluation(self, op: Operator) -> Evaluation:
        """Makes the function that evaluates an operator that no kernel takes."""
        return self._evaluator(self, op)


class Stage:
    """The program of one stage, and what follows it.

    nodes: what is left to compute, in order. known: the tensors it starts from; those that are not
    constant are bound to input slots in that order. results: the outputs that the model returns, and
    the element types that they are returned in; None for the dtypes that plans compute in. values_vary, finished: as
    of specialize(). recurs: again() may be called.
    """

    def __init__(
        self,
        context: Context,
        nodes: Iterable[Node],
        known: dict[Output, Tensor],
        results: Sequence[tuple[Output, Type | None]],
        values_vary: bool = False,
        recurs: bool = False,
        finished: Iterable[Node] = (),
    ) -> None:
        self._context = context
        self._results = results
        self._values_vary = values_vary
        state = specialize(nodes, known, context.constants, finished, values_vary)
        self._finished = state.finished
        self.data_dependent = state.data_dependent
        self.deferred = state.deferred
        self.required = list(state.required)
        self.staged = bool(self.deferred or self.data_dependent)
        self.entries = [output for output, tensor in known.items() if tensor.origin is None]
        live = _live(state, self._results) if self.staged else {}
        self._constants = {output: tensor for output, tensor in live.items() if tensor.origin is not None}
        self._carried = [output for output in live if output not in self._constants]
        self._data_dependent_outputs = [output for node in self.data_dependent for output in node.outputs()]
        self.exits = [output for output in self._carried if output not in known]
        if not self.staged:
            self.exits = [output for output, _ in results]
        self._next: OrderedDict[Any, Stage] = OrderedDict()
        self._frames: list[Frame] = []  # idle ones
        self._evaluations = [context.evaluation(node.op) for node in self.data_dependent]
        check_results(state.calls, context.memory_limit)
        arrangement = self._arranged(state)
        self._lower(arrangement)
        self._recipe: Recipe | None = None
        if recurs and Recipe.applies(state) and context.precision.products != "bf16":
            self._recipe = Recipe(state, arrangement, context.constants)
        else:
            forget_calls(state, arrangement)

    def again(self, shapes: Sequence[tuple[int, ...]]) -> Stage | None:
        """The same for entries of other shapes, from its recipe; None where that does not apply."""
        recipe = self._recipe
        if recipe is None or not recipe.renew(shapes):
            return None
        check_results(recipe.state.calls, self._context.memory_limit)
        stage = copy(self)
        stage._next, stage._frames = OrderedDict(), []
        stage._lower(recipe.arrangement)
        return stage

    def _arranged(self, state: Specialized) -> Arrangement:
        calls = list(state.calls)
        entries = [self._enter(output, state.tensors[output], calls) for output in self.entries]
        types = [None] * len(self.exits) if self.staged else [kind for _, kind in self._results]
        exits = [_leave(kind, state.tensors[output], calls) for output, kind in zip(self.exits, types, strict=True)]
        return arrange(calls, entries, exits)

    def _lower(self, arrangement: Arrangement) -> None:
        context = self._context
        builder = Builder(context.level, context.precision, context.packed_weights, context.evaluation)
        entries = [builder.port(tensor.dtype, tensor.shape) for tensor in arrangement.entries]
        for tensor, view in zip(arrangement.entries, entries, strict=True):
            builder.alias(tensor, view)
        ports = [builder.port(tensor.dtype, tensor.shape) for tensor in arrangement.exits]
        lower(builder, arrangement.calls, list(zip(arrangement.exits, ports, strict=True)))
        self.input_slots = tuple([view.slot for view in entries])
        self.output_slots = tuple([view.slot for view in ports])
        self.outputs = tuple([(view.dtype, view.shape) for view in ports])
        self.origins = tuple(builder.origins)
        self.program: Program = builder.finish()
        check_buffers(self.program.arena_bytes, context.memory_limit)

    def run(self, values: dict[Output, Array], team: Team, times: list[StepTime] | None = None) -> None:
        """Executes this stage and those that follow it. times: where to add what each step took."""
        stage = self
        stage.execute(values, team, times)
        while stage.staged:
            stage = stage.next(values)
            stage.execute(values, team, times)

    def execute(self, values: dict[Output, Array], team: Team, times: list[StepTime] | None = None) -> None:
        """Runs the program and then the data-dependent nodes, on the elements in `values`, and adds what they give."""
        found = [np.empty(shape, dtype) for dtype, shape in self.outputs]
        with self.frame(team) as frame:
            for slot, output in zip(self.input_slots, self.entries, strict=True):
                frame.bind(slot, values[output])
            for slot, array in zip(self.output_slots, found, strict=True):
                frame.bind(slot, array)
            if times is not None:
                frame.profile(True)
            frame.execute(team)
            if times is not None:
                times += map(of_step, self.origins, self.program.steps, seconds_of(frame.step_spans()))
                frame.profile(False)
        values.update(zip(self.exits, found, strict=True))
        for node, evaluation in zip(self.data_dependent, self._evaluations, strict=True):
            arrays = [self._elements(source, values) for source in node.sources]
            began = perf_counter()
            found = as_compute_arrays(node, _carried_out(node, evaluation, arrays, team))
            if times is not None:
                shape = found[0].shape if found else ()
                seconds = perf_counter() - began
                kernel = getattr(evaluation, "kernel", None)
                times.append(StepTime(node.friendly_name, kernel or node.op.type, shape, seconds, numpy=kernel is None))
            values.update(zip(node.outputs(), found, strict=True))

    @contextmanager
    def frame(self, team: Team) -> Iterator[Frame]:
        """A frame of the stage's program that nobody else uses meanwhile."""
        try:
            frame = self._frames.pop()
        except IndexError:
            frame = Frame(self.program, team.size)
        try:
            yield frame
        finally:
            self._frames.append(frame)

    def _enter(self, output: Output, tensor: Tensor, calls: list[Call]) -> Tensor:
        """The tensor to bind to an entry's port; a call that converts it goes in front of the others."""
        port_type = self._context.ports.get(output)
        if port_type is not None and crosses(port_type):
            port = Tensor(port_dtype(port_type), tensor.shape)
            calls.insert(0, Call(FromPortType(port_type), [port], [tensor], "enter"))
            return port
        return tensor

    def _elements(self, output: Output, values: dict[Output, Array]) -> Array:
        if output in self._constants:
            return self._constants[output].elements()
        port_type = self._context.ports.get(output)
        array = values[output]
        return FromPortType(port_type).evaluate(array)[0] if port_type is not None and crosses(port_type) else array

    def next(self, values: dict[Output, Array]) -> Stage:
        """The stage that follows, given the elements computed so far."""
        shapes = tuple([values[output].shape for output in self._data_dependent_outputs])
        elements = tuple([self._elements(output, values).tobytes() for output in self.required])
        found = self._next.get((shapes, elements))
        if found is None:
            found = self._next[shapes, elements] = self._follow(values)
            if len(self._next) > STAGE_LIMIT:
                self._next.popitem(last=False)
        self._next.move_to_end((shapes, elements))
        return found

    def _follow(self, values: dict[Output, Array]) -> Stage:
        known = dict(self._constants)
        for output in [*self._carried, *self._data_dependent_outputs]:
            known[output] = Tensor(compute_dtype(output.element_type), values[output].shape)
        for output in self.required:
            known[output] = Tensor.constant(self._elements(output, values).copy())
        return Stage(self._context, self.deferred, known, self._results, self._values_vary, finished=self._finished)


def _carried_out(node: Node, evaluation: Evaluation, arrays: Sequence[Array], team: Team) -> Sequence[Array]:
    """What an evaluation gives; what it raises names the node and its operands, unless the run was to end."""
    try:
        return evaluation(arrays, team)
    except FAILURES as error:
        check_stopped()
        subject = Subject.of(node.op.type, node.friendly_name, arrays)
        raise RuntimeError(f"{subject}: {reason(error)}") from error


def _live(state: Specialized, results: Sequence[tuple[Output, Type | None]]) -> dict[Output, Tensor]:
    """The tensors computed so far that later stages or the model's results need."""
    readers = [*state.waiting, *state.data_dependent, *state.deferred]
    wanted = dict.fromkeys(
        [*(output for output, _ in results), *(source for node in readers for source in node.sources)]
    )
    return {output: state.tensors[output] for output in wanted if output in state.tensors}


def _leave(port_type: Type | None, tensor: Tensor, calls: list[Call]) -> Tensor:
    """The tensor to bind to an exit's port; a call that converts it goes behind the others."""
    if port_type is None or not crosses(port_type):
        return tensor
    port = Tensor(port_dtype(port_type), tensor.shape)
    calls.append(Call(ToPortType(port_type), [tensor], [port], "leave"))
    return port
