"""Nodes that change nothing, and batch normalization."""

import numpy as np
import pytest

from ovlite import opset13 as ops
from ovlite.passes.pipeline import run_passes
from ovlite.passes.pipeline.simplify import simplify

from .support import model_of, node_of, parameter, random, rewritten, types


def test_conversion_to_the_same_type_is_dropped() -> None:
    x = parameter(2, 3)
    assert types(rewritten(model_of(ops.relu(ops.convert(x, "f32")), x), simplify)) == ["Relu"]
    assert types(rewritten(model_of(ops.relu(ops.convert_like(x, random(1))), x), simplify)) == ["Relu"]


def test_conversion_to_another_type_stays() -> None:
    x = parameter(2, 3)
    assert types(rewritten(model_of(ops.convert(x, "i32"), x), simplify)) == ["Convert"]


def test_an_input_that_is_the_output_stays_one() -> None:
    x = parameter(2, 3)
    changed = rewritten(model_of(ops.reshape(x, [2, 3], False), x), simplify)
    assert types(changed) == []
    assert changed.results[0].sources[0].node is changed.parameters[0]


@pytest.mark.parametrize(
    ("make", "left"),
    [
        (lambda x: ops.reshape(x, [2, 3], False), []),
        (lambda x: ops.reshape(x, [3, 2], False), ["Reshape"]),
        (lambda x: ops.broadcast(x, [2, 3]), []),
        (lambda x: ops.broadcast(x, [4, 2, 3]), ["Broadcast"]),
        (lambda x: ops.tile(x, [1, 1]), []),
        (lambda x: ops.tile(x, [1, 2]), ["Tile"]),
        (lambda x: ops.transpose(x, [0, 1]), []),
        (lambda x: ops.transpose(x, [1, 0]), ["Transpose"]),
        (lambda x: ops.transpose(x, np.zeros(0, np.int64)), ["Transpose"]),
    ],
    ids=range(9),
)
def test_what_keeps_the_shape_is_dropped(make: object, left: list[str]) -> None:
    x = parameter(2, 3)
    assert types(rewritten(model_of(ops.relu(make(x)), x), simplify)) == [*left, "Relu"]  # type: ignore[operator]


@pytest.mark.parametrize("make", [lambda x: ops.reshape(x, [-1, 3], False), lambda x: ops.tile(x, [1, 1])])
def test_dynamic_shapes_are_left_alone(make: object) -> None:
    x = parameter(-1, 3)
    assert len(types(rewritten(model_of(ops.relu(make(x)), x), simplify))) == 2  # type: ignore[operator]


def test_a_square_that_is_reshaped_is_not_a_transpose() -> None:
    x = parameter(3, 3)
    assert types(rewritten(model_of(ops.transpose(x, [1, 0]), x), simplify)) == ["Transpose"]


def test_transposes_are_composed() -> None:
    x = parameter(2, 3, 4)
    twice = ops.transpose(ops.transpose(x, [1, 2, 0]), [0, 2, 1])
    changed = rewritten(model_of(twice, x), simplify)
    assert types(changed) == ["Transpose"]
    assert list(node_of(changed, "Transpose").sources[1].node.array) == [1, 0, 2]


def test_transposes_that_undo_each_other_are_dropped() -> None:
    x = parameter(-1, 3, 4, 5)
    there = ops.relu(ops.transpose(x, [0, 2, 3, 1]))
    undone = ops.transpose(ops.transpose(there, [0, 3, 1, 2]), [0, 2, 3, 1])
    assert types(rewritten(model_of(ops.relu(undone), x), simplify)) == ["Transpose", "Relu", "Relu"]


def test_a_transpose_with_another_reader_stays_for_it() -> None:
    x = parameter(2, 3, 4)
    once = ops.transpose(x, [1, 2, 0])
    changed = rewritten(model_of([ops.transpose(once, [0, 2, 1]), ops.relu(once)], x), simplify)
    assert sorted(types(changed)) == ["Relu", "Transpose", "Transpose"]


def batch_norm(x: object, channels: int) -> object:
    gamma, beta, mean = (random(channels, seed=seed) for seed in range(3))
    return ops.batch_norm_inference(x, gamma, beta, mean, np.abs(random(channels, seed=3)) + 0.1, 1e-3)


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), (-1, 3, -1, -1), (1, 3, 1, 2, 2)])
def test_batch_normalization_is_a_product_and_a_sum(shape: tuple[int, ...]) -> None:
    x = parameter(*shape)
    assert types(rewritten(model_of(batch_norm(x, 3), x), simplify)) == ["Multiply", "Add"]


def test_batch_normalization_by_inputs_stays() -> None:
    x, gamma = parameter(2, 3, 4), parameter(3)
    node = ops.batch_norm_inference(x, gamma, random(3), random(3), np.ones(3, np.float32), 1e-3)
    assert types(rewritten(model_of(node, x, gamma), simplify)) == ["BatchNormInference"]


@pytest.mark.parametrize("right", [(3,), (3, 1, 1), (2, 3), (2, 3, 4)])
def test_broadcasts_from_the_front_become_those_from_the_back(right: tuple[int, ...]) -> None:
    """Paddle's rule aligns the right operand at the left one's first axis."""
    length = right if right != (3,) else (2,)
    x = parameter(2, 3, 4) if right != (3, 1, 1) else parameter(3, 2, 4)
    model = model_of(ops.subtract(x, random(*length), auto_broadcast="PDPD"), x)
    changed = rewritten(model, simplify)
    assert node_of(changed, "Subtract").op.attributes()["auto_broadcast"] == "numpy"
    rewritten(model, run_passes)


def test_condition_of_a_choice_is_aligned_with_what_it_chooses_from() -> None:
    x, cond = parameter(2, 3), parameter(2, dtype=bool)
    model = model_of(ops.select(cond, x, np.float32(0), auto_broadcast="pdpd"), x, cond)
    changed = rewritten(model, run_passes, inputs=[random(2, 3), np.array([True, False])])
    assert node_of(changed, "Select").op.attributes()["auto_broadcast"] == "numpy"


def test_paddle_sums_do_not_become_biases_of_columns() -> None:
    x = parameter(4, 8)
    product = ops.matmul(x, random(8, 4), False, False)
    model = model_of(ops.add(product, random(4), auto_broadcast="PDPD"), x)
    rewritten(model, run_passes)
