"""Attributes of operators as an IR writes them.

A list is written "1, 1"; a boolean "true" or "false"; an element type by its short name; an enumerated
value by its name. The operator's fields say which of them an attribute is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_type_hints

from ...errors import ModelError
from ...graph import Operator
from ...ops import definitions
from ...records import fields
from ...types import PartialShape, Type

PRECISIONS = {"f16": "FP16", "f32": "FP32", "f64": "FP64", "boolean": "BOOL", "dynamic": "dynamic"}
_TYPE_NAMES = {name.lower(): short for short, name in PRECISIONS.items()} | {"undefined": "dynamic"}
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
# Types that an IR writes otherwise.
LAYER_TYPES = {"Constant": "Const", "PRelu": "PReLU", "Relu": "ReLU", "Softmax": "SoftMax"}
_TYPES_OF_LAYERS = {layer: name for name, layer in LAYER_TYPES.items()}
_KNOWN_HINTS: dict[type[Operator], dict[str, Any]] = {}
_IR_NAMES = {"exclude_pad": "exclude-pad"}


def operator_class(type_name: str, version: str) -> type[Operator] | None:
    """The class of a layer's type and `opsetN`: the newest definition that N has; None when there is none."""
    versions = definitions(_TYPES_OF_LAYERS.get(type_name, type_name))
    if not version.startswith("opset"):
        return next((found for found in versions if found.opset == version), None)
    if not version[5:].isdecimal() or len(version) > 8:
        return None
    wanted = int(version[5:])
    numbered = [(_first_opset(found), found) for found in versions if found.opset.startswith("opset")]
    fitting = [found for first, found in numbered if first <= wanted]
    return fitting[-1] if fitting else None


def _first_opset(operator: type[Operator]) -> int:
    """The first opset whose definition the class follows."""
    return min(getattr(operator, "since", 1), int(operator.opset.removeprefix("opset")))


def _hints(operator: type[Operator]) -> dict[str, Any]:
    if operator not in _KNOWN_HINTS:
        _KNOWN_HINTS[operator] = get_type_hints(operator)
    return _KNOWN_HINTS[operator]


def read_operator(operator: type[Operator], data: Mapping[str, str]) -> Operator:
    """The operator with the attributes that a layer gives.

    Raises ModelError for a value that does not fit, and for an attribute that the operation does not have.
    """
    written = {name.replace("-", "_"): text for name, text in data.items()}
    hints = _hints(operator)
    known = [field.name for field in fields(operator)]
    for name, text in written.items():
        if name not in known:
            listed = ", ".join(known) or "none"
            raise ModelError(f"attribute {name} = {text!r} is none of the operation's, which are: {listed}")
    values = {}
    for field in fields(operator):
        if field.name in written:
            values[field.name] = _read(field.name, hints[field.name], written[field.name])
    try:
        return operator(**values)
    except TypeError:
        wanted = sorted({field.name for field in fields(operator)} - set(values))
        raise ModelError(f"attributes are missing; not given are {', '.join(wanted)}") from None


def _read(name: str, hint: Any, text: str) -> Any:
    try:
        return from_text(hint, text)
    except (ValueError, KeyError, RuntimeError, TypeError):
        kind = getattr(hint, "__name__", str(hint))
        raise ModelError(f"expected attribute {name} to be a {kind}, got {text!r}") from None


def from_text(hint: Any, text: str) -> Any:
    """The value of an attribute whose field is declared as `hint`. ValueError or KeyError when it does not fit."""
    if hint is Type:
        return element_type(text)
    if hint is bool:
        return _BOOLEANS[text.strip().lower()]
    if hint is int:
        return int(text)
    if hint is float:
        return float(text)
    if hint is str:
        return text.strip().lower()
    if hint is PartialShape:
        return PartialShape(text)
    items = [item.strip() for item in text.split(",") if item.strip()]
    if hint == tuple[int, ...]:
        return tuple(map(int, items))
    if hint == tuple[float, ...]:
        return tuple(map(float, items))
    if hint == tuple[str, ...]:
        return tuple(item.lower() for item in items)
    return text


def element_type(text: str) -> Type:
    """An element type from its short name or from a port's precision; KeyError for any other text."""
    name = text.strip().lower()
    return Type._named(_TYPE_NAMES.get(name, name))


def precision(element_type: Type) -> str:
    """The name of an element type at a port."""
    return PRECISIONS.get(element_type.name, element_type.name.upper())


def write_operator(op: Operator) -> dict[str, str]:
    """The attributes of a layer, by name."""
    return {_IR_NAMES.get(name, name): to_text(value) for name, value in op.written().items()}


def to_text(value: Any) -> str:
    """An attribute as `from_text` reads it."""
    if isinstance(value, Type):
        return value.name
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, PartialShape):
        return shape_text(value)
    if isinstance(value, tuple):
        return ", ".join(map(to_text, value))
    return value if isinstance(value, str) else repr(value)


def shape_text(shape: PartialShape) -> str:
    """A shape without brackets: "1..5,?,3", "..." for one of unknown rank."""
    return str(shape).strip("[]")
