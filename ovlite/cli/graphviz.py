"""A model as a picture by Graphviz, where its program `dot` is installed."""

from __future__ import annotations

import shutil
import subprocess

from ..graph import Constant, Model, Node
from .drawing import is_port, labels, title

SECONDS = 30  # after which a model is too large for it
STYLE = """
svg { background: light-dark(#fff, #181818); color-scheme: light dark }
text { font: 10px Helvetica, Arial, sans-serif; fill: light-dark(#1a1a1a, #e6e6e6) }
.node path { fill: light-dark(#dce6f5, #24344d); stroke: light-dark(#4c78a8, #7da3d0) }
.port path { fill: light-dark(#fde8d0, #4d3517); stroke: light-dark(#f58518, #f5a95a) }
.edge path, .edge polygon { stroke: light-dark(#888, #999) }
.edge polygon { fill: light-dark(#888, #999) }
"""


def graphviz_svg(model: Model) -> str | None:
    """The picture; None where there is no `dot`, or it fails or takes too long."""
    program = shutil.which("dot")
    if program is None:
        return None
    try:
        # The model is text that the program reads, and no part of its command.
        done = subprocess.run(  # noqa: S603
            [program, "-Tsvg"], input=dot(model), capture_output=True, encoding="utf-8", timeout=SECONDS, check=True
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    _, begin, rest = done.stdout.partition("<svg")
    attributes, end, body = rest.partition(">")
    return f"{begin}{attributes}{end}<style>{STYLE}</style>{body}"


def dot(model: Model) -> str:
    """The model in Graphviz's language."""
    nodes = [node for node in model.get_ordered_ops() if not isinstance(node, Constant)]
    names = {node: f"n{index}" for index, node in enumerate(nodes)}
    lines = [
        "digraph {",
        'bgcolor="transparent"',
        'node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=10]',
    ]
    for node in nodes:
        lines.append(f"{names[node]} [{_attributes(node)}]")
        sources = (source.get_node() for source in node.input_values())
        lines += [f"{names[source]} -> {names[node]}" for source in sources if source in names]
    return "\n".join([*lines, "}"])


def _attributes(node: Node) -> str:
    label, below = labels(node)
    found = {"label": f"{label}\n{below}", "tooltip": title(node), "class": "port" if is_port(node) else "operator"}
    return ", ".join(f"{name}={_quoted(text)}" for name, text in found.items())


def _quoted(text: str) -> str:
    """A text of any characters; its lines stay, and nothing in it is an escape."""
    for character, written in (("&", "&amp;"), ("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n")):
        text = text.replace(character, written)
    return f'"{text}"'
