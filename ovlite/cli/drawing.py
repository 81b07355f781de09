"""A model as a picture: layers from the top down, an operator's inputs above it, drawn as SVG."""

from __future__ import annotations

from collections import defaultdict
from html import escape

from ..graph import Constant, Model, Node, Output, Parameter, Result
from ..graph.html import page

BOX, GAP = (150, 34), (24, 36)  # width and height of a box, and between boxes
PASSES = 4  # over the layers, to bring boxes below what they read
STYLE = """
svg { font: 12px system-ui, sans-serif; background: light-dark(#fff, #181818); color-scheme: light dark }
rect { fill: light-dark(#dce6f5, #24344d); stroke: light-dark(#4c78a8, #7da3d0) }
.port rect { fill: light-dark(#fde8d0, #4d3517); stroke: light-dark(#f58518, #f5a95a) }
text { text-anchor: middle; fill: light-dark(#1a1a1a, #e6e6e6) }
path { fill: none; stroke: light-dark(#888, #999) }
"""
PAGE_STYLE = """
body { margin: 0; color: light-dark(#1a1a1a, #e6e6e6); font: 14px system-ui, sans-serif }
h1 { font-size: 1.2em; margin: 1em }
.scroll { overflow: auto }
"""


def html(model: Model, picture: str) -> str:
    """A page with the picture, that scrolls."""
    body = f'<h1>{escape(model.friendly_name)}</h1><div class="scroll">{picture}</div>'
    return page(model.friendly_name, PAGE_STYLE, body)


def svg(model: Model) -> str:
    """The picture. A box's title tells the node's name, its output types and, for constants it reads, their shapes."""
    nodes = [node for node in model.get_ordered_ops() if not isinstance(node, Constant)]
    known = set(nodes)
    arrows = {node: [source.get_node() for source in node.input_values()] for node in nodes}
    arrows = {node: [source for source in read if source in known] for node, read in arrows.items()}
    layers = _ordered(_layers(nodes, arrows), arrows)
    widest = max(map(len, layers), default=1)
    places: dict[Node, tuple[float, float]] = {}
    for depth, layer in enumerate(layers):
        left = (widest - len(layer)) * (BOX[0] + GAP[0]) / 2
        for index, node in enumerate(layer):
            places[node] = (GAP[0] + left + index * (BOX[0] + GAP[0]), GAP[1] + depth * (BOX[1] + GAP[1]))
    width = widest * (BOX[0] + GAP[0]) + GAP[0]
    height = len(layers) * (BOX[1] + GAP[1]) + GAP[1]
    parts = [_arrow(places[source], places[node]) for node in nodes for source in arrows[node]]
    parts += [_box(node, places[node]) for node in nodes]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f"<style>{STYLE}</style>{''.join(parts)}</svg>"
    )


def _layers(nodes: list[Node], arrows: dict[Node, list[Node]]) -> list[list[Node]]:
    """Nodes by the length of the longest way to them."""
    depth: dict[Node, int] = {}
    layers: dict[int, list[Node]] = defaultdict(list)
    for node in nodes:
        depth[node] = max((depth[source] + 1 for source in arrows[node]), default=0)
        layers[depth[node]].append(node)
    return [layers[level] for level in sorted(layers)]


def _ordered(layers: list[list[Node]], arrows: dict[Node, list[Node]]) -> list[list[Node]]:
    """Layers whose nodes stand below the middle of what they read, and then above what reads them."""
    readers: dict[Node, list[Node]] = defaultdict(list)
    for node, read in arrows.items():
        for source in read:
            readers[source].append(node)
    for turn in range(PASSES):
        others, sequence = (arrows, layers) if turn % 2 == 0 else (readers, layers[::-1])
        place = {node: index for layer in layers for index, node in enumerate(layer)}
        for layer in sequence:
            middles = {node: _middle([place[other] for other in others[node]], place[node]) for node in layer}
            layer.sort(key=middles.__getitem__)
            place.update({node: index for index, node in enumerate(layer)})
    return layers


def _middle(places: list[int], otherwise: int) -> float:
    return sum(places) / len(places) if places else otherwise


def _arrow(source: tuple[float, float], target: tuple[float, float]) -> str:
    x1, y1, x2, y2 = source[0] + BOX[0] / 2, source[1] + BOX[1], target[0] + BOX[0] / 2, target[1]
    bend = (y2 - y1) / 2
    return f'<path d="M{x1:g},{y1:g} C{x1:g},{y1 + bend:g} {x2:g},{y2 - bend:g} {x2:g},{y2:g}"/>'


def _box(node: Node, place: tuple[float, float]) -> str:
    port = ' class="port"' if is_port(node) else ""
    label, below = map(escape, labels(node))
    x, y = place
    return (
        f"<g{port}><title>{escape(title(node))}</title>"
        f'<rect x="{x:g}" y="{y:g}" width="{BOX[0]}" height="{BOX[1]}" rx="4"/>'
        f'<text x="{x + BOX[0] / 2:g}" y="{y + 14:g}">{label}</text>'
        f'<text x="{x + BOX[0] / 2:g}" y="{y + 28:g}" font-size="10">{below}</text></g>'
    )


def is_port(node: Node) -> bool:
    return isinstance(node, (Parameter, Result))


def labels(node: Node) -> tuple[str, str]:
    """What stands in a node's box: its type, or a port's name, and below it the types of its outputs."""
    kinds = ", ".join(map(_kind, node.outputs()))
    return _short(node.friendly_name if is_port(node) else node.get_type_name()), _short(kinds)


def title(node: Node) -> str:
    """What a box tells when it is pointed at."""
    sources = [source.get_node() for source in node.input_values()]
    constants = [f"reads {_kind(source.output(0))}" for source in sources if isinstance(source, Constant)]
    return "\n".join([node.friendly_name, *map(_kind, node.outputs()), *constants])


def _kind(output: Output) -> str:
    return f"{output.element_type.name}{output.partial_shape}"


def _short(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:22]}…"
