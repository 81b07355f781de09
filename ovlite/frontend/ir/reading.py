"""From an IR document and its weights to a Model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from xml.etree.ElementTree import Element

from ...errors import ModelError
from ...graph import Model, Node, Operator, Output, Parameter, Result
from ...ops.declare import Declared
from ...types import PartialShape
from ..limits import Limits
from .attributes import element_type, operator_class, read_operator
from .bodies import Body, read_if, read_iteration
from .document import Layer, bodies, edges, layers, parse, split_names
from .runtime_info import read_info, read_layout, read_model_info
from .weights import read_constant

BASIC = ("Parameter", "Const", "Constant", "Result")
# Makers of nodes for operations that users add, by type: of the inputs and the attributes.
Custom = Mapping[str, Callable[[Sequence[Output], Mapping[str, str]], Node]]
_WRONG = (ArithmeticError, AttributeError, LookupError, NotImplementedError, TypeError, ValueError)


def read_network(text: bytes, weights: memoryview, custom: Custom, limits: Limits = Limits()) -> Model:
    """The model of an IR. Raises ModelError."""
    root = parse(text)
    limits.check_nodes(sum(1 for _ in root.iter("layer")))
    unknown = [layer for layer in all_layers(root, limits) if not is_supported(layer, custom)]
    if unknown:
        listed = "; ".join(dict.fromkeys(f"{layer.name!r}: {layer.type}, {layer.version}" for layer in unknown))
        raise ModelError(f"the IR has {len(unknown)} layers of operations that are not supported: {listed}")
    model = _read_body(root, weights, custom).model
    model.set_friendly_name(root.get("name", "") or model.friendly_name)
    model.info = read_model_info(root)
    return model


def all_layers(net: Element, limits: Limits, depth: int = 0) -> Iterator[Layer]:
    """The layers of a net and of the bodies in it."""
    limits.check_nesting(depth)
    for layer in layers(net):
        yield layer
        for body in bodies(layer):
            yield from all_layers(body, limits, depth + 1)


def is_supported(layer: Layer, custom: Custom) -> bool:
    added = layer.version == "extension" and layer.type in custom
    return added or layer.type in BASIC or operator_class(layer.type, layer.version) is not None


def _read_body(net: Element, weights: memoryview, custom: Custom) -> Body:
    """The model in a net, and where its parameters and results are."""
    found = layers(net)
    by_id = {layer.id: layer for layer in found}
    sources = _sources(found, by_id, edges(net))
    nodes: dict[int, Node] = {}
    for layer in _ordered(found, sources):
        inputs = [_output(nodes[start], by_id[start], port) for start, port in sources[layer.id]]
        nodes[layer.id] = _node(layer, inputs, weights, custom)
    parameters = [layer.id for layer in found if layer.type == "Parameter"]
    results = [layer.id for layer in found if layer.type == "Result"]
    model = Model(
        [nodes[i] for i in results],
        [nodes[layer.id] for layer in found if layer.type == "Assign"],
        [nodes[i] for i in parameters],
    )
    return Body(model, _places(parameters), _places(results))


def _places(ids: Sequence[int]) -> dict[int, int]:
    return {layer: place for place, layer in enumerate(ids)}


def _sources(
    found: Sequence[Layer], by_id: Mapping[int, Layer], links: Mapping[tuple[int, int], tuple[int, int]]
) -> dict[int, list[tuple[int, int]]]:
    """The (layer, port) of each input of each layer. Raises ModelError for a missing edge, or one to nowhere."""
    for end, port in links:
        if end not in by_id or port not in by_id[end].inputs:
            raise ModelError(f"an edge leads to port {port} of layer {end}, which there is not")
    sources: dict[int, list[tuple[int, int]]] = {}
    for layer in found:
        for port in layer.inputs:
            if (layer.id, port) not in links:
                raise ModelError(f"{layer}: no edge leads to its input port {port}")
            start, number = links[layer.id, port]
            if start not in by_id or all(number != output.id for output in by_id[start].outputs):
                raise ModelError(f"{layer}: an edge comes from port {number} of layer {start}, which there is not")
        sources[layer.id] = [links[layer.id, port] for port in layer.inputs]
    return sources


def _ordered(found: Sequence[Layer], sources: Mapping[int, Sequence[tuple[int, int]]]) -> list[Layer]:
    """The layers, each behind those that it reads, else in the file's order. Raises ModelError for a cycle."""
    users: dict[int, list[Layer]] = {layer.id: [] for layer in found}
    missing = {layer.id: len(sources[layer.id]) for layer in found}
    for layer in found:
        for start, _ in sources[layer.id]:
            users[start].append(layer)
    ready = [layer for layer in reversed(found) if not missing[layer.id]]
    order = []
    while ready:
        layer = ready.pop()
        order.append(layer)
        for user in users[layer.id]:
            missing[user.id] -= 1
            if not missing[user.id]:
                ready.append(user)
    if len(order) < len(found):
        left = next(layer for layer in found if missing[layer.id])
        raise ModelError(f"the IR has a cycle through or in front of {left}")
    return order


def _output(node: Node, layer: Layer, port: int) -> Output:
    place = next(place for place, output in enumerate(layer.outputs) if output.id == port)
    if place >= len(node.outputs()):
        raise ModelError(f"{layer} has {len(node.outputs())} outputs; output {place} is read")
    return node.output(place)


def _node(layer: Layer, inputs: Sequence[Output], weights: memoryview, custom: Custom) -> Node:
    try:
        node = _made(layer, inputs, weights, custom)
    except _WRONG as error:
        raise ModelError(f"{layer} of {len(inputs)} inputs is not valid: {error}") from error
    node.info = read_info(layer.element)
    if isinstance(node, Result):
        names = set(split_names(layer.element.get("output_names", "")))
        if names:
            node.output(0).set_names(names)
    for output, port in zip(node.outputs(), layer.outputs, strict=False):
        output.set_names(set(port.names))
        output.info = read_info(port.element)
    _take_layout(node)
    return node


def _take_layout(node: Node) -> None:
    """Gives a Parameter or Result the layout that is noted where its tensor is made."""
    if isinstance(node, (Parameter, Result)):
        layout = read_layout(node.sources[0].info if node.sources else node.output(0).info)
        if layout is not None:
            node.set_layout(layout)


def _made(layer: Layer, inputs: Sequence[Output], weights: memoryview, custom: Custom) -> Node:
    if layer.type == "Parameter":
        return _parameter(layer)
    if layer.type in ("Const", "Constant"):
        return read_constant(layer, weights)
    if layer.type == "Result":
        (source,) = inputs
        return Result(source, layer.name)
    if layer.version == "extension" and layer.type in custom:
        node = custom[layer.type](inputs, layer.data)
        node.friendly_name = layer.name
        return node
    op = _operator(layer, weights, custom)
    if isinstance(op, Declared) and op.inputs:
        least, most = op.input_counts()
        if len(inputs) < least:
            raise ModelError(f"{layer}: expected at least {least} inputs ({', '.join(op.inputs)}), got {len(inputs)}")
        if most is not None and len(inputs) > most:
            raise ModelError(f"{layer}: expected at most {most} inputs ({', '.join(op.inputs)}), got {len(inputs)}")
    return Node(op, inputs, layer.name)


def _parameter(layer: Layer) -> Parameter:
    data = layer.data
    try:
        found = element_type(data["element_type"])
        shape = PartialShape(data["shape"] or [])
    except (KeyError, RuntimeError):
        raise ModelError(f"{layer}: its data {data} are no element type and shape") from None
    return Parameter(found, shape, layer.name)


def _operator(layer: Layer, weights: memoryview, custom: Custom) -> Operator:
    if layer.type in ("If", "Loop", "TensorIterator"):
        inner = {body.tag: _read_body(body, weights, custom) for body in bodies(layer)}
        return read_if(layer, inner) if layer.type == "If" else read_iteration(layer, inner)
    found = operator_class(layer.type, layer.version)
    if found is None:
        raise ModelError(f"{layer} is not supported")
    try:
        return read_operator(found, layer.data)
    except ModelError as error:
        raise ModelError(f"{layer}: {error}") from None
