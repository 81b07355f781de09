"""Allocates the buffers of a plan in its arena.

Two buffers may share bytes when no step needs both. Each buffer is live from the first step that
touches it to the last. The largest are placed first, each at the lowest offset where it overlaps
none that is live at the same time; source: Pisarchyk and Lee, Efficient Memory Management for Deep
Neural Net Inference, "greedy by size for offset calculation".
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from typing import NamedTuple

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
    placed: list[tuple[int, int, int, int]] = []  # (begin, end, first, last), by begin
    offsets: dict[int, int] = {}
    total = 0
    for slot, size, first, last in sorted(buffers, key=lambda buffer: (-buffer.size, buffer.first)):
        size = aligned(size)
        begin = 0
        for low, high, born, dead in placed:
            if dead < first or last < born:
                continue
            if begin + size <= low:
                break
            if begin < high:
                begin = high
        offsets[slot] = begin
        insort(placed, (begin, begin + size, first, last))
        total = max(total, begin + size)
    return offsets, total
