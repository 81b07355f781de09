"""Operators whose outputs show elements of their data where these lie."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph.operator import Array
from .axes import static_shapes
from .declare import Declared


class Viewing(Declared):
    """An operator whose evaluation by numpy gives views of its first input."""

    def views(self, shapes: Sequence[tuple[int, ...]], data: Array, *steering: Array) -> Sequence[Array]:
        """The outputs, of the shapes that infer() gives for these inputs."""
        raise NotImplementedError(f"{type(self).__name__}.views")

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return self.views(static_shapes(self, *inputs), *inputs)
