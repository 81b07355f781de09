"""A model at concrete shapes: tensors, and the calls of operators on them."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from ..graph import Operator
from ..graph.constants import ScaledConstant
from ..graph.operator import Array

Found = TypeVar("Found")
_INDICES = frozenset(map(np.dtype, ("int32", "int64")))


class Tensor:
    """A tensor of concrete shape. array: its elements, when they are constant; scaled: what gives them instead.

    The layout (see layout.py) says how it is stored: `image` for channels-last, with `border` pixels (begin, end)
    around each spatial dimension, whose elements are `fill`, or None where each that reads them writes them before;
    `within` for a range of channels, from the given one on, of another image.
    """

    __slots__ = ("array", "border", "dtype", "fill", "image", "producer", "scaled", "shape", "users", "within")

    def __init__(
        self,
        dtype: np.dtype[Any],
        shape: tuple[int, ...],
        array: Array | None = None,
        *,
        image: bool = False,
        border: tuple[tuple[int, int], ...] = (),
        scaled: ScaledConstant | None = None,
    ) -> None:
        self.dtype = dtype
        self.shape = shape
        self.array = array
        self.producer: Call | None = None
        self.users: list[Call] = []
        self.image = image
        self.border = border
        self.fill: int | None = 0
        self.within: tuple[Tensor, int] | None = None
        self.scaled = scaled

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def origin(self) -> Array | ScaledConstant | None:
        """What a constant's elements are, or follow from; None for other tensors."""
        return self.scaled if self.array is None else self.array

    def elements(self) -> Array:
        """A constant's elements."""
        found = self.array if self.scaled is None else self.scaled.stored
        assert found is not None
        return found

    @property
    def is_index(self) -> bool:
        """True for elements of a type in which kernels take indices and lengths."""
        return self.dtype in _INDICES

    @property
    def whole(self) -> Tensor:
        """The image that the tensor lies within, or itself."""
        return self if self.within is None else self.within[0].whole

    def forget_calls(self) -> None:
        """Ends the circle of calls and tensors that refer to each other, so that they go when nobody holds them."""
        self.producer = None
        self.users.clear()

    @classmethod
    def constant(cls, array: Array) -> Tensor:
        return cls(array.dtype, array.shape, array)

    def __repr__(self) -> str:
        return f"{self.dtype.name}[{','.join(map(str, self.shape))}]"


class Call:
    """An operator applied to tensors; name is the node's, for messages and profiles.

    found: what functions marked as found_once() told of the call, and how its weights are packed.
    """

    __slots__ = ("found", "inputs", "name", "op", "outputs")

    def __init__(self, op: Operator, inputs: list[Tensor], outputs: list[Tensor], name: str) -> None:
        self.op = op
        self.inputs = inputs
        self.outputs = outputs
        self.name = name
        self.found: dict[Hashable, Any] = {}
        for tensor in inputs:
            tensor.users.append(self)
        for tensor in outputs:
            tensor.producer = self

    def replace_input(self, old: Tensor, new: Tensor) -> None:
        """Reads `new` wherever `old` was read."""
        self.inputs = [new if tensor is old else tensor for tensor in self.inputs]
        old.users[:] = [user for user in old.users if user is not self]
        new.users.append(self)
        self.found.clear()


def found_once(function: Callable[[Call], Found]) -> Callable[[Call], Found]:
    """A function of a call that is carried out again only when the call reads something else."""
    name = function.__name__

    @wraps(function)
    def ask(call: Call) -> Found:
        if name not in call.found:
            call.found[name] = function(call)
        found: Found = call.found[name]
        return found

    return ask
