"""From a model to an Executable: which ports can be computed with, and strings, which plans never see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ModelError
from ..graph import Constant, Model, Output, Parameter, Result, TensorType
from ..kernels.runtime.executor import Team
from ..ops.strings import StringTensorPack, StringTensorUnpack
from ..plan import Executable, Options, Variable
from ..types import Type

Array = npt.NDArray[Any]
COMPUTED = (
    "boolean", "bf16", "f16", "f32", "f64", "f8e4m3", "f8e5m2", "f8e8m0",
    "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "string",
)  # fmt: skip
Shapes = tuple[tuple[int, ...], ...]
# Routes of results that are not an input of strings.
COMPUTED_HERE = -1
PACKED = -2


def make_executable(model: Model, options: Options) -> Executable | StringExecutable:
    """Makes a model ready to run. ModelError for ports that can't be computed with."""
    for kind, ports in (("input", model.inputs), ("output", model.outputs)):
        for index, port in enumerate(ports):
            port_label = f"{kind} {index} ({', '.join(sorted(port.names))})"
            if port.element_type.name not in COMPUTED:
                raise ModelError(
                    f"{port_label} holds {port.element_type.name}; insert a convert to {', '.join(COMPUTED)}"
                )
            if kind == "input" and not port.partial_shape.has_rank:
                raise ModelError(f"{port_label} has no known rank; reshape the model, unknown dimensions may stay")
    if any(port.element_type is Type.string for port in [*model.inputs, *model.outputs]):
        return StringExecutable(model, options)
    return Executable(model, options)


class StringExecutable:
    """An Executable of a model with inputs or outputs of strings, which are object arrays of bytes.

    Strings go from inputs to outputs as they are, from inputs to StringTensorUnpack, and from StringTensorPack
    to outputs; all else is left to an Executable without strings. Raises ModelError for other operations on strings.
    """

    def __init__(self, model: Model, options: Options) -> None:
        model = model.clone()
        self.inputs = [TensorType(port.element_type, port.partial_shape) for port in model.inputs]
        self.outputs = [TensorType(port.element_type, port.partial_shape) for port in model.outputs]
        self._numbers = [index for index, kind in enumerate(self.inputs) if kind.element_type is not Type.string]
        self._unpacked, parameters = _unpacked(model)
        self._routes = [_route(model, result) for result in model.results]
        _check_strings(model)
        ends: list[Output] = []
        for result, route in zip(model.results, self._routes, strict=True):
            source = result.sources[0]
            ends += source.node.sources if route == PACKED else [source] if route == COMPUTED_HERE else []
        self._rest: Executable | None = None
        if ends or model.sinks:
            parameters = [model.parameters[index] for index in self._numbers] + parameters
            self._rest = Executable(Model(ends, model.sinks, parameters), options)
        self.variables: list[Variable] = [] if self._rest is None else self._rest.variables

    def plan(self, shapes: Shapes, fresh: frozenset[str] = frozenset()) -> StringPlan:
        """As in Executable.plan()."""
        return StringPlan(self, fresh)

    def run(self, arrays: Sequence[Array], fresh: frozenset[str], team: Team) -> list[Array]:
        """New arrays for the outputs, and then for the variables."""
        given = [arrays[index] for index in self._numbers]
        for index in self._unpacked:
            given += StringTensorUnpack().evaluate(arrays[index])
        given += arrays[len(self.inputs) :]
        found = iter(self._compute(given, fresh, team))
        return [*(self._output(route, arrays, found) for route in self._routes), *found]

    def _compute(self, arrays: list[Array], fresh: frozenset[str], team: Team) -> Sequence[Array]:
        if self._rest is None:
            return []
        return self._rest.plan(tuple(array.shape for array in arrays), fresh).run(arrays, team)

    def _output(self, route: int, arrays: Sequence[Array], found: Iterator[Array]) -> Array:
        if route == PACKED:
            return StringTensorPack().evaluate(next(found), next(found), next(found))[0]
        return next(found) if route == COMPUTED_HERE else np.array(arrays[route])


class StringPlan:
    """A plan in stages: what computes is planned when strings are there, whose lengths its shapes follow from."""

    program = None

    def __init__(self, executable: StringExecutable, fresh: frozenset[str]) -> None:
        self._executable = executable
        self._fresh = fresh

    def run(self, arrays: Sequence[Array], team: Team) -> list[Array]:
        return self._executable.run(arrays, self._fresh, team)


def _unpacked(model: Model) -> tuple[list[int], list[Parameter]]:
    """The inputs of strings that are unpacked, and parameters in the place of what unpacking gives."""
    indices: list[int] = []
    parameters: list[Parameter] = []
    for node in model.get_ordered_ops():
        if isinstance(node.op, StringTensorUnpack) and isinstance(node.sources[0].node, Parameter):
            indices.append(model.parameters.index(node.sources[0].node))
            for output in node.outputs():
                parameters.append(Parameter(output.element_type, output.partial_shape))
                output.replace(parameters[-1].output(0))
    return indices, parameters


def _route(model: Model, result: Result) -> int:
    """Where a result comes from: the index of the input whose strings it returns, COMPUTED_HERE, or PACKED."""
    source = result.sources[0]
    if source.element_type is not Type.string:
        return COMPUTED_HERE
    if isinstance(source.node.op, StringTensorPack):
        return PACKED
    if not isinstance(source.node, Parameter):
        raise ModelError(f"output {result.friendly_name!r} holds strings that are not an input of the model")
    return model.parameters.index(source.node)


def _check_strings(model: Model) -> None:
    for node in model.get_ordered_ops():
        works = any(source.element_type is Type.string for source in node.sources)
        constant = isinstance(node.op, StringTensorUnpack) and isinstance(node.sources[0].node, Constant)
        if works and not constant and not isinstance(node, Result):
            raise ModelError(f"{node.op.type} {node.friendly_name!r} works on strings, which is not supported")
