"""The .xml of an IR: its layers, their ports, and the edges between them.

The document is not trusted: entities can't be declared in it, nesting is limited, and every number is checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from ...errors import ModelError
from ...records import dataclass

MAX_DEPTH = 32  # of entries within entries of rt_info
VERSIONS = (10, 11)
_NUMBER = re.compile(r"-?[0-9]{1,19}\Z")
_BODIES = ("body", "then_body", "else_body")


class _Builder(TreeBuilder):
    """Builds elements; refuses document types, which could declare entities."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise ModelError("the IR has a DOCTYPE, which is refused: an IR needs none")


def parse(text: bytes) -> Element:
    """The root of an IR document. Raises ModelError when it is not one, or of a version that is not read."""
    parser = XMLParser(target=_Builder())  # noqa: S314 - _Builder refuses what could declare entities
    try:
        parser.feed(text)
        root = parser.close()
    except (ParseError, ValueError, LookupError) as error:
        raise ModelError(f"the IR is not well-formed XML: {error}") from None
    if not isinstance(root, Element) or root.tag != "net":
        raise ModelError(f"expected the IR's root to be <net>, got <{getattr(root, 'tag', '')}>")
    version = root.get("version", "")
    if version not in map(str, VERSIONS):
        raise ModelError(f"the IR has version {version!r}; versions {VERSIONS[0]} and {VERSIONS[1]} are read")
    return root


@dataclass(frozen=True)
class Port:
    """An output of a layer: its number in edges, and the names of its tensor."""

    id: int
    names: frozenset[str]
    element: Element


@dataclass(frozen=True)
class Layer:
    """A layer: what it is, and the numbers of its ports in their order."""

    id: int
    name: str
    type: str
    version: str
    inputs: tuple[int, ...]
    outputs: tuple[Port, ...]
    element: Element

    @property
    def data(self) -> dict[str, str]:
        """The attributes as written."""
        found = self.element.find("data")
        return {} if found is None else dict(found.attrib)

    def __str__(self) -> str:
        return f"layer {self.name!r} ({self.type}, {self.version})"


def number(element: Element, key: str, where: object) -> int:
    """An attribute that is a whole number of 64 bits."""
    text = element.get(key, "").strip()
    if not _NUMBER.match(text) or not -(2**63) <= int(text) < 2**63:
        raise ModelError(f"{where}: expected {key} to be a whole number, got {text!r}")
    return int(text)


def layers(net: Element) -> list[Layer]:
    """The layers of a net or a body. Raises ModelError when two have one id."""
    found = [_layer(element) for element in net.iterfind("layers/layer")]
    seen: set[int] = set()
    for layer in found:
        if layer.id in seen:
            raise ModelError(f"two layers of {net.get('name') or net.tag!r} have the id {layer.id}")
        seen.add(layer.id)
    return found


def _layer(element: Element) -> Layer:
    name = element.get("name", "")
    where = f"layer {name!r}"
    inputs = tuple(number(port, "id", where) for port in element.iterfind("input/port"))
    outputs = tuple(
        Port(number(port, "id", where), frozenset(split_names(port.get("names", ""))), port)
        for port in element.iterfind("output/port")
    )
    ids = [*inputs, *(port.id for port in outputs)]
    if len(set(ids)) < len(ids):
        raise ModelError(f"{where}: two of its ports have one id")
    version = element.get("version", "opset1")
    return Layer(number(element, "id", where), name, element.get("type", ""), version, inputs, outputs, element)


def edges(net: Element) -> dict[tuple[int, int], tuple[int, int]]:
    """(layer, port) that each (layer, port) of an input reads. Raises ModelError when an input has two edges."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for edge in net.iterfind("edges/edge"):
        keys = ("from-layer", "from-port", "to-layer", "to-port")
        start, port, end, place = (number(edge, key, "an edge") for key in keys)
        if (end, place) in found:
            raise ModelError(f"two edges lead to port {place} of layer {end}")
        found[end, place] = start, port
    return found


def bodies(layer: Layer) -> Iterator[Element]:
    """The nets that a layer holds."""
    for tag in _BODIES:
        yield from layer.element.iterfind(tag)


def split_names(text: str) -> list[str]:
    """Tensor names from a list with commas; a comma within a name is written with a backslash."""
    return [name.replace("\\,", ",") for name in re.split(r"(?<!\\),", text) if name]


def join_names(names: set[str] | frozenset[str]) -> str:
    """Tensor names as `split_names` reads them, in byte order."""
    return ",".join(name.replace(",", "\\,") for name in sorted(names, key=str.encode))
