"""Name scopes: the values of a graph, and the context that all graphs of a model share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...errors import ModelError
from ...graph import Constant, Output, Parameter
from ..limits import Limits
from .external import ExternalData
from .messages import FunctionProto, ModelProto, NodeProto, OperatorSetIdProto


def domain_of(proto: NodeProto | FunctionProto | OperatorSetIdProto) -> str:
    """The operator domain of a node, a function or an import; "" for ONNX's own, which has two spellings."""
    return "" if proto.domain == "ai.onnx" else proto.domain


class Library:
    """Context that all graphs of a model share: versions of operator sets, local functions, files, translations.

    added: translations that the program adds, before all others and before the model's own functions.
    """

    def __init__(
        self,
        proto: ModelProto,
        external: ExternalData,
        translations: Mapping[tuple[str, str], Callable[[Any], Any]],
        added: Mapping[tuple[str, str], Callable[[Any], Any]] | None = None,
        limits: Limits = Limits(),
    ) -> None:
        self.limits = limits
        self.added = added or {}
        self.versions = versions_of(proto)
        self.functions = {(domain_of(entry), entry.name, entry.overload): entry for entry in proto.functions}
        self.ir_version: int = proto.ir_version
        self.external = external
        self.translations = {**translations, **self.added} if self.added else translations

    def function(self, node: NodeProto) -> FunctionProto | None:
        """The model's own function that `node` calls."""
        if (domain_of(node), node.op_type) in self.added:
            return None
        return self.functions.get((domain_of(node), node.op_type, node.overload))


def versions_of(proto: ModelProto | FunctionProto) -> dict[str, int]:
    """Version of each operator set that a model or function imports."""
    return {domain_of(entry): entry.version for entry in proto.opset_import}


class Scope:
    """The values of one graph or function, by name.

    outer: the graph around it. boundary: True for the body of a loop or branch, which is a model of
    its own: a value from outside becomes a parameter of it (a constant is copied). prefix: what the
    friendly names of nodes start with.
    """

    def __init__(
        self,
        library: Library,
        versions: Mapping[str, int],
        outer: Scope | None = None,
        *,
        boundary: bool = False,
        prefix: str = "",
    ) -> None:
        self.library = library
        self.versions = versions
        self.outer = outer
        self.boundary = boundary
        self.prefix = prefix
        self.depth = 0
        self.captures: dict[str, tuple[Parameter, Output]] = {}
        self.tensor_names = True
        self._values: dict[str, Output] = {}

    def nested(self, *, boundary: bool) -> Scope:
        """The scope of a graph inside this one."""
        return self._deeper(Scope(self.library, self.versions, self, boundary=boundary, prefix=self.prefix))

    def of_function(self, versions: Mapping[str, int], name: str) -> Scope:
        """The scope of a function called in this one: it sees nothing but its inputs."""
        scope = self._deeper(Scope(self.library, versions, prefix=f"{self.prefix}{name}/"))
        scope.tensor_names = False
        return scope

    def _deeper(self, scope: Scope) -> Scope:
        scope.depth = self.depth + 1
        scope.tensor_names = self.tensor_names
        self.library.limits.check_nesting(scope.depth)
        return scope

    def define(self, name: str, value: Output) -> None:
        if name in self._values:
            raise ModelError(f"value {name!r} is defined twice")
        self._values[name] = value
        if self.tensor_names:
            value.add_name(name)

    def find(self, name: str) -> Output | None:
        """The value that `name` means here, None when there is none."""
        if name in self._values:
            return self._values[name]
        found = self.outer.find(name) if self.outer is not None else None
        if found is None or not self.boundary:
            return found
        return self._capture(name, found)

    def _capture(self, name: str, found: Output) -> Output:
        """A value from outside, inside this boundary."""
        node = found.node
        if isinstance(node, Constant):
            twin = node.copy([]).output(0)
        elif name in self.captures:
            return self.captures[name][0].output(0)
        else:
            parameter = Parameter(found.element_type, found.partial_shape, name)
            self.captures[name] = (parameter, found)
            twin = parameter.output(0)
        self._values[name] = twin
        return twin
