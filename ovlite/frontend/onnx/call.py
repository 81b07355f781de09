"""One ONNX node as its translation sees it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar, overload

import numpy as np

from ...errors import ModelError
from ...graph import Node, Output
from ...graph.operator import Array
from .messages import (
    FLOAT,
    FLOATS,
    GRAPH,
    INT,
    INTS,
    SPARSE,
    STRING,
    STRINGS,
    TENSOR,
    TYPE,
    AttributeProto,
    GraphProto,
    NodeProto,
    SparseTensorProto,
    TensorProto,
    TypeProto,
)  # fmt: skip
from .scope import Scope
from .wire import Content

# The outputs of a translated node; None when this form of the operator has no translation, which
# leaves it to the operator's function body or to onnx.reference.
Translated = Node | Output | Sequence[Output | None] | None
Translation = Callable[["Call"], Translated]
T = TypeVar("T")

_KINDS = {
    FLOAT: "a float", INT: "an int", STRING: "a string", TENSOR: "a tensor", GRAPH: "a graph",
    SPARSE: "a sparse tensor", TYPE: "a type", FLOATS: "floats", INTS: "ints", STRINGS: "strings",
}  # fmt: skip


class Required:
    """Stands for the default of an attribute that has none."""


REQUIRED = Required()


class Call:
    """An operator applied to tensors, with its attributes, which keeps record of what of them is read.

    version: the version of the operator set that the graph imports for the node's domain.
    inputs: None for an optional input that is left out. A translation reads them by `input`, `optional`,
    `known` and `present`.

    What a translation reads counts for the result. What has no part in it is left unread, and is an
    error (reading.py), unless the translation says `without_effect`.
    """

    def __init__(self, proto: NodeProto, version: int, inputs: Sequence[Output | None], scope: Scope) -> None:
        self.proto = proto
        self.op_type: str = proto.op_type
        self.version = version
        self.inputs = inputs
        self.scope = scope
        self.outputs: list[str] = list(proto.output)
        self._attributes: Mapping[str, AttributeProto] = {attribute.name: attribute for attribute in proto.attribute}
        self._read: set[str | int] = set()  # attributes by name, inputs by place

    @property
    def name(self) -> str:
        """The node's name, or that of its first output."""
        return self.proto.name or next(filter(None, self.outputs), self.op_type)

    def input(self, index: int) -> Output:
        """An input that must be there."""
        found = self.optional(index)
        if found is None:
            raise ModelError(f"input {index} is missing; there are {len(self.inputs)} inputs")
        return found

    def optional(self, index: int) -> Output | None:
        self._read.add(index)
        return self.inputs[index] if index < len(self.inputs) else None

    def present(self) -> list[Output]:
        """The inputs that are not left out."""
        self._read.update(range(len(self.inputs)))
        return [value for value in self.inputs if value is not None]

    def wants(self, index: int) -> bool:
        """Return whether output `index` has a name, so that somebody may use it."""
        return index < len(self.outputs) and bool(self.outputs[index])

    def known(self, index: int) -> Array | None:
        """The elements of an input, when the input is there and its elements are known."""
        found = self.optional(index)
        return known(found) if found is not None else None

    def known_integers(self, index: int) -> list[int] | None:
        found = self.known(index)
        return None if found is None else [int(value) for value in found.ravel()]

    def without_effect(self, *names_and_places: str | int) -> None:
        """Says that attributes, and inputs by their places, may have any value here: the result is the same."""
        self._read.update(names_and_places)

    def expect(self, name: str, value: int | str, hint: str = "") -> None:
        """Says that there is nothing here but this value of an attribute, which stands for its being left out.

        Raises ModelError that names another value, with a hint of what to do.
        """
        found = self.integer(name, value) if isinstance(value, int) else self.text(name, value)
        if found != value:
            raise ModelError(f"attribute {name!r} is {found!r}, which is not supported{hint and ': ' + hint}")

    def unread_attributes(self) -> list[AttributeProto]:
        """The AttributeProtos that were not read."""
        return [attribute for name, attribute in self._attributes.items() if name not in self._read]

    def unread_inputs(self) -> list[int]:
        """The places of inputs that are given and were not read."""
        return [i for i, value in enumerate(self.inputs) if value is not None and i not in self._read]

    def attribute(self, name: str) -> AttributeProto:
        """The AttributeProto of an attribute that is given."""
        self._read.add(name)
        return self._attributes[name]

    def scope_names(self) -> list[str | int]:
        """The names of all attributes and the places of all inputs."""
        return [*self._attributes, *range(len(self.inputs))]

    def has(self, name: str) -> bool:
        """Return whether an attribute is given. That does not read it."""
        return name in self._attributes

    @overload
    def integer(self, name: str, default: int | Required = REQUIRED) -> int: ...
    @overload
    def integer(self, name: str, default: None) -> int | None: ...
    def integer(self, name: str, default: Any = REQUIRED) -> int | None:
        found: int | None = self._attribute(name, INT, default, lambda attribute: int(attribute.i))
        return found

    def flag(self, name: str, default: bool = False) -> bool:
        return bool(self.integer(name, int(default)))

    @overload
    def decimal(self, name: str, default: float | Required = REQUIRED) -> float: ...
    @overload
    def decimal(self, name: str, default: None) -> float | None: ...
    def decimal(self, name: str, default: Any = REQUIRED) -> float | None:
        """An attribute of type float; a default is rounded to f32, as the attribute would be."""
        default = float(np.float32(default)) if isinstance(default, (int, float)) else default
        found: float | None = self._attribute(name, FLOAT, default, lambda attribute: float(attribute.f))
        return found

    @overload
    def text(self, name: str, default: str | Required = REQUIRED) -> str: ...
    @overload
    def text(self, name: str, default: None) -> str | None: ...
    def text(self, name: str, default: Any = REQUIRED) -> str | None:
        found: str | None = self._attribute(name, STRING, default, lambda attribute: _text(attribute.s))
        return found

    def one_of(self, name: str, choices: Collection[str], default: str | Required = REQUIRED) -> str:
        """An attribute's text. Raises ModelError, which lists the choices but "", when it is none of them."""
        found = self.text(name, default)
        if found not in choices:
            raise ModelError(f"expected {name} to be one of {', '.join(filter(None, choices))}, got {found!r}")
        return found

    def choice(self, name: str, choices: Mapping[str, T], default: str | Required = REQUIRED) -> T:
        """What an attribute's text stands for. Raises ModelError for a text that stands for nothing."""
        return choices[self.one_of(name, choices, default)]

    @overload
    def integers(self, name: str, default: Sequence[int] | Required = REQUIRED) -> list[int]: ...
    @overload
    def integers(self, name: str, default: None) -> list[int] | None: ...
    def integers(self, name: str, default: Any = REQUIRED) -> list[int] | None:
        found = self._attribute(name, INTS, default, lambda attribute: list(attribute.ints))
        return None if found is None else list(found)

    @overload
    def decimals(self, name: str, default: Sequence[float] | Required = REQUIRED) -> list[float]: ...
    @overload
    def decimals(self, name: str, default: None) -> list[float] | None: ...
    def decimals(self, name: str, default: Any = REQUIRED) -> list[float] | None:
        found = self._attribute(name, FLOATS, default, lambda attribute: list(attribute.floats))
        return None if found is None else list(found)

    def texts(self, name: str, default: Sequence[str] | Required = REQUIRED) -> list[str]:
        return list(
            self._attribute(name, STRINGS, default, lambda attribute: [_text(value) for value in attribute.strings])
        )

    @overload
    def tensor(self, name: str, default: Required = REQUIRED) -> TensorProto: ...
    @overload
    def tensor(self, name: str, default: None) -> TensorProto | None: ...
    def tensor(self, name: str, default: Any = REQUIRED) -> TensorProto | None:
        found: TensorProto | None = self._attribute(name, TENSOR, default, lambda attribute: attribute.t)
        return found

    def type(self, name: str) -> TypeProto:
        found: TypeProto = self._attribute(name, TYPE, REQUIRED, lambda attribute: attribute.tp)
        return found

    def sparse_tensor(self, name: str) -> SparseTensorProto:
        found: SparseTensorProto = self._attribute(name, SPARSE, REQUIRED, lambda attribute: attribute.sparse_tensor)
        return found

    def graph(self, name: str) -> GraphProto:
        found: GraphProto = self._attribute(name, GRAPH, REQUIRED, lambda attribute: attribute.g)
        return found

    def _attribute(self, name: str, kind: int, default: Any, take: Callable[[AttributeProto], Any]) -> Any:
        self._read.add(name)
        attribute = self._attributes.get(name)
        if attribute is None:
            if default is REQUIRED:
                raise ModelError(f"attribute {name!r} is missing")
            return default
        if attribute.type != kind:
            found = _KINDS.get(attribute.type, "of an unknown type")
            raise ModelError(f"expected attribute {name!r} to be {_KINDS[kind]}, got {found}")
        return take(attribute)


def _text(value: Content) -> str:
    return str(value, "utf-8", "replace")


def known(output: Output) -> Array | None:
    """The elements of a tensor, when they are known."""
    partial = output.partial
    return np.asarray(partial.array) if partial is not None and partial.complete else None
