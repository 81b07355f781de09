"""How a family declares an operator, and how node factories come from that.

Beside its attributes (the dataclass's fields) an operator class says how its factory is called:

    factory     name of the function in ovlite.opsetN; "" for none
    signature   the function's parameters, as written in Python, defaults being literals without commas; name=None comes
                last unless it is among them
    inputs      which of them are tensors, in the operator's input order; a name with a star takes a
                list of tensors. A tensor parameter that defaults to None may be left out.
    since       the first opset that has this factory; a newer class with the same factory replaces it
    until       the last opset that has it

All other parameters are attributes of the same name, brought to the field's type: a list or array
for tuple[int, ...], any spelling of an element type for Type, any case for an enumerated str (not for Text). Where
the parameters are not yet the inputs and attributes, `arguments` makes them so.
"""

from __future__ import annotations

import inspect
from ast import literal_eval
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, ClassVar, NewType, get_type_hints

import numpy as np

from ..errors import OVTypeError, warn
from ..graph import Constant, Node, Operator, Output
from ..types import Type

Text = NewType("Text", str)  # of an attribute whose case matters


class Declared(Operator):
    """Base of the operators that have node factories."""

    factory: ClassVar[str] = ""
    signature: ClassVar[str] = ""
    inputs: ClassVar[tuple[str, ...]] = ()
    since: ClassVar[int] = 1
    until: ClassVar[int] = 16
    aliases: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def arguments(cls, given: dict[str, Any]) -> dict[str, Any]:
        """The factory's arguments by name, in the operator's own terms: other names, defaults that depend on others."""
        return given


def as_output(value: Any, name: str | None = None) -> Output:
    """The tensor that a factory's argument stands for: a node's first output, an Output, or a new constant.

    name: of the node that reads it, which a new constant's name begins with.
    """
    if isinstance(value, Output):
        return value
    if isinstance(value, Node):
        return value.output(0)
    if value is None or isinstance(value, (str, bytes)):
        raise OVTypeError(f"expected a tensor to be a Node, an Output, an array or a number, got {value!r}")
    array = np.array(value)
    if array.dtype.kind not in "biuf":
        raise OVTypeError(f"expected a tensor to be a Node, an Output, an array or a number, got {value!r}")
    constant = Constant.of(array)
    if name:
        constant.friendly_name = f"{name}/{constant.friendly_name}"
    return constant.output(0)


def as_attribute(hint: Any, value: Any) -> Any:
    """`value` in the type that the operator's field is declared with."""
    if value is None:
        return None
    if hint is Type:
        return element_type(value)
    if hint is str:
        return str(value).lower()
    if hint is bool:
        return bool(value)
    if hint is int:
        return int(value)
    if hint is float:
        return float(value)
    if hint == tuple[int, ...]:
        return tuple(int(item) for item in np.asarray(value).ravel())
    if hint == tuple[float, ...]:
        return tuple(float(item) for item in np.asarray(value).ravel())
    if hint == tuple[str, ...]:
        return tuple(str(item).lower() for item in value)
    return value


def of_python(dtype: Any) -> Any:
    """Python's float and int as the element types that they stand for where one is asked for; all else as it is."""
    if dtype is not float and dtype is not int:
        return dtype
    narrow = Type.f32 if dtype is float else Type.i32
    warn("dtype %s is taken as %s; a numpy dtype or a Type says the width", dtype.__name__, narrow.name)
    return narrow


def element_type(value: Any) -> Type:
    """An element type from a Type, a short name such as "i32", or anything numpy takes for a dtype."""
    if isinstance(value, str):
        try:
            return Type._named(value)
        except KeyError:
            raise RuntimeError(f"{value!r} is not an element type; write a short name such as 'f32' or 'i64'") from None
    return Type(of_python(value))


def node_factory(operator: type[Declared]) -> Callable[..., Node]:
    """The function that makes nodes of `operator`."""
    bind = binder(operator)

    def make(*arguments: Any, **keywords: Any) -> Node:
        return Node(*bind(*arguments, **keywords))

    make.__name__ = make.__qualname__ = operator.factory
    make.__doc__ = inspect.getdoc(operator)
    make.__signature__ = bind.__signature__  # type: ignore[attr-defined]
    return make


def _signature(text: str) -> inspect.Signature:
    """The signature that a class declares: names, defaults that are literals, a star before what only keywords give."""
    items = [item for item in text.split(", ") if item]
    if "name=None" not in items:
        items.append("name=None")
    star = items.index("*") if "*" in items else len(items)
    parameters: list[inspect.Parameter] = []
    for item in items[:star] + items[star + 1 :]:
        name, equals, literal = item.partition("=")
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD if len(parameters) < star else inspect.Parameter.KEYWORD_ONLY
        default = literal_eval(literal) if equals else inspect.Parameter.empty
        parameters.append(inspect.Parameter(name, kind, default=default))
    return inspect.Signature(parameters)


def binder(operator: type[Declared]) -> Callable[..., tuple[Operator, list[Output], str | None]]:
    """The function that makes of a factory's arguments the operator, what it reads, and the node's name."""
    signature = _signature(operator.signature)
    hints = get_type_hints(operator)
    names = {field.name for field in fields(operator)}  # type: ignore[arg-type]
    tensors = [name.removeprefix("*") for name in operator.inputs]

    def bind(*arguments: Any, **keywords: Any) -> tuple[Operator, list[Output], str | None]:
        bound = signature.bind(*arguments, **keywords)
        bound.apply_defaults()
        given = operator.arguments(dict(bound.arguments))
        sources: list[Output] = []
        for name in operator.inputs:
            if name.startswith("*"):
                sources += [as_output(value, given["name"]) for value in given[name[1:]]]
            elif given[name] is not None or signature.parameters[name].default is inspect.Parameter.empty:
                sources.append(as_output(given[name], given["name"]))
        attributes = {
            name: as_attribute(hints[name], value)
            for name, value in given.items()
            if name in names and name not in tensors and value is not None
        }
        return operator(**attributes), sources, given["name"]

    bind.__signature__ = signature  # type: ignore[attr-defined]
    return bind


def operators_of(module: Any) -> Sequence[type[Operator]]:
    """The operator classes that a family's module defines."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Operator)
        and value.__module__ == module.__name__
        and "type" in vars(value)
    ]
