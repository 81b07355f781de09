"""Small real types are computed in f32."""

import numpy as np
import pytest

import ovlite
from ovlite import opset13 as ops
from ovlite.graph import Constant, Model
from ovlite.op import if_op
from ovlite.ops.interpreter import evaluate_model
from ovlite.passes.pipeline.precision import compute_in_f32
from ovlite.types import Type

from .support import Array, model_of, node_of, parameter, random, types


def element_types(model: Model) -> set[str]:
    return {output.element_type.name for node in model.get_ordered_ops() for output in node.outputs()}


@pytest.mark.parametrize("kind", ["f16", "bf16"])
def test_every_tensor_becomes_f32(kind: str) -> None:
    x = parameter(2, 3, dtype=Type._named(kind))
    words = random(3, 4).view(np.uint32) >> 16
    stored = random(3, 4).astype(np.float16) if kind == "f16" else words.astype(np.uint16).view(np.float16)
    weights = Constant.of(stored, Type._named(kind))
    y = ops.convert(ops.relu(ops.matmul(x, weights, False, False)), kind)
    model = model_of(y, x)
    assert element_types(model) == {kind}
    compute_in_f32(model)
    assert element_types(model) == {"f32"}
    assert types(model) == ["MatMul", "Relu", "Convert"]


def test_values_of_constants_are_kept() -> None:
    x = parameter(3, dtype=np.float16)
    weights = random(3).astype(np.float16)
    model = model_of(ops.multiply(x, weights), x)
    compute_in_f32(model)
    constant = node_of(model, "Multiply").sources[1].node
    assert constant.array.dtype == np.float32
    np.testing.assert_array_equal(constant.array, weights.astype(np.float32))


@pytest.mark.parametrize("kind", ["f32", "f64", "i32", "i64", "u8", "boolean"])
def test_all_other_types_stay(kind: str) -> None:
    x = parameter(2, 3, dtype=Type._named(kind))
    model = model_of(ops.reshape(x, [3, 2], False), x)
    before = element_types(model)
    compute_in_f32(model)
    assert element_types(model) == before


def test_bodies_of_a_choice_change_with_their_inputs() -> None:
    x = parameter(3, dtype=np.float16)
    bodies = []
    for make in (ops.relu, ops.negative):
        inner = parameter(3, dtype=np.float16)
        bodies.append(model_of(make(inner), inner))
    cond = parameter(dtype=bool)
    choice = if_op(cond)
    choice.set_then_body(bodies[0])
    choice.set_else_body(bodies[1])
    choice.set_input(x.output(0), bodies[0].parameters[0], bodies[1].parameters[0])
    y = choice.set_output(bodies[0].results[0], bodies[1].results[0])
    model = Model([y], [x, cond], "choice")
    compute_in_f32(model)
    assert element_types(model) == {"f32", "boolean"}
    arrays: list[Array] = [np.array([-1, 0, 2], np.float32), np.array(False)]
    np.testing.assert_array_equal(evaluate_model(model, arrays)[0], [1, 0, -2])


def test_outputs_have_the_type_that_the_model_says() -> None:
    x = parameter(2, 3, dtype=np.float16)
    model = model_of(ops.sqrt(ops.abs(x)), x)
    array = random(2, 3).astype(np.float16)
    found = ovlite.compile_model(model)(array)[0]
    assert found.dtype == np.float16
    np.testing.assert_array_equal(found, np.sqrt(np.abs(array.astype(np.float32))).astype(np.float16))
