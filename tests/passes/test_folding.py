"""Constant folding."""

import numpy as np

from ovlite import opset13 as ops
from ovlite.passes.pipeline.folding import fold_constants

from .support import model_of, node_of, parameter, random, rewritten, types


def test_what_follows_from_constants_is_computed() -> None:
    x = parameter(2, 3)
    weights = ops.multiply(ops.transpose(ops.constant(random(3, 2)), [1, 0]), np.float32(2))
    model = model_of(ops.add(x, weights), x)
    assert types(rewritten(model, fold_constants)) == ["Add"]


def test_every_output_of_a_folded_node_is_replaced() -> None:
    x = parameter(2, 2)
    first, second = ops.split(ops.constant(random(4, 2)), 0, 2).outputs()
    changed = rewritten(model_of([ops.add(x, first), ops.subtract(x, second)], x), fold_constants)
    assert types(changed) == ["Add", "Subtract"]


def test_static_shapes_are_constant() -> None:
    x = parameter(2, 3)
    changed = rewritten(model_of(ops.reshape(x, ops.shape_of(ops.relu(x)), False), x), fold_constants)
    assert types(changed) == ["Reshape"]


def test_dynamic_shapes_are_not() -> None:
    x = parameter(-1, 3)
    changed = rewritten(model_of(ops.shape_of(x), x), fold_constants)
    assert types(changed) == ["ShapeOf"]


def test_shape_arithmetic_folds_as_far_as_dimensions_are_known() -> None:
    """The channels of [?,3,?,?] are known although the shape is not."""
    x = parameter(-1, 3, -1, -1)
    channels = ops.gather(ops.shape_of(x), np.array([1]), np.array(0))
    changed = rewritten(model_of(ops.multiply(channels, np.array([2], np.int64)), x), fold_constants)
    assert types(changed) == []
    assert list(changed.results[0].sources[0].node.array) == [6]


def test_random_numbers_are_drawn_anew() -> None:
    low, high = np.float32(0), np.float32(1)
    numbers = ops.random_uniform(np.array([2, 3]), low, high, "f32")
    x = parameter(2, 3)
    model = model_of(ops.add(x, numbers), x)
    fold_constants(model)
    assert types(model) == ["RandomUniform", "Add"]


def test_what_reads_an_input_stays() -> None:
    x = parameter(2, 3)
    changed = rewritten(model_of(ops.add(ops.multiply(x, np.float32(0)), np.float32(1)), x), fold_constants)
    assert types(changed) == ["Multiply", "Add"]


def test_strings_and_empty_tensors() -> None:
    x = parameter(0, 3)
    empty = ops.add(ops.constant(np.zeros((0, 3), np.float32)), np.float32(1))
    assert types(rewritten(model_of(ops.add(x, empty), x), fold_constants)) == ["Add"]


def test_scalars_keep_their_rank() -> None:
    x = parameter()
    changed = rewritten(model_of(ops.add(x, ops.negative(np.float32(3))), x), fold_constants)
    constant = node_of(changed, "Add").sources[1]
    assert tuple(constant.shape) == ()
