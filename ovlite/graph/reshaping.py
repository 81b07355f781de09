"""Interprets the arguments of Model.reshape() and set_batch()."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..types import Dimension, PartialShape
from .leaves import Parameter, check_layout
from .ports import Output


def new_shape(value: Any) -> PartialShape:
    """A shape from a list, tuple, str or PartialShape; TypeError for what else could be taken for one."""
    if not isinstance(value, (list, tuple, str, PartialShape)):
        raise TypeError(f"expected a new shape to be a list, tuple, str or PartialShape, got {type(value).__name__}")
    return PartialShape(value)


def shapes_of_parameters(
    parameters: Sequence[Parameter], asked: Any, port: Callable[[Any], Output]
) -> dict[Parameter, PartialShape]:
    """The shapes that reshape(asked) gives to parameters.

    asked: the shape of the only one, or a dict of shapes by tensor name, index or Output, all of which `port`
    finds. Of several shapes for the same parameter the first counts.
    """
    if not isinstance(asked, dict):
        shape = new_shape(asked)
        if len(parameters) != 1:
            raise RuntimeError(f"the model has {len(parameters)} inputs; reshape() takes a dict of their shapes")
        return {parameters[0]: shape}
    places = {parameter.output(0): parameter for parameter in parameters}
    shapes: dict[Parameter, PartialShape] = {}
    for key, value in asked.items():
        if isinstance(key, int) and key < 0:
            raise RuntimeError(f"inputs are counted from 0; there is no {key}")
        output = key if isinstance(key, Output) else port(key)
        if output not in places:
            raise RuntimeError(f"{output!r} is not an input of the model")
        shapes.setdefault(places[output], new_shape(value))
    return shapes


def batched(parameters: Sequence[Parameter]) -> dict[Parameter, int]:
    """The place of the batch in each parameter whose layout has one. RuntimeError when none has."""
    places = {}
    for parameter in parameters:
        if parameter.layout.has_name("N"):
            place = parameter.layout.get_index_by_name("N")
            length = len(parameter.partial_shape)
            check_layout(parameter.layout, parameter.partial_shape)
            places[parameter] = place % length
    if not places:
        raise RuntimeError("no parameter has a layout with N; set it: parameter.layout = Layout('N...')")
    return places


def common_batch(parameters: Sequence[Parameter]) -> Dimension:
    """The batch that all parameters with N in their layout have."""
    batch = Dimension()
    for parameter, place in batched(parameters).items():
        both = batch.intersect(parameter.partial_shape[place])
        if both is None:
            raise RuntimeError(f"parameter {parameter.friendly_name!r} has another batch than {batch}")
        batch = both
    return batch
