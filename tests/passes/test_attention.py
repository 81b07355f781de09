"""Attention that is spelled out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ovlite import opset13 as ops
from ovlite.passes.pipeline.attention import recognize_attention

from .support import model_of, node_of, parameter, random, rewritten, types

HEADS, QUERIES, KEYS, SIZE = 3, 4, 5, 8
Q, K, V = (2, HEADS, QUERIES, SIZE), (2, HEADS, KEYS, SIZE), (2, HEADS, KEYS, 6)


def swapped(x: Any) -> Any:
    return ops.transpose(x, np.array([0, 1, 3, 2]))


def product(q: Any, k: Any) -> Any:
    return ops.matmul(q, k, False, True)


def finish(scores: Any, v: Any) -> Any:
    return ops.matmul(ops.softmax(scores, -1), v, False, False)


def halves(q: Any, k: Any) -> Any:
    """As torch scales: a root at each operand."""
    root = np.float32(SIZE**-0.25)
    return ops.matmul(ops.multiply(q, root), ops.multiply(swapped(k), root), False, False)


def joined(q: Any, k: Any) -> Any:
    """As torch swaps the axes of keys."""
    flat = ops.transpose(ops.reshape(k, np.array([-1, KEYS, SIZE]), False), np.array([0, 2, 1]))
    parted = ops.reshape(flat, np.array([-1, HEADS, SIZE, KEYS]), False)
    return ops.matmul(q, ops.multiply(parted, np.float32(0.5)), False, False)


SPELLINGS: dict[str, tuple[Callable[[Any, Any], Any], float]] = {
    "plain": (product, 1),
    "by Transpose": (lambda q, k: ops.matmul(q, swapped(k), False, False), 1),
    "divided": (lambda q, k: ops.divide(product(q, k), np.float32(4)), 0.25),
    "multiplied": (lambda q, k: ops.multiply(np.float32(0.25), product(q, k)), 0.25),
    "query scaled": (lambda q, k: product(ops.multiply(q, np.float32(0.25)), k), 0.25),
    "both scaled": (halves, SIZE**-0.5),
    "joined and parted": (joined, 0.5),
    "all transposed": (lambda q, k: ops.matmul(swapped(q), swapped(k), True, False), 1),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("batch", [2, -1])
def test_spellings(spelling: str, batch: int) -> None:
    spelled, scale = SPELLINGS[spelling]
    q, k, v = (parameter(batch, *shape[1:]) for shape in (Q, K, V))
    changed = rewritten(model_of(finish(spelled(q, k), v), q, k, v), recognize_attention)
    assert types(changed) == ["Attention"]
    assert node_of(changed, "Attention").op.scale == pytest.approx(scale)


def test_values_that_are_transposed_first() -> None:
    q, k, v = parameter(*Q), parameter(*K), parameter(2, HEADS, 6, KEYS)
    weights = ops.softmax(product(q, k), 3)
    changed = rewritten(model_of(ops.matmul(weights, v, False, True), q, k, v), recognize_attention)
    assert types(changed) == ["Transpose", "Attention"]


LEAST = np.float32(np.finfo(np.float32).min)
BOOLEANS = np.random.default_rng(0).integers(0, 2, (QUERIES, KEYS)) > 0
BOOLEANS[:, 0] = True
NUMBERS = random(HEADS, 1, KEYS)
MASKS: dict[str, Callable[[Any], Any]] = {
    "added": lambda scores: ops.add(scores, NUMBERS),
    "added in front": lambda scores: ops.add(NUMBERS, scores),
    "added twice": lambda scores: ops.add(ops.add(scores, NUMBERS), random(QUERIES, 1)),
    "chosen": lambda scores: ops.select(BOOLEANS, scores, LEAST),
    "chosen and added": lambda scores: ops.add(ops.select(BOOLEANS, scores, LEAST), NUMBERS),
    "scaled and added": lambda scores: ops.add(ops.divide(scores, np.float32(2)), NUMBERS),
    "a small number chosen": lambda scores: ops.select(BOOLEANS, scores, np.float32(-3)),
}


@pytest.mark.parametrize("mask", MASKS)
def test_masks(mask: str) -> None:
    q, k, v = parameter(*Q), parameter(*K), parameter(*V)
    changed = rewritten(model_of(finish(MASKS[mask](product(q, k)), v), q, k, v), recognize_attention)
    assert types(changed)[-1] == "Attention" and "Softmax" not in types(changed)


def test_rows_that_see_nothing_stay_what_the_model_says() -> None:
    """NaN by Softmax; zeros where a Select makes them of NaN."""
    q, k, v = parameter(*Q), parameter(*K), parameter(*V)
    hidden = BOOLEANS.copy()
    hidden[2] = False
    weights = ops.softmax(ops.select(hidden, product(q, k), np.float32(-np.inf)), -1)
    for spelled in (weights, ops.select(ops.is_nan(weights), np.float32(0), weights)):
        model = model_of(ops.matmul(spelled, v, False, False), q, k, v)
        changed = rewritten(model, recognize_attention)
        assert types(changed) == ["Attention"]


def test_a_mask_may_add_dimensions() -> None:
    q, k, v = (parameter(-1, length, SIZE) for length in (QUERIES, KEYS, KEYS))
    changed = rewritten(model_of(finish(ops.add(product(q, k), random(3, 1, 1, 1)), v), q, k, v), recognize_attention)
    assert types(changed) == ["Attention"]


def weights_read_twice(q: Any, k: Any, v: Any) -> Any:
    weights = ops.softmax(product(q, k), -1)
    return [ops.matmul(weights, v, False, False), ops.relu(weights)]


def scores_read_twice(q: Any, k: Any, v: Any) -> Any:
    scores = product(q, k)
    return [finish(scores, v), ops.relu(scores)]


OTHERS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "weights are read": weights_read_twice,
    "scores are read": scores_read_twice,
    "another axis": lambda q, k, v: ops.matmul(ops.softmax(product(q, k), 2), v, False, False),
    "no product": lambda q, k, v: finish(ops.add(ops.reduce_sum(q, np.array([-1]), True), NUMBERS), v),
    "transposed weights": lambda q, k, v: ops.matmul(ops.softmax(product(k, q), -1), v, True, False),
    "chosen, a number that counts, and added": lambda q, k, v: finish(
        ops.add(ops.select(BOOLEANS, product(q, k), np.float32(-3)), NUMBERS), v
    ),
    "a scale for each head": lambda q, k, v: finish(ops.multiply(product(q, k), random(HEADS, 1, 1)), v),
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_is_left_alone(case: str) -> None:
    q, k, v = parameter(*Q), parameter(*K), parameter(*V)
    results = OTHERS[case](q, k, v)
    assert "Softmax" in types(rewritten(model_of(results, q, k, v), recognize_attention))
