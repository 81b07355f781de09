"""From a model to an Executable: which ports can be computed with, and strings, which plans never see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import ModelError
from .graph import Model, Parameter, Result, TensorType
from .kernels.executor import Team
from .plan import Executable, Options, Plan, Variable
from .types import Type

Array = npt.NDArray[Any]
COMPUTED = (
    "boolean", "bf16", "f16", "f32", "f64", "f8e4m3", "f8e5m2", "f8e8m0",
    "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "string",
)  # fmt: skip
Shapes = tuple[tuple[int, ...], ...]


def make_executable(model: Model, options: Options) -> Executable | StringExecutable:
    """Makes a model ready to run. ModelError for ports that can't be computed with."""
    for kind, ports in (("input", model.inputs), ("output", model.outputs)):
        for index, port in enumerate(ports):
            place = f"{kind} {index} ({', '.join(sorted(port.names))})"
            if port.element_type.name not in COMPUTED:
                raise ModelError(f"{place} holds {port.element_type.name}; insert a convert to {', '.join(COMPUTED)}")
            if kind == "input" and not port.partial_shape.has_rank:
                raise ModelError(f"{place} has no known rank; reshape the model, unknown dimensions may stay")
    if any(port.element_type is Type.string for port in [*model.inputs, *model.outputs]):
        return StringExecutable(model, options)
    return Executable(model, options)


class StringExecutable:
    """An Executable of a model with inputs of strings, which go to outputs as they are.

    Strings are object arrays of bytes. Raises ModelError when an operation works on strings.
    """

    def __init__(self, model: Model, options: Options) -> None:
        model = model.clone()
        self.inputs = [TensorType(port.element_type, port.partial_shape) for port in model.inputs]
        self.outputs = [TensorType(port.element_type, port.partial_shape) for port in model.outputs]
        self._routes = [_string_source(model, result) for result in model.results]
        for node in model.get_ordered_ops():
            works = any(source.element_type is Type.string for source in node.sources)
            if works and not isinstance(node, Result):
                raise ModelError(f"{node.op.type} {node.friendly_name!r} works on strings, which is not supported")
        self._numbers = [index for index, kind in enumerate(self.inputs) if kind.element_type is not Type.string]
        results = [result for result, route in zip(model.results, self._routes, strict=True) if route is None]
        self._rest: Executable | None = None
        if results or model.sinks:
            parameters = [model.parameters[index] for index in self._numbers]
            self._rest = Executable(Model(results, model.sinks, parameters), options)
        self.variables: list[Variable] = [] if self._rest is None else self._rest.variables

    def plan(self, shapes: Shapes, fresh: frozenset[str] = frozenset()) -> StringPlan:
        """As in Executable.plan()."""
        kept = [shapes[index] for index in self._numbers] + list(shapes[len(self.inputs) :])
        rest = None if self._rest is None else self._rest.plan(tuple(kept), fresh)
        return StringPlan(rest, self._numbers, len(self.inputs), self._routes)


class StringPlan:
    """A plan in stages: the part that computes, and the strings that pass by it."""

    program = None

    def __init__(self, rest: Plan | None, numbers: Sequence[int], inputs: int, routes: Sequence[int | None]) -> None:
        self._rest = rest
        self._numbers = numbers
        self._inputs = inputs
        self._routes = routes

    def run(self, arrays: Sequence[Array], team: Team) -> list[Array]:
        """New arrays for the outputs, and then for the variables."""
        found = iter(self._compute([arrays[index] for index in self._numbers] + list(arrays[self._inputs :]), team))
        outputs = [next(found) if route is None else np.array(arrays[route]) for route in self._routes]
        return [*outputs, *found]

    def _compute(self, arrays: Sequence[Array], team: Team) -> list[Array]:
        return [] if self._rest is None else self._rest.run(arrays, team)


def _string_source(model: Model, result: Result) -> int | None:
    """The input whose strings a result returns; None for a result of numbers."""
    source = result.sources[0]
    if source.element_type is not Type.string:
        return None
    if not isinstance(source.node, Parameter):
        raise ModelError(f"output {result.friendly_name!r} holds strings that are not an input of the model")
    return model.parameters.index(source.node)
