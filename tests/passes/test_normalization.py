"""Layer normalization that is spelled out."""

from typing import Any

import numpy as np
import pytest

from ovlite import opset13 as ops
from ovlite.passes.pipeline.normalization import recognize_normalization

from .support import model_of, node_of, parameter, random, rewritten, types

LENGTH = 6


def standardized(x: Any, axis: int = -1, power: bool = True, epsilon: float = 1e-5, spread: Any = None) -> Any:
    """(x - mean) / sqrt(variance + epsilon)."""
    centred = ops.subtract(x, ops.reduce_mean(x, np.array([axis]), True))
    base = centred if spread is None else spread
    squares = ops.power(base, np.float32(2)) if power else ops.multiply(base, base)
    variance = ops.reduce_mean(squares, np.array([axis]), True)
    return ops.divide(centred, ops.sqrt(ops.add(variance, np.float32(epsilon))))


def scaled(normal: Any, gamma: Any = None, beta: Any = None) -> Any:
    gamma = random(LENGTH, seed=1) if gamma is None else gamma
    beta = random(LENGTH, seed=2) if beta is None else beta
    return ops.add(ops.multiply(normal, gamma), beta)


@pytest.mark.parametrize("shape", [(2, LENGTH), (-1, 4, LENGTH), (LENGTH,)])
@pytest.mark.parametrize("power", [True, False])
def test_spelling_becomes_layer_normalization(shape: tuple[int, ...], power: bool) -> None:
    x = parameter(*shape)
    changed = rewritten(model_of(scaled(standardized(x, power=power)), x), recognize_normalization)
    assert types(changed) == ["LayerNorm"]
    assert node_of(changed, "LayerNorm").op.epsilon == pytest.approx(1e-5)


def test_positive_axis_and_turned_operands() -> None:
    x = parameter(2, 3, LENGTH)
    turned = ops.add(random(LENGTH, seed=2), ops.multiply(random(LENGTH, seed=1), standardized(x, axis=2)))
    assert types(rewritten(model_of(turned, x), recognize_normalization)) == ["LayerNorm"]


def test_mean_variance_normalization_is_one_too() -> None:
    x = parameter(2, 3, LENGTH)
    normal = ops.mvn(x, np.array([-1]), True, 1e-5, "inside_sqrt")
    assert types(rewritten(model_of(scaled(normal), x), recognize_normalization)) == ["LayerNorm"]


def test_parts_with_other_readers_stay_for_them() -> None:
    x = parameter(2, LENGTH)
    normal = standardized(x)
    changed = rewritten(model_of([scaled(normal), ops.relu(normal)], x), recognize_normalization)
    assert {"LayerNorm", "Divide", "Relu"} <= set(types(changed))


OTHERS = {
    "other axis": lambda x: scaled(standardized(x, axis=1)),
    "spread of x itself": lambda x: scaled(standardized(x, spread=x)),
    "gamma along another axis": lambda x: scaled(standardized(x), gamma=random(LENGTH, 1)),
    "gamma a value": lambda x: scaled(standardized(x), gamma=np.float32(2)),
    "beta an element": lambda x: scaled(standardized(x), beta=random(LENGTH, LENGTH)),
    "gamma of higher rank": lambda x: scaled(standardized(x), gamma=random(1, 1, 1, LENGTH)),
    "beta of higher rank": lambda x: scaled(standardized(x), beta=random(1, 1, 1, LENGTH)),
    "epsilon outside": lambda x: scaled(ops.mvn(x, np.array([-1]), True, 1e-2, "outside_sqrt")),
    "mean only": lambda x: scaled(ops.mvn(x, np.array([-1]), False, 1e-5, "inside_sqrt")),
    "two axes": lambda x: scaled(ops.mvn(x, np.array([1, 2]), True, 1e-5, "inside_sqrt")),
}


@pytest.mark.parametrize("spelling", OTHERS)
def test_what_only_looks_like_one_stays(spelling: str) -> None:
    x = parameter(2, LENGTH, LENGTH)
    model = model_of(OTHERS[spelling](x), x)
    assert "LayerNorm" not in types(rewritten(model, recognize_normalization))


def test_cube_of_the_difference_stays() -> None:
    x = parameter(2, LENGTH)
    centred = ops.subtract(x, ops.reduce_mean(x, np.array([-1]), True))
    third = ops.reduce_mean(ops.power(ops.abs(centred), np.float32(3)), np.array([-1]), True)
    model = model_of(scaled(ops.divide(centred, ops.sqrt(ops.add(third, np.float32(1))))), x)
    assert "LayerNorm" not in types(rewritten(model, recognize_normalization))


def test_dynamic_last_axis_stays() -> None:
    x = parameter(2, -1)
    model = model_of(scaled(standardized(x)), x)
    changed = rewritten(model, recognize_normalization, inputs=[random(2, LENGTH)])
    assert "LayerNorm" not in types(changed)


def root(x: Any, squares: Any = None, axis: int = -1) -> Any:
    """sqrt(mean of squares + epsilon)."""
    squares = ops.multiply(x, x) if squares is None else squares
    return ops.sqrt(ops.add(ops.reduce_mean(squares, np.array([axis]), True), np.float32(1e-6)))


ROOT_SPELLINGS = {
    "divided": lambda x: ops.divide(x, root(x)),
    "by a power": lambda x: ops.divide(x, root(x, ops.power(x, np.float32(2)))),
    "times the inverse": lambda x: ops.multiply(ops.divide(np.float32(1), root(x)), x),
    "to the power of -0.5": lambda x: ops.multiply(x, ops.power(root(x).input_value(0), np.float32(-0.5))),
    "by the power of 0.5": lambda x: ops.divide(x, ops.power(root(x).input_value(0), np.float32(0.5))),
}


@pytest.mark.parametrize("shape", [(2, LENGTH), (-1, 4, LENGTH), (LENGTH,)])
@pytest.mark.parametrize("spelling", ROOT_SPELLINGS)
def test_division_by_the_root_of_the_mean_of_squares(spelling: str, shape: tuple[int, ...]) -> None:
    x = parameter(*shape)
    for product in (ops.multiply, lambda a, b: ops.multiply(b, a)):
        model = model_of(product(ROOT_SPELLINGS[spelling](x), random(LENGTH, seed=1)), x)
        changed = rewritten(model, recognize_normalization)
        assert types(changed) == ["RMS"]
        assert node_of(changed, "RMS").op.epsilon == pytest.approx(1e-6)


OTHER_ROOTS = {
    "another axis": lambda x: ops.multiply(ops.divide(x, root(x, axis=1)), random(LENGTH)),
    "of another tensor": lambda x: ops.multiply(ops.divide(ops.relu(x), root(x)), random(LENGTH)),
    "of cubes": lambda x: ops.multiply(ops.divide(x, root(x, ops.power(x, np.float32(4)))), random(LENGTH)),
    "the root in front": lambda x: ops.multiply(ops.divide(root(x), x), random(LENGTH)),
    "a scale of rows": lambda x: ops.multiply(ops.divide(x, root(x)), random(LENGTH, 1)),
}


@pytest.mark.parametrize("case", OTHER_ROOTS)
def test_other_divisions_by_roots_stay(case: str) -> None:
    x = parameter(2, LENGTH, LENGTH)
    assert "RMS" not in types(rewritten(model_of(OTHER_ROOTS[case](x), x), recognize_normalization, tolerance=1e-5))
