"""Residual additions and activations behind matrix operators."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ovlite
from ovlite import opset13 as ops
from ovlite.graph import Model
from ovlite.ops.interpreter import evaluate_model
from ovlite.passes.pipeline.epilogues import fuse_epilogues

from .support import inputs_of, model_of, node_of, parameter, random, rewritten, types

Make = Callable[[Any], Any]


def product(x: Any, columns: int = 5) -> Any:
    return ops.matmul(x, random(5, columns), False, False)


def fused_op(model: Model) -> Any:
    return node_of(model, "Fused").op


ACTIVATIONS: dict[str, tuple[Make, str]] = {
    "relu": (ops.relu, "clamp"),
    "clamp": (lambda x: ops.clamp(x, -1, 2), "clamp"),
    "sigmoid": (ops.sigmoid, "sigmoid"),
    "tanh": (ops.tanh, "tanh"),
    "elu": (lambda x: ops.elu(x, 0.5), "elu"),
    "hswish": (ops.hswish, "hard_swish"),
    "hsigmoid": (ops.hsigmoid, "hard_sigmoid"),
    "hard sigmoid": (lambda x: ops.hard_sigmoid(x, np.float32(0.3), np.float32(0.4)), "hard_sigmoid"),
    "swish": (ops.swish, "swish"),
    "swish with beta": (lambda x: ops.swish(x, np.float32(0.7)), "swish"),
    "mish": (ops.mish, "mish"),
    "softplus": (ops.softplus, "softplus"),
    "gelu": (lambda x: ops.gelu(x, "ERF"), "gelu_erf"),
    "gelu by tanh": (lambda x: ops.gelu(x, "TANH"), "gelu_tanh"),
    "one slope": (lambda x: ops.prelu(x, np.array([0.1], np.float32)), "leaky_relu"),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_is_fused(name: str) -> None:
    make, kind = ACTIVATIONS[name]
    x = parameter(2, 5)
    changed = rewritten(model_of(make(product(x)), x), fuse_epilogues)
    assert types(changed) == ["Fused"]
    assert fused_op(changed).activation.kind == kind


def test_residual_and_activation_are_fused() -> None:
    x = parameter(2, 5)
    changed = rewritten(model_of(ops.relu(ops.add(x, product(x))), x), fuse_epilogues)
    assert types(changed) == ["Fused"]
    assert fused_op(changed).residual and fused_op(changed).activation is not None


def test_later_of_two_products_takes_the_earlier_one() -> None:
    x = parameter(2, 5)
    changed = rewritten(model_of(ops.tanh(ops.add(product(x), product(ops.relu(x)))), x), fuse_epilogues)
    assert sorted(types(changed)) == ["Fused", "MatMul", "Relu"]


def test_chain_of_residual_blocks() -> None:
    x = parameter(-1, 5)
    y = ops.relu(ops.add(product(ops.relu(product(x))), x))
    y = ops.relu(ops.add(product(ops.relu(product(y))), y))
    assert types(rewritten(model_of(y, x), fuse_epilogues)) == ["Fused"] * 4


def test_residual_that_needs_the_product_makes_no_cycle() -> None:
    x = parameter(2, 5)
    y = product(x)
    changed = rewritten(model_of(ops.add(y, ops.sigmoid(y)), x), fuse_epilogues)
    assert types(changed) == ["MatMul", "Sigmoid", "Add"]


STAYS: dict[str, Make] = {
    "sum with itself": lambda x: _twice(product(x)),
    "a slope an element": lambda x: ops.prelu(product(x), random(2, 5)),
    "a slope a channel": lambda x: ops.prelu(product(x), random(5)),
    "beta by input": lambda x: ops.swish(product(x), ops.reduce_sum(x, np.array([0, 1]))),
    "an exponential": lambda x: ops.exp(product(x)),
    "as a slope": lambda x: ops.prelu(x, product(x)),
    "as a bound": lambda x: ops.maximum(x, product(x)),
    "smaller residual": lambda x: ops.add(product(x), ops.reduce_sum(x, np.array([0]), True)),
    "larger residual": lambda x: ops.add(product(x), ops.unsqueeze(x, np.array([0]))),
    "difference": lambda x: ops.subtract(x, product(x)),
}


def _twice(y: Any) -> Any:
    return ops.add(y, y)


@pytest.mark.parametrize("name", STAYS)
def test_what_no_kernel_applies_stays(name: str) -> None:
    x = parameter(2, 5)
    model = model_of(STAYS[name](x), x)
    assert types(rewritten(model, fuse_epilogues)) == types(model)


def test_values_that_others_read_stay() -> None:
    x = parameter(2, 5)
    y = product(x)
    changed = rewritten(model_of([ops.relu(y), ops.sigmoid(y)], x), fuse_epilogues)
    assert sorted(types(changed)) == ["MatMul", "Relu", "Sigmoid"]
    total = ops.add(product(x), x)
    changed = rewritten(model_of([ops.relu(total), total], x), fuse_epilogues)
    assert sorted(types(changed)) == ["Fused", "Relu"]
    assert fused_op(changed).activation is None


def test_other_element_types_stay() -> None:
    x = parameter(2, 5, dtype=np.float64)
    model = model_of(ops.relu(ops.matmul(x, np.ones((5, 3)), False, False)), x)
    fuse_epilogues(model)
    assert types(model) == ["MatMul", "Relu"]


def matrices(*dims: int) -> tuple[Model, Any, Any]:
    x, z = parameter(dims[0], 5), parameter(dims[1], 5)
    return model_of(ops.relu(ops.add(product(x), z)), x, z), x, z


@pytest.mark.parametrize("lengths", [(1, 4), (4, 1), (4, 4), (1, 1), (0, 1)])
def test_dynamic_residual_may_broadcast_either_way(lengths: tuple[int, int]) -> None:
    model, *_ = matrices(-1, -1)
    arrays = [random(length, 5, seed=i) for i, length in enumerate(lengths)]
    rewritten(model, fuse_epilogues, inputs=arrays)
    (expected,) = evaluate_model(model, arrays)
    found = ovlite.compile_model(model)(arrays)[0]
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("residual", [(3, 4, 6, 5), (1, 4, 6, 5), (1, 4, 1, 5), (3, 4, 1, 1)])
@pytest.mark.parametrize("x", [(3, 2, 6, 5), (1, 2, 6, 5), (1, 2, 1, 5)])
@pytest.mark.parametrize("kind", ["convolution", "transposed"])
def test_dynamic_residual_of_images_may_broadcast_either_way(
    kind: str, x: tuple[int, ...], residual: tuple[int, ...]
) -> None:
    images, other = parameter(-1, 2, -1, -1), parameter(-1, 4, -1, -1)
    ones = [1, 1]
    if kind == "convolution":
        branch = ops.convolution(other, random(4, 4, 3, 3), ones, ones, ones, ones)
        y = ops.convolution(images, random(4, 2, 3, 3), ones, ones, ones, ones)
    else:
        branch = other
        y = ops.convolution_backprop_data(images, random(2, 4, 3, 3), ones, pads_begin=ones, pads_end=ones)
    model = model_of(ops.relu(ops.add(branch, y)), images, other)
    arrays = [random(*x), random(*residual, seed=1)]
    changed = rewritten(model, fuse_epilogues, inputs=arrays)
    assert "Fused" in types(changed)
    (expected,) = evaluate_model(model, arrays)
    found = ovlite.compile_model(model)(arrays)[0]
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def check_compiled(model: Model) -> None:
    arrays = inputs_of(model)
    (expected,) = evaluate_model(model, arrays)
    found = ovlite.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(arrays)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def image(x: Any) -> Any:
    """A convolution's output, whose channels lie side by side."""
    return ops.convolution(x, random(3, 3, 1, 1), [1, 1], [0, 0], [0, 0], [1, 1])


def test_product_of_matrices_takes_an_image_as_residual() -> None:
    x = parameter(2, 3, 4, 5)
    model = model_of(ops.relu(ops.add(image(x), product(ops.tanh(x)))), x)
    assert types(rewritten(model, fuse_epilogues)).count("Add") == 0
    check_compiled(model)


def test_convolution_takes_a_product_of_matrices_as_residual() -> None:
    x = parameter(2, 3, 4, 5)
    model = model_of(ops.relu(ops.add(product(x), image(ops.tanh(x)))), x)
    assert types(rewritten(model, fuse_epilogues)).count("Add") == 0
    check_compiled(model)


def test_product_of_vectors_takes_a_number_as_residual() -> None:
    x, z = parameter(5), parameter()
    model = model_of(ops.relu(ops.add(ops.matmul(x, random(5), False, False), z)), x, z)
    check_compiled(model)
