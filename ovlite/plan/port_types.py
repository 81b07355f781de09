"""Between the element types of a model's ports and those that plans compute in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Operator
from ..graph.elements import compute_dtype, decode, encode
from ..graph.operator import Array
from ..records import dataclass
from ..types import Type


def port_dtype(element_type: Type) -> np.dtype[Any]:
    """The numpy dtype of a model's inputs and outputs of this type."""
    return element_type.to_dtype()


def crosses(element_type: Type) -> bool:
    """True when ports of the type hold something else than plans compute with."""
    return element_type is Type.bf16 or port_dtype(element_type) != compute_dtype(element_type)


@dataclass(frozen=True)
class FromPortType(Operator):
    """Elements of a model's input, from the port's dtype to the compute dtype."""

    type = "FromPortType"
    element_type: Type

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [decode(inputs[0], self.element_type, inputs[0].shape)]


@dataclass(frozen=True)
class ToPortType(Operator):
    """Elements of a model's output, from the compute dtype to the port's dtype."""

    type = "ToPortType"
    element_type: Type

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        return [encode(inputs[0], self.element_type)]
