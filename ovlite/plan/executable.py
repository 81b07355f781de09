"""A model made ready to run."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .. import kernels
from ..graph import Model, Node, Output, TensorType
from ..graph.constants import release_pages
from ..graph.elements import bound_type, compute_dtype
from ..graph.garbage import uncollected
from ..graph.operator import Array
from ..imports import forks_wait
from ..kernels.runtime.executor import Program, Team
from ..types import PartialShape, Type
from .calls import Tensor
from .evaluation import evaluation
from .limits import check_ranks
from .options import Options
from .specialize import Constants
from .stage import Context, Stage
from .timing import StepTime
from .weight_cache import PackedWeightCache

STEP_BYTES = 2048  # that a step's views, arrays and place in the program take, a little more than on average
MOST_KINDS = 4  # of shapes, told apart by lengths of 0 and 1, whose latest stage others are made like
Shapes = tuple[tuple[int, ...], ...]


class Variable(NamedTuple):
    """A state that an inference reads and replaces: its id, and what ReadValue says of its type."""

    name: str
    element_type: Type
    shape: PartialShape


class Plan:
    """How a model runs for given input shapes.

    program: its steps, None when the plan has stages. input_slots, output_slots: the slots of the
    model's inputs and outputs, the variables behind them. outputs: (dtype, shape) of each output.
    origins: for each step the name of the node that it belongs to. bytes: about the memory that the plan takes, without
    the buffers of those who run it.
    """

    def __init__(self, stage: Stage, inputs: Sequence[Output], results: Sequence[Output]) -> None:
        self._stage = stage
        self._inputs = inputs
        self._results = results
        self.program: Program | None = None if stage.staged else stage.program
        self.input_slots = stage.input_slots
        self.output_slots = stage.output_slots
        self.outputs = stage.outputs
        self.origins = stage.origins
        self.bytes = STEP_BYTES * (1 + len(self.origins)) + sum(map(sys.getsizeof, stage.program.steps))

    def run(self, arrays: Sequence[Array], team: Team, times: list[StepTime] | None = None) -> list[Array]:
        """Runs all stages on arrays bound as the inputs; returns new arrays for the outputs.

        times: where to add what each step took.
        """
        values = dict(zip(self._inputs, arrays, strict=True))
        self._stage.run(values, team, times)
        return [values[output] for output in self._results]


_EXECUTABLES: weakref.WeakSet[Executable] = weakref.WeakSet()


def _unlock_all() -> None:
    """In the child of a fork: the thread that made a plan is not there."""
    for executable in list(_EXECUTABLES):
        executable._unlock()


os.register_at_fork(after_in_child=_unlock_all)


class Prepared(NamedTuple):
    """A model behind all passes, the types that its ports had before, and the outputs that read variables."""

    model: Model
    inputs: list[TensorType]
    outputs: list[TensorType]
    variables: list[Variable]
    states: list[Output]


def prepared(model: Model, options: Options) -> Prepared:
    """What plans are made of. The model given stays as it is."""
    from ..passes.pipeline import run_passes

    original, model = model, model.twin()
    inputs = [TensorType(port.element_type, port.partial_shape) for port in model.inputs]
    outputs = [TensorType(port.element_type, port.partial_shape) for port in model.outputs]
    readers = _readers(model)
    states = [node.output(0) for node in readers.values()]
    variables = [
        Variable(name, state.element_type, state.partial_shape) for name, state in zip(readers, states, strict=True)
    ]
    run_passes(model, integers=options.precision.integers)
    release_pages(original.get_ordered_ops())
    return Prepared(model, inputs, outputs, variables, states)


class Executable:
    """A compiled model: the graph after all passes, its packed weights, and its plans.

    Thread-safe, and shared by all requests. variables: states, in the order in which plans take them. planned: is
    called once with the executable, behind the next plan that is made.
    """

    def __init__(self, model: Model, options: Options) -> None:
        self._open(prepared(model, options), options)

    @classmethod
    def of(cls, prepared: Prepared, options: Options) -> Executable:
        """An executable of a model that passes have been applied to."""
        self = cls.__new__(cls)
        self._open(prepared, options)
        return self

    def _open(self, prepared: Prepared, options: Options) -> None:
        self.prepared = prepared
        self._model, self.inputs, self.outputs, self.variables, self._states = prepared
        self._options = options
        ports: dict[Output, Type] = {
            parameter.output(0): bound_type(kind)
            for parameter, (kind, _) in zip(self._model.parameters, self.inputs, strict=True)
        }
        pairs = zip(self._states, self.variables, strict=True)
        ports |= {state: bound_type(variable.element_type) for state, variable in pairs}
        self._nodes = self._model.get_ordered_ops()
        check_ranks(self._nodes)
        results = [result.sources[0] for result in self._model.results] + self._assigned()
        types = [kind for kind, _ in self.outputs] + [variable.element_type for variable in self.variables]
        self._results = list(zip(results, map(bound_type, types), strict=True))
        self._context = Context(kernels.level(), options, ports, evaluation)
        self._recurs = any(not shape.is_static for _, shape in [*self.inputs, *[pair[1:] for pair in self.variables]])
        self._latest: OrderedDict[tuple[frozenset[str], Shapes], Stage] = OrderedDict()
        self._plans: OrderedDict[tuple[Shapes, frozenset[str]], Plan] = OrderedDict()
        self.planned: Callable[[Executable], None] | None = None
        self._unlock()
        _EXECUTABLES.add(self)

    @property
    def packed_weights(self) -> PackedWeightCache:
        return self._context.packed_weights

    @property
    def constants(self) -> Constants:
        return self._context.constants

    def _unlock(self) -> None:
        """A handler of a signal may ask for a plan while its thread makes one."""
        self._lock = threading.RLock()

    def plan(self, shapes: Shapes, fresh: frozenset[str] = frozenset()) -> Plan:
        """The plan for these input shapes; variables in `fresh` take their initial value."""
        key = (shapes, fresh)
        with self._lock:
            plan = self._plans.get(key)
            if plan is None:
                with uncollected(), forks_wait():
                    plan = self._plans[key] = self._make(shapes, fresh)
                    planned, self.planned = self.planned, None
                    if planned is not None:
                        planned(self)
                self._drop_old()
            self._plans.move_to_end(key)
            return plan

    def _make(self, shapes: Shapes, fresh: frozenset[str]) -> Plan:
        inputs = [parameter.output(0) for parameter in self._model.parameters]
        inputs += [
            state for state, variable in zip(self._states, self.variables, strict=True) if variable.name not in fresh
        ]
        known = {
            output: Tensor(compute_dtype(output.element_type), shape)
            for output, shape in zip(inputs, shapes, strict=True)
        }
        kind = fresh, kind_of(shapes)
        like = self._latest.pop(kind, None)  # not to be had meanwhile by a handler of a signal
        stage = None if like is None else like.again(shapes)
        if stage is None:
            stage = Stage(self._context, self._nodes, known, self._results, recurs=self._recurs)
        if self._recurs:
            self._latest[kind] = stage
        if len(self._latest) > MOST_KINDS:
            self._latest.popitem(last=False)
        return Plan(stage, inputs, [output for output, _ in self._results])

    def _assigned(self) -> list[Output]:
        """The new value of each variable; the one it had when nothing is assigned."""
        values = {variable.name: state for variable, state in zip(self.variables, self._states, strict=True)}
        for node in self._nodes:
            if node.op.type == "Assign":
                values[node.op.attributes()["variable_id"]] = node.sources[0]
        return list(values.values())

    def _drop_old(self) -> None:
        """Forgets the plans used longest ago that go over the byte budget; the newest stays."""
        total = sum(plan.bytes for plan in self._plans.values())
        while total > self._options.cache_bytes and len(self._plans) > 1:
            _, plan = self._plans.popitem(last=False)
            total -= plan.bytes


def kind_of(shapes: Shapes) -> Shapes:
    """The same for shapes of which one recipe is likely to serve all: with 2 for all lengths above 1."""
    return tuple([tuple([min(length, 2) for length in shape]) for shape in shapes])


def _readers(model: Model) -> dict[str, Node]:
    """The node that reads each variable, by the variable's id; all who read it read that one."""
    readers: dict[str, Node] = {}
    for node in model.get_ordered_ops():
        if node.op.type == "ReadValue":
            first = readers.setdefault(node.op.attributes()["variable_id"], node)
            if first is not node:
                node.output(0).replace(first.output(0))
    return readers
