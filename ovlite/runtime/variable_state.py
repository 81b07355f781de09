"""VariableState: a value that a request keeps from run to run."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..plan import Variable
from .tensor import Tensor, new_storage

Array = npt.NDArray[Any]


class HoldsStates(Protocol):
    """Holder of the values of variables, by index: a request. None stands for a value before the first run."""

    def state(self, index: int) -> Array | None: ...
    def set_state(self, index: int, array: Array | None) -> None: ...
    def initial_state(self, index: int) -> Array: ...


class VariableState:
    """A handle on one variable of a request; it shows the value at hand whenever it is asked."""

    def __init__(self, holder: HoldsStates, index: int, variable: Variable) -> None:
        self._holder = holder
        self._index = index
        self._variable = variable

    @property
    def name(self) -> str:
        return self._variable.name

    @property
    def state(self) -> Tensor:
        """A copy of the value; assign a Tensor to change it."""
        array = self._holder.state(self._index)
        if array is None:
            array = self._holder.initial_state(self._index)
        tensor = Tensor._on(new_storage(self._variable.element_type, array.shape))
        tensor._storage.array[...] = array
        return tensor

    @state.setter
    def state(self, tensor: Tensor) -> None:
        if not isinstance(tensor, Tensor):
            raise TypeError(f"expected a state to be a Tensor, got {type(tensor).__name__}")
        kind = self._variable.element_type
        shape = tensor._storage.shape
        if tensor.element_type is not kind:
            raise RuntimeError(f"expected variable {self.name!r} to hold {kind.name}, got {tensor.element_type.name}")
        if not self._variable.shape.relaxes(type(self._variable.shape)(shape)):
            raise RuntimeError(
                f"expected variable {self.name!r} to have shape {self._variable.shape}, got {list(shape)}"
            )
        self._holder.set_state(self._index, np.array(tensor._storage.array, order="C"))

    def reset(self) -> None:
        """Gives the variable its initial value in the next run."""
        self._holder.set_state(self._index, None)

    def __repr__(self) -> str:
        return f"<VariableState: {self.name!r} {self._variable.element_type.name}{self._variable.shape}>"
