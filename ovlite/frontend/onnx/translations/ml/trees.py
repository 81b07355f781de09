"""TreeEnsemble, TreeEnsembleRegressor, TreeEnsembleClassifier.

Numbers are compared in f32, with tensors of doubles and for inputs of doubles in f64. What is not told of a model with
two classes follows onnxruntime: scores of the second class alone are completed by the first's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .....errors import ModelError
from .....graph import Output
from .....graph.operator import Array
from .....types import Type
from ...build import converted, ints, one, ops, typed
from ...call import Call, Translated, Translation
from ...tensors import constant
from .forest import MEMBER, MODES, Forest
from .scores import (
    TRANSFORMS,
    above,
    beside,
    both,
    chosen,
    complement,
    first_largest,
    labels,
    post_transform,
    row,
    table,
    transformed,
)

AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")


def regressor(call: Call) -> Translated:
    x, dtype = _numbers(call, "target")
    width = call.integer("n_targets")
    forest = _forest(call, "target", dtype, width)
    scores = _aggregated(forest, x, width, call.one_of("aggregate_function", AGGREGATES, "SUM"))
    base = _reals(call, "base_values", dtype)
    if base is not None:
        if len(base) != width:
            raise ModelError(f"expected a base value for each of {width} targets, got {len(base)} base_values")
        scores = one(ops.add(scores, row(base.tolist(), scores)))
    return converted(transformed(scores, post_transform(call)), Type.f32)


def _aggregated(forest: Forest, x: Output, width: int, aggregate: str) -> Output:
    average = aggregate == "AVERAGE"
    scores = forest.node(x, width, "sum" if average else aggregate.lower()).output(0)
    return one(ops.divide(scores, typed(len(forest.roots), scores))) if average else scores


def classifier(call: Call) -> Translated:
    x, dtype = _numbers(call, "class")
    names, count = labels(call, "classlabels_strings", "classlabels_int64s")
    forest, kind = _forest(call, "class", dtype, count), post_transform(call)
    base = _reals(call, "base_values", dtype)
    base = np.zeros(0, dtype) if base is None else base
    ids = set(forest.targets.tolist())
    if count == 2 and len(ids) == 1:
        index, scores = _two_classes(forest, x, base, kind, ids.pop())
    else:
        index, scores = _many_classes(forest, x, base, kind, count)
    return [chosen(names, index), converted(scores, Type.f32)]


def _many_classes(forest: Forest, x: Output, base: Array, kind: str, count: int) -> tuple[Output, Output]:
    """(index of the class, scores). Classes to which no leaf of a row gave anything are not chosen."""
    if len(base) > count:
        raise ModelError(f"expected at most one base value for each of {count} classes, got {len(base)} base_values")
    scores, reached = forest.node(x, count, "sum").outputs()
    if len(base):
        scores = one(ops.add(scores, row([*base.tolist(), *[0.0] * (count - len(base))], scores)))
    if len(base) == count or _all_reached(forest, count):
        index = first_largest(scores)
    else:
        index = first_largest(one(ops.select(reached, scores, typed(-np.inf, scores))))
    return index, transformed(scores, kind) if count > 1 or kind == "PROBIT" else scores


def _all_reached(forest: Forest, count: int) -> bool:
    """Return whether every leaf gives something to every class."""
    leaf = np.repeat(np.arange(len(forest.offsets) - 1), np.diff(forest.offsets))
    pairs = np.unique(leaf * count + forest.targets)
    return len(pairs) == (len(forest.offsets) - 1) * count and len(forest.roots) > 0


def _two_classes(forest: Forest, x: Output, base: Array, kind: str, target: int) -> tuple[Output, Output]:
    """(index of the class, scores) of two classes where leaves give something to one of them.

    That is the score of the second class: a probability, where no leaf gives less than 0.
    """
    width = target + 1
    column = forest.node(x, width, "sum").output(0)
    if width == 2:
        column = one(ops.slice(column, ints([1]), ints([2]), ints([1]), ints([1])))
    if len(base):
        column = one(ops.add(column, row([float(base[min(target, len(base) - 1)])], column)))
    positive = not (forest.weights < 0).any()
    index = above(column, 0.5 if positive else 0.0)
    if len(base) > 1 or target == 1:
        other = one(ops.multiply(column, typed(0, column)))
        return index, transformed(beside(column, other) if target == 0 else beside(other, column), kind)
    if kind == "PROBIT":
        return index, transformed(beside(complement(column), column), kind)
    if positive and kind != "LOGISTIC":
        return index, beside(complement(column), column)
    return index, both(column, kind)


def ensemble(call: Call) -> Translated:
    """TreeEnsemble of version 5: nodes and leaves have arrays of their own."""
    external = call.scope.library.external

    def tensor(name: str) -> Array:
        return constant(call.tensor(name), external).array.ravel()

    x = table(call.input(0))
    splits = tensor("nodes_splits")
    dtype = np.dtype(np.float64 if splits.dtype == np.float64 else np.float32)
    count = len(splits)
    modes = tensor("nodes_modes").astype(np.int64)
    ways = [
        _ways(call.integers(f"nodes_{way}nodeids"), call.integers(f"nodes_{way}leafs"), count)
        for way in ("true", "false")
    ]
    missing = call.integers("nodes_missing_value_tracks_true", [])
    weights = tensor("leaf_weights").astype(dtype)
    width = call.integer("n_targets", 1)
    forest = Forest(
        modes, splits.astype(dtype), np.array(call.integers("nodes_featureids"), np.int64), np.stack(ways, 1),
        np.array(missing, bool) if missing else np.zeros(count, bool), np.array(call.integers("tree_roots"), np.int64),
        np.arange(len(weights) + 1), np.array(call.integers("leaf_targetids"), np.int64), weights,
        _members(call, int((modes == MEMBER).sum()), external),
    )  # fmt: skip
    _check(forest, width)
    aggregate, kind = call.integer("aggregate_function", 1), call.integer("post_transform", 0)
    if not 0 <= aggregate < len(AGGREGATES) or not 0 <= kind < len(TRANSFORMS):
        raise ModelError(f"aggregate_function {aggregate} or post_transform {kind} is not known")
    call.without_effect("nodes_hitrates")
    scores = _aggregated(forest, converted(x, Type(dtype)), width, AGGREGATES[aggregate])
    return converted(transformed(scores, TRANSFORMS[kind]), x.element_type)


def _ways(ids: list[int], leaves: list[int], count: int) -> Array:
    if len(ids) != count or len(leaves) != count:
        raise ModelError(f"{len(ids)} branches and {len(leaves)} marks of leaves for {count} nodes")
    return np.where(np.array(leaves, bool), ~np.array(ids, np.int64), np.array(ids, np.int64))


def _members(call: Call, count: int, external: Any) -> tuple[Array, ...]:
    """The sets of values, which NaNs end."""
    found = call.tensor("membership_values", None)
    values = np.zeros(0) if found is None else constant(found, external).array.ravel()
    ends = np.nonzero(np.isnan(values))[0]
    parts = np.split(values, ends)
    sets = [part[~np.isnan(part)] for part in parts]
    if len(sets) == count + 1 and not len(sets[-1]):
        sets.pop()
    if not count and not len(values):
        return ()
    if len(sets) != count:
        raise ModelError(
            f"expected membership_values to hold {count} sets, one for each node of BRANCH_MEMBER, got {len(sets)}"
        )
    return tuple(sets)


def _check(forest: Forest, width: int) -> None:
    """Raises ModelError for indices that name nothing, and arrays that don't fit each other."""
    nodes, leaves = len(forest.modes), len(forest.offsets) - 1
    if {len(forest.thresholds), len(forest.features), len(forest.missing), len(forest.children)} != {nodes}:
        raise ModelError(f"the attributes nodes_* are not all of one length, {nodes}")
    if len(forest.targets) != len(forest.weights):
        raise ModelError(f"{len(forest.targets)} targets for {len(forest.weights)} weights of leaves")
    for codes in (forest.children, forest.roots):
        if ((codes < -leaves) | (codes >= nodes)).any():
            raise ModelError(f"a branch or root leads to none of {nodes} nodes and {leaves} leaves")
    if ((forest.targets < 0) | (forest.targets >= width)).any():
        raise ModelError(f"a leaf gives to a target that is not below {width}")
    if ((forest.modes < 0) | (forest.modes >= len(MODES))).any():
        raise ModelError("a node's mode is not known")
    if (forest.features < 0).any():
        raise ModelError("a node looks at a negative feature")


def _numbers(call: Call, kind: str) -> tuple[Output, np.dtype[Any]]:
    """The table, in the type that it is compared in."""
    x = table(call.input(0))
    wide = x.element_type is Type.f64 or any(
        call.tensor(f"{name}_as_tensor", None) is not None and call.tensor(f"{name}_as_tensor").data_type == 11
        for name in ("nodes_values", f"{kind}_weights", "base_values")
    )
    dtype = np.dtype(np.float64 if wide else np.float32)
    return converted(x, Type(dtype)), dtype


def _reals(call: Call, name: str, dtype: np.dtype[Any]) -> Array | None:
    """Floats, or a tensor of them; None when there are none."""
    found = call.tensor(f"{name}_as_tensor", None)
    if found is not None:
        array = constant(found, call.scope.library.external).array.ravel()
    else:
        array = np.array(call.decimals(name, []), np.float32)
    return array.astype(dtype) if len(array) else None


def _forest(call: Call, kind: str, dtype: np.dtype[Any], width: int) -> Forest:
    """The trees of a regressor (kind "target") or classifier ("class"), whose nodes have ids within their trees."""
    modes = call.texts("nodes_modes")
    if unknown := set(modes) - {*MODES[:MEMBER], "LEAF"}:
        raise ModelError(f"expected nodes_modes to hold LEAF, {', '.join(MODES[:MEMBER])}, got {sorted(unknown)}")
    count = len(modes)
    codes = {mode: code for code, mode in enumerate(MODES)} | {"LEAF": -1}
    mode = np.array([codes[name] for name in modes], np.int64)
    ids = {name: np.array(call.integers(f"nodes_{name}"), np.int64) for name in _NODE_IDS}
    if {len(array) for array in ids.values()} != {count}:
        raise ModelError(f"the attributes nodes_* are not all of one length, {count}")
    values = _reals(call, "nodes_values", dtype)
    missing = call.integers("nodes_missing_value_tracks_true", [])
    call.without_effect("nodes_hitrates", "nodes_hitrates_as_tensor")
    places = _Places(ids["treeids"], ids["nodeids"])
    branch, leaf = np.nonzero(mode >= 0)[0], np.nonzero(mode < 0)[0]
    code = np.empty(count, np.int64)  # of a node as a child
    code[branch], code[leaf] = np.arange(len(branch)), ~np.arange(len(leaf))
    ways = [places.of(ids["treeids"][branch], ids[name][branch]) for name in ("truenodeids", "falsenodeids")]
    offsets, targets, weights = _gifts(
        call, kind, places, code, len(leaf), dtype, single=kind == "target" and width == 1
    )
    forest = Forest(
        mode[branch], (np.zeros(count, dtype) if values is None else values)[branch], ids["featureids"][branch],
        code[np.stack(ways, 1)], (np.array(missing, bool) if missing else np.zeros(count, bool))[branch],
        code[_roots(ids["treeids"], ways)], offsets, targets, weights,
    )  # fmt: skip
    _check(forest, width)
    return forest


_NODE_IDS = ("treeids", "nodeids", "featureids", "truenodeids", "falsenodeids")


class _Places:
    """Index into the arrays, by a tree's id and a node's."""

    def __init__(self, trees: Array, nodes: Array) -> None:
        self._factor = int(nodes.max(initial=0)) + 1
        if (nodes < 0).any() or (trees < 0).any() or int(trees.max(initial=0)) >= 2**62 // self._factor:
            raise ModelError("nodes_treeids or nodes_nodeids holds a number that is negative or too large")
        keys = trees * self._factor + nodes
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        if (np.diff(self._keys) == 0).any():
            raise ModelError("two nodes of a tree have one id")

    def of(self, trees: Array, nodes: Array) -> Array:
        """Raises ModelError when there is no such node."""
        keys = np.where((nodes < 0) | (nodes >= self._factor), -1, trees * self._factor + nodes)
        at = np.searchsorted(self._keys, keys)
        found = (at < len(self._keys)) & (self._keys[np.minimum(at, max(0, len(self._keys) - 1))] == keys)
        if not found.all():
            first = int(np.nonzero(~found)[0][0])
            raise ModelError(f"tree {trees[first]} has no node {nodes[first]}")
        return self._order[at]


def _roots(trees: Array, ways: list[Array]) -> Array:
    """The first node of each tree, in the order in which trees come."""
    roots = np.sort(np.unique(trees, return_index=True)[1])
    inner = np.intersect1d(roots, np.concatenate(ways))
    if len(inner):
        raise ModelError(f"the first node of tree {trees[inner[0]]} is no root, but the child of a node")
    return roots


def _gifts(
    call: Call, kind: str, places: _Places, code: Array, leaves: int, dtype: np.dtype[Any], *, single: bool
) -> tuple[Array, Array, Array]:
    """(offsets, targets, weights) of the leaves, see TreeEnsemble. What is said of branches has no effect.

    single: a leaf has the first weight that is said of it, as in onnxruntime: skl2onnx says those of decision_leaf
    once for each class.
    """
    trees, nodes, targets = (
        np.array(call.integers(f"{kind}_{name}", []), np.int64) for name in ("treeids", "nodeids", "ids")
    )
    weights = _reals(call, f"{kind}_weights", dtype)
    weights = np.zeros(0, dtype) if weights is None else weights
    if {len(trees), len(nodes), len(targets)} != {len(weights)}:
        raise ModelError(f"the attributes {kind}_* are not all of one length, {len(weights)}")
    leaf = ~code[places.of(trees, nodes)]
    kept = np.nonzero(leaf >= 0)[0]
    order = kept[np.argsort(leaf[kept], kind="stable")]
    if single:
        order = order[np.unique(leaf[order], return_index=True)[1]]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(leaf[order], minlength=leaves))])
    return offsets, targets[order], weights[order]


OPERATORS: dict[str, Translation] = {
    "TreeEnsemble": ensemble,
    "TreeEnsembleClassifier": classifier,
    "TreeEnsembleRegressor": regressor,
}
