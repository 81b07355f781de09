"""Weights of products, rounded to 8 bits with a scale for each output channel."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import opset13
from ..graph import Constant, Model, Node

ops: Any = opset13

SMALLEST = 1024  # elements; what smaller weights would save is not worth their rounding
# By type of the operator that reads the weights as its second input, the axis of their output channels.
CHANNELS = {"Convolution": 0, "GroupConvolution": 1, "ConvolutionBackpropData": 1}


def compress_to_int8(model: Model) -> int:
    """Replaces f32 weights of products by i8 ones, which are converted and scaled; returns how many.

    Each channel's largest magnitude becomes 127, and zero stays zero.
    """
    count = 0
    for node in model.get_ordered_ops():
        axis = _channel_axis(node)
        source = node.input_value(1) if axis is not None else None
        weights = None if source is None else source.get_node()
        if not isinstance(weights, Constant) or weights.output(0).element_type.name != "f32":
            continue
        array = np.asarray(weights.data)
        if array.size < SMALLEST or not np.isfinite(array).all():
            continue
        node.input(1).replace_source_output(_scaled(array, axis, weights.friendly_name))
        count += 1
    model.validate_nodes_and_infer_types()
    return count


def _channel_axis(node: Node) -> int | None:
    if node.get_type_name() == "MatMul":
        rank = len(node.input_value(1).partial_shape) if node.input_value(1).partial_shape.has_rank else 0
        transposed = node.get_attributes()["transpose_b"]
        return None if rank < 2 else rank - 2 if transposed else rank - 1
    return CHANNELS.get(node.get_type_name())


def _scaled(array: Any, axis: Any, name: str) -> Any:
    others = tuple(place for place in range(array.ndim) if place != axis % array.ndim)
    if array.ndim == 5:  # of a group convolution: groups have channels of their own
        others = tuple(place for place in others if place != 0)
    largest = np.abs(array).max(axis=others, keepdims=True)
    scale = np.where(largest == 0, 1, largest / 127).astype(np.float32)
    rounded = np.clip(np.rint(array / scale), -127, 127).astype(np.int8)
    stored = ops.constant(rounded, name=f"{name}/i8")
    return ops.multiply(ops.convert(stored, np.float32), scale, name=name).output(0)
