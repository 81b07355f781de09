"""Reductions."""

from __future__ import annotations

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.graph import Parameter
from ovlite.ops import factories
from ovlite.types import PartialShape, Type

from .support import check, fixed

X = np.random.default_rng(11).normal(size=(2, 3, 4)).astype(np.float32)

REDUCTIONS = {
    "reduce_sum": np.sum,
    "reduce_mean": np.mean,
    "reduce_prod": np.prod,
    "reduce_max": np.max,
    "reduce_min": np.min,
    "reduce_l1": lambda x, axis, keepdims: np.sum(np.abs(x), axis, keepdims=keepdims),
    "reduce_l2": lambda x, axis, keepdims: np.sqrt(np.sum(x**2, axis, keepdims=keepdims)),
}


@pytest.mark.parametrize("axes", [[1], [0, 2], [-1, 0], [0, 1, 2], [2, 2]], ids=str)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_real_numbers(name: str, axes: list[int]) -> None:
    for keep in (False, True):
        expected = REDUCTIONS[name](X.astype(np.float64), tuple(sorted({axis % 3 for axis in axes})), keepdims=keep)
        check(name, X, fixed(axes), keep_dims=keep, expected=expected)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_axes_of_each_form(name: str) -> None:
    expected = REDUCTIONS[name](X.astype(np.float64), 1, keepdims=False)
    check(name, X, fixed(np.int32(1)), expected=expected)
    check(name, X, fixed(np.array([1], np.int32)), expected=expected)
    check(name, X, np.array([1]), expected=expected, peer="")  # not known before the run
    nothing = {"reduce_l1": np.abs(X), "reduce_l2": np.abs(X)}.get(name, X)
    check(name, X, fixed(np.zeros(0, np.int64)), expected=nothing, peer="reference" if nothing is X else "")


INTEGER = {
    "reduce_sum": [3, -3],
    "reduce_mean": [1, -1],
    "reduce_prod": [2, -28],
    "reduce_max": [2, 4],
    "reduce_min": [1, -7],
    "reduce_l1": [3, 11],
    "reduce_l2": [2, 8],
}


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("name", INTEGER)
def test_integers(name: str, dtype: type) -> None:
    check(name, np.array([[1, 2], [4, -7]], dtype), fixed([1]), expected=np.array(INTEGER[name], dtype))


LOWEST, GREATEST = np.finfo(np.float32).min, np.finfo(np.float32).max


@pytest.mark.parametrize(
    "name, expected",
    [
        ("reduce_sum", 0),
        ("reduce_mean", 0),
        ("reduce_prod", 1),
        ("reduce_max", LOWEST),
        ("reduce_min", GREATEST),
        ("reduce_l1", 0),
        ("reduce_l2", 0),
    ],
)
def test_nothing_is_reduced_to_a_number(name: str, expected: float) -> None:
    check(name, np.zeros((0, 3), np.float32), fixed([0]), expected=np.full(3, expected, np.float32))
    check(name, np.zeros((0, 3), np.float32), fixed([1]), expected=np.zeros(0, np.float32))


def test_nothing_of_integers() -> None:
    empty = np.zeros((0, 2), np.int32)
    check("reduce_max", empty, fixed([0]), expected=np.full(2, -(2**31)))
    check("reduce_min", empty, fixed([0]), expected=np.full(2, 2**31 - 1))


@pytest.mark.parametrize("name", ["reduce_logical_and", "reduce_logical_or"])
@pytest.mark.parametrize("keep", [False, True])
def test_boolean(name: str, keep: bool) -> None:
    x = np.array([[[True, False], [False, False]], [[True, True], [False, True]]])
    function = np.all if name.endswith("and") else np.any
    for axes in ([0], [1, -1], [0, 1, 2]):
        check(name, x, fixed(axes), keep, expected=function(x, tuple(a % 3 for a in axes), keepdims=keep))
    check(name, x[:0], fixed([0]), expected=np.full((2, 2), name.endswith("and")))


def test_errors() -> None:
    x = Parameter(Type.f32, PartialShape([2, 3]))
    flags = Parameter(Type.boolean, PartialShape([2, 3]))
    made = factories(13)
    with pytest.raises(ModelError, match="axis 2 is out of range: a tensor of rank 2 has axes -2 to 1"):
        made["reduce_sum"](x, [2])
    with pytest.raises(ModelError, match="reduction_axes to be integers, got f64"):
        made["reduce_sum"](x, 1.0)
    with pytest.raises(ModelError, match=r"reduction_axes to have rank 0 or 1, got shape \[1,1\]"):
        made["reduce_sum"](x, [[1]])
    with pytest.raises(ModelError, match="elements to be numbers, got boolean"):
        made["reduce_max"](flags, [0])
    with pytest.raises(ModelError, match="elements to be boolean, got f32"):
        made["reduce_logical_or"](x, [0])


def test_known_elements_go_on() -> None:
    made = factories(13)
    shape = made["shape_of"](Parameter(Type.f32, PartialShape([2, 3, 4])))
    assert made["reduce_prod"](shape, [0]).output(0).argument().value == 24
    partly = made["shape_of"](Parameter(Type.f32, PartialShape([2, -1, 4])))
    assert made["reduce_prod"](partly, [0]).output(0).argument().value is None
