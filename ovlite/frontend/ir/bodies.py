"""The port maps of If, Loop and TensorIterator.

A port map joins ports of the layer (`external_port_id`) to Parameter and Result layers of the body
(`internal_layer_id`); back edges lead from a Result to the Parameter that takes its value next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, SubElement

from ...errors import ModelError
from ...graph import Model
from ...ops.bodies import (
    BodyOutputDescription,
    ConcatOutputDescription,
    InputDescription,
    InvariantInputDescription,
    MergedInputDescription,
    OutputDescription,
    SliceInputDescription,
)
from ...ops.control import If, Iteration, Loop, TensorIterator
from .document import Layer, number

_CURRENT, _CONDITION = "current_iteration", "execution_condition"


class Body(NamedTuple):
    """A body, and the places of its parameters and results by layer id."""

    model: Model
    parameters: Mapping[int, int]
    results: Mapping[int, int]


class _Places:
    """Turns the numbers of a port map into places."""

    def __init__(self, layer: Layer, body: Body) -> None:
        self.layer = layer
        self._body = body
        self._inputs = {port: place for place, port in enumerate(layer.inputs)}
        self._outputs = {port.id: place for place, port in enumerate(layer.outputs)}

    def input(self, element: Element) -> int:
        return self._find(self._inputs, element, "external_port_id", "input port")

    def output(self, element: Element) -> int:
        return self._find(self._outputs, element, "external_port_id", "output port")

    def parameter(self, element: Element, key: str = "internal_layer_id") -> int:
        return self._find(self._body.parameters, element, key, "Parameter of its body with id")

    def result(self, element: Element, key: str = "internal_layer_id") -> int:
        return self._find(self._body.results, element, key, "Result of its body with id")

    def _find(self, places: Mapping[int, int], element: Element, key: str, kind: str) -> int:
        wanted = number(element, key, self.layer)
        if wanted not in places:
            raise ModelError(f"{self.layer} has no {kind} {wanted}")
        return places[wanted]


def read_if(layer: Layer, bodies: Mapping[str, Body]) -> If:
    """The If of a layer."""
    fields: dict[str, Any] = {}
    for branch in ("then", "else"):
        body = _body(layer, bodies, f"{branch}_body")
        places = _Places(layer, body)
        inputs = layer.element.iterfind(f"{branch}_port_map/input")
        outputs = layer.element.iterfind(f"{branch}_port_map/output")
        fields[f"{branch}_body"] = body.model
        fields[f"{branch}_inputs"] = tuple(
            InvariantInputDescription(places.input(item), places.parameter(item)) for item in inputs
        )
        fields[f"{branch}_outputs"] = tuple(
            BodyOutputDescription(places.result(item), places.output(item)) for item in outputs
        )
        _check_outputs(layer, fields[f"{branch}_outputs"])
    return If(**fields)


def read_iteration(layer: Layer, bodies: Mapping[str, Body]) -> Iteration:
    """The Loop or TensorIterator of a layer."""
    body = _body(layer, bodies, "body")
    places = _Places(layer, body)
    back = {places.parameter(edge, "to-layer"): places.result(edge, "from-layer")
            for edge in layer.element.iterfind("back_edges/edge")}  # fmt: skip
    inputs = list(layer.element.iterfind("port_map/input"))
    outputs = list(layer.element.iterfind("port_map/output"))
    special = {item.get("purpose"): item for item in [*inputs, *outputs] if item.get("purpose")}
    fields: dict[str, Any] = {
        "body": body.model,
        "input_descriptions": tuple(_read_input(places, back, item) for item in inputs if not item.get("purpose")),
        "output_descriptions": tuple(_read_output(places, item) for item in outputs if not item.get("purpose")),
    }
    _check_outputs(layer, fields["output_descriptions"])
    if layer.type == "TensorIterator":
        return TensorIterator(**fields)
    if _CURRENT in special:
        fields["current_iteration_input_idx"] = places.parameter(special[_CURRENT])
    if _CONDITION in special:
        fields["body_condition_output_idx"] = places.result(special[_CONDITION])
    return Loop(**fields)


def _body(layer: Layer, bodies: Mapping[str, Body], tag: str) -> Body:
    if tag not in bodies:
        raise ModelError(f"{layer} has no {tag}")
    return bodies[tag]


def _check_outputs(layer: Layer, outputs: Sequence[OutputDescription]) -> None:
    found = sorted(item.output_index for item in outputs)
    if found != list(range(len(layer.outputs))):
        raise ModelError(f"{layer} has {len(layer.outputs)} outputs; its port map gives values to outputs {found}")


def _slice(places: _Places, element: Element) -> dict[str, int]:
    """The numbers that say how an axis is cut; what is not written has its default."""
    found = {"start": 0, "stride": 1, "part_size": 1, "end": -1, "axis": 0}
    return found | {key: number(element, key, places.layer) for key in found if key in element.attrib}


def _read_input(places: _Places, back: Mapping[int, int], element: Element) -> InputDescription:
    source, parameter = places.input(element), places.parameter(element)
    if "axis" in element.attrib:
        return SliceInputDescription(source, parameter, **_slice(places, element))
    if parameter in back:
        return MergedInputDescription(source, parameter, back[parameter])
    return InvariantInputDescription(source, parameter)


def _read_output(places: _Places, element: Element) -> OutputDescription:
    result, output = places.result(element), places.output(element)
    if "axis" in element.attrib:
        return ConcatOutputDescription(result, output, **_slice(places, element))
    return BodyOutputDescription(result, output)


def write_maps(
    layer: Element, op: If | Iteration, inputs: int, bodies: Mapping[str, tuple[Sequence[int], Sequence[int]]]
) -> None:
    """Adds the port maps of a layer with `inputs` inputs. bodies: by tag, layer ids of its parameters and results."""
    if isinstance(op, If):
        branches = (("else", op.else_inputs, op.else_outputs), ("then", op.then_inputs, op.then_outputs))
        for branch, taken, given in branches:
            _write_map(SubElement(layer, f"{branch}_port_map"), taken, given, inputs, *bodies[f"{branch}_body"])
        return
    parameters, results = bodies["body"]
    ports = SubElement(layer, "port_map")
    _write_map(ports, op.input_descriptions, op.output_descriptions, inputs, parameters, results)
    if isinstance(op, Loop):
        _write_special(ports, "input", op.current_iteration_input_idx, parameters, _CURRENT)
        _write_special(ports, "output", op.body_condition_output_idx, results, _CONDITION)
    back = SubElement(layer, "back_edges")
    for item in op.input_descriptions:
        if isinstance(item, MergedInputDescription):
            ends = {"from-layer": results[item.body_value_index], "to-layer": parameters[item.body_parameter_index]}
            SubElement(back, "edge", {key: str(value) for key, value in ends.items()})


def _write_special(ports: Element, tag: str, place: int, ids: Sequence[int], purpose: str) -> None:
    if place >= 0:
        SubElement(ports, tag, external_port_id="-1", internal_layer_id=str(ids[place]), purpose=purpose)


def _write_map(
    ports: Element,
    taken: Sequence[InputDescription],
    given: Sequence[OutputDescription],
    inputs: int,
    parameters: Sequence[int],
    results: Sequence[int],
) -> None:
    for source in taken:
        _write_entry(ports, "input", source.input_index, parameters[source.body_parameter_index], source)
    for value in given:
        if isinstance(value, BodyOutputDescription) and value.iteration != -1:
            raise ModelError(f"an IR can't hold the output of iteration {value.iteration}; only that of the last")
        _write_entry(ports, "output", inputs + value.output_index, results[value.body_value_index], value)


def _write_entry(ports: Element, tag: str, port: int, layer: int, item: InputDescription | OutputDescription) -> None:
    entry = SubElement(ports, tag, external_port_id=str(port), internal_layer_id=str(layer))
    if isinstance(item, (SliceInputDescription, ConcatOutputDescription)):
        for key in ("axis", "start", "end", "stride", "part_size"):
            entry.set(key, str(getattr(item, key)))
