"""Ensembles of decision trees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import ModelError
from ..graph import Argument, Operator, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape, Type
from .axes import merged_type, one_of, require, require_rank

AGGREGATES = ("sum", "min", "max")
_INPUTS = ("x", "thresholds", "features", "children", "nan_first", "roots", "offsets", "targets", "weights")


@dataclass(frozen=True)
class TreeEnsemble(Operator):
    """Sums of the leaves in which the rows of a table end, and whether any leaf gave something.

    x [rows, features], thresholds [nodes] and weights [weights] are f32 or f64, features, children [nodes, 2], roots
    [trees], offsets [leaves + 1] and targets [weights] i32, nan_first [nodes] boolean.

    A row begins at each tree's root. From node n it goes on to children[n, 0] where x[row, features[n]] is at most the
    threshold, or is NaN and nan_first[n]; else to children[n, 1]. A child is the index of a later node, or ~i for leaf
    i, which gives weights[k] to targets[k] for k in offsets[i] .. offsets[i + 1] - 1. `aggregate` makes one of what a
    target is given; sums go tree by tree. Outputs are the scores [rows, width] and booleans of that shape: where
    nothing was given, the score is 0 and the boolean False.
    """

    width: int
    aggregate: str = "sum"

    type = "TreeEnsemble"
    opset = "ai.onnx.ml"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        require(len(inputs) == len(_INPUTS), f"the inputs are {', '.join(_INPUTS)}; there are {len(inputs)}")
        one_of(self.aggregate, AGGREGATES, "aggregate")
        require(self.width >= 0, f"expected width to be 0 or more, got {self.width}")
        given = dict(zip(_INPUTS, inputs, strict=True))
        real = merged_type([given[name] for name in ("x", "thresholds", "weights")], "x, thresholds and weights")
        require(real in (Type.f32, Type.f64, Type.dynamic), f"expected x to be f32 or f64, got {real.name}")
        for name in ("features", "children", "roots", "offsets", "targets"):
            found = given[name].element_type
            require(found in (Type.i32, Type.dynamic), f"expected {name} to be i32, got {found.name}")
            require_rank(given[name], 2 if name == "children" else 1, name)
        require_rank(given["x"], 2, "x")
        self._check_features(given["x"], given["features"])
        rows = given["x"].shape[0] if given["x"].shape.has_rank else Dimension()
        shape = PartialShape([rows, Dimension(self.width)])
        return [TensorType(real, shape), TensorType(Type.boolean, shape)]

    def _check_features(self, x: Argument, features: Argument) -> None:
        if features.value is None or not features.value.size or not x.shape.has_rank or not x.shape[1].is_static:
            return
        wanted = int(features.value.max()) + 1
        columns = x.shape[1].get_length()
        require(columns >= wanted, f"the trees look at {wanted} features; x is {x.shape}")

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        x, thresholds, features, children, nan_first, roots, offsets, targets, weights = inputs
        ends = _leaves(x, thresholds, features, children, nan_first, roots)
        scores = np.zeros((len(x), self.width), x.dtype)
        reached = np.zeros(scores.shape, bool)
        for leaves in ends:  # of one tree
            counts = offsets[leaves + 1] - offsets[leaves]
            for k in range(int(counts.max(initial=0))):
                rows = np.nonzero(counts > k)[0]
                places = offsets[leaves[rows]] + k
                self._give(scores, reached, rows, targets[places], weights[places])
        return [scores, reached]

    def _give(self, scores: Array, reached: Array, rows: Array, targets: Array, weights: Array) -> None:
        held = scores[rows, targets]
        if self.aggregate == "sum":
            given = held + weights
        else:
            better = weights < held if self.aggregate == "min" else weights > held
            given = np.where(~reached[rows, targets] | better, weights, held)
        scores[rows, targets] = given
        reached[rows, targets] = True


def _leaves(x: Array, thresholds: Array, features: Array, children: Array, nan_first: Array, roots: Array) -> Array:
    """The leaf in which each row ends, [trees, rows]."""
    at = np.repeat(roots[:, None], len(x), 1)
    for _ in range(len(thresholds) + 1):
        trees, rows = np.nonzero(at >= 0)
        if not len(rows):
            return ~at
        node = at[trees, rows]
        value = x[rows, features[node]]
        first = (value <= thresholds[node]) | (np.isnan(value) & nan_first[node].astype(bool))
        at[trees, rows] = children[node, np.where(first, 0, 1)]
    raise ModelError("the nodes of a tree lead round in a circle")
