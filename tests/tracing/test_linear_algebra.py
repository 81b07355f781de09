"""Traced functions of linear algebra give what numpy gives."""

import numpy as np
import pytest

import ovlite as ov

from .support import check

# By name: the function, and the shapes of its arguments.
CASES = {
    "tensordot": (lambda a, b: np.tensordot(a, b), (2, 3, 4), (3, 4, 5)),
    "tensordot of one axis": (lambda a, b: np.tensordot(a, b, 1), (3, 4, 5), (5, 2)),
    "tensordot of none": (lambda a, b: np.tensordot(a, b, 0), (2, 3), (4,)),
    "tensordot of axes": (lambda a, b: np.tensordot(a, b, axes=([1, 0], [0, 1])), (3, 4, 5), (4, 3, 2)),
    "tensordot from the end": (lambda a, b: np.linalg.tensordot(a, b, axes=(-1, 0)), (3, 4, 5), (5,)),
    "tensordot of all": (lambda a, b: np.tensordot(a, b, 2), (3, 4), (3, 4)),
    "tensordot of nothing": (lambda a, b: np.tensordot(a, b, 1), (2, 0), (0, 3)),
    "inner": (lambda a, b: np.inner(a, b), (3, 4, 5), (2, 5)),
    "inner of vectors": (lambda a, b: np.inner(a, b), (5,), (5,)),
    "inner with a number": (lambda a, b: np.inner(a, b), (5,), ()),
    "vdot": (lambda a, b: np.vdot(a, b), (2, 3), (3, 2)),
    "vecdot": (lambda a, b: np.linalg.vecdot(a, b), (3, 4, 5), (5,)),
    "vecdot of an axis": (lambda a, b: np.linalg.vecdot(a, b, axis=0), (3, 4), (3, 4)),
    "matmul": (lambda a, b: np.linalg.matmul(a, b), (3, 4), (4, 2)),
    "outer": (lambda a, b: np.linalg.outer(a, b), (3,), (4,)),
    "transpose": (lambda a, b: (np.matrix_transpose(a), np.linalg.matrix_transpose(b)), (2, 3), (2, 3, 4)),
    "trace": (lambda a, b: (np.linalg.trace(a), np.linalg.trace(b, offset=1)), (3, 3), (2, 3, 4)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int8, bool])
@pytest.mark.parametrize("name", CASES)
def test_products(name, dtype):
    function, *shapes = CASES[name]
    random = np.random.default_rng(7)
    check(function, *((random.standard_normal(shape) * 3).astype(dtype) for shape in shapes), ulps=64)


@pytest.mark.parametrize(
    "function",
    [
        lambda a: np.tensordot(a, a, 1),
        lambda a: np.linalg.outer(a, a),
        lambda a: np.inner(a, a.T),
        lambda a: np.matrix_transpose(a[0]),
    ],
)
def test_shapes_that_do_not_fit(function):
    """An error, as numpy gives one."""
    for run in (function, ov.jit(function)):
        with pytest.raises(ValueError):
            run(np.ones((2, 3)))
