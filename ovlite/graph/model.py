"""Model: parameters, results, and all that lies between."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import ModelError, suggestion
from ..types import PartialShape
from .leaves import Parameter, Result
from .node import Node
from .ports import Output

_counter = itertools.count()


def ordered(roots: Iterable[Node]) -> list[Node]:
    """The nodes that `roots` need, each after all that it reads. Raises ModelError for a cycle."""
    order: list[Node] = []
    state: dict[Node, bool] = {}  # False while a node's sources are visited, True afterwards
    for root in roots:
        stack = [(root, iter(root.sources))]
        if root in state:
            continue
        state[root] = False
        while stack:
            node, sources = stack[-1]
            source = next(sources, None)
            if source is None:
                stack.pop()
                state[node] = True
                order.append(node)
            elif source.node not in state:
                state[source.node] = False
                stack.append((source.node, iter(source.node.sources)))
            elif not state[source.node]:
                raise ModelError(f"the graph has a cycle through {source.node.friendly_name!r}")
    return order


class Model:
    """A graph with inputs and outputs.

    results: Nodes (all outputs of a single one, or output 0 of each), Outputs, or Results.
    sinks: nodes that are carried out for their effect (Assign). parameters: the inputs, in order.
    """

    def __init__(self, results: Any, *rest: Any, name: str = "") -> None:
        sinks, parameters, name = _sorted_arguments(rest, name)
        number = next(_counter)
        self.name = f"Model{number}"
        self._friendly_name = name or self.name
        self.results = _as_results(results)
        self.sinks: list[Node] = list(sinks)
        self.parameters: list[Parameter] = list(parameters)
        self.info: dict[str, Any] = {}  # what rt_info shows
        for node in self.get_ordered_ops():
            if isinstance(node, Parameter) and node not in self.parameters:
                raise ModelError(f"the model reads parameter {node.friendly_name!r}, which is not among its parameters")
        self._name_ports()

    def _name_ports(self) -> None:
        for parameter in self.parameters:
            if not parameter.output(0).names:
                parameter.output(0).set_names({parameter.friendly_name})
        for result in self.results:
            if not result.output(0).names:
                source = result.sources[0]
                named = source.names and not isinstance(source.node, Parameter)
                result.output(0).set_names(source.names if named else {result.friendly_name})

    @property
    def friendly_name(self) -> str:
        return self._friendly_name

    def get_friendly_name(self) -> str:
        return self._friendly_name

    def set_friendly_name(self, name: str) -> None:
        self._friendly_name = name

    def get_name(self) -> str:
        return self.name

    def get_ordered_ops(self) -> list[Node]:
        """All nodes, each after what it reads; parameters first, results last."""
        return ordered([*self.parameters, *self.sinks, *self.results])

    def get_ops(self) -> list[Node]:
        return self.get_ordered_ops()

    @property
    def inputs(self) -> list[Output]:
        return [parameter.output(0) for parameter in self.parameters]

    @property
    def outputs(self) -> list[Output]:
        return [result.output(0) for result in self.results]

    def input(self, key: int | str | None = None) -> Output:
        return _port(self.inputs, key, "input")

    def output(self, key: int | str | None = None) -> Output:
        return _port(self.outputs, key, "output")

    def infer(self) -> None:
        """Infers all types anew, in order."""
        for node in self.get_ordered_ops():
            node.infer()

    def reshape_parameters(self, shapes: dict[Parameter, PartialShape]) -> None:
        """Gives parameters other shapes; when the graph can't take them it keeps the ones it has."""
        before = {parameter: parameter.output(0).partial_shape for parameter in shapes}
        try:
            for parameter, shape in shapes.items():
                parameter.set_partial_shape(shape)
            self.infer()
        except ModelError:
            for parameter, shape in before.items():
                parameter.set_partial_shape(shape)
            self.infer()
            raise

    def clone(self) -> Model:
        """A copy that shares nothing with this model but the constants' memory."""
        twins: dict[Output, Output] = {}
        nodes: dict[Node, Node] = {}
        for node in self.get_ordered_ops():
            twin = nodes[node] = node.copy([twins[source] for source in node.sources])
            twins.update(zip(node.outputs(), twin.outputs(), strict=True))
        copy = Model(
            [nodes[node] for node in self.results],
            [nodes[node] for node in self.sinks],
            [nodes[node] for node in self.parameters],
        )
        copy.name = self.name
        copy._friendly_name = self._friendly_name
        copy.info = dict(self.info)
        return copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Model:
        return self.clone()

    def __copy__(self) -> Model:
        raise TypeError("a Model can't be copied without its nodes; clone() copies it as a whole")

    def __repr__(self) -> str:
        lines = [f"<Model: '{self.friendly_name}'", "inputs["]
        lines += [f"  {port!r}" for port in self.inputs]
        lines += ["]", "outputs["]
        lines += [f"  {port!r}" for port in self.outputs]
        return "\n".join([*lines, "]>"])


def _sorted_arguments(rest: Sequence[Any], name: str) -> tuple[Sequence[Node], Sequence[Parameter], str]:
    """(sinks, parameters, name) from the arguments behind the results."""
    lists = [value for value in rest if not isinstance(value, str)]
    names = [value for value in rest if isinstance(value, str)]
    if not 1 <= len(lists) <= 2:
        raise TypeError("Model(results, parameters) or Model(results, sinks, parameters)")
    for value in lists:
        if not isinstance(value, (list, tuple)):
            raise TypeError(f"parameters and sinks are lists of nodes, not {type(value).__name__}")
    for parameter in lists[-1]:
        if not isinstance(parameter, Parameter):
            raise TypeError(f"{parameter!r} is not a Parameter")
    return (lists[0] if len(lists) == 2 else []), lists[-1], names[0] if names else name


def _as_results(results: Any) -> list[Result]:
    if isinstance(results, Node) and not isinstance(results, Result):
        return [Result(output) for output in results.outputs()]
    values = list(results) if isinstance(results, (list, tuple)) else [results]
    kinds = {Output if isinstance(value, Output) else Node if isinstance(value, Node) else type(value) for value in values}
    if kinds - {Output, Node} or len(kinds) > 1:
        raise TypeError("results are all Nodes or all Outputs")
    return [
        value if isinstance(value, Result) else Result(value if isinstance(value, Output) else value.output(0))
        for value in values
    ]


def _port(ports: list[Output], key: int | str | None, kind: str) -> Output:
    if key is None:
        if len(ports) != 1:
            raise RuntimeError(f"the model has {len(ports)} {kind}s; say which one by index or name")
        return ports[0]
    if isinstance(key, str):
        for port in ports:
            if key in port.names:
                return port
        names = sorted(name for port in ports for name in port.names)
        raise RuntimeError(f"the model has no {kind} {key!r}; it has {names}.{suggestion(key, names)}")
    if isinstance(key, bool) or not isinstance(key, int) or key < 0:
        raise TypeError(f"an {kind} is named by a non-negative int or a str, not {key!r}")
    if key >= len(ports):
        raise IndexError(f"{kind} {key} of a model that has {len(ports)}")
    return ports[key]
