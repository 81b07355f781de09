"""Layouts as names of axes: which axis is which, and the way from one layout to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..types import Layout

Names = list[str | None]  # the name of each axis, None for one that has none
KINDS = {"N": "batch", "C": "channels", "H": "height", "W": "width"}


def as_layout(value: Any) -> Layout:
    """A Layout from a Layout or its text."""
    if isinstance(value, Layout):
        return value
    if isinstance(value, str):
        return Layout(value)
    raise TypeError(f"expected a layout to be a Layout or a str such as 'NHWC', got {type(value).__name__}")


def is_known(layout: Layout) -> bool:
    """True for a layout that says anything of the axes."""
    return not layout.empty


def names_of(layout: Layout, rank: int) -> Names:
    """The names of `rank` axes. Raises RuntimeError when the layout is one of another rank."""
    parts = [] if layout == Layout.scalar() else str(layout).strip("[]").split(",")
    if "..." in parts:
        at = parts.index("...")
        parts[at : at + 1] = ["?"] * (rank - len(parts) + 1)
    if len(parts) != rank:
        raise RuntimeError(f"the layout {layout} is not one of {rank} axes")
    return [None if part == "?" else part for part in parts]


def axis_of(layout: Layout, name: str, rank: int) -> int:
    """The axis N, C, H or W. Raises RuntimeError when the layout does not say."""
    found = names_of(layout, rank) if is_known(layout) else []
    if name not in found:
        raise RuntimeError(f"the layout {layout} has no {KINDS[name]} axis {name}; say so with set_layout()")
    return found.index(name)


def missing_in_front(source: Layout, target: Layout) -> list[str]:
    """The axes that a tensor lacks, when `target` names more axes than it has: they are put in front, of length 1."""
    if any("..." in str(layout) for layout in (source, target)):
        return []
    here, there = (str(layout).strip("[]").split(",") for layout in (source, target))
    return [name for name in there if name not in here] if len(there) > len(here) else []


def permutation(source: Layout, target: Layout, rank: int) -> list[int]:
    """For each axis of `target` the axis of `source`; what has no name on one side keeps its order.

    Raises RuntimeError when `target` names what no axis of `source` can be.
    """
    here, there = names_of(source, rank), names_of(target, rank)
    spare = [axis for axis, name in enumerate(here) if name is None or name not in there]
    found = []
    for name in there:
        fitting = [here.index(name)] if name and name in here else [a for a in spare if None in (name, here[a])]
        if not fitting:
            raise RuntimeError(f"the layout {source} can't be made the layout {target}: nothing is its axis {name}")
        found.append(fitting[0])
        spare = [axis for axis in spare if axis != fitting[0]]
    return found


def permuted(layout: Layout, order: Sequence[int]) -> Layout:
    """The layout after a transpose."""
    if not is_known(layout):
        return layout
    names = names_of(layout, len(order))
    return named([names[axis] for axis in order])


def named(names: Sequence[str | None]) -> Layout:
    """The layout of axes with these names."""
    return Layout("[" + ",".join(name or "?" for name in names) + "]")
