"""What can be told, and said, of tensors of a graph beyond their types, by the names of openvino.experimental."""

from __future__ import annotations

import numpy as np

from .graph import DescriptorTensor, Output, TensorType
from .runtime.tensor import Tensor
from .runtime.value_bounds import bounds
from .types import UNBOUNDED, Dimension, PartialShape, Type

__all__ = ["evaluate_as_partial_shape", "evaluate_both_bounds", "set_element_type", "set_tensor_type"]


def evaluate_both_bounds(output: Output) -> tuple[Tensor | None, Tensor | None]:
    """The least and the greatest that the elements can be; None where nothing is known of them."""
    return bounds(output)


def evaluate_as_partial_shape(output: Output, partial_shape: PartialShape) -> bool:
    """Makes `partial_shape` what is known of integers in one dimension; False when nothing is."""
    low, high = bounds(output)
    if low is None or high is None or low.data.dtype.kind not in "iu" or low.data.ndim != 1:
        return False
    endless = np.iinfo(low.data.dtype).max
    pairs = zip(low.data.tolist(), high.data.tolist(), strict=True)
    partial_shape.become([Dimension(max(least, 0), UNBOUNDED if most == endless else most) for least, most in pairs])
    return True


def set_element_type(tensor: DescriptorTensor, element_type: Type) -> None:
    """Gives a tensor another element type, until it is inferred anew."""
    set_tensor_type(tensor, element_type, tensor.partial_shape)


def set_tensor_type(tensor: DescriptorTensor, element_type: Type, partial_shape: PartialShape) -> None:
    """Gives a tensor another element type and shape, until they are inferred anew."""
    tensor.become(TensorType(element_type, PartialShape(partial_shape)))
