"""Indices of the dimensions with common names in a layout, and layouts of a model's ports."""

from __future__ import annotations

from .graph import Output, Parameter, Result
from .runtime.ports import ConstOutput
from .types import Layout


def get_layout(port: Output | ConstOutput) -> Layout:
    """The layout of the parameter or result that a port belongs to."""
    node = port.node
    return node.layout if isinstance(node, (Parameter, Result)) else Layout()


def set_layout(port: Output, layout: Layout) -> None:
    """Gives the parameter or result that a port belongs to a layout."""
    if not isinstance(port, Output):
        raise TypeError(f"expected an Output, got {type(port).__name__}")
    if not isinstance(port.node, (Parameter, Result)):
        raise RuntimeError(f"{port!r} is not an input or output of a model")
    port.node.set_layout(layout)


def _has(layout: Layout, name: str) -> bool:
    if not isinstance(layout, Layout):
        raise TypeError(f"expected a Layout, got {type(layout).__name__}")
    return layout.has_name(name)


def _index(layout: Layout, name: str) -> int:
    if not isinstance(layout, Layout):
        raise TypeError(f"expected a Layout, got {type(layout).__name__}")
    return layout.get_index_by_name(name)


def has_batch(layout: Layout) -> bool:
    return _has(layout, "N")


def batch_idx(layout: Layout) -> int:
    return _index(layout, "N")


def has_channels(layout: Layout) -> bool:
    return _has(layout, "C")


def channels_idx(layout: Layout) -> int:
    return _index(layout, "C")


def has_depth(layout: Layout) -> bool:
    return _has(layout, "D")


def depth_idx(layout: Layout) -> int:
    return _index(layout, "D")


def has_height(layout: Layout) -> bool:
    return _has(layout, "H")


def height_idx(layout: Layout) -> int:
    return _index(layout, "H")


def has_width(layout: Layout) -> bool:
    return _has(layout, "W")


def width_idx(layout: Layout) -> int:
    return _index(layout, "W")
