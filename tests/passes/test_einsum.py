"""Einsum in terms of products and sums."""

from __future__ import annotations

import numpy as np
import pytest

from ovlite import compile_model
from ovlite import opset13 as ops
from ovlite.passes.pipeline.einsum import lower_einsum

from .support import model_of, parameter, random, rewritten, types

SIZES = {"a": 2, "b": 3, "c": 4, "d": 5, "e": 6, "i": 3}
SPREAD = (2, 3)  # what an ellipsis stands for
# Equations, and what each is made of, in any order.
EQUATIONS = {
    "ab,bc->ac": "MatMul",
    "ab,cb->ac": "Transpose MatMul",
    "ab,bc->ca": "Transpose MatMul Transpose",
    "abd,acd->abc": "Transpose MatMul",
    "abcd,abed->abce": "Transpose MatMul",
    "ab,bc,cd->ad": "MatMul MatMul",
    "ab,ab->ab": "Multiply",
    "ab,ab->a": "",
    "ab,ab->": "",
    "a,b->ab": "",
    "ab,c->abc": "",
    "abc->ca": "ReduceSum Transpose",
    "abc->": "ReduceSum",
    "ab->ba": "Transpose",
    "abc,bcd->ad": "",
    "abc,dbe,ce->ad": "",
    "ab,cd->ac": "",
    "ab,b": "",
    "ba,ca": "",
    "ii->i": "",
    "ii->": "",
    "iai,ib->ab": "",
    "iii,i->": "",
    "...ab,...bc->...ac": "",
    "a...,...->a...": "",
    "...a,...a->...": "",
    "ab...->...": "",
    "a...b,b->...a": "",
    "...a,ab": "",
}


def operands(equation: str, dynamic: bool = False) -> tuple[list, list[np.ndarray]]:
    """(parameters, arrays)."""
    shapes = []
    for term in equation.partition("->")[0].split(","):
        before, ellipsis, after = term.partition("...")
        shapes.append([*(SIZES[label] for label in before), *(SPREAD if ellipsis else ()), *(SIZES[x] for x in after)])
    given = [parameter(*([-1] * len(shape) if dynamic else shape)) for shape in shapes]
    return given, [random(*shape, seed=i) for i, shape in enumerate(shapes)]


@pytest.mark.parametrize("equation", EQUATIONS)
def test_equations(equation: str) -> None:
    given, arrays = operands(equation)
    changed = rewritten(model_of(ops.einsum(given, equation), *given), lower_einsum, inputs=arrays, tolerance=1e-5)
    kinds = types(changed)
    assert "Einsum" not in kinds
    if EQUATIONS[equation]:
        assert sorted(kinds) == sorted(EQUATIONS[equation].split())


@pytest.mark.parametrize("equation", EQUATIONS)
def test_equations_of_sizes_that_are_not_known(equation: str) -> None:
    """Where an axis may turn out to be stretched, a diagonal's length is needed, or sums over several axes may differ
    in their lengths, the Einsum stays."""
    given, arrays = operands(equation, dynamic=True)
    changed = rewritten(model_of(ops.einsum(given, equation), *given), lower_einsum, inputs=arrays, tolerance=1e-5)
    joined = ("abc,bcd->ad", "ab,ab->", "abc,dbe,ce->ad")
    if "i" not in equation and "..." not in equation and equation not in joined:
        assert "Einsum" not in types(changed)


def test_sizes_that_differ_in_a_run_are_an_error() -> None:
    """Whether the Einsum is lowered or not: also where their products are equal."""
    a, b = parameter(-1, -1, -1), parameter(-1, -1, -1)
    compiled = compile_model(model_of(ops.einsum([a, b], "abc,bcd->ad"), a, b), "CPU")
    with pytest.raises(RuntimeError, match="label 'b'"):
        compiled([random(2, 3, 4), random(4, 3, 2)])
    compiled = compile_model(model_of(ops.einsum([a, b], "abc,acd->abd"), a, b), "CPU")
    for shapes in ([(2, 3, 4), (2, 3, 4)], [(2, 3, 4), (3, 4, 2)]):
        with pytest.raises(RuntimeError, match="MatMul"):
            compiled([random(*shape) for shape in shapes])


@pytest.mark.parametrize(
    "equation, shapes",
    [
        ("...ab,...bc->...ac", [(1, 3, 2, 4), (5, 1, 4, 6)]),
        ("...ab,...bc->...ac", [(2, 4), (5, 3, 4, 6)]),
        ("...a,...a->a", [(3, 4), (2, 3, 4)]),
        ("ab,bc->ac", [(0, 4), (4, 3)]),
        ("ab,bc->ac", [(2, 0), (0, 3)]),
        ("abc,acd->abd", [(0, 2, 3), (0, 3, 4)]),
        ("abc,bcd->ad", [(0, 2, 3), (2, 3, 4)]),
        (",ab->ba", [(), (2, 3)]),
        ("a,a->", [(1,), (1,)]),
    ],
)
def test_axes_that_are_stretched_and_empty_ones(equation: str, shapes: list[tuple[int, ...]]) -> None:
    given = [parameter(*shape) for shape in shapes]
    arrays = [random(*shape, seed=i) for i, shape in enumerate(shapes)]
    changed = rewritten(model_of(ops.einsum(given, equation), *given), lower_einsum, inputs=arrays, tolerance=1e-5)
    assert "Einsum" not in types(changed)


def test_integers_and_f64_stay() -> None:
    for dtype in (np.int32, np.float64):
        a, b = parameter(2, 3, dtype=dtype), parameter(3, 4, dtype=dtype)
        model = model_of(ops.einsum([a, b], "ab,bc->ac"), a, b)
        arrays = [np.ones((2, 3), dtype), np.ones((3, 4), dtype)]
        assert types(rewritten(model, lower_einsum, inputs=arrays)) == ["Einsum"]


def test_sizes_that_another_operand_knows_are_checked() -> None:
    """The second operand says that k is 3; the first has as many elements as if it were."""
    a, b = parameter(2, -1, 3, -1), parameter(2, 3)
    compiled = compile_model(model_of(ops.einsum([a, b], "bijk,bk->bij"), a, b), "CPU")
    with pytest.raises(RuntimeError, match="MatMul"):
        compiled([random(2, 3, 3, 2), random(2, 3)])
    x, y = random(2, 2, 3, 3), random(2, 3)
    np.testing.assert_allclose(compiled([x, y])[0], np.einsum("bijk,bk->bij", x, y), rtol=1e-5, atol=1e-5)
