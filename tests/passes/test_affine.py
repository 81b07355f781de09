"""Scales and shifts behind matrix operators."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ovlite import opset13 as ops
from ovlite.passes.pipeline.affine import fold_affine

from .support import model_of, node_of, parameter, random, rewritten, types

CHANNELS = 4


def convolution(x: Any) -> Any:
    return ops.convolution(x, random(CHANNELS, 3, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])


def grouped(x: Any) -> Any:
    return ops.group_convolution(x, random(3, CHANNELS // 4, 1, 3, 3), [1, 1], [0, 0], [0, 0], [1, 1])


def transposed(x: Any) -> Any:
    return ops.convolution_backprop_data(x, random(3, CHANNELS, 2, 2), [2, 2])


def transposed_groups(x: Any) -> Any:
    return ops.group_convolution_backprop_data(x, random(3, 1, 2, 2, 2), [2, 2])


OPERATORS = {
    "convolution": (convolution, CHANNELS),
    "grouped": (grouped, 3),
    "transposed": (transposed, CHANNELS),
    "transposed groups": (transposed_groups, 6),
}


def images(dynamic: bool = False) -> Any:
    return parameter(*((-1, 3, -1, -1) if dynamic else (2, 3, 5, 4)))


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("kind", OPERATORS)
def test_chain_of_channels_becomes_weights_and_bias(kind: str, dynamic: bool) -> None:
    make, channels = OPERATORS[kind]
    x = images(dynamic)
    y = ops.multiply(make(x), random(1, channels, 1, 1, seed=1))
    y = ops.add(random(channels, 1, 1, seed=2), y)
    y = ops.divide(y, np.float32(3))
    y = ops.subtract(y, random(1, channels, 1, 1, seed=3))
    y = ops.subtract(np.float32(0.5), y)
    changed = rewritten(model_of(y, x), fold_affine)
    assert types(changed) == ["Fused"]
    assert node_of(changed, "Fused").op.bias


@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize("shape", [(2, 5), (-1, 3, 5), (5,)])
def test_columns_of_a_matrix_product(shape: tuple[int, ...], transpose_b: bool) -> None:
    x = parameter(*shape)
    weights = random(CHANNELS, 5) if transpose_b else random(5, CHANNELS)
    y = ops.add(ops.multiply(ops.matmul(x, weights, False, transpose_b), random(CHANNELS)), np.float32(1))
    model = model_of(y, x)
    assert types(rewritten(model, fold_affine)) == (["Fused"] if len(shape) > 1 else types(model))


def test_transposed_left_operand() -> None:
    x = parameter(5, 2)
    y = ops.add(ops.matmul(x, random(5, CHANNELS), True, False), random(CHANNELS))
    assert types(rewritten(model_of(y, x), fold_affine)) == ["Fused"]


def test_scale_alone_makes_no_bias() -> None:
    x = images()
    changed = rewritten(model_of(ops.multiply(convolution(x), np.float32(2)), x), fold_affine)
    assert not node_of(changed, "Fused").op.bias


def test_shared_weights_are_scaled_for_one_reader_only() -> None:
    x, weights = parameter(2, 5), ops.constant(random(5, 4))
    first, second = (ops.matmul(x, weights, False, False) for _ in range(2))
    changed = rewritten(model_of([ops.multiply(first, np.float32(3)), ops.relu(second)], x), fold_affine)
    assert sorted(types(changed)) == ["Fused", "MatMul", "Relu"]


def test_stops_at_a_value_that_others_read() -> None:
    x = images()
    scaled = ops.multiply(convolution(x), np.float32(2))
    changed = rewritten(model_of([ops.add(scaled, np.float32(1)), ops.relu(scaled)], x), fold_affine)
    assert sorted(types(changed)) == ["Add", "Fused", "Relu"]


def test_stops_at_an_output_of_the_model() -> None:
    x = images()
    y = convolution(x)
    changed = rewritten(model_of([y, ops.add(y, np.float32(1))], x), fold_affine)
    assert sorted(types(changed)) == ["Add", "Convolution"]


def test_two_in_a_row_each_keep_theirs() -> None:
    x = parameter(2, 5)
    first = ops.add(ops.matmul(x, random(5, 5), False, False), random(5))
    second = ops.multiply(ops.matmul(first, random(5, 3), False, False), random(3))
    assert types(rewritten(model_of(second, x), fold_affine)) == ["Fused", "Fused"]


Follower = Callable[[Any], Any]
STOPS: dict[str, Follower] = {
    "a value an element": lambda y: ops.add(y, random(2, CHANNELS, 5, 4)),
    "a value a row": lambda y: ops.add(y, random(5, 1)),
    "a value a column": lambda y: ops.multiply(y, random(4)),
    "a value an image": lambda y: ops.multiply(y, random(2, 1, 1, 1)),
    "more axes": lambda y: ops.add(y, random(1, 1, CHANNELS, 1, 1)),
    "its square": lambda y: ops.multiply(y, y),
    "as a divisor": lambda y: ops.divide(np.float32(1), y),
    "a division by zero": lambda y: ops.divide(y, np.array([1, 2, 0, 1], np.float32).reshape(1, CHANNELS, 1, 1)),
    "an infinite scale": lambda y: ops.multiply(y, np.float32(np.inf)),
    "a scale that overflows": lambda y: ops.multiply(ops.multiply(y, np.float32(1e30)), np.float32(1e30)),
    "a power": lambda y: ops.power(y, np.float32(2)),
}


@pytest.mark.parametrize("follower", STOPS)
def test_what_is_no_scale_or_shift_of_channels_stays(follower: str) -> None:
    x = images()
    model = model_of(STOPS[follower](convolution(x)), x)
    assert types(rewritten(model, fold_affine)) == types(model)


def test_channel_shift_of_a_product_over_rows_stays() -> None:
    """Behind MatMul the channels are the last axis, not axis 1."""
    x = parameter(2, CHANNELS, 5)
    y = ops.matmul(x, random(5, 3), False, False)
    changed = rewritten(model_of(ops.add(y, random(1, CHANNELS, 1)), x), fold_affine)
    assert types(changed) == ["MatMul", "Add"]


def test_one_channel_stretched_to_several_stays() -> None:
    x = parameter(2, 5)
    y = ops.matmul(x, random(5, 1), False, False)
    assert types(rewritten(model_of(ops.add(y, random(3)), x), fold_affine)) == ["MatMul", "Add"]


def test_weights_by_input_stay() -> None:
    x, weights = parameter(2, 5), parameter(5, 4)
    y = ops.add(ops.matmul(x, weights, False, False), random(4))
    assert types(rewritten(model_of(y, x, weights), fold_affine)) == ["MatMul", "Add"]


def test_stacks_of_matrices_stay() -> None:
    x = parameter(3, 2, 5)
    y = ops.add(ops.matmul(x, random(3, 5, 4), False, False), random(4))
    assert types(rewritten(model_of(y, x), fold_affine)) == ["MatMul", "Add"]


def test_small_scales_do_not_lose_what_others_add() -> None:
    """A chain of a tiny and a huge factor is one factor, exact in f64."""
    x = images()
    y = ops.multiply(ops.multiply(convolution(x), np.float32(1e-30)), np.float32(1e30))
    assert types(rewritten(model_of(y, x), fold_affine)) == ["Fused"]
