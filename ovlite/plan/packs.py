"""Packed weights, shared by all plans of a model."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from ..graph.operator import Array


class Packs:
    """What was made of a constant array, kept with the array: packed once, whatever the input shapes."""

    def __init__(self) -> None:
        self._made: dict[Hashable, tuple[Array, Any]] = {}

    def get(self, array: Array, how: Hashable, make: Callable[[], Any]) -> Any:
        """make(), or what it gave before for this array and `how`."""
        key = (id(array), how)
        if key not in self._made:
            self._made[key] = (array, make())
        return self._made[key][1]
