"""Constants whose elements are made when they are needed, and are not kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..graph import Constant, Node, Output
from ..graph.constants import ConstantOp, stored_in
from ..graph.operator import Array
from ..runtime.tensor import Tensor
from ..types import Shape, Type


class PostponedConstant(Constant):
    """A constant of this type and shape; `maker` returns a Tensor of its elements each time they are read."""

    def __init__(
        self, element_type: Type, shape: Sequence[int], maker: Callable[[], Tensor], name: str | None = None
    ) -> None:
        self._element_type = element_type
        self._shape = tuple(Shape(shape))
        self._maker = maker
        Node.__init__(self, ConstantOp(), [], name)
        self.info["postponed_constant"] = True

    @property
    def array(self) -> Array:
        return np.require(self.stored, requirements="A")

    @property
    def stored(self) -> Array:  # type: ignore[override]  # an attribute of other constants
        """The elements, made anew. RuntimeError when the Tensor has another type or shape than the constant."""
        tensor = self._maker()
        if not isinstance(tensor, Tensor):
            raise TypeError(f"expected the maker of {self} to return a Tensor, got {type(tensor).__name__}")
        array, element_type, shape = stored_in(tensor._storage, True)
        if element_type is not self._element_type or tuple(shape) != self._shape:
            raise RuntimeError(
                f"expected the maker of {self} to return {self._element_type.name}{self._shape}, got {tensor!r}"
            )
        return array

    def infer(self) -> None:
        Node.infer(self)

    def copy(self, sources: Sequence[Output]) -> PostponedConstant:
        twin = PostponedConstant(self._element_type, self._shape, self._maker, self._friendly_name)
        self._copy_names(twin)
        return twin


def make_postponed_constant(
    element_type: Type, shape: Sequence[int], maker: Callable[[], Any], name: str | None = None
) -> PostponedConstant:
    """A constant whose elements `maker`, which returns a Tensor, makes when the model is saved or compiled."""
    return PostponedConstant(element_type, shape, maker, name)
