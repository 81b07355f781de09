"""Activations that are spelled out."""

import math

import numpy as np
import pytest

from ovlite import opset13 as ops
from ovlite.passes.pipeline.activations import recognize_activations

from .support import model_of, parameter, rewritten, types


def gate(x: object) -> object:
    """clamp(x + 3, 0, 6)."""
    return ops.clamp(ops.add(x, np.float32(3)), 0, 6)


def erf_gate(x: object, divisor: float = math.sqrt(2)) -> object:
    """1 + erf(x / sqrt 2)."""
    return ops.add(ops.erf(ops.divide(x, np.float32(divisor))), np.float32(1))


SPELLINGS = {
    "swish": (lambda x: ops.multiply(x, ops.sigmoid(x)), "Swish"),
    "swish, turned": (lambda x: ops.multiply(ops.sigmoid(x), x), "Swish"),
    "hard swish, product first": (lambda x: ops.divide(ops.multiply(x, gate(x)), np.float32(6)), "HSwish"),
    "hard swish, gate divided": (lambda x: ops.multiply(x, ops.divide(gate(x), np.float32(6))), "HSwish"),
    "hard swish, sixth": (lambda x: ops.multiply(ops.multiply(x, gate(x)), np.float32(1 / 6)), "HSwish"),
    "hard swish, sixth of x": (lambda x: ops.multiply(ops.multiply(x, np.float32(1 / 6)), gate(x)), "HSwish"),
    "gelu, half last": (lambda x: ops.multiply(ops.multiply(x, erf_gate(x)), np.float32(0.5)), "Gelu"),
    "gelu, half first": (lambda x: ops.multiply(ops.multiply(np.float32(0.5), x), erf_gate(x)), "Gelu"),
    "gelu, by product": (
        lambda x: ops.multiply(
            ops.multiply(x, np.float32(0.5)),
            ops.add(ops.erf(ops.multiply(x, np.float32(math.sqrt(0.5)))), np.float32(1)),
        ),
        "Gelu",
    ),
}


CUBIC, ROOT = np.float32(0.044715), np.float32(math.sqrt(2 / math.pi))


def power(x: object) -> object:
    return ops.multiply(ops.power(x, np.float32(3)), CUBIC)


def products(x: object) -> object:
    return ops.multiply(ops.multiply(ops.multiply(CUBIC, x), x), x)


TANH_SPELLINGS = {
    "a power": lambda x: ops.multiply(ROOT, ops.add(x, power(x))),
    "products": lambda x: ops.multiply(ops.add(products(x), x), ROOT),
    "x in front": lambda x: ops.multiply(
        ops.multiply(x, ROOT), ops.add(ops.multiply(ops.multiply(CUBIC, x), x), np.float32(1))
    ),
}


@pytest.mark.parametrize("spelling", TANH_SPELLINGS)
def test_gelu_by_tanh(spelling: str) -> None:
    x = parameter(2, -1, 4)
    gate = ops.add(ops.tanh(TANH_SPELLINGS[spelling](x)), np.float32(1))
    changed = rewritten(model_of(ops.multiply(ops.multiply(x, np.float32(0.5)), gate), x), recognize_activations)
    assert types(changed) == ["Gelu"]
    (node,) = [node for node in changed.get_ordered_ops() if node.op.type == "Gelu"]
    assert node.op.attributes()["approximation_mode"] == "tanh"


@pytest.mark.parametrize("cubic", [0.05, 0.044715])
def test_what_looks_like_gelu_by_tanh_stays(cubic: float) -> None:
    x, other = parameter(2, 4), parameter(2, 4)
    base = x if cubic == 0.05 else other
    inner = ops.add(x, ops.multiply(ops.power(base, np.float32(3)), np.float32(cubic)))
    gate = ops.add(ops.tanh(ops.multiply(inner, ROOT)), np.float32(1))
    model = model_of(ops.multiply(ops.multiply(x, np.float32(0.5)), gate), x, other)
    assert "Gelu" not in types(rewritten(model, recognize_activations))


@pytest.mark.parametrize("shape", [(2, 3, 4), (-1, 3), ()])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spelling_becomes_the_activation(spelling: str, shape: tuple[int, ...]) -> None:
    make, kind = SPELLINGS[spelling]
    x = parameter(*shape)
    assert types(rewritten(model_of(make(x), x), recognize_activations)) == [kind]


def test_scalar_of_higher_rank_keeps_the_shape() -> None:
    """x * clamp(x + 3, 0, 6) / [[6]] has one more axis than x."""
    x = parameter(3)
    model = model_of(ops.divide(ops.multiply(x, gate(x)), np.full((1, 1), 6, np.float32)), x)
    assert "HSwish" not in types(rewritten(model, recognize_activations))


def test_activation_inside_keeps_other_readers() -> None:
    x = parameter(2, 3)
    s = ops.sigmoid(x)
    changed = rewritten(model_of([ops.multiply(x, s), ops.relu(s)], x), recognize_activations)
    assert sorted(types(changed)) == ["Relu", "Sigmoid", "Swish"]


OTHERS = {
    "gate of another tensor": lambda x, z: ops.multiply(x, ops.sigmoid(z)),
    "sigmoid scaled": lambda x, z: ops.multiply(x, ops.multiply(ops.sigmoid(x), np.float32(2))),
    "scale an element": lambda x, z: ops.multiply(ops.multiply(x, gate(x)), np.full((2, 3), 1 / 6, np.float32)),
    "hard gate of another tensor": lambda x, z: ops.divide(ops.multiply(x, gate(z)), np.float32(6)),
    "other divisor": lambda x, z: ops.divide(ops.multiply(x, gate(x)), np.float32(5)),
    "nearly a sixth": lambda x, z: ops.multiply(ops.multiply(x, gate(x)), np.float32(0.16667)),
    "other shift": lambda x, z: ops.divide(ops.multiply(x, ops.clamp(ops.add(x, np.float32(2)), 0, 6)), np.float32(6)),
    "shift an element": lambda x, z: ops.divide(
        ops.multiply(x, ops.clamp(ops.add(x, np.array([3, 3, 2], np.float32)), 0, 6)), np.float32(6)
    ),
    "other limits": lambda x, z: ops.divide(ops.multiply(x, ops.clamp(ops.add(x, np.float32(3)), 0, 5)), np.float32(6)),
    "divided by x": lambda x, z: ops.divide(np.float32(6), ops.multiply(x, gate(x))),
    "x to the third": lambda x, z: ops.multiply(ops.multiply(x, x), ops.sigmoid(x)),
    "other root": lambda x, z: ops.multiply(ops.multiply(x, erf_gate(x, 1.5)), np.float32(0.5)),
    "whole gelu": lambda x, z: ops.multiply(x, erf_gate(x)),
}


@pytest.mark.parametrize("spelling", OTHERS)
def test_what_only_looks_like_one_stays(spelling: str) -> None:
    x, z = parameter(2, 3), parameter(2, 3)
    model = model_of(ops.add(OTHERS[spelling](x, z), z), x, z)
    assert types(rewritten(model, recognize_activations)) == types(model)


def test_other_element_types_stay() -> None:
    x = parameter(2, 3, dtype=np.float64)
    model = model_of(ops.multiply(x, ops.sigmoid(x)), x)
    recognize_activations(model)
    assert types(model) == ["Sigmoid", "Multiply"]
