"""Trees as models describe them, brought to the form of the operator TreeEnsemble."""

from __future__ import annotations

import numpy as np

from .....errors import ModelError
from .....graph import Constant, Node, Output
from .....graph.operator import Array
from .....ops.trees import TreeEnsemble
from .....records import dataclass, replace

MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")
LEQ, LT, GTE, GT, EQ, NEQ, MEMBER = range(len(MODES))


@dataclass(frozen=True)
class Forest:
    """Trees of branches and leaves.

    modes: the place in MODES [nodes]; thresholds: f32 or f64 [nodes]; features: [nodes]; children: [nodes, 2], where a
    row goes for which the comparison holds and where else: a node's index, or ~i for leaf i; missing: bool [nodes],
    NaN counts as holding; roots: [trees], as children. offsets, targets, weights: what leaves give, see TreeEnsemble.
    members: the values of each node whose mode is BRANCH_MEMBER, in the nodes' order.
    """

    modes: Array
    thresholds: Array
    features: Array
    children: Array
    missing: Array
    roots: Array
    offsets: Array
    targets: Array
    weights: Array
    members: tuple[Array, ...] = ()

    def node(self, x: Output, width: int, aggregate: str) -> Node:
        """The trees applied to x, f32 or f64 as the thresholds are."""
        ordered = _in_order(self)
        thresholds, features, children, nan_first, roots = _as_at_most(ordered)
        integers = [array.astype(np.int32) for array in (features, children)]
        tails = [array.astype(np.int32) for array in (roots, self.offsets, self.targets)]
        arrays = [thresholds, *integers, nan_first, *tails, self.weights.astype(thresholds.dtype)]
        return Node(TreeEnsemble(width, aggregate), [x, *(Constant.of(array).output(0) for array in arrays)])


def _in_order(forest: Forest) -> Forest:
    """The nodes that roots lead to, tree by tree, each tree level by level.

    Raises ModelError where two ways lead to one node.
    """
    level = np.unique(forest.roots[forest.roots >= 0])
    owner = np.full(len(forest.modes), -1)
    owner[forest.roots[forest.roots >= 0]] = np.nonzero(forest.roots >= 0)[0]
    order, count = [level], len(level)
    while len(level):
        children = forest.children[level]
        inner = children >= 0
        owners = np.repeat(owner[level][:, None], 2, 1)[inner]
        level = children[inner]
        count += len(level)
        if count > len(forest.modes) or len(np.unique(level)) < len(level):
            raise ModelError("a node of a tree has two parents, or is its own")
        owner[level] = owners
        order.append(level)
    found = np.concatenate(order)
    found = found[np.argsort(owner[found], kind="stable")]
    place = np.full(len(forest.modes), -1)
    place[found] = np.arange(len(found))
    members = dict(zip(np.nonzero(forest.modes == MEMBER)[0].tolist(), forest.members, strict=True))
    return replace(
        forest,
        modes=forest.modes[found],
        thresholds=forest.thresholds[found],
        features=forest.features[found],
        missing=forest.missing[found],
        children=_renumbered(forest.children[found], place),
        roots=_renumbered(forest.roots, place),
        members=tuple(members[node] for node in found.tolist() if node in members),
    )


def _renumbered(children: Array, place: Array) -> Array:
    """Children whose node n is now called place[n]."""
    return np.where(children < 0, children, place[np.maximum(children, 0)] if len(place) else children)


def _below(values: Array) -> Array:
    """The greatest number less than each, NaN where there is none: x < v is x <= _below(v)."""
    return np.where(values == -np.inf, np.nan, np.nextafter(values, -np.inf)).astype(values.dtype)


def _as_at_most(forest: Forest) -> tuple[Array, Array, Array, Array, Array]:
    """(thresholds, features, children, nan_first, roots) of the same trees whose nodes all ask for "at most".

    x == t asks x <= t, and then whether x is below t; membership asks so for one member after the other.
    """
    modes = np.where(np.isnan(forest.thresholds) & (forest.modes < NEQ), LEQ, forest.modes)
    members = iter(forest.members)
    sets = {int(node): np.unique(next(members)) for node in np.nonzero(modes == MEMBER)[0]}
    counts = np.where((modes == EQ) | (modes == NEQ), 2, 1)
    for node, values in sets.items():
        counts[node] = max(1, 2 * len(values))
    place = np.cumsum(counts) - counts
    total = int(counts.sum())
    thresholds = np.full(total, np.nan, forest.thresholds.dtype)
    nan_first = np.zeros(total, bool)
    children = np.zeros((total, 2), np.int64)
    targets = _renumbered(forest.children, place)
    swapped = (modes == GTE) | (modes == GT) | (modes == NEQ)
    holds, fails = np.where(swapped[:, None], targets[:, ::-1], targets).T
    strict = (modes == LT) | (modes == GTE)
    thresholds[place] = np.where(strict, _below(forest.thresholds), forest.thresholds)
    nan_first[place] = np.where(modes == NEQ, False, forest.missing ^ ((modes == GTE) | (modes == GT)))
    children[place] = np.stack([holds, fails], 1)
    equal = np.nonzero(counts == 2)[0]
    equal = equal[modes[equal] != MEMBER]
    thresholds[place[equal] + 1] = _below(forest.thresholds[equal])
    children[place[equal], 0] = place[equal] + 1
    children[place[equal] + 1] = np.stack([fails[equal], holds[equal]], 1)
    for node, values in sets.items():
        at = int(place[node])
        span = slice(at, at + int(counts[node]))
        thresholds[span], children[span] = _search(values.astype(thresholds.dtype), holds[node], fails[node], at)
    return thresholds, np.repeat(forest.features, counts), children, nan_first, _renumbered(forest.roots, place)


def _search(values: Array, holds: int, fails: int, at: int) -> tuple[Array, Array]:
    """(thresholds, children) of nodes from index `at` on that look for x among sorted values."""
    if not len(values):
        return np.array([np.nan], values.dtype), np.array([[fails, fails]])
    thresholds: list[float] = []
    children: list[list[int]] = []

    def look(begin: int, end: int) -> int:
        """Adds the nodes for values[begin:end]; returns the first, which a row reaches that none before holds."""
        if begin == end:
            return fails
        middle, first = (begin + end) // 2, len(thresholds)
        thresholds.extend([values[middle], _below(values[middle : middle + 1])[0]])
        children.extend([[at + first + 1, fails], [fails, holds]])
        children[first + 1][0] = look(begin, middle)
        children[first][1] = look(middle + 1, end)
        return at + first

    look(0, len(values))
    return np.array(thresholds, values.dtype), np.array(children)
