"""Support vector machines: their kernels and decisions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import Argument, Operator, TensorType
from ..graph.operator import Array
from ..records import dataclass
from ..types import Dimension, PartialShape, Type
from .axes import require, require_rank

_ROUNDS = 100  # that libsvm takes at the most
_TOLERANCE = 0.005


@dataclass(frozen=True)
class SquaredDistance(Operator):
    """[rows, points] of f32: the squares of the distances between x [rows, F] and points [points, F]."""

    type = "SquaredDistance"
    opset = "ai.onnx.ml"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        x, points = inputs
        for argument, what in ((x, "x"), (points, "points")):
            require_rank(argument, 2, what)
            require(
                argument.element_type in (Type.f32, Type.dynamic),
                f"expected {what} to be f32, got {argument.element_type.name}",
            )
        if x.shape.has_rank and points.shape.has_rank:
            fitting = x.shape[1].compatible(points.shape[1])
            require(fitting, f"rows of x {x.shape} and of points {points.shape} are not of one length")
        counts = [argument.shape[0] if argument.shape.has_rank else Dimension() for argument in (x, points)]
        return [TensorType(Type.f32, PartialShape(counts))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        x, points = inputs
        sums = np.zeros((len(x), len(points)), np.float32)
        for k in range(x.shape[1]):
            apart = x[:, k, None] - points[None, :, k]
            sums += apart * apart
        return [sums]


@dataclass(frozen=True)
class PairwiseCoupling(Operator):
    """Probabilities of classes [rows, classes] from those of pairs [rows, classes * (classes - 1) / 2].

    A pair (0, 1), (0, 2), ..., (1, 2), ... has the probability of its first class. The method is the second of Wu, Lin
    and Weng, "Probability estimates for multi-class classification by pairwise coupling" (2004), as in libsvm: p
    minimizes p Q p with Q[i, i] the sum of r[j, i]^2 and Q[i, j] = -r[j, i] r[i, j], coordinate after coordinate, until
    no gradient differs by 0.005 / classes from p Q p, in f32.
    """

    classes: int

    type = "PairwiseCoupling"
    opset = "ai.onnx.ml"

    def infer(self, inputs: Sequence[Argument]) -> Sequence[TensorType]:
        (pairs,) = inputs
        require_rank(pairs, 2, "pairs")
        rows = pairs.shape[0] if pairs.shape.has_rank else Dimension()
        return [TensorType(Type.f32, PartialShape([rows, self.classes]))]

    def evaluate(self, *inputs: Array) -> Sequence[Array]:
        (pairs,) = inputs
        count = self.classes
        first, second = np.triu_indices(count, 1)
        r = np.zeros((len(pairs), count, count), np.float32)
        r[:, first, second] = pairs
        r[:, second, first] = 1 - pairs
        turned = r.transpose(0, 2, 1)
        q = -turned * r
        diagonal = np.arange(count)
        q[:, diagonal, diagonal] = (r * r).sum(1)
        p = np.full((len(pairs), count), 1 / count, np.float32)
        going = np.arange(len(pairs))
        for _ in range(_ROUNDS):
            gradient = (q[going] @ p[going, :, None])[:, :, 0]
            value = (p[going] * gradient).sum(1)
            still = np.abs(gradient - value[:, None]).max(1, initial=0) >= _TOLERANCE / count
            going = going[still]
            if not len(going):
                break
            p[going] = _round(q[going], p[going], gradient[still], value[still])
        return [p]


def _round(q: Array, p: Array, gradient: Array, value: Array) -> Array:
    """p after a step along each coordinate; gradient is Q p, value p Q p."""
    for i in range(p.shape[1]):
        own = q[:, i, i]
        step = (value - gradient[:, i]) / own
        p[:, i] += step
        value = (value + step * (step * own + 2 * gradient[:, i])) / (1 + step) / (1 + step)
        gradient = (gradient + step[:, None] * q[:, i]) / (1 + step)[:, None]
        p = p / (1 + step)[:, None]
    return p
