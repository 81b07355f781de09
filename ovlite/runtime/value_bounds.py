"""The least and the greatest that elements of a tensor of a graph can be, as Tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph import Constant, Output, PartialValue
from ..graph.elements import decode, encode
from ..graph.operator import Array
from ..types import PartialShape
from .tensor import Tensor, tensor_of


def bounds(output: Output) -> tuple[Tensor | None, Tensor | None]:
    """The lower and the upper bounds of a tensor's elements; None where there are none that are known."""
    given = output.limits
    partial = output.partial
    if partial is not None and partial.complete:
        return _tensor(output, partial.array), _tensor(output, partial.array)
    if given != (None, None) or partial is None or partial.bounds is None:
        return given
    low, high = partial.bounds
    return _tensor(output, low), _tensor(output, high)


def set_bound(output: Output, upper: bool, tensor: Any) -> None:
    """Sets the lower, or the upper, bounds of a tensor's elements, until they are inferred anew.

    Integers with both bounds are known within them from then on, so that shapes can follow from them.
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"expected bounds to be a Tensor, got {type(tensor).__name__}")
    if tensor.element_type is not output.element_type or not output.partial_shape.same_scheme(
        PartialShape(tensor.shape)
    ):
        raise RuntimeError(f"expected bounds of {output!r} to be a Tensor of its type and shape, got {tensor!r}")
    low, high = output.limits
    output.limits = (low, tensor) if upper else (tensor, high)
    if None not in output.limits:
        least, greatest = (_elements(bound) for bound in output.limits)
        integers = least.dtype.kind in "iu"
        output.partial = PartialValue(least, least == greatest, (least, greatest) if integers else None)


def _elements(tensor: Tensor) -> Array:
    return np.array(decode(tensor._storage.array, tensor.element_type, tuple(tensor.shape)))


def _tensor(output: Output, array: Array) -> Tensor:
    """Elements as they are computed with in a Tensor of the output's type."""
    return tensor_of(Constant.of(encode(array, output.element_type), output.element_type, array.shape))
