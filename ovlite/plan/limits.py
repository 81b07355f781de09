"""Limits of plans: the number of dimensions, and the memory of a tensor and of all buffers."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import ModelError
from ..graph import Node
from ..kernels.runtime.step import MOST_DIMENSIONS
from .calls import Call


def check_ranks(nodes: Iterable[Node]) -> None:
    """Raises ModelError for the first node with an output whose rank is known and can't be computed with."""
    for node in nodes:
        for output in node.outputs():
            shape = output.partial_shape
            if shape.has_rank and len(shape) > MOST_DIMENSIONS:
                found = f"{node.op.type} {node.friendly_name!r}"
                raise ModelError(f"{found}: expected at most {MOST_DIMENSIONS} dimensions, got {shape}")


def check_results(calls: Iterable[Call], limit: int) -> None:
    """Raises ModelError for the first result of more than `limit` bytes, before memory is asked for."""
    for call in calls:
        for tensor in call.outputs:
            size = tensor.size * tensor.dtype.itemsize
            if size > limit:
                raise _too_large(f"{call.op.type} {call.name!r}", limit, f"{tensor}, {size} bytes")


def check_buffers(size: int, limit: int) -> None:
    """Raises ModelError where the buffers of a program take more than `limit` bytes."""
    if size > limit:
        raise _too_large("the plan's buffers", limit, f"{size} bytes")


class LoopBytes:
    """Counts what a loop keeps of its iterations. Raises ModelError once that takes more than `limit` bytes."""

    def __init__(self, what: str, limit: int) -> None:
        self._what = what
        self._limit = limit
        self._size = 0

    def add(self, size: int) -> None:
        self._size += size
        if self._size > self._limit:
            raise _too_large(self._what, self._limit, f"{self._size} bytes")


def _too_large(what: str, limit: int, found: str) -> ModelError:
    return ModelError(f"{what}: expected at most {limit} bytes (the property MEMORY_LIMIT), got {found}")
