"""Reads and writes runtime information: rt_info of models, nodes and ports, and meta_data of older IRs.

A model's rt_info is a dict of str to str or dict. A node's or port's is a dict by name; a value that came from an IR
is a dict of the XML attributes (`version`, `value`, `layout`, ...).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from ...errors import ModelError
from ...types import Layout
from ...types.any import written
from .document import MAX_DEPTH

_LAYOUT = "layout"

_TAG = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def read_model_info(net: Element) -> dict[str, Any]:
    """The rt_info of a net; meta_data lie under that name."""
    info = net.find("rt_info")
    found = {} if info is None else _tree(info)
    meta = net.find("meta_data")
    if meta is not None:
        found["meta_data"] = _tree(meta)
    return found


def _tree(element: Element, depth: int = 0) -> dict[str, Any]:
    """The children by name: their value, or their own children."""
    if depth > MAX_DEPTH:
        raise ModelError(f"the IR's rt_info is nested deeper than {MAX_DEPTH} elements")
    found: dict[str, Any] = {}
    for child in element:
        value = child.get("value")
        found[child.get("name", child.tag)] = _tree(child, depth + 1) if value is None or len(child) else value
    return found


def write_model_info(net: Element, info: Mapping[str, Any]) -> None:
    """Adds <rt_info> to a net."""
    _write_tree(SubElement(net, "rt_info"), info)


def _write_tree(element: Element, info: Mapping[str, Any]) -> None:
    for name, value in info.items():
        child = SubElement(element, name) if _TAG.match(name) else SubElement(element, "info", name=clean(name))
        if isinstance(value, Mapping):
            _write_tree(child, value)
        else:
            child.set("value", clean(written(value)))


def read_info(element: Element) -> dict[str, Any]:
    """The rt_info of a layer or a port."""
    return {
        attribute.get("name", ""): {key: value for key, value in attribute.attrib.items() if key != "name"}
        for attribute in element.iterfind("rt_info/attribute")
    }


def write_info(element: Element, info: Mapping[str, Any]) -> None:
    """Adds <rt_info> to a layer or a port, with what came from an IR."""
    known = {name: value for name, value in info.items() if isinstance(value, dict) and "version" in value}
    if not known:
        return
    parent = SubElement(element, "rt_info")
    for name, value in known.items():
        SubElement(parent, "attribute", {"name": name, **{key: clean(text) for key, text in value.items()}})


def read_layout(info: Mapping[str, Any]) -> Layout | None:
    """The layout among the rt_info of a model's port; None when there is none."""
    text = info.get(_LAYOUT, {}).get(_LAYOUT)
    try:
        return Layout(text) if text else None
    except RuntimeError as error:
        raise ModelError(f"the layout {text!r} is not valid: {error}") from None


def with_layout(info: Mapping[str, Any], layout: Layout | None) -> dict[str, Any]:
    """The rt_info of a model's port with its layout."""
    return dict(info) if layout is None or layout.empty else {**info, _LAYOUT: {"version": "0", _LAYOUT: str(layout)}}


def clean(text: str) -> str:
    """Text without the characters that XML can't hold, which become question marks."""
    return _NOT_XML.sub("?", text)
