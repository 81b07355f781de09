"""Outputs of ai.onnx.ml's classifiers and regressors: post transforms, labels, the second of two classes."""

from __future__ import annotations

import numpy as np

from .....errors import ModelError
from .....graph import Constant, Output
from .....types import Type
from ...build import converted, ints, of_type, one, ops, rank_or_none, reshaped, typed
from ...call import Call

TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")
_NEARLY_ZERO = 1e-7


def table(x: Output) -> Output:
    """x as a table: a tensor of one dimension is one row, also where that is known late."""
    if rank_or_none(x) is None:
        return one(ops.broadcast(x, ints([1, 1]), broadcast_spec="BIDIRECTIONAL"))
    return reshaped(x, [1, -1]) if rank_or_none(x) == 1 else x


def post_transform(call: Call) -> str:
    return call.one_of("post_transform", TRANSFORMS, "NONE")


def transformed(scores: Output, kind: str) -> Output:
    """Scores [rows, classes] after a post transform."""
    if kind == "LOGISTIC":
        return one(ops.sigmoid(scores))
    if kind == "SOFTMAX":
        return one(ops.softmax(scores, 1))
    if kind == "SOFTMAX_ZERO":
        return _softmax_zero(scores)
    return _probit(scores) if kind == "PROBIT" else scores


def _softmax_zero(scores: Output) -> Output:
    """exp(s - max) over the sum of these; scores of zero are left out of the sum and are zero."""
    most = ops.reduce_max(scores, ints([1]), True)
    some = ops.greater(ops.abs(scores), typed(_NEARLY_ZERO, scores))
    powers = ops.select(some, ops.exp(ops.subtract(scores, most)), typed(0, scores))
    small = ops.multiply(scores, ops.exp(ops.negative(most)))
    return one(ops.divide(ops.select(some, powers, small), ops.reduce_sum(powers, ints([1]), True)))


def _probit(scores: Output) -> Output:
    """sqrt(2) * erfinv(2 s - 1), by Winitzki's approximation with a = 0.147."""
    shifted = ops.subtract(ops.multiply(scores, typed(2, scores)), typed(1, scores))
    one_ = typed(1, scores)
    logarithm = ops.log(ops.multiply(ops.subtract(one_, shifted), ops.add(one_, shifted)))
    half = ops.add(ops.multiply(logarithm, typed(0.5, scores)), typed(2 / (3.14159 * 0.147), scores))
    inner = ops.subtract(ops.multiply(half, half), ops.multiply(logarithm, typed(1 / 0.147, scores)))
    size = ops.sqrt(ops.subtract(ops.sqrt(inner), half))
    signed = ops.select(ops.less(shifted, typed(0, scores)), ops.negative(size), size)
    return one(ops.multiply(signed, typed(1.41421356, scores)))


def labels(call: Call, strings: str, integers: str) -> tuple[Output, int]:
    """(the class labels as a constant, how many there are)."""
    texts, numbers = call.texts(strings, []), call.integers(integers, [])
    if bool(texts) == bool(numbers):
        raise ModelError(f"either {strings} or {integers} names the classes")
    if texts:
        return Constant.of(np.array(texts, object), Type.string).output(0), len(texts)
    return ints(numbers), len(numbers)


def chosen(names: Output, index: Output) -> Output:
    """The labels at an index for each row, [rows]."""
    return one(ops.gather(names, index, ints(0)))


def first_largest(scores: Output) -> Output:
    """The index of the first largest score of each row, [rows]."""
    return one(ops.squeeze(ops.topk(scores, ints(1), 1, "max", "value", "i64", True).output(1), ints([1])))


def above(score: Output, limit: float) -> Output:
    """For a column of scores [rows, 1]: 1 where a score is above the limit, else 0, as i64 [rows]."""
    return converted(one(ops.squeeze(ops.greater(score, typed(limit, score)), ints([1]))), Type.i64)


def beside(first: Output, second: Output) -> Output:
    """Two columns as one table."""
    return one(ops.concat([first, second], 1))


def negated(score: Output) -> Output:
    return one(ops.negative(score))


def complement(score: Output) -> Output:
    return one(ops.subtract(typed(1, score), score))


def both(score: Output, kind: str) -> Output:
    """Scores of two classes from that of the second, where it may be of either sign."""
    pair = beside(negated(score), score)
    return transformed(pair, kind) if kind == "LOGISTIC" else pair


def row(values: list[float], like: Output) -> Output:
    """A constant that is added to each row of scores."""
    return of_type(np.array(values).reshape(1, -1), like.element_type)
