"""The batch of a model: the dimension N in the layouts of its parameters."""

from __future__ import annotations

from ..types import Dimension
from .model import Model
from .reshaping import batched, common_batch


def get_batch(model: Model) -> Dimension:
    """The batch; RuntimeError when no parameter's layout has N, or two parameters differ."""
    if not isinstance(model, Model):
        raise TypeError(f"expected a Model, got {type(model).__name__}")
    return common_batch(model.parameters)


def set_batch(model: Model, batch_size: int | Dimension = -1) -> None:
    """Reshapes all parameters with N in their layout to this batch; -1 is any."""
    if not isinstance(batch_size, (int, Dimension)):
        raise TypeError(f"expected a batch to be an int or a Dimension, got {type(batch_size).__name__}")
    shapes = {}
    for parameter, axis in batched(model.parameters).items():
        shape = shapes[parameter] = parameter.partial_shape
        shape[axis] = batch_size
    model.reshape_parameters(shapes)
