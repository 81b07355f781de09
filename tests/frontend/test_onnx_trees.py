"""Trees of ai.onnx.ml against onnxruntime without optimizations, and against numpy."""

import numpy as np
import pytest
from onnx import numpy_helper

import ovlite as ov
from ovlite import kernels

from .onnx_peers import hold, mine, model_of, peer

MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
TRANSFORMS = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"]


def random_trees(rng, count, depth, features, modes, values):
    """The attributes nodes_* of random trees, and their leaves as (tree, node)."""
    nodes = {key: [] for key in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids",
                                 "missing_value_tracks_true", "hitrates")}  # fmt: skip
    leaves = []
    for tree in range(count):
        pending, number = [(0, 0)], 1
        while pending:
            node, level = pending.pop(0)
            inner = level < depth and (level == 0 and depth > 0 or rng.random() < 0.8)
            entry = [tree, node, int(rng.integers(features)), float(rng.choice(values)),
                     str(rng.choice(modes)) if inner else "LEAF", number if inner else 0, number + 1 if inner else 0,
                     int(rng.integers(2)), 1.0]  # fmt: skip
            for key, value in zip(nodes, entry, strict=True):
                nodes[key].append(value)
            if inner:
                pending += [(number, level + 1), (number + 1, level + 1)]
                number += 2
            else:
                leaves.append((tree, node))
    return {f"nodes_{key}": value for key, value in nodes.items()}, leaves


def gifts(rng, leaves, ids, kind, low=-1.0):
    """The attributes of leaves that each give to all of `ids`."""
    names = ("treeids", "nodeids", "ids", "weights")
    rows = [(tree, node, i, float(rng.uniform(low, 1))) for tree, node in leaves for i in ids]
    return {f"{kind}_{name}": [row[place] for row in rows] for place, name in enumerate(names)}


VALUES = np.array([-1.5, -0.5, 0.0, 0.25, 1.0, 2.0], np.float32)


def table(rng, rows, features, dtype=np.float32):
    """Features on the thresholds and between them, infinities and NaN among them."""
    special = [*VALUES, np.nan, np.inf, -np.inf, 0.1, -0.0, -1.5000001]
    x = np.where(
        rng.random((rows, features)) < 0.5, rng.choice(special, (rows, features)), rng.normal(size=(rows, features))
    )
    return x.astype(dtype)


@pytest.mark.parametrize("rows", [0, 1, 15, 16, 17, 100])
@pytest.mark.parametrize("modes", [MODES[:1], MODES[3:4], MODES], ids=["LEQ", "GT", "mixed"])
@pytest.mark.parametrize("missing", [False, True])
def test_regressor(rows, modes, missing):
    rng = np.random.default_rng(rows + len(modes))
    nodes, leaves = random_trees(rng, 19, 6, 5, modes, VALUES)
    if not missing:
        del nodes["nodes_missing_value_tracks_true"]
    x = table(rng, rows, 5)
    attributes = {**nodes, **gifts(rng, leaves, [0], "target"), "n_targets": 1}
    model = model_of("TreeEnsembleRegressor", {"x": x}, ["y"], **attributes)
    hold(model, {"x": x}, 0, 0)
    hold(model, {"x": x.astype(np.float32)}, 0, 0)


@pytest.mark.parametrize("aggregate", ["SUM", "AVERAGE", "MIN", "MAX"])
@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("based", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_aggregates(aggregate, targets, based, dtype):
    rng = np.random.default_rng(targets)
    nodes, leaves = random_trees(rng, 7, 4, 3, MODES[:1], VALUES)
    x = table(rng, 40, 3, dtype)
    some = [leaf for leaf in leaves if rng.random() < 0.9] if targets > 1 else leaves
    attributes = {**nodes, **gifts(rng, some, range(targets), "target"), "n_targets": targets}
    attributes["aggregate_function"] = aggregate
    if based:
        attributes["base_values"] = [0.5, -2.0, 3.0][:targets]
    hold(model_of("TreeEnsembleRegressor", {"x": x}, ["y"], **attributes), {"x": x})


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_regressor_transforms(transform):
    rng = np.random.default_rng(3)
    nodes, leaves = random_trees(rng, 3, 3, 2, MODES[:1], VALUES)
    x = table(rng, 30, 2)
    attributes = {**nodes, **gifts(rng, leaves, [0, 1], "target", 0.0), "n_targets": 2, "post_transform": transform}
    hold(model_of("TreeEnsembleRegressor", {"x": x}, ["y"], **attributes), {"x": x}, 1e-5)


def test_logistic_of_one_target():
    """As ONNX says and as boosters export it; onnxruntime leaves the score as it is."""
    rng = np.random.default_rng(4)
    nodes, leaves = random_trees(rng, 3, 3, 2, MODES[:1], VALUES)
    x = table(rng, 30, 2)
    attributes = {**nodes, **gifts(rng, leaves, [0], "target"), "n_targets": 1}
    raw = mine(model_of("TreeEnsembleRegressor", {"x": x}, ["y"], **attributes), {"x": x})[0]
    found = mine(model_of("TreeEnsembleRegressor", {"x": x}, ["y"], post_transform="LOGISTIC", **attributes), {"x": x})
    np.testing.assert_allclose(found[0], 1 / (1 + np.exp(-raw)), 1e-6)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("strings", [False, True])
@pytest.mark.parametrize("based", [False, True])
def test_classifier_of_many(transform, strings, based):
    rng = np.random.default_rng(5)
    nodes, leaves = random_trees(rng, 9, 4, 4, MODES[:1], VALUES)
    x = table(rng, 50, 4)
    names = {"classlabels_strings": ["ä", "b", "", "d"]} if strings else {"classlabels_int64s": [7, -3, 5, 0]}
    attributes = {**nodes, **gifts(rng, leaves, range(4), "class", 0.0), **names, "post_transform": transform}
    if based:
        attributes["base_values"] = [0.1, 0.4, -0.25, 0.3]
    hold(model_of("TreeEnsembleClassifier", {"x": x}, ["label", "scores"], **attributes), {"x": x}, 1e-5)


def test_a_class_that_nothing_is_given_to_is_not_chosen():
    rng = np.random.default_rng(6)
    nodes, leaves = random_trees(rng, 2, 2, 2, MODES[:1], VALUES)
    x = table(rng, 40, 2)
    given = gifts(rng, leaves, [0], "class", -1.0)
    given["class_ids"] = [int(i) for i in rng.integers(3, size=len(leaves))]
    given["class_weights"] = [-abs(weight) for weight in given["class_weights"]]
    attributes = {**nodes, **given, "classlabels_int64s": [1, 2, 3]}
    hold(model_of("TreeEnsembleClassifier", {"x": x}, ["label", "scores"], **attributes), {"x": x})


@pytest.mark.parametrize("transform", TRANSFORMS[:4])
@pytest.mark.parametrize("target", [0, 1])
@pytest.mark.parametrize("low", [0.0, -1.0], ids=["positive", "mixed"])
@pytest.mark.parametrize("base", [[], [0.125]], ids=["", "based"])
@pytest.mark.parametrize("strings", [False, True])
def test_classifier_of_two(transform, target, low, base, strings):
    """One weight a leaf: the score of the second class, which is a probability where no weight is negative."""
    rng = np.random.default_rng(7)
    nodes, leaves = random_trees(rng, 3, 3, 2, MODES[:1], VALUES)
    x = table(rng, 40, 2)
    names = {"classlabels_strings": ["no", "yes"]} if strings else {"classlabels_int64s": [10, 20]}
    given = gifts(rng, leaves, [target], "class", low)
    given["class_weights"] = [weight / 3 for weight in given["class_weights"]]
    attributes = {**nodes, **given, **names, "post_transform": transform}
    if base and target == 0:
        attributes["base_values"] = base
    hold(model_of("TreeEnsembleClassifier", {"x": x}, ["label", "scores"], **attributes), {"x": x})


def test_two_classes_with_two_weights_a_leaf():
    """The larger score says the class."""
    rng = np.random.default_rng(8)
    nodes, leaves = random_trees(rng, 3, 3, 2, MODES[:1], VALUES)
    x = table(rng, 40, 2)
    attributes = {**nodes, **gifts(rng, leaves, [0, 1], "class", 0.0), "classlabels_int64s": [10, 20]}
    model = model_of("TreeEnsembleClassifier", {"x": x}, ["label", "scores"], **attributes)
    label, scores = mine(model, {"x": x})
    np.testing.assert_array_equal(scores, peer(model, {"x": x})[1])
    np.testing.assert_array_equal(label, np.array([10, 20])[scores.argmax(1)])
    assert set(label.tolist()) == {10, 20}


@pytest.mark.parametrize("threads", [1, 2])
def test_levels_and_threads_agree(threads):
    rng = np.random.default_rng(9)
    nodes, leaves = random_trees(rng, 50, 7, 6, MODES, VALUES)
    x = table(rng, 333, 6)
    attributes = {**nodes, **gifts(rng, leaves, [0], "target"), "n_targets": 1}
    model = model_of("TreeEnsembleRegressor", {"x": x}, ["y"], **attributes)
    expected = peer(model, {"x": x})[0]
    for level in kernels.available_levels():
        before = kernels.use_level(level)
        try:
            np.testing.assert_array_equal(mine(model, {"x": x}, threads)[0], expected)
        finally:
            kernels.use_level(before)


def test_doubles_are_compared_as_doubles():
    near = np.nextafter(1.0, 2)
    tensors = {
        "nodes_values_as_tensor": numpy_helper.from_array(np.array([1.0, 0, 0])),
        "target_weights_as_tensor": numpy_helper.from_array(np.array([1 / 3, 2 / 3])),
    }
    attributes = dict(
        nodes_treeids=[0] * 3, nodes_nodeids=[0, 1, 2], nodes_featureids=[0] * 3, nodes_truenodeids=[1, 0, 0],
        nodes_falsenodeids=[2, 0, 0], nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"], target_treeids=[0, 0],
        target_nodeids=[1, 2], target_ids=[0, 0], n_targets=1, **tensors,
    )  # fmt: skip
    x = np.array([[1.0], [near]])
    found = hold(model_of("TreeEnsembleRegressor", {"x": x}, ["y"], **attributes), {"x": x})
    np.testing.assert_array_equal(found[0], np.array([[1 / 3], [2 / 3]], np.float32))


def random_ensemble(rng, dtype, values, post=0, aggregate=1, count=5):
    """A random TreeEnsemble of version 5 with all modes: its attributes as arrays and lists."""
    made = {f"nodes_{key}": [] for key in ("featureids", "trueleafs", "falseleafs", "truenodeids", "falsenodeids")}
    splits, modes, roots, sets, weights = [], [], [], [], []
    for _ in range(count):
        first = len(splits)
        roots.append(first)
        inner = 7
        for i in range(inner):
            splits.append(float(rng.choice(values)))
            modes.append(int(rng.integers(7)))
            if modes[-1] == 6:
                sets += [*rng.choice(values, int(rng.integers(1, 6)), replace=False).tolist(), np.nan]
            made["nodes_featureids"].append(int(rng.integers(3)))
            for way, child in (("true", 2 * i + 1), ("false", 2 * i + 2)):
                leaf = child >= inner
                made[f"nodes_{way}leafs"].append(int(leaf))
                made[f"nodes_{way}nodeids"].append(len(weights) if leaf else first + child)
                if leaf:
                    weights.append(float(rng.uniform()))
    return dict(
        **made, nodes_splits=np.array(splits, dtype), nodes_modes=np.array(modes, np.uint8),
        leaf_weights=np.array(weights, dtype), membership_values=np.array(sets, dtype), tree_roots=roots, n_targets=2,
        leaf_targetids=rng.integers(2, size=len(weights)).tolist(), aggregate_function=aggregate, post_transform=post,
        nodes_missing_value_tracks_true=rng.integers(2, size=len(splits)).tolist(),
    )  # fmt: skip


def ensemble_model(x, attributes):
    tensors = {key: numpy_helper.from_array(v) for key, v in attributes.items() if isinstance(v, np.ndarray)}
    return model_of("TreeEnsemble", {"x": x}, ["y"], 5, **{**attributes, **tensors})


def walked(x, a):
    """TreeEnsemble with aggregate SUM, as ONNX's text has it, row by row."""
    compare = [np.less_equal, np.less, np.greater_equal, np.greater, np.equal, np.not_equal]
    ends = np.nonzero(np.isnan(a["membership_values"]))[0]
    parts = [part[~np.isnan(part)] for part in np.split(a["membership_values"], ends)]
    sets = dict(zip(np.nonzero(a["nodes_modes"] == 6)[0].tolist(), parts, strict=False))
    scores = np.zeros((len(x), a["n_targets"]), x.dtype)
    for i, root in ((i, root) for i in range(len(x)) for root in a["tree_roots"]):
        node, leaf = root, False
        while not leaf:
            value, mode = x[i, a["nodes_featureids"][node]], a["nodes_modes"][node]
            holds = value in sets[node] if mode == 6 else compare[mode](value, a["nodes_splits"][node])
            way = "true" if holds or (np.isnan(value) and a["nodes_missing_value_tracks_true"][node]) else "false"
            leaf = a[f"nodes_{way}leafs"][node]
            node = a[f"nodes_{way}nodeids"][node]
        scores[i, a["leaf_targetids"][node]] += a["leaf_weights"][node]
    return scores


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(4))
def test_ensemble(dtype, seed):
    rng = np.random.default_rng(seed)
    attributes = random_ensemble(rng, dtype, VALUES)
    x = table(rng, 60, 3, dtype)
    found = mine(ensemble_model(x, attributes), {"x": x})
    np.testing.assert_allclose(found[0], walked(x, attributes), 1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("aggregate", range(4))
def test_ensemble_aggregates(dtype, aggregate):
    """onnxruntime knows membership of small whole numbers."""
    rng = np.random.default_rng(aggregate)
    attributes = random_ensemble(rng, dtype, np.arange(1, 9), aggregate=aggregate)
    x = rng.integers(1, 9, (60, 3)).astype(dtype)
    hold(ensemble_model(x, attributes), {"x": x})


@pytest.mark.parametrize("post", range(5))
def test_ensemble_transforms(post):
    rng = np.random.default_rng(post)
    x = rng.integers(1, 9, (60, 3)).astype(np.float32)
    attributes = random_ensemble(rng, np.float32, np.arange(1, 9), post)
    found = mine(ensemble_model(x, attributes), {"x": x})
    attributes["post_transform"] = [0, 2, 1, 3, 4][post]  # onnxruntime has SOFTMAX and LOGISTIC the other way round
    np.testing.assert_allclose(found, peer(ensemble_model(x, attributes), {"x": x}), 1e-5)


def test_a_tree_of_a_leaf_alone():
    attributes = dict(
        nodes_featureids=[0], nodes_trueleafs=[1], nodes_falseleafs=[1], nodes_truenodeids=[0], nodes_falsenodeids=[0],
        tree_roots=[0], leaf_targetids=[0], n_targets=1, nodes_splits=numpy_helper.from_array(np.zeros(1, np.float32)),
        nodes_modes=numpy_helper.from_array(np.zeros(1, np.uint8)),
        leaf_weights=numpy_helper.from_array(np.array([2.5], np.float32)),
    )  # fmt: skip
    x = np.ones((3, 1), np.float32)
    assert mine(model_of("TreeEnsemble", {"x": x}, ["y"], 5, **attributes), {"x": x})[0].tolist() == [[2.5]] * 3
    nodes, leaves = random_trees(np.random.default_rng(1), 2, 0, 1, MODES, VALUES)
    attributes = {**nodes, **gifts(np.random.default_rng(1), leaves, [0], "target"), "n_targets": 1}
    hold(model_of("TreeEnsembleRegressor", {"x": x}, ["y"], **attributes), {"x": x})


def stump(**changes):
    given = dict(
        nodes_treeids=[0] * 3, nodes_nodeids=[0, 1, 2], nodes_featureids=[0] * 3, nodes_values=[0.0] * 3,
        nodes_truenodeids=[1, 0, 0], nodes_falsenodeids=[2, 0, 0], nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"],
        target_treeids=[0, 0], target_nodeids=[1, 2], target_ids=[0, 0], target_weights=[1.0, 2.0], n_targets=1,
    )  # fmt: skip
    return {**given, **changes}


@pytest.mark.parametrize(
    "changes, text",
    [
        ({"nodes_modes": ["BRANCH_MAYBE", "LEAF", "LEAF"]}, r"nodes_modes to hold .*, got \['BRANCH_MAYBE'\]"),
        ({"nodes_truenodeids": [9, 0, 0]}, "tree 0 has no node 9"),
        (
            {
                "nodes_truenodeids": [1, 1, 0],
                "nodes_modes": ["BRANCH_LEQ", "BRANCH_LT", "LEAF"],
                "nodes_falsenodeids": [2, 2, 0],
            },
            "two parents",
        ),
        ({"nodes_truenodeids": [0, 0, 0]}, "the first node of tree 0 is no root"),
        ({"nodes_nodeids": [0, 1, 1]}, "two nodes of a tree have one id"),
        ({"nodes_featureids": [0, 0]}, "not all of one length, 3"),
        ({"nodes_featureids": [-1, 0, 0]}, "negative feature"),
        ({"nodes_featureids": [4, 0, 0]}, "5 features"),
        ({"target_ids": [0, 1]}, "not below 1"),
        ({"target_weights": [1.0]}, "target_. are not all of one length"),
        ({"base_values": [1.0, 2.0]}, "a base value for each of 1 targets, got 2"),
        ({"post_transform": "SQUARE"}, "post_transform to be one of NONE"),
        ({"aggregate_function": "MEDIAN"}, "aggregate_function to be one of"),
    ],
)
def test_what_is_no_tree(changes, text):
    x = np.zeros((2, 1), np.float32)
    model = model_of("TreeEnsembleRegressor", {"x": x}, ["y"], shapes={"x": ["n", 1]}, **stump(**changes))
    with pytest.raises(RuntimeError, match=f"TreeEnsembleRegressor.*{text}"):
        ov.Core().read_model(model.SerializeToString())


@pytest.mark.parametrize("aggregate", ["SUM", "AVERAGE", "MIN", "MAX"])
@pytest.mark.parametrize("targets", [1, 2])
def test_a_leaf_with_several_weights_of_a_target(targets, aggregate):
    """They add up, but for a single target, whose leaves have one: the first, as exporters of leaves' numbers need."""
    x = np.array([[-1.0], [1.0]], np.float32)
    several = {
        "target_treeids": [0] * 4, "target_nodeids": [1, 2, 1, 2], "target_ids": [0] * 4,
        "target_weights": [1.0, 2.0, 3.0, 4.0], "n_targets": targets, "aggregate_function": aggregate,
    }  # fmt: skip
    hold(model_of("TreeEnsembleRegressor", {"x": x}, ["y"], **stump(**several)), {"x": x})


def test_rows_with_too_few_features():
    x = np.zeros((2, 1), np.float32)
    model = model_of("TreeEnsembleRegressor", {"x": x}, ["y"], **stump(nodes_featureids=[4, 0, 0]))
    with pytest.raises(RuntimeError, match="5 features"):
        mine(model, {"x": x})
