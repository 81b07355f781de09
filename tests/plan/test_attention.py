"""Attention in plans, beside the interpreter."""

from __future__ import annotations

import numpy as np
import pytest

from ovlite.graph import Constant, Model
from ovlite.ops.interpreter import evaluate_model
from ovlite.types import Type

from .support import compiled, noise, ops, parameter, run, step_names


def check(results, parameters, arrays, kernel=True):
    """The plan gives what the interpreter does; returns the names of its steps."""
    expected = evaluate_model(Model(results, parameters), arrays)
    executable = compiled(results, parameters)
    for threads in (1, 2):
        for found, wanted in zip(run(executable, arrays, threads), expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
    names = step_names(executable, *(array.shape for array in arrays))
    assert ("Attention" in names) == kernel
    return names


def number(value, kind=np.float32):
    return Constant.of(np.asarray(value, kind))


MASKS = {
    "none": None,
    "numbers": noise(3, 1, 7),
    "booleans": np.random.default_rng(1).integers(0, 2, (2, 1, 5, 7)) > 0,
    "rows that see nothing": np.zeros((5, 7), bool),
}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("scale", [None, 0.25])
def test_scaled_dot_product_attention(mask, causal, scale):
    arrays = [noise(2, 3, 5, 8, seed=1), noise(2, 3, 7, 8, seed=2), noise(2, 3, 7, 6, seed=3)]
    q, k, v = (parameter(array.shape) for array in arrays)
    given = None if MASKS[mask] is None else Constant.of(MASKS[mask])
    factor = None if scale is None else number(scale)
    names = check([ops["scaled_dot_product_attention"](q, k, v, given, factor, causal)], [q, k, v], arrays)
    assert names == ["Attention"]


def test_a_scale_at_run_time_is_left_to_numpy():
    arrays = [noise(5, 8), noise(7, 8), noise(7, 6), np.zeros((5, 7), np.float32), np.array(0.3, np.float32)]
    inputs = [parameter(array.shape) for array in arrays]
    check([ops["scaled_dot_product_attention"](*inputs, False)], inputs, arrays, kernel=False)


def test_f64_is_left_to_numpy():
    arrays = [noise(5, 8).astype(float), noise(7, 8).astype(float), noise(7, 6).astype(float)]
    inputs = [parameter(array.shape, Type.f64) for array in arrays]
    check([ops["scaled_dot_product_attention"](*inputs)], inputs, arrays, kernel=False)


def spelled(x, heads, size, *, swap=True):
    """Attention of x by itself, as encoders write it; the heads are put side by side again."""
    weights = noise(heads * size, 3 * heads * size) / np.float32(heads * size)
    parts = ops["split"](ops["matmul"](x, weights, False, False), number(-1, np.int64), 3)
    q, k, v = (
        ops["transpose"](ops["reshape"](part, np.array([0, 0, heads, size]), True), np.array([0, 2, 1, 3]))
        for part in parts.outputs()
    )
    scores = ops["divide"](ops["matmul"](q, k, False, True), number(size**0.5))
    found = ops["matmul"](ops["softmax"](scores, -1), v, False, False)
    found = ops["transpose"](found, np.array([0, 2, 1, 3])) if swap else found
    return ops["reshape"](found, np.array([0, 0, -1]), True)


def test_heads_are_read_and_written_where_they_lie():
    x = parameter([2, 9, 24])
    names = check([ops["relu"](spelled(x, 3, 8))], [x], [noise(2, 9, 24)])
    assert names == ["MatMul", "Attention", "Map(clamp)"]


@pytest.mark.parametrize("length", [1, 9])
def test_results_of_attention_are_results_of_the_model(length):
    x = parameter([2, -1, 24])
    check([spelled(x, 3, 8)], [x], [noise(2, length, 24)])
    inner = ops["transpose"](ops["scaled_dot_product_attention"](x, x, x), np.array([1, 0, 2]))
    check([inner], [x], [noise(2, length, 24)])
    check([inner, ops["relu"](inner)], [x], [noise(2, length, 24)])


def test_sizes_that_turn_out_to_be_1_are_broadcast():
    q, k, v, mask = (parameter([-1, -1, -1, -1]) for _ in range(4))
    found = ops["matmul"](ops["softmax"](ops["add"](ops["matmul"](q, k, False, True), mask), -1), v, False, False)
    for shapes in (
        [(1, 1, 1, 4), (1, 1, 7, 4), (1, 1, 7, 5), (2, 3, 6, 7)],
        [(2, 1, 6, 4), (1, 1, 1, 4), (1, 1, 7, 5), (1, 3, 1, 7)],
        [(2, 1, 6, 4), (1, 3, 7, 4), (1, 1, 7, 5), (1, 1, 1, 1)],
    ):
        check([found], [q, k, v, mask], [noise(*shape, seed=i) for i, shape in enumerate(shapes)])


def test_nothing_to_attend_to():
    q, k, v = (parameter([-1, -1, 4]) for _ in range(3))
    found = ops["scaled_dot_product_attention"](q, k, v)
    for queries, keys in ((0, 3), (3, 0), (0, 0)):
        arrays = [noise(2, queries, 4), noise(2, keys, 4), noise(2, keys, 4)]
        np.testing.assert_array_equal(run(compiled([found], [q, k, v]), arrays)[0], np.zeros((2, queries, 4)))
