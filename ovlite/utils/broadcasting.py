"""Axes that broadcasting adds."""

from __future__ import annotations

from collections.abc import Sequence

from ..types import AxisSet


def get_broadcast_axes(output_shape: Sequence[int], input_shape: Sequence[int], axis: int | None = None) -> AxisSet:
    """The axes of the output that the input lacks: its own are the last ones, or those from `axis` on."""
    begin = len(output_shape) - len(input_shape) if axis is None else axis
    own = range(begin, begin + len(input_shape))
    return AxisSet({index for index in range(len(output_shape)) if index not in own})
