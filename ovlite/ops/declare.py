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
from typing import Any, ClassVar, NamedTuple, NewType, get_type_hints

import numpy as np

from ..errors import OVTypeError, warn
from ..graph import Constant, Node, Operator, Output
from ..records import fields
from ..types import PartialShape, Type

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

    @classmethod
    def input_counts(cls) -> tuple[int, int | None]:
        """The least and the most inputs; None for any number."""
        defaults = Parameters.of(cls.signature).defaults
        least = sum(name not in defaults for name in cls.inputs)
        return least, None if any(name.startswith("*") for name in cls.inputs) else len(cls.inputs)


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


def _integers(values: Any) -> tuple[int, ...]:
    return tuple(int(item) for item in np.asarray(values).ravel())


def _decimals(values: Any) -> tuple[float, ...]:
    return tuple(float(item) for item in np.asarray(values).ravel())


def _words(values: Any) -> tuple[str, ...]:
    return tuple(str(item).lower() for item in values)


_BY_TYPE: dict[Any, Callable[[Any], Any]] = {
    Type: element_type,
    str: lambda value: str(value).lower(),
    bool: bool,
    int: int,
    float: float,
    tuple[int, ...]: _integers,
    tuple[float, ...]: _decimals,
    tuple[str, ...]: _words,
}
# The types as the operators' modules spell them.
_BY_NAME: dict[str, Any] = {
    "Type": Type, "PartialShape": PartialShape, "Text": Text, "str": str, "bool": bool, "int": int, "float": float,
    "Ints": tuple[int, ...], "Floats": tuple[float, ...],
    **{str(kind): kind for kind in (tuple[int, ...], tuple[float, ...], tuple[str, ...])},
}  # fmt: skip


def _conversions(operator: type[Declared], names: Sequence[str]) -> dict[str, Callable[[Any], Any]]:
    """How attributes are brought to their fields' types, those of which need be."""
    spelled = {field.name: field.type for field in fields(operator)}
    hints = {name: _BY_NAME.get(str(spelled[name])) for name in names}
    if None in hints.values():  # the others are found by evaluating what the class says, which takes longer
        hints = get_type_hints(operator)
    return {name: _BY_TYPE[hints[name]] for name in names if hints[name] in _BY_TYPE}


def node_factory(operator: type[Declared]) -> Callable[..., Node]:
    """The function that makes nodes of `operator`, as a program sees it."""
    make = node_maker(operator)
    make.__name__ = make.__qualname__ = operator.factory
    make.__doc__ = inspect.getdoc(operator)
    vars(make)["__signature__"] = _signature(operator.signature)
    return make


def node_maker(operator: type[Declared]) -> Callable[..., Node]:
    """The same without a name, a docstring and a signature."""
    bind = binder(operator)

    def make(*arguments: Any, **keywords: Any) -> Node:
        return Node(*bind(*arguments, **keywords))

    return make


class Parameters(NamedTuple):
    """A factory's parameters. defaults: of those that have one; positional: how many may come without their names."""

    names: tuple[str, ...]
    defaults: dict[str, Any]
    positional: int

    @classmethod
    def of(cls, text: str) -> Parameters:
        """Those that a class declares: names, defaults that are literals, a star before what only keywords give."""
        items = [item for item in text.split(", ") if item]
        if "name=None" not in items:
            items.append("name=None")
        positional = items.index("*") if "*" in items else len(items)
        pairs = [item.partition("=") for item in items if item != "*"]
        defaults = {name: _literal(literal) for name, equals, literal in pairs if equals}
        return cls(tuple(name for name, _, _ in pairs), defaults, positional)


def _literal(text: str) -> Any:
    return _LITERALS[text] if text in _LITERALS else literal_eval(text)


_LITERALS = {"None": None, "True": True, "False": False, "0": 0, "1": 1, "-1": -1}


def _signature(text: str) -> inspect.Signature:
    names, defaults, positional = Parameters.of(text)
    usual, keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    return inspect.Signature(
        [
            inspect.Parameter(
                name, usual if i < positional else keyword, default=defaults.get(name, inspect.Parameter.empty)
            )
            for i, name in enumerate(names)
        ]
    )


def binder(operator: type[Declared]) -> Callable[..., tuple[Operator, list[Output], str | None]]:
    """The function that makes of a factory's arguments the operator, what it reads, and the node's name."""
    names, defaults, positional = Parameters.of(operator.signature)
    tensors = {name.removeprefix("*") for name in operator.inputs}
    attributes = [field.name for field in fields(operator) if field.name not in tensors]
    conversions = _conversions(operator, attributes)

    def bind(*arguments: Any, **keywords: Any) -> tuple[Operator, list[Output], str | None]:
        given = dict(zip(names, arguments, strict=False))
        several = len(arguments) > positional or not given.keys().isdisjoint(keywords)
        given = {**defaults, **given, **keywords}
        if several or len(given) != len(names):
            _signature(operator.signature).bind(*arguments, **keywords)  # which says what is wrong
        given = operator.arguments(given)
        sources: list[Output] = []
        for name in operator.inputs:
            if name.startswith("*"):
                sources += [as_output(value, given["name"]) for value in given[name[1:]]]
            elif given[name] is not None or name not in defaults:
                sources.append(as_output(given[name], given["name"]))
        values = {name: given[name] for name in attributes if given.get(name) is not None}
        for name in conversions.keys() & values.keys():
            values[name] = conversions[name](values[name])
        return operator(**values), sources, given["name"]

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
