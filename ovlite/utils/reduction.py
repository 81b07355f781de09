"""Axes of a reduction."""

from __future__ import annotations

from collections.abc import Iterable

from ..graph import Node


def get_reduction_axes(node: Node, reduction_axes: Iterable[int] | None) -> set[int]:
    """The axes as a set; None stands for all axes of the node's output."""
    return set(range(len(node.shape))) if reduction_axes is None else set(reduction_axes)
