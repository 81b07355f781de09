"""Products of matrices."""

from __future__ import annotations

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.graph import Parameter
from ovlite.ops import factories
from ovlite.types import PartialShape, Type

from ..tolerances import roundings
from .support import check, normal


@pytest.mark.parametrize("transpose", [(False, False), (True, False), (False, True), (True, True)], ids=str)
@pytest.mark.parametrize(
    ("a", "b"),
    [((3, 3), (3, 3)), ((2, 3, 3), (3, 3)), ((3,), (3, 3)), ((3, 3), (3,)), ((3,), (3,)), ((2, 1, 3, 3), (4, 3, 3))],
    ids=str,
)
def test_matmul(a: tuple[int, ...], b: tuple[int, ...], transpose: tuple[bool, bool]) -> None:
    left, right = normal(*a), normal(*b)
    turned = [x.swapaxes(-1, -2) if t and x.ndim > 1 else x for x, t in zip((left, right), transpose, strict=True)]
    check("matmul", left, right, *transpose, expected=turned[0] @ turned[1])


def test_matmul_of_nothing() -> None:
    check("matmul", np.zeros((2, 0), np.float32), np.zeros((0, 3), np.float32), False, False, expected=np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (PartialShape([2, 3]), PartialShape([4, 5]), "inner dimensions of .* differ"),
        (PartialShape([]), PartialShape([4, 5]), "no scalars"),
        (PartialShape([2, 3, 4]), PartialShape([5, 4, 2]), "can't be broadcast"),
    ],
    ids=str,
)
def test_matmul_of_what_does_not_fit(a: PartialShape, b: PartialShape, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        factories(13)["matmul"](Parameter(Type.f32, a), Parameter(Type.f32, b), False, False)


EQUATIONS = {
    "ab,bc->ac": [(2, 3), (3, 4)],
    "ab,bc": [(2, 3), (3, 4)],
    "aBc,cd->adB": [(2, 3, 4), (4, 5)],
    "...ab,...bc->...ac": [(2, 1, 2, 3), (5, 3, 4)],
    "ii->i": [(3, 3)],
    "abc->b": [(2, 3, 4)],
    "a,b,c->cab": [(2,), (3,), (4,)],
    "b...c,cd->...bd": [(2, 5, 6, 3), (3, 4)],
    "ab,cd->abcd": [(1, 2), (3, 1)],
}


@pytest.mark.parametrize("equation", EQUATIONS)
def test_einsum(equation: str) -> None:
    arrays = [normal(*shape) for shape in EQUATIONS[equation]]
    check("einsum", arrays, equation, expected=np.einsum(equation, *arrays))


@pytest.mark.parametrize(
    ("equation", "shapes", "message"),
    [
        ("ab,bc->ad", [[2, 3], [3, 4]], "'d' of the output .* is in no input"),
        ("ab->ba", [[2, 3], [3, 4]], "1 inputs for 'ab->ba', got 2"),
        ("ab,bc->ac", [[2, 3], [4, 5]], "label 'b' .* is both 3 and 4"),
        ("abc,bc->a", [[2, 3], [3, 4]], "does not fit shape"),
        ("a1,1b->ab", [[2, 3], [3, 4]], "labels are letters"),
    ],
)
def test_wrong_equations(equation: str, shapes: list[list[int]], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        factories(13)["einsum"]([Parameter(Type.f32, PartialShape(shape)) for shape in shapes], equation)


def attention(
    query: np.ndarray, key: np.ndarray, value: np.ndarray, mask: np.ndarray | float = 0, scale: float | None = None
) -> np.ndarray:
    scores = query @ key.swapaxes(-1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale) + mask
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ value


def test_attention() -> None:
    q, k, v, mask = normal(2, 3, 5, 8), normal(2, 3, 7, 8), normal(2, 3, 7, 4), normal(5, 7)
    name, close = "scaled_dot_product_attention", roundings(32, 2)
    check(name, q, k, v, expected=attention(q, k, v), **close)
    check(name, q, k, v, mask, expected=attention(q, k, v, mask), **close)
    seen = (mask > 0) | np.eye(5, 7, dtype=bool)
    check(name, q, k, v, seen, expected=attention(q, k, v, np.where(seen, 0, -1e9)), **close)
    check(name, q, k, v, mask, np.float32([0.3]), expected=attention(q, k, v, mask, 0.3), **close)
    check(name, q, k, v, None, np.array(0.3, np.float32), expected=attention(q, k, v, 0, 0.3), **close)
    causal = np.where(np.tri(5, 7, dtype=bool), 0, -1e9)
    check(name, q, k, v, causal=True, expected=attention(q, k, v, causal), **close)
    check(name, q, k, v, mask, causal=True, expected=attention(q, k, v, causal), **close)
    check(name, q[0], k[0], v[0], expected=attention(q[0], k[0], v[0]), **close)


def test_a_query_that_sees_no_key_gives_zeros() -> None:
    q, k, v = normal(2, 2, 4), normal(2, 3, 4), normal(2, 3, 5)
    mask = np.array([[True, True, False], [False, False, False]])
    expected = attention(q, k, v, np.where(mask, 0, -1e9))
    expected[:, 1] = 0
    check("scaled_dot_product_attention", q, k, v, mask, expected=expected, peer="")


@pytest.mark.parametrize("adjoint", [False, True])
def test_inverse(adjoint: bool) -> None:
    data = normal(2, 4, 4) + 4 * np.eye(4, dtype=np.float32)
    inverse = np.linalg.inv(data.astype(np.float64))
    check("inverse", data, adjoint, expected=inverse.swapaxes(-1, -2) if adjoint else inverse, **roundings(40))


@pytest.mark.parametrize("mask", [(2, 1, 4, 5), (3, 4, 5), (4, 6)], ids=str)
def test_a_mask_that_is_larger_than_the_scores(mask: tuple[int, ...]) -> None:
    shapes = [(1, 4, 8), (1, 5, 8), (1, 5, 6), mask]
    inputs = [Parameter(Type.f32, PartialShape(shape)) for shape in shapes]
    with pytest.raises(ModelError, match="broadcast"):
        factories(13)["scaled_dot_product_attention"](*inputs)


@pytest.mark.parametrize("scale", [(2,), (0,), (1, 4, 1)])
def test_scores_have_one_scale(scale: tuple[int, ...]) -> None:
    inputs = [Parameter(Type.f32, PartialShape(shape)) for shape in [(1, 4, 8), (1, 5, 8), (1, 5, 6), (4, 5), scale]]
    with pytest.raises(ModelError, match="a scale of one element, got shape"):
        factories(13)["scaled_dot_product_attention"](*inputs)
