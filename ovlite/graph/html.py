"""HTML: what notebooks show of models, and pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from .constants import Constant, weight_bytes
from .leaves import Parameter, Result

if TYPE_CHECKING:
    from .node import Node


def page(title: str, style: str, body: str) -> str:
    """A page that needs nothing else, in light and dark. title: any characters; style: of what stands in the body."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><style>:root { color-scheme: light dark } '
        f"body {{ background: light-dark(#fff, #181818) }} {style}</style></head><body>{body}</body></html>\n"
    )


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table of texts, which may hold any characters."""

    def line(cells: Sequence[Any], kind: str) -> str:
        parts = (f'<{kind} style="text-align:left">{escape(str(cell))}</{kind}>' for cell in cells)
        return f"<tr>{''.join(parts)}</tr>"

    return (
        f"<table><thead>{line(header, 'th')}</thead><tbody>{''.join(line(row, 'td') for row in rows)}</tbody></table>"
    )


def ports(inputs: Iterable[Any], outputs: Iterable[Any]) -> str:
    """The inputs and outputs of a model."""
    rows = [
        (kind, ", ".join(sorted(port.names)) or index, port.element_type.name, port.partial_shape)
        for kind, several in (("input", inputs), ("output", outputs))
        for index, port in enumerate(several)
    ]
    return table(("", "name", "type", "shape"), rows)


def model(name: str, inputs: Iterable[Any], outputs: Iterable[Any], nodes: Sequence[Node]) -> str:
    """A model's name, ports, operators and weights."""
    counts = Counter(node.get_type_name() for node in nodes if not isinstance(node, (Constant, Parameter, Result)))
    operators = ", ".join(f"{kind} {count}" for kind, count in counts.most_common())
    return (
        f"<div><strong>{escape(name)}</strong>{ports(inputs, outputs)}"
        f"<p>{escape(operators)}; weights of {weight_bytes(nodes) / 2**20:.1f} MiB</p></div>"
    )
