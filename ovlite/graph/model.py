"""Model: parameters, results, and all that lies between."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..errors import ModelError
from ..imports import forks_wait
from ..records import replace
from ..types import OVAny, PartialShape, Shape, Type
from . import runtime_info
from .construction import content_of
from .garbage import uncollected
from .hooks import hooks
from .leaves import Parameter, Result, check_layout
from .lookup import find_port
from .node import Node
from .operator import Operator
from .order import Order, ordered
from .ports import Output
from .reshaping import new_shape, shapes_of_parameters
from .runtime_info import RTMap
from .variables import Variable, variables_of

_counter = itertools.count()


class Model:
    """A graph with inputs and outputs.

    Model(results, parameters), Model(results, sinks, parameters), either with variables behind the parameters,
    and a name last; all of them as keywords too. Model(model) is the same graph.

    results: a node, for all its outputs; a list of nodes, for output 0 of each; of Outputs, or of Results.
    sinks: nodes that are carried out for their effect (Assign). parameters: the inputs, in order.
    """

    _order: Order | None = None  # while it is kept

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if len(args) == 1 and isinstance(args[0], Model) and not kwargs:
            self.__dict__.update(args[0].__dict__)
            return
        self.results, self.sinks, self.parameters, self._variables, name = content_of(args, kwargs)
        self.name = f"Model{next(_counter)}"
        self._friendly_name = name or self.name
        self.info: dict[str, Any] = {}  # what rt_info shows
        self._check_parameters()
        for parameter in self.parameters:
            if not parameter.output(0).names:
                parameter.output(0).set_names({parameter.friendly_name})
        for result in self.results:
            _name_result(result)

    def _check_parameters(self, nodes: Sequence[Node] = ()) -> None:
        """ModelError when the graph, or what `nodes` need, reads a parameter that the model has not."""
        for node in ordered(nodes) if nodes else self.get_ordered_ops():
            if isinstance(node, Parameter) and node not in self.parameters:
                raise ModelError(f"the model reads parameter {node.friendly_name!r}, which is not among its parameters")

    @property
    def friendly_name(self) -> str:
        return self._friendly_name

    @friendly_name.setter
    def friendly_name(self, name: str) -> None:
        self._friendly_name = name

    def get_friendly_name(self) -> str:
        return self._friendly_name

    def set_friendly_name(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"expected a name to be a str, got {type(name).__name__}")
        self._friendly_name = name

    def get_name(self) -> str:
        return self.name

    def get_ordered_ops(self) -> list[Node]:
        """All nodes, each after what it reads; parameters first, results last."""
        roots = [*self.parameters, *self.sinks, *self.results]
        return ordered(roots) if self._order is None else self._order.of(roots)

    @contextmanager
    def order_kept(self) -> Iterator[None]:
        """Keeps the order of the nodes from one question to the next, as long as nobody changes a graph. Nodes that
        are replaced meanwhile may stay until the end.
        """
        self._order = Order()
        try:
            yield
        finally:
            self._order = None

    def get_ops(self) -> list[Node]:
        return self.get_ordered_ops()

    def get_parameters(self) -> list[Parameter]:
        return list(self.parameters)

    def get_results(self) -> list[Result]:
        return list(self.results)

    def get_sinks(self) -> list[Node]:
        return list(self.sinks)

    @property
    def result(self) -> Result:
        """The only result."""
        if len(self.results) != 1:
            raise RuntimeError(f"the model has {len(self.results)} results; see results")
        return self.results[0]

    def get_result(self) -> Result:
        return self.result

    @property
    def variables(self) -> list[Variable]:
        """The variables that were given, and those that nodes read or assign."""
        given = {variable.info.variable_id for variable in self._variables}
        found = variables_of(self.get_ordered_ops())
        return [*self._variables, *(variable for variable in found if variable.info.variable_id not in given)]

    def get_variables(self) -> list[Variable]:
        return self.variables

    def get_variable_by_id(self, variable_id: str) -> Variable | None:
        return next((variable for variable in self.variables if variable.info.variable_id == variable_id), None)

    @property
    def dynamic(self) -> bool:
        """True when a shape in the graph is not known as a whole."""
        return any(output.partial_shape.is_dynamic for node in self.get_ordered_ops() for output in node.outputs())

    def is_dynamic(self) -> bool:
        return self.dynamic

    @property
    def inputs(self) -> list[Output]:
        return [parameter.output(0) for parameter in self.parameters]

    @property
    def outputs(self) -> list[Output]:
        return [result.output(0) for result in self.results]

    def input(self, *key: Any, **keywords: Any) -> Output:
        """The only input, or the one with an index or a tensor name: input(0), input("x"), input(tensor_name="x")."""
        return find_port(self.inputs, key, keywords, "input")

    def output(self, *key: Any, **keywords: Any) -> Output:
        """The only output, or the one with an index or a tensor name: output(0), output("y"), output(index=0)."""
        return find_port(self.outputs, key, keywords, "output")

    def get_output_size(self) -> int:
        return len(self.results)

    def get_output_op(self, index: int) -> Result:
        self.output(index)
        return self.results[index]

    def get_output_shape(self, index: int) -> Shape:
        return self.output(index).shape

    def get_output_partial_shape(self, index: int) -> PartialShape:
        return self.output(index).partial_shape

    def get_output_element_type(self, index: int) -> Type:
        return self.output(index).element_type

    def get_parameter_index(self, parameter: Parameter) -> int:
        """-1 for a parameter of another model."""
        if not isinstance(parameter, Parameter):
            raise TypeError(f"expected a Parameter, got {parameter!r}")
        return self.parameters.index(parameter) if parameter in self.parameters else -1

    def get_result_index(self, value: Any = None, *, result: Any = None) -> int:
        """The index of a Result, of its output, or of the first that reads an Output; -1 when there is none."""
        result = value if result is None else result
        if not isinstance(result, (Result, Output)) and not hasattr(result, "_as_output"):
            raise TypeError(f"expected a Result or an Output, got {result!r}")
        for index, mine in enumerate(self.results):
            if result is mine or result is mine.output(0) or result is mine.sources[0]:
                return index
        return -1

    def get_sink_index(self, value: Any = None, *, sink: Any = None) -> int:
        sink = value if sink is None else sink
        node = sink.node if isinstance(sink, Output) else sink
        return self.sinks.index(node) if node in self.sinks else -1

    def add_outputs(self, outputs: Any) -> list[Output]:
        """Makes tensors outputs, where they are none yet: tensor names, (node's name, index), or Outputs.

        An Output may be new to the graph, as long as it follows from the model's parameters.
        """
        wanted = outputs if isinstance(outputs, list) else [outputs]
        return [self._add_output(self._tensor(item)) for item in wanted]

    def _tensor(self, item: Any) -> Output:
        nodes = self.get_ordered_ops()
        if isinstance(item, Output):
            self._check_parameters([item.node])
            found = [item]
        elif isinstance(item, str):
            found = [output for node in nodes for output in node.outputs() if item in output.names]
        elif isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], int):
            found = [node.output(item[1]) for node in nodes if node.friendly_name == item[0]]
        else:
            raise TypeError(
                f"expected an output to be told by its tensor's name, (node's name, index) or an Output, got {item!r}"
            )
        if not found:
            raise RuntimeError(f"the model has no tensor {item!r}")
        return found[0]

    def _add_output(self, output: Output) -> Output:
        for result in self.results:
            if output is result.output(0) or output is result.sources[0]:
                return result.output(0)
        result = Result(output)
        _name_result(result)
        self.results.append(result)
        return result.output(0)

    def add_parameters(self, parameters: Iterable[Parameter]) -> None:
        """Adds inputs; validate_nodes_and_infer_types() should follow a change of the graph."""
        self.parameters += _all(parameters, Parameter)

    def add_results(self, results: Iterable[Result]) -> None:
        added = _all(results, Result)
        for result in added:
            _name_result(result)
        self.results += added

    def add_sinks(self, sinks: Iterable[Any]) -> None:
        self.sinks += _all([sink.node if isinstance(sink, Output) else sink for sink in sinks], Node)

    def add_variables(self, variables: Iterable[Variable]) -> None:
        self._variables += _all(variables, Variable)

    def remove_parameter(self, parameter: Parameter) -> None:
        _remove(self.parameters, parameter, Parameter)

    def remove_result(self, result: Result) -> None:
        _remove(self.results, result, Result)

    def remove_sink(self, sink: Any) -> None:
        _remove(self.sinks, sink.node if isinstance(sink, Output) else sink, Node)

    def remove_variable(self, variable: Variable) -> None:
        _remove(self._variables, variable, Variable)

    def replace_parameter(self, parameter_index: int, parameter: Parameter) -> None:
        """Puts another parameter in the place of one, with its readers and tensor names."""
        if not 0 <= parameter_index < len(self.parameters):
            raise RuntimeError(f"expected a parameter's index below {len(self.parameters)}, got {parameter_index}")
        old = self.parameters[parameter_index].output(0)
        old.replace(parameter.output(0))
        parameter.output(0).set_names(old.names)
        self.parameters[parameter_index] = parameter

    def infer(self) -> None:
        """Infers all types anew, in order."""
        for node in self.get_ordered_ops():
            node.infer()

    def validate_nodes_and_infer_types(self) -> None:
        """Checks the graph, and infers all types anew."""
        self._check_parameters()
        for parameter in self.parameters:
            check_layout(parameter.layout, parameter.partial_shape)
        self.infer()

    def reshape(
        self, partial_shapes: Any = None, variables_shapes: dict[str, Any] | None = None, *, partial_shape: Any = None
    ) -> None:
        """Gives inputs other shapes; when the graph can't take them it keeps the ones it has.

        partial_shapes: the shape of the only input, or a dict by tensor name, index or Output; partial_shape is
            the same.
        variables_shapes: the shapes of variables by id.
        """
        if not isinstance(variables_shapes, (dict, type(None))):
            raise TypeError(f"expected shapes of variables to be a dict by id, got {type(variables_shapes).__name__}")
        asked = partial_shapes if partial_shape is None else partial_shape
        shapes = shapes_of_parameters(self.parameters, asked, self.input)
        readers = self._readers({name: new_shape(shape) for name, shape in (variables_shapes or {}).items()})
        self.reshape_parameters(shapes, readers)

    def _readers(self, shapes: dict[str, PartialShape]) -> dict[Node, PartialShape]:
        """The nodes that read variables for which there are shapes."""
        readers = {}
        for node in self.get_ordered_ops():
            attributes = node.op.attributes()
            if "variable_shape" in attributes and attributes["variable_id"] in shapes:
                readers[node] = shapes[attributes["variable_id"]]
        return readers

    def reshape_parameters(
        self, shapes: Mapping[Parameter, PartialShape], readers: Mapping[Node, PartialShape] | None = None
    ) -> None:
        """Gives parameters other shapes; when the graph can't take them it keeps the ones it has.

        readers: nodes that read variables, with the variables' other shapes.
        """
        before = {parameter: parameter.partial_shape for parameter in shapes}
        readers = readers or {}
        operators = {node: node.op for node in readers}
        try:
            for parameter, shape in shapes.items():
                parameter.set_partial_shape(shape)
            for node, shape in readers.items():
                node.op = replace(node.op, variable_shape=shape)
            self.infer()
        except Exception:
            for parameter, shape in before.items():
                parameter.set_partial_shape(shape)
            for node, op in operators.items():
                node.op = op
            self.infer()
            raise

    def evaluate(
        self, output_tensors: Sequence[Any], input_tensors: Sequence[Any], evaluation_context: Any = None
    ) -> bool:
        """Runs the graph node by node, without compiling it; the output tensors take the shapes of the outputs."""
        hooks().evaluate_model(self, output_tensors, input_tensors)
        return True

    @property
    def rt_info(self) -> RTMap:
        return RTMap(self.info)

    def get_rt_info(self, path: Any = None) -> RTMap | OVAny:
        """All notes, or the one at a path: a str, or a list of str that leads into dicts."""
        return self.rt_info if path is None else runtime_info.find(self.info, path)

    def set_rt_info(self, obj: Any, path: Any) -> None:
        runtime_info.put(self.info, path, obj)

    def has_rt_info(self, path: Any) -> bool:
        try:
            runtime_info.find(self.info, path)
        except RuntimeError:
            return False
        return True

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *error: Any) -> None:
        """Releases the graph; the model can't be used any more."""
        self.__dict__.clear()

    def _get_raw_address(self) -> int:
        """A number that is this model's alone as long as it lives."""
        return id(self)

    def clone(self) -> Model:
        """A copy that shares nothing with this model but the constants' memory; its types are inferred anew."""
        return self._copied(lambda node, sources: node.copy(sources))

    def twin(self) -> Model:
        """The same with the types that were inferred, of a model whose shapes nobody has set since."""
        return self._copied(lambda node, sources: node.twin(sources))

    @uncollected()
    def _copied(self, copied: Callable[[Node, Sequence[Output]], Node]) -> Model:
        twins: dict[Output, Output] = {}
        nodes: dict[Node, Node] = {}
        for node in self.get_ordered_ops():
            twin = nodes[node] = copied(node, [twins[source] for source in node.sources])
            twins.update(zip(node.outputs(), twin.outputs(), strict=True))
        copy = Model(
            [nodes[node] for node in self.results],
            [nodes[node] for node in self.sinks],
            [nodes[node] for node in self.parameters],
            list(self._variables),
        )
        copy.name = self.name
        copy._friendly_name = self._friendly_name
        copy.info = dict(self.info)
        return copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Model:
        return self.clone()

    def __reduce__(self) -> tuple[Any, ...]:
        return hooks().pickled(self)

    def __copy__(self) -> Model:
        raise TypeError("a Model can't be copied without its nodes; clone() copies it as a whole")

    def __repr__(self) -> str:
        lines = [f"<Model: '{self.friendly_name}'", "inputs["]
        lines += [f"  {port!r}" for port in self.inputs]
        lines += ["]", "outputs["]
        lines += [f"  {port!r}" for port in self.outputs]
        return "\n".join([*lines, "]>"])

    @forks_wait()
    def _repr_html_(self) -> str:
        from . import html

        return html.model(self.friendly_name, self.inputs, self.outputs, self.get_ordered_ops())


def has_bodies(op: Operator) -> bool:
    """Return whether models are among an operator's attributes."""
    return any(isinstance(value, Model) for value in vars(op).values())


def _name_result(result: Result) -> None:
    """Names a tensor that has no name as the Result that shows it."""
    if not result.output(0).names:
        result.output(0).set_names({result.friendly_name})


def _all(values: Iterable[Any], kind: type) -> list[Any]:
    found = list(values)
    for value in found:
        if not isinstance(value, kind):
            raise TypeError(f"expected a {kind.__name__}, got {value!r}")
    return found


def _remove(values: list[Any], value: Any, kind: type) -> None:
    """Takes a value out of a list; nothing happens when it is not in there."""
    if not isinstance(value, kind):
        raise TypeError(f"expected a {kind.__name__}, got {value!r}")
    if value in values:
        values.remove(value)
