"""SVMClassifier and SVMRegressor: with support vectors as libsvm has them, or linear."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from .....errors import ModelError
from .....graph import Node, Output
from .....graph.operator import Array
from .....ops.svm import PairwiseCoupling, SquaredDistance
from .....types import Type
from ...build import converted, of_type, one, ops, typed
from ...call import Call, Translated, Translation
from .scores import (
    beside,
    both,
    chosen,
    complement,
    first_largest,
    labels,
    negated,
    post_transform,
    row,
    table,
    transformed,
)

KERNELS = ("LINEAR", "POLY", "RBF", "SIGMOID")
_CERTAIN = 1e-7


def classifier(call: Call) -> Translated:
    names, count = labels(call, "classlabels_strings", "classlabels_ints")
    kind, per_class = post_transform(call), call.integers("vectors_per_class", [])
    x = converted(table(call.input(0)), Type.f32)
    coefficients = np.array(call.decimals("coefficients"), np.float32)
    rho = call.decimals("rho")
    if not sum(per_class):
        scores = _linear(call, x, coefficients, count, rho)
        return [chosen(names, first_largest(scores)), transformed(scores, kind)]
    if len(per_class) != count:
        raise ModelError(f"expected a number in vectors_per_class for each of {count} classes, got {len(per_class)}")
    kernel = _kernel(call, x, np.array(call.decimals("support_vectors"), np.float32), sum(per_class))
    weights = _pair_weights(coefficients, per_class)
    if len(rho) < weights.shape[1]:
        raise ModelError(f"expected a number in rho for each of {weights.shape[1]} pairs of classes, got {len(rho)}")
    product = ops.matmul(kernel, of_type(weights, Type.f32), False, False)
    pairs = one(ops.add(product, of_type(np.array([rho[: weights.shape[1]]]), Type.f32)))
    index = first_largest(_votes(pairs, count))
    return [chosen(names, index), _pair_scores(call, pairs, count, kind)]


def _linear(call: Call, x: Output, coefficients: Array, width: int, rho: list[float]) -> Output:
    """Without support vectors: a row of coefficients a class, one rho for all."""
    if call.text("kernel_type", "LINEAR") != "LINEAR":
        raise ModelError("kernels other than LINEAR need support vectors, of which there are none")
    call.without_effect("kernel_params", "support_vectors", "prob_a", "prob_b")
    if len(coefficients) % width or not rho:
        raise ModelError(f"{len(coefficients)} coefficients and {len(rho)} numbers in rho for {width} classes")
    weights = of_type(coefficients.reshape(width, -1), Type.f32)
    return one(ops.add(ops.matmul(x, weights, False, True), typed(rho[0], x)))


def _kernel(call: Call, x: Output, vectors: Array, count: int) -> Output:
    """The kernel of each row of x and each support vector, [rows, vectors]."""
    kind = call.text("kernel_type", "LINEAR")
    if kind not in KERNELS or not count or len(vectors) % count:
        raise ModelError(f"kernel {kind!r} with {len(vectors)} numbers for {count} support vectors")
    gamma, shift, degree = [*call.decimals("kernel_params", []), 0.0, 0.0, 0.0][:3]
    points = of_type(vectors.reshape(count, -1), Type.f32)
    if kind == "RBF":
        distances = one(Node(SquaredDistance(), [x, points]))
        return one(ops.exp(ops.multiply(distances, typed(-gamma, x))))
    product = one(ops.matmul(x, points, False, True))
    if kind == "LINEAR":
        return product
    inner = one(ops.add(ops.multiply(product, typed(gamma, x)), typed(shift, x)))
    return one(ops.power(inner, typed(degree, x)) if kind == "POLY" else ops.tanh(inner))


def _pair_weights(coefficients: Array, per_class: list[int]) -> Array:
    """Weights of the support vectors in the decision of each pair of classes, [vectors, pairs].

    coefficients: [classes - 1, vectors]; those of class i against j > i are in row j - 1, of j against i in row i.
    """
    total, count = sum(per_class), len(per_class)
    if len(coefficients) != total * (count - 1):
        raise ModelError(f"{len(coefficients)} coefficients for {total} support vectors of {count} classes")
    rows = coefficients.reshape(count - 1, total) if count > 1 else coefficients.reshape(0, total)
    ends = np.cumsum([0, *per_class])
    weights = np.zeros((total, count * (count - 1) // 2), np.float32)
    for pair, (i, j) in enumerate(combinations(range(count), 2)):
        first, second = slice(ends[i], ends[i + 1]), slice(ends[j], ends[j + 1])
        weights[first, pair], weights[second, pair] = rows[j - 1, first], rows[i, second]
    return weights


def _votes(pairs: Output, count: int) -> Output:
    """How many pairs decide for each class, [rows, classes]."""
    first = np.zeros((count * (count - 1) // 2, count), np.float32)
    second = np.zeros_like(first)
    for pair, (i, j) in enumerate(combinations(range(count), 2)):
        first[pair, i] = second[pair, j] = 1
    wins = converted(one(ops.greater(pairs, typed(0, pairs))), Type.f32)
    for_first = ops.matmul(wins, of_type(first, Type.f32), False, False)
    return one(ops.add(for_first, ops.matmul(complement(wins), of_type(second, Type.f32), False, False)))


def _pair_scores(call: Call, pairs: Output, count: int, kind: str) -> Output:
    a, b = call.decimals("prob_a", []), call.decimals("prob_b", [])
    if a or b:
        if not len(a) == len(b) == count * (count - 1) // 2:
            raise ModelError(f"prob_a and prob_b have {len(a)} and {len(b)} numbers for {count} classes")
        inner = ops.add(ops.multiply(pairs, row(a, pairs)), row(b, pairs))
        likely = ops.clamp(ops.sigmoid(ops.negative(inner)), _CERTAIN, 1 - _CERTAIN)
        return transformed(one(Node(PairwiseCoupling(count), [one(likely)])), kind)
    if count > 2:
        return transformed(pairs, kind)
    if kind == "LOGISTIC":
        return both(pairs, kind)
    if kind == "PROBIT":
        return transformed(beside(complement(pairs), pairs), kind)
    return beside(negated(pairs) if kind == "NONE" else complement(pairs), pairs)


def regressor(call: Call) -> Translated:
    x = converted(table(call.input(0)), Type.f32)
    count = call.integer("n_supports", 0)
    coefficients = np.array(call.decimals("coefficients"), np.float32)
    rho = call.decimals("rho")
    if count:
        kernel = _kernel(call, x, np.array(call.decimals("support_vectors"), np.float32), count)
        score = _linear_of(kernel, coefficients, rho)
    else:
        score = _linear(call, x, coefficients, 1, rho)
    if call.flag("one_class"):
        inside = ops.greater(score, typed(0, score))
        return one(ops.select(inside, typed(1, score), typed(-1, score)))
    kind = post_transform(call)
    return transformed(score, kind) if kind in ("PROBIT", "LOGISTIC") else score


def _linear_of(kernel: Output, coefficients: Array, rho: list[float]) -> Output:
    if not rho:
        raise ModelError("rho is empty")
    column = of_type(coefficients.reshape(-1, 1), Type.f32)
    return one(ops.add(ops.matmul(kernel, column, False, False), typed(rho[0], kernel)))


OPERATORS: dict[str, Translation] = {"SVMClassifier": classifier, "SVMRegressor": regressor}
