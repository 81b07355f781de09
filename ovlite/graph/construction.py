"""Interprets the arguments of Model()."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .leaves import Parameter, Result
from .node import Node
from .ports import Output
from .variables import Variable

_FORMS = "Model(results, parameters), Model(results, sinks, parameters), or either with variables behind the parameters"


class Content(NamedTuple):
    """A model's ends and its name, "" when none is given."""

    results: list[Result]
    sinks: list[Node]
    parameters: list[Parameter]
    variables: list[Variable]
    name: str


def content_of(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Content:
    """The content that one of the forms of Model() asks for. TypeError for anything else."""
    given = dict(keywords)
    name = given.pop("name", "")
    places = list(arguments)
    if places and isinstance(places[-1], str):
        name = places.pop()
    if not isinstance(name, str):
        raise TypeError(f"expected the name of a model to be a str, got {name!r}")
    for key in ("results", "result"):
        if not places and key in given:
            places = [given.pop(key)]
    if not places or not set(given) <= {"sinks", "parameters", "variables"}:
        raise TypeError(f"a model is made by {_FORMS}")
    rest = _kinds(places[1:], given)
    if "parameters" not in rest:
        raise TypeError(f"a model is made by {_FORMS}; the parameters are missing")
    sinks = [sink.node if isinstance(sink, Output) else sink for sink in rest.get("sinks", ())]
    return Content(as_results(places[0]), sinks, list(rest["parameters"]), list(rest.get("variables", ())), name)


def _kinds(places: Sequence[Any], keywords: dict[str, Any]) -> dict[str, Sequence[Any]]:
    """The lists behind the results, by what they hold."""
    if places and len(places) + len(keywords) > 3:
        raise TypeError(f"a model is made by {_FORMS}")
    order = ["parameters", "variables"] if len(places) < 3 else ["sinks", "parameters", "variables"]
    if len(places) == 2 and not _holds(places[1], Variable) or len(places) == 1 and "parameters" in keywords:
        order = ["sinks", "parameters"]
    found = dict(zip(order, places, strict=False)) | keywords
    classes = {"sinks": (Node, Output), "parameters": (Parameter,), "variables": (Variable,)}
    for kind, values in found.items():
        if not isinstance(values, (list, tuple)) or not all(isinstance(value, classes[kind]) for value in values):
            raise TypeError(f"expected {kind} to be a list of {classes[kind][0].__name__}s, got {values!r}")
    return found


def _holds(values: Any, kind: type) -> bool:
    return isinstance(values, (list, tuple)) and bool(values) and all(isinstance(value, kind) for value in values)


def as_results(results: Any) -> list[Result]:
    """Results of all outputs of one node, of output 0 of each of several, or of Outputs; Results as they are.

    The output of a Result, which Model.outputs lists, stands for that Result; a second time, for another one.
    """
    if isinstance(results, Node) and not isinstance(results, Result):
        return [Result(output) for output in results.outputs()]
    values = list(results) if isinstance(results, (list, tuple)) else [results]
    if not all(isinstance(value, Node) for value in values) and not all(isinstance(value, Output) for value in values):
        raise TypeError("results are all Nodes or all Outputs")
    found: list[Result] = []
    for value in values:
        node = value.node if isinstance(value, Output) else value
        if isinstance(node, Result) and (isinstance(value, Node) or node not in found):
            found.append(node)
        else:
            found.append(Result(value if isinstance(value, Output) else value.output(0)))
    return found
