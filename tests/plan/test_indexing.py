"""Operators that gather, scatter, search and sum along lines run on kernels, and give what numpy gives."""

import numpy as np
import pytest

from ovlite.ops.interpreter import evaluate_model
from ovlite.plan import StepError
from ovlite.types import Type

from ..tolerances import random_roundings
from .support import compiled, noise, ops, parameter, run, step_names

ROWS = np.array([2, 0, 5])
COLUMNS = np.arange(60).reshape(4, 3, 5) % 12 - 6
ELEMENTS = np.array([[[1], [0], [3]], [[-1], [2], [2]]])
TUPLES = np.array([[0, 5], [3, 1], [-1, -6]])
BATCHED = np.array([[[5], [0]], [[1], [1]], [[0], [2]], [[3], [-1]]])


def updates(x, *shape):
    """Numbers of x's element type."""
    return ops["convert_like"](noise(*shape) * 9, x)


CASES = {
    "elements": lambda x: ops["gather_elements"](x, COLUMNS, 1),
    "tuples": lambda x: ops["gather_nd"](x, TUPLES, 0),
    "tuples of batches": lambda x: ops["gather_nd"](x, BATCHED, 1),
    "slices": lambda x: ops["scatter_update"](x, ROWS, updates(x, 4, 3, 5), np.int64(1)),
    "no elements": lambda x: ops["scatter_elements_update"](x, ELEMENTS[:0], updates(x, 0, 3, 1), np.int64(1)),
    "no tuples": lambda x: ops["scatter_nd_update"](x, TUPLES[:0], updates(x, 0, 5)),
    "no slices": lambda x: ops["scatter_update"](x, ROWS[:0], updates(x, 4, 0, 5), np.int64(1)),
    "written elements": lambda x: ops["scatter_elements_update"](x, ELEMENTS, updates(x, 2, 3, 1), np.int64(1)),
    "greatest elements": lambda x: ops["scatter_elements_update"](x, ELEMENTS, updates(x, 2, 3, 1), np.int64(1), "max"),
    "written slices": lambda x: ops["scatter_nd_update"](x, TUPLES, updates(x, 3, 5)),
    "summed slices": lambda x: ops["scatter_nd_update"](x, TUPLES, updates(x, 3, 5), "sum"),
    "greatest": lambda x: ops["topk"](x, np.int64(3), 1, "max", "value").output(0),
    "places of the least": lambda x: ops["topk"](x, np.int64(2), 0, "min", "index", "i64").output(1),
    "sums": lambda x: ops["cum_sum"](x, np.int64(1)),
    "sums from the end": lambda x: ops["cum_sum"](x, np.int64(-1), True, True),
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", [Type.f32, Type.i32])
@pytest.mark.parametrize("case", CASES)
def test_kernels_compute_what_the_operator_means(case, kind, threads):
    x = parameter([-1, -1, -1], kind)
    executable = compiled([CASES[case](ops["add"](x, x))], [x])
    data = (noise(4, 6, 5) * 8).astype(kind.to_dtype())
    (expected,) = evaluate_model(executable._model, [data])
    np.testing.assert_allclose(run(executable, [data], threads)[0], expected, rtol=1e-5, atol=1e-5)
    names = step_names(executable, data.shape)
    assert not any(executable._nodes[-2].op.type + " " in name for name in names), names


@pytest.mark.parametrize("case", ["tuples", "written elements", "written slices", "slices"])
def test_an_index_out_of_range_stops_the_run(case):
    x = parameter([-1, -1, -1])
    executable = compiled([CASES[case](ops["relu"](x))], [x])
    with pytest.raises((StepError, ValueError), match="range|outside|reach|differ"):
        run(executable, [noise(4, 2, 5)])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", ["mean", "sum", "max", "min", "prod", "l1", "l2"])
def test_few_results_of_many_terms_are_shared_among_the_team(kind, threads):
    x = parameter([-1, -1, -1])
    executable = compiled([ops[f"reduce_{kind}"](x, np.array([0, 2]), False)], [x])
    data = 1 + noise(48, 3, 512) * np.float32(1e-3)
    (expected,) = evaluate_model(executable._model, [data.astype(np.float64)])
    limit = random_roundings(48 * 512) if kind == "prod" else 1e-5
    np.testing.assert_allclose(run(executable, [data], threads)[0], expected, rtol=limit)
    assert len(step_names(executable, data.shape)) == 2
