"""From a model to an Executable: which ports can be computed with, and strings and sequences, which plans never see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ModelError
from ..graph import Constant, Model, Node, Output, Parameter, Result, TensorType
from ..graph.constants import constant_array
from ..graph.elements import bound_type, decode, encode, held_as_objects
from ..graph.garbage import uncollected
from ..graph.model import has_bodies
from ..kernels.runtime.executor import Team
from ..ops.interpreter import outputs_of
from ..plan import Executable, Options, StepTime, Variable
from ..types import SequenceType

Array = npt.NDArray[Any]
COMPUTED = (
    "boolean", "bf16", "f16", "f32", "f64", "f8e4m3", "f8e5m2", "f8e8m0", "f8e4m3fnuz", "f8e5m2fnuz", "f4e2m1", "nf4",
    "i2", "i4", "i8", "i16", "i32", "i64", "u1", "u2", "u4", "u8", "u16", "u32", "u64", "string",
)  # fmt: skip
Shapes = tuple[tuple[int, ...], ...]


@uncollected()
def make_executable(model: Model, options: Options) -> Executable | StringExecutable:
    """Makes a model ready to run. ModelError for ports that can't be computed with."""
    for kind, ports in (("input", model.inputs), ("output", model.outputs)):
        for index, port in enumerate(ports):
            port_label = f"{kind} {index} ({', '.join(sorted(port.names))})"
            sequence = isinstance(port.element_type, SequenceType)
            element = port.element_type.tensor if isinstance(port.element_type, SequenceType) else port.element_type
            if element.name not in COMPUTED or (sequence and bound_type(element) is not element):
                raise ModelError(f"{port_label} holds {element.name}; insert a convert to {', '.join(COMPUTED)}")
            if kind == "input" and not port.partial_shape.has_rank and not sequence:
                raise ModelError(f"{port_label} has no known rank; reshape the model, unknown dimensions may stay")
    executable = StringExecutable(model, options) if holds_strings(model) else Executable(model, options)
    for name, element, _ in executable.variables:
        if bound_type(element) is not element:
            raise ModelError(f"variable {name!r} holds {element.name}, which is packed; insert a convert to i8 or u8")
    return executable


def holds_strings(model: Model) -> bool:
    """Return whether strings or sequences occur in the model, or in a body in it."""
    nodes = model.get_ordered_ops()
    if any(map(held_as_objects, {output.element_type for node in nodes for output in node.outputs()})):
        return True
    return any(holds_strings(body) for node in nodes if has_bodies(node.op) for body in _bodies(node))


def _bodies(node: Node) -> list[Model]:
    return [value for value in node.op.attributes().values() if isinstance(value, Model)]


def _nodes(model: Model) -> Iterable[Node]:
    return [node for node in model.get_ordered_ops() if not isinstance(node, Constant)]


def _strings(ports: Iterable[Output]) -> bool:
    return any(held_as_objects(port.element_type) for port in ports)


def _on_strings(node: Node) -> bool:
    """Return whether a node reads or makes strings, itself or in a body."""
    return _strings([*node.sources, *node.outputs()]) or any(holds_strings(body) for body in _bodies(node))


class StringExecutable:
    """An Executable of a model in which strings or sequences occur; both are object arrays, see graph.elements.

    Nodes that work on them are evaluated by numpy. What lies between them are segments, each an Executable of its
    own: a node is in the segment after the last strings that it depends on.
    """

    def __init__(self, model: Model, options: Options) -> None:
        model = model.clone()
        self.inputs = [TensorType(port.element_type, port.partial_shape) for port in model.inputs]
        self.outputs = [TensorType(port.element_type, port.partial_shape) for port in model.outputs]
        self._parameters = [parameter.output(0) for parameter in model.parameters]
        self._results = [result.sources[0] for result in model.results]
        self._segments = _segments(model, options)
        stateful = [segment for segment in self._segments if segment.variables]
        if len(stateful) > 1:
            raise ModelError("variables are read before and behind operations on strings, which is not supported")
        self.variables: list[Variable] = [variable for segment in stateful for variable in segment.variables]

    def plan(self, shapes: Shapes, fresh: frozenset[str] = frozenset()) -> StringPlan:
        """As in Executable.plan()."""
        return StringPlan(self, fresh)

    def run(
        self, arrays: Sequence[Array], fresh: frozenset[str], team: Team, times: list[StepTime] | None = None
    ) -> list[Array]:
        """New arrays for the outputs, and then for the variables."""
        values = dict(zip(self._parameters, arrays, strict=False))
        states: list[Array] = []
        for segment in self._segments:
            states += segment.run(values, arrays[len(self._parameters) :], fresh, team, times)
        return [np.array(_value(source, values)) for source in self._results] + states


class Segment:
    """Nodes without strings, and then nodes on strings that need nothing else.

    entries: outputs from before the segment, exits: outputs that are read behind it, as they are stored.
    """

    def __init__(
        self,
        numbers: Sequence[Node],
        texts: Sequence[Node],
        wanted: set[Output],
        sinks: Sequence[Node],
        options: Options,
    ) -> None:
        self._texts = texts
        self._texts_read = [list(node.sources) for node in texts]
        inside = set(numbers)
        entering: dict[Output, Parameter] = {}
        for node in numbers:
            for port in node.inputs():
                source = port.get_source_output()
                if source.node not in inside and not isinstance(source.node, Constant):
                    if source not in entering:
                        entering[source] = Parameter(source.element_type, source.partial_shape)
                    port.replace_source_output(entering[source].output(0))
        self._entries = list(entering)
        self._exits = [port for node in numbers for port in node.outputs() if port in wanted]
        self._executable: Executable | None = None
        if self._exits or sinks:
            self._executable = Executable(Model(self._exits, list(sinks), list(entering.values())), options)
        self.variables: list[Variable] = [] if self._executable is None else self._executable.variables

    def run(
        self, values: dict[Output, Array], states: Sequence[Array], fresh: frozenset[str], team: Team,
        times: list[StepTime] | None = None,
    ) -> Sequence[Array]:  # fmt: skip
        """Adds what the segment computes to `values`; returns the new values of its variables."""
        found: list[Array] = []
        if self._executable is not None:
            given = [values[source] for source in self._entries] + (list(states) if self.variables else [])
            plan = self._executable.plan(
                tuple(array.shape for array in given), fresh if self.variables else frozenset()
            )
            found = list(plan.run(given, team, times))
            values.update(zip(self._exits, found, strict=False))
        for node, sources in zip(self._texts, self._texts_read, strict=True):
            began = perf_counter()
            self._evaluate(node, [_decoded(source, values) for source in sources], values)
            if times is not None:
                shape = values[node.output(0)].shape
                seconds = perf_counter() - began
                times.append(StepTime(node.friendly_name, node.op.type, shape, seconds, numpy=True))
        return found[len(self._exits) :]

    def _evaluate(self, node: Node, arrays: list[Array], values: dict[Output, Array]) -> None:
        for output, array in zip(node.outputs(), outputs_of(node, arrays), strict=True):
            values[output] = encode(np.asarray(array), bound_type(output.element_type))


def _value(source: Output, values: dict[Output, Array]) -> Array:
    """The elements of an output as plans give them."""
    if isinstance(source.node, Constant):
        return encode(constant_array(source.node), bound_type(source.element_type))
    return values[source]


def _decoded(source: Output, values: dict[Output, Array]) -> Array:
    """The elements of an output in their compute dtype."""
    if isinstance(source.node, Constant):
        return constant_array(source.node)
    return decode(values[source], bound_type(source.element_type), values[source].shape)


def _segments(model: Model, options: Options) -> list[Segment]:
    place: dict[Node, int] = {}
    texts: set[Node] = set()
    nodes = [node for node in _nodes(model) if not isinstance(node, (Parameter, Result))]
    for node in nodes:
        before = [(source.node, place.get(source.node, 0)) for source in node.sources]
        if _on_strings(node):
            texts.add(node)
            place[node] = max((number for _, number in before), default=0)
        else:
            place[node] = max((number + (reader in texts) for reader, number in before), default=0)
    wanted = {result.sources[0] for result in model.results}
    wanted |= {
        source for node in nodes for source in node.sources if node in texts or place[node] > place.get(source.node, 0)
    }
    segments = []
    for number in range(max(place.values(), default=-1) + 1):
        members = [node for node in nodes if place[node] == number]
        numbers = [node for node in members if node not in texts]
        sinks = [node for node in model.sinks if node in numbers]
        segments.append(Segment(numbers, [node for node in members if node in texts], wanted, sinks, options))
    return segments


class StringPlan:
    """A plan in stages: what computes is planned when strings are there, whose lengths its shapes follow from."""

    program = None

    def __init__(self, executable: StringExecutable, fresh: frozenset[str]) -> None:
        self._executable = executable
        self._fresh = fresh

    def run(self, arrays: Sequence[Array], team: Team, times: list[StepTime] | None = None) -> list[Array]:
        return self._executable.run(arrays, self._fresh, team, times)
