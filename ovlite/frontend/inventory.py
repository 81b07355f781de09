"""What is written in a model's file, also of a model that can't be read because operators are missing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ModelError
from ..types import PartialShape, Type
from .limits import Limits
from .reading import is_xml

if TYPE_CHECKING:
    from .ir.document import Layer, Port
    from .onnx.messages import ValueInfoProto

Value = tuple[Type, PartialShape]


class Inventory(NamedTuple):
    """inputs, outputs: by name. parameters, weights: elements and bytes of the constants of the graph itself.

    operators: how many nodes there are of each type, those of inner graphs too. opsets: in ONNX, the version of each
    domain; in IR, how many layers are of each opset. missing: how many nodes there are of each operator that is not
    supported.
    """

    inputs: dict[str, Value]
    outputs: dict[str, Value]
    parameters: int
    weights: int
    operators: Counter[str]
    opsets: dict[str, int]
    missing: Counter[str]


def inventory(path: str) -> Inventory:
    """Raises ModelError when the file is no model, or holds what has no type here."""
    try:
        return _of_ir(path) if is_xml(path) else _of_onnx(path)
    except (LookupError, TypeError, ValueError, RuntimeError) as error:  # what a damaged file holds
        raise ModelError(f"{path!r} is not a valid model: {error}") from error


def _of_onnx(path: str) -> Inventory:
    from .onnx.external import ExternalData
    from .onnx.scope import Library, versions_of
    from .onnx.source import file_bytes, parse
    from .onnx.survey import all_nodes, missing_operators
    from .onnx.tensors import element_type
    from .onnx.translations import TRANSLATIONS

    proto = parse(file_bytes(path), repr(path))
    library, graph = Library(proto, ExternalData(path), TRANSLATIONS), proto.graph
    held = {tensor.name: (math.prod(tensor.dims), element_type(tensor.data_type, "")) for tensor in graph.initializer}
    return Inventory(
        {value.name: _declared(value) for value in graph.input if value.name not in held},
        {value.name: _declared(value) for value in graph.output},
        sum(count for count, _ in held.values()),
        sum(_bytes(count, kind) for count, kind in held.values()),
        Counter(node.op_type for node, _ in all_nodes(proto, library)),
        {domain or "ai.onnx": version for domain, version in versions_of(proto).items()},
        Counter({
            f"{kind} ({domain or 'ai.onnx'} {version})": len(names)
            for (domain, kind, version), names in missing_operators(proto, library).items()
        }),
    )  # fmt: skip


def _declared(value: ValueInfoProto) -> Value:
    from .onnx.graphs import declared_type

    return (Type.dynamic, PartialShape.dynamic()) if value.type.which() is None else declared_type(value)


def _bytes(count: int, kind: Type) -> int:
    return -(-count * kind.bitwidth // 8)


def _of_ir(path: str) -> Inventory:
    from .ir.document import edges, layers, parse
    from .ir.reading import BASIC, all_layers, is_supported

    root = parse(Path(path).read_bytes())
    sources, graph = edges(root), {layer.id: layer for layer in layers(root)}
    constants = [layer for layer in graph.values() if layer.type in ("Const", "Constant")]
    operators = [layer for layer in all_layers(root, Limits()) if layer.type not in BASIC]
    inputs, outputs = {}, {}
    for layer in graph.values():
        if layer.type == "Parameter":
            inputs[_name(layer, layer.outputs)] = _of_port(layer, "output/port")
        if layer.type == "Result":
            start, port = sources[layer.id, layer.inputs[0]]
            outputs[_name(graph[start], [made for made in graph[start].outputs if made.id == port])] = _of_port(
                layer, "input/port"
            )
    return Inventory(
        inputs,
        outputs,
        sum(math.prod(_of_port(layer, "output/port")[1].to_shape()) for layer in constants),
        sum(int(layer.data["size"]) for layer in constants),
        Counter(layer.type for layer in operators),
        Counter(layer.version for layer in operators),
        Counter(f"{layer.type} ({layer.version})" for layer in operators if not is_supported(layer, {})),
    )


def _name(layer: Layer, ports: Sequence[Port]) -> str:
    return min((name for port in ports for name in port.names), default=layer.name)


def _of_port(layer: Layer, where: str) -> Value:
    """Element type and shape that a layer's first port declares."""
    from .ir.attributes import element_type

    port = layer.element.find(where)
    if port is None:
        raise ModelError(f"{layer}: it has no port")
    dims = [int(dim.text or "") for dim in port.iterfind("dim")]
    return element_type(port.get("precision", "dynamic")), PartialShape(dims)
