"""Executables as data: the graph behind all passes, and the weights that its plans have packed.

A document of what JSON can hold, and arrays that lie elsewhere. Nothing in it is code, and what comes from a file is
checked as a model from a file is: operators are made by their constructors, types are inferred anew, and packed weights
have the shape that follows from the constant that they stand for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Protocol

import numpy as np

from .. import kernels
from ..graph import Constant, Model, Node, Operator, Output, Parameter, Result, TensorType
from ..graph.constants import ScaledConstant
from ..graph.operator import Array
from ..imports import load
from ..records import fields, is_record
from ..types import PartialShape, Type
from .executable import Executable, Prepared, Variable
from .options import Options

OPERATORS = "ovlite.ops."  # where the classes are that a document may name
Document = dict[str, Any]


class Unfrozen(Exception):
    """What can't be written as data; the text says what."""


class Sink(Protocol):
    """Takes arrays, and tells of each the place as JSON can hold it."""

    def put(self, array: Array, late: bool) -> Any:
        """late: the array is read only where no packed weights stand for it."""


class Source(Protocol):
    """Gives the arrays at such places."""

    def array(self, place: Any) -> Array: ...


def frozen(executable: Executable, store: Sink) -> Document:
    """The document of an executable. Unfrozen where a part of it can't be written."""
    prepared = executable.prepared
    packed = _packed(executable)
    late = {node for node, _, _ in packed if _is_late(node, executable)}
    writer = _Writer(store, late)
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
        "packed": [[writer.numbers[node], _plain(how), *_form(made, store)] for node, how, made in packed],
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
    for number, how, kind, *form in document["packed"]:
        node = reader.nodes[number]
        if not isinstance(node, Constant):
            raise ValueError(f"weights of {node.op.type}")
        weights = node if isinstance(node, ScaledConstant) else executable.constants[node]
        array = np.broadcast_to(np.float32(0), node._shape) if isinstance(weights, ScaledConstant) else weights
        key = tuple(tuple(item) if isinstance(item, list) else item for item in how)
        if key[0] not in _WAYS:
            raise ValueError(f"weights packed for {key[0]}")
        executable.packed_weights.put(weights, key, _restored(array, key, kind, form, store))
    return executable


_PRODUCTS = ("Convolution", "Fused", "GroupConvolution", "MatMul")


def _is_late(node: Constant, executable: Executable) -> bool:
    """Whether the constant is computed with as it is stored, as weights alone."""
    users = node.output(0).users
    weights = all(user.op.type in _PRODUCTS and user.sources[1].node is node for user in users)
    if isinstance(node, ScaledConstant):
        return weights
    array = executable.constants[node]
    stored, aligned = (found.__array_interface__["data"] for found in (node.stored, array))
    as_stored = stored == aligned or not node.stored.flags.aligned and node.stored.dtype == array.dtype
    return as_stored and weights


# Packed weights ---------------------------------------------------------------------------------


def _packed(executable: Executable) -> list[tuple[Constant, tuple[Any, ...], Any]]:
    """(constant, how, what was made of it) of the packed weights that can be written."""
    constants: dict[int, Constant] = {id(array): node for node, array in executable.constants.items()}
    scaled = [made for (made, _), _ in executable.packed_weights.items() if isinstance(made, ScaledConstant)]
    constants |= {id(node): node for node in scaled}
    level = kernels.level()
    known = tuple(getattr(kernels.family(family, level), name) for name, family in _KINDS.items())
    return [
        (constants[id(array)], how, made)
        for (array, made), how in executable.packed_weights.items()
        if isinstance(made, known) and id(array) in constants and isinstance(how, tuple) and how[0] in _WAYS
        if 0 not in constants[id(array)]._shape
    ]


# The ways of packing a constant alone, in which its shape tells that of the packed weights.
_WAYS = ("convolution", "matmul", "quantized convolution", "quantized matmul", "quantized winograd")
_KINDS = {
    "PackedWeights": "matmul_weights",
    "TransformedWeights": "winograd",
    "TransformedBytes": "winograd",
    "Packed": "depthwise",
}


def _form(made: Any, store: Sink) -> list[Any]:
    """The kind of packed weights, the place of their bytes, and what tells their form."""
    kind = type(made).__name__
    if kind == "TransformedWeights":
        return [kind, store.put(made.packed.packed, False), made.out, made.groups]
    place = store.put(made.packed, False)
    if kind == "TransformedBytes":
        return [kind, place]
    if kind == "Packed":
        return [kind, place, [made.channels, made.group, *made.window]]
    shape = [made.groups, made.taps, made.depth, made.columns]
    return [kind, place, made.kernel.name, shape, list(made.window), bool(made.panels), made.joined]


def _restored(array: Array, how: tuple[Any, ...], kind: str, form: Sequence[Any], store: Source) -> Any:
    """The packed weights of an array. ValueError for those of another one."""
    family = kernels.family(_KINDS[kind], kernels.level())
    data = store.array(form[0])
    if kind == "TransformedWeights":
        groups = array.shape[0] if array.ndim == 5 else 1
        if array.ndim not in (4, 5) or form[1] != how[2] or form[2] != groups:
            raise ValueError(f"transformed weights for {array.shape}")
        return family.TransformedWeights(array.reshape(-1, *array.shape[-3:]), form[1], data, groups)
    if kind == "TransformedBytes":
        if array.ndim != 4 or array.shape[2:] != (3, 3) or how[0] != "quantized winograd":
            raise ValueError(f"transformed bytes for {array.shape}")
        return family.TransformedBytes(array, data)
    if kind == "Packed":
        shape = tuple(map(int, form[1]))
        _check_size(array, shape, shape[2:])
        return family.Packed(np.broadcast_to(np.float32(0), shape), data)
    name, (groups, taps, depth, columns), window = form[1], map(int, form[2]), tuple(map(int, form[3]))
    panels, joined = bool(form[4]), int(form[5])
    kernel = next(kernel for kernel in family.KERNELS if kernel.name == name)
    places = math.prod(window)
    _check_size(array, (groups, columns, depth, *window), window)
    if name not in how or taps != places * (2 if array.dtype == np.int16 else 1) or not window and groups != 1:
        raise ValueError(f"weights of {taps} taps packed for {name}")
    if joined != (how[3] if how[0] == "quantized convolution" else 1) or joined not in (1, *window[-1:]):
        raise ValueError(f"weights of which {joined} taps are joined packed for {how}")
    shape = (groups, taps, depth, columns)
    return family.PackedWeights(kernel, np.broadcast_to(np.float32(0), shape), window, panels, data, joined)


def _check_size(array: Array, shape: Sequence[int], window: tuple[int, ...]) -> None:
    if min(shape) < 1 or math.prod(shape) != array.size or array.shape[array.ndim - len(window) :] != window:
        raise ValueError(f"packed weights of shape {tuple(shape)} for {array.shape}")


# Graphs -----------------------------------------------------------------------------------------


class _Writer:
    """Writes graphs; numbers: of the nodes of the outermost one."""

    def __init__(self, store: Sink, late: set[Constant]) -> None:
        self._store = store
        self._late = late
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
            return ["scaled", [self._store.put(array, node in self._late), self._store.put(factors, False)]]
        if isinstance(node, Constant):
            stored = node.stored
            if stored.dtype.kind not in "biuf":
                raise Unfrozen(f"elements of {stored.dtype}")
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
