"""From a Model to an IR document and its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

import numpy as np

from ...graph import Constant, Model, Node, Output, Parameter, Result, TensorType
from ...graph.operator import Array
from ...ops.control import If, Iteration
from ...types import Layout, PartialShape, Type
from .attributes import LAYER_TYPES, precision, shape_text, write_operator
from .bodies import write_maps
from .document import join_names
from .runtime_info import clean, with_layout, write_info, write_model_info
from .weights import Sink, WeightsWriter, constant_bytes

DECOMPRESSION = {"decompression": {"version": "0"}}
# A constant stays as it is when f16 holds this share of its elements badly: with more than this relative error, or not.
_SHARE, _ERROR = 0.75, 1e-3
_ERROR_ALONE = 1e-4  # of the element of a constant that has one

Bodies = Mapping[str, tuple[Sequence[int], Sequence[int]]]


def write_network(
    model: Model,
    document: Sink,
    weights: Sink | WeightsWriter,
    *,
    version: int = 11,
    compress: bool = False,
    canonical: bool = False,
) -> None:
    """Writes the .xml and the .bin of a model.

    weights: a stream, or what has written to one before. compress: f32 and f64 constants are stored as f16, see
    halves(). canonical: names that come from counting nodes and models are left out, so that the same graph made twice
    is written the same.
    """
    name = "" if canonical and model.get_friendly_name() == model.name else model.get_friendly_name()
    net = Element("net", name=clean(name), version=str(version))
    weights = weights if isinstance(weights, WeightsWriter) else WeightsWriter(weights)
    _Writer(weights, compress, canonical).body(net, model)
    write_model_info(net, model.info)
    if not canonical:
        indent(net, "\t")
    ElementTree(net).write(document, "utf-8", xml_declaration=True)


class _Writer:
    """Writes models into elements; the constants of all of them go to one .bin."""

    def __init__(self, weights: WeightsWriter, compress: bool, canonical: bool) -> None:
        self._weights = weights
        self._compress = compress
        self._canonical = canonical
        self._layouts: dict[Output, Layout] = {}

    def body(self, net: Element, model: Model) -> tuple[list[int], list[int]]:
        """Adds the layers and edges of a model; returns the layer ids of its parameters and results."""
        layers, edges = SubElement(net, "layers"), SubElement(net, "edges")
        ports: dict[Output, tuple[int, int]] = {}
        ids: dict[Node, int] = {}
        self._layouts.update({result.sources[0]: result.layout for result in model.results})
        self._layouts.update({parameter.output(0): parameter.layout for parameter in model.parameters})
        for node in _in_file_order(model):
            half = halves(node) if self._compress else None
            if half is not None:
                self._compressed(layers, edges, ports, node, half)
                continue
            ids[node] = len(layers)
            self._layer(layers, edges, ports, node)
        return [ids[node] for node in model.parameters], [ids[node] for node in model.results]

    def _layer(self, layers: Element, edges: Element, ports: dict[Output, tuple[int, int]], node: Node) -> None:
        number, op = len(layers), node.op
        layer = _new_layer(layers, self._name(node), LAYER_TYPES.get(op.type, op.type), op.opset)
        inner: Bodies = {}
        if isinstance(node, Constant):
            self._constant(layer, node.stored, *_stored(node.output(0)))
        elif isinstance(node, Parameter):
            output = node.output(0)
            SubElement(layer, "data", shape=shape_text(output.partial_shape), element_type=output.element_type.name)
        elif isinstance(node, Result):
            layer.set("output_names", join_names(self._names(node.output(0))))
        elif isinstance(op, (If, Iteration)):
            inner = self._bodies(layer, op)
            write_maps(layer, op, len(node.sources), inner)
        else:
            attributes = {name: clean(text) for name, text in write_operator(op).items()}
            if attributes:
                SubElement(layer, "data", attributes)
        write_info(layer, node.info)
        _write_inputs(layer, edges, number, [ports[source] for source in node.sources], node.sources)
        if not isinstance(node, Result):
            first = len(node.sources)
            ports.update({output: (number, first + output.index) for output in node.outputs()})
            self._outputs(layer, first, node.outputs())

    def _name(self, node: Node) -> str:
        return "" if self._canonical and node.friendly_name == node.name else node.friendly_name

    def _names(self, output: Output) -> set[str]:
        names = output.own_names - {output.node.name} if self._canonical else output.names
        return {clean(name) for name in names}

    def _outputs(self, layer: Element, first: int, outputs: Sequence[Output]) -> None:
        """Adds the output ports of a layer, numbered from `first`."""
        if not outputs:
            return
        parent = SubElement(layer, "output")
        for output in outputs:
            port = _write_port(parent, first + output.index, TensorType(output.element_type, output.partial_shape))
            names = self._names(output)
            if names:
                port.set("names", join_names(names))
            write_info(port, with_layout(output.info, self._layouts.get(output)))

    def _bodies(self, layer: Element, op: If | Iteration) -> Bodies:
        found = {"then_body": op.then_body, "else_body": op.else_body} if isinstance(op, If) else {"body": op.body}
        return {tag: self._inner(SubElement(layer, tag), model) for tag, model in found.items() if model is not None}

    def _inner(self, net: Element, model: Model) -> tuple[list[int], list[int]]:
        ids = self.body(net, model)
        write_model_info(net, model.info)
        return ids

    def _constant(self, layer: Element, array: Array, found: Type, shape: Sequence[int]) -> None:
        raw = constant_bytes(array, found, shape)
        data = {"element_type": found.name, "shape": ", ".join(map(str, shape))}
        SubElement(layer, "data", data | {"offset": str(self._weights.add(raw)), "size": str(len(raw))})

    def _compressed(
        self, layers: Element, edges: Element, ports: dict[Output, tuple[int, int]], node: Node, half: Array
    ) -> None:
        """Adds a constant in f16 and the Convert that gives it back in its type, which has the constant's name."""
        output, number = node.output(0), len(layers)
        layer = _new_layer(layers, f"{node.friendly_name}_compressed", "Const", "opset1")
        self._constant(layer, half, Type.f16, half.shape)
        stored = TensorType(Type.f16, output.partial_shape)
        _write_port(SubElement(layer, "output"), 0, stored)
        convert = _new_layer(layers, node.friendly_name, "Convert", "opset1")
        SubElement(convert, "data", destination_type=output.element_type.name)
        write_info(convert, node.info | DECOMPRESSION)
        _write_port(SubElement(convert, "input"), 0, stored)
        _write_edge(edges, (number, 0), number + 1, 0)
        ports[output] = number + 1, 1
        self._outputs(convert, 1, [output])


def halves(node: Node) -> Array | None:
    """A constant of f32 or f64 in f16; None for all else, and where f16 holds most of its elements badly.

    As openvino does it, what is beyond f16's range, infinities too, becomes the greatest or the least number of f16.
    """
    if not isinstance(node, Constant) or node.output(0).element_type not in (Type.f32, Type.f64):
        return None
    limit = np.finfo(np.float16).max
    half = np.clip(node.array, -limit, limit).astype(np.float16)
    with np.errstate(invalid="ignore"):
        error = _ERROR if node.array.size > 1 else _ERROR_ALONE
        good = np.abs(half - node.array) <= error * np.abs(node.array)
    bad = node.array.size - np.count_nonzero(good & (np.abs(node.array) <= limit))
    return half if bad == 0 or bad < _SHARE * node.array.size else None


def _in_file_order(model: Model) -> list[Node]:
    """The nodes, each behind what it reads; parameters first, results last, both in the model's order."""
    nodes = model.get_ordered_ops()
    inner = [node for node in nodes if not isinstance(node, (Parameter, Result))]
    return list(dict.fromkeys([*model.parameters, *inner, *model.results]))


def _stored(output: Output) -> tuple[Type, tuple[int, ...]]:
    return output.element_type, tuple(output.shape)


def _new_layer(layers: Element, name: str, kind: str, version: str) -> Element:
    return SubElement(layers, "layer", id=str(len(layers)), name=clean(name), type=kind, version=version)


def _write_inputs(
    layer: Element, edges: Element, number: int, starts: Sequence[tuple[int, int]], sources: Sequence[Output]
) -> None:
    if not sources:
        return
    parent = SubElement(layer, "input")
    for place, (start, source) in enumerate(zip(starts, sources, strict=True)):
        _write_port(parent, place, TensorType(source.element_type, source.partial_shape))
        _write_edge(edges, start, number, place)


def _write_port(parent: Element, number: int, tensor: TensorType) -> Element:
    port = SubElement(parent, "port", id=str(number), precision=precision(tensor.element_type))
    for length in _lengths(tensor.shape):
        SubElement(port, "dim").text = str(length)
    return port


def _lengths(shape: PartialShape) -> list[int]:
    """Dimensions, -1 for those not known; none for a shape of unknown rank."""
    return [dim.min_length if dim.is_static else -1 for dim in shape] if shape.has_rank else []


def _write_edge(edges: Element, start: tuple[int, int], layer: int, port: int) -> None:
    ends: dict[str, Any] = {"from-layer": start[0], "from-port": start[1], "to-layer": layer, "to-port": port}
    SubElement(edges, "edge", {key: str(value) for key, value in ends.items()})
