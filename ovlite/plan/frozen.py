"""Executables as data: the graph behind all passes, and the weights that its plans have packed.

A document of what JSON can hold, and arrays that lie elsewhere. Nothing in it is code, and what comes from a file is
checked as a model from a file is: operators are made by their constructors, types are inferred anew, and packed weights
have the shape that follows from the constant that they stand for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from ..graph import Constant, Model, Node, Operator, Output, Parameter, Result, TensorType
from ..graph.constants import ScaledConstant
from ..graph.operator import Array
from ..imports import load
from ..records import fields, is_record
from ..types import PartialShape, Type
from .executable import Executable, Prepared, Variable
from .frozen_weights import Reader, Sink, Source, are_weights, form, packed, stub
from .options import Options
from .weight_cache import Weights

OPERATORS = "ovlite.ops."  # where the classes are that a document may name
Document = dict[str, Any]


class Unfrozen(Exception):
    """What can't be written as data; the text says what."""


def frozen(executable: Executable, store: Sink) -> Document:
    """The document of an executable. Unfrozen where a part of it can't be written."""
    prepared = executable.prepared
    weights = packed(executable)
    late = {node for made in weights for node in made.nodes if _is_late(node, executable)}
    writer = _Writer(store, late, executable.packed_weights.check)
    graph = writer.model(prepared.model)
    missing = [state for state in prepared.states if state.node not in writer.numbers]
    if missing:
        raise Unfrozen("a variable that nothing reads")
    return {
        "graph": graph,
        "inputs": [_kind(*kind) for kind in prepared.inputs],
        "outputs": [_kind(*kind) for kind in prepared.outputs],
        "variables": [[name, *_kind(element, shape)] for name, element, shape in prepared.variables],
        "states": [writer.numbers[state.node] for state in prepared.states],
        "packed": [
            [[writer.numbers[node] for node in nodes], _plain(how), form(made, store)] for nodes, how, made in weights
        ],
    }


def thawed(document: Document, options: Options, store: Source) -> Executable:
    """The executable of a document. What wrong ones lead to is a RuntimeError, LookupError, TypeError or ValueError."""
    reader = _Reader(store)
    model = reader.model(document["graph"])
    prepared = Prepared(
        model,
        [TensorType(*_read_kind(kind)) for kind in document["inputs"]],
        [TensorType(*_read_kind(kind)) for kind in document["outputs"]],
        [Variable(str(name), *_read_kind(kind)) for name, *kind in document["variables"]],
        [reader.nodes[number].output(0) for number in document["states"]],
    )
    if len(prepared.inputs) != len(model.parameters) or len(prepared.outputs) != len(model.results):
        raise ValueError("the ports are not those of the graph")
    executable = Executable.of(prepared, options)
    weights = Reader(store)
    for numbers, how, found in document["packed"]:
        nodes = [reader.nodes[number] for number in numbers]
        parts = [_weights(node, executable) for node in nodes]
        key = tuple(tuple(item) if isinstance(item, list) else item for item in how)
        arrays = [stub(part._shape) if isinstance(part, ScaledConstant) else part for part in parts]
        executable.packed_weights.put(tuple(parts), key, weights.read(arrays, key, found))
    return executable


def _weights(node: Node, executable: Executable) -> Weights:
    if not isinstance(node, Constant):
        raise ValueError(f"weights of {node.op.type}")
    return node if isinstance(node, ScaledConstant) else executable.constants[node]


def _is_late(node: Constant, executable: Executable) -> bool:
    """Whether the constant is computed with as it is stored, as weights alone."""
    if isinstance(node, ScaledConstant):
        return are_weights(node)
    array = executable.constants[node]
    stored, aligned = (found.__array_interface__["data"] for found in (node.stored, array))
    as_stored = stored == aligned or not node.stored.flags.aligned and node.stored.dtype == array.dtype
    return as_stored and are_weights(node)


# Graphs -----------------------------------------------------------------------------------------


class _Writer:
    """Writes graphs; numbers: of the nodes of the outermost one. check: looks at elements that come from a file."""

    def __init__(self, store: Sink, late: set[Constant], check: Callable[[Array], None]) -> None:
        self._store = store
        self._late = late
        self._check = check
        self.numbers: dict[Node, int] = {}

    def model(self, model: Model) -> Document:
        numbers: dict[Node, int] = {}
        nodes = []
        for node in dict.fromkeys([*model.parameters, *model.get_ordered_ops()]):
            sources = [[numbers[source.node], source.index] for source in node.sources]
            nodes.append([*self._content(node), node.friendly_name, sources])
            numbers[node] = len(numbers)
        self.numbers = numbers
        ends = [[numbers[node] for node in group] for group in (model.parameters, model.results, model.sinks)]
        return {"nodes": nodes, "ends": ends, "name": model.get_friendly_name()}

    def _content(self, node: Node) -> list[Any]:
        if isinstance(node, Parameter):
            return ["parameter", _kind(node.output(0).element_type, node.output(0).partial_shape)]
        if isinstance(node, ScaledConstant):
            array, factors = node.parts
            self._check(array)
            return ["scaled", [self._store.put(array, node in self._late), self._store.put(factors, False)]]
        if isinstance(node, Constant):
            stored = node.stored
            if stored.dtype.kind not in "biuf":
                raise Unfrozen(f"elements of {stored.dtype}")
            self._check(stored)
            place = self._store.put(stored, node in self._late)
            return ["constant", [place, node.get_element_type().get_type_name(), list(node._shape)]]
        if isinstance(node, Result):
            return ["result", None]
        if type(node) is not (node.op.node_class or Node):
            raise Unfrozen(f"a node of {type(node).__name__}")
        return ["operator", self.value(node.op)]

    def value(self, value: Any) -> Any:
        """An attribute, or an operator."""
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"float": repr(value)}
        if isinstance(value, Type) and value.get_type_name() in Type._members:
            return {"type": value.get_type_name()}
        if isinstance(value, PartialShape):
            return {"shape": str(value)}
        if isinstance(value, Model):
            kept, found = self.numbers, self.model(value)
            self.numbers = kept
            return {"model": found}
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            return {"array": self._store.put(value, False)}
        if isinstance(value, tuple) and type(value) is tuple:
            return {"tuple": [self.value(item) for item in value]}
        name = f"{type(value).__module__}:{type(value).__qualname__}"
        if name.startswith(OPERATORS) and isinstance(value, tuple):
            return {"of": name, "items": [self.value(item) for item in value]}
        if name.startswith(OPERATORS) and is_record(type(value)):
            return {
                "of": name,
                "fields": {field.name: self.value(getattr(value, field.name)) for field in fields(value)},
            }
        raise Unfrozen(f"an attribute of {name}")


class _Reader:
    """Reads graphs; nodes: of the one that was read last, which is the outermost one."""

    def __init__(self, store: Source) -> None:
        self._store = store
        self.nodes: list[Node] = []

    def model(self, document: Document) -> Model:
        nodes: list[Node] = []
        for kind, content, name, sources in document["nodes"]:
            read = [nodes[_index(number, nodes)].output(index) for number, index in sources]
            nodes.append(self._node(kind, content, str(name), read))
        parameters, results, sinks = ([nodes[_index(number, nodes)] for number in group] for group in document["ends"])
        model = Model(results, sinks, parameters, str(document["name"])) if sinks else Model(results, parameters)
        model.set_friendly_name(str(document["name"]))
        self.nodes = nodes
        return model

    def _node(self, kind: str, content: Any, name: str, sources: Sequence[Output]) -> Node:
        if kind == "parameter":
            return Parameter(*_read_kind(content), name)
        if kind == "constant":
            place, element, shape = content
            return Constant.of(self._store.array(place), Type._named(element), tuple(map(int, shape)), name)
        if kind == "scaled":
            array, factors = map(self._store.array, content)
            if array.dtype != np.float32 or np.broadcast_shapes(array.shape, factors.shape) != array.shape:
                raise ValueError(f"{factors.dtype}{factors.shape} factors of {array.dtype}{array.shape}")
            scaled = ScaledConstant(array, factors)
            scaled.friendly_name = name
            return scaled
        if kind == "result":
            return Result(sources[0], name)
        op = self.value(content)
        if kind != "operator" or not isinstance(op, Operator):
            raise ValueError(f"a node of kind {kind!r}")
        return Node(op, sources, name)

    def value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if "of" in value:
            found = _class(value["of"])
            if "items" in value:
                return found(*[self.value(item) for item in value["items"]])
            return found(**{name: self.value(item) for name, item in value["fields"].items()})
        ((kind, content),) = value.items()
        return _VALUES[kind](self, content)


_VALUES: Mapping[str, Callable[[_Reader, Any], Any]] = {
    "float": lambda reader, text: float(text),
    "type": lambda reader, name: Type._named(name),
    "shape": lambda reader, text: PartialShape(text),
    "model": lambda reader, document: reader.model(document),
    "array": lambda reader, place: reader._store.array(place),
    "tuple": lambda reader, items: tuple([reader.value(item) for item in items]),
}


@cache
def _class(name: str) -> Any:
    """An operator, or what operators are made of. ValueError for anything else."""
    module, _, name = name.partition(":")
    found = getattr(load(module), name, None) if module.startswith(OPERATORS) else None
    if isinstance(found, type) and found.__module__ == module and (is_record(found) or issubclass(found, tuple)):
        return found
    raise ValueError(f"{module}:{name} is no operator")


def _kind(element: Type, shape: PartialShape) -> list[str]:
    if element.get_type_name() not in Type._members:
        raise Unfrozen(f"elements of {element}")
    return [element.get_type_name(), str(shape)]


def _read_kind(kind: Sequence[str]) -> tuple[Type, PartialShape]:
    element, shape = kind
    return Type._named(element), PartialShape(str(shape))


def _index(number: Any, nodes: Sequence[Node]) -> int:
    if not isinstance(number, int) or not 0 <= number < len(nodes):
        raise ValueError(f"there is no node {number} yet")
    return number


def _plain(how: tuple[Any, ...]) -> list[Any]:
    return [list(item) if isinstance(item, tuple) else item for item in how]
