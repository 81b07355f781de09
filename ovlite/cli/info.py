"""`ovlite info`: what is in a model, and what runs on kernels."""

from __future__ import annotations

import argparse
import math
from collections import Counter
from pathlib import Path
from typing import Any

from ..errors import ModelError
from ..frontend.inventory import inventory
from ..graph import Constant, Model, Parameter, Result
from ..graph.constants import weight_bytes
from ..graph.lookup import port_names
from ..kernels.runtime.executor import PythonStep
from ..runtime.compiled_model import CompiledModel
from ..runtime.core import Core
from ..runtime.profile_data import size
from ..types import PartialShape
from . import report
from .arguments import Arguments, Parser, UsageError, add_inputs, add_json, collect, sentence
from .inputs import by_name, default_shape
from .measure import read_model

PORTS = (Parameter, Result, Constant)


def parser() -> Parser:
    found = Parser("ovlite info", description="Tells what is in a model, and what of it runs on kernels.")
    found.add_argument(
        "model", nargs="?", help="an ONNX file or the .xml file of an OpenVINO IR; ResNet-50 without one"
    )
    add_inputs(found)
    add_json(found)
    found.add_argument("--graph", metavar="FILE", help="draws the model, to an .svg or .html file")
    return found


def run(parsed: argparse.Namespace) -> str:
    arguments = collect(parsed)
    if arguments.graph is not None and Path(arguments.graph).suffix not in (".svg", ".html"):
        raise UsageError(f"a graph is drawn to an .svg or .html file, not to {arguments.graph!r}")
    try:
        model = read_model(arguments)
    except UsageError as error:
        if arguments.graph is not None or (found := _as_written(arguments, error)) is None:
            raise
        return report.as_json(found) if arguments.json else _text(found)
    found = describe(model, arguments)
    if arguments.graph is not None:
        from .drawing import html, svg
        from .graphviz import graphviz_svg

        picture = graphviz_svg(model) or svg(model)
        drawn = picture if arguments.graph.endswith(".svg") else html(model, picture)
        Path(arguments.graph).write_text(drawn, encoding="utf-8")
    return report.as_json(found) if arguments.json else _text(found)


def describe(model: Model, arguments: Arguments) -> dict[str, Any]:
    """What is in a model, by name. native, numpy: steps by operator or kernel, of the plan for the default shapes; None
    where the plan is made while it runs.
    """
    nodes = model.get_ordered_ops()
    constants = [node for node in nodes if isinstance(node, Constant)]
    operators = Counter(node.get_type_name() for node in nodes if not isinstance(node, PORTS))
    opsets = Counter(str(node.get_type_info().version_id or "custom") for node in nodes if not isinstance(node, PORTS))
    found: dict[str, Any] = {
        "model": arguments.model or model.friendly_name,
        "inputs": {name: _port(port) for name, port in zip(port_names(model.inputs), model.inputs, strict=True)},
        "outputs": {name: _port(port) for name, port in zip(port_names(model.outputs), model.outputs, strict=True)},
        "parameters": sum(_count(node) for node in constants),
        "weights": weight_bytes(constants),
        "operators": dict(operators.most_common()),
        "opsets": dict(opsets.most_common()),
        "states": [variable.info.variable_id for variable in model.get_variables()],
    }
    return {**found, **_plan(Core().compile_model(_static(model, arguments), "CPU")), "missing": {}, "error": None}


def _as_written(arguments: Arguments, error: UsageError) -> dict[str, Any] | None:
    """The same, from the file of a model that can't be read for missing operators; None if something else is wrong."""
    try:
        found = inventory(str(arguments.model))
    except (ModelError, OSError):
        return None
    if not found.missing:
        return None
    ports = {
        subject: {name: {"type": kind.name, "shape": str(shape)} for name, (kind, shape) in values.items()}
        for subject, values in (("inputs", found.inputs), ("outputs", found.outputs))
    }
    return {
        "model": arguments.model,
        **ports,
        "parameters": found.parameters,
        "weights": found.weights,
        "operators": dict(found.operators.most_common()),
        "opsets": found.opsets,
        "states": [],
        "native": None,
        "numpy": None,
        "arena": None,
        "missing": dict(found.missing.most_common()),
        "error": sentence(error),
    }


def _port(port: Any) -> dict[str, str]:
    return {"type": port.element_type.name, "shape": str(port.partial_shape)}


def _count(constant: Constant) -> int:
    """Elements of a constant."""
    return math.prod(constant.output(0).partial_shape.to_shape())


def _static(model: Model, arguments: Arguments) -> Model:
    """The model at the shapes that are asked for, or those that random inputs would have."""
    names = port_names(model.inputs)
    given = by_name(arguments.shapes, names, "--shape")
    wanted: dict[Any, PartialShape] = {}
    for index, (name, port) in enumerate(zip(names, model.inputs, strict=True)):
        if name in given:
            wanted[index] = PartialShape(list(given[name]))
        elif port.partial_shape.has_rank and port.partial_shape.is_dynamic:
            wanted[index] = PartialShape(list(default_shape(port.partial_shape)))
    if not wanted:
        return model
    clone = model.clone()
    clone.reshape(wanted)
    return clone


def _plan(compiled: CompiledModel) -> dict[str, Any]:
    """Steps and memory of the plan at the model's shapes."""
    plan = compiled._compilation.static_plan()
    if plan is None or plan.program is None:
        return {"native": None, "numpy": None, "arena": None}
    steps = plan.program.steps
    native = Counter(step.name for step in steps if not isinstance(step, PythonStep))
    others = Counter(step.name for step in steps if isinstance(step, PythonStep))
    return {"native": dict(native.most_common()), "numpy": dict(others.most_common()), "arena": plan.bytes}


def _text(found: dict[str, Any]) -> str:
    def counted(counts: dict[str, int] | None) -> str:
        if counts is None:
            return "the plan is made while it runs"
        return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"

    def ports(given: dict[str, dict[str, str]]) -> str:
        return "; ".join(f"{name} {port['type']}{port['shape']}" for name, port in given.items())

    subjects = {
        "model": found["model"],
        "inputs": ports(found["inputs"]),
        "outputs": ports(found["outputs"]),
        "parameters": f"{found['parameters']:,} ({size(found['weights'])})",
        "operators": counted(found["operators"]),
        "opsets": counted(found["opsets"]),
    }
    if found["missing"]:
        return report.lines({**subjects, "missing": counted(found["missing"]), "error": found["error"]})
    subjects["on kernels"] = counted(found["native"])
    subjects["on numpy"] = counted(found["numpy"])
    subjects["arena"] = "" if found["arena"] is None else size(found["arena"])
    if found["states"]:
        subjects["states"] = ", ".join(found["states"])
    return report.lines(subjects)
