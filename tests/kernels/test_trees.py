import numpy as np
import pytest

from ovlite import kernels
from ovlite.kernels.runtime.executor import run_steps
from ovlite.kernels.runtime.step import View
from ovlite.ops.trees import TreeEnsemble


def forest(rng, trees, depth, features, width, per_leaf, dtype):
    """Complete trees, node after node: the arrays that TreeEnsemble and the kernel take."""
    inner, ends = 2**depth - 1, 2**depth
    count = trees * inner
    children = np.zeros((count, 2), np.int32)
    for tree in range(trees):
        for node in range(inner):
            for way in (0, 1):
                child = 2 * node + 1 + way
                children[tree * inner + node, way] = (
                    tree * inner + child if child < inner else ~(tree * ends + child - inner)
                )
    roots = np.arange(trees) * inner if depth else ~np.arange(trees)
    weights = trees * ends * per_leaf
    return (
        rng.normal(size=count).round(1).astype(dtype), rng.integers(features, size=count).astype(np.int32), children,
        rng.random(count) < 0.5, roots.astype(np.int32), np.arange(trees * ends + 1, dtype=np.int32) * per_leaf,
        rng.integers(width, size=weights).astype(np.int32), rng.normal(size=weights).astype(dtype),
    )  # fmt: skip


def table(rng, rows, features, dtype):
    x = rng.normal(size=(rows, features)).round(1)
    return np.where(rng.random(x.shape) < 0.1, np.nan, x).astype(dtype)


def run(x, arrays, width, aggregate, threads, marked=True):
    family = kernels.family("trees")
    y, reached = np.full((len(x), width), 77, x.dtype), np.full((len(x), width), 2, np.uint8)
    views = [View(slot, array.dtype, array.shape) for slot, array in enumerate((x, y, reached))]
    step = family.Trees(*views[:2], views[2] if marked else None, family.Ensemble(*arrays, width), aggregate)
    run_steps([step], [x, y, reached], threads)
    return y, reached


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("aggregate", ["sum", "min", "max"])
@pytest.mark.parametrize("rows", [0, 1, 15, 16, 17, 64, 65, 150])
def test_trees(level, threads, rows, aggregate, dtype):
    rng = np.random.default_rng(rows)
    arrays = forest(rng, 19, 5, 4, 3, 2, dtype)
    x = table(rng, rows, 4, dtype)
    scores, reached = TreeEnsemble(3, aggregate).evaluate(x, *arrays)
    y, marks = run(x, arrays, 3, aggregate, threads)
    np.testing.assert_array_equal(y, scores)
    np.testing.assert_array_equal(marks.astype(bool), reached)


@pytest.mark.parametrize("trees, depth", [(1, 1), (16, 0), (17, 3), (300, 2)])
@pytest.mark.parametrize("rows", [1, 16, 33])
def test_one_target(level, trees, depth, rows):
    rng = np.random.default_rng(trees)
    arrays = forest(rng, trees, depth, 2, 1, 1, np.float32)
    x = table(rng, rows, 2, np.float32)
    expected = TreeEnsemble(1).evaluate(x, *arrays)[0]
    np.testing.assert_array_equal(run(x, arrays, 1, "sum", 2, marked=False)[0], expected)
    found = kernels.trees(x, kernels.family("trees").Ensemble(*arrays, 1))
    np.testing.assert_array_equal(found, expected)


def test_trees_on_arrays(level):
    rng = np.random.default_rng(1)
    arrays = forest(rng, 5, 3, 4, 2, 1, np.float32)
    x, out = table(rng, 20, 4, np.float32), np.empty((20, 2), np.float32)
    ensemble = kernels.family("trees").Ensemble(*arrays, 2)
    assert np.shares_memory(kernels.trees(x, ensemble, out, aggregate="max"), out)
    np.testing.assert_array_equal(out, TreeEnsemble(2, "max").evaluate(x, *arrays)[0])
    with pytest.raises(ValueError, match="expected rows of at least 4 features, got 3"):
        kernels.trees(x[:, :3].copy(), ensemble)
    with pytest.raises(ValueError):
        kernels.trees(x.astype(np.float64), ensemble)


def test_thresholds_at_zero_where_denormal_numbers_count_as_zeros():
    """x <= -5e-324, the least below 0, holds for no zero."""
    least = np.array([np.nextafter(np.float32(0), np.float32(-1))])
    leaves = [[-1, -2]], [False], [0], [0, 1, 2], [0, 0], [1.0, 2.0]
    family = kernels.family("trees")
    x, y = np.array([[0], [-0.0], [least[0]], [-1]], np.float32), np.zeros((4, 1), np.float32)
    step = family.Trees(View(0, "f4", x.shape), View(1, "f4", y.shape), None, family.Ensemble(least, [0], *leaves, 1))
    run_steps([step], [x, y], flush=True)
    assert y.ravel().tolist() == [2, 2, 1, 1]


@pytest.mark.parametrize(
    "place, value, text",
    [
        (0, np.zeros(2, np.float16), "expected thresholds of float32 or float64, got float16"),
        (1, [0, -1], "expected features from 0 on"),
        (1, [0], "expected a feature, two children and a nan_first for each of 2 nodes"),
        (2, [[1, -1], [-2, -9]], "expected all children and roots among 2 nodes and 3 leaves"),
        (2, [[1, -1], [0, -2]], "got a child before its parent"),
        (4, [5], "expected all children and roots among 2 nodes"),
        (5, [0, 1, 2, 4], "offsets"),
        (5, [0, 2, 1, 3], "offsets"),
        (6, [0, 0, 3], "targets of 0 to 0"),
    ],
)
def test_what_is_no_ensemble(place, value, text):
    arrays = [np.zeros(2, np.float32), [0, 0], [[1, -1], [-2, -3]], [False, True], [0], [0, 1, 2, 3], [0, 0, 0],
              np.ones(3, np.float32)]  # fmt: skip
    arrays[place] = value
    with pytest.raises(ValueError, match=text):
        kernels.family("trees").Ensemble(*arrays, 1)


def test_errors():
    family = kernels.family("trees")
    ensemble = family.Ensemble(*forest(np.random.default_rng(0), 2, 2, 3, 2, 1, np.float32), 2)
    x, y = View(0, "f4", (5, 3)), View(1, "f4", (5, 2))
    for x_, y_, reached, aggregate, text in (
        (View(0, "f4", (5, 2)), y, None, "sum", "expected rows of at least 3 features, got 2"),
        (x, View(1, "f4", (5, 3)), None, "sum", r"expected x \(rows, features\) and y \(rows, 2\)"),
        (View(0, "f8", (5, 3)), y, None, "sum", "expected x and y of float32, got float64 and float32"),
        (x, y, None, "max", "with `reached`"),
        (x, y, None, "mean", "got 'mean'"),
        (x, y, View(2, "u1", (5, 1)), "max", r"expected reached of bytes and shape \(5, 2\)"),
        (View(0, "f4", (5, 3), (6, 1)), y, None, "sum", "contiguous"),
    ):
        with pytest.raises(ValueError, match=text):
            family.Trees(x_, y_, reached, ensemble, aggregate)
