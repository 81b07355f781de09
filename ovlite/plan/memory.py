"""Allocates the buffers of a plan in its arena.

Two buffers may share bytes when no step needs both. Each buffer is live from the first step that
touches it to the last. The largest are placed first, each at the lowest offset where it overlaps
none that is live at the same time; source: Pisarchyk and Lee, Efficient Memory Management for Deep
Neural Net Inference, "greedy by size for offset calculation".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..kernels.runtime.block import lowest_offsets

ALIGNMENT = 64


class Buffer(NamedTuple):
    """slot: its number. size: bytes. first, last: the steps between which it is live, both included."""

    slot: int
    size: int
    first: int
    last: int


def aligned(size: int) -> int:
    """The least multiple of ALIGNMENT that is no less."""
    return (size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


def place(buffers: Sequence[Buffer]) -> tuple[dict[int, int], int]:
    """(slot -> offset, bytes of the arena). Offsets are multiples of ALIGNMENT."""
    ordered = sorted(buffers, key=lambda buffer: (-buffer.size, buffer.first))
    sizes = [aligned(buffer.size) for buffer in ordered]
    offsets = lowest_offsets([(size, first, last) for size, (_, _, first, last) in zip(sizes, ordered, strict=True)])
    total = max(map(int.__add__, offsets, sizes), default=0)
    return {buffer.slot: offset for buffer, offset in zip(ordered, offsets, strict=True)}, total
